"""Holds the conversations of suites with the reference server, in this process: no socket, no time, the real judge."""

from __future__ import annotations

import asyncio
import atexit
import functools
import pickle
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from harness import judge, load
from harness.engine.conversation import conduct
from harness.model import (
    Ending,
    Endpoint,
    Finding,
    HangUp,
    Headers,
    Judged,
    Reply,
    Request,
    Silence,
    Suite,
    Trial,
    Unanswered,
    Verdict,
)
from harness.reference import KEY, MODELS, Change, Stage, reply
from harness.reference.answer import Around, Asked
from harness.reference.refusal import Refusal
from harness.wire import LEFT, sent_headers

ENDPOINT = Endpoint(name="reference", title="The reference server", base_url="http://127.0.0.1/v1", model=MODELS[0])
MESSAGES = replace(ENDPOINT, name="reference-messages", dialect="anthropic")
"""The same server, asked at `/messages`."""

_ENOUGH_FOR_MESSAGES: Final = frozenset({
    "basic/answer", "errors/no-messages", "errors/unknown-model", "limits/cut", "stop/word", "streaming/pieces",
    "streaming/pieces-with-tools", "tools/declared", "tools/called", "tools/parallel",
})  # fmt: skip
"""The cases whose requests are of every kind that the Messages API answers in a form of its own."""


@dataclass(slots=True)
class Desk:
    """What a wire is to a conversation: takes requests, gives the replies of the reference server, and keeps both."""

    serial: int
    faults: Sequence[Change] = ()
    kept: list[tuple[Request, int, Around, Reply]] = field(default_factory=list)
    answering: list[Request] = field(default_factory=list)
    left: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Reply | Unanswered:
        self.serial += 1
        request = replace(request, headers=_with_key(request, sent_headers(request)))
        around = Around(beside=tuple(self.answering), left=tuple(self.left))
        replied = reply(request, self.serial, self.faults, around)
        self.kept.append((request, self.serial, around, replied))
        self.answering.append(request)
        await asyncio.sleep(0)  # those that are sent at the same time come in meanwhile
        self.answering.remove(request)
        if replied.ended is Ending.TIMED_OUT and not replied.frames:
            return Unanswered(request=request, silence=Silence.TIMED_OUT, message="no byte came")
        if request.hang_up is not None and 200 <= replied.status < 300:
            replied = _until_we_left(replied, request.hang_up)
        if replied.ended is Ending.HUNG_UP:
            self.left.append(request)
        else:
            self.left.clear()  # what was left before this one came is done with
        return replied


def _with_key(request: Request, headers: Headers) -> Headers:
    """The headers with the key of the server, as a wire adds that of a profile: not where a step has its own, or none."""
    own = any(name == "authorization" for name, _ in headers) or "authorization" in request.without
    return headers if own else (*headers, ("authorization", f"Bearer {KEY}"))


def _until_we_left(replied: Reply, hang_up: HangUp) -> Reply:
    """The part of a reply that came before: as many events, each a frame, or what came in that time."""
    frames = replied.frames[: hang_up.after_events]
    if hang_up.after_ms is not None:
        frames = tuple(frame for frame in frames if frame.at_ms <= hang_up.after_ms)
    if frames == replied.frames:
        return replied
    return replace(replied, frames=frames, ended=Ending.HUNG_UP) if frames else Reply(status=LEFT, ended=Ending.HUNG_UP)


def trials(suites: Iterable[Suite], endpoint: Endpoint = ENDPOINT) -> Iterator[Trial]:
    """Every case of the suites, in each of its modes."""
    for suite in suites:
        for case in suite.cases:
            for stream in case.stream:
                yield Trial(endpoint=endpoint, case=case, stream=stream)


@functools.cache
def shipped() -> tuple[Suite, ...]:
    """The suites of the project."""
    return load.suites()


async def _yes() -> bool:
    return True


def held(trial: Trial, serial: int, faults: Sequence[Change] = ()) -> tuple[Judged, Desk]:
    """A trial held with the reference server: what came of it, and what was said."""
    desk = Desk(serial, faults)
    return _loop().run_until_complete(conduct(trial, cast(Any, desk), optional=_optional(), others_answer=_yes)), desk


