"""The reference server, without faults, is what api.openai.com is: nothing is found in anything that it says."""

from __future__ import annotations

import ast
import asyncio
import base64
import json
import socket
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from reference_runs import complaints, faultless, shipped

import harness.reference
from harness.answer import exchange
from harness.judge import standing
from harness.model import ChatStreamed, Ending, Reply, Request
from harness.reference import all_faults, faults_named, reply
from harness.reference.instance import instance
from harness.reference.server import running, serve
from harness.reference.tokens import spelled, split

CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
OPEN: dict[str, Any] = {"type": "object", "properties": {"a": {}}}
WEATHER: dict[str, Any] = {"type": "function", "function": {"name": "get_weather", "parameters": CITY}}


def ask(said: str | list[Any] = "Say hello.", serial: int = 1, **more: Any) -> Reply:
    messages = [{"role": "user", "content": said}] if isinstance(said, str) else said
    return post({"model": "reference-1", "messages": messages, **more}, serial)


def post(body: Any, serial: int = 1) -> Reply:
    return reply(request(body), serial)


def request(body: Any) -> Request:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(method="POST", path="/chat/completions", content=content, body=None if isinstance(body, bytes) else body)


def body_of(replied: Reply) -> Any:
    return json.loads(replied.content)


def message(replied: Reply) -> Any:
    assert 200 == replied.status, replied.content
    return body_of(replied)["choices"][0]["message"]


def chunks(replied: Reply) -> list[Any]:
    return [json.loads(frame.data.removeprefix(b"data: ")) for frame in replied.frames[:-1]]


def error(replied: Reply) -> tuple[int, Any, Any]:
    said = body_of(replied)["error"]
    assert ["message", "type", "param", "code"] == list(said)
    assert said["message"]
    return replied.status, said["code"], said["param"]


# ---------------------------------------------------------------- against the suites


def test_the_reference_server_passes_every_case_without_any_finding() -> None:
    assert len(faultless()) > sum(len(suite.cases) for suite in shipped())
    said = [complaint for _, _, judged, _ in faultless() for complaint in complaints(judged)]
    assert [] == said


def test_the_same_request_with_the_same_serial_number_gets_the_same_bytes() -> None:
    again = [reply(asked, serial) for _, _, _, desk in faultless() for asked, serial, _, _ in desk.kept]
    assert [replied for _, _, _, desk in faultless() for _, _, _, replied in desk.kept] == again


def test_another_serial_number_gives_another_id() -> None:
    assert body_of(ask(serial=1))["id"] != body_of(ask(serial=2))["id"]


