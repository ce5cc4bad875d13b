"""index.html: one page that needs nothing else, to click from a cell of the matrix to the bytes behind it.

Everything is written here and escaped; without its script the page shows all but the exchanges. These lie in a block of
data, each piece once, and become part of the page when a cell is opened, so that a large report opens at once. The script
also filters, folds suites and hides endpoints. The page may load nothing and run nothing but its own style and script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from harness.report import Document, accepted, facts, html_claimed, html_clients, html_evidence, matrix
from harness.report.defects import Defect, defects
from harness.report.marks import LOOKS, PROTOCOL, look
from harness.report.matrix import Cell, Group, number

FILE: Final = "index.html"

Trials: TypeAlias = "Mapping[tuple[str, str, bool], int]"
"""The position of a result, by endpoint, case and stream."""

_HERE: Final = Path(__file__).parent
_MOST_CASES: Final = 8
_MOST_NAMES: Final = 60
_MOST_ROWS: Final = 12
"""A longer table of what was not judged is folded."""
_MANY: Final = 9
"""From so many endpoints on their names stand upright over narrow columns."""


def text(document: Document) -> str:
    """The whole page."""
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    policy = f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src {_hash(style)}; script-src {_hash(script)}"
    trials = {(one["endpoint"], one["case"], one["stream"]): place for place, one in enumerate(document["results"])}
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        "<title>Chat Completions compatibility</title>",
        f"<style>{style}</style>",
        "</head>",
        f"<body{' class=many' if len(document['endpoints']) >= _MANY else ''}>",
        '<a class="jump" href="#features">Go to the matrix</a>',
        *_top(document),
        "<main>",
        *_endpoints(document),
        *(_features(document, trials) if document["features"] else ()),
        *_protocol(document, trials),
        *html_claimed.section(document),
        *html_clients.section(document),
        *_known(document),
        *_not_judged(document),
        *_findings(document, trials),
        *_damaged(document),
        "</main>",
        *_panel(),
        *_evidence(document),
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _hash(code: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


_said = html_evidence.said


def _evidence(document: Document) -> Iterator[str]:
    """The exchanges of every trial as data, which no browser reads as part of the page."""
    shelf = html_evidence.Shelf()
    trials = [html_evidence.trial(document, result, shelf) for result in document["results"]]
    data = json.dumps({"trials": trials, "pieces": list(shelf.pieces)}, ensure_ascii=False, separators=(",", ":"))
    yield f'<script type="application/json" id="evidence">{_in_script(data)}</script>'


def _in_script(data: str) -> str:
    """JSON that ends no script and begins no comment in one."""
    safe = data.replace("</", "<\\/").replace("<!", "\\u003c!")
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in safe) if not safe.isprintable() else safe


def _top(document: Document) -> Iterator[str]:
    how = {
        "replay": "Replayed from recordings",
        "live": "Judged live",
        "record": "Judged live and recorded",
        "lint": "Recorded by others",
    }
    when = f", {_said(document['started'][:10])}" if document["started"] else ""
    yield '<header class="top"><div><h1>Chat Completions compatibility</h1>'
    yield f"<p>{_said(matrix.headline(document))}. {_said(how.get(document['mode'], document['mode']))}{when}.</p>"
    for said in matrix.not_held(document):
        yield f'<p class="alert">This is only a part: {_said(said)}.</p>'
    yield f"</div><p class=maker>{_said(document['harness']['name'])} {_said(document['harness']['version'])}"
    yield '<button type="button" id="theme" hidden>Light / dark</button></p></header>'


# ---------------------------------------------------------------- the endpoints


def _endpoints(document: Document) -> Iterator[str]:
    yield '<section class="cards" aria-label="Endpoints">'
    for name, profile in document["endpoints"].items():
        served = " ".join(str(profile["server"][key]) for key in ("server", "version") if profile["server"].get(key))
        about = [word for word in (profile["model"], served, (profile["recorded"] or "")[:10]) if word]
        yield f'<article class="card" data-endpoint="{_said(name)}"><h2><a href="#e-{_said(name)}">{_said(name)}</a></h2>'
        yield f'<p class="what">{_said(profile["title"])}</p><p class="about">{" · ".join(map(_said, about))}</p>'
        yield _bar(document, name)
        yield f'<ul class="counts">{_counts(document, name)}</ul>'
        yield f"{facts.paragraphs(document, name, _said)}</article>"
    yield "</section>"


def _bar(document: Document, name: str) -> str:
    """The verdicts as a line; the counts below say the same in words."""
    parts, at = [], 0.0
    for mark, count in matrix.tally(document, name):
        width = 100 * count / max(document["endpoints"][name]["trials"], 1)
        parts.append(f'<rect class="f-{mark.word}" x="{at:.2f}" y="0" width="{width:.2f}" height="6"/>')
        at += width
    return f'<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'


def _counts(document: Document, name: str) -> str:
    return "".join(
        f'<li><span class="v v-{mark.word}" aria-hidden="true">{mark.glyph}</span> {count} {mark.word}</li>'
        for mark, count in matrix.tally(document, name)
    )


# ---------------------------------------------------------------- the matrix


def _features(document: Document, trials: Trials) -> Iterator[str]:
    names = list(document["endpoints"])
    yield '<section id="features"><div class="head"><h2>Features</h2>'
    yield '<button type="button" class="chip" id="unfold" aria-expanded="false" hidden>Open all suites</button></div>'
    yield from _filters(document)
    yield f'<div class="scroll"><table class="matrix">{_head("Feature", names)}'
    for group in matrix.groups(document):
        yield from _group(group, names, trials)
    yield '</table><p class="nothing" hidden>No feature is left: take a filter off.</p></div>'
    yield from _legend(document)
    yield "</section>"


def _head(title: str, names: Sequence[str]) -> str:
    heads = "".join(f'<th scope="col"><a href="#e-{_said(name)}"><span>{_said(name)}</span></a></th>' for name in names)
    return f'<thead><tr><th scope="col">{title}</th>{heads}</tr></thead>'


def _filters(document: Document) -> Iterator[str]:
    yield '<div class="filters" hidden><input type="search" id="search" placeholder="Find a feature or case" '
    yield 'aria-label="Find a feature or case" aria-keyshortcuts="/"><div role="group" aria-label="Only with">'
    for mark, count in matrix.tally(document):
        yield f'<button type="button" class="chip" data-look="{mark.word}" aria-pressed="false">'
        yield f'<span class="v v-{mark.word}" aria-hidden="true">{mark.glyph}</span> {mark.word} <small>{count}</small></button>'
    yield "</div>"
    names = list(document["endpoints"])
    if len(names) > 1:
        yield f'<details class="menu"><summary class="chip">Endpoints <small id="chosen">{len(names)}</small></summary>'
        yield '<div role="group" aria-label="Endpoints that are shown">'
        yield '<p><button type="button" id="all">All</button> <button type="button" id="none">None</button></p>'
        for name in names:
            yield f'<label><input type="checkbox" name="endpoint" value="{_said(name)}" checked> {_said(name)}</label>'
        yield "</div></details>"
    yield "</div>"


def _group(group: Group, names: Sequence[str], trials: Trials) -> Iterator[str]:
    yield f'<tbody><tr class="group"><th scope="rowgroup"><button type="button" class="fold">{_said(group.title)}</button>'
    yield f" <small>{number(len(group.rows), 'feature')}</small></th>"
    yield "".join(_overall(matrix.overall(group, name)) for name in names)
    yield "</tr>"
    for row in group.rows:
        cases = sorted({f"{one['case']} {one['title']}" for cell in row.cells.values() if cell for one in cell.results})
        words = " ".join([group.title, row.title, row.feature, *cases]).lower()
        yield f'<tr class="row" data-words="{_said(words)}">'
        optional = ' <small class="optional">optional</small>' if row.optional else ""
        yield f'<th scope="row">{_said(row.title)}{optional} <code>{_said(row.feature)}</code></th>'
        for name in names:
            yield _cell(row.cells[name], name, row.title, trials)
        yield "</tr>"
    yield "</tbody>"


_NOT_TRIED: Final = '<td><span class="none" title="not tried" role="img" aria-label="not tried"></span></td>'


def _overall(cell: Cell | None) -> str:
    if cell is None:
        return _NOT_TRIED
    return (
        f'<td><span class="v v-{cell.look}" title="{_said(cell.words)}" role="img" aria-label="{_said(cell.words)}">'
        f"{_shown(cell)}</span></td>"
    )


def _shown(cell: Cell) -> str:
    return cell.mark.glyph + (f"<small>{cell.count}/{cell.of}</small>" if cell.count < cell.of else "")


def _cell(cell: Cell | None, name: str, title: str, trials: Trials) -> str:
    if cell is None:
        return _NOT_TRIED
    places = [trials[one["endpoint"], one["case"], one["stream"]] for one in cell.results]
    looks = " ".join(sorted({look(one) for one in cell.results}))
    button = _button(f"v v-{cell.look}", places, _shown(cell), head=title, of=name, words=cell.words)
    return f'<td data-looks="{looks}">{button}</td>'


def _button(look: str, places: Sequence[int], shown: str, *, head: str, of: str, words: str, note: str = "") -> str:
    """What opens the evidence of trials. `shown` is HTML, everything else anybody's text."""
    data = {"trials": " ".join(map(str, places)), "head": head, "of": of, "note": note}
    hidden = " hidden" if look == "see" else ""  # shown by the script, without which it does nothing
    kept = "".join(f' data-{key}="{_said(value)}"' for key, value in data.items() if value)
    label = _said(f"{head}, {of}: {words}")
    return f'<button type="button" class="{look}"{kept} title="{_said(words)}" aria-label="{label}"{hidden}>{shown}</button>'


