"""What the reference model thinks, where that is shown: as many tokens as it is counted for."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Final

from harness.reference import tokens
from harness.reference.answer import Answer

_THOUGHT: Final = "Let me see what is asked here, and what I know of it. "


def aloud(answer: Answer) -> tuple[str, ...]:
    """The tokens of one choice's thoughts: none where the model did not think."""
    return tuple(islice(cycle(tokens.split(_THOUGHT)), answer.usage.reasoning // max(1, len(answer.turns))))
