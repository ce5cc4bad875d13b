"""Exchanges as JSON, as they were sent: frames with their times, and what was left out named with its size."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from harness.model import Exchange, Headers, Json, Looked, Reply, Request, Unanswered
from harness.reading import ABSENT, parse
from harness.report.places import Span

MOST_BYTES: Final = 24 * 1024
"""What is kept of the start of a body."""

_LAST_BYTES: Final = 2 * 1024
_AROUND: Final = 512  # bytes kept on both sides of a finding's place
_NONE: Final[Mapping[str, object]] = MappingProxyType({})


def shown(looked: Looked, attempt: int, places: Iterable[Span], written: Mapping[str, object] = _NONE) -> dict[str, Json]:
    """One step of one try: the request, and the reply or why there is none. `places` are kept, whatever is left out.

    `written` are the header fields that the case itself writes out: what stands in a suite is no secret, and without it the
    request could not be sent again.
    """
    seen = looked.seen.on_the_wire if isinstance(looked.seen, Exchange) else looked.seen
    document: dict[str, Json] = {"step": looked.step, "try": attempt, "request": _request(seen.request, written)}
    match seen:
        case Unanswered():
            document["silence"] = {"kind": seen.silence.value, "message": seen.message}
        case Exchange():
            document["reply"] = _reply(seen.reply, places)
    return document


def _request(request: Request, written: Mapping[str, object]) -> dict[str, Json]:
    fields = _fields(request.headers)
    own: list[Json] = [[name, value] for name, value in request.headers if written.get(name) == value]
    fields += [field for field in own if field not in fields]
    document: dict[str, Json] = {"method": request.method, "path": request.path, "headers": fields}
    if request.without:
        left_out: list[Json] = [*request.without]
        document["without"] = left_out
    content = request.content
    if content is None:
        return document
    document["bytes"] = len(content)
    if len(content) <= MOST_BYTES and request.body is not None and parse(content) is not ABSENT:
        document["body"] = request.body
    else:
        document["pieces"] = list(_pieces([(None, content)], [(0, MOST_BYTES)]))
    return document


def _reply(reply: Reply, places: Iterable[Span]) -> dict[str, Json]:
    size = sum(len(frame.data) for frame in reply.frames)
    kept = _kept(size, places)
    document: dict[str, Json] = {
        "status": reply.status,
        "headers": _fields(reply.headers),
        "frames": list(_pieces([(round(frame.at_ms, 1), frame.data) for frame in reply.frames], kept)),
        "ended": reply.ended.value,
        "bytes": size,
        "capped": kept != [(0, size)],
    }
    if reply.lost:
        document["lost"] = [*sorted(evidence.value for evidence in reply.lost)]
    if reply.earlier:
        document["earlier"] = [_reply(one, ()) for one in reply.earlier]
    return document


def _fields(headers: Headers) -> list[Json]:
    """Only what a cassette may hold: no key, cookie or organisation."""
    from harness.cassette.file import kept

    return [[name, value] for name, value in kept(headers)]


def _kept(size: int, places: Iterable[Span]) -> list[Span]:
    """The parts of a body that are shown: its start, its end, and what is around the places of findings."""
    if size <= MOST_BYTES + _LAST_BYTES:
        return [(0, size)]
    wanted = [(0, MOST_BYTES), (size - _LAST_BYTES, size)]
    for start, end in list(places)[:20]:
        wanted.append((max(0, start - _AROUND), min(size, min(end, start + _LAST_BYTES) + _AROUND)))
    merged: list[Span] = []
    for start, end in sorted(wanted):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _pieces(frames: list[tuple[float | None, bytes]], kept: list[Span]) -> Iterator[Json]:
    """Frames as text, where they are UTF-8, else base64; `cut` marks a piece whose frame goes on after it."""
    begun = 0
    left_out: dict[str, Json] = {}
    for at_ms, data in frames:
        ended = begun + len(data)
        times: dict[str, Json] = {} if at_ms is None else {"at_ms": at_ms}
        at = begun
        pieces: list[dict[str, Json]] = []
        for start, end in kept:
            start, end = max(start, at), min(end, ended)
            if start >= end:
                continue
            if start > at:
                pieces.append({**times, "omitted": start - at})
            pieces.append({**times, **_written(data[start - begun : end - begun])})
            at = end
        if at < ended:
            pieces.append({**times, "omitted": ended - at})
        for piece in pieces[:-1]:
            piece["cut"] = True
        if left_out and (len(pieces) > 1 or (pieces and "omitted" not in pieces[0])):
            yield left_out
            left_out = {}
        if len(pieces) == 1 and "omitted" in pieces[0]:
            left_out = _more_left_out(left_out, pieces[0])
        else:
            yield from pieces
        begun = ended
    if left_out:
        yield left_out


def _more_left_out(so_far: dict[str, Json], piece: dict[str, Json]) -> dict[str, Json]:
    """Whole frames that are left out one after the other are said once."""
    if not so_far:
        return {**piece, "frames": 1}
    return {
        **so_far,
        "omitted": int(str(so_far["omitted"])) + int(str(piece["omitted"])),
        "frames": int(str(so_far["frames"])) + 1,
    }


def _written(data: bytes) -> dict[str, Json]:
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}
