"""What a step claims, held against an exchange.

A claim is a JSON Pointer and a JSON Schema fragment: true, it is there; false, it is not; a fragment, it is there and
valid. `{"$from": "step#/pointer"}` stands for what an earlier step of the same try was answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness import contract
from harness.model import (
    Case,
    ChatStreamed,
    Completed,
    Exchange,
    Finding,
    Fragment,
    Garbled,
    Json,
    Kind,
    Level,
    Other,
    Refused,
    Step,
)
from harness.reading import ABSENT, brief, resolve

LEVELS: Mapping[Kind, Level | None] = {Kind.GIVEN: None, Kind.EFFECT: None, Kind.EXPECT: Level.MUST, Kind.PREFER: Level.SHOULD}

REFERENCE = "$from"


class Dangling(Exception):
    """A `$from` leads nowhere: the earlier step's answer has no such place."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"{REFERENCE}: {reference!r} leads nowhere in what that step was answered")
        self.reference = reference


def findings(case: Case, step: Step, exchange: Exchange) -> tuple[Finding, ...]:
    """The claims that do not hold, in the order given, effect, expect, prefer.

    Their fragments hold no `$from` any more: see `resolved`.
    """
    return tuple(found for kind in Kind if kind in step.claims for found in _of_kind(case, step, kind, exchange))


def answered(exchange: Exchange) -> Json:
    """The document that claims on `body` speak of."""
    match exchange:
        case Completed() | ChatStreamed() | Refused() | Garbled() | Other():
            return exchange.body
        case _:
            return None


def resolved(value: Json, answers: Mapping[str, Json]) -> Json:
    """The same with each `{"$from": "step#/pointer"}` replaced from the steps' answers. Raises Dangling."""
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


def _of_kind(case: Case, step: Step, kind: Kind, exchange: Exchange) -> Iterator[Finding]:
    claims = step.claims[kind]
    reply = exchange.reply

    def finding(message: str, at: str) -> Finding:
        return Finding(rule=f"{case.path}:{kind}", level=LEVELS[kind], message=message, at=at, kind=kind)

    if claims.status is not None:
        for message, _ in _unmet(claims.status, reply.status, "the status"):
            yield finding(message, "status")
    for name, fragment in claims.headers.items():
        value = reply.header(name)
        for message, _ in _unmet(fragment, ABSENT if value is None else value, f"the header {name}"):
            yield finding(message, f"headers/{name}")
    body = answered(exchange)
    for pointer, fragment in claims.body.items():
        for message, at in _unmet(fragment, resolve(body, pointer), pointer or "the body"):
            yield finding(message, f"{pointer}{at}")
    if claims.chunks:
        chunks: Json = [chunk.body for chunk in exchange.chunks] if isinstance(exchange, ChatStreamed) else []
        for pointer, fragment in claims.chunks.items():
            for message, at in _unmet(fragment, resolve(chunks, pointer), f"chunks{pointer}"):
                yield finding(message, f"chunks{pointer}{at}")


def _unmet(fragment: Fragment, value: object, place: str) -> Iterator[tuple[str, str]]:
    """Why the claim does not hold: message, and where below the claim's own place."""
    if fragment is False:
        if value is not ABSENT:
            yield f"{place} is there ({brief(value)}), and must not be", ""
        return
    if value is ABSENT:
        yield f"{place} is not there" + ("" if fragment is True else f"; expected {brief(fragment)}"), ""
        return
    if fragment is True:
        return
    for error in contract.compiled(fragment).errors(value):  # type: ignore[arg-type]
        yield f"{place}{error.at}: {error.message}", error.at
