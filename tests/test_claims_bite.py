"""Every claim of every shipped case bites: with the reference server it holds, and with one other value it does not.

The value that a claim points to is replaced by others of the same JSON type (for `false` one is put there, for `true`
it is taken away), and at least one of them must raise a finding of this very claim.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pytest

from harness import answer, claims, load, prepare
from harness.model import Case, ChatStreamed, Claims, Endpoint, Exchange, Fragment, Frame, Json, Kind, Step, Trial
from harness.reading import ABSENT, resolve, tokens
from harness.reference import reply

REFERENCE = Endpoint(name="reference", title="The reference server", base_url="http://127.0.0.1/v1", model="reference-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim of a step, and the exchange in which it holds. `area` is status, headers, body or chunks."""

    case: Case
    step: Step
    exchange: Exchange
    kind: Kind
    area: str
    place: str
    fragment: Fragment

    @property
    def name(self) -> str:
        streamed = " (streamed)" if isinstance(self.exchange, ChatStreamed) else ""
        return f"{self.case.path} {self.step.id}{streamed} {self.kind} {self.area} {self.place}"

    def alone(self) -> Step:
        """The step with nothing but this claim."""
        one = {self.place: self.fragment}
        only = Claims(
            status=self.fragment if self.area == "status" else None,
            headers=one if self.area == "headers" else {},
            took_ms=self.fragment if self.area == "took_ms" else None,
            body=one if self.area == "body" else {},
            chunks=one if self.area == "chunks" else {},
        )
        return replace(self.step, claims={self.kind: only})

    def value(self) -> object:
        """What it points to."""
        match self.area:
            case "status":
                return self.exchange.reply.status
            case "took_ms":
                return claims.took_ms(self.exchange.reply)
            case "headers":
                return self.exchange.reply.header(self.place) or ABSENT
            case "body":
                return resolve(claims.answered(self.exchange), self.place)
            case _:
                return resolve(chunks_of(self.exchange), self.place)

    def replaced(self, value: object) -> Exchange:
        """The exchange with another value at the place; ABSENT takes it away."""
        match self.area:
            case "status":
                assert isinstance(value, int)
                return replace(self.exchange, reply=replace(self.exchange.reply, status=value))
            case "took_ms":
                assert isinstance(value, int | float)
                return replace(self.exchange, reply=replace(self.exchange.reply, frames=(Frame(at_ms=value, data=b" "),)))
            case "headers":
                others = tuple(field for field in self.exchange.reply.headers if field[0] != self.place)
                assert isinstance(value, str)
                return replace(self.exchange, reply=replace(self.exchange.reply, headers=(*others, (self.place, value))))
            case "body":
                return replace(self.exchange, body=put(claims.answered(self.exchange), self.place, value))  # type: ignore[call-arg]
            case _:
                assert isinstance(self.exchange, ChatStreamed)
                bodies = put(chunks_of(self.exchange), self.place, value)
                assert isinstance(bodies, list)
                kept = zip(self.exchange.chunks, bodies, strict=False)
                return replace(self.exchange, chunks=tuple(replace(chunk, body=body) for chunk, body in kept))


def chunks_of(exchange: Exchange) -> Json:
    return [chunk.body for chunk in exchange.chunks] if isinstance(exchange, ChatStreamed) else []


def put(document: Json, pointer: str, value: object) -> Json:
    """A copy of a document with another value at a pointer (a new key or item too), or without what is there."""
    way = tokens(pointer)
    if not way:
        return value  # type: ignore[return-value]
    whole = copy.deepcopy(document)
    around = resolve(whole, "".join(f"/{token.replace('~', '~0').replace('/', '~1')}" for token in way[:-1]))
    last = way[-1]
    if isinstance(around, dict):
        around.pop(last, None)
        if value is not ABSENT:
            around[last] = value  # type: ignore[assignment]
    elif isinstance(around, list):
        if value is ABSENT:
            del around[int(last) :]
        else:
            around[int(last) : int(last) + 1] = [value]  # type: ignore[list-item]
    else:  # `false` deep in what is not there: make the way to it
        child: Json = {last: value} if not last.isdecimal() else [value]  # type: ignore[dict-item, list-item]
        return put(whole, pointer.rpartition("/")[0], child)
    return whole


