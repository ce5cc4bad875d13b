"""Thinking that is lost, shown in the wrong place, or in the way of something else."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json
from harness.reading import arr, objects
from harness.reference.answer import Answer, Asked
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal
from harness.reference.thoughts import aloud

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@fault(
    Stage.ASKED,
    caught_by=[
        "reasoning/counted",
        "reasoning/counted-streamed",
        "reasoning/dropped-with-call",
        "reasoning/effort-high",
        "reasoning/effort-low",
        "reasoning/effort-medium",
        "reasoning/effort-none",
        "reasoning/more-effort",
        "reasoning/required-tool",
        "reasoning/returned",
        "reasoning/returned-with-call",
        "reasoning/unknown-effort",
    ],
    field=["reasoning-effort-accepted"],
)
def refuses_reasoning_effort(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `reasoning_effort`, whatever the model (validators older than it)."""
    if body.get("reasoning_effort") is not None:
        raise Refusal("Unrecognized request argument supplied: reasoning_effort", param="reasoning_effort")
    return body


@fault(Stage.ASKED, caught_by=["reasoning/effort-none"])
def cannot_stop_thinking(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`none` is taken for no word about the effort, and the model thinks (bridges that drop falsy values)."""
    return {**body, "reasoning_effort": "low"} if body.get("reasoning_effort") == "none" else body


@fault(Stage.ASKED, caught_by=["reasoning/effort-medium"])
def knows_two_efforts(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `medium`: there are `low` and `high` alone (models with two ways to think)."""
    if body.get("reasoning_effort") == "medium":
        raise Refusal("reasoning_effort must be one of: none, low, high", param="reasoning_effort", code="unsupported_value")
    return body


@fault(Stage.ASKED, caught_by=["reasoning/more-effort"], field=["reasoning-effort-accepted"])
def every_effort_is_the_same(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`reasoning_effort` has no effect beyond on and off (chat templates with a switch)."""
    return {**body, "reasoning_effort": "low"} if body.get("reasoning_effort") in ("medium", "high") else body


@fault(Stage.ASKED, caught_by=["reasoning/unknown-effort"])
def takes_any_effort(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """An effort that does not exist is taken (servers that hand it to a template)."""
    effort = body.get("reasoning_effort")
    return {**body, "reasoning_effort": "low"} if isinstance(effort, str) and effort not in _EFFORTS else body


@fault(Stage.ANSWER, caught_by=["document.has-only-known-fields", "usage.thinking-is-counted"], field=["reasoning-tokens-usage"])
def shown_thinking_is_not_counted(answer: Answer, asked: Asked) -> Answer:
    """`reasoning_tokens` stays 0 though the thoughts are there to be read (most local servers)."""
    turns = tuple(replace(turn, thoughts=aloud(answer)) for turn in answer.turns)
    return replace(answer, turns=turns, usage=replace(answer.usage, reasoning=0))


@fault(Stage.ANSWER, caught_by=["message.thinking-is-kept-apart"])
def thinks_inside_the_answer(answer: Answer, asked: Asked) -> Answer:
    """Thoughts stand in `content` between `<think>` and `</think>` (servers without a parser for the model)."""
    thoughts = aloud(answer)
    if not thoughts:
        return answer
    turns = tuple(
        turn if turn.tokens is None else replace(turn, tokens=("<think>", *thoughts, "</think>", *turn.tokens), scores=None)
        for turn in answer.turns
    )
    return replace(answer, turns=turns, usage=replace(answer.usage, completion=answer.usage.completion + 2 * len(turns)))


@fault(Stage.ASKED, caught_by=["reasoning/required-tool"], field=["thinking-tool-choice"])
def cannot_think_and_be_made_to_call(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a forced tool while the model thinks (DeepSeek)."""
    if body.get("reasoning_effort") in _EFFORTS[2:] and body.get("tool_choice") not in (None, "auto", "none"):
        raise Refusal("The reasoning model does not support this tool_choice", param="tool_choice")
    return body


@fault(
    Stage.ASKED,
    caught_by=["reasoning/dropped-with-call", "reasoning/returned-with-call"],
    field=["reasoning-passback-required"],
)
def wants_its_thinking_back(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 where a call of an earlier turn comes back without the thoughts that led to it (DeepSeek V3.2, Kimi K2)."""
    if body.get("reasoning_effort") in _EFFORTS[2:]:
        for _, message in objects(body.get("messages")):
            if arr(message.get("tool_calls")) and not message.get("reasoning_content"):
                raise Refusal("The reasoning_content in the thinking mode must be passed back to the API.")
    return body
