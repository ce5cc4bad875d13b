"""matrix.txt: the matrix for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from harness.report import _matrix

FILE = "matrix.txt"

COLOURS = {"pass": 32, "warn": 33, "ignored": 35, "unsupported": 36, "fail": 31, "inconclusive": 90, "skipped": 90, "error": 31}


def render(document: Mapping[str, Any]) -> str:
    """Without colours."""
    return drawn(document, colours=False)


def drawn(document: Mapping[str, Any], *, colours: bool) -> str:
    """The matrix, signs only where there are more than three endpoints, with a summary per endpoint below."""
    names = list(document["endpoints"])
    rows: list[list[str]] = []
    suite = None
    for row in _matrix.rows(document):
        if row.suite != suite:
            suite = row.suite
            rows.append([row.suite.upper(), *("" for _ in names)])
        rows.append([f"  {row.feature}", *(_shown(row.cells.get(name), len(names), colours) for name in names)])
    matrix = tabulate(rows, headers=["", *names], tablefmt="plain", disable_numparse=True)
    legend = "  ".join(f"{glyph} {verdict}" for verdict, glyph in _matrix.GLYPHS.items()) + "  * but for a standing rule"
    return f"{matrix}\n\n{legend}\n\n{summary(document)}\n"


def _shown(cell: _matrix.Cell | None, endpoints: int, colours: bool) -> str:
    if cell is None:
        return ""
    sign = cell.words if endpoints <= 3 else _matrix.GLYPHS[cell.verdict] + (_matrix.SPOILED if cell.spoiled else "")
    return f"\x1b[{COLOURS[cell.verdict]}m{sign}\x1b[0m" if colours else sign


def summary(document: Mapping[str, Any]) -> str:
    """A line per endpoint: how many trials of each verdict, and how many rules are broken."""
    rows = []
    for name, about in document["endpoints"].items():
        broken = {row["rule"] for row in document["protocol"] if row["endpoint"] == name and row["level"] == "must"}
        counts = "  ".join(f"{count} {verdict}" for verdict, count in about["counts"].items())
        rules = f"{len(broken)} rules broken" if broken else ""
        rows.append([name, f"{about['judged']} of {about['trials']} judged", counts, rules])
    return str(tabulate(rows, tablefmt="plain", disable_numparse=True))
