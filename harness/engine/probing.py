"""The probe held over a wire: the question, and once more with the other name of the limit where the first is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from harness import judge, prepare, probe
from harness.engine.conversation import conduct, nobody_else_answers
from harness.model import Attempt, Judged, Learned, Trial
from harness.wire import Wire


async def probed(
    trial: Trial,
    wire: Wire,
    *,
    optional: Mapping[str, bool] | None = None,
    another_try: Callable[[], bool] = lambda: True,
    others_answer: Callable[[], Awaitable[bool]] = nobody_else_answers,
) -> Judged:
    """The probe's outcome, whose trial's endpoint knows what was learned. A name that the profile gives is not replaced."""
    model = prepare.model_for(trial.endpoint, trial.case)
    field = prepare.token_field(trial.endpoint, model)
    held = await conduct(trial, wire, optional=optional, another_try=another_try, others_answer=others_answer)
    first = held.attempts[-1].steps[-1]
    if trial.endpoint.token_field is None and probe.unlimited(first.seen, field) and another_try():
        field = next(name for name in prepare.TOKEN_FIELDS if name != field)
        again = await conduct(
            _knowing(trial, model, Learned(token_field=field)),
            wire,
            optional=optional,
            another_try=another_try,
            others_answer=others_answer,
        )
        refused = judge.look(trial.case, probe.may_be_refused(trial.case.steps[0]), first.seen, optional=optional)
        held = replace(again, attempts=(Attempt(steps=(refused, *again.attempts[-1].steps)),))
    learned = probe.learned(held.attempts[-1].steps[-1], field)
    return replace(held, trial=_knowing(trial, model, learned))


def _knowing(trial: Trial, model: str, learned: Learned) -> Trial:
    return replace(trial, endpoint=replace(trial.endpoint, learned={**trial.endpoint.learned, model: learned}))
