"""The evidence of a trial in HTML: what was asked, what came back with the places of findings marked, and a curl line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from harness.model import Verdict
from harness.report import Document, excerpt, matrix
from harness.report.defects import Defect
from harness.report.marks import LOOKS, MARKS, PROTOCOL, look

_MOST_REQUEST: Final = 4000
_MOST_REPLY: Final = 5000
_MOST_SNIPPET: Final = 360
_MOST_FINDINGS: Final = 40
_ORDER: Final = ("must", "effect", "given", "should", "may")


_SHORT: Final = 120


@dataclass(slots=True)
class Shelf:
    """Pieces of HTML that may be wanted more than once: endpoints are asked the same, and often answer the same."""

    pieces: dict[str, int] = field(default_factory=dict)

    def put(self, tag: str, attributes: str, piece: str) -> str:
        """An element with the piece, or with the number of where it lies, for the script to fill in."""
        if len(piece) < _SHORT:
            return f"<{tag}{attributes}>{piece}</{tag}>"
        number = self.pieces.setdefault(piece, len(self.pieces))
        return f'<{tag}{attributes} data-piece="{number}"></{tag}>'

    def bytes(self, piece: str, label: str = "") -> str:
        """The same of what went over the wire; `label` says what it is."""
        return self.put("pre", ' class="bytes" tabindex="0"' + (f' aria-label="{label}"' if label else ""), piece)


def said(text: object) -> str:
    """Anybody's text on one line, made safe in HTML, in attributes too."""
    return escape(matrix.line(text))


def _block(text: str) -> str:
    """Anybody's text with its line ends, made safe in HTML."""
    return "\n".join(escape(matrix.plain(line), quote=False) for line in text.replace("\r\n", "␍\n").split("\n"))


def trial(document: Document, result: Mapping[str, Any], shelf: Shelf) -> dict[str, str]:
    """What there is to see of a trial: its name, its look, and its HTML."""
    mark = MARKS[result["verdict"]]
    return {
        "name": matrix.plain(f"{result['endpoint']}/{matrix.trial(result)}"),
        "look": look(result),
        "html": "".join(_trial(document, result, mark.word, mark.glyph, shelf)),
    }


def _trial(document: Document, result: Mapping[str, Any], word: str, glyph: str, shelf: Shelf) -> Iterator[str]:
    yield f'<details class="trial"><summary><span class="v v-{word}">{glyph} {word}</span> <b>{said(result["title"])}</b>'
    yield f' <code>{said(matrix.trial(result))}</code></summary><div class="body">'
    if result["reason"]:
        yield f'<p class="reason">{said(result["reason"])}</p>'
    if look(result) == PROTOCOL:
        shown = f'<span class="v v-{PROTOCOL}">{LOOKS[PROTOCOL].glyph}</span>'
        yield f'<p class="about">{shown} What the case claims holds; only rules of the protocol make it {word}.</p>'
    yield from _findings(result, shelf)
    for position, exchange in enumerate(result["exchanges"]):
        yield from _exchange(document, result, position, exchange, shelf)
    if not result["exchanges"] and result["verdict"] != Verdict.SKIPPED:
        yield '<p class="about">There is no exchange to show.</p>'
    yield "</div></details>"


def _findings(result: Mapping[str, Any], shelf: Shelf) -> Iterator[str]:
    if not result["findings"]:
        return
    yield '<ul class="found">'
    for one in sorted(result["findings"], key=_severity)[:_MOST_FINDINGS]:
        level = one["level"] or one["kind"]
        at = f' <code class="place">{said(one["at"])}</code>' if one["at"] else ""
        many = f" <small>try {one['try']}</small>" if result["tries"] > 1 else ""
        told = (
            f'<span class="level l-{said(level)}">{said(level).upper()}</span> <code class="rule">{said(one["rule"])}</code>'
            f"{at}{many}<br>{said(one['message'])}"
        )
        yield shelf.put("li", "", told)
    if len(result["findings"]) > _MOST_FINDINGS:
        yield f"<li>and {len(result['findings']) - _MOST_FINDINGS} more</li>"
    yield "</ul>"


