"""README.md: the compatibility matrix to read in a repository, with the evidence of what was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from harness.model import Verdict
from harness.report import Document, excerpt, matrix
from harness.report.matrix import MARKS, SPOILED, Cell, Defect, number, plain

FILE: Final = "README.md"

_MOST_REQUEST: Final = 280
_MOST_REPLY: Final = 320
_MOST_CASES: Final = 6
_BEGINS, _ENDS = "»", "«"


def text(document: Document) -> str:
    """The whole page."""
    lines = [
        *_title(document),
        *_features(document),
        *_legend(document),
        *_protocol(document),
        *_endpoints(document),
        *_not_judged(document),
        *_findings(document),
        *_damaged(document),
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines).strip()) + "\n"


def _title(document: Document) -> Iterator[str]:
    what = {
        "replay": "replayed from recordings",
        "live": "judged live",
        "record": "judged live, and recorded",
        "lint": "recorded by others",
    }
    yield "# How compatible is it really?"
    yield ""
    yield f"{matrix.headline(document).capitalize()}, {what.get(document['mode'], _words(document['mode']))}."
    if document["started"]:
        newest = "The newest recording is of" if document["mode"] in ("replay", "lint") else "It began at"
        yield f"{newest} {_words(document['started'])}."
    if document["partial"]:
        yield "**The run was stopped before its end, so this is only a part.**"
    yield (
        f"Made by {_words(document['harness']['name'])} {_words(document['harness']['version'])}"
        " from [report.json](report.json), which has everything that is here and more;"
        " [index.html](index.html) is the same to click through."
    )


# ---------------------------------------------------------------- the matrix


def _features(document: Document) -> Iterator[str]:
    names = list(document["endpoints"])
    if not document["features"]:
        return
    rows: list[list[str]] = []
    for group in matrix.groups(document):
        rows.append([f"**{_words(group.title)}**", *("" for _ in names)])
        for row in group.rows:
            optional = " (optional)" if row.optional else ""
            cells = [_cell(row.cells[name]) for name in names]
            rows.append([f"{_words(row.title)}{optional}<br>`{_code(row.feature)}`", *cells])
    yield "\n## Features\n"
    yield _table(["feature", *map(_linked, names)], rows)


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    spoiled = "\\" + SPOILED if cell.spoiled else ""
    part = f" {cell.count}/{cell.of}" if cell.count < cell.of else ""
    return f"{MARKS[cell.verdict].glyph}{spoiled}{part}"


def _linked(name: str) -> str:
    return f"[{_words(name)}](#{name.replace('.', '')})"


def _legend(document: Document) -> Iterator[str]:
    if document["features"]:
        yield "\nA feature's cell shows the worst verdict of what its cases claim; `1/4`: one of four trials has it."
        yield f"`{SPOILED}`: the claims hold, and only the protocol below is broken in their exchanges."
    yield ""
    rows = [[mark.glyph, mark.word, mark.meaning, str(document["counts"][verdict])] for verdict, mark in MARKS.items()]
    yield _table(["", "verdict", "means", "trials"], rows, centred=(0,), right=(3,))


def _protocol(document: Document) -> Iterator[str]:
    names = list(document["endpoints"])
    broken = [row for row in document["protocol"] if any(cell["broken"] for cell in row["endpoints"].values())]
    counted = [row for row in broken if row["level"] != "may"]
    notes = [row for row in broken if row["level"] == "may"]
    held = len({row["rule"] for row in document["protocol"]} - {row["rule"] for row in broken})
    yield "\n## Protocol\n"
    yield "What must hold of every exchange, whatever was asked: broken in n of m exchanges."
    yield "MUST: real clients break."
    yield "SHOULD: api.openai.com never does this, and some clients mind."
    yield f"{MARKS[Verdict.PASS].glyph}: never broken; {MARKS[Verdict.SKIPPED].glyph}: there was nothing to look at."
    yield f"{number(held, 'rule')} more were broken by nobody."
    yield ""
    if counted:
        yield _table(["level", "rule", *map(_linked, names)], [_protocol_row(row, names) for row in counted], left=(0, 1))
    else:
        yield "No rule was broken."
    if notes:
        yield f"\n<details><summary>Notes (MAY), never counted: {len(notes)}</summary>\n"
        yield _table(["level", "rule", *map(_linked, names)], [_protocol_row(row, names) for row in notes], left=(0, 1))
        yield "\n</details>"


def _protocol_row(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    where = f"<br>`{_code(row['place'])}`" if row["place"] else ""
    return [row["level"].upper(), f"`{_code(row['rule'])}`{where}", *(_counted(row["endpoints"][name]) for name in names)]


def _counted(cell: Mapping[str, Any]) -> str:
    if cell["broken"]:
        return f"{cell['broken']}/{cell['of']}"
    return MARKS[Verdict.PASS if cell["of"] else Verdict.SKIPPED].glyph


# ---------------------------------------------------------------- the endpoints


def _endpoints(document: Document) -> Iterator[str]:
    used = [mark for mark, _ in matrix.verdict_counts(document["counts"])]
    rows = []
    for name, profile in document["endpoints"].items():
        counts = [str(profile["verdicts"][mark.word] or "") for mark in used]
        served = " ".join(str(profile["server"][key]) for key in ("server", "version") if profile["server"].get(key))
        rows.append(
            [
                _linked(name),
                _words(profile["title"]),
                _words(profile["model"] or ""),
                _words(served),
                _words((profile["recorded"] or "")[:10]),
                *counts,
                f"{profile['judged']}/{profile['trials']}",
            ]
        )
    yield "\n## Endpoints\n"
    yield _table(
        ["endpoint", "what it is", "model", "server", "recorded", *(f"{mark.glyph} {mark.word}" for mark in used), "judged"],
        rows,
        left=(0, 1, 2, 3, 4),
    )


def _not_judged(document: Document) -> Iterator[str]:
    rows = []
    for name, profile in document["endpoints"].items():
        for reason in profile["not_judged"]:
            mark = MARKS[reason["verdict"]]
            cases = [f"`{_code(case)}`" for case in reason["cases"][:_MOST_CASES]]
            more = len(reason["cases"]) - len(cases)
            rows.append(
                [
                    _linked(name),
                    f"{mark.glyph} {mark.word}",
                    str(reason["count"]),
                    _words(reason["reason"]),
                    " ".join(cases) + (f" and {more} more" if more else ""),
                ]
            )
    yield "\n## What was not judged, and why\n"
    if rows:
        yield _table(["endpoint", "verdict", "trials", "reason", "which"], rows, left=(0, 1, 3, 4), right=(2,))
    else:
        yield "Everything was judged."


# ---------------------------------------------------------------- findings


def _findings(document: Document) -> Iterator[str]:
    yield "\n## Findings, with evidence\n"
    yield f"The worst come first, each once; {_BEGINS}…{_ENDS} is the place that is meant."
    for name, profile in document["endpoints"].items():
        found = matrix.defects(document, name)
        counted = [one for one in found if one.level != "may"]
        yield f"\n### {_words(name)}\n"
        yield f"{_words(profile['title'])}: {_summed(profile)}."
        for line in str(profile["notes"]).splitlines():
            yield _words(line)
        if not counted:
            yield "\nNothing that a client would notice."
        for defect in counted:
            yield from _defect(defect)
        if notes := len(found) - len(counted):
            yield f"\nAnd {number(notes, 'note')} (MAY) of what only the published document or an extension has."


def _damaged(document: Document) -> Iterator[str]:
    if said := matrix.damaged(document):
        yield "\n## Damaged records, which were not judged\n"
        yield from (f"* {_words(one)}" for one in said)


def _summed(profile: Mapping[str, Any]) -> str:
    counted = ", ".join(f"{count} {mark.word}" for mark, count in matrix.verdict_counts(profile["verdicts"]))
    return f"{counted or 'nothing was held'}; {profile['judged']} of {profile['trials']} trials judged"


def _defect(defect: Defect) -> Iterator[str]:
    level = (defect.level or "effect").upper()
    where = f" at `{_code(defect.place)}`" if defect.place else ""
    unit = "exchange" if defect.standing else "trial"
    shown = [f"`{_code(case)}`" for case in defect.cases[:_MOST_CASES]]
    more = len(defect.cases) - len(shown)
    count = f"in {defect.broken} of {number(defect.of, unit)}"
    yield f"\n**{level}** `{_code(defect.rule)}`{where}, {count}: {_words(defect.message)}"
    yield ""
    yield f"<details><summary>In {' '.join(_html_code(case) for case in shown)}{f' and {more} more' if more else ''}</summary>\n"
    yield from _evidence(defect)
    yield "\n</details>"


def _html_code(code: str) -> str:
    return f"<code>{code.strip('`')}</code>"


def _evidence(defect: Defect) -> Iterator[str]:
    """The request, and the part of the reply that is meant."""
    exchanges = defect.result["exchanges"]
    position = defect.finding["exchange"] if defect.finding else len(exchanges) - 1
    if not 0 <= position < len(exchanges) or "request" not in exchanges[position]:
        recorded = next((one["cassette"] for one in exchanges if "cassette" in one), None)
        yield f"Recorded in `{_code(recorded)}`." if recorded else "There is no exchange to show."
        return
    exchange = exchanges[position]
    request = exchange["request"]
    asked = f"{request['method']} {request['path']}"
    body = excerpt.request_text(request)
    lines = [asked, body[:_MOST_REQUEST] + ("…" if len(body) > _MOST_REQUEST else "")]
    if "reply" in exchange:
        marks = [tuple(defect.finding["bytes"])] if defect.finding and defect.finding["bytes"] else []
        shown = "".join(_piece(piece) for piece in excerpt.pieces(exchange["reply"], marks, _MOST_REPLY))
        lines += ["", f"{exchange['reply']['status']}", shown]
    else:
        lines += ["", exchange["silence"]["message"]]
    yield from _fenced("\n".join(lines))


def _piece(piece: excerpt.Piece) -> str:
    return f"{_BEGINS}{piece.text}{_ENDS}" if piece.marked else piece.text


def _fenced(said: str) -> Iterator[str]:
    lines = [plain(line) for line in said.split("\n")]
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}text"
    yield from (line.rstrip() for line in lines)
    yield fence


# ---------------------------------------------------------------- Markdown

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|#&~$])")


def _words(said: object) -> str:
    """Anybody's text, so that it means nothing in Markdown, HTML or a table."""
    return _SPECIAL.sub(r"\\\1", plain(said)).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")


def _code(said: object) -> str:
    """Anybody's text, to stand between backticks in a table."""
    return plain(said).replace("`", "'").replace("|", "\\|").replace("<", "‹").replace(">", "›")


def _table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: Sequence[int] = (0,),
    right: Sequence[int] = (),
    centred: Sequence[int] = (),
) -> str:
    """A Markdown table. Columns are centred but for those that are `left` or `right`."""
    from tabulate import tabulate

    def side(column: int) -> str:
        if column in centred:
            return "center"
        return "right" if column in right else "left" if column in left else "center"

    aligned = [side(column) for column in range(len(heads))]
    return tabulate([list(row) for row in rows], headers=list(heads), tablefmt="pipe", disable_numparse=True, colalign=aligned)
