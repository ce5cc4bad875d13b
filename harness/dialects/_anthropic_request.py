"""A chat request as a request of the Messages API.

Source of the mapping: the published descriptions of both APIs (2026-05-31 and 2026-08-21). What is wrong in a request (a role
that does not exist, messages that are no list, a parameter nobody knows) is passed on as it is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Final

from harness.model import Json
from harness.reading import ABSENT, arr, get, obj, parse, text

MOST_TOKENS: Final = 1024
"""What an answer may have where nobody said: the Messages API wants a limit."""

HOTTEST: Final = 1.0
"""The highest temperature of the Messages API; that of chat is 2."""

_DATA_URI: Final = re.compile(r"data:([^;,]+);base64,(.*)", re.DOTALL)

_NO_ID: Final = re.compile(r"[^a-zA-Z0-9_-]")

_AS_IT_IS: Final = frozenset({"model", "messages", "stream", "temperature", "top_p"})
_MEANS_NOTHING: Final[dict[str, tuple[Json, ...]]] = {
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "presence_penalty": (0,),
    "store": (False,),
    "top_logprobs": (0,),
}
"""Values with which a parameter asks for nothing: it is left out."""

_NO_FORM: Final = frozenset({
    "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "metadata", "modalities", "moderation",
    "n", "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
    "safety_identifier", "seed", "service_tier", "store", "top_logprobs", "verbosity", "web_search_options",
})  # fmt: skip


class Untranslatable(Exception):
    """The Messages API has no form for this parameter, or for this value of it."""


def message_request(body: Mapping[str, Json], *, structured: bool) -> dict[str, Json]:
    """The body of the request to `/messages`. `structured`: is a schema for the answer taken (`output_config.format`)?

    Raises Untranslatable.
    """
    said = {key: value for key, value in body.items() if value is not None and value not in _MEANS_NOTHING.get(key, ())}
    for key in said:
        if key in _NO_FORM:
            raise Untranslatable(key)
    sent: dict[str, Json] = {}
    if "model" in said:
        sent["model"] = said["model"]
    sent |= _conversation(said)
    sent["max_tokens"] = said.get("max_completion_tokens", said.get("max_tokens", MOST_TOKENS))
    sent |= _sampling(said)
    sent |= _tools(said)
    sent |= _format(said.get("response_format"), structured=structured)
    _think(sent, said.get("reasoning_effort"))
    known = _AS_IT_IS | {
        "max_tokens", "max_completion_tokens", "stop", "stream_options", "tools", "tool_choice", "parallel_tool_calls",
        "response_format", "reasoning_effort", "user",
    }  # fmt: skip
    return sent | {key: value for key, value in said.items() if key not in known}


def written(document: Json) -> bytes:
    """Compact JSON in UTF-8; in ASCII where half a surrogate pair could not be written else. ValueError for no number."""
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _sampling(said: Mapping[str, Json]) -> dict[str, Json]:
    sent: dict[str, Json] = {}
    if "stop" in said:
        sent["stop_sequences"] = [said["stop"]] if isinstance(said["stop"], str) else said["stop"]
    temperature = said.get("temperature")
    if isinstance(temperature, int | float) and HOTTEST < temperature <= 2:
        raise Untranslatable("temperature above 1")
    for key in ("temperature", "top_p", "stream"):
        if key in said:
            sent[key] = said[key]
    if "user" in said:
        sent["metadata"] = {"user_id": said["user"]}
    return sent


def _format(wanted: Json, *, structured: bool) -> dict[str, Json]:
    kind = get(wanted, "type")
    if wanted is None or kind == "text":
        return {}
    if kind == "json_schema" and structured:
        return {"output_config": {"format": {"type": "json_schema", "schema": get(wanted, "json_schema", "schema")}}}
    if kind in ("json_object", "json_schema"):
        raise Untranslatable(f"response_format {kind}")
    return {"response_format": wanted}


def _think(sent: dict[str, Json], effort: Json) -> None:
    """Whether to think, and with what effort, which stands beside the form of the answer."""
    if effort == "none":
        sent["thinking"] = {"type": "disabled"}
    elif effort == "minimal":
        raise Untranslatable("reasoning_effort minimal")
    elif effort is not None:
        sent["thinking"] = {"type": "adaptive"}
        sent["output_config"] = {**obj(sent.get("output_config")), "effort": effort}


# ---------------------------------------------------------------- the conversation


def _conversation(said: Mapping[str, Json]) -> dict[str, Json]:
    """`system` and `messages`: instructions stand apart, and the results of a turn's tools are one turn of the user."""
    if "messages" not in said:
        return {}
    if not isinstance(said["messages"], list):
        return {"messages": said["messages"]}
    instructions: list[str] = []
    turns: list[Json] = []
    results: list[Json] = []  # of the turn under way
    for position, message in enumerate(said["messages"]):
        at = f"messages[{position}]"
        if not isinstance(message, dict):
            turns.append(message)
            continue
        if message.get("name") is not None:
            raise Untranslatable("messages[].name")
        match message.get("role"):
            case "system" | "developer":
                instructions.append(_plain(message.get("content"), at))
                continue
            case "tool":
                if not results:
                    turns.append({"role": "user", "content": results})
                results.append(_result(message, at))
                continue
            case "function":
                raise Untranslatable("messages[].role function")
            case "user":
                turns.append({"role": "user", "content": _content(message.get("content"))})
            case "assistant":
                turns.append({"role": "assistant", "content": _spoken(message)})
            case _:
                turns.append({**message})
        results = []
    sent: dict[str, Json] = {"messages": turns}
    if instructions:
        sent["system"] = "\n".join(instructions)
    return sent


