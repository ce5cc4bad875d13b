"""One trial over one wire: its tries, their steps, to what was seen and judged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from harness import answer, judge, prepare
from harness.dialects import dialect
from harness.model import Attempt, Exchange, Judged, Looked, Silence, Step, Trial, Unanswered
from harness.wire import Wire


async def _nobody_else_answers() -> bool:
    return False


async def conduct(
    trial: Trial,
    wire: Wire,
    *,
    optional: Mapping[str, bool] | None = None,
    another_try: Callable[[], bool] = lambda: True,
    others_answer: Callable[[], Awaitable[bool]] = _nobody_else_answers,
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
    for step in trial.case.steps:
        seen = await _ask(trial, step, wire, answers)
        if isinstance(seen, Unanswered) and seen.silence is not Silence.NOT_RECORDED and await others_answer():
            seen = replace(seen, alone=True)
        looked = judge.look(trial.case, prepare.claimed(step, answers), seen, optional=optional, used_before=used)
        steps.append(looked)
        if looked.verdict not in judge.GOES_ON or isinstance(seen, Unanswered):
            break
        used = used or judge.uses_up(trial.case, looked)
        answers[step.id] = seen
    return Attempt(steps=tuple(steps))


async def _ask(trial: Trial, step: Step, wire: Wire, answers: Mapping[str, Exchange]) -> Exchange | Unanswered:
    request = prepare.request(trial, step, answers)
    spoken = dialect(trial.endpoint.dialect)
    got = await wire.send(spoken.outgoing(request))
    if isinstance(got, Unanswered):
        return replace(got, request=request)
    return answer.exchange(request, spoken.incoming(request, got))
