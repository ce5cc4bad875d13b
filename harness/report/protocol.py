"""The rows of the protocol: how often each standing rule, and each place of the contract, was broken by whom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.model import Finding, Json, Judged, Level, Outcome, Trial

CONTRACT: Final = "contract."
_IN_A_STREAM: Final = frozenset({"chunk", "error"})
_POSITION: Final = re.compile(r"(?<=/)\d+(?=/|$)")
_SEVERITY: Final = {level.value: rank for rank, level in enumerate(Level)}


@dataclass(slots=True)
class _Count:
    broken: int = 0
    first: dict[str, Json] | None = None
    cases: dict[str, None] = field(default_factory=dict)


def place(finding: Finding) -> str | None:
    """The place of a contract finding, positions left out; None for findings of rules, which have one row each."""
    if not finding.rule.startswith(CONTRACT) or finding.at is None:
        return None
    return _POSITION.sub("*", finding.at)


def counted(outcomes: Iterable[Outcome]) -> Tally:
    """What was found in all of these."""
    tally = Tally()
    for outcome in outcomes:
        if isinstance(outcome, Judged):
            tally.add(outcome)
    return tally


class Tally:
    """Counts what was found, an outcome at a time. It keeps no exchange, and `most_cases` names for each cell."""

    def __init__(self, most_cases: int | None = None) -> None:
        self._most_cases = most_cases
        self._looked_at: dict[tuple[str, str], int] = {}
        self._documents: dict[tuple[frozenset[str], str], int] = {}
        self._kinds: dict[tuple[str, str | None], set[str]] = {}  # of a place of the contract: in what documents it is broken
        self._counts: dict[tuple[str, str, str | None, str], _Count] = {}

    def add(self, outcome: Judged) -> bool:
        """Counts an outcome. True where something was found in it for the first time with its endpoint."""
        name = outcome.trial.endpoint.name
        exchange = -1
        new = False
        for number, attempt in enumerate(outcome.attempts, 1):
            for looked in attempt.steps:
                exchange += 1
                for rule in looked.applied:
                    self._looked_at[rule, name] = self._looked_at.get((rule, name), 0) + 1
                self._documents[looked.documents, name] = self._documents.get((looked.documents, name), 0) + 1
                seen: set[tuple[str, str, str | None, str]] = set()
                for finding in looked.findings:
                    if finding.kind is not None or finding.level is None:
                        continue
                    key = (finding.level.value, finding.rule, place(finding), name)
                    count = self._counts.setdefault(key, _Count())
                    self._kinds.setdefault(key[1:3], set()).update(_about(finding, looked.documents))
                    count.broken += key not in seen
                    seen.add(key)
                    if self._most_cases is None or len(count.cases) < self._most_cases:
                        count.cases[outcome.trial.case.path + (":stream" if outcome.trial.stream else "")] = None
                    if count.first is None:
                        count.first = _first(outcome.trial, looked.step, number, exchange, finding)
                        new = True
        return new

    def rows(self, endpoints: Sequence[str], levels: dict[str, Level]) -> list[Json]:
        """Each standing rule that looked at anything, and each place of the contract that somebody breaks.

        `levels` are those of the rules that there are. A row has, for each endpoint, in how many of how many exchanges: those
        that the rule looks at, or those with a document of the kind in which that place of the contract is.
        """
        keys = {(level, rule, where) for level, rule, where, _ in self._counts}
        broken = {rule for _, rule, _ in keys}
        for rule, _ in self._looked_at:
            if rule not in broken and rule in levels:
                keys.add((levels[rule].value, rule, None))
        return [
            {
                "rule": rule,
                "place": where,
                "level": level,
                **({} if where is None else {"documents": list[Json](sorted(self._kinds[rule, where]))}),
                "endpoints": {
                    name: _cell(self._counts.get((level, rule, where, name)), self._of(rule, where, name)) for name in endpoints
                },
            }
            for level, rule, where in sorted(keys, key=lambda key: (_SEVERITY[key[0]], key[1], key[2] or ""))
        ]

    def documents(self, endpoint: str) -> dict[str, int]:
        """How many of its exchanges held documents of which kinds: `chunk error`, say, for a stream that failed."""
        found = {" ".join(sorted(kinds)): count for (kinds, name), count in self._documents.items() if name == endpoint and kinds}
        return dict(sorted(found.items()))

    def _of(self, rule: str, where: str | None, name: str) -> int:
        if where is None:
            return self._looked_at.get((rule, name), 0)
        kinds = self._kinds[rule, where]
        return sum(count for (held, whose), count in self._documents.items() if whose == name and kinds & held)


def _about(finding: Finding, documents: frozenset[str]) -> frozenset[str]:
    """The kinds of documents, of those in an exchange, in which a place of the contract is."""
    if len(documents) > 1 and documents <= _IN_A_STREAM:
        return frozenset({"error"}) if (finding.at or "").count("/error") else frozenset({"chunk"})
    return documents


def _first(trial: Trial, step: str, attempt: int, exchange: int, finding: Finding) -> dict[str, Json]:
    return {
        "case": trial.case.path,
        "stream": trial.stream,
        "step": step,
        "try": attempt,
        "exchange": exchange,
        "at": finding.at,
        "message": finding.message,
    }


def _cell(count: _Count | None, of: int) -> dict[str, Json]:
    if count is None:
        return {"broken": 0, "of": of, "first": None, "cases": []}
    return {"broken": count.broken, "of": max(of, count.broken), "first": count.first, "cases": list(count.cases)}