def _severity(finding: Mapping[str, Any]) -> int:
    return _ORDER.index(finding["level"] or finding["kind"])


def _exchange(
    document: Document, result: Mapping[str, Any], position: int, exchange: Mapping[str, Any], shelf: Shelf
) -> Iterator[str]:
    if "cassette" in exchange:
        command = f"chatcompat show report.json {matrix.trial(result)} --endpoint {result['endpoint']}"
        yield f'<p class="about">Recorded in <code>{said(exchange["cassette"])}</code>; '
        yield f"<code>{said(command)}</code> shows it.</p>"
        return
    request = exchange["request"]
    step = f"Step {said(exchange['step'])}" + (f", try {exchange['try']}" if result["tries"] > 1 else "")
    yield f'<section class="exchange"><h3>{step} <code>{said(request["method"])} {said(request["path"])}</code></h3>'
    asked = excerpt.request_lines(request) if "bytes" in request else ""
    if asked:
        cut = "…" if len(asked) > _MOST_REQUEST else ""
        yield shelf.bytes(_block(asked[:_MOST_REQUEST] + cut), "Request")
    if len(asked) <= _MOST_REQUEST:
        line = excerpt.curl(document, result["endpoint"], request)
        yield f"<details><summary>As a curl line</summary>{shelf.bytes(_block(line))}</details>"
    if "reply" not in exchange:
        yield f'<p class="reason">No reply: {said(exchange["silence"]["message"])}</p></section>'
        return
    yield from _reply(exchange["reply"], excerpt.marks(result, position), shelf)
    yield "</section>"


def _reply(reply: Mapping[str, Any], marks: list[tuple[int, int]], shelf: Shelf) -> Iterator[str]:
    for earlier in reply.get("earlier", ()):
        yield f'<p class="about">Before, it answered {earlier["status"]}, and was asked again.</p>'
    times = [frame["at_ms"] for frame in reply["frames"] if "at_ms" in frame]
    when = ""
    if times:
        count = matrix.number(len(reply["frames"]), "frame")
        when = f" in {count}, after {times[0]} ms" + (f" to {times[-1]} ms" if len(times) > 1 else "")
    good = "good" if 200 <= reply["status"] < 300 else "bad" if reply["status"] >= 500 else "so"
    yield f'<h4><span class="status {good}">{reply["status"]}</span> {reply["bytes"]:,} bytes{when}</h4>'
    fields = "\n".join(f"{name}: {value}" for name, value in reply["headers"])
    if fields:
        yield f"<details><summary>Header fields</summary>{shelf.bytes(_block(fields))}</details>"
    yield shelf.bytes(_pieces(reply, marks, _MOST_REPLY), "Reply")


def _pieces(reply: Mapping[str, Any], marks: list[tuple[int, int]], most: int) -> str:
    written = []
    for piece in excerpt.pieces(reply, marks, most):
        if piece.note:
            written.append(f'<span class="left-out">{said(piece.text)}</span>')
        elif piece.marked:
            written.append(f"<mark>{_block(piece.text)}</mark>")
        else:
            written.append(_block(piece.text))
    return "".join(written)


def snippet(defect: Defect) -> Iterator[str]:
    """The bytes that a finding is about, and a few around them."""
    finding = defect.finding
    if finding is None or not finding["bytes"]:
        return
    exchanges = defect.result["exchanges"]
    if finding["exchange"] < len(exchanges) and "reply" in exchanges[finding["exchange"]]:
        begin, end = finding["bytes"]
        shown = _pieces(exchanges[finding["exchange"]]["reply"], [(begin, max(end, begin + 1))], _MOST_SNIPPET)
        yield f'<pre class="bytes" tabindex="0">{shown}</pre>'