def test_the_package_knows_no_suite_no_rule_and_no_judge() -> None:
    known: set[str] = set()
    for file in Path(harness.reference.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                known |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                known.add(node.module or "")
    ours = {name for name in known if name.startswith("harness") and not name.startswith("harness.reference")}
    assert {"harness.errors", "harness.model", "harness.reading"} == ours


def test_no_case_is_named_in_the_server_but_by_faults() -> None:
    folder = Path(harness.reference.__file__).parent
    text = "".join(file.read_text() for file in folder.glob("*.py"))
    assert [] == [case.path for suite in shipped() for case in suite.cases if case.path in text]


# ---------------------------------------------------------------- documents and chunks


def test_a_completion_has_the_keys_of_the_api_in_their_order() -> None:
    document = body_of(ask())
    assert [
        "id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint",
    ] == list(document)  # fmt: skip
    assert ["index", "message", "logprobs", "finish_reason"] == list(document["choices"][0])
    assert {"role": "assistant", "content": "hello", "refusal": None, "annotations": []} == document["choices"][0]["message"]
    assert (len("chatcmpl-") + 29) == len(document["id"])


def test_a_stream_begins_with_the_role_and_ends_with_an_empty_delta() -> None:
    said = chunks(ask(stream=True))
    deltas = [chunk["choices"][0]["delta"] for chunk in said]
    assert [{"role": "assistant", "content": "", "refusal": None}, {"content": "hell"}, {"content": "o"}, {}] == deltas
    assert [None, None, None, "stop"] == [chunk["choices"][0]["finish_reason"] for chunk in said]
    assert all("usage" not in chunk for chunk in said)
    assert all("obfuscation" in chunk for chunk in said)


def test_a_stream_ends_with_done_in_a_frame_of_its_own() -> None:
    replied = ask(stream=True)
    assert b"data: [DONE]\n\n" == replied.frames[-1].data
    times = [frame.at_ms for frame in replied.frames]
    assert sorted(times) == times
    assert len(set(times)) == len(times)


def test_a_usage_chunk_comes_last_and_all_others_have_none() -> None:
    said = chunks(ask(stream=True, stream_options={"include_usage": True}))
    assert [None] * (len(said) - 1) == [chunk["usage"] for chunk in said[:-1]]
    assert [] == said[-1]["choices"]
    assert body_of(ask())["usage"] == said[-1]["usage"]


def test_obfuscation_can_be_left_out() -> None:
    said = chunks(ask(stream=True, stream_options={"include_obfuscation": False}))
    assert all("obfuscation" not in chunk for chunk in said)


def test_the_choices_of_a_stream_take_turns_and_end_one_after_the_other() -> None:
    said = chunks(ask(stream=True, n=2))
    assert [1] * len(said) == [len(chunk["choices"]) for chunk in said]
    assert [0, 1, 0, 1, 0, 1, 0, 1] == [chunk["choices"][0]["index"] for chunk in said]
    assert ["stop", "stop"] == [chunk["choices"][0]["finish_reason"] for chunk in said[-2:]]


def test_one_call_begins_in_the_first_delta() -> None:
    said = chunks(ask("What is the weather in Paris?", tools=[WEATHER], stream=True))
    first = said[0]["choices"][0]["delta"]
    assert ["role", "content", "tool_calls", "refusal"] == list(first)
    assert ["index", "id", "type", "function"] == list(first["tool_calls"][0])
    assert {"name": "get_weather", "arguments": ""} == first["tool_calls"][0]["function"]
    later = [chunk["choices"][0]["delta"]["tool_calls"][0] for chunk in said[1:-1]]
    assert all(["index", "function"] == list(call) and ["arguments"] == list(call["function"]) for call in later)
    assert '{"city":"Paris"}' == "".join(call["function"]["arguments"] for call in later)
    assert "tool_calls" == said[-1]["choices"][0]["finish_reason"]


def test_parallel_calls_come_one_after_the_other() -> None:
    said = chunks(ask("What is the weather in Paris, Rome and Oslo?", tools=[WEATHER], stream=True))
    assert {"role": "assistant", "content": None} == said[0]["choices"][0]["delta"]
    indexes = [chunk["choices"][0]["delta"]["tool_calls"][0]["index"] for chunk in said[1:-1]]
    assert sorted(indexes) == indexes
    assert {0, 1, 2} == set(indexes)


def test_a_forced_function_ends_with_stop_and_any_other_call_with_tool_calls() -> None:
    named = {"type": "function", "function": {"name": "get_weather"}}
    forced = body_of(ask(tools=[WEATHER], tool_choice=named))["choices"][0]
    required = body_of(ask(tools=[WEATHER], tool_choice="required"))["choices"][0]
    assert ("stop", "tool_calls") == (forced["finish_reason"], required["finish_reason"])


def test_a_legacy_function_is_called_as_one() -> None:
    choice = body_of(ask("What is the weather in Paris?", functions=[WEATHER["function"]]))["choices"][0]
    assert {"name": "get_weather", "arguments": '{"city":"Paris"}'} == choice["message"]["function_call"]
    assert "function_call" == choice["finish_reason"]


def test_a_custom_tool_gets_the_text_that_its_grammar_wants() -> None:
    grammar = {"type": "grammar", "grammar": {"syntax": "regex", "definition": r"^[A-Z]{3}-\d{2}$"}}
    tool = {"type": "custom", "custom": {"name": "look_up", "format": grammar}}
    (call,) = message(ask(tools=[tool], tool_choice="required"))["tool_calls"]
    assert {"name": "look_up", "input": "AAA-77"} == call["custom"]
    said = chunks(ask(tools=[tool], tool_choice="required", stream=True))
    joined = "".join(chunk["choices"][0]["delta"]["tool_calls"][0]["custom"]["input"] for chunk in said[:-1])
    assert "AAA-77" == joined


def test_log_probabilities_spell_the_text_and_are_as_many_as_asked() -> None:
    choice = body_of(ask("Repeat exactly: 発売 é", logprobs=True, top_logprobs=3))["choices"][0]
    items = choice["logprobs"]["content"]
    assert "発売 é".encode() == b"".join(bytes(item["bytes"]) for item in items)
    assert {3} == {len(item["top_logprobs"]) for item in items}
    assert all(item["top_logprobs"][0]["token"] == item["token"] for item in items)
    streamed = chunks(ask("Repeat exactly: 発売 é", logprobs=True, top_logprobs=3, stream=True))
    assert {"content": [], "refusal": None} == streamed[0]["choices"][0]["logprobs"]
    assert streamed[-1]["choices"][0]["logprobs"] is None
    assert items == [item for chunk in streamed[:-1] for item in chunk["choices"][0]["logprobs"]["content"]]


@pytest.mark.parametrize("stream", [False, True])
def test_what_no_case_asks_for_is_in_order_too(stream: bool) -> None:
    tools = [WEATHER, {"type": "custom", "custom": {"name": "run_code"}}]
    allowed = {"type": "function", "function": {"name": "get_weather"}}
    asks: list[dict[str, Any]] = [
        {"moderation": {"model": "omni-moderation-latest"}},
        {"web_search_options": {}},
        {"reasoning_effort": "high", "max_completion_tokens": 20},
        {"prediction": {"type": "content", "content": "hello"}},
        {"service_tier": "priority", "metadata": {"a": "b"}, "store": True, "verbosity": "high", "safety_identifier": "x"},
        {"prompt_cache_key": "k", "prompt_cache_options": {"ttl": "30m"}, "prompt_cache_retention": "24h", "user": "u"},
        {"tools": tools, "tool_choice": {"type": "custom", "custom": {"name": "run_code"}}, "n": 2},
        {"tools": tools, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [allowed]}}},
        {"tools": tools, "tool_choice": "required", "max_tokens": 2},
        {"functions": [WEATHER["function"]], "function_call": {"name": "get_weather"}},
        {"modalities": ["text"], "presence_penalty": 1, "logprobs": True, "n": 3},
    ]
    for more in asks:
        body = {"model": "reference-1", "messages": [{"role": "user", "content": "Say hello."}], "stream": stream, **more}
        asked = request({key: value for key, value in body.items() if value is not False})
        replied = reply(asked, 1)
        findings, _, raised = standing(exchange(asked, replied))
        counted = [finding for finding in findings if finding.rule != "contract.published"]  # custom calls in a stream: a note
        assert (200, [], None) == (replied.status, counted, raised), (more, replied.content)


