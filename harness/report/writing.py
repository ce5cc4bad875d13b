"""Reports to files, each whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from harness.errors import BadInput
from harness.report import Document, Format


def write(document: Document, folder: Path, formats: Mapping[str, Format]) -> list[Path]:
    """Writes these formats of a report into a folder; their paths. A format without a file is left out.

    All texts are made before the first is written, so that none is there without the others. Raises BadInput where the
    folder cannot be written.
    """
    texts = {format_.FILE: format_.text(document) for format_ in formats.values() if format_.FILE is not None}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as beside:
            for name, text in texts.items():
                (Path(beside) / name).write_bytes(text.encode("utf-8", "backslashreplace"))
            for name in texts:
                os.replace(Path(beside) / name, folder / name)
    except OSError as error:
        raise BadInput(f"{folder}: the report cannot be written: {error.strerror or error}; name another folder (--out)") from None
    return [folder / name for name in texts]
