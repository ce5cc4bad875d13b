"""A request of the Messages API: whether it is right, and the same as a request of chat, which is what the model knows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from harness.model import Json
from harness.reading import arr, get, obj, objects, text
from harness.reference.conversation import image_address
from harness.reference.refusal import Refusal, missing, wrong_type, wrong_value
from harness.reference.shapes import (
    Check,
    anything,
    array,
    boolean,
    integer,
    mapping,
    nullable,
    number,
    one_of,
    record,
    short_string,
    string,
    tagged,
)

_FAR: Final = 2**31
_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def _matching(pattern: re.Pattern[str], what: str) -> Check:
    def checked(value: Json, path: str) -> None:
        string(value, path)
        if not pattern.fullmatch(text(value)):
            raise wrong_value(path, f"{what} matches '^{pattern.pattern}$'")

    return checked


def _text_or(parts: Check) -> Check:
    def checked(value: Json, path: str) -> None:
        if isinstance(value, list):
            parts(value, path)
        elif not isinstance(value, str):
            raise wrong_type(path, "a string or an array of blocks", value)

    return checked


def _not_empty(value: Json, path: str) -> None:
    string(value, path)
    if not text(value).strip():
        raise wrong_value(path, "text content blocks must contain something other than white space")


_TEXT = record({"text": _not_empty}, required=("text",))
_SOURCE = tagged(
    {
        "base64": record(
            {"media_type": one_of("image/jpeg", "image/png", "image/gif", "image/webp"), "data": string},
            required=("media_type", "data"),
        ),
        "url": record({"url": string}, required=("url",)),
    }
)


def _image(value: Json, path: str) -> None:
    record({"source": _SOURCE}, required=("source",))(value, path)
    image_address(_address(get(value, "source")), f"{path}.source")


def _address(source: Json) -> str:
    """The source of a picture as chat names it."""
    data = f"data:{text(get(source, 'media_type'))};base64,{text(get(source, 'data'))}"
    return text(get(source, "url")) if get(source, "type") == "url" else data


_RESULT = record(
    {
        "tool_use_id": _matching(_ID, "an id"),
        "content": _text_or(array(tagged({"text": _TEXT, "image": _image}))),
        "is_error": boolean,
    },
    required=("tool_use_id",),
)
_CALL = record({"id": _matching(_ID, "an id"), "name": string, "input": mapping(anything)}, required=("id", "name", "input"))
_THOUGHT = record({"thinking": string, "signature": string}, required=("thinking", "signature"))
_CONTENT = {
    "user": _text_or(array(tagged({"text": _TEXT, "image": _image, "tool_result": _RESULT}))),
    "assistant": _text_or(array(tagged({"text": _TEXT, "tool_use": _CALL, "thinking": _THOUGHT}))),
}


def _message(value: Json, path: str) -> None:
    record({"role": one_of("user", "assistant"), "content": anything}, required=("role", "content"), closed=True)(value, path)
    _CONTENT[text(get(value, "role"))](get(value, "content"), f"{path}.content")


def _messages(value: Json, path: str) -> None:
    """Each message for itself, then that every result has its call and every call its result."""
    array(_message, at_least=1)(value, path)
    waiting: set[str] = set()
    last = len(arr(value)) - 1
    for position, message in objects(value):
        if not message.get("content") and position < last and message["role"] == "assistant":
            raise wrong_value(f"{path}[{position}].content", "a message of the assistant must have content, but for the last")
        blocks = arr(message.get("content"))
        answered = {text(get(block, "tool_use_id")) for block in blocks if get(block, "type") == "tool_result"}
        if answered - waiting:
            said = f"tool_result blocks for {sorted(answered - waiting)}, which the message before did not call"
            raise wrong_value(f"{path}[{position}]", said)
        if waiting - answered:
            said = f"tool_use blocks {sorted(waiting - answered)} of the message before have no tool_result here"
            raise wrong_value(f"{path}[{position}]", said)
        waiting = {text(get(block, "id")) for block in blocks if get(block, "type") == "tool_use"}


_SCHEMA = mapping(anything)
_TOOL = record(
    {
        "type": one_of("custom"),
        "name": _matching(_NAME, "a name"),
        "description": string,
        "input_schema": _SCHEMA,
        "strict": boolean,
        "cache_control": anything,
    },
    required=("name", "input_schema"),
    closed=True,
)
_ALONE: Final[dict[str, Check]] = {"type": anything, "disable_parallel_tool_use": boolean}
_CHOICE = tagged(
    {
        "auto": record(_ALONE, closed=True),
        "any": record(_ALONE, closed=True),
        "tool": record({**_ALONE, "name": string}, required=("name",), closed=True),
        "none": record({"type": anything}, closed=True),
    }
)
_FORMAT = tagged({"json_schema": record({"schema": _SCHEMA}, required=("schema",))})

PARAMETERS: Final[Mapping[str, Check]] = {
    "max_tokens": integer(1, _FAR),
    "messages": _messages,
    "metadata": record({"user_id": nullable(short_string(512))}, closed=True),
    "model": string,
    "output_config": record(
        {"format": nullable(_FORMAT), "effort": one_of("low", "medium", "high", "xhigh", "max")}, closed=True
    ),
    "service_tier": one_of("auto", "standard_only"),
    "stop_sequences": array(_not_empty),
    "stream": boolean,
    "system": _text_or(array(tagged({"text": _TEXT}))),
    "temperature": number(0, 1),
    "thinking": tagged({"disabled": anything, "adaptive": anything, "enabled": anything}),
    "tool_choice": _CHOICE,
    "tools": array(_TOOL),
    "top_k": integer(0, _FAR),
    "top_p": number(0, 1),
}


def check(body: Mapping[str, Json]) -> None:
    """Raise Refusal where a request is not one that the API takes. Its model is looked up elsewhere."""
    for name in body:
        if name not in PARAMETERS:
            raise Refusal(f"{name}: Extra inputs are not permitted")
    for name in ("model", "messages", "max_tokens"):
        if name not in body:
            raise missing(name)
    for name, right in PARAMETERS.items():
        if name in body:
            right(body[name], name)
    choice = obj(body.get("tool_choice"))
    names = [get(tool, "name") for tool in arr(body.get("tools"))]
    if choice.get("type") in ("any", "tool") and not names:
        raise wrong_value("tool_choice", "it is only allowed where there are 'tools'")
    if choice.get("type") == "tool" and choice.get("name") not in names:
        raise wrong_value("tool_choice", f"tool '{choice.get('name')}' is not among the 'tools'")


# ---------------------------------------------------------------- as a request of chat


def as_chat(body: Mapping[str, Json]) -> dict[str, Json]:
    """The same request as a chat request, for a body that `check` lets through."""
    conversation = list(_turns(body))
    asked: dict[str, Json] = {
        "model": body["model"],
        "messages": conversation,
        "max_completion_tokens": body["max_tokens"],
        **{key: body[key] for key in ("stream", "temperature", "top_p") if key in body},
    }
    if body.get("stop_sequences"):
        asked["stop"] = body["stop_sequences"]
    tools: list[Json] = [
        {
            "type": "function",
            "function": {"name": tool["name"], "description": tool.get("description") or "", "parameters": tool["input_schema"]},
        }
        for _, tool in objects(body.get("tools"))
    ]
    if tools:
        choice = obj(body.get("tool_choice"))
        kind = text(choice.get("type"))
        named: Json = {"type": "function", "function": {"name": choice.get("name")}}
        asked["tools"] = tools
        asked["tool_choice"] = named if kind == "tool" else {"any": "required"}.get(kind, kind or "auto")
        if choice.get("disable_parallel_tool_use") is True:
            asked["parallel_tool_calls"] = False
    thinking = get(body.get("thinking"), "type")
    if thinking is not None:
        asked["reasoning_effort"] = "none" if thinking == "disabled" else get(body.get("output_config"), "effort") or "medium"
    schema = get(body.get("output_config"), "format", "schema")
    if schema is not None:
        asked["response_format"] = {"type": "json_schema", "json_schema": {"name": "format", "strict": True, "schema": schema}}
    return asked


def _turns(body: Mapping[str, Json]) -> Iterator[Json]:
    system = "\n".join(_texts(body.get("system")))
    if system:
        yield {"role": "system", "content": system}
    for _, message in objects(body["messages"]):
        content = message["content"]
        if isinstance(content, str):
            yield {"role": message["role"], "content": content}
            continue
        calls: list[Json] = []
        parts: list[Json] = []
        for _, block in objects(content):
            match block["type"]:
                case "text":
                    parts.append({"type": "text", "text": block["text"]})
                case "image":
                    parts.append({"type": "image_url", "image_url": {"url": _address(block["source"])}})
                case "tool_use":
                    function: Json = {"name": block["name"], "arguments": json.dumps(block["input"], ensure_ascii=False)}
                    calls.append({"id": block["id"], "type": "function", "function": function})
                case "tool_result":
                    said = "\n".join(_texts(block.get("content")))
                    yield {"role": "tool", "tool_call_id": block["tool_use_id"], "content": said}
                case _:
                    pass
        if calls:
            yield {"role": "assistant", "content": parts or None, "tool_calls": calls}
        elif parts:
            yield {"role": message["role"], "content": parts}


def _texts(content: Json) -> list[str]:
    return [content] if isinstance(content, str) else [text(block.get("text")) for _, block in objects(content)]
