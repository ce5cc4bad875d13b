"""The matrix for a terminal, 80 columns or more, with colours or without, and in ASCII where nothing else can be shown.

Verdicts are glyphs, so nothing depends on colour. What endpoints said is escaped: it cannot move a cursor.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.model import Verdict
from harness.report import Document, accepted, claimed, client_verdicts, facts, matrix
from harness.report.chance import FLAKY
from harness.report.defects import Defect, defects
from harness.report.marks import KNOWN, LOOKS, PARTLY, PROTOCOL, Mark
from harness.report.matrix import Cell, line, number

FILE = None

_COLOURS: Final[Mapping[str, str]] = {
    Verdict.PASS: "32",
    PARTLY: "36",
    PROTOCOL: "33;1",
    Verdict.WARN: "33",
    FLAKY: "35",
    KNOWN: "34;1",
    Verdict.IGNORED: "35;1",
    Verdict.UNSUPPORTED: "36",
    Verdict.FAIL: "31;1",
    Verdict.INCONCLUSIVE: "34",
    Verdict.SKIPPED: "2",
    Verdict.ERROR: "31;7",
}
_LEVEL_COLOURS: Final = {"must": "31;1", "should": "33", "may": "2"}
_NARROWEST: Final = 60
_SAID: Final[Mapping[str, str]] = {
    PARTLY: "passed as far as held",
    PROTOCOL: "works, only the protocol is broken",
}
"""What the words of two looks mean, where no table says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What the terminal can do."""

    width: int = 100
    colour: bool = False
    unicode: bool = True

    def painted(self, text: str, code: str) -> str:
        """The text in a colour, where there are colours."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code else text

    def glyph(self, mark: Mark) -> str:
        """A verdict's glyph."""
        return mark.glyph if self.unicode else mark.ascii

    def written(self, text: object) -> str:
        """Anybody's text, safe to print here."""
        safe = line(text)
        return safe if self.unicode else safe.encode("ascii", "backslashreplace").decode()


