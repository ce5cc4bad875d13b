"""What a plan would cost, and its order where there is a ceiling: the most basic and the cheapest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness import cost, probe
from harness.cost import Spent
from harness.dialects import NoEquivalent
from harness.model import Trial
from harness.plan import Plan

Key = tuple[str, str, str, bool]


def estimates(plan: Plan) -> dict[Key, Spent]:
    """What each trial costs at most, where its first try decides."""
    found: dict[Key, Spent] = {trial.key: Spent() for trial in plan.trials}
    for endpoint in plan.endpoints:
        for planned in plan.requests(endpoint):
            if not isinstance(planned.request, NoEquivalent):
                found[planned.trial.key] += cost.estimate(planned.request)
    return found


def cheapest_first(plan: Plan) -> Plan:
    """The plan with its trials in another order: probes, then base cases, each after what it needs, then the cheapest first.

    Endpoints take turns, so that a ceiling does not leave the last of them out.
    """
    costs = estimates(plan)
    depths: dict[Key, int] = {}

    def depth(trial: Trial) -> int:
        if trial.key not in depths:
            depths[trial.key] = 1 + max((depth(before) for before in plan.prerequisites(trial)), default=0)
        return depths[trial.key]

    def place(trial: Trial) -> tuple[bool, bool, int, int, str, bool, str]:
        base = plan.base_case(trial.case.feature, trial.stream) == (trial.case, trial.stream)
        tokens = costs[trial.key].tokens
        return (
            trial.case.suite != probe.SUITE,
            not base,
            depth(trial),
            tokens,
            trial.case.path,
            trial.stream,
            trial.endpoint.name,
        )

    return replace(plan, trials=tuple(sorted(plan.trials, key=place)))


def text(plan: Plan) -> str:
    """What the plan costs with each endpoint, in words."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    costs = estimates(plan)
    yield (
        f"tokens are estimated: input by a token for {cost.BYTES_A_TOKEN} bytes of each request, output by its limit"
        f" ({cost.UNLIMITED} where it has none), each trial tried once"
    )
    for endpoint in plan.endpoints:
        spent = cost.total(found for key, found in costs.items() if key[0] == endpoint.name)
        line = f"{endpoint.name}: about {spent.prompt_tokens} tokens of input and at most {spent.completion_tokens} of output"
        if endpoint.thinks is None and any(key[0] == endpoint.name for key in plan.probes):
            limited = sum(key[0] == endpoint.name for key in plan.probes)
            line += f" (and {limited * endpoint.headroom} more where its model thinks)"
        price = cost.money(endpoint.prices, spent)
        if price is not None and endpoint.prices is not None:
            line += f": {price['amount']:.4f} {price['currency']}, by {endpoint.prices.source}"
            line += f" of {endpoint.prices.checked}" if endpoint.prices.checked else ""
        yield line
