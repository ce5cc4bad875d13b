"""What the Messages API answers, as chat: completions, chunks, errors and models.

Nothing is mended: what an answer does not say is not there, and a stop reason that nobody knows stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from harness.messages import CALLS, events
from harness.model import Json, MessagesStreamed
from harness.reading import arr, get, integer, obj, objects, text

_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""Stop reasons as reasons to finish. `pause_turn` has no equivalent."""

_CODE: Final = {
    "authentication_error": "invalid_api_key",
    "not_found_error": "model_not_found",
    "rate_limit_error": "rate_limit_exceeded",
    "billing_error": "insufficient_quota",
}
_TOO_LONG: Final = "prompt is too long"


# ---------------------------------------------------------------- one document


def completion(message: Json, created: int) -> Json:
    """The completion that a message is."""
    said = obj(message)
    if said.get("error") is not None and "content" not in said:
        return {"error": _error(said["error"])}
    texts = [text(block.get("text")) for _, block in objects(said.get("content")) if block.get("type") == "text"]
    thoughts = [text(block.get("thinking")) for _, block in objects(said.get("content")) if block.get("type") == "thinking"]
    calls: list[Json] = [
        _call(block, json.dumps(block.get("input"), ensure_ascii=False))
        for _, block in objects(said.get("content"))
        if block.get("type") == CALLS
    ]
    spoken: dict[str, Json] = {"role": said.get("role"), "content": "".join(texts) if texts or not calls else None}
    if thoughts:
        spoken["reasoning_content"] = "".join(thoughts)
    if calls:
        spoken["tool_calls"] = calls
    choice: dict[str, Json] = {"index": 0, "message": spoken, "finish_reason": _finish(said.get("stop_reason"))}
    document: dict[str, Json] = {
        "id": said.get("id"),
        "object": "chat.completion",
        "created": created,
        "model": said.get("model"),
        "choices": [choice],
    }
    if isinstance(said.get("usage"), dict):
        document["usage"] = _usage(obj(said["usage"]))
    return document


def _call(block: dict[str, Json], arguments: str) -> dict[str, Json]:
    return {"id": block.get("id"), "type": "function", "function": {"name": block.get("name"), "arguments": arguments}}


def _finish(reason: Json) -> Json:
    return _FINISH.get(reason, reason) if isinstance(reason, str) else reason


def _usage(usage: dict[str, Json]) -> dict[str, Json]:
    """Counts as chat counts: what was read from the cache, or written to it, is part of the prompt."""
    cached = integer(usage.get("cache_read_input_tokens")) or 0
    parts = (integer(usage.get("input_tokens")), integer(usage.get("cache_creation_input_tokens")) or 0, cached)
    prompt = None if parts[0] is None else sum(part or 0 for part in parts)
    spoken = integer(usage.get("output_tokens"))
    counted: dict[str, Json] = {
        "prompt_tokens": prompt,
        "completion_tokens": spoken,
        "total_tokens": None if prompt is None or spoken is None else prompt + spoken,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    thought = integer(get(usage, "output_tokens_details", "thinking_tokens"))
    return counted if thought is None else {**counted, "completion_tokens_details": {"reasoning_tokens": thought}}


def error(body: Json) -> Json:
    """The error of a refusal, in the shape of chat; what has no error in it, as it is."""
    said = obj(body).get("error")
    return {"error": _error(said)} if isinstance(said, dict) else body


def _error(said: Json) -> Json:
    if not isinstance(said, dict):
        return said
    kind = said.get("type")
    too_long = _TOO_LONG in text(said.get("message"))
    code = "context_length_exceeded" if too_long else _CODE.get(kind) if isinstance(kind, str) else None
    return {"message": said.get("message"), "type": kind, "param": None, "code": code}


# ---------------------------------------------------------------- models


def models(body: Json) -> Json:
    """The list of models."""
    if not isinstance(get(body, "data"), list):
        return body
    return {"object": "list", "data": [model(one) for one in arr(get(body, "data"))]}


def model(body: Json) -> Json:
    """One model."""
    if not isinstance(body, dict):
        return body
    try:
        created = int(datetime.fromisoformat(text(body.get("created_at"))).timestamp())
    except (ValueError, OverflowError):
        created = integer(body.get("created")) or 0
    return {"id": body.get("id"), "object": "model", "created": created, "owned_by": text(body.get("owned_by")) or "unknown"}


# ---------------------------------------------------------------- a stream


def chunks(native: MessagesStreamed, asked: Json, created: int) -> Iterator[tuple[int, bytes]]:
    """The chunks that the events are, each with the number of its event in the stream; `[DONE]` at the end, if it came."""
    head: dict[str, Json] = {"id": None, "object": "chat.completion.chunk", "created": created, "model": None}
    usage: dict[str, Json] = {}
    calls: dict[int, int] = {}  # number of a block → index of the call
    spoken: set[int] = set()  # the blocks of calls that have some input
    counted = get(asked, "stream_options", "include_usage") is True

    def chunk(delta: Json, finish: Json = None) -> bytes:
        return _data({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    for place, event in events(native):
        at = native.chunks[place].event
        index = integer(event.get("index")) or 0
        match event.get("type"):
            case "message_start":
                message = obj(event.get("message"))
                head |= {"id": message.get("id"), "model": message.get("model")}
                usage |= obj(message.get("usage"))
                yield at, chunk({"role": message.get("role"), "content": ""})
            case "content_block_start":
                block = obj(event.get("content_block"))
                if block.get("type") == CALLS:
                    calls[index] = len(calls)
                    yield at, chunk({"tool_calls": [{"index": calls[index], **_call(block, "")}]})
                elif text(block.get("text")):
                    yield at, chunk({"content": block["text"]})
            case "content_block_delta":
                delta = _delta(obj(event.get("delta")), calls.get(index))
                if "tool_calls" in delta:
                    spoken.add(index)
                if delta:
                    yield at, chunk(delta)
            case "content_block_stop":
                if index in calls and index not in spoken:
                    yield at, chunk(_arguments(calls[index], "{}"))
            case "message_delta":
                usage |= obj(event.get("usage"))
                reason = get(event, "delta", "stop_reason")
                if reason is not None:
                    yield at, chunk({}, _finish(reason))
            case "message_stop":
                if counted and usage:
                    yield at, _data({**head, "choices": [], "usage": _usage(usage)})
                yield at, b"[DONE]"
            case _:
                pass
    if native.failed_at is not None:
        failed = native.chunks[native.failed_at]
        yield failed.event, _data({"error": _error(get(failed.body, "error")) or {"message": None}})


def _delta(delta: dict[str, Json], call: int | None) -> dict[str, Json]:
    match delta.get("type"):
        case "text_delta":
            return {"content": delta.get("text")}
        case "thinking_delta":
            return {"reasoning_content": delta.get("thinking")}
        case "input_json_delta" if call is not None and text(delta.get("partial_json")):
            return _arguments(call, text(delta["partial_json"]))
        case _:
            return {}


def _arguments(call: int, piece: str) -> dict[str, Json]:
    return {"tool_calls": [{"index": call, "function": {"arguments": piece}}]}


def _data(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
