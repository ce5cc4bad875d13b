"""field.md: hosts × rules in counts alone, with where recorded traffic was published; it quotes no exchange.

`chatcompat lint FOLDER --format field --out reports` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from harness.report import Document
from harness.report.matrix import headline
from harness.report.md import code, words

FILE: Final = "field.md"

_LEVELS: Final = {
    "must": ("MUST", "Broken, and real clients break with it."),
    "should": ("SHOULD", "api.openai.com never does this, and some clients mind."),
    "may": ("MAY", "Notes: extensions, and what only the published document forbids. They do not count."),
}


def text(document: Document) -> str:
    """The whole page."""
    hosts = list(document["endpoints"])
    numbers = {host: str(number) for number, host in enumerate(hosts, 1)}
    lines = [*_title(document), *_hosts(document, numbers), *_sources(document)]
    for level in _LEVELS:
        lines += _level(document, level, numbers)
    return "\n".join(lines).rstrip() + "\n"


def _title(document: Document) -> Iterator[str]:
    yield "# What each host breaks"
    yield ""
    yield f"{words(headline(document))}."
    if document["started"]:
        yield f"The newest is of {words(document['started'])[:10]}."
    yield "A number is that of exchanges in which a rule was broken; `chatcompat explain RULE` says why, and what to change."
    yield "Recorders keep what they like: a host with few exchanges or header fields shows less than it breaks, and a body that"
    yield "the recorder lost looks like an empty one."
    yield ""


def _hosts(document: Document, numbers: Mapping[str, str]) -> Iterator[str]:
    yield "## Hosts"
    yield ""
    rows = []
    for host, number in numbers.items():
        about = document["endpoints"][host]
        broken = {level: [row["rule"] for row in _rows(document, level) if row["endpoints"][host]["broken"]] for level in _LEVELS}
        recorded = words((about.get("recorded") or "")[:10])
        counts = [str(about["exchanges"]), *(str(about["verdicts"][verdict]) for verdict in ("pass", "warn", "fail"))]
        rows.append([number, f"`{code(host)}`", recorded, *counts, *(str(len(set(broken[level]))) for level in _LEVELS)])
    heads = ["#", "Host", "Newest", "Exchanges", "Pass", "Warn", "Fail", "MUST rules", "SHOULD rules", "Notes"]
    yield from _table(heads, rows, left=3)


def _sources(document: Document) -> Iterator[str]:
    sources = (document.get("traffic") or {}).get("sources") or {}
    if not sources:
        return
    yield "## Sources"
    yield ""
    yield "Recordings that these repositories publish for tests of their own."
    yield ""
    rows = [
        [f"`{code(host)}`", f"`{code(one['repository'])}`", words(one["licence"]), str(one["exchanges"])]
        for host, published in sources.items()
        for one in published
    ]
    yield from _table(["Host", "Repository", "Licence", "Exchanges"], rows, left=3)


def _level(document: Document, level: str, numbers: Mapping[str, str]) -> Iterator[str]:
    name, meaning = _LEVELS[level]
    rows = _rows(document, level)
    shown = [host for host in numbers if any(row["endpoints"][host]["broken"] for row in rows)]
    yield f"## {name}"
    yield ""
    yield meaning
    yield ""
    if not shown:
        yield "Nothing."
        yield ""
        return
    cells = []
    for row in rows:
        counts = [row["endpoints"][host]["broken"] for host in shown]
        if any(counts):
            rule = f"`{code(row['rule'])}`" + (f" `{code(row['place'])}`" if row["place"] else "")
            cells.append([rule, str(sum(counts)), *(str(count) if count else "" for count in counts)])
    yield from _table(["Rule", "All", *(numbers[host] for host in shown)], cells, left=1)
    yield f"Hosts: {', '.join(f'{numbers[host]} `{code(host)}`' for host in shown)}."
    yield ""


def _rows(document: Document, level: str) -> list[Mapping[str, Any]]:
    return [row for row in document["protocol"] if row["level"] == level]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> Iterator[str]:
    """A table whose first columns are aligned left, and the others, which are counts, right."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join(':--' if column < left else '--:' for column in range(len(heads)))}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
