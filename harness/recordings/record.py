"""What every form of recorded traffic needs: a record in our own terms, its URL, header fields and dates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO, Any, Final, TypeAlias, cast
from urllib.parse import urlsplit

from harness import answer
from harness.model import Ending, Evidence, Frame, Headers, Json, Reply, Request
from harness.reading import ABSENT, obj, parse, text
from harness.recordings.bodies import Unreadable, encoded

MOST_OF_A_FILE: Final = 4 * 1024 * 1024 * 1024
"""Bytes of an unpacked file: a small gzip may hold more than any disk."""

_FEW_HEADERS: Final = 10
"""A real reply has more: below that a recorder chose which to keep (https://api.openai.com never sent fewer than 12)."""
_SECRET: Final = ("authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a reader makes of a record. `not_after` is a date before which it must have been recorded.

    `source` is where it was published, and under which licence, where the record says so.
    """

    host: str
    recorded_at: str | None
    not_after: str | None
    request: Request
    reply: Reply
    source: tuple[str, str] | None = None


Reader: TypeAlias = Callable[[IO[bytes]], Iterator["Record | str"]]
"""The records of a file, or what is wrong with one."""


def record(
    *,
    method: Json,
    url: Json,
    sent: Headers,
    asked: bytes | None,
    status: Json,
    headers: Headers,
    body: bytes,
    recorded_at: Json,
    not_after: Json = None,
    lost: Iterable[Evidence] = (),
    ended: Ending = Ending.CLOSED,
) -> Record:
    """A record of these parts. Raises Unreadable. `asked` is None where the recorder kept no request body."""
    parts = _parts(url)
    if parts is None:
        raise Unreadable("`url` is no URL")
    code = int(status) if isinstance(status, str) and status.isdecimal() and len(status) == 3 else status
    if isinstance(code, bool) or not isinstance(code, int) or not 100 <= code <= 599:
        raise Unreadable("`status` is no HTTP status")
    dropped = {Evidence.FRAMES, Evidence.TIMES, *lost}
    if len(headers) < _FEW_HEADERS:
        dropped.add(Evidence.HEADERS)
    said = (text(method) or "POST").upper()
    content = asked
    if said == "POST" and asked is None:
        dropped.add(Evidence.REQUEST)
        content = encoded({"stream": _is_event_stream(headers, body)})
    parsed = parse(content) if content else ABSENT
    host, path = parts
    return Record(
        host=host,
        recorded_at=date(recorded_at),
        not_after=date(not_after),
        request=Request(
            method=said,
            path=path,
            headers=tuple((name, value) for name, value in sent if name not in _SECRET),
            content=content,
            body=None if parsed is ABSENT else cast(Json, parsed),
        ),
        reply=Reply(
            status=code,
            headers=headers,
            frames=(Frame(at_ms=0.0, data=body),) if body else (),
            ended=ended,
            lost=frozenset(dropped),
        ),
    )


def _parts(url: Json) -> tuple[str, str] | None:
    """Host and path of a URL, the path from where the API begins: `/openai/deployments/x/chat/completions` is a chat too.

    A port that is not the scheme's own belongs to the host: on one machine several servers may listen.
    """
    try:
        split = urlsplit(text(url))
        host, port = split.hostname, split.port
    except ValueError:
        return None
    if not host:
        return None
    if port is not None and port != {"http": 80, "https": 443}.get(split.scheme):
        host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    path = split.path.rstrip("/")
    if path.endswith(answer.CHAT):
        return host, answer.CHAT
    _, models, rest = path.partition(answer.MODELS)
    if models and (not rest or rest.startswith("/")):
        return host, models + rest
    return host, path or "/"


def _is_event_stream(headers: Headers, body: bytes) -> bool:
    """Where a recorder kept no request, all that is known of it is that it asked for what it got."""
    return any(name == "content-type" and "event-stream" in value for name, value in headers) or body.startswith(b"data:")


# ---------------------------------------------------------------- header fields and dates


def fields(said: Any) -> Headers:
    """Header fields: a mapping of names to a value or a list of values, or a list of `{name, value}`. Names in lower case."""
    if isinstance(said, list):
        pairs = [(obj(one).get("name"), obj(one).get("value")) for one in said]
    else:
        pairs = [
            (name, value) for name, values in obj(said).items() for value in (values if isinstance(values, list) else [values])
        ]
    return tuple(
        (name.lower(), value)
        for name, value in pairs
        if isinstance(name, str) and isinstance(value, str) and not name.startswith(":")  # HTTP/2 calls its status `:status`
    )


def date(said: Any) -> str | None:
    """A date as ISO 8601 with offset; recorders write it so, or as HTTP does. YAML makes a date of it by itself."""
    if isinstance(said, datetime):
        said = said.isoformat()
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text(said))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()
    return None
