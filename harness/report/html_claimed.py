"""The part of index.html that holds what vendors say against what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.report import Document, claimed
from harness.report.html_evidence import said


def section(document: Document) -> Iterator[str]:
    """What vendors say, and so what was found; nothing where nothing is said."""
    rows = claimed.of(document)
    if not rows:
        return
    yield '<section id="claimed"><h2>Claimed against measured</h2><p>What vendors say of a feature, and what its base case'
    yield f" showed: {said(claimed.counted(rows))}.</p>"
    told = [row for row in rows if row["verdict"] in claimed.TOLD]
    if told:
        yield from _table(told)
    others = [row for row in rows if row["verdict"] not in claimed.TOLD]
    if others:
        yield f"<details><summary>{said(claimed.counted(others))}</summary>"
        yield from _table(others)
        yield "</details>"
    yield "</section>"


def _table(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Endpoint", "Feature", "The vendor", "So", "Measured"))
    yield f'<div class="scroll"><table class="plain"><thead><tr>{heads}</tr></thead><tbody>'
    for row in rows:
        words = said(claimed.said(row))
        safe = re.fullmatch(r"https?://[!-~]+", row["link"])
        link = f'<a href="{said(row["link"])}" rel="noreferrer">{words}</a>' if safe else words
        read = f" <small>read {said(row['checked'])}</small>" if row["checked"] else ""
        yield f'<tr data-endpoint="{said(row["endpoint"])}"><td>{said(row["endpoint"])}</td>'
        yield f"<td><code>{said(row['feature'])}</code></td><td>{link}{read}</td>"
        yield f'<td title="{said(claimed.MEANINGS.get(row["verdict"], ""))}">{said(row["verdict"])}</td>'
        yield f"<td>{said(claimed.in_words(row))}</td></tr>"
    yield "</tbody></table></div>"
