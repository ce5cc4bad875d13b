"""The examination: the steps in their order, up to the first that is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from harness.doctor import contact, keys, reaching, talking
from harness.doctor.contact import Seen
from harness.doctor.diagnosis import STEPS, UNTESTED, WRONG, Diagnosis, Facts, State, Step, wrong
from harness.doctor.visit import Choose, Visit
from harness.model import Endpoint

_REACHED: Final = tuple(STEPS).index("http")


async def examine(
    endpoint: Endpoint,
    environ: Mapping[str, str],
    *,
    total_s: float = 60.0,
    adopt: bool = False,
    choose: Choose = lambda models: None,
    began: Callable[[str], None] = lambda step: None,
    ended: Callable[[Step], None] = lambda step: None,
) -> Diagnosis:
    """Goes through the steps. With `adopt`, a base URL or header that turns out to be the right one is taken over.

    `choose` is asked for one of several models, and may not know. `began` and `ended` are told of each step. Raises
    Unusable where a variable of the base URL is not set, and BadInput for a header that cannot be sent.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + total_s

    def choosing(models: Sequence[str]) -> str | None:
        nonlocal deadline
        asked_at = loop.time()
        chosen = choose(models)
        deadline += loop.time() - asked_at  # a person may take as long as they like
        return chosen

    visit = Visit(endpoint=endpoint, environ=environ, total_s=total_s, adopt=adopt, choose=choosing)
    visit.url()
    seen: Seen | None = None
    done: list[Step] = []

    async def first_contact() -> Step:
        nonlocal seen
        seen = await contact.look(visit, visit.keyless())
        return await contact.http(visit, seen)

    async def path() -> Step:
        nonlocal seen
        assert seen is not None
        step = await contact.path(visit, seen)
        if visit.endpoint.base_url != endpoint.base_url:
            seen = await contact.look(visit, visit.keyless())
        return step

    def known() -> Seen:
        assert seen is not None
        return seen

    tries: Mapping[str, Callable[[], Awaitable[Step]]] = {
        "dns": lambda: reaching.name(visit),
        "tcp": lambda: reaching.connection(visit),
        "tls": lambda: reaching.tls(visit),
        "http": first_contact,
        "between": lambda: contact.between(visit, known()),
        "path": path,
        "key": lambda: keys.authentication(visit, known()),
        "models": lambda: talking.models(visit),
        "answer": lambda: talking.answer(visit),
        "stream": lambda: talking.stream(visit),
        "thinking": lambda: talking.thinking(visit),
    }

    try:
        for position, (name, attempt) in enumerate(tries.items()):
            if done and done[-1].state in (State.WRONG, State.NOT_TRIED):
                done.append(Step(id=name, state=State.NOT_TRIED))
                ended(done[-1])
                continue
            began(name)
            try:
                async with asyncio.timeout_at(deadline):
                    step = await attempt()
            except TimeoutError:
                code = UNTESTED if position <= _REACHED else WRONG
                step = wrong(f"not done when the {total_s:g} s were over", "raise --timeout", exit_code=code)
            step = _safe(visit, replace(step, id=name))
            done.append(step)
            ended(step)
    finally:
        await visit.aclose()
    sources = {key: visit.safe(said) for key, said in visit.sources.items()}
    facts = Facts(endpoint=visit.endpoint, sources=sources, slow_s=visit.slow_s)
    return Diagnosis(steps=tuple(done), facts=facts)


def _safe(visit: Visit, step: Step) -> Step:
    """The step without keys, whoever said them."""
    return replace(
        step,
        seen=visit.safe(step.seen),
        evidence=tuple(visit.safe(one) for one in step.evidence),
        do=None if step.do is None else visit.safe(step.do),
    )
