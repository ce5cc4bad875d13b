"""What is wrong with an endpoint, worst first, and each thing once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.model import Verdict
from harness.report import Document
from harness.report.matrix import trial

_LEVELS: Final = {"must": 0, None: 1, "should": 2, "may": 3}
"""`None` is an effect that did not come about, which is worse than what only some clients mind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing that is wrong with one endpoint.

    Of a standing rule: `broken` of `of` exchanges. Of a claim: as many of the trials of its case. Of a reason that several
    cases share, `rule` names that, and they are trials of all these cases. `result` and `finding` are its first occurrence;
    `finding` is None where the reason of the result says it all.
    """

    rule: str
    place: str | None
    level: str | None
    standing: bool
    message: str
    broken: int
    of: int
    cases: tuple[str, ...]
    result: Mapping[str, Any]
    finding: Mapping[str, Any] | None


def defects(document: Document, endpoint: str) -> tuple[Defect, ...]:
    """Everything that is wrong with an endpoint, worst first; the same defect once. Notes (MAY) come last."""
    results = [result for result in document["results"] if result["endpoint"] == endpoint]
    found = [*_standing(document, endpoint, results), *_claimed(results), *_refused(results)]
    return tuple(sorted(found, key=lambda one: (_LEVELS[one.level], not one.standing, -one.broken, one.rule, one.place or "")))


def _standing(document: Document, endpoint: str, results: Sequence[Mapping[str, Any]]) -> Iterator[Defect]:
    by_trial = {(result["case"], result["stream"]): result for result in results}
    for row in document["protocol"]:
        counted = row["endpoints"].get(endpoint)
        if not counted or not counted["first"]:
            continue
        first = counted["first"]
        result = by_trial[first["case"], first["stream"]]
        yield Defect(
            rule=row["rule"],
            place=row["place"],
            level=row["level"],
            standing=True,
            message=first["message"],
            broken=counted["broken"],
            of=counted["of"],
            cases=tuple(counted["cases"]),
            result=result,
            finding=_same(result, row["rule"], first),
        )


def _same(result: Mapping[str, Any], rule: str, first: Mapping[str, Any]) -> Mapping[str, Any] | None:
    wanted = (rule, first["exchange"], first["at"])
    found = (one for one in result["findings"] if (one["rule"], one["exchange"], one["at"]) == wanted)
    return next(found, None)


_COUNTS: Final = frozenset({Verdict.FAIL, Verdict.IGNORED, Verdict.WARN})


def _claimed(results: Sequence[Mapping[str, Any]]) -> Iterator[Defect]:
    """Claims that did not hold and counted: not those of tries that a later one made good, unless that is the verdict."""
    by_rule: dict[tuple[str, str], list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
    for result in results:
        if result["claims"] not in _COUNTS:
            continue
        told = {(one["rule"], _loose(one)): one for one in reversed(result["findings"]) if one["kind"] not in (None, "given")}
        for key, one in told.items():
            by_rule.setdefault(key, []).append((result, one))
    for (rule, _), where in by_rule.items():
        result, finding = where[0]
        yield Defect(
            rule=rule,
            place=None,
            level=finding["level"] if result["claims"] != Verdict.WARN else "should",
            standing=False,
            message=finding["message"] + (" (another try held)" if _made_good(result, finding) else ""),
            broken=len(where),
            of=sum(one["case"] == result["case"] for one in results),
            cases=tuple(trial(one) for one, _ in where),
            result=result,
            finding=finding,
        )


def _loose(finding: Mapping[str, Any]) -> str:
    """The place of a claim: the same streamed and not, and in every item."""
    return "".join("*" if character.isdecimal() else character for character in finding["at"] or "")


def _made_good(result: Mapping[str, Any], finding: Mapping[str, Any]) -> bool:
    return bool(result["claims"] == Verdict.WARN and finding["kind"] in ("effect", "expect"))


def _refused(results: Sequence[Mapping[str, Any]]) -> Iterator[Defect]:
    """Failures without a finding: the endpoint refused what it must not, or its reply cannot be read."""
    by_reason: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        if result["claims"] != Verdict.FAIL or any(one["kind"] in ("effect", "expect") for one in result["findings"]):
            continue
        if result["reason"] is None and any(one["level"] == "must" for one in result["findings"]):
            continue  # a standing rule says it
        reason = str(result["reason"] or "the reply cannot be used")
        by_reason.setdefault(_NUMBER.sub("#", reason.removeprefix(cause := _cause(reason))) + cause, []).append(result)
    for where in by_reason.values():
        reason = str(where[0]["reason"] or "the reply cannot be used")
        cases = {one["case"] for one in where}
        yield Defect(
            rule=where[0]["case"] if len(cases) == 1 else f"{_cause(reason)} (in {len(cases)} cases)",
            place=None,
            level="must",
            standing=False,
            message=reason,
            broken=len(where),
            of=sum(one["case"] in cases for one in results),
            cases=tuple(trial(one) for one in where),
            result=where[0],
            finding=None,
        )


_NUMBER: Final = re.compile(r"(?<![\w.])\d+")
_ANSWERED: Final = re.compile(r"the endpoint answered \d+|the stream broke off with an error event")


def _cause(reason: str) -> str:
    """What a reason says in short."""
    found = _ANSWERED.match(reason)
    return found[0] if found else "one reason"