# ---------------------------------------------------------------- what the model does


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("Repeat exactly:  two  blanks\nand a line ✅", " two  blanks\nand a line ✅"),
        ("Say good morning.", "good morning"),
        ("Reply with only this word: zebra", "zebra"),
        ("Count from 3 to 6.", "3, 4, 5, 6"),
        ("Count from 3 to 1.", "3, 2, 1"),
        ("The river is long. What is the river?", "The river is long."),
        ("What is the colour of hope?", "I do not know the colour of hope."),
        ("Reply in JSON: the moon", '{"answer":"the moon"}'),
    ],
)
def test_the_model_follows_plain_instructions(prompt: str, answer: str) -> None:
    assert answer == message(ask(prompt))["content"]


def test_the_newest_fact_counts_whoever_said_it() -> None:
    said = [
        {"role": "system", "content": "The door code is 17."},
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "The door code is 23."},
        {"role": "user", "content": [{"type": "text", "text": "What is the door code?"}]},
    ]
    assert "The door code is 23." == message(ask(said))["content"]


def test_the_developer_may_say_how_to_answer_and_how_to_end() -> None:
    def told(instruction: str) -> Any:
        return message(ask([{"role": "developer", "content": instruction}, {"role": "user", "content": "Say hello."}]))["content"]

    assert "beep" == told("Always answer with the word beep.")
    assert "hello over" == told("End every answer with the word over.")


