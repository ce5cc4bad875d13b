"""Claimed against measured: what a vendor says of a feature, and what came out of trying it.

| said | it works | it does not |
| --- | --- | --- |
| the vendor has it | agreed | overclaimed |
| the vendor lacks it | underclaimed | agreed |

Whether a feature works is decided by its base case, the first that tests it, streamed and not: it works where every trial
of it that was judged passed its claims (standing rules aside: they are about the protocol, not about the feature). Where
none was judged, the statement is untested. The feature's other trials are counted, and decide nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from harness.model import Statement, Verdict
from harness.report import Document
from harness.report.grouping import by_endpoint

AGREED: Final = "agreed"
OVERCLAIMED: Final = "overclaimed"
UNDERCLAIMED: Final = "underclaimed"
UNTESTED: Final = "untested"

ORDER: Final = (OVERCLAIMED, UNDERCLAIMED, AGREED, UNTESTED)
"""Those that tell a reader something come first."""

MEANINGS: Final[Mapping[str, str]] = {
    OVERCLAIMED: "the vendor says that it works, and it does not",
    UNDERCLAIMED: "the vendor says that it is lacking, and it works",
    AGREED: "it is as the vendor says",
    UNTESTED: "nothing that was judged tells",
}

TOLD: Final = (OVERCLAIMED, UNDERCLAIMED)
"""Where vendor and measurement differ."""

_WORKS: Final = (Verdict.PASS, Verdict.WARN)
_TELLS: Final = (*_WORKS, Verdict.IGNORED, Verdict.UNSUPPORTED, Verdict.FAIL)
_MOST_FINDINGS: Final = 5


def stated(statements: Mapping[str, Statement]) -> dict[str, dict[str, Any]]:
    """A profile's `has` or `lacks` for the report: the link, the day it was read, and the vendor's words in ours."""
    return {
        feature: {"link": said.link, "checked": said.checked, "says": said.says} for feature, said in sorted(statements.items())
    }


def rows(
    endpoints: Mapping[str, Mapping[str, Any]], features: Iterable[Mapping[str, Any]], results: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """A row for each statement of each endpoint, by endpoint, then as `ORDER` has it, then by feature.

    `endpoints`, `features` and `results` are those of the report's document.
    """
    bases = {feature["id"]: feature.get("base") for feature in features}
    own = by_endpoint(results)
    found = [
        _row(name, feature, claim, said, bases.get(feature), own.get(name, []))
        for name, profile in endpoints.items()
        for claim in ("has", "lacks")
        for feature, said in (profile.get(claim) or {}).items()
    ]
    return sorted(found, key=lambda row: (row["endpoint"], ORDER.index(row["verdict"]), row["feature"]))


def _row(
    endpoint: str,
    feature: str,
    claim: str,
    said: Mapping[str, Any],
    base: str | None,
    results: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    tried = [one for one in results if one["features"][-1] == feature and _tells(one)]
    decisive = [one for one in tried if one["case"] == base]
    return {
        "endpoint": endpoint,
        "feature": feature,
        "claim": claim,
        "says": said["says"],
        "link": said["link"],
        "checked": said["checked"],
        "verdict": _verdict(claim, decisive),
        "works": sum(map(_works, tried)),
        "of": len(tried),
        "evidence": [_evidence(one) for one in decisive],
    }


def _tells(result: Mapping[str, Any]) -> bool:
    return result["verdict"] in _TELLS and result["claims"] in _TELLS


def _works(result: Mapping[str, Any]) -> bool:
    return result["claims"] in _WORKS


def _verdict(claim: str, decisive: Sequence[Mapping[str, Any]]) -> str:
    if not decisive:
        return UNTESTED
    works = all(map(_works, decisive))
    if works is (claim == "has"):
        return AGREED
    return UNDERCLAIMED if works else OVERCLAIMED


def _evidence(result: Mapping[str, Any]) -> dict[str, Any]:
    """The trial, its verdict, and what of its claims was found broken; the reason where nothing was."""
    broken = dict.fromkeys(one["rule"] for one in result["findings"] if one["kind"] in ("effect", "expect"))
    return {
        "case": result["case"],
        "stream": result["stream"],
        "verdict": result["claims"],
        "findings": list(broken)[:_MOST_FINDINGS],
        "reason": None if broken else result["reason"],
    }


def of(document: Document) -> list[Mapping[str, Any]]:
    """The rows of a report; none where it is older than they are."""
    return list(document.get("claimed", ()))


def counted(rows: Iterable[Mapping[str, Any]]) -> str:
    """How many of each: `1 overclaimed, 8 agreed`."""
    found = Counter(row["verdict"] for row in rows)
    return ", ".join(f"{found[verdict]} {verdict}" for verdict in ORDER if found[verdict])


def said(row: Mapping[str, Any]) -> str:
    """What the vendor says: `has it`, or `lacks it (ignored)`."""
    return f"{row['claim']} it" + (f" ({row['says']})" if row["says"] else "")


def in_words(row: Mapping[str, Any]) -> str:
    """What was measured, in a line: `tools/named ignored, tools/named:stream pass; 3 of 4 trials work`."""
    trials = ", ".join(_trials(row["evidence"]))
    if not trials:
        return "its base case was not judged"
    more = f"; {row['works']} of {row['of']} trials of the feature work" if row["of"] > len(row["evidence"]) else ""
    return trials + more


def _trials(evidence: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in evidence:
        yield f"{one['case']}{':stream' if one['stream'] else ''} {one['verdict']}"
