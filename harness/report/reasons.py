"""Why a trial was not judged, in words that trials share: what differs from one to the next is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

STOPPED: Final = "the run was stopped before its end"
CEILING: Final = "the ceiling of --max-requests was reached"
TOKENS: Final = "the ceiling of --max-tokens was reached"
REPEATS: Final = "a ceiling was reached before all repeats"
UNRECORDED: Final = ("not recorded", "recorded with another request than the suite has now")

_NOT_HELD: Final = (
    ("^interrupted$", STOPPED),
    (r"\(--max-requests\)$", CEILING),
    (r"\(--max-tokens\)$", TOKENS),
    ("^not recorded", UNRECORDED[0]),
    (r"\.yaml: request \d+ \(", UNRECORDED[1]),
)
_OF_THE_MODEL: Final = re.compile("/(message|delta|finish_reason)(/|$)")
"""The places of an answer that are for the model to write."""


def not_held(reason: str) -> str | None:
    """Why a trial that was planned was not held, where this is its reason; else None."""
    return next((why for said, why in _NOT_HELD if re.search(said, reason)), None)


def inconclusive(findings: Iterable[Mapping[str, Any]]) -> str:
    """Whose doing it is that nothing was tried: a `given` may speak of what the model writes, or of the server."""
    unmet = [finding for finding in findings if finding["kind"] == "given"]
    if unmet and not _OF_THE_MODEL.search(unmet[-1]["at"] or ""):
        return f"what the case takes as given of the server did not hold: {unmet[-1]['message']}"
    return "the model did not play along: what the case takes as given did not hold"
