"""The 37 parameters of a request: which values each may have, and which may stand together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from harness.model import Json
from harness.reading import arr, get, obj, objects, text
from harness.reference.conversation import messages, texts
from harness.reference.refusal import Refusal, missing, wrong_value
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
    unknown,
)

MOST_TOKENS: Final = 4_096
"""The longest answer of the reference models, in tokens."""

CONTEXT: Final = 5_000
"""The longest prompt and answer together, in tokens."""

THINKER: Final = "reference-thinks"
"""The model that thinks before it answers, as those of OpenAI do: unseen, at the cost of the limit, sampling fixed."""

_FIXED: Final[Mapping[str, Json]] = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
_LACKED: Final = ("logprobs", "top_logprobs", "logit_bias")

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FAR = 2**63


def _tool_name(value: Json, path: str) -> None:
    string(value, path)
    if not _NAME.fullmatch(text(value)):
        raise wrong_value(path, "a name is 1 to 64 of the characters a-z, A-Z, 0-9, _ and -")


def _schema_of_object(value: Json, path: str) -> None:
    mapping(anything)(value, path)
    if obj(value) and get(value, "type") != "object":
        said = f'Invalid schema for \'{path}\': the schema of parameters must have "type": "object".'
        raise Refusal(said, param=path, code="invalid_function_parameters")


def _function(value: Json, path: str) -> None:
    fields: dict[str, Check] = {
        "name": _tool_name,
        "description": string,
        "parameters": nullable(_schema_of_object),
        "strict": nullable(boolean),
    }
    record(fields, required=("name",), closed=True)(value, path)
    if get(value, "strict") is True:
        _strict(get(value, "parameters"), f"{path}.parameters", "invalid_function_parameters")


def _strict(schema: Json, path: str, code: str) -> None:
    """A strict schema closes each of its objects and requires every property."""
    match schema:
        case dict():
            properties = schema.get("properties")
            if schema.get("type") == "object" or isinstance(properties, dict):
                if schema.get("additionalProperties") is not False:
                    said = f"Invalid schema for '{path}': 'additionalProperties' must be false in a strict schema."
                    raise Refusal(said, param=path, code=code)
                left_out = sorted(set(obj(properties)) - {text(name) for name in arr(schema.get("required"))})
                if left_out:
                    said = f"Invalid schema for '{path}': 'required' must name every property, and lacks {left_out}."
                    raise Refusal(said, param=path, code=code)
            for key, value in schema.items():
                if key not in ("enum", "const", "default", "examples"):
                    _strict(value, f"{path}.{key}", code)
        case list():
            for position, item in enumerate(schema):
                _strict(item, f"{path}[{position}]", code)
        case _:
            pass


def _json_schema(value: Json, path: str) -> None:
    fields: dict[str, Check] = {
        "name": _tool_name,
        "description": string,
        "schema": mapping(anything),
        "strict": nullable(boolean),
    }
    record(fields, required=("name",), closed=True)(value, path)
    if get(value, "strict") is True:
        _strict(get(value, "schema"), f"{path}.schema", "invalid_json_schema")


def _stop(value: Json, path: str) -> None:
    if isinstance(value, str):
        return
    array(string, at_least=1, at_most=4)(value, path)


def _logit_bias(value: Json, path: str) -> None:
    mapping(number(-100, 100))(value, path)
    for key in obj(value):
        if not (key.isascii() and key.isdecimal()):
            raise wrong_value(f"{path}.{key}", "a key is the id of a token", "invalid_value")


_NAMED = record({"name": string}, required=("name",), closed=True)
_CUSTOM_FORMAT = tagged(
    {
        "text": anything,
        "grammar": record(
            {"grammar": record({"definition": string, "syntax": one_of("lark", "regex")}, required=("definition", "syntax"))},
            required=("grammar",),
        ),
    }
)
_CUSTOM = record({"name": _tool_name, "description": string, "format": _CUSTOM_FORMAT}, required=("name",), closed=True)
_TOOL = tagged(
    {
        "function": record({"function": _function}, required=("function",)),
        "custom": record({"custom": _CUSTOM}, required=("custom",)),
    }
)
_ALLOWED = record({"mode": one_of("auto", "required"), "tools": array(mapping(anything))}, required=("mode", "tools"))
_CHOICE_OBJECT = tagged(
    {
        "function": record({"function": _NAMED}, required=("function",)),
        "custom": record({"custom": _NAMED}, required=("custom",)),
        "allowed_tools": record({"allowed_tools": _ALLOWED}, required=("allowed_tools",)),
    }
)


def _tool_choice(value: Json, path: str) -> None:
    if isinstance(value, str):
        one_of("none", "auto", "required")(value, path)
    else:
        _CHOICE_OBJECT(value, path)


def _function_call(value: Json, path: str) -> None:
    if isinstance(value, str):
        one_of("none", "auto")(value, path)
    else:
        _NAMED(value, path)


def _reference_voice(value: Json, path: str) -> None:
    if not isinstance(value, str):
        record({"id": string}, required=("id",), closed=True)(value, path)


_RESPONSE_FORMAT = tagged(
    {
        "text": anything,
        "json_object": anything,
        "json_schema": record({"json_schema": _json_schema}, required=("json_schema",)),
    }
)
_PREDICTION = tagged({"content": record({"content": anything}, required=("content",))})
_STREAM_OPTIONS = record({"include_usage": boolean, "include_obfuscation": boolean}, closed=True)
_PLACE = record({"country": string, "region": string, "city": string, "timezone": string})
_WHERE = record({"type": one_of("approximate"), "approximate": _PLACE}, required=("type", "approximate"))
_MODERATION_OF = nullable(record({"mode": one_of("score", "block")}, required=("mode",)))

PARAMETERS: Final[Mapping[str, Check]] = {
    "audio": nullable(
        record(
            {"voice": _reference_voice, "format": one_of("wav", "aac", "mp3", "flac", "opus", "pcm16")},
            required=("voice", "format"),
        )
    ),
    "frequency_penalty": nullable(number(-2, 2)),
    "function_call": _function_call,
    "functions": array(_function, at_least=1, at_most=128),
    "logit_bias": nullable(_logit_bias),
    "logprobs": nullable(boolean),
    "max_completion_tokens": nullable(integer(1, _FAR)),
    "max_tokens": nullable(integer(1, _FAR)),
    "messages": messages,
    "metadata": nullable(mapping(short_string(512), at_most=16, longest_key=64)),
    "modalities": nullable(array(one_of("text", "audio"), at_least=1)),
    "model": string,
    "moderation": nullable(
        record(
            {"model": string, "policy": nullable(record({"input": _MODERATION_OF, "output": _MODERATION_OF}))},
            required=("model",),
        )
    ),
    "n": nullable(integer(1, 128)),
    "parallel_tool_calls": boolean,
    "prediction": nullable(_PREDICTION),
    "presence_penalty": nullable(number(-2, 2)),
    "prompt_cache_key": nullable(string),
    "prompt_cache_options": record({"ttl": one_of("30m", "12h"), "mode": one_of("implicit", "explicit")}),
    "prompt_cache_retention": nullable(one_of("in_memory", "24h")),
    "reasoning_effort": nullable(one_of("none", "minimal", "low", "medium", "high", "xhigh", "max")),
    "response_format": nullable(_RESPONSE_FORMAT),
    "safety_identifier": nullable(short_string(64)),
    "seed": nullable(integer(-_FAR, _FAR)),
    "service_tier": nullable(one_of("auto", "default", "flex", "scale", "priority", "fast")),
    "stop": nullable(_stop),
    "store": nullable(boolean),
    "stream": nullable(boolean),
    "stream_options": nullable(_STREAM_OPTIONS),
    "temperature": nullable(number(0, 2)),
    "tool_choice": nullable(_tool_choice),
    "tools": nullable(array(_TOOL, at_most=128)),
    "top_logprobs": nullable(integer(0, 20)),
    "top_p": nullable(number(0, 1)),
    "user": string,
    "verbosity": nullable(one_of("low", "medium", "high")),
    "web_search_options": record(
        {"user_location": nullable(_WHERE), "search_context_size": one_of("low", "medium", "high")}, closed=True
    ),
}


def request(body: Mapping[str, Json]) -> None:
    """Raise Refusal where a request is not one that the API takes. Its model is looked up elsewhere."""
    for name in body:
        if name not in PARAMETERS:
            raise unknown(name)
    if "messages" not in body:
        raise missing("messages")
    for name, check in PARAMETERS.items():
        if name in body:
            check(body[name], name)
    _together(body)
    if body.get("model") == THINKER:
        _thinker_takes(body)


def _together(body: Mapping[str, Json]) -> None:
    """What one parameter asks of another."""
    tools = arr(body.get("tools"))
    _only_with(body, "stream_options", body.get("stream") is True, "'stream' is true")
    _only_with(body, "tool_choice", bool(tools), "there are 'tools'")
    _only_with(body, "parallel_tool_calls", bool(tools), "there are 'tools'")
    _only_with(body, "function_call", bool(body.get("functions")), "there are 'functions'")
    _only_with(body, "top_logprobs", body.get("logprobs") is True, "'logprobs' is true")
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        said = "'max_tokens' and 'max_completion_tokens' cannot be set at the same time."
        raise Refusal(said, param="max_tokens", code="invalid_parameter_combination")
    for name in ("max_tokens", "max_completion_tokens"):
        wanted = body.get(name)
        if isinstance(wanted, int | float) and wanted > MOST_TOKENS:
            raise wrong_value(name, f"{name} is too large: this model answers with at most {MOST_TOKENS} tokens, not {wanted}")
    if get(body.get("response_format"), "type") == "json_object" and not _says_json(body):
        raise wrong_value("messages", "the word 'json' must occur in a message to use 'response_format' of type 'json_object'")
    _offered(body, tools)
    if "audio" in arr(body.get("modalities")):
        raise Refusal("Audio output is not supported with this model.", param="modalities", code="unsupported_value")


def _thinker_takes(body: Mapping[str, Json]) -> None:
    """What a model that thinks refuses: the older name of the limit, and whatever bears on its choice of words."""
    if body.get("max_tokens") is not None:
        said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        raise Refusal(said, param="max_tokens", code="unsupported_parameter")
    for name, only in _FIXED.items():
        if body.get(name, only) not in (only, None):
            said = f"Unsupported value: '{name}' is {only} with this model, and nothing else is supported."
            raise Refusal(said, param=name, code="unsupported_value")
    for name in _LACKED:
        if body.get(name):
            raise Refusal(
                f"Unsupported parameter: '{name}' is not supported with this model.", param=name, code="unsupported_parameter"
            )


def _only_with(body: Mapping[str, Json], name: str, allowed: bool, condition: str) -> None:
    if body.get(name) is not None and not allowed:
        raise wrong_value(name, f"it is only allowed where {condition}")


def _says_json(body: Mapping[str, Json]) -> bool:
    return any("json" in said.lower() for _, message in objects(body.get("messages")) for said in texts(message))


def _offered(body: Mapping[str, Json], tools: list[Json]) -> None:
    """What must be called is among what may be called."""
    choice = obj(body.get("tool_choice"))
    kind = text(choice.get("type"))
    if kind in ("function", "custom"):
        name = text(get(choice, kind, "name"))
        if name not in [text(get(tool, kind, "name")) for tool in tools]:
            raise wrong_value("tool_choice", f"Tool choice '{name}' is not among the 'tools'")
    legacy = text(get(body.get("function_call"), "name"))
    if legacy and legacy not in [text(get(function, "name")) for function in arr(body.get("functions"))]:
        raise wrong_value("function_call", f"Function '{legacy}' is not among the 'functions'")
