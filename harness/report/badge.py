"""badge.json: one line for a README, for shields.io's endpoint badge.

https://shields.io/badges/endpoint-badge says what the keys mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.model import Verdict
from harness.report import Document
from harness.report.json_ import readable

FILE: Final = "badge.json"

OURS: Final = "reference"
_GREEN: Final = "brightgreen"


def text(document: Document) -> str:
    """How many of the judged trials passed; green only where all were judged and all passed.

    The reference server, which passes everything, is left out of what is said of others.
    """
    shown = [about for name, about in document["endpoints"].items() if name != OURS] or [*document["endpoints"].values()]
    counts = {verdict.value: sum(about["verdicts"][verdict] for about in shown) for verdict in Verdict}
    judged = sum(about["judged"] for about in shown)
    endpoints = len(shown)
    message = f"{counts['pass']} of {judged} pass" if judged else "nothing judged"
    if endpoints > 1:
        message = f"{endpoints} endpoints, {message}"
    if document["partial"]:
        message += ", in part"
    color = _colour(counts, judged, partial=document["partial"])
    badge = {"schemaVersion": 1, "label": "OpenAI compatibility", "message": message, "color": color}
    return readable(badge) + "\n"


def _colour(counts: Mapping[str, int], judged: int, *, partial: bool) -> str:
    if not judged:
        return "lightgrey"
    if counts[Verdict.FAIL] or counts[Verdict.IGNORED]:
        return "red" if (counts[Verdict.FAIL] + counts[Verdict.IGNORED]) * 5 > judged else "orange"
    if counts[Verdict.WARN] or counts[Verdict.UNSUPPORTED]:
        return "yellow"
    return _GREEN if judged == sum(counts.values()) and not partial else "lightgrey"