@functools.cache
def _optional() -> dict[str, bool]:
    return {feature.id: feature.optional for suite in shipped() for feature in suite.features}


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """One for all trials: making one takes longer than holding most of them."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop


@functools.cache
def faultless() -> tuple[tuple[Trial, int, Judged, Desk], ...]:
    """Every trial of the shipped suites, without any fault."""
    return tuple((trial, 1000 * place, *held(trial, 1000 * place)) for place, trial in enumerate(trials(shipped())))


@functools.cache
def faultless_at_messages() -> tuple[tuple[Trial, int, Judged, Desk], ...]:
    """The trials at `/messages` that its faults are tried on, without any fault."""
    native = (trial for trial in trials(shipped(), MESSAGES) if trial.case.path in _ENOUGH_FOR_MESSAGES)
    return tuple((trial, 1000 * place, *held(trial, 1000 * place)) for place, trial in enumerate(native))


@dataclass(frozen=True, slots=True)
class Passing:
    """What goes through a stage of a reply without any fault: a copy, how it is written, and the request it is made for."""

    place: int  # of the trial
    copy: bytes
    written: str
    asked: Asked

    def is_changed_by(self, fault: Change) -> bool:
        """Does the fault make anything else of it?"""
        try:
            return written(fault.change(pickle.loads(self.copy), self.asked)) != self.written
        except Refusal:
            return True


@dataclass(frozen=True, slots=True)
class Watcher:
    """Changes nothing, and keeps what passes a stage."""

    stage: Stage
    place: int
    seen: list[Passing]
    id: str = "watcher"

    def change(self, made: object, asked: Asked) -> object:
        """The same."""
        self.seen.append(Passing(self.place, pickle.dumps(made), written(made), asked))
        return made


def written(made: object) -> str:
    """All that it is: two that are equal may be written differently (1, 1.0 and True), and an exception shows a part of it."""
    return repr((made, vars(made)) if isinstance(made, Refusal) else made)


@functools.cache
def passing(native: bool) -> dict[Stage, list[Passing]]:
    """All that goes through each stage in all trials without any fault."""
    seen: dict[Stage, list[Passing]] = defaultdict(list)
    for place, (_, _, _, desk) in enumerate(faultless_at_messages() if native else faultless()):
        watchers = [Watcher(stage, place, seen[stage]) for stage in Stage]
        for request, serial, around, _ in desk.kept:
            reply(request, serial, watchers, around)
    return seen


def with_faults(faults: Sequence[Change]) -> Iterator[tuple[Trial, Judged]]:
    """The trials that a fault makes any difference to: where every reply is the same, so is what is said of it.

    And every reply is, where no fault changes anything that its stage is handed. A fault of the Messages API is tried
    there, and any other at chat.
    """
    native = all(fault.stage.of_messages for fault in faults)
    differing: set[int] = set()
    for fault in faults:
        for one in passing(native)[fault.stage]:
            if one.place not in differing and one.is_changed_by(fault):
                differing.add(one.place)
    every = faultless_at_messages() if native else faultless()
    for place in sorted(differing):
        trial, serial, _, _ = every[place]
        yield trial, held(trial, serial, faults)[0]


def complaints(judged: Judged) -> list[str]:
    """Everything that is said against it, for a test to compare with nothing."""
    said = [f"{judged.trial.case.path} {finding.rule}: {finding.message} at {finding.at}" for finding in judge.findings(judged)]
    verdict = judge.verdict(judged)
    if verdict is not Verdict.PASS:
        said.append(f"{judged.trial.case.path} stream={judged.trial.stream}: {verdict} {judge.reason(judged) or ''}")
    return said


def standing(findings: Iterable[Finding]) -> frozenset[str]:
    """The rules among what was found, without the claims of cases."""
    return frozenset(finding.rule for finding in findings if finding.kind is None)


def caught(faults: Sequence[Change]) -> frozenset[str]:
    """What reports a fault over all cases: the rules that do, or, where none does, the cases that do not pass."""
    differing = list(with_faults(faults))
    rules = standing(finding for _, judged in differing for finding in judge.findings(judged))
    shown = ((trial, judge.verdict(judged)) for trial, judged in differing)
    cases = frozenset(trial.case.path for trial, verdict in shown if verdict is not Verdict.PASS)
    return rules or cases
