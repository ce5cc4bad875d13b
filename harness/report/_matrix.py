"""The compatibility matrix: what a feature's cell and a rule's cell say. Shared by the formats that draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

GLYPHS: Final = {
    "pass": "✓",
    "warn": "!",
    "ignored": "∅",
    "unsupported": "–",
    "fail": "✗",
    "inconclusive": "?",
    "skipped": "·",
    "error": "E",
}
"""A sign and a word for each verdict: colour never says anything alone."""

MEANINGS: Final = {
    "pass": "as OpenAI does it",
    "warn": "something that OpenAI never does, and some clients mind",
    "ignored": "accepted, answered, and without effect",
    "unsupported": "an optional feature, refused with a clean error",
    "fail": "real clients break on this",
    "inconclusive": "the model did not play along, so the endpoint was not tried",
    "skipped": "not run; the reason is with the result",
    "error": "nothing can be said: unreachable, wrong key, not recorded",
}

SPOILED: Final = "*"
"""Marks a cell whose claims hold better than its verdict says: standing rules, in the rows below, spoil it."""

_WORST_FIRST: Final = ("fail", "ignored", "unsupported", "warn", "pass")
_NOT_JUDGED: Final = ("error", "inconclusive", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is said of a feature at an endpoint: `held` of `trials` were judged. `results` are positions in the document."""

    verdict: str
    spoiled: bool
    held: int
    trials: int
    results: tuple[int, ...]

    @property
    def words(self) -> str:
        """Sign and word, the mark, and how many were judged where it is not all."""
        some = f" {self.held}/{self.trials}" if 0 < self.held < self.trials else ""
        return f"{GLYPHS[self.verdict]} {self.verdict}{SPOILED if self.spoiled else ''}{some}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A feature and its cells, by endpoint."""

    suite: str
    suite_title: str
    feature: str
    title: str
    optional: bool
    cells: Mapping[str, Cell]


def rows(document: Mapping[str, Any]) -> list[Row]:
    """The features in the order of the suites."""
    by_place: dict[tuple[str, str, str], list[int]] = {}
    for position, result in enumerate(document["results"]):
        key = (result["case"].partition("/")[0], result["feature"], result["endpoint"])
        by_place.setdefault(key, []).append(position)
    return [
        Row(
            suite=suite["id"],
            suite_title=suite["title"],
            feature=feature["id"],
            title=feature["title"],
            optional=feature["optional"],
            cells={
                endpoint: _cell(document, by_place[suite["id"], feature["id"], endpoint])
                for endpoint in document["endpoints"]
                if (suite["id"], feature["id"], endpoint) in by_place
            },
        )
        for suite in document["suites"]
        for feature in suite["features"]
    ]


def _cell(document: Mapping[str, Any], positions: list[int]) -> Cell:
    results = [document["results"][position] for position in positions]
    claims = [result["claims"] for result in results]
    judged = [verdict for verdict in _WORST_FIRST if verdict in claims]
    verdict = judged[0] if judged else next(verdict for verdict in _NOT_JUDGED if verdict in claims)
    return Cell(
        verdict=verdict,
        spoiled=any(result["verdict"] != result["claims"] for result in results),
        held=sum(one not in _NOT_JUDGED for one in claims),
        trials=len(results),
        results=tuple(positions),
    )


def protocol(document: Mapping[str, Any]) -> list[tuple[str, str | None, str, dict[str, Mapping[str, Any]]]]:
    """Broken rules: (rule, place, level, row by endpoint), the most severe and most widespread first; notes left out."""
    found: dict[tuple[str, str | None, str], dict[str, Mapping[str, Any]]] = {}
    for row in document["protocol"]:
        if row["level"] != "may":
            found.setdefault((row["rule"], row["place"], row["level"]), {})[row["endpoint"]] = row
    order = sorted(found.items(), key=lambda item: (item[0][2] != "must", -len(item[1]), item[0][0], item[0][1] or ""))
    return [(rule, place, level, by_endpoint) for (rule, place, level), by_endpoint in order]
