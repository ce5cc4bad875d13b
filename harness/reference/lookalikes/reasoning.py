"""Thinking that is shown beside the answer."""

from __future__ import annotations

from dataclasses import replace

from harness.reference.answer import Answer, Asked
from harness.reference.fault import Stage
from harness.reference.lookalike import lookalike
from harness.reference.thoughts import aloud


@lookalike(Stage.ANSWER)
def the_thinking_is_shown(answer: Answer, asked: Asked) -> Answer:
    """Thoughts come as `reasoning_content`, before the answer and apart from it (DeepSeek, llama.cpp, xAI, Z.ai)."""
    return replace(answer, turns=tuple(replace(turn, thoughts=aloud(answer)) for turn in answer.turns))
