"""The reference server at /messages: what it takes, what it refuses, and how it says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.model import Reply, Request
from harness.reading import get, parse
from harness.reference import reply

ASK: dict[str, Any] = {"model": "reference-1", "max_tokens": 64, "messages": [{"role": "user", "content": "Say hello."}]}
VERSION = ("anthropic-version", "2023-06-01")
TOOL: dict[str, Any] = {"name": "get_weather", "description": "Weather by city", "input_schema": {"type": "object"}}


def replied(body: Any = ASK, *, headers: Any = (VERSION,), path: str = "/messages", method: str = "POST") -> Reply:
    content = None if body is None else json.dumps(body).encode()
    return reply(Request(method=method, path=path, headers=tuple(headers), content=content, body=body), 1)


def document(**changes: Any) -> Any:
    return parse(replied({**ASK, **changes}).content)


def error(found: Reply) -> tuple[int, Any, Any]:
    said = parse(found.content)
    return found.status, get(said, "type"), get(said, "error", "type")


def events(**changes: Any) -> list[Any]:
    blocks = replied({**ASK, "stream": True, **changes}).content.decode().split("\n\n")[:-1]
    for block in blocks:
        name, data = block.split("\n")
        assert json.loads(data.removeprefix("data: "))["type"] == name.removeprefix("event: ")
    return [json.loads(block.split("\n")[1].removeprefix("data: ")) for block in blocks]


def test_a_message_is_answered_with_one() -> None:
    said = document()
    assert ("message", [{"type": "text", "text": "hello", "citations": None}], "end_turn") == (
        get(said, "type"),
        get(said, "content"),
        get(said, "stop_reason"),
    )


def test_a_stream_is_its_events_in_order_and_adds_up() -> None:
    said = events()
    kinds = [event["type"].removeprefix("content_block_") for event in said]
    assert ["message_start", "start", "ping", "delta", "delta", "stop", "message_delta", "message_stop"] == kinds
    assert "hello" == "".join(event["delta"]["text"] for event in said if event["type"] == "content_block_delta")


@pytest.mark.parametrize("headers", [[("x-api-key", "reference")], [("authorization", "Bearer reference")], []])
def test_its_key_comes_either_way_or_not_at_all(headers: list[Any]) -> None:
    assert 200 == replied(headers=[VERSION, *headers]).status


@pytest.mark.parametrize("given", [("x-api-key", "wrong"), ("authorization", "Bearer wrong"), ("authorization", "Basic x")])
def test_a_wrong_key_is_refused_without_being_repeated(given: tuple[str, str]) -> None:
    found = replied(headers=[VERSION, given])
    assert (401, "error", "authentication_error") == error(found)
    assert b"wrong" not in found.content


def test_the_version_must_be_named() -> None:
    assert (400, "error", "invalid_request_error") == error(replied(headers=()))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "no-such-model"}, (404, "error", "not_found_error")),
        ({"frobnicate": 3}, (400, "error", "invalid_request_error")),
        ({"temperature": 1.5}, (400, "error", "invalid_request_error")),
        ({"max_tokens": 0}, (400, "error", "invalid_request_error")),
        ({"messages": []}, (400, "error", "invalid_request_error")),
        ({"messages": [{"role": "system", "content": "x"}]}, (400, "error", "invalid_request_error")),
        ({"tool_choice": {"type": "any"}}, (400, "error", "invalid_request_error")),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "f"}}, (400, "error", "invalid_request_error")),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "x"}]}]},
            (400, "error", "invalid_request_error"),
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_kind(changes: Any, said: tuple[int, str, str]) -> None:
    assert said == error(replied({**ASK, **changes}))


@pytest.mark.parametrize("missing", ["model", "messages", "max_tokens"])
def test_what_is_required_is_named_where_it_is_missing(missing: str) -> None:
    found = replied({key: value for key, value in ASK.items() if key != missing})
    assert (400, True) == (found.status, missing in str(get(parse(found.content), "error", "message")))


def test_a_stop_sequence_is_named() -> None:
    said = document(messages=[{"role": "user", "content": "Count from 1 to 9."}], stop_sequences=["x", "4"])
    assert ("stop_sequence", "4", "1, 2, 3, ") == (
        get(said, "stop_reason"),
        get(said, "stop_sequence"),
        get(said, "content", 0, "text"),
    )


def test_a_limit_ends_with_max_tokens() -> None:
    said = document(messages=[{"role": "user", "content": "Count from 1 to 9."}], max_tokens=2)
    assert ("max_tokens", 2) == (get(said, "stop_reason"), get(said, "usage", "output_tokens"))


def test_a_tool_is_called_even_where_it_is_forced() -> None:
    said = document(tools=[TOOL], tool_choice={"type": "tool", "name": "get_weather"})
    assert ("tool_use", "tool_use") == (get(said, "stop_reason"), get(said, "content", 0, "type"))


def test_a_result_is_read_and_a_call_without_result_is_refused() -> None:
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "21 degrees"}]}
    conversation = [ASK["messages"][0], call]
    assert "21 degrees" in str(get(document(messages=[*conversation, result]), "content", 0, "text"))
    assert 400 == replied({**ASK, "messages": [*conversation, ASK["messages"][0]]}).status


def test_a_schema_is_followed() -> None:
    schema = {"type": "object", "properties": {"a": {"const": 7}}, "required": ["a"]}
    said = document(output_config={"format": {"type": "json_schema", "schema": schema}})
    assert {"a": 7} == json.loads(str(get(said, "content", 0, "text")))


def test_models_are_listed_in_either_form() -> None:
    of_chat = parse(replied(None, path="/models", method="GET", headers=()).content)
    own = parse(replied(None, path="/models", method="GET").content)
    assert ("list", "model") == (get(of_chat, "object"), get(of_chat, "data", 0, "object"))
    assert (False, "reference-1", "model") == (get(own, "has_more"), get(own, "first_id"), get(own, "data", 0, "type"))


def test_one_model_is_told_of_and_one_that_is_not_there_is_refused() -> None:
    one = parse(replied(None, path="/models/reference-1", method="GET").content)
    assert "reference-1" == get(one, "id")
    assert (404, "error", "not_found_error") == error(replied(None, path="/models/none", method="GET"))


def test_refusals_have_the_envelope_of_the_api_that_was_asked() -> None:
    assert (404, "error", "not_found_error") == error(replied(path="/no-such-path"))
    assert (404, None, "invalid_request_error") == error(replied(path="/no-such-path", headers=()))


def test_its_header_fields_are_those_of_this_api() -> None:
    names = [name for name, _ in replied().headers]
    assert ("request-id" in names, [name for name in names if name.startswith(("openai-", "x-ratelimit-", "x-request"))]) == (
        True,
        [],
    )


def test_it_thinks_aloud_where_it_is_asked_to_think() -> None:
    thinking = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    said = document(**thinking)
    assert (["thinking", "text"], 16) == (
        [block["type"] for block in said["content"]],
        get(said, "usage", "output_tokens_details", "thinking_tokens"),
    )
    deltas = [get(event, "delta", "type") for event in events(**thinking)]
    assert ["thinking_delta", "signature_delta", "text_delta"] == list(dict.fromkeys(kind for kind in deltas if kind))
    assert ["text"] == [block["type"] for block in document(thinking={"type": "disabled"})["content"]]
