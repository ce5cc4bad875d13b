"""How a trial, or several, are shown: a glyph, an ASCII one, a word, and which of several looks is the worst."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.model import Verdict
from harness.report.chance import FLAKY, flaky


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How a verdict is shown: never by colour alone."""

    glyph: str
    ascii: str
    word: str
    meaning: str


MARKS: Final[Mapping[str, Mark]] = {
    Verdict.PASS: Mark(glyph="✓", ascii="+", word="pass", meaning="nothing that a client would notice"),
    Verdict.WARN: Mark(
        glyph="▲", ascii="!", word="warn", meaning="api.openai.com never does this, and some clients mind; or it took another try"
    ),
    Verdict.IGNORED: Mark(
        glyph="∅", ascii="0", word="ignored", meaning="accepted, and without effect: silent, so the worst for users"
    ),
    Verdict.UNSUPPORTED: Mark(glyph="–", ascii="-", word="unsupported", meaning="an optional feature, refused cleanly"),
    Verdict.FAIL: Mark(glyph="✗", ascii="X", word="fail", meaning="real clients break on this"),
    Verdict.INCONCLUSIVE: Mark(
        glyph="?", ascii="?", word="inconclusive", meaning="what the case takes as given did not hold, so nothing was tried"
    ),
    Verdict.SKIPPED: Mark(glyph="·", ascii=".", word="skipped", meaning="not held; the reason is kept"),
    Verdict.ERROR: Mark(
        glyph="E", ascii="E", word="error", meaning="no verdict about the endpoint: unreachable, not recorded, or our own fault"
    ),
}  # fmt: skip

PROTOCOL: Final = "protocol"
"""The look of a trial whose claims hold while standing rules are broken in its exchanges."""

PARTLY: Final = "partly"
"""The look of a cell of which some trials passed and the others were not held."""

KNOWN: Final = "known"
"""The look of a trial whose failure is accepted: neither passed, nor news."""

LOOKS: Final[Mapping[str, Mark]] = {
    "pass": MARKS[Verdict.PASS],
    PARTLY: Mark(glyph="◔", ascii="%", word="partly", meaning="passed as far as it was held; the other trials were skipped"),
    PROTOCOL: Mark(
        glyph="◐", ascii="*", word="protocol", meaning="the feature works; only rules of the protocol, below, are broken"
    ),
    FLAKY: Mark(glyph="≈", ascii="~", word="flaky", meaning="passed in some of its repeats, and not in others"),
    KNOWN: Mark(glyph="◇", ascii="k", word="known", meaning="fails, and that is accepted: by its profile or a baseline"),
    **{str(verdict): mark for verdict, mark in MARKS.items() if verdict != Verdict.PASS},
}  # fmt: skip
"""How a trial or a cell is shown: by its verdict, or by one of those above. In the order of the legend."""

SEVERITY: Final = (
    Verdict.FAIL.value,
    Verdict.IGNORED.value,
    Verdict.ERROR.value,
    FLAKY,
    Verdict.UNSUPPORTED.value,
    PROTOCOL,
    Verdict.WARN.value,
    KNOWN,
    Verdict.INCONCLUSIVE.value,
    PARTLY,
    Verdict.PASS.value,
    Verdict.SKIPPED.value,
)
"""What a cell shows: the first of these that one of its trials has; a pass beside a skipped trial is no pass, but `partly`."""

_RANK: Final = {look: rank for rank, look in enumerate(SEVERITY)}
_CLEAN: Final = frozenset({Verdict.PASS.value, Verdict.WARN.value})
_TOLD: Final = frozenset({Verdict.IGNORED.value, Verdict.INCONCLUSIVE.value})


def look(result: Mapping[str, Any]) -> str:
    """How a trial is shown: by what it claims; where that holds and rules are broken nevertheless, as `protocol`.

    A refusal is no clean one where rules are broken in it: then the verdict stands.
    """
    if flaky(result):
        return FLAKY
    if result.get("accepted"):
        return KNOWN
    verdict, claims = str(result["verdict"]), str(result["claims"])
    if claims in _TOLD:
        return claims
    return PROTOCOL if claims in _CLEAN and verdict != claims and _RANK[verdict] < _RANK[claims] else verdict


def worst(looks: Iterable[str]) -> str:
    """What stands for several."""
    return min(looks, key=_RANK.__getitem__)
