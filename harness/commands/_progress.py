"""Progress of a run on stderr: one line that changes, and only where a person is looking."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from harness.model import Endpoint, Outcome, Trial


class Progress:
    """An observer of the engine. Says nothing where stderr is no terminal."""

    def __init__(self, trials: int, *, quiet: bool = False) -> None:
        self._trials = trials
        self._shown = sys.stderr.isatty() and not quiet
        self._done = 0
        self._waits: dict[str, tuple[float, str]] = {}
        self._last = ""
        self._drawn = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def started(self, trial: Trial) -> None:
        """A trial is being held."""
        self._last = f"{trial.endpoint.name} {trial.case.path}{' (stream)' if trial.stream else ''}"
        self._draw()

    def finished(self, outcome: Outcome) -> None:
        """A trial has come to its end."""
        self._done += 1
        self._draw(now=self._done == self._trials)

    def waiting(self, endpoint: Endpoint, seconds: float, why: str) -> None:
        """A request to an endpoint waits."""
        self._waits[endpoint.name] = (time.monotonic() + seconds, why)
        self._draw(now=True)

    def tell(self, said: str) -> None:
        """A line that stays, also where nobody is looking."""
        sys.stderr.write(f"\r\x1b[K{said}\n" if self._shown else f"{said}\n")
        sys.stderr.flush()

    def _draw(self, *, now: bool = False) -> None:
        clock = time.monotonic()
        if not self._shown or (clock - self._drawn < 0.1 and not now):
            return
        self._drawn = clock
        waits = [f"{name} waits {until - clock:.0f} s ({why})" for name, (until, why) in self._waits.items() if until > clock]
        line = f"{self._done}/{self._trials}  {'; '.join(waits) or self._last}"
        sys.stderr.write(f"\r\x1b[K{line[:110]}")
        sys.stderr.flush()


class Line:
    """A line on stderr that changes, and goes away at the end. Says nothing where stderr is no terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._shown = sys.stderr.isatty() and not quiet
        self._drawn = 0.0

    def __enter__(self) -> Line:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def clear(self) -> None:
        """Takes the line away; the next one is shown at once."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = 0.0

    def show(self, said: str) -> None:
        """Shows this in place of what is there, ten times a second at most."""
        clock = time.monotonic()
        if not self._shown or clock - self._drawn < 0.1:
            return
        self._drawn = clock
        printable = "".join(character if character.isprintable() else "?" for character in said[:110])
        sys.stderr.write(f"\r\x1b[K{printable}")
        sys.stderr.flush()
