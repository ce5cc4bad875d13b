"""Conformant exchanges of Anthropic's Messages API for tests to break, edited by JSON Pointer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from exchanges import edited, replied

from harness.model import Exchange, Headers

ASK: Final[dict[str, Any]] = {
    "model": "m-1",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
}
ASK_STREAM: Final[dict[str, Any]] = {**ASK, "stream": True}
USAGE: Final[dict[str, Any]] = {
    "input_tokens": 9,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 3,
    "server_tool_use": None,
    "service_tier": "standard",
}
_HEAD: Final[dict[str, Any]] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m-1"}
_TAIL: Final[dict[str, Any]] = {"stop_sequence": None, "stop_details": None, "container": None, "usage": USAGE}
CALL: Final[dict[str, Any]] = {
    "type": "tool_use",
    "id": "toolu_1",
    "name": "get_weather",
    "input": {"city": "Paris"},
    "caller": {"type": "direct"},
}
TEXT: Final[dict[str, Any]] = {
    **_HEAD,
    "content": [{"type": "text", "text": "It is sunny.", "citations": None}],
    "stop_reason": "end_turn",
    **_TAIL,
}
CALLED: Final[dict[str, Any]] = {**TEXT, "content": [CALL], "stop_reason": "tool_use"}


def _start(index: int, block: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **said: Any) -> dict[str, Any]:
    """An event that adds to a block."""
    return {"type": "content_block_delta", "index": index, "delta": said}


def stop(index: int) -> dict[str, Any]:
    """The event with which a block ends."""
    return {"type": "content_block_stop", "index": index}


_OPENING: Final[dict[str, Any]] = {
    "type": "message_start",
    "message": {**_HEAD, "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**USAGE, "output_tokens": 1}},
}
_CLOSING: Final[list[dict[str, Any]]] = [
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
]
EVENTS: Final[list[dict[str, Any]]] = [
    _OPENING,
    _start(0, {"type": "text", "text": ""}),
    {"type": "ping"},
    delta(0, type="text_delta", text="It is"),
    delta(0, type="text_delta", text=" sunny."),
    stop(0),
    *_CLOSING,
]
CALL_EVENTS: Final[list[dict[str, Any]]] = [
    *EVENTS[:6],
    _start(1, {**CALL, "input": {}}),
    delta(1, type="input_json_delta", partial_json=""),
    delta(1, type="input_json_delta", partial_json='{"city":'),
    delta(1, type="input_json_delta", partial_json='"Paris"}'),
    stop(1),
    edited(_CLOSING[0], {"/delta/stop_reason": "tool_use"}),
    _CLOSING[1],
]
ERROR: Final[dict[str, Any]] = {
    "type": "error",
    "error": {"type": "not_found_error", "message": "model: m-9"},
    "request_id": "req_1",
}
MODEL: Final[dict[str, Any]] = {"type": "model", "id": "m-1", "display_name": "M 1", "created_at": "2026-01-31T00:00:00Z"}
MODELS: Final[dict[str, Any]] = {"data": [MODEL], "has_more": False, "first_id": "m-1", "last_id": "m-1"}

_KEPT: Final = (("request-id", "req_1"), ("date", "Mon, 23 Nov 2026 09:00:00 GMT"))
JSON: Final[Headers] = (("content-type", "application/json"), *_KEPT)
STREAM: Final[Headers] = (("content-type", "text/event-stream; charset=utf-8"), *_KEPT)
_VERSION: Final = (("anthropic-version", "2023-06-01"),)


def completed(edits: Mapping[str, Any] | None = None, request: Any = ASK, document: Any = TEXT, **how: Any) -> Exchange:
    """A message that is not streamed, with edits."""
    return replied(request, json.dumps(edited(document, edits or {})).encode(), **{"path": "/messages", "headers": JSON, **how})


def written(events: Sequence[Any]) -> bytes:
    """The bytes of a stream."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def streamed(edits: Mapping[str, Any] | None = None, request: Any = ASK_STREAM, events: Any = EVENTS, **how: Any) -> Exchange:
    """A streamed message, with edits of the array of its events."""
    return wired(written(edited(list(events), edits or {})), request, **how)


def wired(content: bytes, request: Any = ASK_STREAM, **how: Any) -> Exchange:
    """A streamed message of these very bytes."""
    return replied(request, content, **{"path": "/messages", "headers": STREAM, **how})


def refused(edits: Mapping[str, Any] | None = None, status: int = 404, document: Any = ERROR, **how: Any) -> Exchange:
    """A refusal, with edits of its document."""
    content = json.dumps(edited(document, edits or {})).encode()
    return replied(ASK, content, **{"status": status, "path": "/messages", "headers": JSON, **how})


def listed(edits: Mapping[str, Any] | None = None, document: Any = MODELS) -> Exchange:
    """The list of models."""
    content = json.dumps(edited(document, edits or {})).encode()
    return replied(None, content, method="GET", path="/models", headers=JSON, request_headers=_VERSION)
