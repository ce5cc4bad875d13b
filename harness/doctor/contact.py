"""The first requests, all without a key: does HTTP come back, from the endpoint itself, and at this path?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from harness.doctor import pages, paths
from harness.doctor.diagnosis import UNTESTED, Step, ok, wrong
from harness.doctor.visit import Answer, Visit, complete
from harness.model import Ending, Endpoint, Reply, Request, Silence, Unanswered
from harness.reading import brief, get, parse, text
from harness.wire import reach

_ENDINGS: Final = {
    Ending.CUT: "breaks off in the middle",
    Ending.TIMED_OUT: "does not come to its end",
    Ending.TOO_LARGE: "is far too long for what was asked",
}
_BEHIND: Final = (502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 530)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a base URL answered to the two questions that every endpoint knows."""

    base_url: str
    models: Answer
    chat: Answer

    @property
    def replies(self) -> tuple[Reply, ...]:
        """Those that came."""
        return tuple(one for one in (self.chat, self.models) if isinstance(one, Reply))

    @property
    def speaks(self) -> bool:
        """Is the operation that answers there?"""
        return isinstance(self.chat, Reply) and complete(self.chat) and pages.exists(self.chat)


async def look(visit: Visit, endpoint: Endpoint) -> Seen:
    """Asks both, at once."""
    models, chat = await asyncio.gather(visit.ask_models(endpoint), visit.ask_chat(endpoint))
    return Seen(base_url=endpoint.base_url, models=models, chat=chat)


async def http(visit: Visit, seen: Seen) -> Step:
    """Does HTTP come back, and no redirect or failure of the server's?"""
    url = visit.url()
    if not seen.replies:
        return await _silence(visit, seen)
    if seen.speaks:
        assert isinstance(seen.chat, Reply)
        return ok(f"answers: {visit.chat} {pages.shown(seen.chat)}", *_server(seen.chat))
    for reply in seen.replies:
        if pages.wants_tls(reply):
            return wrong("this port speaks TLS", f"write https{url.removeprefix('http')}", exit_code=UNTESTED)
    redirect = next((reply for reply in seen.replies if pages.is_redirect(reply)), None)
    if redirect is not None:
        return redirected(visit, redirect, visit.chat if redirect is seen.chat else "/models")
    unfinished = next((reply for reply in seen.replies if not complete(reply)), None)
    if unfinished is not None:
        said = f"an answer {_ENDINGS.get(unfinished.ended, 'does not end')}: {pages.shown(unfinished)}"
        do = "check that an API's server is at this address, and look at its log"
        return wrong(said, do, f"{len(unfinished.content)} bytes were read", exit_code=UNTESTED)
    broken = next((reply for reply in seen.replies if reply.status >= 500 and reply.status != 501), None)
    if broken is not None:
        return failed(broken)
    return ok(f"answers: {visit.chat} {pages.shown(seen.replies[0])}", *_server(seen.replies[0]))


async def between(visit: Visit, seen: Seen) -> Step:
    """Is it the endpoint that answers, and not a CDN, a firewall or a login in its place?"""
    if seen.speaks:
        return ok("what answers is no web page")
    for reply in seen.replies:
        found = pages.gateway(reply)
        if found is not None:
            return wrong(f"{found.name} answers in the endpoint's place: {pages.shown(reply)}", found.do)
    return ok("nobody that is known to stand between")


async def path(visit: Visit, seen: Seen) -> Step:
    """Is the API at this path? If not, where it is."""
    given = visit.endpoint.base_url
    if seen.speaks:
        if isinstance(seen.chat, Reply) and pages.refuses_key(seen.chat):
            return ok(f"{given}{visit.chat} asks for a key first; with it, the path is looked at again")
        return ok(f"{given} has {visit.chat}")
    home = await visit.ask(
        replace(visit.keyless(), base_url=paths.origin(visit.url()), query={}), Request(method="GET", path="/")
    )
    right = await _elsewhere(visit, visit.keyless())
    program = pages.product(home) if isinstance(home, Reply) else None
    evidence = [f"{visit.chat} {pages.shown(one)}" for one in [seen.chat] if isinstance(one, Reply)]
    if isinstance(seen.models, Reply):
        evidence.append(f"/models {pages.shown(seen.models)}")
    if program is not None:
        evidence.append(f"the start page is {program.name}'s{f', {program.note}' if program.note else ''}")
    if right is not None:
        return moved(visit, right.base_url, *evidence)
    if isinstance(seen.models, Reply) and pages.lists_models(seen.models):
        do = f"switch on {visit.chat} in the server, or start it with a model that chats (not one for embeddings)"
        return wrong(f"lists models, and has no {visit.chat}", do, *evidence)
    if program is not None:
        at = paths.origin(given) + program.path if program.path is not None else None
        do = f"its API is at {at}{f', {program.note}' if program.note else ''}" if at else program.note
        return wrong(f"this is {program.name}, and the API is not at this path", do, *evidence)
    pages_there = [one for one in seen.replies if pages.is_page(one) and one.status < 400]
    if pages_there:
        do = "give the URL of the API, not of its web page; its documentation names it, and often it ends with /v1"
        return wrong(f"a web page answers: {pages.shown(pages_there[0])}", do, *evidence)
    tried = ", ".join(urlsplit(url).path or "/" for url in paths.others(visit.url()))
    do = "take the base URL from the server's documentation: what comes before /chat/completions"
    return wrong("nothing there speaks this API", do, *evidence, f"tried as well: {tried}")


