"""All trials of a plan: live, from cassettes, or recording them."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, assert_never

from harness import __version__, judge, prepare
from harness.cassette import Cassette, Player, Recorder, in_folder, read, write, write_profile
from harness.cassette.profile import FILE as PROFILE
from harness.claims import Dangling
from harness.cost import Purse
from harness.dialects import NoEquivalent, dialect
from harness.engine.conversation import Conduct, conduct
from harness.engine.observer import Observer, Unobserved
from harness.engine.probing import probed
from harness.engine.repeating import repeated
from harness.errors import ChatcompatError
from harness.model import (
    Endpoint,
    Errored,
    Exchange,
    Judged,
    Outcome,
    Reply,
    Silence,
    Skipped,
    Trial,
    Verdict,
)
from harness.plan import Plan
from harness.probe import SUITE as PROBE
from harness.wire import Network, Pace, Spent, Wire
from harness.wire.network import Pool

INTERRUPTED: Final = "interrupted"
"""The reason of trials that were not held, or not to their end, because the run was stopped."""


_PACKAGE: Final = Path(__file__).parent.parent


class Mode(StrEnum):
    """Where the replies come from."""

    LIVE = "live"
    REPLAY = "replay"  # from cassettes; the network is never touched
    RECORD = "record"  # live, and kept in cassettes


async def run(
    plan: Plan,
    *,
    mode: Mode,
    environ: Mapping[str, str],
    cassettes: Path,
    observer: Observer | None = None,
    concurrency: int = 8,
    max_requests: int | None = None,
    max_tokens: int | None = None,
    purse: Purse | None = None,
    missing: bool = False,
    before: Mapping[tuple[str, str, str, bool], Outcome] | None = None,
    repeat: int = 1,
    pool: Pool | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    keep: Callable[[Outcome], Outcome] = lambda outcome: outcome,
) -> tuple[Outcome, ...]:
    """Holds every trial of a plan; the outcomes, sorted by trial. Not one is lost: what fails in here is `Errored`.

    `concurrency` bounds the conversations at once over all endpoints, `max_requests` what is sent in all, retries
    included, and `max_tokens` what that costs; or `purse` does both, and keeps what was spent. `before` are outcomes of an
    earlier run of this plan: they are not held again, and what waits for them goes on. `repeat` is how often each trial is
    held live, but for probes. With `missing`, recording keeps the cassettes that still answer what is asked. `pool` stands in
    for the network. `keep` says what is kept of an outcome once it is complete, so that a long run need not hold all that was
    ever exchanged. Cancelled (Ctrl-C), it returns what it has, and the rest as Skipped("interrupted").

    Raises Unusable, before anything is sent, where a variable that a profile names is not set.
    """
    async with AsyncExitStack() as closing:
        purse = purse or Purse(max_requests=max_requests, max_tokens=max_tokens)
        held = _Run(plan, mode, cassettes, observer or Unobserved(), concurrency, purse, missing, sleep, now(), keep, repeat)
        if mode is not Mode.REPLAY:
            for endpoint in {trial.endpoint.name: trial.endpoint for trial in plan.trials}.values():
                line = _Line(endpoint, Network(endpoint, environ, pool))
                closing.push_async_callback(line.network.aclose)
                held.lines[endpoint.name] = line
        trials = [trial for trial in plan.trials if not held.known(before or {}, trial)]
        tasks = [asyncio.create_task(held.outcome(trial)) for trial in trials]
        interrupted = False
        try:
            if tasks:
                await asyncio.wait(tasks)
        except asyncio.CancelledError:
            interrupted = True
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            current = asyncio.current_task()
            if current is not None:
                current.uncancel()
        held.write_profiles()
    outcomes = [
        Skipped(trial=trial, reason=INTERRUPTED) if interrupted and task.cancelled() else task.result()
        for trial, task in zip(trials, tasks, strict=True)
    ]
    return tuple(sorted(outcomes, key=lambda outcome: outcome.trial.key))


@dataclass(slots=True)
class _Line:
    """What the conversations with one endpoint share."""

    endpoint: Endpoint
    network: Network
    pace: Pace = field(init=False)
    slots: asyncio.Semaphore = field(init=False)
    answers: bool = False  # has it ever?
    unreachable: str | None = None  # why, where it never answered and cannot be connected to
    server: str | None = None
    recorded: bool = False

    def __post_init__(self) -> None:
        self.pace = Pace(self.endpoint.limits.requests_per_minute)
        self.slots = asyncio.Semaphore(self.endpoint.limits.concurrency)


class _Run:
    def __init__(
        self,
        plan: Plan,
        mode: Mode,
        cassettes: Path,
        observer: Observer,
        concurrency: int,
        purse: Purse,
        missing: bool,
        sleep: Callable[[float], Awaitable[None]],
        began: datetime,
        keep: Callable[[Outcome], Outcome],
        repeat: int,
    ) -> None:
        self.lines: dict[str, _Line] = {}
        self._plan = plan
        self._mode = mode
        self._cassettes = cassettes
        self._observer = observer
        self._everywhere = asyncio.Semaphore(concurrency)
        self._purse = purse
        self._missing = missing
        self._sleep = sleep
        self._keep = keep
        self._repeat = repeat
        self._began = began.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        loop = asyncio.get_running_loop()
        self._ended: dict[tuple[str, str, str, bool], asyncio.Future[Outcome]] = {}
        self._order: dict[tuple[str, str, str, bool], int] = {}
        for position, trial in enumerate(plan.trials):
            self._ended[trial.key] = loop.create_future()
            self._order[trial.key] = position

    # ------------------------------------------------------------ one trial, come what may

    def known(self, before: Mapping[tuple[str, str, str, bool], Outcome], trial: Trial) -> bool:
        """Did the trial end in an earlier run? Then those who wait for it know."""
        if trial.key in before:
            self._ended[trial.key].set_result(before[trial.key])
        return trial.key in before

    async def outcome(self, trial: Trial) -> Outcome:
        """The outcome of one trial, whatever happens; told to the observer, and to the trials that wait for it."""
        try:
            found = await self._outcome(trial)
        except Spent:
            found = Skipped(trial=trial, reason=self._purse.full)
        except Dangling as dangling:
            why = f"a later step could not be asked: its request takes {dangling}"
            found = Errored(trial=trial, reason=f"{why}; let the step that it comes from `expect` it")
        except ChatcompatError as error:
            found = Errored(trial=trial, reason=self._masked(trial, str(error)))
        except Exception as fault:  # noqa: BLE001  a fault of ours is an outcome too, and ends no other trial
            found = Errored(trial=trial, reason=self._masked(trial, _fault(fault)))
        kept = self._keep(found)
        self._ended[trial.key].set_result(kept)
        self._observer.finished(kept)
        return kept

    async def _outcome(self, trial: Trial) -> Outcome:
        trial = await self._informed(trial)
        unmet = await self._unmet(trial)
        if unmet is not None:
            return Skipped(trial=trial, reason=unmet)
        match self._mode:
            case Mode.REPLAY:
                self._observer.started(trial)
                return await self._replayed(trial)
            case Mode.LIVE | Mode.RECORD:
                line = self.lines[trial.endpoint.name]
                async with line.slots, self._everywhere:
                    self._observer.started(trial)
                    if self._mode is Mode.RECORD and self._missing:
                        kept = await self._kept(trial)
                        if kept is not None:
                            return kept
                    if line.unreachable is not None:
                        why = f"not asked, since the endpoint could not be reached: {line.unreachable}"
                        return Errored(trial=trial, reason=why)
                    times = self._repeat if self._mode is Mode.LIVE and trial.case.suite != PROBE else 1
                    return await repeated(times, lambda: self._live(trial, line))
            case _:
                assert_never(self._mode)

    async def _informed(self, trial: Trial) -> Trial:
        """The trial with what the probe of its model found, once that was held."""
        probe = self._plan.probes.get(trial.key)
        if probe is None:
            return trial
        outcome = await asyncio.shield(self._ended[probe.key])
        return replace(trial, endpoint=replace(trial.endpoint, learned=outcome.trial.endpoint.learned))

    def _conduct(self, trial: Trial) -> Conduct:
        """How a trial is held: a probe may ask twice."""
        return probed if trial.case.suite == PROBE else conduct

    async def _unmet(self, trial: Trial) -> str | None:
        """Which prerequisite keeps the trial from being held. Only trials before it are waited for, so none waits in a ring.

        Its claims decide: one broken rule of the protocol does not keep everything else from being tried.
        """
        for feature in trial.case.needs[:-1] if trial.case.suite != PROBE else ():
            base = self._plan.base_case(feature, trial.stream)
            if base is None:
                continue
            case, stream = base
            key = Trial(endpoint=trial.endpoint, case=case, stream=stream).key
            if self._order.get(key, len(self._order)) >= self._order[trial.key]:
                continue
            ended = await asyncio.shield(self._ended[key])
            verdict = judge.verdict(ended, of_claims=True)
            repeats = ended.repeats if isinstance(ended, Judged) else ()
            if verdict not in judge.GOES_ON and not any(one.claims_verdict in judge.GOES_ON for one in repeats):
                return f"needs {feature}, whose base case {case.path} ended as {verdict}"
        return None

    # ------------------------------------------------------------ from a cassette

    async def _replayed(self, trial: Trial) -> Outcome:
        path = in_folder(self._cassettes, trial)
        try:
            cassette = read(path)
        except FileNotFoundError:
            if self._asks_nothing(trial):
                return await self._held_without(trial)
            way_out = f"record it: {recording(trial.case.path, trial.endpoint.name, self._cassettes)}"
            return Errored(trial=trial, reason=self._placeless(f"not recorded: there is no {path}; {way_out}"))
        player = Player(cassette, trial.endpoint, self._placeless(str(path)))
        wire = Wire(trial.endpoint, player)
        held = await self._conduct(trial)(trial, wire, optional=self._plan.optional, another_try=lambda: not player.exhausted)
        return replace(held, recorded=cassette.recorded, elapsed_ms=cassette.elapsed_ms)

    def _asks_nothing(self, trial: Trial) -> bool:
        """Has the endpoint's API no form for the first request, so that there is nothing to record?"""
        try:
            request = prepare.request(trial, trial.case.steps[0], {})
        except ChatcompatError:
            return False
        return isinstance(dialect(trial.endpoint.dialect).outgoing(request, trial.endpoint), NoEquivalent)

    async def _held_without(self, trial: Trial) -> Judged:
        """A trial of which nothing is sent."""
        player = Player(Cassette(interactions=()), trial.endpoint, "nothing")
        return await conduct(trial, Wire(trial.endpoint, player), optional=self._plan.optional)

    def _placeless(self, said: str) -> str:
        """What is said, without the place of the recordings on this machine, which has no business in a report."""
        whole = str(self._cassettes)
        return said.replace(whole, self._cassettes.name) if Path(whole).is_absolute() else said

    async def _kept(self, trial: Trial) -> Judged | None:
        """The outcome of the cassette that there is, where it still answers what is asked."""
        try:
            outcome = await self._replayed(trial)
        except ChatcompatError:
            return None  # a file that cannot be read is as good as none
        if not isinstance(outcome, Judged) or judge.verdict(outcome) is Verdict.ERROR:
            return None
        return outcome

    # ------------------------------------------------------------ live

    async def _live(self, trial: Trial, line: _Line) -> Judged:
        recorder = Recorder(line.network) if self._mode is Mode.RECORD else None
        wire = self._wire(trial, line, recorder or line.network)
        begun = time.perf_counter()
        held = await self._conduct(trial)(
            trial, wire, optional=self._plan.optional, others_answer=lambda: self._others_answer(trial, line)
        )
        held = replace(held, elapsed_ms=round((time.perf_counter() - begun) * 1000, 1))
        self._learn(held, line)
        if recorder is not None and recorder.complete and judge.verdict(held) is not Verdict.ERROR:
            cassette = recorder.cassette(**self._metadata(held, line))
            write(in_folder(self._cassettes, trial), cassette)
            line.recorded = True
            held = replace(held, recorded=cassette.recorded)
        return held

    def _wire(self, trial: Trial, line: _Line, transport: Recorder | Network) -> Wire:
        return Wire(
            line.endpoint,
            transport,
            terminator=dialect(line.endpoint.dialect).TERMINATOR,
            pace=line.pace,
            spend=lambda request, again: self._purse.take(trial.key, request, again=again),
            settle=lambda request, seen: self._purse.settle(trial.key, request, seen),
            waiting=lambda seconds, why: self._observer.waiting(line.endpoint, seconds, why),
            sleep=self._sleep,
        )

    async def _others_answer(self, trial: Trial, line: _Line) -> bool:
        """Does the endpoint, which answered something before, answer a base case of the same trial now?"""
        if not line.answers:
            return False
        for feature in trial.case.needs:
            base = self._plan.base_case(feature, trial.stream)
            if base is None or base[0].path == trial.case.path:
                continue
            case, stream = base
            again = Trial(endpoint=trial.endpoint, case=case, stream=stream)
            request = dialect(trial.endpoint.dialect).outgoing(prepare.request(again, case.steps[0], {}), trial.endpoint)
            if isinstance(request, NoEquivalent):
                continue
            try:
                return isinstance(await self._wire(trial, line, line.network).send(request), Reply)
            except Spent:
                return False
        return False

    def _learn(self, held: Judged, line: _Line) -> None:
        """What a trial shows of its endpoint, whatever its verdict."""
        for seen in (looked.seen for attempt in held.attempts for looked in attempt.steps):
            if isinstance(seen, Exchange):
                line.answers = True
                line.server = line.server or seen.reply.header("server")
            elif seen.silence is Silence.UNREACHABLE and not line.answers:
                line.unreachable = line.unreachable or seen.message

    # ------------------------------------------------------------ what is kept of a recording

    def _metadata(self, held: Judged, line: _Line) -> dict[str, str]:
        server = line.endpoint.recorded.get("server") or line.server
        return {
            "recorded": self._began,
            "harness": f"chatcompat {__version__}",
            **({"server": line.network.masked(server)} if server else {}),
            **({"version": line.endpoint.recorded["version"]} if "version" in line.endpoint.recorded else {}),
            "elapsed_ms": f"{held.elapsed_ms:.1f}",
        }

    def write_profiles(self) -> None:
        """The profile of every endpoint of which something was recorded, beside its cassettes."""
        for line in self.lines.values():
            if line.recorded:
                known = {"server": line.network.masked(line.server)} if line.server else {}
                write_profile(self._cassettes, line.endpoint, {**known, **line.endpoint.recorded, "date": self._began})

    def _masked(self, trial: Trial, said: str) -> str:
        line = self.lines.get(trial.endpoint.name)
        return self._placeless(line.network.masked(said) if line is not None else said)


def recording(selection: str, endpoint: str, cassettes: Path) -> str:
    """The command that records what is missing, with the profile that was recorded with."""
    profile = cassettes / endpoint / PROFILE
    named = str(profile) if profile.is_file() else f"{endpoint}.yaml"
    return f"chatcompat run {selection} --endpoint {named} --mode record --missing --cassettes {cassettes}"


def _fault(fault: Exception) -> str:
    """An exception of ours in one line: type, place, text."""
    ours = [frame for frame in traceback.extract_tb(fault.__traceback__) if Path(frame.filename).is_relative_to(_PACKAGE)]
    place = f" in {Path(ours[-1].filename).relative_to(_PACKAGE.parent)}:{ours[-1].lineno}" if ours else ""
    said = str(fault).partition("\n")[0][:200]
    return f"our own fault, please report it: {type(fault).__name__}{place}" + (f": {said}" if said else "")
