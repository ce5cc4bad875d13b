"""JSON Lines: a record a line.

An object with `method`, `url`, `request_body` (JSON, or its text), `request_headers`, `status`, `response_headers` (each a
value or a list of values), `response_body` (text); optional `host`, `recorded_at` (ISO 8601), `source_commit_date`,
`source_repo` and `license` (where it was published), `body_fidelity` and `flags` (`reserialized`: the body was rebuilt from
a parsed form).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

from harness.model import Evidence
from harness.reading import ABSENT, arr, integer, parse, text
from harness.recordings.bodies import MOST_OF_A_RECORD, Unreadable, encoded
from harness.recordings.record import MOST_OF_A_FILE, Record, fields, record

_PART = 1024 * 1024  # bytes at a time of a line that is passed over
_LONGEST = 100  # characters of the name of a source: they are kept for each host


def records(file: IO[bytes]) -> Iterator[Record | str]:
    """The records of a file, or what is wrong with one."""
    taken = 0
    while line := file.readline(MOST_OF_A_RECORD):
        taken += len(line)
        if taken > MOST_OF_A_FILE:
            yield f"the file is longer than {MOST_OF_A_FILE} bytes; the rest is not read"
            return
        if len(line) == MOST_OF_A_RECORD:
            del line
            while (more := file.readline(_PART)) and not more.endswith(b"\n") and taken <= MOST_OF_A_FILE:
                taken += len(more)
            yield f"the line is longer than {MOST_OF_A_RECORD} bytes"
            continue
        if line.strip():
            try:
                yield _line(parse(line))
            except Unreadable as wrong:
                yield str(wrong)


def _line(said: Any) -> Record:
    if said is ABSENT or not isinstance(said, dict):
        raise Unreadable("the line is no JSON object")
    for key in ("url", "response_body"):
        if key not in said:
            raise Unreadable(f"there is no `{key}`")
    body = said["response_body"]
    rebuilt = (
        isinstance(body, dict | list) or "reserialized" in arr(said.get("flags")) or said.get("body_fidelity") == "reserialized"
    )
    asked = said.get("request_body")
    found = record(
        method=said.get("method"),
        url=said.get("url"),
        sent=fields(said.get("request_headers")),
        asked=None if asked is None else encoded(asked),
        status=integer(said.get("status")),
        headers=fields(said.get("response_headers")),
        body=encoded(body or ""),
        recorded_at=said.get("recorded_at"),
        not_after=said.get("source_commit_date"),
        lost=(Evidence.BYTES,) if rebuilt else (),
    )
    published = text(said.get("source_repo"))[:_LONGEST]
    return replace(
        found,
        host=text(said.get("host")) or found.host,
        source=(published, text(said.get("license"))[:_LONGEST]) if published else None,
    )