def test_the_result_of_a_tool_is_told() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    said = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"},
    ]
    assert "21 degrees" in message(ask(said, tools=[WEATHER]))["content"]


def test_a_tool_that_has_nothing_to_do_with_the_question_is_not_called() -> None:
    assert "tool_calls" not in message(ask("Say hello.", tools=[WEATHER]))


def test_the_first_stop_sequence_ends_the_text_before_it() -> None:
    choice = body_of(ask("Repeat exactly: one two three four", stop=["four", "wo th"]))["choices"][0]
    assert ("one t", "stop") == (choice["message"]["content"], choice["finish_reason"])


def test_a_limit_cuts_after_so_many_tokens() -> None:
    document = body_of(ask("Count from 1 to 50.", max_completion_tokens=5))
    assert ("length", 5) == (document["choices"][0]["finish_reason"], document["usage"]["completion_tokens"])


def test_texts_differ_by_the_hour_but_for_a_seed_or_temperature_0() -> None:
    def told(serial: int, **more: Any) -> Any:
        return message(ask("Tell me something.", serial, **more))["content"]

    assert told(1) != told(2)
    assert told(1, seed=7) == told(2, seed=7)
    assert told(1, seed=7) != told(1, seed=8)
    assert told(1, temperature=0) == told(2, temperature=0)
    assert told(1, top_p=0.001) == told(2, top_p=0.001)


def test_the_choices_of_an_answer_differ() -> None:
    said = [choice["message"]["content"] for choice in body_of(ask("Tell me something.", n=4))["choices"]]
    assert 4 == len(set(said))


def test_a_bias_drowns_or_silences_a_token() -> None:
    loud = message(ask("Repeat exactly: one two", logit_bias={"1000": 100}, max_tokens=3))["content"]
    assert spelled(1000) * 3 == loud


@pytest.mark.parametrize("text", ["", "a", "hello world 12345 ✅👩‍👩‍👧\n\n  x_y", "発売中のäöü\t\t!", "\u2028\x00"])
def test_tokens_join_to_the_text(text: str) -> None:
    assert text == "".join(split(text))


