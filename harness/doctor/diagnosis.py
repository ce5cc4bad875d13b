"""The nouns of a diagnosis: its steps, what was found out, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from harness.model import Endpoint

STEPS: Final = {
    "dns": "name",
    "tcp": "connection",
    "tls": "TLS",
    "http": "HTTP",
    "between": "nothing in between",
    "path": "base path",
    "key": "authentication",
    "models": "list of models",
    "answer": "answer",
    "stream": "stream",
    "thinking": "thinking",
}
"""Id → title, in the order in which they are tried."""

WRONG: Final = 1
USAGE: Final = 2
UNTESTED: Final = 3
"""Exit codes: something is wrong with the endpoint; something has to be chosen; it cannot be reached, or not with this key."""


class State(StrEnum):
    """What became of a step."""

    OK = "ok"
    WRONG = "wrong"
    NOT_NEEDED = "not-needed"  # it does not apply, or is optional and not there
    NOT_TRIED = "not-tried"  # a step before it was wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what was `seen`, the `evidence` beneath it, and what to `do` where it is wrong."""

    id: str
    state: State
    seen: str = ""
    evidence: tuple[str, ...] = ()
    do: str | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was learned on the way, for a profile. Each of `sources` says where a key of the profile comes from."""

    endpoint: Endpoint  # as it was given, with what was learned
    sources: dict[str, str] = field(default_factory=dict)
    slow_s: float | None = None  # how long the answer took, in seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All the steps, in their order, and what was learned."""

    steps: tuple[Step, ...]
    facts: Facts

    @property
    def wrong(self) -> Step | None:
        """The first thing that is wrong."""
        return next((step for step in self.steps if step.state is State.WRONG), None)

    @property
    def exit_code(self) -> int:
        """0 healthy, 1 something is wrong, 2 something has to be chosen, 3 it cannot be tested."""
        return self.wrong.exit_code if self.wrong else 0


def ok(seen: str, *evidence: str) -> Step:
    """A step that is right."""
    return Step(id="", state=State.OK, seen=seen, evidence=evidence)


def needless(seen: str, *evidence: str) -> Step:
    """A step that does not apply, or an optional thing that is not there."""
    return Step(id="", state=State.NOT_NEEDED, seen=seen, evidence=evidence)


def wrong(seen: str, do: str, *evidence: str, exit_code: int = WRONG) -> Step:
    """A step that is wrong, and the way out."""
    return Step(id="", state=State.WRONG, seen=seen, evidence=evidence, do=do, exit_code=exit_code)
