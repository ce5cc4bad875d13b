"""Traffic that somebody else recorded, to exchanges, one at a time.

A file's form is known from its name, also with `.gz` behind it, and read by one function of `_READERS`, which yields
records in our own terms; a further form is a further module here. What recorders drop is marked as lost evidence: none
of them keeps how a body was cut into frames, or when each came.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, cast

from harness import answer
from harness.errors import BadFile
from harness.model import Exchange
from harness.reading import get, integer
from harness.recordings import document, json_lines
from harness.recordings.record import Reader

_READERS: Final[dict[str, Reader]] = {
    ".har": document.json_records,
    ".json": document.json_records,
    ".jsonl": json_lines.records,
    ".ndjson": json_lines.records,
    ".yaml": document.yaml_records,
    ".yml": document.yaml_records,
}

_PROFILE: Final = "endpoint.yaml"
"""What a folder of our own cassettes says of the server that was recorded; it holds no traffic."""
_NOWHERE: Final = "endpoint.invalid"
"""The host of requests in our own cassettes, whose name is that of their folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recorded exchange. `recorded_at` is ISO 8601 with offset, or None where nothing tells it; `record` counts from 1.

    `source` is where it was published, and its licence, where the record says so.
    """

    file: str
    record: int
    host: str
    recorded_at: str | None
    exchange: Exchange
    source: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A record that cannot be read, and why; record 0 is the whole file. It is counted, never passed over in silence."""

    file: str
    record: int
    why: str


def files(path: Path) -> Iterator[Path]:
    """The file itself, or in a folder and all below it the files of a known form, in the order of their names.

    What begins with a dot is left out. Raises BadFile where there is nothing.
    """
    if not path.is_dir():
        yield path
        return
    found = False
    for folder, below, names in os.walk(path):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name != _PROFILE and _form(name) in _READERS:
                found = True
                yield Path(folder, name)
    if not found:
        raise BadFile([(str(path), None, f"there is no recorded traffic in this folder: no file is named {_known()}")])


def read(path: Path) -> Iterator[Recording | Damaged]:
    """The records of a file, in its order. Raises BadFile where the file is not there or of no known form."""
    reader = _READERS.get(_form(path.name))
    if reader is None and not path.exists():
        raise BadFile([(str(path), None, "there is no such file or folder")])
    if reader is None:
        raise BadFile([(str(path), None, f"{path.name!r} is no form of recorded traffic that is known here: {_known()}")])
    record = 0
    ours = next((folder.name for folder in path.absolute().parents[:3] if (folder / _PROFILE).is_file()), _NOWHERE)
    try:
        with _open(path) as file:
            for record, found in enumerate(reader(file), start=1):
                if isinstance(found, str):
                    yield Damaged(file=str(path), record=0 if found is document.NO_TRAFFIC else record, why=found)
                else:
                    exchange = answer.exchange(found.request, found.reply)
                    at = found.recorded_at or _created(exchange) or found.not_after
                    yield Recording(
                        file=str(path),
                        record=record,
                        host=ours if found.host == _NOWHERE else found.host,
                        recorded_at=at,
                        exchange=exchange,
                        source=found.source,
                    )
    except (gzip.BadGzipFile, EOFError, zlib.error) as broken:
        yield Damaged(file=str(path), record=record + 1, why=f"the file is packed, and breaks off here: {broken}")
    except OSError as missing:
        raise BadFile([(str(path), None, f"cannot be read: {missing.strerror or missing}")]) from missing


def _form(name: str) -> str:
    """What a file's name ends with, but for `.gz`."""
    return Path(name.lower().removesuffix(".gz")).suffix


def _known() -> str:
    return ", ".join(sorted(_READERS)) + ", each also .gz"


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.name.lower().endswith(".gz") else path.open("rb")


def _created(exchange: Exchange) -> str | None:
    """When an answer was made, by what it says itself."""
    seconds = integer(get(getattr(exchange, "body", None), "created"))
    if seconds is None or not 1_400_000_000 < seconds < 4_000_000_000:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat()
