"""A diagnosis for people: a line a step, the evidence beneath, and at the end the one thing to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from harness.doctor.diagnosis import STEPS, Diagnosis, State, Step

_MARKS: Final = {State.OK: "✓", State.WRONG: "✗", State.NOT_NEEDED: "–", State.NOT_TRIED: "–"}
_PLAIN: Final = {State.OK: "+", State.WRONG: "x", State.NOT_NEEDED: "-", State.NOT_TRIED: "-"}
_COLOURS: Final = {State.OK: "32", State.WRONG: "31;1", State.NOT_NEEDED: "2", State.NOT_TRIED: "2"}
_WIDE: Final = max(len(title) for title in STEPS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What a terminal can show."""

    colour: bool = False
    unicode: bool = True


def lines(step: Step, style: Style) -> Iterator[str]:
    """A step, and its evidence beneath."""
    mark = (_MARKS if style.unicode else _PLAIN)[step.state]
    seen = "not tried" if step.state is State.NOT_TRIED else step.seen
    shown = f"\x1b[{_COLOURS[step.state]}m{mark}\x1b[0m" if style.colour else mark
    yield f"{shown} {STEPS[step.id]:<{_WIDE}}  {seen}"
    for one in step.evidence:
        yield f"{' ' * (_WIDE + 4)}{one}"


def last(found: Diagnosis, healthy: str) -> str:
    """The one thing to do; `healthy` is what there is to do where nothing is wrong."""
    return f"do: {found.wrong.do}" if found.wrong else healthy


def document(found: Diagnosis) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "url": found.facts.endpoint.base_url,
        "model": found.facts.endpoint.model,
        "healthy": found.wrong is None,
        "wrong": found.wrong.id if found.wrong else None,
        "do": found.wrong.do if found.wrong else None,
        "exit_code": found.exit_code,
        "steps": [
            {"id": step.id, "title": STEPS[step.id], "state": str(step.state), "seen": step.seen, "evidence": list(step.evidence),
             "do": step.do}
            for step in found.steps
        ],
    }  # fmt: skip
