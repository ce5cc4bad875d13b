"""What the formats share: the cells of the matrix, the legend, and words.

Reads the report's document, and nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.model import Verdict
from harness.report import Document
from harness.report.marks import LOOKS, PARTLY, PROTOCOL, Mark, look, worst

# ---------------------------------------------------------------- the matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What some trials with an endpoint amount to. `count` of all `of` trials look so (of `partly`: passed)."""

    look: str
    count: int
    of: int
    results: tuple[Mapping[str, Any], ...]

    @property
    def mark(self) -> Mark:
        """How it is shown."""
        return LOOKS[self.look]

    @property
    def words(self) -> str:
        """The same in words."""
        if self.look == PARTLY:
            return f"{self.count} of {number(self.of, 'trial')} passed, the others were not held"
        said = "the feature works, but the protocol is broken" if self.look == PROTOCOL else self.mark.word
        return f"{said}, in {self.count} of {number(self.of, 'trial')}"


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
    """What some results amount to: the worst look of its trials, and how many of all have it."""
    if not results:
        return None
    looks = [look(result) for result in results]
    shown = worst(looks)
    return Cell(
        look=PARTLY if shown == Verdict.PASS and Verdict.SKIPPED in looks else shown,
        count=looks.count(shown),
        of=len(looks),
        results=tuple(results),
    )


def overall(group: Group, endpoint: str) -> Cell | None:
    """A whole suite with an endpoint."""
    return cell([result for row in group.rows if (held := row.cells[endpoint]) for result in held.results])


def tally(document: Document, endpoint: str | None = None) -> list[tuple[Mark, int]]:
    """How many trials look how, of one endpoint or of all, in the order of the legend."""
    if "traffic" in document:  # its results are examples: only the counts know all
        counts = document["counts"] if endpoint is None else document["endpoints"][endpoint]["verdicts"]
        return [(LOOKS[one], counts[one]) for one in LOOKS if counts.get(one)]
    counted = Counter(look(one) for one in document["results"] if endpoint is None or one["endpoint"] == endpoint)
    return [(LOOKS[one], counted[one]) for one in LOOKS if counted[one]]


def legend(document: Document) -> list[tuple[Mark, int | None]]:
    """What the glyphs that this report shows mean, and how many trials look so; None for what only cells show."""
    counted = {mark.word: count for mark, count in tally(document)}
    shown = {cell.look for group in groups(document) for row in group.rows for cell in row.cells.values() if cell}
    for row in document["protocol"]:
        if any(cell["broken"] for cell in row["endpoints"].values()):
            shown |= {unbroken(cell) for cell in row["endpoints"].values() if not cell["broken"]}
    return [(mark, counted.get(one)) for one, mark in LOOKS.items() if one in shown or one in counted]


def protocol_only(document: Document) -> str:
    """What the trials that look like `protocol` count as, in words; nothing where there are none."""
    if "traffic" in document:
        return ""
    counted = Counter(str(one["verdict"]) for one in document["results"] if look(one) == PROTOCOL)
    return " and ".join(f"{count} {verdict}" for verdict, count in sorted(counted.items()))


def unbroken(cell: Mapping[str, Any]) -> str:
    """The look of a cell of the protocol that nobody broke: kept, or nothing to look at."""
    return Verdict.PASS.value if cell["of"] else Verdict.SKIPPED.value


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


def line(text: object) -> str:
    """Anybody's text on one line: ends of lines are blanks, and what cannot be seen is escaped."""
    return plain(_LINE_END.sub(" ", str(text)))


_LINE_END: Final = re.compile(r"[ \t]*[\r\n][ \t\r\n]*")


def headline(document: Document) -> str:
    """What this report is of, in one line."""
    if "traffic" in document:
        return ", ".join(traffic(document))
    counted = [
        number(len(document["endpoints"]), "endpoint"),
        number(len({result["case"] for result in document["results"]}), "case"),
        number(len(document["results"]), "trial"),
    ]
    return ", ".join(counted) + (" (in part)" if document["partial"] else "")


def not_held(document: Document) -> list[str]:
    """What was planned and not held, so that the report is only a part; a sentence for each reason."""
    found = [f"{number(one['count'], 'trial')} not held: {one['why']}" for one in document.get("not_held", ())]
    return found or (["the run was stopped before its end"] if document["partial"] else [])


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
