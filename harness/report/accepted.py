"""Failures that were known and accepted beforehand: every format says so of them, and none calls them passed.

An entry of `known` names a case (`suite/case`, or one trial of it with `:stream` or `:plain`) or a rule: a case that fails is
accepted, and so is a trial of which every finding that counts is of an accepted rule. An entry whose day had passed when the
run began accepts nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.model import Verdict
from harness.report import Document
from harness.report.matrix import trial

_ACCEPTABLE: Final = (Verdict.FAIL, Verdict.IGNORED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Trials of one endpoint whose failure is accepted, all with the same verdict and for the same reason."""

    endpoint: str
    verdict: str
    why: str
    trials: tuple[str, ...]


def known(document: Document) -> tuple[Known, ...]:
    """Every accepted failure, in the order of the results."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for result in document["results"]:
        if entry := accepted(document, result):
            grouped.setdefault((result["endpoint"], result["verdict"], said(entry)), []).append(trial(result))
    return tuple(
        Known(endpoint=endpoint, verdict=verdict, why=why, trials=tuple(trials))
        for (endpoint, verdict, why), trials in grouped.items()
    )


def accepted_trials(document: Document, endpoint: str) -> frozenset[str]:
    """The names of an endpoint's trials whose failure is accepted."""
    if not document["endpoints"][endpoint]["known"]:
        return frozenset()
    return frozenset(
        trial(one) for one in document["results"] if one["endpoint"] == endpoint and accepted(document, one) is not None
    )


def accepted(document: Document, result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The entry by which the failure of a trial is accepted; None where it is not, or did not fail."""
    if result["verdict"] not in _ACCEPTABLE:
        return None
    valid = entries(document, result["endpoint"])
    names = covering(result, valid)
    return valid[names[0]] if names else None


def marked(document: dict[str, Any]) -> dict[str, Any]:
    """The document, in which each result whose failure is accepted names the entries by which it is (`accepted`)."""
    for result in document["results"]:
        result.pop("accepted", None)
        if result["verdict"] in _ACCEPTABLE and (names := covering(result, entries(document, result["endpoint"]))):
            result["accepted"] = list(names)
    return document


def covering(result: Mapping[str, Any], names: Collection[str]) -> tuple[str, ...]:
    """Which of these names of accepted failures cover the failure of a trial: its own, else all rules of findings that count."""
    own = (result["case"], f"{result['case']}:{'stream' if result['stream'] else 'plain'}")
    if of_case := tuple(name for name in own if name in names):
        return of_case
    rules = severe(result)
    return tuple(sorted(rules)) if rules and rules <= set(names) else ()


def severe(result: Mapping[str, Any]) -> set[str]:
    """The rules and claims (`suite/case:kind`) whose findings make a trial fail."""
    return {one["rule"] for one in result["findings"] if one["level"] == "must" or one["kind"] is not None}


def entries(document: Document, endpoint: str) -> dict[str, Mapping[str, Any]]:
    """What is accepted of an endpoint, by the name of the case or rule."""
    day = str(document["started"] or "")[:10]
    known: Mapping[str, Mapping[str, Any]] = document["endpoints"][endpoint]["known"]
    return {name: entry for name, entry in known.items() if not day or (entry.get("until") or day) >= day}


def said(entry: Mapping[str, Any]) -> str:
    """An entry in words: why it is accepted, where it is discussed, whose it is, and how long."""
    whose = f"owner {entry['owner']}" if entry.get("owner") else ""
    until = f"accepted until {entry['until']}" if entry.get("until") else ""
    return f"known failure: {', '.join(part for part in (entry.get('reason'), entry.get('issue'), whose, until) if part)}"