def text(document: Document, style: Style = Style(), *, level: str = "should") -> str:
    """The matrix, the protocol, a line for each endpoint and its worst findings down to `level`."""
    lines = [*_title(document, style), *_matrix(document, style), *_protocol(document, style, level), *_legend(document, style)]
    for name in document["endpoints"]:
        lines += ["", *summary(document, name, style, level=level)]
    if said := matrix.damaged(document):
        lines += ["", style.painted("Damaged, so not judged", "1"), *(_cut(f"  {style.written(one)}", style) for one in said)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def summary(document: Document, endpoint: str, style: Style, *, level: str = "should", most: int = 8) -> Iterator[str]:
    """What came out for one endpoint: its counts, and its worst findings."""
    profile = document["endpoints"][endpoint]
    name = style.painted(style.written(endpoint), "1")
    yield f"{name}  {profile['judged']} of {number(profile['trials'], 'trial')} judged"
    counted = [
        (f"{style.glyph(mark)} {count} {mark.word}", _COLOURS[mark.word]) for mark, count in matrix.tally(document, endpoint)
    ]
    yield from _flowing(counted or [("nothing was held", "")], style, indent=2)
    for known in facts.of(document, endpoint):
        yield style.painted(_cut(f"  {style.written(known)}", style), "2")
    levels = ("must", None) if level == "must" else ("must", None, "should")
    found = [one for one in defects(document, endpoint) if one.level in levels]
    for defect in found[:most]:
        yield from _defect(defect, style)
    if len(found) > most:
        yield f"  {'…' if style.unicode else '...'} and {len(found) - most} more"
    yield from _claimed(document, endpoint, style)
    yield from _clients(document, endpoint, style)
    for one in accepted.known(document) if profile["known"] else ():
        if one.endpoint == endpoint:
            said = f"  {style.glyph(LOOKS[one.verdict])} {len(one.trials)} {one.verdict}, {style.written(one.why)}"
            yield style.painted(_cut(said, style), "2")
    for reason in profile["not_judged"][:3]:
        mark = style.glyph(LOOKS[reason["verdict"]])
        said = f"  {mark} {reason['count']} {reason['verdict']}: {style.written(reason['reason'])}"
        yield style.painted(_cut(said, style), "2")


def _claimed(document: Document, endpoint: str, style: Style) -> Iterator[str]:
    """What the vendor says and is not so; how much of the rest is."""
    rows = [row for row in claimed.of(document) if row["endpoint"] == endpoint]
    if not rows:
        return
    yield style.painted(_cut(f"  of what its vendor says: {claimed.counted(rows)}", style), "2")
    for row in rows:
        if row["verdict"] in claimed.TOLD:
            head = f"{row['verdict']} {row['feature']}: the vendor {claimed.said(row)}; {claimed.in_words(row)}"
            yield _cut(f"    {style.written(head)}", style)


def _clients(document: Document, endpoint: str, style: Style) -> Iterator[str]:
    """A line for each verdict that clients come to with it."""
    by_verdict: dict[str, list[str]] = {}
    for row in client_verdicts.rows(document):
        if row["endpoint"] == endpoint and row["verdict"] != client_verdicts.UNTESTED:
            by_verdict.setdefault(row["verdict"], []).append(_client(row))
    for verdict in client_verdicts.ORDER:
        if names := by_verdict.get(verdict):
            said = f"clients, {verdict.replace('-', ' ')}: {', '.join(names)}"
            yield style.painted(_cut(f"  {style.written(said)}", style), "2")


def _client(row: Mapping[str, Any]) -> str:
    without = [use for use, came in row["uses"].items() if came == client_verdicts.BROKEN and use != "chat"]
    return str(row["client"]) + (f" ({', '.join(without)})" if row["verdict"] == client_verdicts.WITHOUT else "")


def _defect(defect: Defect, style: Style) -> Iterator[str]:
    level = (defect.level or "effect").upper()
    code = _LEVEL_COLOURS.get(defect.level or "", _COLOURS[Verdict.IGNORED])
    where = f" {defect.place}" if defect.place else ""
    count = f"in {defect.broken} of {number(defect.of, 'exchange' if defect.standing else 'trial')}"
    yield f"  {style.painted(f'{level:<6}', code)} {style.written(defect.rule + where)} {style.painted(count, '2')}"
    yield _cut(f"         {style.written(defect.message)}", style)
    if defect.finding is None and len(defect.cases) > 1:
        yield _cut(f"         {style.written(' '.join(dict.fromkeys(one.partition(':')[0] for one in defect.cases)))}", style)


def _cut(line: str, style: Style) -> str:
    return _fitted(line, style.width, style.unicode).rstrip()


# ---------------------------------------------------------------- the tables


def _title(document: Document, style: Style) -> Iterator[str]:
    words = [f"{document['harness']['name']} {document['harness']['version']}", document["mode"], matrix.headline(document)]
    yield style.painted(_cut("  ".join(map(style.written, words)), style), "1")
    for said in matrix.not_held(document):
        yield style.painted(_cut(f"Only a part: {style.written(said)}", style), "33;1")


def _matrix(document: Document, style: Style) -> Iterator[str]:
    groups = matrix.groups(document)
    if not groups:
        return
    labels = [row.feature for group in groups for row in group.rows]
    for names, label_width, widths in _blocks(document, labels, style):
        yield from _head(names, label_width, widths, style)
        for group in groups:
            yield style.painted(_fitted(style.written(group.title), label_width, style.unicode), "1")
            for row in group.rows:
                cells = [_cell(row.cells[name], style) for name in names]
                yield from _row(f"  {row.feature}", label_width, cells, widths, style)


def _cell(cell: Cell | None, style: Style) -> tuple[str, str]:
    """Text and colour."""
    if cell is None:
        return ("", "")
    part = f" {cell.count}/{cell.of}" if cell.count < cell.of else ""
    return (f"{style.glyph(cell.mark)}{part}", _COLOURS[cell.look])


def _protocol(document: Document, style: Style, level: str) -> Iterator[str]:
    levels = ("must",) if level == "must" else ("must", "should")
    rows = [
        row
        for row in document["protocol"]
        if row["level"] in levels and any(cell["broken"] for cell in row["endpoints"].values())
    ]
    if not rows:
        return
    labels = [f"{row['rule']} {row['place'] or ''}" for row in rows]
    for names, label_width, widths in _blocks(document, labels, style):
        # Of many endpoints, each block has its own rows, else nobody would find what is broken in it.
        here = [
            (row, label)
            for row, label in zip(rows, labels, strict=True)
            if any(row["endpoints"][name]["broken"] for name in names)
        ]
        if not here:
            continue
        yield from _head(names, label_width, widths, style, "Protocol: broken in n of the m exchanges that it speaks of")
        for said in levels:
            of_level = [(row, label) for row, label in here if row["level"] == said]
            if of_level:
                yield style.painted(said.upper(), _LEVEL_COLOURS[said])
            for row, label in of_level:
                cells = [_counted(row["endpoints"][name], said, style) for name in names]
                if _columns(label) + 2 > label_width:  # cut off, two places of the contract might look the same
                    yield _cut(f"  {style.written(label)}", style)
                    label = ""
                yield from _row(f"  {label}", label_width, cells, widths, style)


def _counted(cell: dict[str, int], level: str, style: Style) -> tuple[str, str]:
    if cell["broken"]:
        return (f"{cell['broken']}/{cell['of']}", _LEVEL_COLOURS[level])
    mark = LOOKS[matrix.unbroken(cell)]
    return (style.glyph(mark), _COLOURS[mark.word])


def _blocks(document: Document, labels: Sequence[str], style: Style) -> Iterator[tuple[list[str], int, list[int]]]:
    """As many endpoints side by side as the width allows: their names, the width of the labels, and theirs."""
    width = max(style.width, _NARROWEST)
    label_width = min(max([_columns(label) + 2 for label in labels] + [12]), width * 2 // 5)
    names: list[str] = []
    widths: list[int] = []
    for name in document["endpoints"]:
        wide = min(max(_columns(name), 7), 16) + 2
        if names and label_width + sum(widths) + wide > width:
            yield names, label_width, widths
            names, widths = [], []
        names.append(name)
        widths.append(wide)
    if names:
        yield names, label_width, widths


def _head(names: Sequence[str], label_width: int, widths: Sequence[int], style: Style, title: str = "") -> Iterator[str]:
    yield ""
    heads = "".join(
        "  " + _fitted(style.written(name), wide - 2, style.unicode) for name, wide in zip(names, widths, strict=True)
    )
    if _columns(title) > label_width:
        yield style.painted(_cut(title, style), "1")
        title = ""
    yield style.painted(f"{title:<{label_width}}{heads}", "1")


def _row(label: str, label_width: int, cells: Iterable[tuple[str, str]], widths: Sequence[int], style: Style) -> Iterator[str]:
    line = _fitted(style.written(label), label_width, style.unicode)
    for (shown, code), wide in zip(cells, widths, strict=True):
        line += "  " + style.painted(_fitted(shown, wide - 2, style.unicode), code if shown else "")
    yield line


def _legend(document: Document, style: Style) -> Iterator[str]:
    words = [f"{style.glyph(mark)} {_SAID.get(mark.word, mark.word)}" for mark, _ in matrix.legend(document)]
    cells = (cell for group in matrix.groups(document) for row in group.rows for cell in row.cells.values() if cell)
    if any(cell.count < cell.of for cell in cells):
        words.append("1/4 one of four trials")
    if words:
        yield ""
        yield from _flowing([(word, "2") for word in words], style)


def _flowing(words: Iterable[tuple[str, str]], style: Style, indent: int = 0) -> Iterator[str]:
    """Words with their colours, as many on a line as fit."""
    shown, taken = "", 0
    for word, code in words:
        if taken and taken + 3 + _columns(word) > style.width:
            yield shown
            shown, taken = "", 0
        gap = " " * (3 if taken else indent)
        shown += gap + style.painted(word, code)
        taken += len(gap) + _columns(word)
    yield shown


# ---------------------------------------------------------------- columns


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(_column(character) for character in text)


def _column(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitted(text: str, width: int, unicode: bool = True) -> str:
    """The text in exactly so many columns, cut where it is longer."""
    taken = _columns(text)
    if taken <= width:
        return text + " " * (width - taken)
    end = "…" if unicode else "~"
    kept, taken = "", 1
    for character in text:
        if taken + _column(character) > width:
            break
        kept += character
        taken += _column(character)
    return kept + end + " " * (width - taken)
