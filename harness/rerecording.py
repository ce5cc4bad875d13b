"""Recording what was recorded before: into a folder beside, so that what changes can be told before anything is replaced."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.cassette.profile import FILE as PROFILE
from harness.engine import Mode
from harness.report import changes
from harness.report.comparison import compare
from harness.session import Session, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerecording:
    """A recording over another. `session` writes to a folder beside, which has all that was recorded so far too."""

    session: Session
    folder: Path
    names: tuple[str, ...]  # of the endpoints that were recorded before

    async def changes(self, document: Mapping[str, Any], *, shard: str | None = None, **selection: Any) -> str:
        """What is otherwise than in the recordings that are still there, for a terminal. `selection`: as of the run."""
        before = opened(self.names, mode=Mode.REPLAY, cassettes=self.folder, environ={}, suites=self.session.suites)
        planned = before.plan(shard=shard, **selection)
        held = await before.judged(planned, without=planned.brought if shard is not None else frozenset())
        return changes.text(compare(held, _only(document, self.names)))

    def keep(self) -> None:
        """Puts what was recorded in its place, a file at a time."""
        for file in sorted(path for path in self.session.cassettes.rglob("*") if path.is_file()):
            place = self.folder / file.relative_to(self.session.cassettes)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, place)  # nothing happens where both are names of one file, which was not recorded again


@contextmanager
def begun(session: Session, *, resumed: bool = False) -> Iterator[Rerecording | None]:
    """What a session that records needs where it records over something; None where it does not.

    What a run that was killed left beside is taken up where the run is resumed, and is thrown away otherwise.
    """
    folder = session.cassettes
    names = tuple(one.name for one in session.endpoints if (folder / one.name / PROFILE).is_file())
    if session.mode is not Mode.RECORD or not names:
        yield None
        return
    aside = folder / f".recording-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:8]}"
    if not resumed:
        shutil.rmtree(aside, ignore_errors=True)
    try:
        for name in names:
            if not (aside / name / PROFILE).is_file():
                shutil.copytree(folder / name, aside / name, copy_function=_linked, dirs_exist_ok=True)
        yield Rerecording(session=replace(session, cassettes=aside), folder=folder, names=names)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _linked(source: str, target: str) -> None:
    """A second name for a file, which no writer of cassettes writes into; a copy, where there are no second names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _only(document: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    """A report without the endpoints that were not recorded before: of them there is nothing to compare."""
    return {
        **document,
        "endpoints": {name: about for name, about in document["endpoints"].items() if name in names},
        "results": [result for result in document["results"] if result["endpoint"] in names],
    }
