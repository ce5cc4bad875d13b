"""What a step claims, held against an exchange.

A claim is a JSON Pointer and a JSON Schema fragment: true, it is there; false, it is not; a fragment, it is there and
valid. `{"$from": "step#/pointer"}` stands for what an earlier step of the same try was answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from harness import contract
from harness.errors import BadInput
from harness.model import (
    Case,
    ChatStreamed,
    Claims,
    Completed,
    Evidence,
    Exchange,
    Finding,
    Fragment,
    Garbled,
    Json,
    Kind,
    Level,
    Other,
    Refused,
    Reply,
    Step,
)
from harness.reading import ABSENT, brief, obj, resolve, tokens

LEVELS: Mapping[Kind, Level | None] = {Kind.GIVEN: None, Kind.EFFECT: None, Kind.EXPECT: Level.MUST, Kind.PREFER: Level.SHOULD}

REFERENCE = "$from"


class Dangling(Exception):
    """A `$from` leads nowhere, or to something that cannot be sent: the earlier step's answer does not have it."""

    def __init__(self, reference: str, why: str = "leads nowhere in what that step was answered") -> None:
        super().__init__(f"{REFERENCE}: {reference!r} {why}")
        self.reference = reference


# ---------------------------------------------------------------- judging


def findings(case: Case, step: Step, exchange: Exchange) -> tuple[Finding, ...]:
    """The claims that do not hold, one finding each, in the order given, effect, expect, prefer.

    `step` is what `settled` makes of it: a claim that is nothing but a `$from` had nothing to be compared with, and does not
    hold.
    """
    return tuple(found for kind in Kind if kind in step.claims for found in _of_kind(case, step.claims[kind], kind, exchange))


def answered(exchange: Exchange) -> Json:
    """The document that claims on `body`, and `$from`, speak of."""
    match exchange:
        case Completed() | ChatStreamed() | Refused() | Garbled() | Other():
            return exchange.body
        case _:
            return None


def _of_kind(case: Case, claims: Claims, kind: Kind, exchange: Exchange) -> Iterator[Finding]:
    def finding(message: str, at: str) -> Finding:
        return Finding(rule=f"{case.path}:{kind}", level=LEVELS[kind], message=message, at=at, kind=kind)

    reply = exchange.reply
    if claims.status is not None:
        for message, _ in _unmet(claims.status, reply.status, "the status"):
            yield finding(message, "status")
    if claims.took_ms is not None and Evidence.TIMES not in reply.lost:
        for message, _ in _unmet(claims.took_ms, took_ms(reply), "the time that it took, in ms,"):
            yield finding(message, "took_ms")
    for name, fragment in claims.headers.items():
        value = _header(reply, name)
        if value is None and Evidence.HEADERS in reply.lost:
            continue  # whoever recorded it may have dropped it: the claim does not arise
        for message, _ in _unmet(fragment, ABSENT if value is None else value, f"the header {name}"):
            yield finding(message, f"headers/{name}")
    body = answered(exchange)
    for pointer, fragment in claims.body.items():
        place = _counted_from_start(body, pointer)
        found = resolve(body, pointer)
        for message, at in _unmet(fragment, found, place or "the body"):
            answered_instead = found is ABSENT and pointer.startswith("/error") and 200 <= reply.status < 300
            yield finding(f"status {reply.status}, an answer came and no error" if answered_instead else message, f"{place}{at}")
    if not claims.chunks or obj(exchange.request.body).get("stream") is not True:
        return  # of an answer that was not to be streamed there are no chunks to claim anything of
    chunks: Json = [chunk.body for chunk in exchange.chunks] if isinstance(exchange, ChatStreamed) else []
    for pointer, fragment in claims.chunks.items():
        place = f"chunks{_counted_from_start(chunks, pointer)}"
        for message, at in _unmet(fragment, resolve(chunks, pointer), place):
            yield finding(message, f"{place}{at}")


def took_ms(reply: Reply) -> float:
    """From the request's being sent to the last byte of the reply, in milliseconds; 0 where there was none."""
    return reply.frames[-1].at_ms if reply.frames else 0.0


