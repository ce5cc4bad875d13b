"""What state recordings are in: how old, of what, which no longer answer what the suites ask, which nothing asks for.

Rules are no matter here: a replay judges by those of today. What a recording can go stale by is its request, which must be
that of its case, and its age, since the server may answer otherwise by now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from harness import session
from harness.cassette import metadata
from harness.cassette.profile import FILE as PROFILE
from harness.engine import Mode
from harness.model import Suite, Verdict
from harness.probe import SUITE as PROBE
from harness.report.matrix import trial
from harness.report.reasons import UNRECORDED, not_held


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The recordings of one endpoint. Trials are named `suite/case`, with `:stream`; files by their path in the folder."""

    endpoint: str
    cassettes: int
    size: int  # bytes
    oldest: date | None
    newest: date | None
    recorded: Mapping[str, date]  # by file, where it says so
    servers: tuple[str, ...]  # server and version, as the recordings say, the most frequent first
    harnesses: tuple[str, ...]  # what recorded them
    missing: tuple[str, ...]  # trials that nothing was recorded of
    differing: tuple[str, ...]  # trials that ask otherwise than was recorded
    unreadable: tuple[str, ...]  # trials whose file is damaged
    orphans: tuple[str, ...]  # files of cases that their suite no longer has
    strangers: tuple[str, ...]  # files of suites that are not among these

    def older_than(self, days: int, today: date) -> tuple[str, ...]:
        """The files that were recorded more than so many days ago, the oldest first."""
        old = [(when, file) for file, when in self.recorded.items() if (today - when).days > days]
        return tuple(file for _, file in sorted(old))


async def looked(folder: Path, suites: Sequence[Suite], own: Sequence[str] = ()) -> tuple[Kept, ...]:
    """The recordings in a folder, by endpoint, held against these suites and those of the user's in the files `own`.

    Raises BadInput where there are none, and BadFile for suites and profiles that are not well written.
    """
    opened = session.opened(mode=Mode.REPLAY, cassettes=folder, environ={}, suites=suites)
    planned = opened.plan(only=[*(suite.id for suite in suites if suite.id != PROBE), *own])
    document = await opened.judged(planned)
    return tuple(
        _kept(folder, one.name, planned.suites, [result for result in document["results"] if result["endpoint"] == one.name])
        for one in opened.endpoints
    )


def _kept(folder: Path, endpoint: str, suites: Iterable[Suite], results: Sequence[Mapping[str, Any]]) -> Kept:
    cases = {suite.id: {case.id: case.stream for case in suite.cases} for suite in suites}
    files = sorted((folder / endpoint).glob("*/*.yaml"))
    told = {file.relative_to(folder).as_posix(): metadata(file) for file in files}
    recorded = {name: when for name, about in told.items() if (when := _day(about.get("recorded"))) is not None}
    orphans, strangers = [], []
    for file in files:
        name = file.name.removesuffix(".yaml")
        streamed = name.endswith(".stream")
        if file.parent.name not in cases:
            strangers.append(file.relative_to(folder).as_posix())
        elif streamed not in cases[file.parent.name].get(name.removesuffix(".stream"), ()):
            orphans.append(file.relative_to(folder).as_posix())
    return Kept(
        endpoint=endpoint,
        cassettes=len(files),
        size=sum(file.stat().st_size for file in files),
        oldest=min(recorded.values(), default=None),
        newest=max(recorded.values(), default=None),
        recorded=recorded,
        servers=_frequent(" ".join(about[key] for key in ("server", "version") if key in about) for about in told.values()),
        harnesses=_frequent(about.get("harness", "") for about in told.values()),
        missing=_errors(results, UNRECORDED[0]),
        differing=_errors(results, UNRECORDED[1]),
        unreadable=_errors(results, None),
        orphans=tuple(orphans),
        strangers=tuple(strangers),
    )


def _errors(results: Iterable[Mapping[str, Any]], why: str | None) -> tuple[str, ...]:
    """The trials that could not be replayed for this reason; None: since the file cannot be read."""
    found = [one for one in results if one["verdict"] == Verdict.ERROR and not_held(str(one["reason"])) == why]
    return tuple(trial(one) for one in found if why is not None or "no cassette that can be read" in str(one["reason"]))


def _frequent(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name, _ in Counter(name for name in names if name).most_common())


def _day(written: str | None) -> date | None:
    try:
        return date.fromisoformat((written or "")[:10])
    except ValueError:
        return None


def prune(folder: Path, kept: Iterable[Kept]) -> None:
    """Deletes the files of cases that are gone, and folders that are empty then. What is of unknown suites stays."""
    for one in kept:
        for name in one.orphans:
            file = folder / name
            file.unlink(missing_ok=True)
            if not any(file.parent.iterdir()):
                file.parent.rmdir()


def profile_of(folder: Path, endpoint: str) -> Path:
    """The profile that an endpoint was recorded with."""
    return folder / endpoint / PROFILE