async def elsewhere(visit: Visit) -> str | None:
    """Where else the API is, asked with the key: for servers that look at the key before the path."""
    found = await _elsewhere(visit, visit.endpoint)
    return found.base_url if found else None


def moved(visit: Visit, right: str, *evidence: str) -> Step:
    """The base URL is another one of the same host."""
    given = visit.endpoint.base_url
    said = f"{paths.difference(given, right)}: the API is at {right}"
    if visit.adopt:
        title = right if visit.endpoint.title == given else visit.endpoint.title
        visit.endpoint = replace(visit.endpoint, base_url=right, title=title)
        visit.sources["base_url"] = f"found: {visit.chat} answers there"
        return ok(said, *evidence)
    return wrong(said, f"use {right}", *evidence)


# ---------------------------------------------------------------- what is wrong


async def _silence(visit: Visit, seen: Seen) -> Step:
    assert isinstance(seen.chat, Unanswered)
    said = visit.safe(seen.chat.message).partition(": ")[2] or seen.chat.message
    url = visit.url()
    if seen.chat.silence is Silence.TIMED_OUT:
        do = "look at the server's log: it takes connections and does not answer (still starting, stuck, or no HTTP server)"
        return wrong(f"no reply: connected, and nothing came within {visit.limits.first_byte_s:g} s", do, exit_code=UNTESTED)
    if url.startswith("http:") and not visit.proxy:
        host, port = reach.host_and_port(url)
        if await reach.speaks_tls(host, visit.numbers[0], port, visit.patience_s):
            return wrong("this port speaks TLS", f"write https{url.removeprefix('http')}", exit_code=UNTESTED)
    what, _, do = said.rpartition("; ")
    return wrong(what or said, do or "look at the server's log", exit_code=UNTESTED)


def redirected(visit: Visit, reply: Reply, operation: str) -> Step:
    """A redirect is told and not followed: a key would go along, and clients lose the body of a POST."""
    asked = f"{visit.url()}{operation}"
    to = pages.whither(reply, asked)
    shown = brief(to, 200)[1:-1]
    said = f"a redirect ({reply.status}) to {shown or 'nowhere'}, not followed"
    here, there = urlsplit(asked), urlsplit(to)
    right = to.removesuffix("/").removesuffix(operation)
    if not to:
        return wrong(said, "look at the server: it gives no place to go to")
    if pages.to_login(to):
        do = "a login is in front, and programs cannot log in: use the API's own address, or let this path through"
    elif to.rstrip("/") == asked:
        do = f"let the server take {operation} without a slash at its end: clients send it so"
    elif there.hostname != here.hostname:
        other = brief(there.hostname or "", 100)[1:-1]
        do = f"if you trust {other}, use {brief(right, 200)[1:-1]}; no key is sent to another host from here"
    else:
        do = f"use {brief(right, 200)[1:-1]}"
    return wrong(said, do)


def failed(reply: Reply) -> Step:
    """What a status of 500 and more says."""
    said = pages.message(reply)
    if "loading" in said.lower():
        return wrong(f"the server is not ready: {pages.shown(reply)}", "wait until it has loaded its model, and try again")
    if reply.status in _BEHIND:
        do = "start the server behind it, and check that the proxy has its right address and port"
        return wrong(f"a proxy answers, and the server behind it does not: {pages.shown(reply)}", do)
    return wrong(f"the server fails: {pages.shown(reply)}", "look at the server's log")


async def _elsewhere(visit: Visit, endpoint: Endpoint) -> Seen | None:
    """The first other base URL of this host at which the API is."""
    given = visit.url()
    candidates = [*(await _said_by_itself(visit)), *paths.others(given)]
    looked = await asyncio.gather(
        *(look(visit, replace(endpoint, base_url=url)) for url in dict.fromkeys(candidates) if url != given)
    )
    return next((seen for seen in looked if seen.speaks), None)


async def _said_by_itself(visit: Visit) -> list[str]:
    """Where /.well-known/serviceinfo (TabbyAPI, KoboldCpp) says that the API is; only its path counts, never another host."""
    home = paths.origin(visit.url())
    reply = await visit.ask(
        replace(visit.keyless(), base_url=home, query={}), Request(method="GET", path="/.well-known/serviceinfo")
    )
    document = parse(reply.content) if isinstance(reply, Reply) and reply.status == 200 else None
    api = get(document, "api", "openai")
    said = text(get(api, "rel_url")) or text(get(api, "base_url"))
    try:
        named = urlsplit(said).path.rstrip("/")
    except ValueError:
        return []
    return [f"{home}{named}"] if named.startswith("/") and named.isascii() and named.isprintable() and " " not in named else []


def _server(reply: Reply) -> tuple[str, ...]:
    said = reply.header("server")
    return (f"server: {brief(said, 60)[1:-1]}",) if said else ()