def _header(reply: Reply, name: str) -> str | None:
    """The value of a header field; of several their combination (RFC 9110, 5.3)."""
    values = [value for key, value in reply.headers if key == name]
    return ", ".join(values) if values else None


def _counted_from_start(document: Json, pointer: str) -> str:
    """The pointer with each position that counts from the end replaced by the one from the start, as far as it leads."""
    if "/-" not in pointer:
        return pointer
    shown = ""
    current: Json = document
    for token, raw in zip(tokens(pointer), pointer[1:].split("/"), strict=True):
        if isinstance(current, list) and token.removeprefix("-").isdecimal() and -len(current) <= int(token) < len(current):
            shown += f"/{int(token) % len(current)}"
        else:
            shown += f"/{raw}"
        found = resolve(current, f"/{raw}")
        current = None if found is ABSENT else found  # type: ignore[assignment]
    return shown


def _unmet(fragment: Fragment, value: object, place: str) -> Iterator[tuple[str, str]]:
    """Why the claim does not hold, and where below the claim's own place; nothing where it holds."""
    if fragment is False:
        if value is not ABSENT:
            yield f"{place} is there ({brief(value)}), and must not be", ""
        return
    if value is ABSENT:
        yield f"{place} is not there" + ("" if fragment is True else f"; expected {brief(fragment)}"), ""
        return
    if fragment is True:
        return
    if REFERENCE in fragment:
        yield (
            f"{place} is {brief(value)}, and there is nothing to compare it with: {brief(fragment[REFERENCE])} leads nowhere",
            "",
        )
        return
    errors = contract.compiled(fragment).errors(value)  # type: ignore[arg-type]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        yield f"{place}{errors[0].at} {errors[0].message}{more}", errors[0].at


# ---------------------------------------------------------------- references


def resolved(value: Json, answers: Mapping[str, Json]) -> Json:
    """The same with each `{"$from": "step#/pointer"}` replaced from the steps' documents. Raises Dangling."""
    if isinstance(value, dict):
        reference = value.get(REFERENCE)
        if isinstance(reference, str) and len(value) == 1:
            step, _, pointer = reference.partition("#")
            found = resolve(answers[step], pointer) if step in answers else ABSENT
            if found is ABSENT:
                raise Dangling(reference)
            return found  # type: ignore[return-value]
        return {key: resolved(inner, answers) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, answers) for inner in value]
    return value


def settled(step: Step, answers: Mapping[str, Exchange]) -> Step:
    """The step with each `$from` in its claims replaced. Never raises.

    Where that leads nowhere, or to what cannot stand there (a text as `minimum`), the whole claim becomes that `$from`, and
    `findings` says so: what an endpoint left out is its defect, not ours.
    """
    documents = {name: answered(exchange) for name, exchange in answers.items()}

    def replaced(fragments: Mapping[str, Fragment]) -> dict[str, Fragment]:
        return {place: _settled(fragment, documents) for place, fragment in fragments.items()}

    claims = {
        kind: Claims(
            status=None if held.status is None else _settled(held.status, documents),
            headers=replaced(held.headers),
            body=replaced(held.body),
            chunks=replaced(held.chunks),
            took_ms=None if held.took_ms is None else _settled(held.took_ms, documents),
        )
        for kind, held in step.claims.items()
    }
    return replace(step, claims=claims)


def _settled(fragment: Fragment, documents: Mapping[str, Json]) -> Fragment:
    reference = None if isinstance(fragment, bool) else _first_reference(fragment)
    if reference is None:
        return fragment
    try:
        found = resolved(fragment, documents)
        if isinstance(found, dict):
            contract.compiled(found)
            return found
    except Dangling as dangling:
        reference = dangling.reference
    except (BadInput, RecursionError, ValueError):
        pass
    return {REFERENCE: reference}


def _first_reference(value: Json) -> str | None:
    if isinstance(value, dict):
        reference = value.get(REFERENCE)
        if isinstance(reference, str) and len(value) == 1:
            return reference
        inside = list(value.values())
    else:
        inside = value if isinstance(value, list) else []
    return next((found for part in inside if (found := _first_reference(part)) is not None), None)
