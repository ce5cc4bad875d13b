"""Thinking that is shown beside the answer."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json
from harness.reading import obj
from harness.reference.answer import Answer, Asked
from harness.reference.fault import Stage
from harness.reference.inside import begins, parts
from harness.reference.lookalike import lookalike
from harness.reference.thoughts import aloud


@lookalike(Stage.ANSWER)
def the_thinking_is_shown(answer: Answer, asked: Asked) -> Answer:
    """Thoughts come as `reasoning_content`, before the answer and apart from it (DeepSeek, llama.cpp, xAI, Z.ai)."""
    return replace(answer, turns=tuple(replace(turn, thoughts=aloud(answer)) for turn in answer.turns))


@lookalike(Stage.DOCUMENT, field=["reasoning-content-first-chunk"])
def the_first_chunk_has_empty_thinking(document: Json, asked: Asked) -> Json:
    """The first chunk carries the role and a `reasoning_content` with nothing in it (DeepSeek)."""
    for part in parts(document):
        if begins(part) and obj(document).get("object") == "chat.completion.chunk":
            part["reasoning_content"] = ""
    return document
