"""What of a report is unexpected, and so decides the exit code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.commands._endpoints import without_version
from harness.document import did_you_mean
from harness.errors import BadInput
from harness.model import Verdict
from harness.report.chance import FLAKY, flaky
from harness.report.outcomes import NOT_JUDGED
from harness.report.reasons import STOPPED, UNRECORDED


def named(written: str) -> frozenset[str]:
    """The verdicts of `--fail-on`. Raises BadInput."""
    known = [*(str(verdict) for verdict in Verdict), FLAKY]
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
    """The unexpected results, and what is wrong with accepted failures: they no longer occur, or their day has passed.

    `unused` are those that no longer occur, as endpoint and name.
    """

    results: tuple[Mapping[str, Any], ...]
    stale: tuple[str, ...]
    unused: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.results or self.stale)


def unexpected(
    document: Mapping[str, Any], unwanted: frozenset[str], level: str, *, binding: bool, whole: bool = True
) -> Unexpected:
    """Results with an unwanted verdict that is not accepted, and accepted failures that are stale or expired.

    `binding`: those of profiles count too; those of a baseline always do. `whole`: nothing was left out of the run, so that
    a rule that nobody broke is one that is kept.
    """
    from harness.report.accepted import covering

    today = datetime.now(UTC).date().isoformat()
    results: list[Mapping[str, Any]] = []
    used: set[tuple[str, str]] = set()
    judged: dict[tuple[str, str], bool] = {}  # a trial's name → was every trial of it judged?
    for result in document["results"]:
        endpoint, verdict = result["endpoint"], result["verdict"]
        known = document["endpoints"][endpoint]["known"]
        for name in own_names(result):
            judged[endpoint, name] = judged.get((endpoint, name), True) and verdict not in NOT_JUDGED
        if level == "must" and verdict == "warn":
            verdict = "pass"
        if verdict not in unwanted or (flaky(result) and FLAKY not in unwanted):
            used.update((endpoint, name) for name in own_names(result) if flaky(result))
            continue
        names = covering(result, known)
        used.update((endpoint, name) for name in names)
        if not any(_valid(known[name], today, binding) for name in names):
            results.append(result)
    broken = {
        (endpoint, row["rule"]) for row in document["protocol"] for endpoint, cell in row["endpoints"].items() if cell["broken"]
    }
    looked = {
        (endpoint, row["rule"]) for row in document["protocol"] for endpoint, cell in row["endpoints"].items() if cell["of"]
    }
    whole = whole and not document["partial"]
    lines, unused = [], []
    for endpoint, about in document["endpoints"].items():
        for name, entry in about["known"].items():
            if not (binding or entry.get("place")):
                continue
            where = f"{entry['place']}: {endpoint}: {name}" if entry.get("place") else f"{endpoint}: known: {name}"
            key = (endpoint, name)
            kept = judged.get(key, False) if "/" in name else whole and key in looked and key not in broken
            if key not in used and kept:
                unused.append(key)
                lines.append(f"{where} is stale: it did not fail; remove the entry")
            elif (entry["until"] or today) < today:
                lines.append(f"{where} was accepted until {entry['until']}; mend it, or agree on another day")
    return Unexpected(results=tuple(results), stale=tuple(lines), unused=tuple(unused))


def own_names(result: Mapping[str, Any]) -> tuple[str, str]:
    """The names by which an accepted failure means a trial: with the other of its case, and alone."""
    return (result["case"], f"{result['case']}:{'stream' if result['stream'] else 'plain'}")


def _valid(entry: Mapping[str, Any], today: str, binding: bool) -> bool:
    return (entry["until"] or today) >= today or not (binding or entry.get("place"))


def to_accept(document: Mapping[str, Any], results: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The fewest entries of a baseline that accept these results: a rule, where only rules are broken, else the case or trial."""
    from harness.report.accepted import severe

    found: dict[tuple[str, str], None] = {}
    cases: dict[tuple[str, str], set[bool]] = {}
    held: dict[tuple[str, str], set[bool]] = {}
    for result in document["results"]:
        held.setdefault((result["endpoint"], result["case"]), set()).add(result["stream"])
    for result in results:
        rules = severe(result)
        if rules and not any("/" in rule for rule in rules):
            found.update(dict.fromkeys((result["endpoint"], rule) for rule in sorted(rules)))
        else:
            cases.setdefault((result["endpoint"], result["case"]), set()).add(result["stream"])
    for (endpoint, case), streams in cases.items():
        if streams == held[endpoint, case]:
            found[endpoint, case] = None
        else:
            found.update(dict.fromkeys((endpoint, f"{case}:{'stream' if stream else 'plain'}") for stream in streams))
    return list(found)


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
