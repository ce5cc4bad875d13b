"""What of a report is unexpected, and so decides the exit code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.commands._endpoints import without_version
from harness.document import did_you_mean
from harness.errors import BadInput
from harness.model import Verdict
from harness.report.reasons import STOPPED, UNRECORDED


def named(written: str) -> frozenset[str]:
    """The verdicts of `--fail-on`. Raises BadInput."""
    known = [str(verdict) for verdict in Verdict]
    chosen = [word.strip() for word in written.split(",") if word.strip()]
    for word in chosen:
        if word not in known:
            raise BadInput(f"--fail-on {word}: no such verdict{did_you_mean(word, known)}")
    return frozenset(chosen)


def shipped(path: Path) -> Mapping[str, Any] | None:
    """The report that is shipped, which says what to expect; None where there is none yet. Raises BadInput."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"), object_hook=_compared)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: is no report: {error}; delete it, or take it from the repository again") from None
    return found if isinstance(found, dict) else None


def _compared(part: dict[str, Any]) -> dict[str, Any]:
    """An object of a report without what is not compared: exchanges need not be held through a run."""
    part.pop("exchanges", None)
    part.pop("protocol", None)
    return part


def differences(expected: Mapping[str, Any], found: Mapping[str, Any], *, whole: bool = True) -> list[str]:
    """What differs between the shipped report and this one, a line a trial; not `whole`: this one is of a part only."""
    before, now = ({_key(result): result for result in report.get("results", [])} for report in (expected, found))
    lines = []
    for key in sorted(before.keys() | now.keys()):
        name = f"{key[0]} {key[1]}{' (stream)' if key[2] else ''}"
        if key not in now and not whole:
            continue
        if key not in now:
            lines.append(f"{name}: was {before[key]['verdict']}, and is gone")
        elif key not in before:
            lines.append(f"{name}: is new: {now[key]['verdict']}")
        elif before[key]["verdict"] != now[key]["verdict"]:
            lines.append(f"{name}: was {before[key]['verdict']}, is {now[key]['verdict']}")
        elif before[key]["findings"] != now[key]["findings"]:
            old, new = ({finding["rule"] for finding in side[key]["findings"]} for side in (before, now))
            changed = sorted(f"-{rule}" for rule in old - new) + sorted(f"+{rule}" for rule in new - old)
            lines.append(f"{name}: other findings: {' '.join(changed) or 'the same rules, other words or places'}")
    return lines


def _key(result: Mapping[str, Any]) -> tuple[str, str, bool]:
    return (result["endpoint"], result["case"], result["stream"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexpected:
    """The unexpected results, and accepted failures that no longer occur or whose day has passed."""

    results: tuple[Mapping[str, Any], ...]
    stale: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.results or self.stale)


def unexpected(document: Mapping[str, Any], unwanted: frozenset[str], level: str, *, binding: bool) -> Unexpected:
    """Results with an unwanted verdict that is not accepted. `binding`: accepted failures that are stale count too."""
    today = datetime.now(UTC).date().isoformat()
    results: list[Mapping[str, Any]] = []
    used: set[tuple[str, str]] = set()
    for result in document["results"]:
        known = document["endpoints"][result["endpoint"]]["known"]
        verdict = result["verdict"]
        if level == "must" and verdict == "warn":
            verdict = "pass"
        if verdict not in unwanted:
            continue
        severe = {finding["rule"] for finding in result["findings"] if finding["level"] == "must" or finding["kind"] is not None}
        names = {result["case"]} & known.keys() or (severe if severe and severe <= known.keys() else set())
        accepted = {name for name in names if (known[name]["until"] or today) >= today}
        used.update((result["endpoint"], name) for name in names)
        if not accepted:
            results.append(result)
    tried = {(result["endpoint"], result["case"]) for result in document["results"]}
    stale = [
        f"{endpoint}: known: {name} is stale: it did not fail; remove the entry"
        for endpoint, about in document["endpoints"].items()
        for name in about["known"]
        if (endpoint, name) not in used and ((endpoint, name) in tried or "/" not in name)
    ]
    return Unexpected(results=tuple(results), stale=tuple(stale) if binding else ())


def interrupted(document: Mapping[str, Any]) -> bool:
    """Was the run stopped before its end?"""
    return any(one["why"] == STOPPED for one in document["not_held"])


def unrecorded(document: Mapping[str, Any]) -> int:
    """How many trials a replay could not hold, since there is no recording that answers them."""
    return sum(int(one["count"]) for one in document["not_held"] if one["why"] in UNRECORDED)


def untested(document: Mapping[str, Any]) -> list[str]:
    """The endpoints of which nothing can be said, each with the reason that occurs most."""
    lines = []
    for name, about in document["endpoints"].items():
        if about["judged"] == 0:
            own = [r for r in document["results"] if r["endpoint"] == name and r["reason"]]
            reasons = [r["reason"] for r in own if r["verdict"] == "error"] or [r["reason"] for r in own]
            said = max(reasons, key=reasons.count) if reasons else "no reply"
            lines.append(f"{name}: nothing could be judged: {without_version(about['base_url'], said)}")
    return lines
