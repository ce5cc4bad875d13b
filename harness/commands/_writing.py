"""Reports to files: all of the chosen formats or none, and each whole."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import report
from harness.document import did_you_mean
from harness.errors import BadInput


def chosen(names: Sequence[str]) -> dict[str, report.Format]:
    """The formats of these names. Raises BadInput."""
    known = report.formats()
    for name in names:
        if name not in known:
            raise BadInput(f"--format {name}: no such format{did_you_mean(name, sorted(known))}")
        if known[name].FILE is None:
            raise BadInput(f"--format {name}: is for the terminal, and has no file")
    return {name: known[name] for name in names}


def masked(text: str, secrets: Sequence[str]) -> str:
    """The text without the values of keys."""
    for secret in secrets:
        text = text.replace(secret, "*" * len(secret))
    return text


def write(document: report.Document, folder: Path, names: Sequence[str], secrets: Sequence[str] = ()) -> list[Path]:
    """Every format into the folder; what was there stays until all are written. Raises BadInput where that fails."""
    formats = {format_.FILE: format_ for format_ in chosen(names).values() if format_.FILE is not None}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".report-", dir=folder))
        try:
            for file, format_ in formats.items():
                (aside / file).write_text(
                    masked(format_.text(document), secrets), encoding="utf-8", newline="\n", errors="replace"
                )
            for file in formats:
                os.replace(aside / file, folder / file)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise BadInput(
            f"{folder}: the report cannot be written: {error.strerror or error}; name another folder with --out"
        ) from None
    return [folder / file for file in formats]


def for_terminal(document: report.Document, *, level: str) -> str:
    """The matrix as this terminal can show it: its width, its colours, its characters."""
    from harness.report import term

    out = sys.stdout
    colour = out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size((100, 24)).columns
    unicode = "utf" in (out.encoding or "").lower()
    return term.text(document, term.Style(width=width, colour=colour, unicode=unicode), level=level)