def _plain(content: Json, at: str) -> str:
    """The text of an instruction."""
    if isinstance(content, str):
        return content
    parts = [get(part, "text") for part in arr(content)]
    if not isinstance(content, list) or not all(isinstance(part, str) for part in parts):
        raise Untranslatable(f"{at}.content")
    return "\n".join(map(text, parts))


def _content(content: Json) -> Json:
    """A text, or blocks for the parts of a list."""
    return [_block(part) for part in content] if isinstance(content, list) else content


def _block(part: Json) -> Json:
    match get(part, "type"):
        case "text":
            return {"type": "text", "text": get(part, "text")}
        case "refusal":
            return {"type": "text", "text": get(part, "refusal")}
        case "image_url":
            return _image(text(get(part, "image_url", "url")))
        case "input_audio" | "file" as kind:
            raise Untranslatable(f"a content part of type {kind}")
        case _:
            return part


def _image(url: str) -> Json:
    data = _DATA_URI.fullmatch(url)
    if data is None:
        return {"type": "image", "source": {"type": "url", "url": url}}
    return {"type": "image", "source": {"type": "base64", "media_type": data[1], "data": data[2]}}


def _spoken(message: Mapping[str, Json]) -> Json:
    """What the assistant said: a text where it is nothing else, or blocks of text and calls. An empty text is no block."""
    if message.get("function_call") is not None:
        raise Untranslatable("messages[].function_call")
    if message.get("audio") is not None:
        raise Untranslatable("messages[].audio")
    content = message.get("content")
    calls = arr(message.get("tool_calls"))
    if not calls:
        return _content(content) if content is not None else text(message.get("refusal"))
    said = (
        [{"type": "text", "text": content}] if isinstance(content, str) and content else [_block(part) for part in arr(content)]
    )
    return [*said, *map(_call, calls)]


def _call(call: Json) -> Json:
    if get(call, "type") == "custom":
        raise Untranslatable("tools of type custom")
    arguments = parse(text(get(call, "function", "arguments")) or "{}")
    if arguments is ABSENT or not isinstance(arguments, dict) or not _finite(arguments):
        raise Untranslatable("arguments that are no JSON object")
    return {"type": "tool_use", "id": _id(get(call, "id")), "name": get(call, "function", "name"), "input": arguments}


def _finite(value: Json) -> bool:
    if isinstance(value, dict | list):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def _result(message: Mapping[str, Json], at: str) -> Json:
    content = message.get("content")
    if isinstance(content, list):
        content = [_block(part) for part in content]
    return {"type": "tool_result", "tool_use_id": _id(message.get("tool_call_id")), "content": content}


def _id(said: Json) -> Json:
    """The id of a call as this API takes it: others may have any characters."""
    return _NO_ID.sub("_", said) if isinstance(said, str) else said


# ---------------------------------------------------------------- tools


def _tools(said: Mapping[str, Json]) -> dict[str, Json]:
    sent: dict[str, Json] = {}
    if "tools" in said:
        tools = said["tools"]
        sent["tools"] = [_tool(tool) for tool in tools] if isinstance(tools, list) else tools
    choice = _choice(said.get("tool_choice"))
    if said.get("parallel_tool_calls") is False and get(choice, "type") != "none":
        choice = {**(obj(choice) or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice is not None:
        sent["tool_choice"] = choice
    return sent


def _tool(tool: Json) -> Json:
    if get(tool, "type") == "custom":
        raise Untranslatable("tools of type custom")
    function = obj(get(tool, "function"))
    if get(tool, "type") != "function" or not function:
        return tool
    described: dict[str, Json] = {"name": function.get("name")}
    if "description" in function:
        described["description"] = function["description"]
    described["input_schema"] = function.get("parameters") or {"type": "object", "properties": {}}
    if function.get("strict") is True:
        described["strict"] = True
    return described


def _choice(choice: Json) -> Json:
    match choice:
        case "auto" | "none":
            return {"type": choice}
        case "required":
            return {"type": "any"}
        case {"type": "function"}:
            return {"type": "tool", "name": get(choice, "function", "name")}
        case {"type": ("allowed_tools" | "custom") as kind}:
            raise Untranslatable(f"tool_choice {kind}")
        case _:
            return choice
