"""The step of authentication: the key as it is given, none, one that nobody made, and what clients send for none."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Final

from harness.doctor import contact, pages
from harness.doctor.contact import Seen
from harness.doctor.diagnosis import UNTESTED, Step, ok, wrong
from harness.doctor.visit import VARIABLE, Visit
from harness.model import Endpoint, Reply

_BEARER: Final = re.compile(r"Bearer (\$\{[A-Za-z_][A-Za-z0-9_]*\})")
_OTHER_HEADERS: Final = ("x-api-key", "api-key")
_FOR_NONE: Final = (("`Bearer `, which clients send for an empty key", "Bearer"), ("`Bearer undefined`", "Bearer undefined"))


async def authentication(visit: Visit, seen: Seen) -> Step:
    """Is the key taken? `seen` is what was answered without one."""
    missing = visit.missing()
    if missing:
        names = " and ".join(missing)
        without = f"without a key: {_in_words(_refusal(seen))}"
        return wrong(f"{names} is not set", f"export {missing[0]}=…, and try again", without, exit_code=UNTESTED)
    if not visit.has_key():
        visit.listing = seen.models
        refusal = _refusal(seen)
        if refusal is None:
            return ok("no key is needed", *await _others(visit, seen))
        header = pages.other_header(refusal)
        how = f"--header '{header}: ${{NAME}}'" if header else "--key-env NAME"
        do = f"export NAME=… (the key; any name will do), and add {how}"
        return wrong(f"asks for a key: {pages.shown(refusal)}", do, *await _others(visit, seen), exit_code=UNTESTED)
    mine = await contact.look(visit, visit.endpoint)
    visit.listing = mine.models
    if isinstance(mine.chat, Reply) and pages.is_redirect(mine.chat):
        return contact.redirected(visit, mine.chat, visit.chat)
    refusal = _refusal(mine)
    if refusal is None and isinstance(mine.chat, Reply) and not mine.speaks:
        return await _hidden(visit, mine.chat)
    evidence = await _others(visit, seen)
    if refusal is None:
        taken = any(": refused" in one for one in evidence)
        return ok(f"{_named(visit)} {'is taken' if taken else 'is not refused, nor is any other: nobody is kept out'}", *evidence)
    shown = pages.shown(refusal)
    if _refusal(seen) is None:
        do = "check the key, or leave it out (--key-env, or the profile's header)"
        return wrong(f"{_named(visit)} is refused, and none is needed: {shown}", do, *evidence, exit_code=UNTESTED)
    header = await _other_header(visit)
    if header is not None:
        return await _in_another(visit, header, f"as it is: {shown}", *evidence)
    do = f"check {_named(visit)}: is it this endpoint's, whole, still valid, and allowed to do this?"
    return wrong(f"{_named(visit)} is refused: {shown}", do, *evidence, exit_code=UNTESTED)


async def _hidden(visit: Visit, reply: Reply) -> Step:
    """The key opens the door to an empty room: the server looks at it before it looks at the path."""
    shown = f"with the key, {visit.chat} {pages.shown(reply)}"
    right = await contact.elsewhere(visit)
    if right is None:
        do = "take the base URL from the server's documentation: what comes before /chat/completions"
        return wrong(f"the key is taken, and there is nothing at this path: {pages.shown(reply)}", do)
    step = contact.moved(visit, right, shown)
    visit.listing = await visit.ask_models(visit.endpoint)
    return step


async def _in_another(visit: Visit, header: str, *evidence: str) -> Step:
    """The key belongs in another header."""
    said = f"the key is taken in the header {header}, and not as `authorization: Bearer`"
    value = _BEARER.sub(r"\1", visit.endpoint.headers["authorization"])
    if not visit.adopt:
        do = f"leave --key-env out, and add --header '{header}: {value}'"
        return wrong(said, do, *evidence, exit_code=UNTESTED)
    others = {name: held for name, held in visit.endpoint.headers.items() if name != "authorization"}
    visit.endpoint = replace(visit.endpoint, headers={**others, header: value})
    visit.sources["headers"] = f"found: as `authorization: Bearer` it is refused, in {header} it is taken"
    visit.listing = await visit.ask_models(visit.endpoint)
    return ok(said, *evidence)


async def _others(visit: Visit, seen: Seen) -> list[str]:
    """How other keys fare, which is no fault whatever it is."""
    keyless = visit.keyless()
    made_up, *for_none = await asyncio.gather(
        contact.look(visit, visit.wrong()),
        *(contact.look(visit, _with(keyless, value)) for _, value in _FOR_NONE),
    )
    found = [f"no key: {_in_words(_refusal(seen))}"] if visit.has_key() else []
    found.append(f"a made-up key: {_in_words(_refusal(made_up))}")
    found += [f"{what}: {_in_words(_refusal(one))}" for (what, _), one in zip(_FOR_NONE, for_none, strict=True)]
    return found


def _with(keyless: Endpoint, value: str) -> Endpoint:
    return replace(keyless, headers={**keyless.headers, "authorization": value})


async def _other_header(visit: Visit) -> str | None:
    """Another header in which the same key is taken. It goes to the same address as before."""
    found = _BEARER.fullmatch(visit.endpoint.headers.get("authorization", ""))
    if found is None:
        return None
    keyless = visit.keyless()
    for header in _OTHER_HEADERS:
        seen = await contact.look(visit, replace(keyless, headers={**keyless.headers, header: found[1]}))
        if seen.speaks and _refusal(seen) is None:
            return header
    return None


def _refusal(seen: Seen) -> Reply | None:
    """The reply that refuses who asks. A list of models may be open where answers are not, and the other way round."""
    return next((reply for reply in seen.replies if pages.refuses_key(reply)), None)


def _in_words(refusal: Reply | None) -> str:
    return "not refused" if refusal is None else f"refused, {refusal.status}"


def _named(visit: Visit) -> str:
    variables = [name for value in visit.endpoint.headers.values() for name in VARIABLE.findall(value)]
    return f"the key in {variables[0][2:-1]}" if variables else "the key of the profile"
