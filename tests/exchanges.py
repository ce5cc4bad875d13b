"""Conformant exchanges for tests to break: documents and chunks in the form of the standard, edited by JSON Pointer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

from harness.answer import exchange
from harness.model import Ending, Exchange, Frame, Headers, Reply, Request
from harness.reading import tokens

GONE: Final = object()
"""The value of an edit that takes a key away."""

ASK: Final[dict[str, Any]] = {"model": "m-1", "messages": [{"role": "user", "content": "What is the weather in Paris?"}]}
PARAMETERS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS: Final[list[Any]] = [{"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}]
ASK_TOOLS: Final[dict[str, Any]] = {**ASK, "tools": TOOLS}
ASK_STREAM: Final[dict[str, Any]] = {**ASK, "stream": True}
ASK_USAGE: Final[dict[str, Any]] = {**ASK_STREAM, "stream_options": {"include_usage": True}}
ASK_STREAM_TOOLS: Final[dict[str, Any]] = {**ASK_STREAM, "tools": TOOLS}
ASK_LOGPROBS: Final[dict[str, Any]] = {**ASK, "logprobs": True, "top_logprobs": 1}

USAGE: Final[dict[str, Any]] = {
    "prompt_tokens": 9,
    "completion_tokens": 3,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
_HEAD: Final[dict[str, Any]] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_770_000_000,
    "model": "m-1",
    "service_tier": "default",
    "system_fingerprint": "fp_1",
}
CALL: Final[dict[str, Any]] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
}


def _completion(message: Mapping[str, Any], finish_reason: str, logprobs: Any = None) -> dict[str, Any]:
    said = {"role": "assistant", "content": None, "refusal": None, "annotations": [], **message}
    choice = {"index": 0, "message": said, "logprobs": logprobs, "finish_reason": finish_reason}
    return {**_HEAD, "choices": [choice], "usage": USAGE}


def _chunk(delta: Mapping[str, Any], finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_HEAD, "object": "chat.completion.chunk", "choices": [choice], **more}


def call_delta(arguments: str, **more: Any) -> dict[str, Any]:
    """A delta of tool call 0 that adds to its arguments."""
    return {"tool_calls": [{"index": 0, **more, "function": {**more.pop("function", {}), "arguments": arguments}}]}


def _token(token: str) -> dict[str, Any]:
    alone = {"token": token, "logprob": -0.5, "bytes": list(token.encode())}
    return {**alone, "top_logprobs": [alone]}


TEXT: Final = _completion({"content": "It is sunny."}, "stop")
CALLED: Final = _completion({"tool_calls": [CALL]}, "tool_calls")
LOGPROBS: Final = _completion(
    {"content": "It is sunny."}, "stop", {"content": [_token("It"), _token(" is"), _token(" sunny.")], "refusal": None}
)
_FIRST: Final = {"role": "assistant", "content": "", "refusal": None}
CHUNKS: Final = [_chunk(_FIRST), _chunk({"content": "It is"}), _chunk({"content": " sunny."}), _chunk({}, "stop")]
USAGE_CHUNK: Final = {**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
USAGE_CHUNKS: Final = [*({**chunk, "usage": None} for chunk in CHUNKS), USAGE_CHUNK]
CALL_CHUNKS: Final = [
    _chunk(
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
            ],
            "refusal": None,
        }
    ),
    _chunk(call_delta('{"city":')),
    _chunk(call_delta('"Paris"}')),
    _chunk({}, "tool_calls"),
]
ERROR: Final = {"error": {"message": "No such model.", "type": "invalid_request_error", "param": None, "code": "model_not_found"}}
MODEL: Final = {"id": "m-1", "object": "model", "created": 1_770_000_000, "owned_by": "us"}
MODELS: Final = {"object": "list", "data": [MODEL, {**MODEL, "id": "org/m-2"}]}

_KEPT: Final = (("x-request-id", "req_1"), ("date", "Mon, 23 Nov 2026 09:00:00 GMT"))
_JSON: Final = (("content-type", "application/json"), *_KEPT)
_EVENTS: Final = (("content-type", "text/event-stream; charset=utf-8"), *_KEPT)


def edited(document: Any, edits: Mapping[str, Any]) -> Any:
    """A copy with values put at JSON Pointers; GONE takes a key away, `/-` at the end appends to an array."""
    copy = deepcopy(document)
    for pointer, value in edits.items():
        *path, last = tokens(pointer)
        parent = copy
        for token in path:
            parent = parent[int(token)] if isinstance(parent, list) else parent[token]
        if value is GONE:
            del parent[int(last) if isinstance(parent, list) else last]
        elif last == "-":
            parent.append(value)
        else:
            parent[int(last) if isinstance(parent, list) else last] = value
    return copy


def replied(
    request: Any,
    content: bytes,
    *,
    status: int = 200,
    headers: Headers = _JSON,
    ended: Ending = Ending.CLOSED,
    path: str = "/chat/completions",
    method: str = "POST",
    request_headers: Headers = (),
    earlier: tuple[Reply, ...] = (),
    at_ms: float = 5.0,
) -> Exchange:
    """The exchange of any bytes, in one frame."""
    return exchange(
        Request(method=method, path=path, headers=request_headers, body=request),
        Reply(
            status=status,
            headers=headers,
            frames=(Frame(at_ms=at_ms, data=content),) if content else (),
            ended=ended,
            earlier=earlier,
        ),
    )


def completed(edits: Mapping[str, Any] | None = None, request: Any = ASK, document: Any = TEXT, **how: Any) -> Exchange:
    """A chat that is not streamed, with edits of its answer."""
    return replied(request, json.dumps(edited(document, edits or {})).encode(), **how)


def events(chunks: Iterable[Any], *, done: bool = True) -> bytes:
    """The event stream of chunks."""
    data = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks] + (["[DONE]"] if done else [])
    return "".join(f"data: {said}\n\n" for said in data).encode()


def streamed(edits: Mapping[str, Any] | None = None, request: Any = ASK_STREAM, chunks: Any = CHUNKS, **how: Any) -> Exchange:
    """A streamed chat, with edits of the array of its chunks."""
    return wired(events(edited(list(chunks), edits or {})), request, **how)


def wired(content: bytes, request: Any = ASK_STREAM, **how: Any) -> Exchange:
    """A streamed chat of these very bytes."""
    return replied(request, content, **{"headers": _EVENTS, **how})


def refused(edits: Mapping[str, Any] | None = None, status: int = 404, document: Any = ERROR, **how: Any) -> Exchange:
    """A refusal, with edits of its document."""
    return replied(ASK, json.dumps(edited(document, edits or {})).encode(), status=status, **how)


def listed(edits: Mapping[str, Any] | None = None, document: Any = MODELS) -> Exchange:
    """The list of models."""
    return replied(None, json.dumps(edited(document, edits or {})).encode(), method="GET", path="/models")


def retrieved(model: str, edits: Mapping[str, Any] | None = None) -> Exchange:
    """One model of the list."""
    return replied(None, json.dumps(edited(MODEL, edits or {})).encode(), method="GET", path=f"/models/{model}")
