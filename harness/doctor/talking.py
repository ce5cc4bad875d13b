"""The last steps: the list of models, one short answer, one short stream, and whether the model thinks before it answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness import load, probe, resources
from harness.doctor import contact, pages
from harness.doctor.diagnosis import UNTESTED, USAGE, Step, needless, ok, wrong
from harness.doctor.visit import Visit, complete
from harness.document import did_you_mean
from harness.engine import conduct, with_model
from harness.engine.probing import probed
from harness.errors import ChatcompatError
from harness.model import (
    Case,
    ChatCompleted,
    ChatStreamed,
    Ending,
    Exchange,
    Garbled,
    Judged,
    Level,
    Looked,
    Refused,
    Reply,
    Silence,
    Trial,
    Unanswered,
)
from harness.model import Step as Asked
from harness.reading import brief, get, text

LISTED: Final = 10
"""As many models are named."""

_BUFFERED_AFTER_MS: Final = 1000.0  # an answer that took less is no stream that anybody watches
_AT_ONCE_MS: Final = 20.0
_PIECES: Final = 5


# ---------------------------------------------------------------- models


async def models(visit: Visit) -> Step:
    """Is there a list, and is the model in it? A list is optional; a model is needed."""
    if visit.endpoint.model is not None:
        try:
            visit.endpoint = await with_model(visit.endpoint, visit.environ)
        except ChatcompatError as error:
            return wrong("the model is not known", str(error), exit_code=UNTESTED)
    model = visit.endpoint.model
    reply = visit.listing
    if visit.endpoint.models_path is None:
        return _without_list(visit, "the profile says that there is none")
    if not (isinstance(reply, Reply) and complete(reply)):
        return _without_list(visit, "no list came back")
    if not pages.lists_models(reply):
        page = "a web page and no list" if pages.is_page(reply) else "no list"
        return _without_list(visit, f"{page}: {pages.shown(reply)}")
    found = pages.listed(reply)
    shown = ", ".join(brief(one, 80)[1:-1] for one in found[:LISTED])
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    visit.sources["models_path"] = f"found: it lists {len(found)}"
    if model is not None:
        there = model in found or f"models/{model}" in found
        if there:
            return ok(f"lists {len(found)}, {brief(model, 80)[1:-1]} among them")
        close = did_you_mean(model, [brief(one, 80)[1:-1] for one in found], listed=False)
        return ok(f"lists {len(found)}, and {brief(model, 80)[1:-1]} is not among them{close}", f"listed: {shown}{more}")
    if not found:
        do = "load a model on the server (or start it with one), or name one with --model"
        return wrong("the list is empty: no models", do, pages.shown(reply))
    if len(found) == 1:
        visit.endpoint = replace(visit.endpoint, model=found[0])
        visit.sources["model"] = "found: the only one that it lists"
        return ok(f"lists one, which is taken: {shown}")
    chosen = visit.choose(found)
    if chosen is None:
        do = f"choose one with --model: {shown}{more}"
        return wrong(f"lists {len(found)} models, and none is chosen", do, exit_code=USAGE)
    visit.endpoint = replace(visit.endpoint, model=chosen)
    visit.sources["model"] = f"chosen of the {len(found)} that it lists"
    return ok(f"lists {len(found)}; chosen: {brief(chosen, 80)[1:-1]}")


def _without_list(visit: Visit, said: str) -> Step:
    if visit.endpoint.model is None:
        return wrong(f"{said}; and no model is named", "name the model with --model", exit_code=USAGE)
    visit.endpoint = replace(visit.endpoint, models_path=None)
    visit.sources["models_path"] = said
    note = "clients that check their connection with /models need that check switched off"
    return needless(f"{said}; {brief(visit.endpoint.model, 80)[1:-1]} is asked for all the same", note)


# ---------------------------------------------------------------- an answer


async def answer(visit: Visit) -> Step:
    """One short answer, in one piece."""
    case = next(case for case in load.suite(resources.SUITES / f"{probe.SUITE}.yaml").cases if case.id == probe.CASE)
    held = await probed(Trial(endpoint=visit.endpoint, case=case, stream=False), visit.wire(visit.endpoint))
    visit.endpoint = held.trial.endpoint
    looked = held.attempts[-1].steps[-1]
    seen = looked.seen
    if not isinstance(seen, ChatCompleted):
        return await _unwell(visit, seen)
    learned = visit.endpoint.learned.get(visit.endpoint.model or "")
    visit.thinks = learned.thinks if learned else None
    message = get(seen.body, "choices", 0, "message")
    if not isinstance(message, dict):
        said = f"200, and no completion: {pages.shown(seen.on_the_wire.reply)}"
        return wrong(said, "answer with `choices`, and a `message` in each; is this a chat server?")
    content = text(message.get("content"))
    took_ms = seen.reply.frames[-1].at_ms if seen.reply.frames else 0.0
    visit.slow_s = took_ms / 1000
    if not content.strip() and not visit.thinks:
        do = "look at the server's chat template and log: it generates nothing"
        return wrong(f"an empty answer ({brief(get(seen.body, 'choices', 0, 'finish_reason'), 40)})", do, *_broken(held))
    said = brief(content, 60) if content.strip() else "nothing yet: the limit went into thinking"
    return ok(f"{said} after {took_ms / 1000:.1f} s", *_broken(held))


async def _unwell(visit: Visit, seen: Exchange | Unanswered) -> Step:
    """What is wrong where no completion came."""
    if isinstance(seen, Unanswered):
        said = visit.safe(seen.message)
        if seen.silence is Silence.TIMED_OUT:
            do = "raise --timeout if the model is large or still loading; else look at the server's log"
            return wrong(f"no answer within {visit.total_s / 2:g} s", do)
        what, _, do = said.rpartition("; ")
        return wrong(what or said, do or "look at the server's log")
    reply = seen.on_the_wire.reply
    if isinstance(seen, Garbled):
        return wrong(f"no completion: {seen.why}", "look at the server's log", pages.shown(reply))
    if not isinstance(seen, Refused):
        return wrong(f"no completion: {pages.shown(reply)}", "look at the server's log")
    found = pages.gateway(reply)
    if found is not None:
        return wrong(f"{found.name} answers in the endpoint's place: {pages.shown(reply)}", found.do)
    if pages.is_redirect(reply):
        return contact.redirected(visit, reply, visit.chat)
    if pages.refuses_key(reply):
        do = "check the key" if visit.has_key() else "export NAME=… (the key), and add --key-env NAME"
        return wrong(f"refused for its key: {pages.shown(reply)}", do, exit_code=UNTESTED)
    if reply.status == 402:
        return wrong(f"wants to be paid: {pages.shown(reply)}", "add credit to the account that the key belongs to")
    if reply.status == 429:
        do = "wait, and try again; if it stays so, the account's quota is used up"
        return wrong(f"too many requests, or the quota is used up: {pages.shown(reply)}", do)
    if reply.status == 404 and not pages.exists(reply):
        return wrong(f"nothing there: {pages.shown(reply)}", "take the base URL from the server's documentation")
    if reply.status >= 500:
        return contact.failed(reply)
    model = brief(visit.endpoint.model, 80)[1:-1]
    if reply.status == 404 or "model" in pages.message(reply).lower():
        known = pages.listed(visit.listing) if isinstance(visit.listing, Reply) else []
        names = ", ".join(brief(one, 80)[1:-1] for one in known[:LISTED])
        do = "choose another with --model" + (f": {names}" if names else "")
        return wrong(f"the model {model} is refused: {pages.shown(reply)}", do)
    return wrong(f"refused: {pages.shown(reply)}", "the plainest request is refused: what it says is missing, or look at its log")


# ---------------------------------------------------------------- a stream


async def stream(visit: Visit) -> Step:
    """One short stream: is it one, does it come bit by bit, does it say where it ends?"""
    trial = Trial(endpoint=visit.endpoint, case=_COUNTING, stream=True)
    held = await conduct(trial, visit.wire(visit.endpoint))
    seen = held.attempts[-1].steps[-1].seen
    if isinstance(seen, Garbled):
        return wrong(f"no stream: {seen.why}", "let the server answer `stream: true` with an event stream, or use no streaming")
    if not isinstance(seen, ChatStreamed):
        return await _unwell(visit, seen)
    wire = seen.on_the_wire
    assert isinstance(wire, Exchange)
    reply = wire.reply
    pieces = [
        seen.events[chunk.event].at_ms
        for chunk in seen.chunks
        if any(text(get(chunk.body, "choices", 0, "delta", key)) for key in ("content", "reasoning_content", "reasoning"))
    ]
    media_type = (reply.header("content-type") or "no content-type").partition(";")[0].strip().lower()
    said = (
        _stream_in_words(pieces, media_type)
        if pieces
        else f"no text: the limit went into thinking ({brief(media_type, 60)[1:-1]})"
    )
    evidence = _broken(held)
    if seen.failed_at is not None:
        failed = seen.chunks[seen.failed_at].body
        words = text(get(failed, "error", "message")) or failed
        return wrong(f"an error in the stream: {brief(words, 160)}", "look at the server's log", said, *evidence)
    if not pieces and not (visit.thinks and seen.chunks):
        return wrong("a stream without any text", "look at the server's log, and its chat template", said, *evidence)
    if media_type != "text/event-stream":
        do = "send `content-type: text/event-stream`: browsers and some clients read no other"
        return wrong(f"a stream that is labelled {brief(media_type, 60)[1:-1]}", do, said, *evidence)
    if len(pieces) >= _PIECES and pieces[0] > _BUFFERED_AFTER_MS and pieces[-1] - pieces[0] < _AT_ONCE_MS:
        do = (
            "switch buffering off on the way: `proxy_buffering off` or `X-Accel-Buffering: no` (nginx), no compression of streams"
        )
        return wrong("not incremental: everything came at once, at the end", do, said, *evidence)
    if reply.ended is Ending.CUT:
        return wrong(
            "the stream breaks off in the middle", "look at the server's log, and at time limits on the way", said, *evidence
        )
    if reply.ended is Ending.TIMED_OUT and not visit.thinks:
        return wrong("the stream does not end", "look at the server's log; raise --timeout if the model is slow", said, *evidence)
    ended = reply.ended in (Ending.CLOSED, Ending.HELD_OPEN)
    if ended and visit.endpoint.dialect == "openai" and not any(event.data == "[DONE]" for event in seen.events):
        do = "let the server end each stream with `data: [DONE]` and a blank line: clients wait for it"
        return wrong("the stream ends without [DONE]", do, said, *evidence)
    if reply.ended is Ending.HELD_OPEN:
        evidence = (*evidence, "the connection stays open after [DONE]")
    return ok(said, *evidence)


_COUNTING: Final = Case(
    suite="doctor",
    id="stream",
    title="A short stream",
    needs=("streaming",),
    steps=(Asked(id="ask", request={"messages": [{"role": "user", "content": "Count from 1 to 20."}], "$max_tokens": 64}),),
    stream=(True,),
)


def _stream_in_words(pieces: list[float], media_type: str) -> str:
    over = (pieces[-1] - pieces[0]) / 1000
    many = f"{len(pieces)} pieces of text" if len(pieces) != 1 else "1 piece of text"
    return f"{many} over {over:.1f} s, the first after {pieces[0] / 1000:.1f} s ({brief(media_type, 60)[1:-1]})"


async def thinking(visit: Visit) -> Step:
    """Does the model think before it answers? Not wrong either way; clients must know."""
    learned = visit.endpoint.learned.get(visit.endpoint.model or "")
    field = (learned.token_field if learned else None) or visit.endpoint.token_field
    limit = [f"the limit is called {field}"] if field else []
    if visit.thinks:
        return ok("the model thinks first: give it room, small limits leave no answer", *limit)
    if visit.thinks is None:
        return needless("did not show", *limit)
    return ok("the model answers at once", *limit)


# ---------------------------------------------------------------- what the rules say


def _broken(held: Judged) -> tuple[str, ...]:
    """The rules that are broken here, which `run` tells more about."""
    looked: list[Looked] = [step for attempt in held.attempts for step in attempt.steps]
    must = [finding for step in looked for finding in step.findings if finding.level is Level.MUST]
    rules = list(dict.fromkeys(finding.rule for finding in must))
    return tuple(f"breaks {rule} (`chatcompat explain {rule}`)" for rule in rules[:3])
