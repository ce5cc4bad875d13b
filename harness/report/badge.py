"""badge.json: one line for a README, for shields.io's endpoint badge.

https://shields.io/badges/endpoint-badge says what the keys mean.
"""

from __future__ import annotations

from typing import Final

from harness.model import Verdict
from harness.report import Document
from harness.report.json_ import readable

FILE: Final = "badge.json"

_GREEN: Final = "brightgreen"


def text(document: Document) -> str:
    """How many of the judged trials passed; green only where all were judged and all passed."""
    counts = document["counts"]
    judged = sum(endpoint["judged"] for endpoint in document["endpoints"].values())
    endpoints = len(document["endpoints"])
    message = f"{counts['pass']} of {judged} pass" if judged else "nothing judged"
    if endpoints > 1:
        message = f"{endpoints} endpoints, {message}"
    if document["partial"]:
        message += ", stopped"
    badge = {"schemaVersion": 1, "label": "OpenAI compatibility", "message": message, "color": _colour(document, judged)}
    return readable(badge) + "\n"


def _colour(document: Document, judged: int) -> str:
    counts = document["counts"]
    if not judged:
        return "lightgrey"
    if counts[Verdict.FAIL] or counts[Verdict.IGNORED]:
        return "red" if (counts[Verdict.FAIL] + counts[Verdict.IGNORED]) * 5 > judged else "orange"
    if counts[Verdict.WARN] or counts[Verdict.UNSUPPORTED]:
        return "yellow"
    return _GREEN if judged == len(document["results"]) and not document["partial"] else "lightgrey"
