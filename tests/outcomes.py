"""Outcomes for the tests of reports: exchanges of any bytes, judged by the real judge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import exchanges

from harness import judge, report
from harness.model import (
    Attempt,
    Case,
    Claims,
    Endpoint,
    Exchange,
    Feature,
    Judged,
    Kind,
    Outcome,
    Silence,
    Skipped,
    Step,
    Suite,
    Trial,
    Unanswered,
)

NASTY: Final = "</script><script>alert(1)</script> & \"q\" 'a' |`*_[x](y) \x1b[31m\u202e\x00 ]]>"
"""What somebody would write who wants to get out of every format."""

GOOD: Final = Endpoint(
    name="good",
    title="A good server",
    base_url="http://127.0.0.1:8080/v1",
    model="m-1",
    headers={"authorization": "Bearer ${GOOD_KEY}"},
    recorded={"server": "good", "version": "1.2"},
)
BAD: Final = Endpoint(
    name="bad",
    title=NASTY,
    base_url="https://user:hunter2@example.invalid/v1?key=hunter2",
    model="m-1",
    headers={"authorization": "Bearer hunter2", "x-tenant": "blue"},
    notes=NASTY,
)
FEATURES: Final = (
    Feature(id="chat", title="Plain chat"),
    Feature(id="tools", title="Tools are called", optional=True),
    Feature(id="stop", title="Stop words", optional=True),
)


def case(name: str, feature: str, *, stream: bool = False, claims: Mapping[Kind, Claims] | None = None, tries: int = 1) -> Case:
    """A case of one step."""
    step = Step(id="ask", request=exchanges.ASK, claims=claims or {})
    return Case(
        suite="talk", id=name, title=f"The case {name}", needs=(feature,), steps=(step,), stream=(False, stream), tries=tries
    )


ANSWER: Final = case("answer", "chat", stream=True)
CALLED: Final = case("called", "tools", claims={Kind.EFFECT: Claims(body={"/choices/0/message/tool_calls": True})}, tries=2)
ENDED: Final = case(
    "ended",
    "stop",
    claims={
        Kind.GIVEN: Claims(body={"/choices": True}),
        Kind.EXPECT: Claims(body={"/choices/0/message/content": {"const": "It is"}}),
    },
)
SUITE: Final = Suite(id="talk", title="Talking", features=FEATURES, cases=(ANSWER, CALLED, ENDED))


def held(
    which: Case, *seen: Exchange | Unanswered, endpoint: Endpoint = GOOD, stream: bool = False, recorded: str | None = None
) -> Judged:
    """A trial with a try for each exchange."""
    optional = {feature.id: feature.optional for feature in FEATURES}
    return Judged(
        trial=Trial(endpoint=endpoint, case=which, stream=stream),
        attempts=tuple(Attempt(steps=(judge.look(which, which.steps[0], one, optional=optional),)) for one in seen),
        recorded=recorded,
        elapsed_ms=12.34,
    )


def skipped(which: Case, reason: str, endpoint: Endpoint = GOOD) -> Skipped:
    """A trial that was not held."""
    return Skipped(trial=Trial(endpoint=endpoint, case=which, stream=False), reason=reason)


def silent(message: str = "nobody listens there") -> Unanswered:
    """No reply at all."""
    return Unanswered(request=exchanges.completed().request, silence=Silence.UNREACHABLE, message=message)


def said(text: str) -> Exchange:
    """A completion with this content."""
    return exchanges.completed({"/choices/0/message/content": text})


def sample() -> tuple[Outcome, ...]:
    """Two endpoints with every verdict between them, one of them as hostile as can be."""
    hostile = exchanges.wired(exchanges.events(exchanges.CHUNKS, done=False) + f": {NASTY}\n\n".encode())
    called = exchanges.completed(request=exchanges.ASK_TOOLS, document=exchanges.CALLED)
    return (
        held(ANSWER, exchanges.completed(), recorded="2026-11-20T08:00:00Z"),
        held(ANSWER, exchanges.streamed(), stream=True, recorded="2026-11-22T08:00:00Z"),
        held(CALLED, called, recorded="2026-11-21T08:00:00Z"),
        held(ENDED, said("It is sunny."), said("It is"), recorded="2026-11-21T08:00:00Z"),
        held(ANSWER, exchanges.completed({"/id": 7}), endpoint=BAD),
        held(ANSWER, hostile, endpoint=BAD, stream=True),
        held(CALLED, said(NASTY), said(NASTY), endpoint=BAD),
        skipped(ENDED, f"needs {NASTY}", BAD),
    )


def document(outcomes: Sequence[Outcome] | None = None, **how: Any) -> dict[str, Any]:
    """The report of some outcomes, or of the sample."""
    given = {"mode": "replay", "suites": (SUITE,), **how}
    return report.document(sample() if outcomes is None else outcomes, **given)


def copied(found: Mapping[str, Any]) -> dict[str, Any]:
    """As it is after it was written and read."""
    loaded: dict[str, Any] = json.loads(json.dumps(found))
    return loaded
