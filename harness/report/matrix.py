"""What the formats share: the cells of the matrix, what was found worst first, and the marks of verdicts.

Reads the report's document, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.model import Verdict
from harness.report import Document


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
        glyph="?", ascii="?", word="inconclusive", meaning="the model did not cooperate, so the endpoint was not exercised"
    ),
    Verdict.SKIPPED: Mark(glyph="·", ascii=".", word="skipped", meaning="not held; the reason is kept"),
    Verdict.ERROR: Mark(
        glyph="E", ascii="E", word="error", meaning="no verdict about the endpoint: unreachable, not recorded, or our own fault"
    ),
}  # fmt: skip

SEVERITY: Final = (
    Verdict.FAIL,
    Verdict.IGNORED,
    Verdict.ERROR,
    Verdict.UNSUPPORTED,
    Verdict.WARN,
    Verdict.INCONCLUSIVE,
    Verdict.PASS,
    Verdict.SKIPPED,
)
"""The verdict that a cell shows: the first of these that one of its trials has. So what was skipped hides nothing."""

_RANK: Final = {verdict.value: rank for rank, verdict in enumerate(SEVERITY)}
_LEVELS: Final = {"must": 0, None: 1, "should": 2, "may": 3}
"""`None` is an effect that did not come about, which is worse than what only some clients mind."""

SPOILED: Final = "*"
"""The mark of a cell whose claims hold while standing rules are broken in its exchanges."""


def worst(verdicts: Iterable[str]) -> str:
    """The verdict that stands for several."""
    return min(verdicts, key=_RANK.__getitem__)


# ---------------------------------------------------------------- the matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A feature with an endpoint. `count` of `of` trials have its verdict; skipped ones are in neither."""

    verdict: str
    count: int
    of: int
    spoiled: bool
    results: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A feature; cells by endpoint, None where no trial was planned."""

    feature: str
    title: str
    optional: bool
    cells: Mapping[str, Cell | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The rows of a suite."""

    suite: str
    title: str
    rows: tuple[Row, ...]


def groups(document: Document) -> tuple[Group, ...]:
    """The matrix, in the order of the suites."""
    by_cell: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in document["results"]:
        by_cell.setdefault((result["features"][-1], result["endpoint"]), []).append(result)
    found: dict[str, list[Row]] = {}
    titles: dict[str, str] = {}
    for feature in document["features"]:
        titles.setdefault(feature["suite"], feature["suite_title"])
        found.setdefault(feature["suite"], []).append(
            Row(
                feature=feature["id"],
                title=feature["title"],
                optional=feature["optional"],
                cells={name: cell(by_cell.get((feature["id"], name), ())) for name in document["endpoints"]},
            )
        )
    return tuple(Group(suite=suite, title=titles[suite], rows=tuple(rows)) for suite, rows in found.items())


def cell(results: Sequence[Mapping[str, Any]]) -> Cell | None:
    """What some results amount to: the verdict of their claims, and whether only standing rules spoil it."""
    if not results:
        return None
    held = [result for result in results if result["verdict"] != Verdict.SKIPPED] or list(results)
    shown = worst(result["claims"] for result in held)
    return Cell(
        verdict=shown,
        count=sum(result["claims"] == shown for result in held),
        of=len(held),
        spoiled=shown in _CLEAN and any(_RANK[result["verdict"]] < _RANK[result["claims"]] for result in held),
        results=tuple(results),
    )


_CLEAN: Final = (Verdict.PASS, Verdict.WARN)


