"""One trial over one wire: its tries, their steps, to what was seen and judged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from harness import judge, prepare
from harness.dialects import NoEquivalent, dialect
from harness.model import Attempt, Ending, Exchange, Judged, Looked, Other, Reply, Request, Silence, Step, Trial, Unanswered
from harness.wire import Wire

_OUR_OWN: Final = (Silence.NOT_RECORDED, Silence.NO_EQUIVALENT)
"""Silences that the endpoint has no part in."""


class Conduct(Protocol):
    """How a trial is held over a wire; see `conduct`."""

    async def __call__(
        self,
        trial: Trial,
        wire: Wire,
        *,
        optional: Mapping[str, bool] | None = None,
        another_try: Callable[[], bool] = ...,
        others_answer: Callable[[], Awaitable[bool]] = ...,
    ) -> Judged:
        """The outcome."""


async def nobody_else_answers() -> bool:
    """Where nobody can be asked."""
    return False


async def conduct(
    trial: Trial,
    wire: Wire,
    *,
    optional: Mapping[str, bool] | None = None,
    another_try: Callable[[], bool] = lambda: True,
    others_answer: Callable[[], Awaitable[bool]] = nobody_else_answers,
) -> Judged:
    """Holds one trial: its tries, their steps, up to the first step that is neither pass nor warn.

    `another_try` says whether one can be held (a cassette may have no more); `others_answer`, after a silence, whether
    the endpoint answers its base case.
    """
    attempts: list[Attempt] = []
    for number in range(max(1, trial.case.tries)):
        if number and not (judge.try_again(attempts[-1]) and another_try()):
            break
        attempts.append(await _try(trial, wire, optional or {}, others_answer))
    return Judged(trial=trial, attempts=tuple(attempts))


async def _try(trial: Trial, wire: Wire, optional: Mapping[str, bool], others_answer: Callable[[], Awaitable[bool]]) -> Attempt:
    answers: dict[str, Exchange] = {}
    steps: list[Looked] = []
    used = False
    for together in _sent_together(trial.case.steps):
        for step, seen in zip(together, await _ask(trial, together, wire, answers), strict=True):
            if isinstance(seen, Unanswered) and seen.silence not in _OUR_OWN and await others_answer():
                seen = replace(seen, alone=True)
            looked = judge.look(trial.case, prepare.claimed(step, answers), seen, optional=optional, used_before=used)
            steps.append(looked)
            if looked.verdict not in judge.GOES_ON or isinstance(seen, Unanswered):
                return Attempt(steps=tuple(steps))
            used = used or judge.uses_up(trial.case, looked)
            answers[step.id] = seen
    return Attempt(steps=tuple(steps))


def _sent_together(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """The steps, those that are sent at the same time in one list."""
    group: list[Step] = []
    for step in steps:
        if group and not step.together:
            yield group
            group = []
        group.append(step)
    if group:
        yield group


async def _ask(
    trial: Trial, steps: Sequence[Step], wire: Wire, answers: Mapping[str, Exchange]
) -> Sequence[Exchange | Unanswered]:
    """Sends the requests of steps at once; their answers, in the order of the steps.

    From a cassette nothing is waited for, so that each is answered before the next is sent: in the order of the recording.
    """
    requests = [prepare.request(trial, step, answers) for step in steps]
    if len(requests) == 1:
        return [await _answered(trial, requests[0], wire)]
    got = await asyncio.gather(*(_answered(trial, request, wire) for request in requests), return_exceptions=True)
    for one in got:
        if isinstance(one, BaseException):
            raise one
    return [one for one in got if not isinstance(one, BaseException)]


async def _answered(trial: Trial, request: Request, wire: Wire) -> Exchange | Unanswered:
    spoken = dialect(trial.endpoint.dialect)
    sent = spoken.outgoing(request, trial.endpoint)
    if isinstance(sent, NoEquivalent):
        message = f"not sent: the API of this endpoint has no equivalent of {sent.parameter}"
        return Unanswered(request=request, silence=Silence.NO_EQUIVALENT, message=message)
    if sent.body is not request.body and sent.folded is request.folded:
        sent = replace(sent, folded=None)  # another document, of which nobody knows a shorter form
    got = await wire.send(sent)
    if isinstance(got, Reply) and got.ended is Ending.HUNG_UP:
        return Other(request=request, reply=got)  # nobody knows what the whole would have been
    return got if isinstance(got, Unanswered) else spoken.incoming(request, sent, got)
