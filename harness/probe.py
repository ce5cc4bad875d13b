"""What one short question shows of a model and of the endpoint that serves it: does it think first, which limit is taken?

The probe is a case like any other (`probe/model`), held before everything that it bears on. What it finds is read off its
exchanges here, so a replay of its cassette finds the same. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from harness import prepare
from harness.model import (
    Case,
    ChatCompleted,
    Claims,
    Endpoint,
    Exchange,
    Json,
    Kind,
    Learned,
    Looked,
    Refused,
    Step,
    Suite,
    Trial,
    Unanswered,
    Verdict,
)
from harness.reading import get, integer, objects, text

SUITE: Final = "probe"
CASE: Final = "model"

_REFUSALS: Final = [400, 404, 422]
_THOUGHTS: Final = ("reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks")
_MARKED: Final = re.compile(r"\s*(<think(ing)?>|◁think▷|\[THINK\]|<\|channel\|>\s*analysis|<seed:think>)")
_ATE_ALL: Final = re.compile(r"could not finish the message because .{0,40}output limit was reached", re.IGNORECASE)


# ---------------------------------------------------------------- which probes


def case_of(suites: Iterable[Suite]) -> Case | None:
    """The probe, where the suites have it."""
    return next((case for suite in suites if suite.id == SUITE for case in suite.cases if case.id == CASE), None)


def limits(case: Case) -> bool:
    """Does what the probe finds bear on a case: does it have `$max_tokens` in it?"""
    asked = (step.request if step.request is not None else step.http.body if step.http else None for step in case.steps)
    return any(isinstance(body, dict) and {prepare.MOST_TOKENS, prepare.EXACTLY} & body.keys() for body in asked)


def settled(endpoint: Endpoint) -> bool:
    """Does the profile say all that a probe could find out?"""
    return endpoint.thinks is not None and endpoint.token_field is not None


def trial(endpoint: Endpoint, asked: Case, probe: Case) -> Trial:
    """The probe of the model that a case is held with; it has a name of its own where a feature has a model of its own."""
    need = next((need for need in reversed(asked.needs) if need in endpoint.models), None)
    if need is not None and endpoint.models[need] != endpoint.model:
        # Features may share a model, which is asked once: by the name of the first of them.
        first = min(feature for feature, model in endpoint.models.items() if model == endpoint.models[need])
        probe = replace(probe, id=f"{CASE}-{first}", title=f"{probe.title} (the model for {first})", needs=(first, probe.feature))
    return Trial(endpoint=endpoint, case=probe, stream=False)


# ---------------------------------------------------------------- what was seen


def unlimited(seen: Exchange | Unanswered, field: str) -> bool:
    """Was the request refused for the name of its limit?"""
    if not isinstance(seen, Refused) or seen.reply.status not in _REFUSALS:
        return False
    said = text(get(seen.body, "error", "message")) or (seen.body if isinstance(seen.body, str) else "")
    return get(seen.body, "error", "param") == field or re.search(rf"\b{field}\b", said) is not None


def may_be_refused(step: Step) -> Step:
    """The step where a refusal is a right answer too: what remains to be held against it are the standing rules."""
    return replace(step, claims={Kind.EXPECT: Claims(status={"enum": list[Json](_REFUSALS)})})


def learned(looked: Looked, field: str) -> Learned:
    """What the answer to the probe shows; `field` was the name of its limit."""
    seen = looked.seen
    if isinstance(seen, Refused) and _ATE_ALL.search(text(get(seen.body, "error", "message"))):
        return Learned(thinks=True, token_field=field)
    if not isinstance(seen, ChatCompleted) or get(seen.body, "error") is not None:
        return Learned()
    thinks = any(_signs(seen.body))
    said = looked.claims_verdict
    echoes = True if said in (Verdict.PASS, Verdict.WARN) else None if thinks or said is not Verdict.INCONCLUSIVE else False
    return Learned(thinks=thinks, token_field=field, echoes=echoes)


def _signs(body: Json) -> Iterator[bool]:
    """Each sign that the model thought before it answered, shown or hidden."""
    for counted in (get(body, "usage", "completion_tokens_details", "reasoning_tokens"), get(body, "usage", "reasoning_tokens")):
        yield (integer(counted) or 0) > 0
    for _, choice in objects(get(body, "choices")):
        message = choice.get("message")
        content = get(message, "content")
        yield any(bool(get(message, key)) and isinstance(get(message, key), str | list) for key in _THOUGHTS)
        yield any(part.get("type") in ("thinking", "reasoning") for _, part in objects(content))
        yield _MARKED.match(text(content)) is not None
        silent = not content and not get(message, "tool_calls")
        yield silent and choice.get("finish_reason") == "length"  # all of the limit went where nobody sees it