@pytest.mark.parametrize(
    "schema",
    [
        CITY,
        {},
        {"type": "object", "properties": {"share": {"type": "integer", "minimum": 100, "maximum": 200}}, "required": ["share"]},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.4},
        {"type": "number", "multipleOf": 0.25, "minimum": 3.1},
        {"type": "integer", "maximum": -3, "multipleOf": 2},
        {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 3},
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}], "items": False, "minItems": 2},
        {"type": "array", "maxItems": 0},
        {"type": "string", "pattern": r"^(foo|bar)-[^a-z]{2,}\.\w+$"},
        {"type": "string", "minLength": 30},
        {"type": "string", "maxLength": 2},
        {"anyOf": [{"type": "null"}, {"type": "object", "required": ["a"], "properties": {"a": {"const": 7}}}]},
        {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"type": "integer", "maximum": -5}}}]},
        {"type": ["string", "null"]},
        {"enum": [None, "x"], "type": "string"},
        {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}},
        {
            "$defs": {"node": {
                "type": "object",
                "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                               "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
                "required": ["next", "kids"], "additionalProperties": False,
            }},
            "$ref": "#/$defs/node",
        },
    ],
)  # fmt: skip
def test_a_structured_answer_keeps_to_its_schema(schema: dict[str, Any]) -> None:
    value = instance(schema, ["Paris", "the city of Paris"])
    assert [] == [found.message for found in jsonschema.Draft202012Validator(schema).iter_errors(value)]


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"messages": None}, (400, "invalid_type", "messages")),
        ({"messages": []}, (400, "empty_array", "messages")),
        ({"messages": "hello"}, (400, "invalid_type", "messages")),
        ({"messages": [{"role": "wizard", "content": "x"}]}, (400, "invalid_value", "messages[0].role")),
        ({"messages": [{"content": "x"}]}, (400, "missing_required_parameter", "messages[0].role")),
        ({"messages": [{"role": "user"}]}, (400, "missing_required_parameter", "messages[0].content")),
        ({"messages": [{"role": "user", "content": None}]}, (400, "invalid_type", "messages[0].content")),
        ({"messages": [{"role": "user", "content": []}]}, (400, "empty_array", "messages[0].content")),
        (
            {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]},
            (400, "invalid_value", "messages[0].content[0].type"),
        ),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "http://x/"}}]}]},
            (400, "invalid_value", "messages[0].content[0].type"),
        ),
        ({"messages": [{"role": "assistant", "content": None}]}, (400, "invalid_type", "messages[0].content")),
        (
            {"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]},
            (400, "invalid_value", "messages[0].role"),
        ),
        ({"temperature": "warm"}, (400, "invalid_type", "temperature")),
        ({"temperature": 2.1}, (400, "decimal_above_max_value", "temperature")),
        ({"top_p": -0.1}, (400, "decimal_below_min_value", "top_p")),
        ({"n": 0}, (400, "integer_below_min_value", "n")),
        ({"n": 129}, (400, "integer_above_max_value", "n")),
        ({"n": True}, (400, "invalid_type", "n")),
        ({"stop": ["a", "b", "c", "d", "e"]}, (400, "array_above_max_length", "stop")),
        ({"stop": [1]}, (400, "invalid_type", "stop[0]")),
        ({"logit_bias": {"1": 101}}, (400, "decimal_above_max_value", "logit_bias.1")),
        ({"logit_bias": {"word": 1}}, (400, "invalid_value", "logit_bias.word")),
        ({"max_tokens": -5}, (400, "integer_below_min_value", "max_tokens")),
        ({"max_tokens": 10_000_000}, (400, "invalid_value", "max_tokens")),
        ({"max_tokens": 5, "max_completion_tokens": 5}, (400, "invalid_parameter_combination", "max_tokens")),
        ({"min_p": 0.1}, (400, "unknown_parameter", "min_p")),
        ({"stream_options": {"include_usage": True}}, (400, "invalid_value", "stream_options")),
        ({"tool_choice": "auto"}, (400, "invalid_value", "tool_choice")),
        ({"top_logprobs": 2}, (400, "invalid_value", "top_logprobs")),
        ({"tools": [{"type": "function"}]}, (400, "missing_required_parameter", "tools[0].function")),
        (
            {"tools": [{"type": "function", "function": {"name": "not a name"}}]},
            (400, "invalid_value", "tools[0].function.name"),
        ),
        ({"tools": [WEATHER], "tool_choice": "perhaps"}, (400, "invalid_value", "tool_choice")),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "other"}}},
            (400, "invalid_value", "tool_choice"),
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": OPEN}}]},
            (400, "invalid_function_parameters", "tools[0].function.parameters"),
        ),
        ({"response_format": {"type": "pigeon"}}, (400, "invalid_value", "response_format.type")),
        ({"response_format": {"type": "json_object"}}, (400, "invalid_value", "messages")),
        (
            {"response_format": {"type": "json_schema"}},
            (400, "missing_required_parameter", "response_format.json_schema"),
        ),
        ({"metadata": {"k": "v" * 513}}, (400, "string_above_max_length", "metadata.k")),
        ({"model": "gpt-9"}, (404, "model_not_found", None)),
        ({"model": None}, (400, None, None)),
        ({"model": 7}, (400, "invalid_type", "model")),
    ],
)  # fmt: skip
def test_what_openai_refuses_is_refused_with_the_code_and_the_place(more: dict[str, Any], expected: Any) -> None:
    assert expected == error(ask(**more) if "messages" not in more else post({"model": "reference-1", **more}))


