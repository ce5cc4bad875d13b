"""A run while it is held: its progress, what stops it, and what is kept of it on the disk until its report is written."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness import journal
from harness.commands import _writing
from harness.commands._progress import Progress
from harness.journal import Earlier, Journal
from harness.plan import Plan
from harness.session import Key, Session

_STOPS: Final = (signal.SIGINT, signal.SIGTERM)


class Held:
    """One run."""

    def __init__(self, opened: Session, planned: Plan, *, without: frozenset[Key], quiet: bool, look: bool) -> None:
        """`without` are trials that are held and not reported; `look`: say where an endpoint does not list its model."""
        self._opened = opened
        self._planned = planned
        self._without = without
        self._quiet = quiet
        self._look = look
        self._journal: Journal | None = None
        self.stopped: int | None = None  # the exit code, where it was stopped

    @property
    def way_out(self) -> str:
        """What to do where the report cannot be written."""
        return "" if self._journal is None else f"; what was judged is kept in {self._journal.path}: make room, and add --resume"

    def judged(self, folder: Path | None, *, resume: bool, limits: Mapping[str, Any]) -> dict[str, Any]:
        """The report's document. `folder` is where the journal is kept; None: nowhere. Raises BadInput for one of another run.

        The first Ctrl-C or SIGTERM stops it, and what was judged is the report; the second ends it at once.
        """
        mode = str(self._opened.mode)
        earlier = journal.read(folder, self._planned, mode, repeat=limits["repeat"]) if resume and folder is not None else None
        try:
            return asyncio.run(self._hold(folder, earlier, limits))
        except BaseException:
            if self._journal is not None:
                self._journal.close(whole=earlier is None and not self._journal.kept)
            raise

    def written(self, *, whole: bool) -> None:
        """The report is on the disk."""
        if self._journal is not None:
            self._journal.close(whole=whole)

    async def _hold(self, folder: Path | None, earlier: Earlier | None, limits: Mapping[str, Any]) -> dict[str, Any]:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()

        def stop(number: int) -> None:
            for one in _STOPS:
                loop.remove_signal_handler(one)  # the next one ends the process
            self.stopped = 128 + number
            if task is not None:
                task.cancel()

        for one in _STOPS:
            loop.add_signal_handler(one, stop, one)
        known = len(earlier.outcomes) if earlier is not None else 0
        with Progress(len(self._planned.trials) - known, quiet=self._quiet) as progress:
            if folder is not None:
                masked = self._opened.secrets
                self._journal = Journal(folder, tell=progress.tell, masked=lambda text: _writing.masked(text, masked))
                if earlier is None and self._journal.path.exists():
                    progress.tell(
                        f"{self._journal.path}: a run was stopped here; this one begins anew (--resume would go on with it)"
                    )
            return await self._opened.judged(
                self._planned,
                observer=progress,
                tell_unlisted=progress.tell if self._look else None,
                without=self._without,
                journal=self._journal,
                earlier=earlier,
                **limits,
            )
