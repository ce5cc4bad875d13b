"""Each standing rule reports the exchange that breaks it, alone, and is silent where everything is in order."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
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
    MODELS,
    PARAMETERS,
    TEXT,
    TOOLS,
    USAGE,
    USAGE_CHUNKS,
    call_delta,
    completed,
    edited,
    events,
    listed,
    refused,
    replied,
    retrieved,
    streamed,
    wired,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import judge
from harness.answer import exchange
from harness.model import Ending, Evidence, Exchange, Frame, Level, Reply, Request
from harness.rule import Rule, all_rules

HTML: Final = b"<!DOCTYPE html><html><body>Welcome</body></html>"
NAMED: Final = {**ASK_TOOLS, "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}
LEGACY: Final = {**ASK, "functions": [{"name": "get_weather", "parameters": PARAMETERS}]}
STRICT: Final = {**ASK, "tools": edited(TOOLS, {"/0/function/strict": True})}
SCHEMA: Final = {
    **ASK,
    "response_format": {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": PARAMETERS}},
}
CAFE: Final = {**ASK, "messages": [{"role": "user", "content": "Is the café open?"}]}
EURO: Final = {**ASK, "messages": [{"role": "user", "content": "Does it cost €5?"}]}
JSON_OBJECT: Final = {**ASK, "response_format": {"type": "json_object"}}
CONTENT: Final = "/choices/0/message/content"
FINISH: Final = "/choices/0/finish_reason"
DELTA: Final = "/choices/0/delta"
FIRST_CALL: Final = f"/0{DELTA}/tool_calls/0"
MESSAGE_CALL: Final = "/choices/0/message/tool_calls/0"
_MODERATED: Final = {"type": "error", "code": "server_error", "message": "No result."}
MODERATION: Final = {"input": _MODERATED, "output": _MODERATED}
BYTES: Final = events(CHUNKS)

Broken = tuple[str, Exchange, set[str]]


def said(text: str, **how: Any) -> Exchange:
    return completed({CONTENT: text}, **how)


def headed(*headers: tuple[str, str], content: bytes = json.dumps(TEXT).encode(), **how: Any) -> Exchange:
    return replied(how.pop("request", ASK), content, headers=(("x-request-id", "req_1"), *headers), **how)


def two_calls(second: dict[str, Any], *, index: int = 1) -> list[Any]:
    """The stream of a call, and then the whole of a second one in one delta."""
    extra = deepcopy(CALL_CHUNKS[1])
    extra["choices"][0]["delta"] = {"tool_calls": [{"index": index, **second}]}
    return [*CALL_CHUNKS[:3], extra, CALL_CHUNKS[3]]


def spoken(*contents: str) -> Exchange:
    """A stream of these deltas, as JSON that ASCII can write."""
    deltas = [edited(CHUNKS[1], {f"{DELTA}/content": content}) for content in contents]
    chunks = [json.dumps(chunk) for chunk in (CHUNKS[0], *deltas, CHUNKS[-1])]
    return wired("".join(f"data: {chunk}\n\n" for chunk in (*chunks, "[DONE]")).encode())


def burst(chunks: int, first_ms: float, each_ms: float) -> Exchange:
    """A stream whose chunks come one by one, each in a frame."""
    texts = [edited(CHUNKS[1], {f"{DELTA}/content": f"{number} "}) for number in range(chunks)]
    frames = [events([chunk], done=False) for chunk in (CHUNKS[0], *texts, CHUNKS[-1])] + [b"data: [DONE]\n\n"]
    return exchange(
        Request(method="POST", path="/chat/completions", body=ASK_STREAM),
        Reply(
            status=200,
            headers=(("content-type", "text/event-stream"), ("x-request-id", "r")),
            frames=tuple(Frame(at_ms=first_ms + each_ms * number, data=data) for number, data in enumerate(frames)),
        ),
    )


BROKEN: Final[list[Broken]] = [
    # rule, the exchange that breaks it, what else must report it (each for a reason)
    ("asked.json-is-json", said("```json\n{}\n```", request=JSON_OBJECT), set()),
    ("asked.json-is-json", said("[]", request=JSON_OBJECT), set()),
    ("asked.json-is-json", said("Sure!", request=SCHEMA), set()),
    ("asked.nothing-is-called-when-forbidden", completed(request={**ASK_TOOLS, "tool_choice": "none"}, document=CALLED), set()),
    (
        "asked.one-call-at-a-time",
        completed(
            {"/choices/0/message/tool_calls/-": {**CALL, "id": "call_2"}},
            {**ASK_TOOLS, "parallel_tool_calls": False},
            CALLED,
        ),
        set(),
    ),
    ("asked.stop-is-not-in-the-text", said("one two three", request={**ASK, "stop": "two"}), set()),
    ("asked.stop-is-not-in-the-text", streamed(request={**ASK_STREAM, "stop": ["x", "is sun"]}), set()),
    (
        "asked.strict-arguments-follow-the-schema",
        completed({f"{MESSAGE_CALL}/function/arguments": '{"city":7}'}, STRICT, CALLED),
        set(),
    ),
    ("asked.strict-schema-is-followed", said('{"town":"Paris"}', request=SCHEMA), set()),
    ("asked.tokens-are-limited", completed(request={**ASK, "max_tokens": 2}), set()),
    ("choices.index-is-an-integer", completed({"/choices/0/index": GONE}), set()),
    ("choices.index-is-an-integer", streamed({"/1/choices/0/index": "0"}), set()),
    ("choices.index-is-within-n", streamed({"/1/choices/0/index": 1}), {"finish.arrives", "stream.role-comes-first"}),
    ("choices.index-is-within-n", completed({"/choices/0/index": 1}), set()),
    ("choices.indexes-differ", completed({"/choices/-": TEXT["choices"][0]}, {**ASK, "n": 2}), set()),
    ("choices.there-is-one", completed({"/choices": []}), set()),
    ("choices.there-is-one", completed({"/choices": GONE}), set()),
    ("document.created-is-in-seconds", completed({"/created": 1_770_000_000_000}), set()),
    ("document.has-only-known-fields", completed({"/choices/0/message/reasoning": "Hm."}), {"usage.thinking-is-counted"}),
    ("document.has-only-known-fields", streamed({f"/1{DELTA}/reasoning": "Hm."}), set()),
    ("document.id-is-not-empty", completed({"/id": ""}), set()),
    ("document.model-is-not-empty", completed({"/model": ""}), set()),
    ("document.object-is-named", completed({"/object": "text_completion"}), set()),
    ("errors.code-is-text", refused({"/error/code": 404}), set()),
    ("errors.code-is-text", streamed({"/3": edited(ERROR, {"/error/code": 502})}), set()),
    ("errors.error-is-an-object", refused({"/error": "No such model."}), set()),
    ("errors.is-json-object", replied(ASK, HTML, status=404, headers=(("x-request-id", "r"),)), set()),
    ("errors.is-json-object", replied(ASK, b"", status=401, headers=(("x-request-id", "r"),)), set()),
    ("errors.is-json-object", replied(ASK, b"[]", status=400), set()),
    ("errors.malformed-is-400", refused({"/error/code": None}, status=422), set()),
    ("errors.message-is-text", refused({"/error/message": ["a", "b"]}), set()),
    ("errors.message-is-text", refused({"/error/message": " "}), set()),
    ("errors.not-with-200", completed(document=ERROR), set()),
    ("errors.not-with-200", replied(ASK_STREAM, json.dumps(ERROR).encode()), set()),
    ("errors.not-with-200", completed({"/error": ERROR["error"]}), set()),
    ("errors.not-with-200", replied(None, json.dumps(ERROR).encode(), method="GET"), set()),
    ("errors.message-is-no-json", refused({"/error/message": json.dumps(ERROR)}), set()),
    ("errors.message-is-no-json", refused({"/error/message": '\n[{"loc": ["body"]}] '}), set()),
    ("errors.type-is-known", refused({"/error/type": "BadRequestError"}), set()),
    ("errors.status-fits-code", refused(status=400), set()),
    ("errors.type-and-param-are-text", refused({"/error/param": 7}), set()),
    ("errors.type-and-param-are-text", refused({"/error/type": "None"}), set()),
    ("errors.under-error", refused(document={"detail": "Not found"}), set()),
    ("finish.arrives", streamed({f"/3{FINISH}": None}), set()),
    ("finish.comes-once", streamed({"/-": CHUNKS[-1]}), set()),
    (
        "finish.function-call-finishes-so",
        completed({"/choices/0/message/function_call": CALL["function"], CONTENT: None}, LEGACY),
        set(),
    ),
    ("finish.is-given", completed({FINISH: None}), set()),
    ("finish.is-given", completed({FINISH: GONE}), set()),
    ("finish.is-known", completed({FINISH: "eos"}), set()),
    ("finish.is-known", streamed({f"/3{FINISH}": "STOP"}), set()),
    ("finish.is-not-empty", streamed({f"/1{FINISH}": ""}), set()),
    ("finish.last-delta-is-empty", streamed({f"/3{DELTA}": {"content": "!"}}), set()),
    ("finish.no-choice-follows", streamed({"/-": edited(CHUNKS[1], {f"{DELTA}": {}})}), set()),
    ("finish.no-choice-follows", streamed(chunks=[*CHUNKS, edited(CHUNKS[0], {f"{DELTA}/role": GONE})]), set()),
    ("finish.nothing-follows", streamed({"/-": CHUNKS[1]}), set()),
    ("finish.tool-calls-finish-so", completed({FINISH: "stop"}, ASK_TOOLS, CALLED), set()),
    ("finish.tool-calls-finish-so", streamed({f"/3{FINISH}": "stop"}, ASK_STREAM_TOOLS, CALL_CHUNKS), set()),
    ("finish.tool-calls-has-calls", completed({FINISH: "tool_calls"}), set()),
    ("framing.blank-line-at-end", wired(BYTES.removesuffix(b"\n")), set()),
    ("framing.data-is-json", wired(BYTES.replace(b"data: [DONE]", b"data: : PROCESSING\n\ndata: [DONE]")), set()),
    ("framing.line-feeds-only", wired(BYTES.replace(b"\n", b"\r\n")), set()),
    ("framing.no-byte-order-mark", wired(b"\xef\xbb\xbf" + BYTES), set()),
    ("framing.no-comments", wired(b": ping\n\n" + BYTES), set()),
    ("framing.no-named-events", wired(b"event: chunk\n" + BYTES), set()),
    ("framing.no-stray-lines", wired(b"error: {}\n" + BYTES), set()),
    ("framing.no-stray-lines", wired(BYTES + b"<html>"), set()),
    ("framing.one-line-per-event", wired(BYTES.replace(b'"choices":', b'\ndata: "choices":')), set()),
    ("framing.space-after-colon", wired(BYTES.replace(b"data: ", b"data:")), set()),
    ("framing.utf-8", wired(BYTES.replace(b'"It is"', b'"It is \xff"')), set()),
    ("headers.allows-the-origin", completed(request_headers=(("origin", "https://chat.example"),)), set()),
    ("headers.error-content-type", refused(headers=(("content-type", "text/plain"), ("x-request-id", "r"))), set()),
    ("headers.event-stream-content-type", headed(("content-type", "text/plain"), content=BYTES, request=ASK_STREAM), set()),
    ("headers.json-content-type", headed(("content-type", "text/plain")), set()),
    ("headers.json-content-type", headed(), set()),
    ("headers.request-id", completed(headers=(("content-type", "application/json"),)), set()),
    ("headers.retry-advice-is-readable", headed(("content-type", "application/json"), ("retry-after", "soon")), set()),
    ("headers.retry-advice-is-readable", completed(earlier=(Reply(status=429, headers=(("retry-after-ms", "1s"),)),)), set()),
    ("logprobs.are-as-many-as-asked", completed(request={**ASK, "logprobs": True}, document=LOGPROBS), set()),
    ("logprobs.are-not-positive", completed({"/choices/0/logprobs/content/0/logprob": 0.5}, ASK_LOGPROBS, LOGPROBS), set()),
    (
        "logprobs.have-the-shape-of-chat",
        completed({"/choices/0/logprobs": {"tokens": ["It"], "token_logprobs": [-0.5]}}, ASK_LOGPROBS),
        set(),
    ),
    (
        "logprobs.have-the-shape-of-chat",
        completed({"/choices/0/logprobs/content/1/top_logprobs": GONE}, ASK_LOGPROBS, LOGPROBS),
        set(),
    ),
    ("logprobs.spell-the-content", completed({"/choices/0/logprobs/content/1": GONE}, ASK_LOGPROBS, LOGPROBS), set()),
    (
        "message.answer-is-not-all-reasoning",
        completed({CONTENT: "", "/choices/0/message/reasoning": "It is sunny."}),
        {"document.has-only-known-fields", "usage.thinking-is-counted"},
    ),
    ("message.thinking-is-kept-apart", said("<think>It may rain.</think>It is sunny."), set()),
    ("message.content-is-text", said([{"type": "text", "text": "Hi"}]), set()),  # type: ignore[arg-type]
    ("message.content-is-text", streamed({f"/1{DELTA}/content": {"text": "Hi"}}), set()),
    ("message.content-is-there", completed({CONTENT: GONE}), set()),
    ("message.has-no-replacement-characters", said("Gr\ufffd\ufffde"), set()),
    ("message.has-no-replacement-characters", streamed({f"/2{DELTA}/content": "\ufffd"}), set()),
    ("message.has-no-template-words", said("It is sunny.<|im_end|>"), set()),
    ("message.role-is-assistant", completed({"/choices/0/message/role": "model"}), set()),
    ("models.are-under-data", listed(document=[MODEL]), set()),
    ("models.are-under-data", listed({"/data": GONE}), set()),
    ("models.each-has-an-id", listed({"/data/0/id": GONE}), set()),
    ("models.each-has-an-id", listed({"/data/1": "m-1"}), set()),
    ("models.ids-differ", listed({"/data/-": MODEL}), set()),
    ("models.retrieved-is-the-one-asked-for", retrieved("m-2"), set()),
    ("reply.complete", completed(ended=Ending.TIMED_OUT), set()),
    ("reply.complete", replied(ASK, b'{"id": ', ended=Ending.CUT), set()),
    ("reply.complete", wired(BYTES[:900], ended=Ending.CUT), set()),
    ("reply.complete", wired(b"", ended=Ending.TOO_LARGE), set()),
    ("reply.is-json", replied(ASK, b"Internal"), set()),
    ("reply.is-json", replied(ASK_STREAM, b""), set()),
    ("reply.is-json", replied(ASK_STREAM, b"[]"), set()),
    ("reply.not-html", replied(ASK, HTML), set()),
    ("reply.not-redirected", replied(ASK, b"", status=307, headers=(("location", "/v1/"), ("x-request-id", "r"))), set()),
    ("reply.one-document-when-asked", replied(ASK, BYTES), set()),
    ("reply.begins-at-once", replied(ASK, b"\n\n   " + json.dumps(TEXT).encode()), set()),
    ("reply.begins-at-once", replied(ASK, b" " + json.dumps(ERROR).encode(), status=404), set()),
    ("reply.plain-utf-8", replied(ASK, b"\xef\xbb\xbf" + json.dumps(TEXT).encode()), set()),
    ("reply.plain-utf-8", replied(ASK, json.dumps(TEXT).encode("utf-16-le")), set()),
    ("reply.status-200", completed(status=201), set()),
    ("reply.streams-when-asked", replied(ASK_STREAM, json.dumps(TEXT).encode()), set()),
    ("stream.arrives-bit-by-bit", burst(60, 3_000, 0.05), set()),
    ("stream.choices-is-an-array", streamed({"/1/choices": None}), set()),
    (
        "stream.choices-is-an-array",
        streamed({"/-": {**USAGE_CHUNKS[-1], "usage": None, "choices": GONE}} | {"/4/choices": GONE}),
        set(),
    ),
    ("stream.closes-after-done", streamed(ended=Ending.HELD_OPEN), set()),
    ("stream.delta-is-an-object", streamed({f"/1{DELTA}": GONE}), set()),
    ("stream.ends-with-done", wired(events(CHUNKS, done=False)), set()),
    (
        "stream.ends-with-done",
        wired(BYTES + events(CHUNKS[-1:], done=False).replace(b'"stop"', b"null")),
        {"finish.no-choice-follows"},
    ),
    ("stream.ends-with-done", wired(BYTES + b"data: [DONE]\n\n"), set()),
    ("stream.error-in-band-has-a-message", streamed({"/3": edited(ERROR, {"/error/message": None})}), set()),
    ("stream.error-in-band-has-a-message", streamed({"/3": {"error": "overloaded"}}), set()),
    ("stream.finish-reason-is-always-there", streamed({f"/1{FINISH}": GONE}), set()),
    ("stream.no-message", streamed({"/1/choices/0/message": {"role": "assistant"}}), set()),
    ("stream.object-is-named", streamed({"/1/object": "chat.completion"}), set()),
    (
        "stream.one-choice-per-chunk",
        streamed({"/1/choices/-": {**CHUNKS[1]["choices"][0], "delta": {"content": "!"}}}),
        set(),
    ),
    ("stream.one-created", streamed({"/1/created": 1_770_000_001}), set()),
    ("stream.one-id", streamed({"/2/id": "chatcmpl-2"}), set()),
    ("stream.one-fingerprint", streamed({"/2/system_fingerprint": "fp_2"}), set()),
    ("stream.one-model", streamed({"/2/model": "m-2"}), set()),
    (
        "stream.opens-with-a-choice",
        wired(events([{"id": "", "object": "", "created": 0, "model": "", "choices": []}, *CHUNKS])),
        set(),
    ),
    ("stream.role-comes-first", streamed({f"/0{DELTA}/role": GONE}), set()),
    ("stream.role-comes-first", streamed({f"/0{DELTA}/role": None}), set()),
    ("stream.role-comes-once", streamed({f"/2{DELTA}/role": "assistant"}), set()),
    ("stream.says-something", wired(b"data: [DONE]\n\n"), set()),
    ("tools.arguments-are-json", completed({f"{MESSAGE_CALL}/function/arguments": "{}{}"}, ASK_TOOLS, CALLED), set()),
    (
        "tools.arguments-are-json",
        streamed({f"/2{DELTA}": call_delta('"Paris"}{"city":"Paris"}')}, ASK_STREAM_TOOLS, CALL_CHUNKS),
        set(),
    ),
    ("tools.arguments-are-not-empty", completed({f"{MESSAGE_CALL}/function/arguments": ""}, ASK_TOOLS, CALLED), set()),
    ("tools.arguments-are-not-empty", streamed({f"/1{DELTA}": {}, f"/2{DELTA}": {}}, ASK_STREAM_TOOLS, CALL_CHUNKS), set()),
    ("tools.arguments-are-text", completed({f"{MESSAGE_CALL}/function/arguments": {"city": "Paris"}}, ASK_TOOLS, CALLED), set()),
    ("tools.arguments-are-text", completed({f"{MESSAGE_CALL}/function/arguments": GONE}, ASK_TOOLS, CALLED), set()),
    (
        "tools.arguments-are-text",
        streamed({f"/1{DELTA}/tool_calls/0/function/arguments": {"city": "Paris"}}, ASK_STREAM_TOOLS, CALL_CHUNKS),
        set(),
    ),
    ("texts.deltas-are-new", spoken("It is", " sunny.", "It is sunny."), set()),
    ("texts.deltas-are-new", spoken("It", "It is", "It is sunny.", "It is sunny. So"), set()),
    ("texts.has-no-half-characters", spoken("It is \ud83d", "\ude00"), set()),
    ("texts.has-no-half-characters", said("cut \ud83d"), set()),
    ("texts.is-not-garbled", said("The cafÃ© is open.", request=CAFE), set()),
    ("texts.is-not-garbled", said("It costs â‚¬5.", request=EURO), set()),
    ("tools.call-has-an-id", completed({f"{MESSAGE_CALL}/id": ""}, ASK_TOOLS, CALLED), set()),
    ("tools.call-is-not-in-the-content", said("<tool_call>{}</tool_call>", request=ASK_TOOLS), set()),
    (
        "tools.call-is-not-in-the-content",
        said('```json\n{"name": "get_weather", "parameters": {}}\n```', request=ASK_TOOLS),
        set(),
    ),
    (
        "tools.call-is-not-in-the-content",
        said('[{"function": {"name": "get_weather", "arguments": 1}}]', request=ASK_TOOLS),
        set(),
    ),
    ("tools.call-is-not-in-the-content", completed({CONTENT: 'So: {"city":"Paris"}'}, ASK_TOOLS, CALLED), set()),
    ("tools.call-has-a-name", completed({f"{MESSAGE_CALL}/function/name": ""}, ASK_TOOLS, CALLED), set()),
    ("tools.call-has-a-name", completed({f"{MESSAGE_CALL}/function/name": GONE}, ASK_TOOLS, CALLED), set()),
    ("tools.name-is-as-offered", completed({f"{MESSAGE_CALL}/function/name": "GetWeather"}, ASK_TOOLS, CALLED), set()),
    ("tools.name-is-as-offered", completed(document=CALLED), set()),
    (
        "tools.name-is-as-offered",
        streamed({f"{FIRST_CALL}/function/name": "functions.get_weather"}, ASK_STREAM_TOOLS, CALL_CHUNKS),
        set(),
    ),
    ("tools.content-is-there-beside-calls", completed({CONTENT: GONE}, ASK_TOOLS, CALLED), set()),
    (
        "stream.tool-delta-index",
        streamed({f"/1{DELTA}/tool_calls/0/index": GONE}, ASK_STREAM_TOOLS, CALL_CHUNKS),
        {"tools.arguments-are-json"},
    ),
    ("tools.first-delta-has-the-id", streamed({f"{FIRST_CALL}/id": GONE}, ASK_STREAM_TOOLS, CALL_CHUNKS), set()),
    ("tools.first-delta-has-the-name", streamed({f"{FIRST_CALL}/function/name": GONE}, ASK_STREAM_TOOLS, CALL_CHUNKS), set()),
    ("tools.first-delta-has-the-type", streamed({f"{FIRST_CALL}/type": GONE}, ASK_STREAM_TOOLS, CALL_CHUNKS), set()),
    ("tools.ids-differ", completed({"/choices/0/message/tool_calls/-": CALL}, ASK_TOOLS, CALLED), set()),
    ("tools.ids-differ", streamed(request=ASK_STREAM_TOOLS, chunks=two_calls(CALL)), set()),
    (
        "tools.index-is-of-one-call",
        streamed(request=ASK_STREAM_TOOLS, chunks=two_calls({**CALL, "id": "call_2"}, index=0)),
        set(),
    ),
    (
        "tools.indexes-count-from-zero",
        streamed(request=ASK_STREAM_TOOLS, chunks=two_calls({**CALL, "id": "call_2"}, index=2)),
        set(),
    ),
    (
        "tools.later-deltas-add-arguments-alone",
        streamed({f"/1{DELTA}/tool_calls/0/id": None}, ASK_STREAM_TOOLS, CALL_CHUNKS),
        set(),
    ),
    (
        "tools.later-deltas-add-arguments-alone",
        streamed({f"/1{DELTA}/tool_calls/0/type": "function"}, ASK_STREAM_TOOLS, CALL_CHUNKS),
        set(),
    ),
    (
        "tools.name-comes-once",
        streamed({f"/1{DELTA}/tool_calls/0/function/name": "get_weather"}, ASK_STREAM_TOOLS, CALL_CHUNKS),
        set(),
    ),
    ("tools.none-is-no-key", completed({"/choices/0/message/tool_calls": []}), set()),
    ("tools.none-is-no-key", streamed({f"/1{DELTA}/tool_calls": None}), set()),
    ("usage.adds-up", completed({"/usage/total_tokens": 13}), set()),
    ("usage.comes-last", wired(events([*USAGE_CHUNKS[:1], USAGE_CHUNKS[-1], *USAGE_CHUNKS[1:-1]]), ASK_USAGE), set()),
    ("usage.comes-once", wired(events([*USAGE_CHUNKS, USAGE_CHUNKS[-1]]), ASK_USAGE), set()),
    ("usage.comes-only-when-asked", streamed(chunks=[*CHUNKS, USAGE_CHUNKS[-1]]), set()),
    ("usage.comes-when-asked", streamed(request=ASK_USAGE), set()),
    ("usage.counts-are-integers", completed({"/usage/completion_tokens": None}), set()),
    ("usage.counts-what-was-said", completed({"/usage": {**USAGE, "completion_tokens": 0, "total_tokens": 9}}), set()),
    ("usage.details-are-part-of-it", completed({"/usage/completion_tokens_details/reasoning_tokens": 4}), set()),
    ("usage.is-there", completed({"/usage": GONE}), set()),
    ("usage.is-there", completed({"/usage": None}), set()),
    (
        "usage.thinking-is-counted",
        completed({"/choices/0/message/reasoning_content": "It may rain."}),
        {"document.has-only-known-fields"},
    ),
    ("usage.stands-alone", streamed({"/4": GONE, "/3/usage": USAGE}, ASK_USAGE, USAGE_CHUNKS), set()),
]

IN_ORDER: Final = {
    "a text": completed(),
    "a tool call": completed(request=ASK_TOOLS, document=CALLED),
    "log probabilities": completed(request=ASK_LOGPROBS, document=LOGPROBS),
    "a stream": streamed(),
    "a stream with usage": streamed(request=ASK_USAGE, chunks=USAGE_CHUNKS),
    "a streamed call": streamed(request=ASK_STREAM_TOOLS, chunks=CALL_CHUNKS),
    "parallel calls": streamed(request=ASK_STREAM_TOOLS, chunks=two_calls({**CALL, "id": "call_2"})),
    "a refusal": refused(),
    "models": listed(),
    "a model": retrieved("m-1"),
}

LOOKALIKES: Final = {
    "a forced function finishes with stop, as api.openai.com does": completed({FINISH: "stop"}, NAMED, CALLED),
    "a forced function finishes with tool_calls": completed(request=NAMED, document=CALLED),
    "a forced legacy function finishes with stop": completed(
        {"/choices/0/message/function_call": CALL["function"], CONTENT: None},
        {**LEGACY, "function_call": {"name": "get_weather"}},
    ),
    "a call that was cut at the limit has half its arguments": completed(
        {FINISH: "length", f"{MESSAGE_CALL}/function/arguments": '{"ci'}, {**ASK_TOOLS, "max_tokens": 3}, CALLED
    ),
    "a stream that fails has neither finish nor usage": streamed({"/3": ERROR, "/4": GONE}, ASK_USAGE, USAGE_CHUNKS),
    "zeros after a failure": wired(
        events([*USAGE_CHUNKS[:2], ERROR, edited(USAGE_CHUNKS[-1], {"/usage/prompt_tokens": 0})]), ASK_USAGE
    ),
    "moderation results follow the usage": streamed(
        {"/-": {**USAGE_CHUNKS[-1], "usage": None, "moderation": MODERATION}}, ASK_USAGE, USAGE_CHUNKS
    ),
    "a text of no tokens": completed({CONTENT: "", "/usage": {**USAGE, "completion_tokens": 0, "total_tokens": 9}}),
    "several choices, interleaved": streamed(
        request={**ASK_STREAM, "n": 2},
        chunks=[edited(chunk, {"/choices/0/index": index}) for chunk in CHUNKS for index in (0, 1)],
    ),
    "a call of a custom tool": completed(
        {MESSAGE_CALL: {"id": "call_1", "type": "custom", "custom": {"name": "run", "input": "ls"}}},
        {**ASK, "tools": [{"type": "custom", "custom": {"name": "run"}}]},
        CALLED,
    ),
    "no arguments are an empty object": completed({f"{MESSAGE_CALL}/function/arguments": "{}"}, ASK_TOOLS, CALLED),
    "an answer that was cut within a character": completed({CONTENT: "Gr\ufffd", FINISH: "length"}),
    "text that is struck out": said("<s>Sunny.</s> Rainy."),
    "a tool of the model's own invention": completed(
        {f"{MESSAGE_CALL}/function/name": "multi_tool_use.parallel"}, ASK_TOOLS, CALLED
    ),
    "several strict calls at once": completed(
        {"/choices/0/message/tool_calls/-": {**CALL, "id": "call_2", "function": {"name": "get_weather", "arguments": "{}"}}},
        STRICT,
        CALLED,
    ),
    "a schema that is not strict": said("Sure!", request=edited(SCHEMA, {"/response_format/json_schema/strict": False})),
    "rejected guesses count": completed(request={**ASK, "max_tokens": 2, "prediction": {"type": "content", "content": "It"}}),
    "log probabilities up to a stop sequence": completed(
        {"/choices/0/logprobs/content/1": GONE}, {**ASK_LOGPROBS, "stop": "!"}, LOGPROBS
    ),
    "the question had the control word": said(
        "It is <|im_end|>.", request={**ASK, "messages": [{"role": "user", "content": "What is <|im_end|>?"}]}
    ),
    "a stop sequence only began": said("one tw", request={**ASK, "stop": "two"}),
    "tokens within the limit of all choices": completed(
        {"/choices/-": edited(TEXT["choices"][0], {"/index": 1})}, {**ASK, "n": 2, "max_tokens": 2}
    ),
    "refused, so no JSON": completed({CONTENT: None, "/choices/0/message/refusal": "No."}, SCHEMA),
    "refused with a gateway's text": replied(ASK, b"upstream connect error", status=503, headers=(("x-request-id", "r"),)),
    "a date to come back": headed(
        ("content-type", "application/json"), ("retry-after", "Mon, 23 Nov 2026 09:00:00 GMT"), ("x-should-retry", "true")
    ),
    "seconds to come back": headed(("content-type", "application/json"), ("retry-after", "20")),
    "a character set": headed(("content-type", "Application/JSON; charset=utf-8")),
    "a page may read it": headed(
        ("content-type", "application/json"), ("access-control-allow-origin", "*"), request_headers=(("origin", "http://x"),)
    ),
    "an id with a slash": retrieved("org%2Fm-2", {"/id": "org/m-2"}),
    "many chunks at once, and fast": burst(60, 20, 0.01),
    "many chunks one by one after a long wait": burst(60, 3_000, 5),
    "a short answer at once after a long wait": burst(5, 3_000, 0),
    "an empty schema that is none": said("{}", request=edited(SCHEMA, {"/response_format/json_schema/schema": {"type": 7}})),
    "another operation": replied({"input": "x"}, b"[]", path="/embeddings"),
}


def found(x: Exchange) -> set[str]:
    """The rules that report something; of the contract only what is counted."""
    findings, _, raised = judge.standing(x)
    assert raised is None
    return {one.rule for one in findings if not (one.rule.startswith("contract.") and one.level is Level.MAY)}


@pytest.mark.parametrize(("rule", "x", "also"), BROKEN, ids=[f"{rule}-{n}" for n, (rule, _, _) in enumerate(BROKEN)])
def test_a_rule_reports_what_breaks_it_and_nothing_else_does(rule: str, x: Exchange, also: set[str]) -> None:
    assert {rule} | also == found(x)


@pytest.mark.parametrize("name", IN_ORDER)
def test_what_is_in_order_is_not_even_noted(name: str) -> None:
    findings, _, raised = judge.standing(IN_ORDER[name])
    assert ((), None) == (findings, raised)


@pytest.mark.parametrize("name", LOOKALIKES)
def test_legal_oddities_stay_silent(name: str) -> None:
    assert set() == found(LOOKALIKES[name])


def test_every_rule_is_broken_here() -> None:
    """Those of the Messages API are broken in test_messages_rules.py."""
    of_chat = {rule.id for rule in all_rules() if not rule.id.startswith("messages")}
    assert of_chat == {rule for rule, _, _ in BROKEN}


def test_identifiers_are_for_ever() -> None:
    pinned = (Path(__file__).parent / "rule_ids.txt").read_text(encoding="utf-8").split()
    assert pinned == [rule.id for rule in all_rules()]


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_a_rule_says_what_why_and_on_whose_word(rule: Rule) -> None:
    assert rule.summary.endswith((".", "`.", '".'))
    assert len(rule.summary) < 130
    assert len(rule.doc) > 40
    assert rule.source


def test_a_defect_in_every_chunk_is_one_finding() -> None:
    x = streamed({f"/{position}{DELTA}/role": "assistant" for position in range(4)})
    findings, _, _ = judge.standing(x)
    assert [("stream.role-comes-once", 'role "assistant" again (the first of 3 places)', "chunks/1/choices/0/delta/role")] == [
        (one.rule, one.message, one.at) for one in findings
    ]


@pytest.mark.parametrize(
    ("lost", "rule"),
    [
        (Evidence.HEADERS, "headers.json-content-type"),
        (Evidence.BYTES, "framing.line-feeds-only"),
        (Evidence.TIMES, "stream.arrives-bit-by-bit"),
        (Evidence.FRAMES, "stream.arrives-bit-by-bit"),
        (Evidence.REQUEST, "usage.comes-only-when-asked"),
    ],
)
def test_a_rule_without_its_evidence_does_not_apply(lost: Evidence, rule: str) -> None:
    broken = next(x for name, x, _ in BROKEN if name == rule)
    without = replace(broken, reply=replace(broken.reply, lost=frozenset({lost})))
    findings, applied, _ = judge.standing(without)
    assert (False, False) == (rule in applied, rule in {one.rule for one in findings})


# ---------------------------------------------------------------- rules are total

SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["stop", "tool_calls", "", "assistant", "get_weather", "{}", "\ud800", "\x00", "call_1", "chat.completion"]),
)
ANY_JSON: Final = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.sampled_from(["index", "id"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def pointers(document: Any, at: str = "") -> list[str]:
    """Every place in a document but its root."""
    items = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    escaped = [(str(key).replace("~", "~0").replace("/", "~1"), value) for key, value in items]
    return [place for key, value in escaped for place in (f"{at}/{key}", *pointers(value, f"{at}/{key}"))]


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """A document with one to three places replaced by anything, or taken away."""
    for _ in range(draw(st.integers(1, 3))):
        places = pointers(document)
        if places:
            document = edited(document, {draw(st.sampled_from(places)): draw(st.just(GONE) | ANY_JSON)})
    return document


def dumped(document: Any) -> bytes:
    return json.dumps(document).encode("utf-8", "surrogatepass")


REQUESTS: Final = [ASK, ASK_TOOLS, ASK_USAGE, ASK_STREAM_TOOLS, ASK_LOGPROBS, NAMED, LEGACY, STRICT, SCHEMA, JSON_OBJECT]
REQUESTS_ALL: Final = [{**request, "stop": ["a"], "max_tokens": 5, "n": 2} for request in REQUESTS]
FUZZ: Final[dict[str, Callable[[Any, Any], Exchange]]] = {
    "document": lambda request, document: replied(request, dumped(document)),
    "refusal": lambda request, document: replied(request, dumped(document), status=400),
    "models": lambda request, document: replied(request, dumped(document), method="GET", path="/models"),
    "model": lambda request, document: replied(request, dumped(document), method="GET", path="/models/m-1"),
}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.parametrize("kind", FUZZ)
def test_no_document_makes_a_rule_raise(kind: str, data: st.DataObject) -> None:
    document = data.draw(st.sampled_from([TEXT, CALLED, LOGPROBS, ERROR, MODELS, MODEL]).flatmap(mutated) | ANY_JSON)
    request = data.draw(st.sampled_from(REQUESTS_ALL).flatmap(mutated))
    assert judge.standing(FUZZ[kind](request, document))[2] is None


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_stream_makes_a_rule_raise(data: st.DataObject) -> None:
    chunks = data.draw(st.sampled_from([CHUNKS, USAGE_CHUNKS, CALL_CHUNKS, [*CHUNKS, ERROR]]).flatmap(mutated))
    request = data.draw(st.sampled_from(REQUESTS_ALL).flatmap(mutated))
    stream = {**request, "stream": True} if isinstance(request, dict) else ASK_STREAM
    content = b"".join(b"data: " + dumped(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    at, cut = data.draw(st.integers(0, len(content))), data.draw(st.binary(max_size=6))
    ended = data.draw(st.sampled_from(list(Ending)))
    assert judge.standing(wired(content[:at] + cut + content[at:], stream, ended=ended))[2] is None


def test_no_depth_makes_a_rule_raise() -> None:
    for depth, place in itertools.product(range(880, 1_000, 3), ("content", "tool_calls", "role")):
        deep = "[" * depth + "]" * depth
        body = json.dumps(edited(TEXT, {f"/choices/0/message/{place}": 0})).replace(f'"{place}": 0', f'"{place}": {deep}')
        assert judge.standing(replied(ASK, body.encode()))[2] is None
        chunk = json.dumps(edited(CHUNKS[1], {f"{DELTA}/{place}": 0})).replace(f'"{place}": 0', f'"{place}": {deep}')
        assert judge.standing(wired(f"data: {chunk}\n\n".encode()))[2] is None


@pytest.mark.parametrize("first", ["x" * 2_000_000, ["x" * 2_000_000]], ids=["text", "array"])
def test_a_huge_value_and_many_chunks_do_not_multiply(first: Any) -> None:
    chunks = [edited(CHUNKS[0], {"/id": first}), *[CHUNKS[1]] * 5_000]
    x = streamed(chunks=chunks)
    begun = time.process_time()
    for rule in all_rules():
        if rule.applies(x):
            list(rule.findings(x))
    assert time.process_time() - begun < 5