def _legend(document: Document) -> Iterator[str]:
    yield '<dl class="legend">'
    for mark, count in matrix.legend(document):
        yield f'<div><dt><span class="v v-{mark.word}" aria-hidden="true">{mark.glyph}</span> {mark.word}'
        told = matrix.protocol_only(document) if mark.word == PROTOCOL else ""
        meaning = mark.meaning + (f"; counts as {told}" if told else "")
        yield f" <small>{'' if count is None else count}</small></dt><dd>{_said(meaning)}</dd></div>"
    if document["features"]:
        yield '<div><dt><span class="v v-skipped"><small>1/4</small></span> in part</dt><dd>one of four trials came to this'
        yield ", which is the worst</dd></div>"
    yield "</dl>"


def _protocol(document: Document, trials: Trials) -> Iterator[str]:
    broken = [row for row in document["protocol"] if any(cell["broken"] for cell in row["endpoints"].values())]
    notes = [row for row in broken if row["level"] == "may"]
    held = len({row["rule"] for row in document["protocol"]} - {row["rule"] for row in broken})
    yield '<section id="protocol"><h2>Protocol</h2><p>What must hold of every exchange, whatever was asked: broken in'
    yield f" <i>n</i> of the <i>m</i> exchanges that it speaks of. {number(held, 'rule')} more were broken by nobody.</p>"
    counted = [row for row in broken if row["level"] != "may"]
    if counted:
        yield from _protocol_table(document, counted, trials)
    if notes:
        yield f"<details><summary>{number(len(notes), 'note')} (MAY), never counted</summary>"
        yield from _protocol_table(document, notes, trials)
        yield "</details>"
    yield "</section>"