# ---------------------------------------------------------------- what was found


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing that is wrong with one endpoint.

    Of a standing rule: `broken` of `of` exchanges. Of a claim: as many of the trials of its case. `result` and `finding`
    are its first occurrence; `finding` is None where the reason of the result says it all.
    """

    rule: str
    place: str | None
    level: str | None
    standing: bool
    message: str
    broken: int
    of: int
    cases: tuple[str, ...]
    result: Mapping[str, Any]
    finding: Mapping[str, Any] | None


def defects(document: Document, endpoint: str) -> tuple[Defect, ...]:
    """Everything that is wrong with an endpoint, worst first; the same defect once. Notes (MAY) come last."""
    results = [result for result in document["results"] if result["endpoint"] == endpoint]
    found = [*_standing(document, endpoint, results), *_claimed(results), *_refused(results)]
    return tuple(sorted(found, key=lambda one: (_LEVELS[one.level], not one.standing, -one.broken, one.rule, one.place or "")))


def _standing(document: Document, endpoint: str, results: Sequence[Mapping[str, Any]]) -> Iterator[Defect]:
    by_trial = {(result["case"], result["stream"]): result for result in results}
    for row in document["protocol"]:
        counted = row["endpoints"].get(endpoint)
        if not counted or not counted["first"]:
            continue
        first = counted["first"]
        result = by_trial[first["case"], first["stream"]]
        yield Defect(
            rule=row["rule"],
            place=row["place"],
            level=row["level"],
            standing=True,
            message=first["message"],
            broken=counted["broken"],
            of=counted["of"],
            cases=tuple(counted["cases"]),
            result=result,
            finding=_same(result, row["rule"], first),
        )


def _same(result: Mapping[str, Any], rule: str, first: Mapping[str, Any]) -> Mapping[str, Any] | None:
    wanted = (rule, first["exchange"], first["at"])
    found = (one for one in result["findings"] if (one["rule"], one["exchange"], one["at"]) == wanted)
    return next(found, None)


_COUNTS: Final = frozenset({Verdict.FAIL, Verdict.IGNORED, Verdict.WARN})


def _claimed(results: Sequence[Mapping[str, Any]]) -> Iterator[Defect]:
    """Claims that did not hold and counted: not those of tries that a later one made good, unless that is the verdict."""
    by_rule: dict[tuple[str, str], list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
    for result in results:
        if result["claims"] not in _COUNTS:
            continue
        told = {(one["rule"], _loose(one)): one for one in reversed(result["findings"]) if one["kind"] not in (None, "given")}
        for key, one in told.items():
            by_rule.setdefault(key, []).append((result, one))
    for (rule, _), where in by_rule.items():
        result, finding = where[0]
        yield Defect(
            rule=rule,
            place=None,
            level=finding["level"] if result["claims"] != Verdict.WARN else "should",
            standing=False,
            message=finding["message"] + (" (another try held)" if _made_good(result, finding) else ""),
            broken=len(where),
            of=sum(one["case"] == result["case"] for one in results),
            cases=tuple(trial(one) for one, _ in where),
            result=result,
            finding=finding,
        )


def _loose(finding: Mapping[str, Any]) -> str:
    """The place of a claim: the same streamed and not, and in every item."""
    return "".join("*" if character.isdecimal() else character for character in finding["at"] or "")


def _made_good(result: Mapping[str, Any], finding: Mapping[str, Any]) -> bool:
    return bool(result["claims"] == Verdict.WARN and finding["kind"] in ("effect", "expect"))


def _refused(results: Sequence[Mapping[str, Any]]) -> Iterator[Defect]:
    """Failures without a finding: the endpoint refused what it must not, or its reply cannot be read."""
    by_reason: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        if result["claims"] == Verdict.FAIL and not any(one["kind"] in ("effect", "expect") for one in result["findings"]):
            by_reason.setdefault(str(result["reason"] or "the reply cannot be used"), []).append(result)
    for reason, where in by_reason.items():
        yield Defect(
            rule=where[0]["case"],
            place=None,
            level="must",
            standing=False,
            message=reason,
            broken=len(where),
            of=len(where),
            cases=tuple(trial(one) for one in where),
            result=where[0],
            finding=None,
        )


def trial(result: Mapping[str, Any]) -> str:
    """The name of a trial: `suite/case`, with `:stream` where it is the streamed one."""
    return str(result["case"]) + (":stream" if result["stream"] else "")


# ---------------------------------------------------------------- words


def number(count: int, noun: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def plain(text: object) -> str:
    """Text that anybody may have written, made safe to print: what cannot be seen is escaped, line ends too."""
    said = str(text)
    if said.isprintable():
        return said
    return "".join(character if character.isprintable() else _escaped(character) for character in said)


def _escaped(character: str) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or f"\\u{ord(character):04x}"


def headline(document: Document) -> str:
    """What this report is of, in one line."""
    if "traffic" in document:
        return ", ".join(traffic(document))
    counted = [
        number(len(document["endpoints"]), "endpoint"),
        number(len({result["case"] for result in document["results"]}), "case"),
        number(len(document["results"]), "trial"),
    ]
    return ", ".join(counted) + (" (stopped before its end)" if document["partial"] else "")


def traffic(document: Document) -> list[str]:
    """What there was in recorded traffic, in words; nothing for other reports."""
    found = document.get("traffic")
    if not found:
        return []
    said = [number(len(document["endpoints"]), "host"), f"{number(found['judged'], 'exchange')} judged"]
    if found["other"]:
        said.append(f"{found['other']} of other APIs or pages not judged")
    if found["damaged"]:
        said.append(f"{number(found['damaged'], 'damaged record')}")
    return said


def damaged(document: Document) -> list[str]:
    """The records of recorded traffic that could not be read, each with its place and why."""
    found = document.get("traffic") or {"damaged_first": [], "damaged": 0}
    said = [
        f"{one['file']}" + (f", record {one['record']}" if one["record"] else "") + f": {one['why']}"
        for one in found["damaged_first"]
    ]
    more = found["damaged"] - len(said)
    return [*said, f"and {more} more"] if more > 0 else said


def verdict_counts(counts: Mapping[str, int]) -> list[tuple[Mark, int]]:
    """The verdicts that occur, in the order of the legend."""
    return [(MARKS[verdict], counts[verdict]) for verdict in MARKS if counts.get(verdict)]
