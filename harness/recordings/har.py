"""HAR 1.2: an entry of `log.entries`, as browsers and mitmproxy export them."""

from __future__ import annotations

from typing import Any

from harness.reading import get, integer, text
from harness.recordings.bodies import Unreadable, encoded, unbase64, unpacked
from harness.recordings.record import Record, fields, record


def entry(said: Any) -> Record:
    """The record of an entry. Raises Unreadable."""
    if not isinstance(said, dict):
        raise Unreadable("the entry is no JSON object")
    if get(said, "response", "status") == 0:
        raise Unreadable("the request got no response (status 0)")
    headers = fields(get(said, "response", "headers"))
    return record(
        method=get(said, "request", "method"),
        url=get(said, "request", "url"),
        sent=fields(get(said, "request", "headers")),
        asked=_asked(said),
        status=get(said, "response", "status"),
        headers=headers,
        body=unpacked(_answered(said), headers),
        recorded_at=said.get("startedDateTime"),
    )


def _asked(said: Any) -> bytes | None:
    posted = get(said, "request", "postData")
    written = get(posted, "text")
    if not isinstance(written, str) or not written:
        return None
    content = unbase64(written, "the request's body") if get(posted, "encoding") == "base64" else encoded(written)
    return unpacked(content, fields(get(said, "request", "headers")))


def _answered(said: Any) -> bytes:
    content = get(said, "response", "content")
    written = get(content, "text")
    if written is None:
        # Browsers drop the body of what is large, old or went to a service worker, and say its size all the same.
        if (integer(get(content, "size")) or 0) > 0 or (integer(get(said, "response", "bodySize")) or 0) > 0:
            raise Unreadable("the body was not kept: `response.content.text` is missing")
        return b""
    if not isinstance(written, str):
        raise Unreadable("`response.content.text` is no text")
    named = text(get(content, "encoding")).lower()
    if named not in ("", "base64"):
        raise Unreadable("`response.content.encoding` is neither missing nor base64")
    return unbase64(written, "`response.content.text`") if named else encoded(written)
