"""An answer as the Messages API writes it: one message, or the events of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from harness.model import Json
from harness.reading import obj, parse
from harness.reference.answer import Answer, Call, letters

_THOUGHT: Final = ("What is asked ", "for is plain, ", "and so is the answer.")


def message(answer: Answer, stopped_by: str | None, *, thinks_aloud: bool = False) -> dict[str, Json]:
    """The body of a reply that is not streamed. `stopped_by` is the stop sequence that ended it."""
    turn = answer.turns[0]
    content: list[Json] = []
    if thinks_aloud and answer.usage.reasoning:
        content.append({"type": "thinking", "thinking": "".join(_THOUGHT), "signature": _signature(answer)})
    if turn.text:
        content.append({"type": "text", "text": turn.text, "citations": None})
    content += [_call(answer, call, obj(parse(call.text))) for call in turn.calls]
    return {
        **_head(answer),
        "content": content,
        "stop_reason": _reason(answer, stopped_by),
        "stop_sequence": stopped_by,
        "stop_details": None,
        "container": None,
        "usage": _usage(answer, answer.usage.completion),
    }


def events(answer: Answer, stopped_by: str | None, *, thinks_aloud: bool = False) -> list[Json]:
    """The data of the events of a stream, in order."""
    return list(_events(answer, stopped_by, thinks_aloud))


def _events(answer: Answer, stopped_by: str | None, thinks_aloud: bool) -> Iterator[Json]:
    turn = answer.turns[0]
    start: dict[str, Json] = {**_head(answer), "content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    yield {"type": "message_start", "message": {**start, "usage": _usage(answer, min(1, answer.usage.completion))}}
    blocks: list[tuple[Json, str, Sequence[str]]] = []
    if thinks_aloud and answer.usage.reasoning:
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, "thinking", _THOUGHT))
    if turn.text:
        blocks.append(({"type": "text", "text": ""}, "text", turn.tokens or ()))
    blocks += [(_call(answer, call, {}), "input_json", ("", *call.tokens)) for call in turn.calls]
    for index, (block, kind, pieces) in enumerate(blocks):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        if index == 0:
            yield {"type": "ping"}
        key = "partial_json" if kind == "input_json" else kind
        for piece in pieces:
            yield {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", key: piece}}
        if kind == "thinking":
            signed: Json = {"type": "signature_delta", "signature": _signature(answer)}
            yield {"type": "content_block_delta", "index": index, "delta": signed}
        yield {"type": "content_block_stop", "index": index}
    delta: Json = {"stop_reason": _reason(answer, stopped_by), "stop_sequence": stopped_by, "stop_details": None}
    usage = _usage(answer, answer.usage.completion)
    counts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens", "output_tokens_details")
    yield {"type": "message_delta", "delta": delta, "usage": {count: usage[count] for count in counts}}
    yield {"type": "message_stop"}


def _head(answer: Answer) -> dict[str, Json]:
    return {"id": f"msg_{letters(24, answer.id)}", "type": "message", "role": "assistant", "model": answer.model}


def _call(answer: Answer, call: Call, said: Json) -> Json:
    name = f"toolu_{letters(24, answer.id, call.id)}"
    return {"type": "tool_use", "id": name, "name": call.name, "input": said, "caller": {"type": "direct"}}


def _signature(answer: Answer) -> str:
    return letters(64, "signature", answer.id)


def _reason(answer: Answer, stopped_by: str | None) -> str:
    turn = answer.turns[0]
    if turn.finish == "length":
        return "max_tokens"
    return "tool_use" if turn.calls else "stop_sequence" if stopped_by is not None else "end_turn"


def _usage(answer: Answer, spoken: int) -> dict[str, Json]:
    return {
        "input_tokens": answer.usage.prompt,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": spoken,
        "output_tokens_details": {"thinking_tokens": min(spoken, answer.usage.reasoning)},
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": "global",
    }


def error(kind: str, said: str, request_id: str) -> dict[str, Json]:
    """The body of a refusal."""
    return {"type": "error", "error": {"type": kind, "message": said}, "request_id": request_id}


def model(name: str, created_at: str) -> dict[str, Json]:
    """A model of the list."""
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").capitalize(),
        "created_at": created_at,
        "max_input_tokens": 65_536,
        "max_tokens": 16_384,
        "capabilities": {},
    }


def models(listed: Sequence[Json]) -> dict[str, Json]:
    """The list of models, on one page."""
    return {"data": [*listed], "has_more": False, "first_id": obj(listed[0])["id"], "last_id": obj(listed[-1])["id"]}