def _protocol_table(document: Document, rows: Iterable[Mapping[str, Any]], trials: Trials) -> Iterator[str]:
    names = list(document["endpoints"])
    yield f'<div class="scroll"><table class="matrix">{_head("Rule", names)}<tbody>'
    for row in rows:
        about = document["rules"].get(row["rule"], {}).get("summary", "")
        where = f'<code class="place">{_said(row["place"])}</code>' if row["place"] else ""
        words = f"{row['rule']} {row['place'] or ''} {about}".lower()
        yield f'<tr class="row" data-words="{_said(words)}"><th scope="row">'
        yield f'<span class="level l-{row["level"]}">{row["level"].upper()}</span> '
        yield f'<code class="rule">{_said(row["rule"])}</code>{where}<span class="why">{_ticked(about)}</span></th>'
        for name in names:
            yield _protocol_cell(row, name, trials)
        yield "</tr>"
    yield "</tbody></table></div>"


def _ticked(text: str) -> str:
    """A summary of ours, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _said(text))


def _protocol_cell(row: Mapping[str, Any], name: str, trials: Trials) -> str:
    cell = row["endpoints"][name]
    if not cell["broken"]:
        mark = LOOKS[matrix.unbroken(cell)]
        words = f"never broken, in {number(cell['of'], 'exchange')}" if cell["of"] else "there was nothing to look at"
        return f'<td><span class="v v-{mark.word}" title="{words}" role="img" aria-label="{words}">{mark.glyph}</span></td>'
    first = cell["first"]
    words = f"broken in {cell['broken']} of {number(cell['of'], 'exchange')}"
    note = f"{words[0].upper()}{words[1:]}; first here: {first['message']}"
    places = [trials[name, first["case"], first["stream"]]]
    shown = f"{cell['broken']}<small>/{cell['of']}</small>"
    return f"<td>{_button('v n-' + row['level'], places, shown, head=row['rule'], of=name, words=words, note=note)}</td>"


# ---------------------------------------------------------------- below the matrix


def _not_judged(document: Document) -> Iterator[str]:
    yield '<section id="not-judged"><h2>What was not judged, and why</h2>'
    rows = [(name, reason) for name, profile in document["endpoints"].items() for reason in profile["not_judged"]]
    if not rows:
        yield "<p>Everything was judged.</p></section>"
        return
    trials_left = sum(reason["count"] for _, reason in rows)
    opened = " open" if len(rows) <= _MOST_ROWS else ""
    yield f"<details{opened}><summary>{number(trials_left, 'trial')}, by endpoint and reason</summary>"
    yield from _reasons([(name, one["verdict"], one["reason"], one["cases"]) for name, one in rows])
    yield "</details></section>"


def _known(document: Document) -> Iterator[str]:
    if rows := [(one.endpoint, one.verdict, one.why, one.trials) for one in accepted.known(document)]:
        yield '<section id="known"><h2>Known failures</h2><p>They fail, and that was accepted beforehand.</p>'
        yield from _reasons(rows)
        yield "</section>"


def _reasons(rows: Sequence[tuple[str, str, str, Sequence[str]]]) -> Iterator[str]:
    """Trials of an endpoint that share a verdict and a reason, a row each."""
    yield '<div class="scroll"><table class="plain"><thead><tr><th scope="col">Endpoint</th><th scope="col">Verdict</th>'
    yield '<th scope="col">Trials</th><th scope="col">Reason</th></tr></thead><tbody>'
    for name, verdict, why, trials in rows:
        mark = LOOKS[verdict]
        cases = " ".join(f"<code>{_said(case)}</code>" for case in trials)
        yield f'<tr data-endpoint="{_said(name)}"><td>{_said(name)}</td>'
        yield f'<td><span class="v v-{mark.word}" aria-hidden="true">{mark.glyph}</span> {mark.word}</td>'
        yield f'<td class="number">{len(trials)}</td><td><details><summary>{_said(why)}</summary>'
        yield f'<p class="cases">{cases}</p></details></td></tr>'
    yield "</tbody></table></div>"


def _findings(document: Document, trials: Trials) -> Iterator[str]:
    opened = " open" if len(document["endpoints"]) == 1 else ""
    yield '<section id="findings"><h2>Findings, with evidence</h2>' if document["endpoints"] else ""
    for name, profile in document["endpoints"].items():
        found = defects(document, name)
        counted = [one for one in found if one.level != "may"]
        yield f'<details class="endpoint" id="e-{_said(name)}" data-endpoint="{_said(name)}"{opened}><summary>'
        yield f"<h3>{_said(name)}</h3> <span>{_said(profile['title'])}</span>"
        yield f" <small>{number(len(counted), 'finding')}</small></summary>"
        if profile["notes"]:
            yield f'<p class="about">{_said(profile["notes"])}</p>'
        if not counted:
            yield "<p>Nothing that a client would notice.</p>"
        yield '<ol class="defects">'
        for defect in counted:
            yield from _defect(defect, trials)
        yield "</ol>"
        if notes := len(found) - len(counted):
            yield f'<p class="about">And {number(notes, "note")} (MAY), never counted.</p>'
        yield "</details>"
    if document["endpoints"]:
        yield "</section>"


def _defect(defect: Defect, trials: Trials) -> Iterator[str]:
    level = defect.level or "effect"
    place = trials[defect.result["endpoint"], defect.result["case"], defect.result["stream"]]
    where = f'<code class="place">{_said(defect.place)}</code>' if defect.place else ""
    unit = "exchange" if defect.standing else "trial"
    most = _MOST_CASES if defect.standing else _MOST_NAMES
    shown = " ".join(f"<code>{_said(case)}</code>" for case in defect.cases[:most])
    more = len(defect.cases) - most
    yield f'<li><p><span class="level l-{level}">{level.upper()}</span> <code class="rule">{_said(defect.rule)}</code>{where}'
    yield f" <small>in {defect.broken} of {number(defect.of, unit)}</small></p><p>{_said(defect.message)}</p>"
    yield f'<p class="cases">{shown}{f" and {more} more" if more > 0 else ""} '
    yield _button("see", [place], "Show the evidence", head=defect.rule, of=defect.result["endpoint"], words="the evidence")
    yield "</p>"
    yield from html_evidence.snippet(defect)
    yield "</li>"


def _damaged(document: Document) -> Iterator[str]:
    if said := matrix.damaged(document):
        yield '<section id="damaged"><h2>Damaged records, which were not judged</h2><ul>'
        yield from (f"<li>{_said(one)}</li>" for one in said)
        yield "</ul></section>"


def _panel() -> Iterator[str]:
    yield '<dialog id="panel" aria-labelledby="panel-head"><header><div><p id="panel-of"></p><h2 id="panel-head"></h2></div>'
    yield '<button type="button" id="close" aria-label="Close">✕</button></header><p id="panel-note" hidden></p>'
    yield '<div id="panel-body"></div></dialog>'
