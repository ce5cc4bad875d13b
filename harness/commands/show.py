"""`chatcompat show`: the exchange behind a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ORDER = ("must", "effect", "given", "should", "may")  # what decides comes first
_MARK = "7;1"  # reverse, bold


@click.command()
@click.argument("path", metavar="REPORT.json", type=click.Path(path_type=Path))
@click.argument("case", metavar="SUITE/CASE")
@click.option("--endpoint", metavar="NAME", help="Where the report has several.")
@click.option("--stream/--no-stream", default=None, help="Only the streamed trial, or only the other.")
@click.option("--cassettes", type=click.Path(path_type=Path, file_okay=False), help="Default: the shipped ones.")
@click.option("--bytes", "most", default=4000, show_default=True, type=click.IntRange(200), help="Of each reply, at most.")
def command(path: Path, case: str, endpoint: str | None, stream: bool | None, cassettes: Path | None, most: int) -> None:
    """The exchange behind a verdict: request, reply with the finding's place marked, and a curl line.

    \b
    chatcompat show chatcompat-report/report.json tools/named
    chatcompat show reports/report.json tools/named:stream --endpoint llamacpp
    """
    import os
    import sys

    from harness.commands import _reports
    from harness.document import did_you_mean
    from harness.errors import BadInput
    from harness.reading import brief

    document = _reports.read(path)
    wanted, colon, way = case.partition(":")
    if colon and way == "stream":
        stream = True
    found = [one for one in document["results"] if one["case"] == wanted]
    if not found:
        names = sorted({one["case"] for one in document["results"]})
        raise BadInput(f"{path}: has no case {brief(wanted)}{did_you_mean(wanted, names, listed=False)}")
    if endpoint is not None:
        there = sorted({one["endpoint"] for one in found})
        found = [one for one in found if one["endpoint"] == endpoint]
        if not found:
            raise BadInput(f"--endpoint {endpoint}: the report has {wanted} of {', '.join(there)}{did_you_mean(endpoint, there)}")
    found = [one for one in found if stream is None or one["stream"] is stream]
    if not found:
        raise BadInput(f"{path}: {wanted} was held {'only plain' if stream else 'only streamed'}")
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    lines = [line for one in found for line in _trial(document, _filled(document, one, cassettes), most, colours)]
    click.echo(_reports.printable("\n".join(lines)), color=colours)


def _filled(document: Mapping[str, Any], result: Mapping[str, Any], cassettes: Path | None) -> Mapping[str, Any]:
    """The result with its exchanges, from the cassette where the report only names it."""
    if not result["exchanges"] or "cassette" not in result["exchanges"][0]:
        return result
    import asyncio
    import hashlib

    from harness import engine, load, plan, report, resources
    from harness.cassette import endpoints
    from harness.errors import BadInput

    folder = cassettes or resources.CASSETTES
    kept = result["exchanges"][0]
    file = folder / kept["cassette"]
    try:
        content = file.read_bytes()
    except OSError:
        raise BadInput(f"{file}: the report's recording is not there; name its folder (--cassettes)") from None
    if hashlib.sha256(content).hexdigest() != kept["sha256"]:
        click.echo(f"{file} was recorded again since: this is the newer exchange", err=True)
    suites = load.suites()
    known = [one for one in endpoints(folder) if one.name == result["endpoint"]]
    if not known:
        raise BadInput(f"{folder / result['endpoint']}: has no endpoint.yaml, so its recordings cannot be read; record it again")
    planned = plan.plan(known, suites, only=[result["case"]])
    outcomes = asyncio.run(engine.run(planned, mode=engine.Mode.REPLAY, environ={}, cassettes=folder))
    again = report.document(outcomes, mode=document["mode"], suites=suites, whole=True)
    key = (result["case"], result["stream"])
    return next((one for one in again["results"] if (one["case"], one["stream"]) == key), result)


def _trial(document: Mapping[str, Any], result: Mapping[str, Any], most: int, colours: bool) -> Iterator[str]:
    from harness.report import excerpt, matrix
    from harness.report.marks import MARKS
    from harness.report.matrix import plain

    mark = MARKS[result["verdict"]]
    yield f"{plain(result['endpoint'])}  {plain(matrix.trial(result))}  {mark.glyph} {mark.word}"
    yield plain(result["title"])
    if result["reason"]:
        yield matrix.line(result["reason"])
    for one in sorted(result["findings"], key=lambda one: _ORDER.index(one["level"] or one["kind"])):
        level = (one["level"] or one["kind"] or "").upper()
        where = f" at {plain(one['at'])}" if one["at"] else ""
        yield f"  {level:<6} {plain(one['rule'])}{where}, step {plain(one['step'])}, try {one['try']}"
        yield f"         {matrix.line(one['message'])}"
    for position, exchange in enumerate(result["exchanges"]):
        request = exchange["request"]
        yield ""
        yield f"── step {plain(exchange['step'])}, try {exchange['try']}: {plain(request['method'])} {plain(request['path'])}"
        if "bytes" in request:
            yield from _safe(excerpt.request_lines(request)[:most])
        yield ""
        yield f"$ {plain(excerpt.curl(document, result['endpoint'], request))}"
        yield ""
        if "reply" not in exchange:
            yield f"no reply: {plain(exchange['silence']['message'])}"
            continue
        yield from _reply(exchange["reply"], excerpt.marks(result, position), most, colours)
    yield ""


def _reply(reply: Mapping[str, Any], marks: list[tuple[int, int]], most: int, colours: bool) -> Iterator[str]:
    from harness.report import excerpt, matrix
    from harness.report.matrix import plain

    frames = [frame["at_ms"] for frame in reply["frames"]]
    when = f", {matrix.number(len(frames), 'frame')}, {frames[0]} to {frames[-1]} ms" if frames else ""
    yield f"{reply['status']}, {reply['bytes']:,} bytes{when}"
    yield from (f"{plain(name)}: {plain(value)}" for name, value in reply["headers"])
    yield ""
    shown = ""
    for piece in excerpt.pieces(reply, marks, most):
        text = "\n".join(_safe(piece.text))
        if piece.marked:
            text = f"\x1b[{_MARK}m{text}\x1b[0m" if colours else f"»{text}«"
        shown += text
    yield shown


def _safe(text: str) -> list[str]:
    """Lines that cannot move a cursor."""
    from harness.report.matrix import plain

    return [plain(line) for line in text.split("\n")]
