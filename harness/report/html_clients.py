"""The part of index.html that says which clients work with each endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.report import Document, client_verdicts
from harness.report.html_evidence import said


def section(document: Document) -> Iterator[str]:
    """A table of clients by endpoints; nothing where nothing that a client needs was judged."""
    rows, profiles = client_verdicts.rows(document), client_verdicts.profiles(document)
    if not any(row["verdict"] != client_verdicts.UNTESTED for row in rows):
        return
    verdicts = {(row["client"], row["endpoint"]): row for row in rows}
    names = [name for name in document["endpoints"] if any(name == endpoint for _, endpoint in verdicts)]
    heads = "".join(f'<th scope="col" data-endpoint="{said(name)}">{said(name)}</th>' for name in names)
    yield '<section id="clients"><h2>Clients</h2><p>Which programs work with what was found; the format <code>clients</code>'
    yield ' has settings to paste.</p><div class="scroll"><table class="plain">'
    yield f'<thead><tr><th scope="col">Client</th>{heads}</tr></thead><tbody>'
    for client, profile in profiles.items():
        cells = "".join(_cell(verdicts.get((client, name)), profile, name) for name in names)
        yield f'<tr><th scope="row">{said(profile["title"])}</th>{cells}</tr>'
    yield "</tbody></table></div></section>"


def _cell(row: Mapping[str, Any] | None, profile: Mapping[str, Any], endpoint: str) -> str:
    if row is None:
        return f'<td data-endpoint="{said(endpoint)}"></td>'
    because = "; ".join(f"{one['need']}: {one['because']}" for one in row["broken"])
    shown = f"{client_verdicts.GLYPHS[row['verdict']]} {client_verdicts.in_words(row, profile)}"
    return f'<td data-endpoint="{said(endpoint)}" title="{said(because)}">{said(shown)}</td>'
