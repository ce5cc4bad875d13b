"""summary.md: short Markdown for a job's summary or a comment: the matrix and what counts, without the evidence.

GitHub takes at most 1 MiB from a step; what does not fit is left out, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from harness.report import Document, matrix
from harness.report.accepted import accepted_trials, entries, known
from harness.report.defects import Defect, defects
from harness.report.marks import MARKS
from harness.report.matrix import Cell, number
from harness.report.md import code, table, words

FILE: Final = "summary.md"

MOST_BYTES: Final = 500_000
"""Half of what GitHub takes of a step, which may have more to say."""

_MOST_COLUMNS: Final = 8
_MOST_DEFECTS: Final = 25
_MOST_CHARACTERS: Final = 300
_MOST_TRIALS: Final = 4


def text(document: Document) -> str:
    """The page: its sections in order of weight, as many as fit."""
    page = ""
    for section in (_title, _endpoints, _wrong, _accepted, _suites, _not_judged, _features):
        made = "\n".join(section(document))
        if len((page + made).encode()) > MOST_BYTES:
            page += "\n\nThere is more than fits here: see the report.\n"
            break
        page += f"{made}\n\n" if made else ""
    return page.rstrip() + "\n"


def _title(document: Document) -> Iterator[str]:
    yield f"## {words(document['harness']['name'])}: {words(matrix.headline(document))}"
    yield ""
    yield ", ".join(f"{mark.glyph} {count} {mark.word}" for mark, count in matrix.tally(document)) or "Nothing was held."
    if partial := matrix.not_held(document):
        yield f"\n**This is only a part: {words('; '.join(partial))}.**"


def _endpoints(document: Document) -> Iterator[str]:
    if not document["endpoints"]:
        return
    used = [mark for mark, _ in matrix.tally(document)]
    rows = []
    for name, profile in document["endpoints"].items():
        counted = {mark.word: count for mark, count in matrix.tally(document, name)}
        counts = [str(counted.get(mark.word) or "") for mark in used]
        rows.append([words(name), words(profile["model"] or ""), *counts, f"{profile['judged']}/{profile['trials']}"])
    yield table(["endpoint", "model", *(f"{mark.glyph} {mark.word}" for mark in used), "judged"], rows, left=(0, 1))


# ---------------------------------------------------------------- what counts


def _wrong(document: Document) -> Iterator[str]:
    rows: list[list[str]] = []
    left_out = 0
    for name in document["endpoints"]:
        rules, fine = entries(document, name), accepted_trials(document, name)
        found = [one for one in defects(document, name) if one.level != "may"]
        rows += [_defect(name, one, rules, fine) for one in found[:_MOST_DEFECTS]]
        left_out += len(found[_MOST_DEFECTS:])
    if not rows:
        return
    yield "### What is wrong\n"
    yield table(["endpoint", "level", "what", "in", "message"], rows, left=(0, 1, 2, 3, 4))
    if left_out:
        yield f"\nand {left_out} more, in the report."


def _defect(name: str, one: Defect, rules: Mapping[str, Any], fine: frozenset[str]) -> list[str]:
    level = (one.level or "effect").upper()
    if one.rule in rules or (one.cases and fine.issuperset(one.cases)):
        level += " (known)"
    where = f" at `{code(one.place)}`" if one.place else ""
    count = f"{one.broken}/{number(one.of, 'exchange' if one.standing else 'trial')}"
    return [words(name), level, f"`{code(one.rule)}`{where}", count, words(_short(one.message))]


def _accepted(document: Document) -> Iterator[str]:
    rows = [
        [words(one.endpoint), f"{MARKS[one.verdict].glyph} {one.verdict}", _trials(one.trials), words(_short(one.why))]
        for one in known(document)
    ]
    if rows:
        yield "### Known failures\n"
        yield "They fail, and that is accepted: they count as neither new nor passed.\n"
        yield table(["endpoint", "verdict", "which", "why"], rows, left=(0, 1, 2, 3))


def _trials(names: Sequence[str]) -> str:
    shown = " ".join(f"`{code(name)}`" for name in names[:_MOST_TRIALS])
    return shown + (f" and {len(names) - _MOST_TRIALS} more" if len(names) > _MOST_TRIALS else "")


def _not_judged(document: Document) -> Iterator[str]:
    rows = [
        [words(name), MARKS[one["verdict"]].word, str(one["count"]), words(_short(one["reason"]))]
        for name, profile in document["endpoints"].items()
        for one in profile["not_judged"]
    ]
    if rows:
        yield "<details><summary>What was not judged, and why</summary>\n"
        yield table(["endpoint", "verdict", "trials", "reason"], rows, left=(0, 1, 3), right=(2,))
        yield "\n</details>"


# ---------------------------------------------------------------- the matrix


def _suites(document: Document) -> Iterator[str]:
    groups = matrix.groups(document)
    if not groups:
        return
    yield "### Suites\n"
    for names in _side_by_side(document):
        rows = [[words(group.title), *(_cell(matrix.overall(group, name)) for name in names)] for group in groups]
        yield table(["suite", *map(words, names)], rows) + "\n"
    yield "; ".join(f"{mark.glyph} {mark.word}: {mark.meaning}" for mark, _ in matrix.legend(document))


def _features(document: Document) -> Iterator[str]:
    groups = matrix.groups(document)
    if not groups:
        return
    yield "<details><summary>Feature by feature</summary>\n"
    for names in _side_by_side(document):
        rows = [
            [f"{words(row.title)} `{code(row.feature)}`", *(_cell(row.cells[name]) for name in names)]
            for group in groups
            for row in group.rows
        ]
        yield table(["feature", *map(words, names)], rows) + "\n"
    yield "</details>"


def _side_by_side(document: Document) -> Iterator[list[str]]:
    names = list(document["endpoints"])
    for start in range(0, len(names), _MOST_COLUMNS):
        yield names[start : start + _MOST_COLUMNS]


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return cell.mark.glyph + (f" {cell.count}/{cell.of}" if cell.count < cell.of else "")


def _short(said: str) -> str:
    return said if len(said) <= _MOST_CHARACTERS else said[: _MOST_CHARACTERS - 1] + "…"
