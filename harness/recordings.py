"""Traffic that somebody else recorded, to exchanges, one at a time.

A file's form is known from its name (`.jsonl`, `.ndjson`, each also `.gz`) and read by one function of `_READERS`, which
yields records in our own terms; a further form is a further function there. What recorders drop is marked as lost
evidence: none of them keeps how a body was cut into frames, or when each came.

JSON Lines: an object a line, with `method`, `url`, `request_body` (JSON, or its text), `request_headers`, `status`,
`response_headers` (each a value or a list of values), `response_body` (text); optional `host`, `recorded_at` (ISO 8601),
`source_commit_date`, `body_fidelity` and `flags` (`reserialized`: the body was rebuilt from a parsed form).
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Final, TypeAlias, cast
from urllib.parse import urlsplit

from harness import answer
from harness.errors import BadFile
from harness.model import Evidence, Exchange, Frame, Headers, Json, Reply, Request
from harness.reading import ABSENT, arr, get, integer, obj, parse, text

_LONGEST_LINE: Final = 64 * 1024 * 1024
_MOST_BYTES: Final = 4 * 1024 * 1024 * 1024  # of an unpacked file: a small gzip may hold more than any disk
_FEW_HEADERS: Final = 10
"""A real reply has more: below that a recorder chose which to keep (https://api.openai.com never sent fewer than 12)."""
_SECRET: Final = ("authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie")
_LOST: Final = frozenset({Evidence.FRAMES, Evidence.TIMES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recorded exchange. `recorded_at` is ISO 8601 with offset, or None where nothing tells it; `record` counts from 1."""

    file: str
    record: int
    host: str
    recorded_at: str | None
    exchange: Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A record that cannot be read, and why. It is counted, never passed over in silence."""

    file: str
    record: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What a reader makes of a record. `not_after` is a date before which it must have been recorded."""

    host: str
    recorded_at: str | None
    not_after: str | None
    request: Request
    reply: Reply


_Reader: TypeAlias = Callable[[IO[bytes]], Iterator[_Record | str]]
"""The records of a file, or what is wrong with one."""


def read(path: Path) -> Iterator[Recording | Damaged]:
    """The records of a file, in its order. Raises BadFile where the file is not there or of no known form."""
    name = path.name.removesuffix(".gz")
    reader = _READERS.get(Path(name).suffix.lower())
    if reader is None:
        known = ", ".join(sorted(_READERS))
        raise BadFile(
            [(str(path), None, f"{path.name!r} is no form of recorded traffic that is known here: {known}, each also .gz")]
        )
    record = 0
    try:
        with _open(path) as file:
            for record, found in enumerate(reader(file), start=1):
                if isinstance(found, str):
                    yield Damaged(file=str(path), record=record, why=found)
                else:
                    exchange = answer.exchange(found.request, found.reply)
                    at = found.recorded_at or _created(exchange) or found.not_after
                    yield Recording(file=str(path), record=record, host=found.host, recorded_at=at, exchange=exchange)
    except (gzip.BadGzipFile, EOFError, zlib.error) as broken:
        yield Damaged(file=str(path), record=record + 1, why=f"the file is packed, and breaks off here: {broken}")
    except OSError as missing:
        raise BadFile([(str(path), None, f"cannot be read: {missing.strerror or missing}")]) from missing


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.name.endswith(".gz") else path.open("rb")


# ---------------------------------------------------------------- JSON Lines


def _json_lines(file: IO[bytes]) -> Iterator[_Record | str]:
    taken = 0
    while line := file.readline(_LONGEST_LINE):
        taken += len(line)
        if taken > _MOST_BYTES:
            yield f"the file is longer than {_MOST_BYTES} bytes; the rest is not read"
            return
        if len(line) == _LONGEST_LINE:
            yield f"the line is longer than {_LONGEST_LINE} bytes; the rest is not read"
            return
        if line.strip():
            yield _line(parse(line))


def _line(said: object) -> _Record | str:
    """A record of JSON Lines, or what is wrong with it."""
    if said is ABSENT or not isinstance(said, dict):
        return "the line is no JSON object"
    status, body = integer(said.get("status")), said.get("response_body")
    url = _parts(said.get("url"))
    if url is None:
        return "`url` is no URL"
    if status is None or not 100 <= status <= 599:
        return "`status` is no HTTP status"
    if body is not None and not isinstance(body, str):
        return "`response_body` is no text"
    method, asked = text(said.get("method")).upper() or "POST", said.get("request_body")
    lost = set(_LOST)
    headers = _headers(said.get("response_headers"))
    if len(headers) < _FEW_HEADERS:
        lost.add(Evidence.HEADERS)
    if "reserialized" in arr(said.get("flags")) or said.get("body_fidelity") == "reserialized":
        lost.add(Evidence.BYTES)
    host, path = url
    if method == "POST" and asked is None:
        lost.add(Evidence.REQUEST)
        asked = {"stream": _is_event_stream(headers, body or "")}
    reply = Reply(
        status=status,
        headers=headers,
        frames=(Frame(at_ms=0.0, data=_bytes(body)),) if body else (),
        lost=frozenset(lost),
    )
    return _Record(
        host=text(said.get("host")) or host,
        recorded_at=_date(said.get("recorded_at")),
        not_after=_date(said.get("source_commit_date")),
        request=_request(method, path, said.get("request_headers"), asked),
        reply=reply,
    )


_READERS: Final[dict[str, _Reader]] = {".jsonl": _json_lines, ".ndjson": _json_lines}


# ---------------------------------------------------------------- what every form needs


def _request(method: str, path: str, headers: Json, body: Json) -> Request:
    """The request as it was sent; a body that is text is parsed."""
    parsed = parse(body) if isinstance(body, str) else body
    content = None if body is None else _bytes(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False))
    return Request(
        method=method.upper(),
        path=path,
        headers=tuple((name, value) for name, value in _headers(headers) if name not in _SECRET),
        content=content,
        body=None if parsed is ABSENT else cast(Json, parsed),
    )


def _headers(said: Json) -> Headers:
    """A mapping of names to a value or a list of values."""
    return tuple(
        (name.lower(), value)
        for name, values in obj(said).items()
        for value in (values if isinstance(values, list) else [values])
        if isinstance(value, str)
    )


def _parts(url: Json) -> tuple[str, str] | None:
    """Host and path of a URL, the path from where the API begins: `/openai/deployments/x/chat/completions` is a chat too."""
    try:
        split = urlsplit(text(url))
        host = split.hostname
    except ValueError:
        return None
    if not host:
        return None
    path = split.path.rstrip("/")
    if path.endswith(answer.CHAT):
        return host, answer.CHAT
    _, models, rest = path.partition(answer.MODELS)
    if models and (not rest or rest.startswith("/")):
        return host, models + rest
    return host, path or "/"


def _bytes(said: str) -> bytes:
    """The bytes of a text; lone surrogates, which JSON can write and UTF-8 cannot, become what a decoder makes of them."""
    return said.encode("utf-8", "replace")


def _is_event_stream(headers: Headers, body: str) -> bool:
    """Where a recorder kept no request, all that is known of it is that it asked for what it got."""
    return any(name == "content-type" and "event-stream" in value for name, value in headers) or body.startswith("data:")


def _date(said: Json) -> str | None:
    """A date as ISO 8601 with offset; recorders write it so, or as HTTP does."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = read(text(said))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).isoformat()
    return None


def _created(exchange: Exchange) -> str | None:
    """When an answer was made, by what it says itself."""
    seconds = integer(get(getattr(exchange, "body", None), "created"))
    if seconds is None or not 1_400_000_000 < seconds < 4_000_000_000:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat()