def conversations() -> Iterator[tuple[Case, Step, Exchange]]:
    """Every step of every shipped trial, with the reference server's answer; `$from` is filled in."""
    serial = 0
    for suite in load.suites():
        for case in suite.cases:
            for stream in case.stream:
                answers: dict[str, Exchange] = {}
                for step in case.steps:
                    trial = Trial(endpoint=REFERENCE, case=case, stream=stream)
                    request = prepare.request(trial, step, answers)
                    seen = answer.exchange(request, reply(request, serial))
                    yield case, prepare.claimed(step, answers), seen
                    answers[step.id] = seen
                    serial += 1


def each_claim(case: Case, step: Step, exchange: Exchange) -> Iterator[Claim]:
    for kind, what in step.claims.items():
        areas: dict[str, dict[str, Fragment]] = {
            "status": {} if what.status is None else {"": what.status},
            "took_ms": {} if what.took_ms is None else {"": what.took_ms},
            "headers": dict(what.headers),
            "body": dict(what.body),
            "chunks": dict(what.chunks),
        }
        for area, fragments in areas.items():
            for place, fragment in fragments.items():
                yield Claim(case=case, step=step, exchange=exchange, kind=kind, area=area, place=place, fragment=fragment)


@functools.cache
def every_claim() -> tuple[Claim, ...]:
    return tuple(claim for case, step, exchange in conversations() for claim in each_claim(case, step, exchange))


def parts(value: Json) -> Iterator[Json]:
    yield value
    if isinstance(value, dict):
        for part in value.values():
            yield from parts(part)
    elif isinstance(value, list):
        for part in value:
            yield from parts(part)


def type_of(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return "null"


@functools.cache
def pool() -> dict[str, list[Json]]:
    """Values to put in place of others, by type: extremes, and all that was ever said by or to the reference server."""
    seen: dict[str, dict[str, Json]] = {}

    def add(values: Iterable[Json]) -> None:
        for value in values:
            seen.setdefault(type_of(value), {}).setdefault(json.dumps(value), value)

    add(["", "\ufffd", "x", "x" * 4000, "{}", "<tool_call>", "<|python_tag|>", 0, -1, 1, 0.5, 10**12, [], {}, [{}], True, False])
    add([100, 200, 204, 301, 400, 401, 403, 404, 405, 418, 422, 429, 500, 503])
    for _, _, exchange in conversations():
        add(parts(claims.answered(exchange)))
        add(parts(exchange.request.body))
        add(value for _, value in exchange.request.headers)
    for said in list(seen["string"].values()):  # an answer may be cut after any word
        words = str(said).split(" ")[:60]
        add(" ".join(words[:end]) for end in range(1, len(words)))
    return {kind: list(values.values()) for kind, values in seen.items()}


def replacements(claim: Claim) -> Iterable[object]:
    """For a claim that something is there: nothing. Else other values of its type; of any type where nothing is there."""
    value = claim.value()
    if claim.fragment is True:
        return [ABSENT]
    if value is ABSENT:
        return [{"put": "there"}]
    if claim.area == "status":
        return range(100, 600)
    if claim.area == "took_ms":
        return [0.0, 1e6]
    if claim.area == "chunks" and isinstance(value, list):
        return [value[:1], []]
    key = json.dumps(value)
    return [other for other in pool()[type_of(value)] if json.dumps(other) != key]


def own_findings(claim: Claim, exchange: Exchange) -> list[str]:
    rule = f"{claim.case.path}:{claim.kind}"
    return [found.message for found in claims.findings(claim.case, claim.alone(), exchange) if found.rule == rule]


def test_the_reference_server_keeps_every_claim() -> None:
    assert [] == [(claim.name, said) for claim in every_claim() for said in own_findings(claim, claim.exchange)]


def test_every_claim_fails_for_some_other_value_of_the_same_type() -> None:
    toothless = [
        claim.name
        for claim in every_claim()
        if not any(own_findings(claim, claim.replaced(other)) for other in replacements(claim))
    ]
    assert [] == toothless


@pytest.mark.parametrize("document", [{"a": {"b": [1, 2]}}])
def test_what_replaces_values_does_replace_them(document: Json) -> None:
    assert {"a": {"b": [1, 3]}} == put(document, "/a/b/1", 3)
    assert {"a": {"b": [1]}} == put(document, "/a/b/1", ABSENT)
    assert {"a": {"b": [1, 2], "c": [{"d": 3}]}} == put(document, "/a/c/0/d", 3)
    assert {} == put(document, "/a", ABSENT)
    assert {"a": {"b": [1, 2]}} == document
