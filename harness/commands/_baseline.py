"""A baseline held against a run: what it accepts, and how it is brought up to date."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from harness import baseline, load, plan
from harness.catalogue import OF_THE_JUDGE
from harness.commands import _verdicts
from harness.report import accepted
from harness.report.outcomes import accepted_entry
from harness.rule import all_rules
from harness.session import Session


def accepting(opened: Session, path: Path, selection: Sequence[str], *, may_begin: bool) -> Session:
    """The session with what the baseline accepts, beside what the profiles do. Raises BadFile with every slip in it."""
    if may_begin and not path.exists():
        return opened
    found = baseline.read(path)
    suites = plan.plan(opened.endpoints, opened.suites, only=selection).suites
    cases = [case.path for suite in suites for case in suite.cases]
    rules = [*(rule.id for rule in all_rules()), *OF_THE_JUDGE]
    found.check([endpoint.name for endpoint in opened.endpoints], load.endpoint_names(), cases, rules)
    return replace(
        opened,
        endpoints=tuple(
            replace(endpoint, known={**endpoint.known, **found.endpoints.get(endpoint.name, {})}) for endpoint in opened.endpoints
        ),
        recorded=tuple(
            replace(endpoint, known={**endpoint.known, **found.endpoints.get(endpoint.name, {})}) for endpoint in opened.recorded
        ),
    )


def accepted_in(document: dict[str, Any], path: Path) -> None:
    """Adds what the baseline accepts to a report. Raises BadFile with every slip in it."""
    found = baseline.read(path)
    cases = sorted({result["case"] for result in document["results"]})
    others = [entry.partition(":")[0] for entries in found.endpoints.values() for entry in entries if "/" in entry]
    found.check(list(document["endpoints"]), load.endpoint_names(), [*cases, *others], [*document["rules"], *OF_THE_JUDGE])
    for name, about in document["endpoints"].items():
        entries = {entry: accepted_entry(one) for entry, one in found.endpoints.get(name, {}).items()}
        about["known"] = {**about["known"], **entries}
    accepted.marked(document)


def of_traffic(document: Mapping[str, Any], levels: Collection[str]) -> list[str]:
    """What a baseline leaves unexpected of recorded traffic, a line each: rules that are broken, and entries that are stale."""
    today = datetime.now(UTC).date().isoformat()
    broken: dict[tuple[str, str], str] = {}
    looked: set[tuple[str, str]] = set()
    for row in document["protocol"]:
        for host, cell in row["endpoints"].items():
            if cell["of"]:
                looked.add((host, row["rule"]))
            if cell["broken"] and row["level"] in levels:
                broken.setdefault((host, row["rule"]), row["level"])
    lines = []
    for host, about in document["endpoints"].items():
        for name, entry in about["known"].items():
            if (host, name) in looked and (host, name) not in broken:
                lines.append(f"{entry['place']}: {host}: {name} is stale: it is not broken; remove the entry")
            elif (entry["until"] or today) < today:
                lines.append(
                    f"{entry['place']}: {host}: {name} was accepted until {entry['until']}; mend it, or agree on another day"
                )
    known = {(host, name) for host, about in document["endpoints"].items() for name in about["known"]}
    return [
        *lines,
        *(f"{host}: {rule} is broken ({level})" for (host, rule), level in broken.items() if (host, rule) not in known),
    ]


def updated(path: Path, document: dict[str, Any], unexpected: _verdicts.Unexpected) -> _verdicts.Unexpected:
    """Writes the baseline so that it accepts what is unexpected, and nothing that is stale; what is unexpected after that."""
    of_file = [
        (endpoint, name) for endpoint, name in unexpected.unused if document["endpoints"][endpoint]["known"][name].get("place")
    ]
    covered = {
        (endpoint, name) for endpoint, about in document["endpoints"].items() for name in about["known"]
    }  # an entry whose day has passed is for a person to mend
    add = [entry for entry in _verdicts.to_accept(document, unexpected.results) if entry not in covered]
    if baseline.amend(path, add=add, remove=of_file):
        said = [*_listed("added", add), *_listed("removed", of_file)]
        click.echo(f"{load.shown(path)}: {'; '.join(said)}", err=True)
    return replace(
        unexpected,
        results=(),
        stale=tuple(line for line in unexpected.stale if not any(_is_of(line, entry, document) for entry in of_file)),
        unused=(),
    )


def _listed(done: str, entries: Iterable[baseline.Entry]) -> list[str]:
    named = [f"{endpoint} {entry}" for endpoint, entry in entries]
    return [f"{done} {', '.join(named)}"] if named else []


def _is_of(line: str, entry: baseline.Entry, document: dict[str, Any]) -> bool:
    endpoint, name = entry
    return line.startswith(f"{document['endpoints'][endpoint]['known'][name]['place']}: {endpoint}: {name} is stale")
