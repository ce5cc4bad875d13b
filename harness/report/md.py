"""README.md: the compatibility matrix to read in a repository, with the evidence of what was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from harness.report import Document, accepted, claimed, client_verdicts, excerpt, facts, matrix
from harness.report.defects import Defect, defects
from harness.report.marks import LOOKS, MARKS, PROTOCOL
from harness.report.matrix import Cell, line, number, plain

FILE: Final = "README.md"

_MOST_REQUEST: Final = 280
_MOST_REPLY: Final = 320
_MOST_CASES: Final = 6
_MOST_NAMES: Final = 60
_MOST_COLUMNS: Final = 8
"""Of endpoints side by side: a wider table is cut off, or scrolls, where repositories show it."""
_BEGINS, _ENDS = "»", "«"


def text(document: Document) -> str:
    """The whole page."""
    lines = [
        *_title(document),
        *_features(document),
        *_legend(document),
        *_protocol(document),
        *_endpoints(document),
        *_claimed(document),
        *_clients(document),
        *_known(document),
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
    yield f"{matrix.headline(document).capitalize()}, {what.get(document['mode'], words(document['mode']))}."
    if document["started"]:
        newest = "The newest recording is of" if document["mode"] in ("replay", "lint") else "It began at"
        yield f"{newest} {words(document['started'])}."
    if said := matrix.not_held(document):
        yield f"**This is only a part: {words('; '.join(said))}.**"
    yield (
        f"Made by {words(document['harness']['name'])} {words(document['harness']['version'])}"
        " from [report.json](report.json), which has everything that is here and more;"
        " [index.html](index.html) is the same to click through."
    )


# ---------------------------------------------------------------- the matrix


def _features(document: Document) -> Iterator[str]:
    if not document["features"]:
        return
    groups = matrix.groups(document)
    yield "\n## Suites\n"
    for names in _side_by_side(document):
        rows = [[words(group.title), *(_cell(matrix.overall(group, name)) for name in names)] for group in groups]
        yield table(["suite", *map(_linked, names)], rows) + "\n"
    yield from _legend(document)
    yield "\n## Features\n"
    yield "The same, feature by feature."
    yield ""
    for names in _side_by_side(document):
        rows = []
        for group in groups:
            rows.append([f"**{words(group.title)}**", *("" for _ in names)])
            for row in group.rows:
                optional = " (optional)" if row.optional else ""
                cells = [_cell(row.cells[name]) for name in names]
                rows.append([f"{words(row.title)}{optional}<br>`{code(row.feature)}`", *cells])
        yield table(["feature", *map(_linked, names)], rows) + "\n"


def _side_by_side(document: Document) -> Iterator[list[str]]:
    """The names of the endpoints, as many at a time as a table holds."""
    names = list(document["endpoints"])
    for start in range(0, len(names), _MOST_COLUMNS):
        yield names[start : start + _MOST_COLUMNS]


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return cell.mark.glyph + (f" {cell.count}/{cell.of}" if cell.count < cell.of else "")


def _linked(name: str) -> str:
    return f"[{words(name)}](#{name.replace('.', '')})"


def _legend(document: Document) -> Iterator[str]:
    if document["features"]:
        yield "A cell shows the worst that its trials came to; `1/4`: one of four did."
    yield ""
    rows = [[mark.glyph, mark.word, mark.meaning, str(count or "")] for mark, count in matrix.legend(document)]
    yield table(["", "verdict", "means", "trials"], rows, left=(2,), centred=(0, 1), right=(3,))
    if said := matrix.protocol_only(document):
        yield f"\n{LOOKS[PROTOCOL].glyph} {LOOKS[PROTOCOL].word} counts as {said}."


def _protocol(document: Document) -> Iterator[str]:
    broken = [row for row in document["protocol"] if any(cell["broken"] for cell in row["endpoints"].values())]
    counted = [row for row in broken if row["level"] != "may"]
    notes = [row for row in broken if row["level"] == "may"]
    held = len({row["rule"] for row in document["protocol"]} - {row["rule"] for row in broken})
    yield "\n## Protocol\n"
    if not document["features"]:
        yield from _legend(document)
        yield ""
    yield "What must hold of every exchange, whatever was asked: broken in n of the m exchanges that it speaks of."
    yield "MUST: real clients break."
    yield "SHOULD: api.openai.com never does this, and some clients mind."
    yield f"{LOOKS['pass'].glyph}: never broken; {LOOKS['skipped'].glyph}: there was nothing to look at."
    yield f"{number(held, 'rule')} more were broken by nobody."
    yield ""
    if counted:
        yield from _protocol_tables(document, counted)
    else:
        yield "No rule was broken."
    if notes:
        yield f"\n<details><summary>Notes (MAY), never counted: {len(notes)}</summary>\n"
        yield from _protocol_tables(document, notes)
        yield "\n</details>"


def _protocol_tables(document: Document, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for names in _side_by_side(document):
        here = [row for row in rows if any(row["endpoints"][name]["broken"] for name in names)]
        if here:
            yield table(["rule", *map(_linked, names)], [_protocol_row(row, names) for row in here]) + "\n"


def _protocol_row(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    where = f"<br>`{code(row['place'])}`" if row["place"] else ""
    cells = [_counted(row["endpoints"][name]) for name in names]
    return [f"{row['level'].upper()} `{code(row['rule'])}`{where}", *cells]


def _counted(cell: Mapping[str, Any]) -> str:
    if cell["broken"]:
        return f"{cell['broken']}/{cell['of']}"
    return LOOKS[matrix.unbroken(cell)].glyph


# ---------------------------------------------------------------- the endpoints


def _endpoints(document: Document) -> Iterator[str]:
    used = [mark for mark, _ in matrix.tally(document)]
    rows = []
    for name, profile in document["endpoints"].items():
        counted = {mark.word: count for mark, count in matrix.tally(document, name)}
        counts = [str(counted.get(mark.word) or "") for mark in used]
        served = " ".join(str(profile["server"][key]) for key in ("server", "version") if profile["server"].get(key))
        rows.append(
            [
                _linked(name),
                words(profile["title"]),
                words(profile["model"] or ""),
                words(served),
                words((profile["recorded"] or "")[:10]),
                *counts,
                f"{profile['judged']}/{profile['trials']}",
            ]
        )
    yield "\n## Endpoints\n"
    yield table(
        ["endpoint", "what it is", "model", "server", "recorded", *(f"{mark.glyph} {mark.word}" for mark in used), "judged"],
        rows,
        left=(0, 1, 2, 3, 4),
    )


def _claimed(document: Document) -> Iterator[str]:
    rows = claimed.of(document)
    if not rows:
        return
    yield "\n## Claimed against measured\n"
    yield "What vendors say of a feature, and what its base case showed."
    yield from (f"{verdict.capitalize()}: {meaning}." for verdict, meaning in claimed.MEANINGS.items())
    told = [row for row in rows if row["verdict"] in claimed.TOLD]
    if told:
        yield "\n" + table(["endpoint", "feature", "the vendor", "so", "measured"], map(_claim, told), left=(0, 1, 2, 3, 4))
    others = [row for row in rows if row["verdict"] not in claimed.TOLD]
    if others:
        yield f"\n<details><summary>{words(claimed.counted(others))}</summary>\n"
        yield table(["endpoint", "feature", "the vendor", "so", "measured"], map(_claim, others), left=(0, 1, 2, 3, 4))
        yield "\n</details>"


def _claim(row: Mapping[str, Any]) -> list[str]:
    said = words(claimed.said(row))
    link = row["link"] if re.fullmatch(r"https?://[!-~]+", row["link"]) and not re.search(r"[()<>|`]", row["link"]) else None
    linked = f"[{said}]({link})" if link else said
    read = f", read {words(row['checked'])}" if row["checked"] else ""
    name = _linked(row["endpoint"])
    return [name, f"`{code(row['feature'])}`", linked + read, row["verdict"], words(claimed.in_words(row))]


def _known(document: Document) -> Iterator[str]:
    rows = []
    for one in accepted.known(document):
        cases = [f"`{code(case)}`" for case in one.trials[:_MOST_CASES]]
        more = len(one.trials) - len(cases)
        mark = MARKS[one.verdict]
        which = " ".join(cases) + (f" and {more} more" if more else "")
        rows.append([_linked(one.endpoint), f"{mark.glyph} {mark.word}", str(len(one.trials)), words(one.why), which])
    if rows:
        yield "\n## Known failures\n"
        yield "They fail, and that was accepted beforehand: no news, and not passed.\n"
        yield table(["endpoint", "verdict", "trials", "why", "which"], rows, left=(0, 1, 3, 4), right=(2,))


def _clients(document: Document) -> Iterator[str]:
    rows, profiles = client_verdicts.rows(document), client_verdicts.profiles(document)
    if not any(row["verdict"] != client_verdicts.UNTESTED for row in rows):
        return
    verdicts = {(row["client"], row["endpoint"]): row for row in rows}
    yield "\n## Clients\n"
    yield "Which programs work with what was found."
    yield "`chatcompat render REPORT --format clients` says why, and has settings to paste."
    meanings = client_verdicts.MEANINGS
    yield ", ".join(f"{client_verdicts.GLYPHS[one]}: {meanings[one]}" for one in client_verdicts.ORDER) + "."
    yield ""
    for names in _side_by_side(document):
        cells = [
            [words(profile["title"]), *(_client(verdicts.get((client, name)), profile) for name in names)]
            for client, profile in profiles.items()
        ]
        yield table(["client", *map(_linked, names)], cells) + "\n"


def _client(row: Mapping[str, Any] | None, profile: Mapping[str, Any]) -> str:
    if row is None:
        return ""
    without = client_verdicts.lacking(row, profile) if row["verdict"] == client_verdicts.WITHOUT else ()
    return client_verdicts.GLYPHS[row["verdict"]] + (f" without {words(', '.join(without).lower())}" if without else "")


def _not_judged(document: Document) -> Iterator[str]:
    rows = []
    for name, profile in document["endpoints"].items():
        for reason in profile["not_judged"]:
            mark = MARKS[reason["verdict"]]
            cases = [f"`{code(case)}`" for case in reason["cases"][:_MOST_CASES]]
            more = len(reason["cases"]) - len(cases)
            rows.append(
                [
                    _linked(name),
                    f"{mark.glyph} {mark.word}",
                    str(reason["count"]),
                    words(reason["reason"]),
                    " ".join(cases) + (f" and {more} more" if more else ""),
                ]
            )
    yield "\n## What was not judged, and why\n"
    if rows:
        yield table(["endpoint", "verdict", "trials", "reason", "which"], rows, left=(0, 1, 3, 4), right=(2,))
    else:
        yield "Everything was judged."


# ---------------------------------------------------------------- findings


def _findings(document: Document) -> Iterator[str]:
    yield "\n## Findings, with evidence\n"
    yield f"The worst come first, each once; {_BEGINS}…{_ENDS} is the place that is meant."
    for name, profile in document["endpoints"].items():
        found = defects(document, name)
        counted = [one for one in found if one.level != "may"]
        yield f"\n### {words(name)}\n"
        yield f"{words(profile['title'])}: {_summed(document, name)}."
        for known in facts.of(document, name):
            yield f"\n{words(known[:1].upper() + known[1:])}."
        for noted in str(profile["notes"]).splitlines():
            yield words(noted)
        if not counted:
            yield "\nNothing that a client would notice."
        for defect in counted:
            yield from _defect(defect)
        if notes := len(found) - len(counted):
            yield f"\nAnd {number(notes, 'note')} (MAY) of what only the published document or an extension has."


def _damaged(document: Document) -> Iterator[str]:
    if said := matrix.damaged(document):
        yield "\n## Damaged records, which were not judged\n"
        yield from (f"* {words(one)}" for one in said)


def _summed(document: Document, name: str) -> str:
    profile = document["endpoints"][name]
    counted = ", ".join(f"{mark.glyph} {count} {mark.word}" for mark, count in matrix.tally(document, name))
    return f"{counted or 'nothing was held'}; {profile['judged']} of {profile['trials']} trials judged"


def _defect(defect: Defect) -> Iterator[str]:
    level = (defect.level or "effect").upper()
    where = f" at `{code(defect.place)}`" if defect.place else ""
    unit = "exchange" if defect.standing else "trial"
    shown = [f"`{code(case)}`" for case in defect.cases[: _MOST_CASES if defect.standing else _MOST_NAMES]]
    more = len(defect.cases) - len(shown)
    count = f"in {defect.broken} of {number(defect.of, unit)}"
    yield f"\n**{level}** `{code(defect.rule)}`{where}, {count}: {words(defect.message)}"
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
        yield f"Recorded in `{code(recorded)}`." if recorded else "There is no exchange to show."
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


def words(said: object) -> str:
    """Anybody's text, so that it means nothing in Markdown, HTML or a table."""
    return _SPECIAL.sub(r"\\\1", line(said)).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")


def code(said: object) -> str:
    """Anybody's text, to stand between backticks in a table."""
    return plain(said).replace("`", "'").replace("|", "\\|").replace("<", "‹").replace(">", "›")


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: Sequence[int] = (0,),
    right: Sequence[int] = (),
    centred: Sequence[int] = (),
) -> str:
    """A Markdown table of cells that are Markdown already. Columns are centred but for those that are `left` or `right`."""
    from tabulate import tabulate

    def side(column: int) -> str:
        if column in centred:
            return "center"
        return "right" if column in right else "left" if column in left else "center"

    aligned = [side(column) for column in range(len(heads))]
    return tabulate([list(row) for row in rows], headers=list(heads), tablefmt="pipe", disable_numparse=True, colalign=aligned)
