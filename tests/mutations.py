"""Answers as api.openai.com writes them, by hand, and thousands of ways to spoil them, always the same ones."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

_TOKEN = {
    "token": "Hi",
    "logprob": -0.5,
    "bytes": [72, 105],
    "top_logprobs": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}, {"token": "\ufffd", "logprob": -9.0, "bytes": None}],
}
_LOGPROBS = {"content": [_TOKEN], "refusal": None}
_USAGE = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {
        "cached_tokens": 0,
        "audio_tokens": 0,
        "cache_write_tokens": 0,
        "image_tokens": 0,
        "text_tokens": 19,
    },
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
        "text_tokens": 10,
    },
}
_MODERATION = {
    "input": {
        "type": "moderation_results",
        "model": "omni-moderation-latest",
        "results": [
            {
                "type": "moderation_result",
                "model": "omni-moderation-latest",
                "flagged": False,
                "categories": {"violence": False},
                "category_scores": {"violence": 0.01},
                "category_applied_input_types": {"violence": ["text"]},
            }
        ],
    },
    "output": {"type": "error", "code": "server_error", "message": "not now"},
}


def _completion(**choice: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-A",
        "object": "chat.completion",
        "created": 1760000000,
        "model": "gpt-4.1-2025-04-14",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, **choice}],
        "usage": _USAGE,
        "service_tier": "default",
        "system_fingerprint": "fp_a",
    }


def _said(**message: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "Hi", "refusal": None, "annotations": [], **message}


def _chunk(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-A",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": "gpt-4.1-2025-04-14",
        "service_tier": "default",
        "system_fingerprint": "fp_a",
        "choices": list(choices),
        "usage": None,
        "obfuscation": "",
        **more,
    }


def _delta(delta: dict[str, Any], **choice: Any) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, **choice}


_FUNCTION_CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
_CUSTOM_CALL = {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
_CITATION = {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 2, "url": "https://a.example", "title": "A"}}
_AUDIO = {"id": "audio_1", "expires_at": 1760003600, "data": "UklGRg==", "transcript": "Hi"}
_MODEL = {"id": "gpt-4.1", "object": "model", "created": 1744316542, "owned_by": "system"}

DOCUMENTS: dict[str, list[dict[str, Any]]] = {
    "completion": [
        _completion(message=_said(annotations=[_CITATION]), logprobs=_LOGPROBS),
        _completion(message=_said(content=None, tool_calls=[_FUNCTION_CALL, _CUSTOM_CALL]), finish_reason="tool_calls"),
        {**_completion(message=_said(audio=_AUDIO, refusal="No.")), "moderation": _MODERATION, "metadata": {"a": "b"}},
        _completion(message=_said(function_call={"name": "f", "arguments": "{}"}), finish_reason="function_call"),
        _completion(message=_said(), finish_details={"type": "stop"}),
    ],
    "chunk": [
        _chunk(_delta({"role": "assistant", "content": "", "refusal": None}, logprobs=_LOGPROBS)),
        _chunk(_delta({"tool_calls": [{"index": 0, **_FUNCTION_CALL}, {"index": 0, "function": {"arguments": "{"}}]})),
        _chunk(_delta({"tool_calls": [{"index": 0, "id": "call_2", "type": "custom"}], "function_call": {"arguments": "{"}})),
        _chunk(_delta({}, finish_reason="stop"), _delta({"content": "Hi"}, index=1, finish_details={"type": "stop"})),
        _chunk(usage=_USAGE, moderation=_MODERATION),
    ],
    "error": [
        {"error": {"message": "No such model.", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}},
        {"error": {"message": "Gone.", "type": "server_error", "param": None, "code": None}},
    ],
    "models": [{"object": "list", "data": [_MODEL, {**_MODEL, "shutdown_date": "2027-01-01"}]}],
    "model": [_MODEL, {**_MODEL, "shutdown_date": None}],
}

_VALUES: tuple[Any, ...] = (None, "", "x", 5, 1.5, 1.0, True, [], {}, [None], {"x": None}, "custom", "error")
_EXTRA: tuple[tuple[str, Any], ...] = (
    ("x_vendor", {"a": [1]}),
    ("finish_details", {"type": "stop"}),
    ("custom", {"name": "f"}),
    ("index", 0),
    ("refusal", []),
    ("message", 5),
    ("model", 5),
)


def mutants(kind: str, pairs: int = 1500) -> Iterator[Any]:
    """The documents of a kind; each with one thing spoilt, all such; and `pairs` with two or three, drawn with a fixed seed."""
    chance = random.Random(f"mutants of {kind}")
    for document in DOCUMENTS[kind]:
        yield document
        for path in paths(document):
            for change in _changes(path, document):
                yield change(copy.deepcopy(document))
    for _ in range(pairs):
        spoilt = copy.deepcopy(chance.choice(DOCUMENTS[kind]))
        for _ in range(chance.choice((2, 2, 3))):
            path = chance.choice(list(paths(spoilt)))
            spoilt = chance.choice(_changes(path, spoilt))(spoilt)
        yield spoilt


def paths(value: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value in a document, the document itself first."""
    yield here
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield from paths(part, (*here, key))


def _changes(path: tuple[str | int, ...], document: Any) -> list[Callable[[Any], Any]]:
    value = _at(document, path)
    changes = [_replaced(path, other) for other in _VALUES]
    changes.append(_replaced(path, [value]))
    changes.append(_replaced(path, {"0": value}))
    if isinstance(value, list):
        changes.append(_replaced(path, dict(zip("abc", value, strict=False))))
    if isinstance(value, dict):
        changes.append(_replaced(path, list(value.values())))
        changes.extend(_replaced(path, {**value, key: extra}) for key, extra in _EXTRA if key not in value)
        changes.extend(_replaced(path, {name: part for name, part in value.items() if name != key}) for key in value)
    return changes


def _at(document: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def _replaced(path: tuple[str | int, ...], value: Any) -> Callable[[Any], Any]:
    def replace(document: Any) -> Any:
        if not path:
            return copy.deepcopy(value)
        _at(document, path[:-1])[path[-1]] = copy.deepcopy(value)
        return document

    return replace
