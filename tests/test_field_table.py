"""The deviations that recorded traffic shows of each host, one example each, made here: every one is found by its rule.

test_calibration holds the same against real recordings; here are also those that no recording at hand contains, and
variants of them. What is in the table and no defect (a UUID for an id, a whole call in one delta, `content: ""` beside a
call, keys that nobody but OpenAI sends) is left out: it must not be found.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from exchanges import (
    ASK,
    ASK_STREAM,
    ASK_STREAM_TOOLS,
    ASK_TOOLS,
    ASK_USAGE,
    CALL_CHUNKS,
    CALLED,
    CHUNKS,
    GONE,
    TEXT,
    USAGE,
    USAGE_CHUNK,
    USAGE_CHUNKS,
    completed,
    edited,
    events,
    listed,
    replied,
    streamed,
    wired,
)

from harness import judge
from harness.model import Exchange

MESSAGE: Final = "/choices/0/message"
CALL: Final = f"{MESSAGE}/tool_calls/0"
FINISH: Final = "/choices/0/finish_reason"
DELTA: Final = "/choices/0/delta"
DELTA_CALL: Final = f"{DELTA}/tool_calls/0"
LAST: Final = len(CHUNKS) - 1
AT_ONCE: Final = {
    "index": 0,
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
}
OPENING: Final = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []}


def each(pointer: str, value: Any, chunks: Any = CHUNKS) -> dict[str, Any]:
    """The same edit of every chunk."""
    return {f"/{number}{pointer}": value for number in range(len(chunks))}


def error(status: int, body: Any, media_type: str = "application/json") -> Exchange:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return replied(ASK, content, status=status, headers=(("content-type", media_type), ("x-request-id", "r")))


def called(edits: dict[str, Any], request: Any = ASK_TOOLS) -> Exchange:
    return completed(edits, request, CALLED)


def calls(edits: dict[str, Any], request: Any = ASK_STREAM_TOOLS) -> Exchange:
    return streamed(edits, request, CALL_CHUNKS)


def usage_on(number: int, usage: Any = USAGE, request: Any = ASK_STREAM) -> Exchange:
    return streamed({f"/{number}/usage": usage}, request)


def moved(key: str, values: list[Any]) -> Exchange:
    return streamed({f"/{number}/{key}": value for number, value in enumerate(values)})


def with_choice_on_usage(choice: dict[str, Any]) -> Exchange:
    return streamed({f"/{len(USAGE_CHUNKS) - 1}/choices": [choice]}, ASK_USAGE, USAGE_CHUNKS)


NEVER_FINISHED: Final = {f"/{LAST}{FINISH}": None}
PLAIN: Final = events(CHUNKS)

TABLE: Final[list[tuple[str, str, Exchange, str]]] = [
    # host, what it does, an exchange that does it, the rule that says so
    ("OpenRouter", "a tier of its own", completed({"/service_tier": "standard"}), "contract.observed"),
    (
        "OpenRouter",
        "extra keys",
        completed({"/provider": "X", "/choices/0/native_finish_reason": "stop"}),
        "document.has-only-known-fields",
    ),
    ("OpenRouter", "an index in the call of a body", called({f"{CALL}/index": 0}), "document.has-only-known-fields"),
    ("OpenRouter", "id null in later deltas", calls({f"/1{DELTA_CALL}/id": None}), "tools.later-deltas-add-arguments-alone"),
    (
        "OpenRouter",
        "name null in later deltas",
        calls({f"/1{DELTA_CALL}/function/name": None}),
        "tools.later-deltas-add-arguments-alone",
    ),
    ("OpenRouter", "type empty in later deltas", calls({f"/1{DELTA_CALL}/type": ""}), "tools.later-deltas-add-arguments-alone"),
    (
        "OpenRouter",
        "annotations of another type",
        completed({f"{MESSAGE}/annotations": [{"type": "file", "file": {}}]}),
        "contract.observed",
    ),
    ("OpenRouter", "a finish that is null", completed({FINISH: None}), "finish.is-given"),
    ("OpenRouter", "no finish", completed({FINISH: GONE}), "finish.is-given"),
    ("OpenRouter", "empty arguments", called({f"{CALL}/function/arguments": ""}), "tools.arguments-are-not-empty"),
    (
        "OpenRouter",
        "empty arguments in a stream",
        calls({f"/1{DELTA_CALL}/function/arguments": "", f"/2{DELTA_CALL}/function/arguments": ""}),
        "tools.arguments-are-not-empty",
    ),
    ("OpenRouter", "no arguments", called({f"{CALL}/function/arguments": GONE}), "tools.arguments-are-text"),
    ("OpenRouter", "comments before the first event", wired(b": OPENROUTER PROCESSING\n\n" + PLAIN), "framing.no-comments"),
    ("OpenRouter", "padding before a body", replied(ASK, b"\n         \n" + json.dumps(TEXT).encode()), "reply.begins-at-once"),
    ("OpenRouter", "the role in every delta", streamed(each(f"{DELTA}/role", "assistant")), "stream.role-comes-once"),
    (
        "OpenRouter",
        "a choice beside the usage",
        with_choice_on_usage({"index": 0, "delta": {"content": ""}, "finish_reason": None}),
        "usage.stands-alone",
    ),
    (
        "OpenRouter",
        "a second finish beside the usage",
        with_choice_on_usage({"index": 0, "delta": {}, "finish_reason": "stop"}),
        "finish.comes-once",
    ),
    (
        "OpenRouter",
        "the first call is 1",
        calls(each(f"{DELTA_CALL}/index", 1, CALL_CHUNKS[:3])),
        "tools.indexes-count-from-zero",
    ),
    (
        "OpenRouter",
        "fingerprints that vary",
        moved("system_fingerprint", ["fp_1", "fp_2", "fp_1", "fp_2"]),
        "stream.one-fingerprint",
    ),
    ("OpenRouter", "usage unasked", streamed(chunks=[*CHUNKS, USAGE_CHUNK]), "usage.comes-only-when-asked"),
    ("OpenRouter", "a number for a code", error(402, {"error": {"message": "no", "code": 402}}), "errors.code-is-text"),
    ("OpenRouter", "no type and no param", error(402, {"error": {"message": "no", "code": "x"}}), "contract.observed"),
    (
        "OpenRouter",
        "a failure on a chunk",
        streamed({f"/{LAST}/error": {"code": 502, "message": "no"}, **NEVER_FINISHED}),
        "errors.code-is-text",
    ),
    ("Mistral", "a call without type", called({f"{CALL}/type": GONE}), "contract.observed"),
    (
        "Mistral",
        "content is a list",
        completed({f"{MESSAGE}/content": [{"type": "thinking"}, {"type": "text", "text": "x"}]}),
        "message.content-is-text",
    ),
    (
        "Mistral",
        "content is a list in a stream",
        streamed({f"/1{DELTA}/content": [{"type": "thinking", "thinking": []}]}),
        "message.content-is-text",
    ),
    ("Mistral", "no calls are null", completed({f"{MESSAGE}/tool_calls": None}), "tools.none-is-no-key"),
    ("Mistral", "a total that is no sum", completed({"/usage/total_tokens": 99}), "usage.adds-up"),
    ("Mistral", "padding in a key of its own", streamed(each("/p", "abc")), "document.has-only-known-fields"),
    ("Mistral", "usage with the finish, unasked", usage_on(LAST), "usage.comes-only-when-asked"),
    ("Mistral", "usage with the finish", usage_on(LAST, request=ASK_USAGE), "usage.stands-alone"),
    ("Mistral", "a call without index", calls({f"/0{DELTA_CALL}/index": GONE}), "stream.tool-delta-index"),
    ("Mistral", "a call without type in a stream", calls({f"/0{DELTA_CALL}/type": GONE}), "tools.first-delta-has-the-type"),
    (
        "Mistral",
        "a call with the finish",
        streamed({f"/{LAST}{DELTA}/tool_calls": [AT_ONCE], f"/{LAST}{FINISH}": "tool_calls"}, ASK_STREAM_TOOLS),
        "finish.last-delta-is-empty",
    ),
    (
        "Mistral",
        "a flat error",
        error(400, {"object": "error", "message": "no", "type": "x", "param": None, "code": "3230"}),
        "errors.under-error",
    ),
    ("Mistral", "detail", error(401, {"detail": "Unauthorized"}), "errors.under-error"),
    ("Mistral", "a message alone", error(401, {"message": "Unauthorized", "request_id": "r"}), "errors.under-error"),
    ("DeepSeek", "models without date", listed({"/data/0/created": GONE}), "contract.observed"),
    ("DeepSeek", "its own reasoning", completed({f"{MESSAGE}/reasoning_content": "so"}), "document.has-only-known-fields"),
    ("DeepSeek", "keep-alives", wired(b": keep-alive\n\n" + PLAIN), "framing.no-comments"),
    ("DeepSeek", "line feeds before a body", replied(ASK, b"\n\n\n" + json.dumps(TEXT).encode()), "reply.begins-at-once"),
    (
        "DeepSeek",
        "an error as bytes",
        error(400, {"error": {"message": "no", "type": "x", "param": None, "code": None}}, "application/octet-stream"),
        "headers.error-content-type",
    ),
    ("DeepSeek", "422 in plain text", error(422, "Failed to deserialize the JSON body", "text/plain"), "errors.is-json-object"),
    ("DeepSeek", "422", error(422, "Failed to deserialize the JSON body", "text/plain"), "errors.malformed-is-400"),
    (
        "Ollama",
        "created moves",
        moved("created", [1_770_000_000, 1_770_000_001, 1_770_000_002, 1_770_000_003]),
        "stream.one-created",
    ),
    (
        "Ollama",
        "a whole call without index",
        calls({f"/0{DELTA}/tool_calls": [{k: v for k, v in AT_ONCE.items() if k != "index"}]}),
        "stream.tool-delta-index",
    ),
    ("Ollama", "include_usage is ignored", streamed(request=ASK_USAGE), "usage.comes-when-asked"),
    ("GPUStack", "no [DONE]", wired(events(CHUNKS, done=False)), "stream.ends-with-done"),
    ("GPUStack", "no role", streamed({f"/0{DELTA}/role": GONE}), "stream.role-comes-first"),
    (
        "GPUStack",
        "a bare error line",
        wired(events(CHUNKS[:2], done=False) + b'error: {"code":500}\n\n'),
        "framing.no-stray-lines",
    ),
    ("GPUStack", "models as items", listed(document={"items": [], "pagination": {}}), "models.are-under-data"),
    ("vLLM", "an empty list of calls", completed({f"{MESSAGE}/tool_calls": []}), "tools.none-is-no-key"),
    ("vLLM", "an empty list of calls in deltas", streamed(each(f"{DELTA}/tool_calls", [])), "tools.none-is-no-key"),
    ("vLLM", "null for a legacy call", completed({f"{MESSAGE}/function_call": None}), "contract.observed"),
    ("vLLM", "null for annotations", completed({f"{MESSAGE}/annotations": None}), "contract.observed"),
    ("vLLM", "text with the finish", streamed({f"/{LAST}{DELTA}/content": "!"}), "finish.last-delta-is-empty"),
    ("Hyperbolic", "usage in every chunk", streamed(each("/usage", USAGE), ASK_USAGE), "usage.comes-once"),
    (
        "Hyperbolic",
        "a flat error",
        error(400, {"object": "error", "message": "no", "type": "x", "param": None, "code": 400}),
        "errors.under-error",
    ),
    (
        "Hyperbolic",
        "a list of details",
        error(422, {"detail": [{"loc": ["body"], "msg": "no", "type": "x"}]}),
        "errors.under-error",
    ),
    ("Azure", "an empty first chunk", streamed(chunks=[OPENING, *CHUNKS]), "stream.opens-with-a-choice"),
    ("Azure", "a chunk of the filter without delta", streamed({f"/1{DELTA}": GONE}), "stream.delta-is-an-object"),
    (
        "Azure",
        "a filtered choice without message",
        completed({MESSAGE: GONE, "/choices/0/content_filter_result": {"error": {}}}),
        "contract.ecosystem",
    ),
    (
        "Azure",
        "an error without type and param",
        error(404, {"error": {"code": "DeploymentNotFound", "message": "no"}}),
        "contract.observed",
    ),
    (
        "Azure",
        "an error with 200",
        replied(ASK, b'{"error":{"code":"x","message":"no","status":400,"innererror":{}}}'),
        "errors.not-with-200",
    ),
    ("Azure", "keys of the filter", completed({"/prompt_filter_results": []}), "document.has-only-known-fields"),
    ("Azure Foundry", "no finish key", streamed({f"/1{FINISH}": GONE}), "stream.finish-reason-is-always-there"),
    ("Azure Foundry", "role null", streamed({f"/1{DELTA}/role": None}), "contract.observed"),
    ("Azure Foundry", "details null", completed({"/usage/prompt_tokens_details": None}), "contract.observed"),
    ("Azure Foundry", "one line feed at the end", wired(PLAIN[:-1]), "framing.blank-line-at-end"),
    ("Azure Foundry", "413 in plain text", error(413, "too large", "text/plain"), "errors.is-json-object"),
    ("Azure Foundry", "a legacy call's id", calls({f"/0{DELTA_CALL}/function/call_id": None}), "document.has-only-known-fields"),
    ("GitHub Models", "429 in plain text, labelled JSON", error(429, "Too many requests."), "errors.is-json-object"),
    (
        "xAI",
        "the finish key at the end alone",
        streamed({f"/{number}{FINISH}": GONE for number in range(LAST)}),
        "stream.finish-reason-is-always-there",
    ),
    (
        "xAI",
        "reasoning beside the completion",
        completed({"/usage/total_tokens": 30, "/usage/completion_tokens_details/reasoning_tokens": 18}),
        "usage.adds-up",
    ),
    (
        "xAI",
        "more reasoning than completion",
        completed({"/usage/completion_tokens_details/reasoning_tokens": 18}),
        "usage.details-are-part-of-it",
    ),
    ("xAI", "an error that is a text", error(400, {"code": "invalid", "error": "no"}), "errors.error-is-an-object"),
    ("Perplexity", "chunks called completions", streamed(each("/object", "chat.completion")), "stream.object-is-named"),
    (
        "Perplexity",
        "the last chunk is called done",
        streamed({f"/{LAST}/object": "chat.completion.done"}),
        "stream.object-is-named",
    ),
    ("Perplexity", "CRLF", wired(PLAIN.replace(b"\n", b"\r\n")), "framing.line-feeds-only"),
    ("Perplexity", "pings", wired(b": ping - 2026-11-23\n\n" + PLAIN), "framing.no-comments"),
    (
        "Perplexity",
        "the message so far in chunks",
        streamed({"/1/choices/0/message": {"role": "assistant", "content": "It is"}}),
        "stream.no-message",
    ),
    (
        "Perplexity",
        "a delta in a body",
        completed({"/choices/0/delta": {"role": "assistant", "content": ""}}),
        "document.has-only-known-fields",
    ),
    ("Perplexity", "401 as a page", error(401, "<html>no</html>", "text/html"), "errors.is-json-object"),
    ("Groq", "no content beside calls", called({f"{MESSAGE}/content": GONE}), "tools.content-is-there-beside-calls"),
    ("Groq", "its own tier", completed({"/service_tier": "on_demand"}), "contract.observed"),
    (
        "Groq",
        "a named error event",
        wired(events(CHUNKS[:2], done=False) + b'event: error\ndata: {"error":{"message":"no"}}\n\n'),
        "framing.no-named-events",
    ),
    (
        "Groq",
        "no [DONE] after an error",
        wired(events(CHUNKS[:2], done=False) + b'event: error\ndata: {"error":{"message":"no"}}\n\n'),
        "stream.ends-with-done",
    ),
    ("Groq", "two ids", moved("id", ["chatcmpl-1", "chatcmpl-1", "chatcmpl-2", "chatcmpl-2"]), "stream.one-id"),
    (
        "Groq",
        "an error without param",
        error(400, {"error": {"message": "no", "type": "x", "code": "y", "failed_generation": ""}}),
        "contract.observed",
    ),
    ("Together", "eos", completed({FINISH: "eos"}), "finish.is-known"),
    ("Together", "calls null in deltas", streamed(each(f"{DELTA}/tool_calls", None)), "tools.none-is-no-key"),
    ("Hugging Face", "another operation's name", completed({"/object": "text_completion"}), "document.object-is-named"),
    (
        "Hugging Face",
        "another operation's name in a stream",
        streamed(each("/object", "text_completion")),
        "stream.object-is-named",
    ),
    ("Hugging Face", "an empty id", completed({"/id": ""}), "document.id-is-not-empty"),
    ("Hugging Face", "eos_token", completed({FINISH: "eos_token"}), "finish.is-known"),
    ("Hugging Face", "a number for a call's id", called({f"{CALL}/id": 0}), "tools.call-has-an-id"),
    (
        "Hugging Face",
        "arguments are an object",
        called({f"{CALL}/function/arguments": {"city": "Paris"}}),
        "tools.arguments-are-text",
    ),
    ("Hugging Face", "no space", wired(PLAIN.replace(b"data: ", b"data:")), "framing.space-after-colon"),
    ("Hugging Face", "a control word", streamed({f"/{LAST}{DELTA}/content": "</s>"}), "message.has-no-template-words"),
    (
        "Hugging Face",
        "an error that is a text",
        error(424, {"error": "no", "error_type": "generation"}),
        "errors.error-is-an-object",
    ),
    ("Hugging Face", "422 in plain text", error(422, "no", "text/plain"), "errors.is-json-object"),
    ("Gemini", "chunks without id", streamed(each("/id", GONE)), "contract.ecosystem"),
    ("Gemini", "an empty id of a call", called({f"{CALL}/id": ""}), "tools.call-has-an-id"),
    ("Gemini", "an empty id of a call in a stream", calls({f"/0{DELTA_CALL}/id": ""}), "tools.first-delta-has-the-id"),
    ("Gemini", "stop with calls", called({FINISH: "stop"}), "finish.tool-calls-finish-so"),
    ("Gemini", "stop with calls in a stream", calls({f"/3{FINISH}": "stop"}), "finish.tool-calls-finish-so"),
    ("Z.ai", "no object", completed({"/object": GONE}), "contract.ecosystem"),
    ("Z.ai", "no object in chunks", streamed(each("/object", GONE)), "contract.ecosystem"),
    ("Z.ai", "two finishes", streamed(chunks=[*CHUNKS, CHUNKS[LAST]]), "finish.comes-once"),
    ("Vercel", "usage with the finish", usage_on(LAST, request=ASK_USAGE), "usage.stands-alone"),
    (
        "Databricks",
        "counts that are null",
        streamed(each("/usage", {**USAGE, "completion_tokens": None}), ASK_USAGE),
        "usage.counts-are-integers",
    ),
    ("Cloudflare", "no usage", completed({"/usage": GONE}), "usage.is-there"),
    ("Cloudflare", "content is an object", completed({f"{MESSAGE}/content": {"city": "Paris"}}), "message.content-is-text"),
    ("Snowflake", "an empty finish", completed({FINISH: ""}), "finish.is-not-empty"),
    ("Snowflake", "an empty tier", completed({"/service_tier": ""}), "contract.observed"),
    (
        "Snowflake",
        "empty objects for nothing",
        completed({f"{MESSAGE}/audio": {}, f"{MESSAGE}/function_call": {}}),
        "contract.ecosystem",
    ),
    ("Snowflake", "never finishes", streamed(NEVER_FINISHED), "finish.arrives"),
    (
        "LiteLLM",
        "an empty choice after the end",
        streamed(chunks=[*CHUNKS, edited(CHUNKS[1], {DELTA: {}})]),
        "finish.no-choice-follows",
    ),
    (
        "LiteLLM",
        "a type made of nothing",
        error(400, {"error": {"message": "no", "type": "None", "param": "None", "code": "400"}}),
        "errors.type-and-param-are-text",
    ),
    ("LiteLLM", "its own options on chunks", streamed(each("/stream_options", {})), "document.has-only-known-fields"),
    ("Avian", "the id changes", moved("id", ["a", "a", "b", "b"]), "stream.one-id"),
]


@pytest.mark.parametrize(("host", "what", "exchange", "rule"), TABLE, ids=[f"{host}: {what}" for host, what, _, _ in TABLE])
def test_a_deviation_of_the_field_is_found(host: str, what: str, exchange: Exchange, rule: str) -> None:
    findings, _, raised = judge.standing(exchange)
    assert raised is None
    assert rule in {one.rule for one in findings}


@pytest.mark.parametrize(
    "legal",
    [
        completed({"/id": "2d0a5a42-3f0d-4c6f-9d0c-2f1d8c6c3f55"}),
        called({f"{MESSAGE}/content": "", f"{CALL}/id": "a1B2c3D4e"}),
        streamed(
            {f"/0{DELTA}/tool_calls": [AT_ONCE], f"/1{DELTA}": {}, f"/2{DELTA}": {}, f"/3{FINISH}": "tool_calls"},
            ASK_STREAM_TOOLS,
        ),
        streamed({f"/0{DELTA}/refusal": GONE, **each("/system_fingerprint", None), **each("/service_tier", GONE)}),
        completed({f"{MESSAGE}/refusal": GONE, f"{MESSAGE}/annotations": GONE, "/usage/prompt_tokens_details": GONE}),
    ],
    ids=["a UUID", "an empty text beside a call", "a whole call in one delta", "a bare stream", "a bare answer"],
)
def test_what_is_rare_and_legal_is_not(legal: Exchange) -> None:
    findings, _, raised = judge.standing(legal)
    assert ([], None) == ([(one.rule, one.message) for one in findings if one.level != "may"], raised)
