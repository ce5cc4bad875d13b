"""The evidence of a trial in HTML: what was asked, what came back with the places of findings marked, and a curl line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from harness.model import Verdict
from harness.report import Document, excerpt, matrix
from harness.report.matrix import MARKS, Defect

_MOST_REQUEST: Final = 4000
_MOST_REPLY: Final = 6000
_MOST_SNIPPET: Final = 360
_MOST_FINDINGS: Final = 40
_ORDER: Final = ("must", "effect", "given", "should", "may")


def said(text: object) -> str:
    """Anybody's text on one line, made safe in HTML, in attributes too."""
    return escape(matrix.plain(text))


def _block(text: str) -> str:
    """Anybody's text with its line ends, made safe in HTML."""
    return "\n".join(said(line) for line in text.replace("\r\n", "␍\n").split("\n"))


def trial(document: Document, place: int, result: Mapping[str, Any]) -> Iterator[str]:
    """What there is to see of a trial, inert until a cell is clicked."""
    mark = MARKS[result["verdict"]]
    name = f"{result['endpoint']}/{matrix.trial(result)}"
    yield f'<template id="t{place}" data-name="{said(name)}" data-verdict="{mark.word}"><details class="trial"><summary>'
    yield f'<span class="v v-{mark.word}">{mark.glyph} {mark.word}</span> <b>{said(result["title"])}</b>'
    yield f' <code>{said(matrix.trial(result))}</code></summary><div class="body">'
    if result["reason"]:
        yield f'<p class="reason">{said(result["reason"])}</p>'
    if result["claims"] != result["verdict"]:
        yield f'<p class="about">What the case claims is {said(result["claims"])}; standing rules make it {mark.word}.</p>'
    yield from _findings(result)
    for position, exchange in enumerate(result["exchanges"]):
        yield from _exchange(document, result, position, exchange)
    if not result["exchanges"] and result["verdict"] != Verdict.SKIPPED:
        yield '<p class="about">There is no exchange to show.</p>'
    yield "</div></details></template>"


def _findings(result: Mapping[str, Any]) -> Iterator[str]:
    if not result["findings"]:
        return
    yield '<ul class="found">'
    for one in sorted(result["findings"], key=_severity)[:_MOST_FINDINGS]:
        level = one["level"] or one["kind"]
        yield f'<li><span class="level l-{said(level)}">{said(level).upper()}</span>'
        yield f' <code class="rule">{said(one["rule"])}</code>'
        at = f' <code class="place">{said(one["at"])}</code>' if one["at"] else ""
        many = f" <small>try {one['try']}</small>" if result["tries"] > 1 else ""
        yield f"{at}{many}<br>{said(one['message'])}</li>"
    if len(result["findings"]) > _MOST_FINDINGS:
        yield f"<li>and {len(result['findings']) - _MOST_FINDINGS} more</li>"
    yield "</ul>"


def _severity(finding: Mapping[str, Any]) -> int:
    return _ORDER.index(finding["level"] or finding["kind"])


def _exchange(document: Document, result: Mapping[str, Any], position: int, exchange: Mapping[str, Any]) -> Iterator[str]:
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
        yield f'<pre class="bytes" tabindex="0" aria-label="Request">{_block(asked[:_MOST_REQUEST] + cut)}</pre>'
    if len(asked) <= _MOST_REQUEST:
        line = excerpt.curl(document, result["endpoint"], request)
        yield f"<details><summary>As a curl line</summary><pre class=bytes tabindex=0>{_block(line)}</pre></details>"
    if "reply" not in exchange:
        yield f'<p class="reason">No reply: {said(exchange["silence"]["message"])}</p></section>'
        return
    yield from _reply(exchange["reply"], excerpt.marks(result, position))
    yield "</section>"


def _reply(reply: Mapping[str, Any], marks: list[tuple[int, int]]) -> Iterator[str]:
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
        yield f'<details><summary>Header fields</summary><pre class="bytes" tabindex="0">{_block(fields)}</pre></details>'
    yield f'<pre class="bytes" tabindex="0" aria-label="Reply">{_pieces(reply, marks, _MOST_REPLY)}</pre>'


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
