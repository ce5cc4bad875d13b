"""What api.openai.com does, however odd, is held against nobody: nothing of it is a MUST or a SHOULD finding.

Each example is one statement of what its recorded traffic shows, of any year; the real recordings are in test_calibration.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any, Final

import pytest
from exchanges import (
    ASK,
    ASK_LOGPROBS,
    ASK_STREAM,
    ASK_STREAM_TOOLS,
    ASK_TOOLS,
    ASK_USAGE,
    CALL,
    CALL_CHUNKS,
    CALLED,
    CHUNKS,
    ERROR,
    GONE,
    LOGPROBS,
    MODEL,
    PARAMETERS,
    TEXT,
    USAGE,
    USAGE_CHUNK,
    USAGE_CHUNKS,
    call_delta,
    completed,
    edited,
    events,
    listed,
    refused,
    replied,
    streamed,
    wired,
)

from harness import judge
from harness.model import Exchange, Level

MESSAGE: Final = "/choices/0/message"
FINISH: Final = "/choices/0/finish_reason"
DELTA: Final = "/choices/0/delta"
NAMED: Final = {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}}
FUNCTIONS: Final = {**ASK, "functions": [{"name": "get_weather", "parameters": PARAMETERS}]}
LEGACY_CALL: Final = {"name": "get_weather", "arguments": '{"city":"Paris"}'}
CUSTOM: Final = {"tools": [{"type": "custom", "custom": {"name": "run_sql"}}]}
CUSTOM_CALL: Final = {"id": "call_2", "type": "custom", "custom": {"name": "run_sql", "input": "SELECT 1"}}
CITATION: Final = {
    "type": "url_citation",
    "url_citation": {"start_index": 0, "end_index": 5, "url": "https://example.com", "title": "Weather"},
}
AUDIO: Final = {"id": "audio_1", "data": "UklGRg==", "transcript": "It is sunny.", "expires_at": 1_770_003_600}
UUID: Final = "2d0a5a42-3f0d-4c6f-9d0c-2f1d8c6c3f55"
_UNKNOWN: Final = {"type": "error", "code": "server_error", "message": "No result."}
MODERATION: Final = {"input": _UNKNOWN, "output": _UNKNOWN}
SCHEMA: Final = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": PARAMETERS}}
}


def message(edits: dict[str, Any], request: Any = ASK, document: Any = TEXT, **top: Any) -> Exchange:
    """An answer with edits of its message; `finish` and keys of the document by name."""
    changes: dict[str, Any] = {f"{MESSAGE}/{key}": value for key, value in edits.items()}
    if "finish" in top:
        changes[FINISH] = top.pop("finish")
    return completed({**changes, **{f"/{key}": value for key, value in top.items()}}, request, document)


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    return {
        **CHUNKS[0],
        "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}],
        **more,
    }


def without(document: Any, *keys: str) -> Any:
    return edited(document, dict.fromkeys(keys, GONE))


def obfuscated(chunks: list[Any], *, by: str = "x7Qp") -> list[Any]:
    return [{**one, "obfuscation": by[: position % (len(by) + 1)]} for position, one in enumerate(chunks)]


def of_two(chunks: list[Any]) -> list[Any]:
    """Two choices, one a chunk, taking turns."""
    return [edited(one, {"/choices/0/index": index}) for one in chunks for index in (0, 1)]


def failing(kind: str, *, usage: bool = False) -> bytes:
    error = {"error": {"message": "The model produced invalid content.", "type": kind, "param": None, "code": None}}
    zeros = {**USAGE_CHUNK, "usage": {**USAGE, "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}
    return events([*CHUNKS[:2], error, *([zeros] if usage else [])])


def token(said: str, logprob: float = -0.25, **more: Any) -> dict[str, Any]:
    alone = {"token": said, "logprob": logprob, "bytes": list(said.encode()), **more}
    return {**alone, "top_logprobs": [dict(alone)]}


def logprobs_stream() -> list[Any]:
    """First an empty list, then the tokens, and null at the end."""
    found = deepcopy(list(CHUNKS))
    found[0]["choices"][0]["logprobs"] = {"content": [], "refusal": None}
    for one, words in zip(found[1:3], (["It", " is"], [" sunny", "."]), strict=True):
        one["choices"][0]["logprobs"] = {"content": [token(word) for word in words], "refusal": None}
    return found


def parallel() -> list[Any]:
    """Two calls one after the other, after a delta that has neither a call nor a refusal."""
    second = {
        "tool_calls": [{"index": 1, "id": "call_2", "type": "function", "function": {"name": "get_weather", "arguments": ""}}]
    }
    first = {
        "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": ""}}]
    }
    more = {"tool_calls": [{"index": 1, "function": {"arguments": '{"city":"Rome"}'}}]}
    return [
        chunk({"role": "assistant", "content": None}),
        chunk(first),
        chunk(call_delta('{"city":"Paris"}')),
        chunk(second),
        chunk(more),
        chunk({}, "tool_calls"),
    ]


def error(status: int, type_: str, code: str | None, param: str | None = None, *, indent: int | None = None) -> Exchange:
    body = {"error": {"message": "It was refused.", "type": type_, "param": param, "code": code}}
    return replied(ASK, json.dumps(body, indent=indent).encode(), status=status)


def plain(status: int, content: bytes, media_type: str = "text/plain") -> Exchange:
    return replied(ASK, content, status=status, headers=(("content-type", media_type), ("date", "x")))


IN_2023: Final = [without(one, "/service_tier", "/choices/0/logprobs", "/system_fingerprint") for one in CHUNKS]

NOT_YET_IN_2023: Final = (
    *(f"{MESSAGE}/refusal", f"{MESSAGE}/annotations", "/choices/0/logprobs", "/service_tier", "/system_fingerprint"),
    *("/usage/prompt_tokens_details", "/usage/completion_tokens_details"),
)

ODDITIES: Final[dict[str, Exchange]] = {
    # ---- framing
    "a stream labelled without its charset, until 2024": wired(events(CHUNKS), headers=(("content-type", "text/event-stream"),)),
    "a stream with obfuscation, which may be empty": streamed(chunks=obfuscated(USAGE_CHUNKS), request=ASK_USAGE),
    "a chunk of moderation after that of the usage": streamed(
        chunks=[*USAGE_CHUNKS, {**USAGE_CHUNK, "usage": None, "moderation": MODERATION}], request=ASK_USAGE
    ),
    "one call in a stream, opened by the first delta": streamed(chunks=CALL_CHUNKS, request=ASK_STREAM_TOOLS),
    "parallel calls in a stream": streamed(chunks=parallel(), request=ASK_STREAM_TOOLS),
    "a stream that forces a function ends with stop": streamed(
        {f"/3{FINISH}": "stop"}, {**ASK_STREAM_TOOLS, **NAMED}, CALL_CHUNKS
    ),
    "two choices in turn": streamed(chunks=of_two(list(CHUNKS)), request={**ASK_STREAM, "n": 2}),
    "two choices, and the second ends first": streamed(
        chunks=[*of_two(list(CHUNKS[:3])), edited(CHUNKS[3], {"/choices/0/index": 1}), CHUNKS[3]], request={**ASK_STREAM, "n": 2}
    ),
    "log probabilities in a stream": streamed(chunks=logprobs_stream(), request={**ASK_LOGPROBS, "stream": True}),
    "a failure of the model within a stream": wired(failing("model_error")),
    "a failure of the server within a stream, with usage of zeros": wired(failing("server_error", usage=True), ASK_USAGE),
    "a stream of 2023": streamed(chunks=[*([edited(IN_2023[0], {f"{DELTA}/refusal": GONE})]), *IN_2023[1:]]),
    "a refusal in a stream": streamed(
        chunks=[CHUNKS[0], chunk({"refusal": "I'm"}), chunk({"refusal": " sorry."}), chunk({}, "stop")],
        request={**ASK_STREAM, **SCHEMA},
    ),
    "a stream that the filter ends": streamed({f"/3{FINISH}": "content_filter"}),
    "a stream whose limit went into reasoning": streamed(
        chunks=[CHUNKS[0], chunk({}, "length")], request={**ASK_STREAM, "max_completion_tokens": 1}
    ),
    "a stream of a legacy function": streamed(
        chunks=[
            chunk({"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": ""}}),
            chunk({"function_call": {"arguments": '{"city":"Paris"}'}}),
            chunk({}, "function_call"),
        ],
        request={**FUNCTIONS, "stream": True},
    ),
    "a stream of a forced legacy function": streamed(
        chunks=[
            chunk({"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": ""}}),
            chunk({"function_call": {"arguments": '{"city":"Paris"}'}}),
            chunk({}, "stop"),
        ],
        request={**FUNCTIONS, "stream": True, "function_call": {"name": "get_weather"}},
    ),
    "a stream of a custom tool": streamed(
        chunks=[
            chunk(
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"index": 0, "id": "call_2", "type": "custom", "custom": {"name": "run_sql", "input": ""}}],
                }
            ),
            chunk({"tool_calls": [{"index": 0, "custom": {"input": "SELECT 1"}}]}),
            chunk({}, "tool_calls"),
        ],
        request={**ASK_STREAM, **CUSTOM},
    ),
    "a stream of audio": streamed(
        chunks=[
            chunk({"role": "assistant", "refusal": None, "audio": {"id": "audio_1", "transcript": ""}}),
            chunk({"audio": {"transcript": "It is sunny."}}),
            chunk({"audio": {"data": "UklGRg=="}}),
            chunk({"audio": {"expires_at": 1_770_003_600}}),
            chunk({}, "stop"),
        ],
        request={**ASK_STREAM, "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}},
    ),
    "citations of a search in a stream": streamed(
        chunks=[*CHUNKS[:3], chunk({"annotations": [CITATION]}), CHUNKS[3]], request={**ASK_STREAM, "web_search_options": {}}
    ),
    "citations of a search on the last chunk": streamed(
        chunks=[*CHUNKS[:3], chunk({"annotations": [CITATION]}, "stop")], request={**ASK_STREAM, "web_search_options": {}}
    ),
    "the vision model of 2023 says finish_details in a stream": streamed(
        chunks=[
            *IN_2023[:3],
            edited(IN_2023[3], {FINISH: GONE, "/choices/0/finish_details": {"type": "stop", "stop": "<|fim_suffix|>"}}),
        ]
    ),
    "a stream of a model of search, whose id is a UUID": streamed(
        chunks=[without({**one, "id": UUID}, "/service_tier") for one in CHUNKS]
    ),
    "a stream without fingerprints": streamed(chunks=[{**one, "system_fingerprint": None} for one in CHUNKS]),
    # ---- bodies
    "an answer in two spaces": replied(ASK, json.dumps(TEXT, indent=2).encode()),
    "a compact answer of an old gateway": replied(ASK, json.dumps(TEXT, separators=(",", ":")).encode()),
    "an answer of a model of search": message(
        {"annotations": [CITATION]}, {**ASK, "web_search_options": {}}, without(TEXT, "/service_tier"), id=UUID
    ),
    "an answer before refusals, until August 2024": completed({f"{MESSAGE}/refusal": GONE}),
    "an answer before annotations, until March 2025": completed({f"{MESSAGE}/annotations": GONE}),
    "an answer of a reasoning model has no logprobs": completed({"/choices/0/logprobs": GONE}),
    "an answer without a service tier": completed({"/service_tier": GONE}),
    "another service tier": completed({"/service_tier": "priority"}),
    "no fingerprint": completed({"/system_fingerprint": None}),
    "an answer of 2023": completed(dict.fromkeys(NOT_YET_IN_2023, GONE)),
    "a text beside a call": message({"content": "I look it up."}, ASK_TOOLS, CALLED),
    "a forced function ends with stop": message({}, {**ASK_TOOLS, **NAMED}, CALLED, finish="stop"),
    "a forced function may end with tool_calls": message({}, {**ASK_TOOLS, **NAMED}, CALLED),
    "a required call ends with tool_calls": message({}, {**ASK_TOOLS, "tool_choice": "required"}, CALLED),
    "a legacy function": message({"content": None, "function_call": LEGACY_CALL}, FUNCTIONS, finish="function_call"),
    "a forced legacy function": message(
        {"content": None, "function_call": LEGACY_CALL}, {**FUNCTIONS, "function_call": {"name": "get_weather"}}, finish="stop"
    ),
    "a custom tool": message({"tool_calls": [CUSTOM_CALL]}, {**ASK, **CUSTOM}, CALLED),
    "a custom tool beside a function": message(
        {"tool_calls": [CALL, CUSTOM_CALL]}, {**ASK, "tools": [*ASK_TOOLS["tools"], *CUSTOM["tools"]]}, CALLED
    ),
    "an answer in audio": completed(
        {
            f"{MESSAGE}/content": None,
            f"{MESSAGE}/audio": AUDIO,
            "/choices/0/logprobs": GONE,
            "/usage/prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0, "text_tokens": 9, "image_tokens": 0},
            "/usage/completion_tokens_details/text_tokens": 3,
        },
        {**ASK, "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    ),
    "tokens written to a cache": completed({"/usage/prompt_tokens_details/cache_write_tokens": 4}),
    "an answer with moderation": completed({"/moderation": MODERATION}),
    "an answer with metadata": completed({"/metadata": {}}),
    "the vision model of 2023 says finish_details": completed(
        {FINISH: GONE, "/choices/0/finish_details": {"type": "max_tokens"}}, {**ASK, "max_tokens": 3}
    ),
    "three choices": completed({"/choices/-": edited(TEXT["choices"][0], {"/index": 1})}, {**ASK, "n": 2}),
    "log probabilities": completed(request=ASK_LOGPROBS, document=LOGPROBS),
    "log probabilities without alternatives": completed(
        {f"/choices/0/logprobs/content/{number}/top_logprobs": [] for number in range(3)}, {**ASK, "logprobs": True}, LOGPROBS
    ),
    "log probabilities of the parts of a character": completed(
        {
            f"{MESSAGE}/content": "🌞",
            "/choices/0/logprobs/content": [
                token("\\xf0\\x9f", bytes=[0xF0, 0x9F]),
                token("\\x8c\\x9e", bytes=[0x8C, 0x9E]),
            ],
        },
        ASK_LOGPROBS,
        LOGPROBS,
    ),
    "a log probability of nothing": completed(
        {"/choices/0/logprobs/content/0/top_logprobs/0/logprob": -9999.0, "/choices/0/logprobs/content/1/logprob": 0.0},
        ASK_LOGPROBS,
        LOGPROBS,
    ),
    "a refusal in place of JSON": message({"content": None, "refusal": "I'm sorry."}, {**ASK, **SCHEMA}),
    "JSON that was cut at its limit": message({"content": '{"ci'}, {**ASK, **SCHEMA, "max_tokens": 3}, finish="length"),
    "an answer that the filter took": message({"content": None}, finish="content_filter"),
    "an answer whose limit went into reasoning": completed(
        {f"{MESSAGE}/content": "", FINISH: "length", "/usage/completion_tokens_details/reasoning_tokens": 3},
        {**ASK, "max_completion_tokens": 3},
    ),
    "guesses that were rejected are counted": completed(
        {
            "/usage/completion_tokens": 30,
            "/usage/total_tokens": 39,
            "/usage/completion_tokens_details/rejected_prediction_tokens": 27,
        },
        {**ASK, "max_completion_tokens": 9, "prediction": {"type": "content", "content": "It is rainy."}},
    ),
    "a character torn at the limit": message({"content": "天�"}, {**ASK, "max_tokens": 3}, finish="length"),
    # ---- errors
    **{
        f"status {status} of type {type_}, code {code}": error(status, type_, code, param)
        for status, type_, code, param in (
            (400, "invalid_request_error", None, None),
            (400, "invalid_request_error", "invalid_value", "messages[1].content[0].type"),
            (400, "invalid_request_error", "invalid_type", "messages"),
            (400, "invalid_request_error", "unsupported_value", "temperature"),
            (400, "invalid_request_error", "unsupported_parameter", "max_tokens"),
            (400, "invalid_request_error", "unknown_parameter", "min_p"),
            (400, "invalid_request_error", "missing_required_parameter", "model"),
            (400, "invalid_request_error", "invalid_image_url", None),
            (400, "invalid_request_error", "invalid_image_format", None),
            (400, "invalid_request_error", "context_length_exceeded", "messages"),
            (401, "invalid_request_error", "invalid_api_key", None),
            (403, "invalid_request_error", "model_not_found", None),
            (404, "invalid_request_error", "model_not_found", None),
            (404, "invalid_request_error", None, "model"),
            (429, "tokens", "rate_limit_exceeded", None),
            (429, "requests", "rate_limit_exceeded", None),
            (429, "insufficient_quota", "insufficient_quota", None),
            (500, "server_error", None, None),
            (503, "service_unavailable_error", "server_is_overloaded", None),
        )
    },
    "an error in four spaces": error(401, "invalid_request_error", "invalid_api_key", indent=4),
    "an error with the reasons of a misalignment": refused(
        {"/error/misalignment": {"error_type": "x", "detailed_explanation": "y", "review_target": "z", "steer": None}},
        400,
        edited(ERROR, {"/error/code": None}),
    ),
    "an error with its charset": replied(
        ASK, json.dumps(ERROR).encode(), status=404, headers=(("content-type", "application/json; charset=utf-8"),)
    ),
    "status 500 with an empty body": plain(500, b""),
    "status 503 with an empty body": plain(503, b""),
    "status 503 of Envoy": plain(
        503, b"upstream connect error or disconnect/reset before headers. reset reason: connection termination"
    ),
    "status 502 with a page of the proxy": plain(502, b"<html><body>502 Bad Gateway</body></html>", "text/html"),
    # ---- models
    "the list of models": listed(),
    "a model that has a date of its end": listed({"/data/0/shutdown_date": "2027-01-01", "/data/1/shutdown_date": None}),
    "no model at all": listed({"/data": []}),
    "a model of one's own": listed({"/data/-": {**MODEL, "id": "ft:gpt-4o-mini:org::abc", "owned_by": "org-1"}}),
}


@pytest.mark.parametrize("name", ODDITIES)
def test_what_openai_does_is_held_against_nobody(name: str) -> None:
    findings, _, raised = judge.standing(ODDITIES[name])
    assert ([], None) == ([(one.rule, one.message, one.at) for one in findings if one.level is not Level.MAY], raised)
