"""Wrong header fields."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Headers, Reply
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault


@fault(Stage.REPLY, caught_by=["headers.json-content-type"])
def answers_are_labelled_text(replied: Reply, asked: Asked) -> Reply:
    """`text/plain` for a JSON answer (small servers that set no type)."""
    return _labelled(replied, "text/plain") if replied.status == 200 and not _is_stream(replied) else replied


@fault(Stage.REPLY, caught_by=["headers.event-stream-content-type"], field=["stream-content-type"])
def streams_are_labelled_json(replied: Reply, asked: Asked) -> Reply:
    """`application/json` for a stream (QwenPaw, gateways)."""
    return _labelled(replied, "application/json") if _is_stream(replied) else replied


@fault(Stage.REPLY, caught_by=["headers.error-content-type"])
def errors_are_labelled_as_bytes(replied: Reply, asked: Asked) -> Reply:
    """`application/octet-stream` for an error (DeepSeek)."""
    return _labelled(replied, "application/octet-stream") if replied.status >= 400 else replied


@fault(Stage.REPLY, caught_by=["headers.request-id"], field=["request-id-header"])
def no_request_id(replied: Reply, asked: Asked) -> Reply:
    """No `x-request-id` (most local servers)."""
    return _without(replied, "x-request-id")


@fault(Stage.REPLY, caught_by=["headers.retry-advice-is-readable"])
def says_when_to_come_back_in_words(replied: Reply, asked: Asked) -> Reply:
    """`retry-after: 30s` (proxies that pass on the text of a rate limit)."""
    return replace(replied, headers=(*replied.headers, ("retry-after", "30s")))


@fault(Stage.REPLY, caught_by=["headers.allows-the-origin"], field=["cors-on-errors", "cors-preflight"])
def forbids_every_origin(replied: Reply, asked: Asked) -> Reply:
    """No `access-control-allow-origin` (servers that no browser was ever tried on)."""
    return _without(replied, "access-control-allow-origin")


def _is_stream(replied: Reply) -> bool:
    return (replied.header("content-type") or "").startswith("text/event-stream")


def _labelled(replied: Reply, media_type: str) -> Reply:
    headers: Headers = tuple((name, media_type if name == "content-type" else value) for name, value in replied.headers)
    return replace(replied, headers=headers)


def _without(replied: Reply, gone: str) -> Reply:
    return replace(replied, headers=tuple(field for field in replied.headers if field[0] != gone))
