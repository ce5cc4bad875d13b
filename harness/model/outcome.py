"""What came of it: trials that were judged, skipped, or ended in an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from harness.model.endpoint import Trial
from harness.model.exchange import Exchange, Finding, Unanswered
from harness.model.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One step of one try, judged. `applied` are the ids of the rules that had their evidence and looked."""

    step: str
    seen: Exchange | Unanswered
    verdict: Verdict
    claims_verdict: Verdict  # what it would be without the findings of standing rules and the contract
    findings: tuple[Finding, ...] = ()
    applied: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()  # the kinds of documents (completion, chunk, error …) that the contract looked at
    reason: str | None = None  # in words, where the findings do not say it


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a case: its steps in order, up to the first that is neither pass nor warn."""

    steps: tuple[Looked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """What one of several repeats of a trial came to; `rules` are those that it broke, and its claims that did not hold."""

    verdict: Verdict
    claims_verdict: Verdict
    rules: tuple[str, ...] = ()
    elapsed_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A trial that was held. What it amounts to is computed by `harness.judge.verdict`.

    Where it was held several times over, `attempts` are those of the worst of its `repeats`, which are in order.
    """

    trial: Trial
    attempts: tuple[Attempt, ...]
    repeats: tuple[Repeat, ...] = ()
    recorded: str | None = None  # replay: when, ISO 8601
    elapsed_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A trial that was not held, and why."""

    trial: Trial
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Errored:
    """A trial about which nothing can be said, through a fault of ours or of the set-up."""

    trial: Trial
    reason: str


Outcome: TypeAlias = "Judged | Skipped | Errored"
