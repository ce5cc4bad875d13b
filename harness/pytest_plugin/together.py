"""All trials of an endpoint in one run of the engine, in a thread beside pytest's; an item waits for its own outcome."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final

from harness.commands._writing import masked
from harness.errors import ChatcompatError, Unusable
from harness.model import Outcome
from harness.session import Key, Session

_STOP_S: Final = 30.0
"""How long the requests that are under way may take to be given up."""


class Together:
    """The runs of the endpoints of a session. Each begins when its first outcome is asked for; nothing is sent before.

    Of an endpoint only the trials of `wanted` are held, and what they need.
    """

    def __init__(self, limits: Mapping[str, Any]) -> None:
        self._opened: Session | None = None
        self._limits = limits
        self._only: tuple[str, ...] = ()
        self._wanted: dict[str, dict[Key, Future[dict[str, Any]]]] = {}
        self._begun: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None
        self._untold: list[BaseException] = []  # faults of ours that came after the last outcome
        self.documents: dict[str, str] = {}  # by endpoint: what report.json would hold, as text without any key

    def want(self, opened: Session, keys: Collection[Key], only: Collection[str]) -> None:
        """What will be asked for; `only` are the selected suites, all where there is none."""
        self._opened = opened
        self._only = tuple(only)
        for key in keys:
            self._wanted.setdefault(key[0], {})[key] = Future()

    def result(self, key: Key) -> dict[str, Any]:
        """The result of a trial, as a report holds it; waits for it. Raises ChatcompatError where there is none."""
        name = key[0]
        if name not in self._begun:
            self._begin(name)
        return self._wanted[name][key].result()

    def stop(self) -> None:
        """Ends every run: nothing new is sent, and what was not held yet is told as interrupted.

        Raises a fault of ours that no item could tell.
        """
        if self._thread is None or self._loop is None or self._stop is None:
            return
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_STOP_S)
        self._thread = None
        if self._untold:
            raise self._untold[0]

    def _begin(self, name: str) -> None:
        if self._thread is None:
            ready = threading.Event()
            self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="chatcompat-engine", daemon=True)
            self._thread.start()
            ready.wait()
        assert self._loop is not None  # set before `ready`
        asyncio.run_coroutine_threadsafe(self._started(name), self._loop).result()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        await self._stop.wait()
        for name, task in self._begun.items():
            if not all(future.done() for future in self._wanted[name].values()):
                task.cancel()  # whatever has told its last outcome only closes its connections, and writes its report
        await asyncio.gather(*self._begun.values(), return_exceptions=True)

    async def _started(self, name: str) -> None:
        self._begun[name] = asyncio.create_task(self._hold(name))

    async def _hold(self, name: str) -> None:
        """The run of one endpoint, to its document or to why there is none."""
        assert self._opened is not None  # nothing is begun that was not wanted
        waiting = self._wanted[name]
        alone = replace(self._opened, endpoints=tuple(one for one in self._opened.endpoints if one.name == name))

        def finished(outcome: Outcome, result: dict[str, Any]) -> None:
            future = waiting.get(outcome.trial.key)
            if future is not None and not future.done():
                future.set_result(result)

        why: BaseException = Unusable("the run was stopped")
        try:
            ready = await alone.with_models()
            planned = ready.plan(only=self._only).narrowed(waiting)
            document = await ready.judged(planned, finished=finished, **self._limits)
            self.documents[name] = masked(json.dumps(document), ready.secrets)
        except ChatcompatError as error:
            why = type(error)(masked(str(error), alone.secrets)) if not hasattr(error, "slips") else error
        except Exception as fault:  # noqa: BLE001  a fault of ours is told by every item that waits
            why = fault
            if all(future.done() for future in waiting.values()):
                self._untold.append(fault)
        finally:
            for future in waiting.values():
                if not future.done():
                    future.set_exception(why)
