"""What the `moderation` of a request adds to its answer: nothing is ever flagged here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.model import Json
from harness.reading import text
from harness.reference.answer import fraction

_CATEGORIES: Final = (
    "harassment",
    "harassment/threatening",
    "sexual",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm/intent",
    "self-harm/instructions",
    "self-harm",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


def moderated(wanted: Mapping[str, Json], said: Sequence[str]) -> Json:
    """Results for the question as a whole and for each choice that is a text."""
    model = text(wanted.get("model"))
    return {"input": _results(model, ["input"]), "output": _results(model, said)}


def _results(model: str, said: Sequence[str]) -> Json:
    return {"type": "moderation_results", "model": model, "results": [_result(model, one) for one in said]}


def _result(model: str, said: str) -> Json:
    return {
        "type": "moderation_result",
        "model": model,
        "flagged": False,
        "categories": dict.fromkeys(_CATEGORIES, False),
        "category_scores": {category: round(fraction(category, said) / 1000, 9) for category in _CATEGORIES},
        "category_applied_input_types": {category: ["text"] for category in _CATEGORIES},
    }