def test_a_request_without_messages_is_told_so() -> None:
    assert (400, "missing_required_parameter", "messages") == error(post({"model": "reference-1"}))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'{"model": NaN}', b"\xff"])
def test_a_body_that_is_no_json_object_is_400(content: bytes) -> None:
    assert (400, None, None) == error(post(content))


def test_a_prompt_beyond_the_context_is_told_so() -> None:
    assert (400, "context_length_exceeded", "messages") == error(ask("word " * 70_000))


def test_an_image_must_be_one() -> None:
    def shown(url: str) -> Reply:
        return ask([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}])

    assert 200 == shown("data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()).status
    assert "invalid_image_format" == error(shown("data:image/tiff;base64,AAAA"))[1]
    assert "invalid_base64" == error(shown("data:image/png;base64,A"))[1]
    assert "invalid_image_url" == error(shown("picture.png"))[1]
    assert "invalid_image_url" == error(shown("https://example.org/picture.png"))[1]  # nothing is ever fetched
    assert "invalid_image_format" == error(shown("data:image/png;base64," + base64.b64encode(b"no picture").decode()))[1]


def png(colour: tuple[int, int, int], kind: int = 2) -> str:
    """A picture of one point as a data URL, its checksums left zero: nobody here looks at them."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + bytes(4)

    header = (1).to_bytes(4, "big") * 2 + bytes([8, kind, 0, 0, 0])
    whole = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes([0, *colour])))
    return "data:image/png;base64," + base64.b64encode(whole).decode()


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (png((250, 10, 10)), "The colour of the picture is red."),
        (png((0, 0, 255)), "The colour of the picture is blue."),
        (png((255, 255, 255)), "The colour of the picture is white."),
        (png((255, 0, 0), kind=3), "I do not know the colour of the picture."),  # of a palette, which is not read
        ("data:image/png;base64," + base64.b64encode(b"\x89PNG").decode(), "I do not know the colour of the picture."),
        ("data:image/gif;base64," + base64.b64encode(b"GIF89a").decode(), "I do not know the colour of the picture."),
    ],
)
def test_the_model_sees_the_colour_of_a_simple_picture(url: str, expected: str) -> None:
    question = {"type": "text", "text": "What is the colour of the picture?"}
    assert expected == message(ask([{"role": "user", "content": [picture(url), question]}]))["content"]


def test_a_picture_costs_tokens() -> None:
    text = {"type": "text", "text": "Say hello."}
    one, two = (
        body_of(ask([{"role": "user", "content": [text, *[picture(png((0, 0, 255)))] * count]}]))["usage"]["prompt_tokens"]
        for count in (0, 1)
    )
    assert one + 85 == two


@pytest.mark.parametrize(
    ("method", "path", "authorization", "expected"),
    [
        ("GET", "/models", None, (200, None)),
        ("GET", "/models", "Bearer reference", (200, None)),
        ("GET", "/models", "Bearer another-key-that-is-long", (401, "invalid_api_key")),
        ("GET", "/models", "Bearer ", (200, None)),  # what clients send where there is no key
        ("GET", "/models", "Bearer undefined", (200, None)),
        ("GET", "/models", "Basic cmVmZXJlbmNl", (401, None)),
        ("GET", "/models/reference-2", None, (200, None)),
        ("GET", "/models/reference%2D2", None, (200, None)),
        ("GET", "/models/none", None, (404, "model_not_found")),
        ("GET", "//models/", None, (200, None)),
        ("POST", "/models", None, (405, "method_not_supported")),
        ("GET", "/chat/completions", None, (405, "method_not_supported")),
        ("POST", "/embeddings", None, (404, None)),
    ],
)
def test_each_path_method_and_key_has_its_status(method: str, path: str, authorization: str | None, expected: Any) -> None:
    headers = () if authorization is None else (("authorization", authorization),)
    replied = reply(Request(method=method, path=path, headers=headers), 1)
    assert expected == (replied.status, body_of(replied).get("error", {}).get("code"))
    if authorization and expected[0] == 401:
        assert authorization.partition(" ")[2] not in replied.content.decode() or not authorization.partition(" ")[2]


def test_a_browser_may_ask_and_may_read() -> None:
    origin = (("origin", "https://chat.example"), ("access-control-request-headers", "authorization, x-stainless-os"))
    asked = reply(Request(method="OPTIONS", path="/chat/completions", headers=origin), 1)
    assert (200, b"") == (asked.status, asked.content)
    assert "https://chat.example" == asked.header("access-control-allow-origin")
    assert "authorization, x-stainless-os" == asked.header("access-control-allow-headers")
    refused = reply(Request(method="POST", path="/chat/completions", headers=origin, content=b"{"), 1)
    assert "https://chat.example" == refused.header("access-control-allow-origin")


# ---------------------------------------------------------------- on a socket


def stream_over(url: str, client: httpx.Client) -> tuple[list[bytes], list[float]]:
    said = {"model": "reference-1", "messages": [{"role": "user", "content": "Count from 1 to 9."}], "stream": True}
    parts: list[bytes] = []
    times: list[float] = []
    with client.stream("POST", f"{url}/chat/completions", json=said) as response:
        for part in response.iter_raw():
            parts.append(part)
            times.append(time.monotonic())
    return parts, times


def read_into(said: list[bytes], one: httpx.Client, address: str, body: Any) -> None:
    with one.stream("POST", address, json=body, timeout=httpx.Timeout(10, read=1)) as response:
        for part in response.iter_raw():
            said.append(part)  # noqa: PERF402  what came before the timeout counts


def client() -> httpx.Client:
    return httpx.Client(trust_env=False, timeout=10)


def test_what_the_socket_says_is_what_the_function_says() -> None:
    said = {"model": "reference-1", "messages": [{"role": "user", "content": "Say hello."}]}
    with running() as url, client() as one:
        got = one.post(f"{url}/chat/completions", json=said)
    pure = reply(Request(method="POST", path="/chat/completions", headers=(), content=got.request.content), 1)
    assert pure.content == got.content
    assert pure.header("x-request-id") == got.headers["x-request-id"]


def test_a_stream_comes_frame_by_frame_at_its_pace() -> None:
    with running(pace=0.5) as url, client() as one:
        parts, times = stream_over(url, one)
    assert b"data: [DONE]\n\n" == parts[-1]
    assert len(parts) > 10
    assert times[-1] - times[0] > 0.05


def test_a_connection_is_used_again() -> None:
    with running() as url, client() as one:
        ports = set()
        for _ in range(3):
            with one.stream("GET", f"{url}/models") as response:
                ports.add(response.extensions["network_stream"].get_extra_info("client_addr"))
                response.read()
    assert 1 == len(ports)


def test_head_has_no_body_and_what_is_outside_v1_is_404_in_json() -> None:
    with running() as url, client() as one:
        assert b"" == one.head(f"{url}/models").content
        outside = one.get(url.removesuffix("/v1") + "/models")
    assert (404, "application/json; charset=utf-8") == (outside.status_code, outside.headers["content-type"])


def test_what_is_not_http_is_answered_with_400_and_the_end() -> None:
    with running() as url:
        port = int(url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
            raw.sendall(b"hello\r\n\r\n")
            assert raw.recv(1000).startswith(b"HTTP/1.1 400 ")
            assert b"" == raw.recv(1000)


def test_a_cut_reply_breaks_the_connection() -> None:
    faults = faults_named(["breaks-off-in-the-middle"])
    with running(faults) as url, client() as one, pytest.raises(httpx.RemoteProtocolError):
        stream_over(url, one)


def test_a_length_that_is_not_kept_breaks_the_connection() -> None:
    faults = faults_named(["says-a-length-that-it-does-not-keep"])
    with running(faults) as url, client() as one, pytest.raises(httpx.RemoteProtocolError):
        one.get(f"{url}/models")


@pytest.mark.parametrize(
    ("fault", "last"), [("stays-open-after-done", b"[DONE]"), ("hangs-in-the-middle", b"data: {"), ("never-answers-streams", b"")]
)
def test_a_reply_that_does_not_end_holds_the_line_until_the_client_leaves(fault: str, last: bytes) -> None:
    said: list[bytes] = []
    body = {"model": "reference-1", "messages": [{"role": "user", "content": "Count from 1 to 30."}], "stream": True}
    with running(faults_named([fault])) as url, client() as one:
        with pytest.raises(httpx.ReadTimeout):
            read_into(said, one, f"{url}/chat/completions", body)
        assert 200 == one.get(f"{url}/models").status_code
    assert last in b"".join(said)
    assert (b"[DONE]" in b"".join(said)) is (fault == "stays-open-after-done")


def test_stopping_the_server_frees_its_port_and_its_thread() -> None:
    before = threading.active_count()
    with running(pace=1.0) as url:
        port = int(url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port)):
            assert before + 1 == threading.active_count()
    assert before == threading.active_count()
    with running(port=port) as again:
        assert url == again


def test_a_port_that_is_taken_is_an_error_of_the_caller() -> None:
    with running() as url, pytest.raises(OSError), running(port=int(url.split(":")[2].split("/")[0])):
        pass


def test_the_server_tells_each_reply_to_who_wants_to_know() -> None:
    told: list[tuple[str, int]] = []

    def log(asked: Request, replied: Reply) -> None:
        told.append((asked.path, replied.status))

    async def held() -> None:
        async with serve(log=log) as port, httpx.AsyncClient(trust_env=False) as one:
            await one.get(f"http://127.0.0.1:{port}/v1/models")
            await one.get(f"http://127.0.0.1:{port}/v1/none")

    asyncio.run(held())
    assert [("/v1/models", 200), ("/v1/none", 404)] == told


def test_every_fault_speaks_http_on_the_socket_or_breaks_it_on_purpose() -> None:
    on_purpose = {"breaks-off-in-the-middle", "hangs-in-the-middle", "says-a-length-that-it-does-not-keep"}
    for fault in all_faults():
        if fault.id in on_purpose:
            continue
        replied = reply(
            request({"model": "reference-1", "messages": [{"role": "user", "content": "Say hello."}], "stream": True}), 1, [fault]
        )
        length = replied.header("content-length")
        if replied.ended is Ending.CLOSED and length is not None:
            assert int(length) == len(replied.content), fault.id


def test_a_stream_of_two_hundred_chunks_is_whole() -> None:
    asked = request({"model": "reference-1", "messages": [{"role": "user", "content": "Count from 1 to 100."}], "stream": True})
    streamed = exchange(asked, reply(asked, 1))
    assert isinstance(streamed, ChatStreamed)
    assert len(streamed.chunks) > 200
    assert ", ".join(map(str, range(1, 101))) == streamed.body["choices"][0]["message"]["content"]  # type: ignore[index, call-overload]
