"""What replies become, and what chunks add up to."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.answer import assembled, exchange
from harness.model import (
    ChatCompleted,
    ChatStreamed,
    Exchange,
    Frame,
    Garbled,
    Json,
    ModelRetrieved,
    ModelsListed,
    Other,
    Refused,
    Reply,
    Request,
)

CHAT = Request(method="POST", path="/chat/completions", body={"messages": []})
STREAM = Request(method="POST", path="/chat/completions", body={"messages": [], "stream": True})


def reply(content: bytes, *, status: int = 200, media_type: str = "application/json") -> Reply:
    return Reply(status=status, headers=(("content-type", media_type),), frames=(Frame(at_ms=1.0, data=content),))


def events(*documents: object) -> bytes:
    return b"".join(b"data: " + (d if isinstance(d, bytes) else json.dumps(d).encode()) + b"\n\n" for d in documents)


def chunk(delta: object, finish_reason: str | None = None, index: int = 0) -> dict[str, Json]:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return {"id": "a", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [choice]}  # type: ignore[list-item,dict-item]


@pytest.mark.parametrize(
    ("request_", "reply_", "expected"),
    [
        (CHAT, reply(b"{}"), ChatCompleted),
        (CHAT, reply(b"  \n{}"), ChatCompleted),
        (CHAT, reply(b"<html>"), Garbled),
        (CHAT, reply(b""), Garbled),
        (CHAT, reply(b"data: {}\n\n", media_type="text/event-stream"), Garbled),
        (CHAT, reply(b"{}", status=404), Refused),
        (CHAT, reply(b"", status=302), Refused),
        (STREAM, reply(b"data: {}\n\n", media_type="text/event-stream"), ChatStreamed),
        (STREAM, reply(b"data: {}\n\n", media_type="text/plain"), ChatStreamed),
        (STREAM, reply(b": ping\n\ndata: {}\n\n", media_type=""), ChatStreamed),
        (STREAM, reply(b"", media_type="text/event-stream"), ChatStreamed),
        (STREAM, reply(b"{}"), Garbled),
        (STREAM, reply(b"<html>"), Garbled),
        (Request(method="GET", path="/models"), reply(b"{}"), ModelsListed),
        (Request(method="GET", path="/models/"), reply(b"{}"), ModelsListed),
        (Request(method="GET", path="/models/org/name"), reply(b"{}"), ModelRetrieved),
        (Request(method="OPTIONS", path="/chat/completions"), reply(b"", status=204), Other),
        (Request(method="POST", path="/embeddings"), reply(b"{}"), Other),
    ],
)
def test_a_reply_is_read_by_what_was_asked(request_: Request, reply_: Reply, expected: type[Exchange]) -> None:
    assert expected is type(exchange(request_, reply_))


def test_a_single_document_instead_of_a_stream_is_kept_for_the_rules() -> None:
    found = exchange(STREAM, reply(b'{"error": {"message": "no"}}'))
    assert isinstance(found, Garbled)
    assert {"error": {"message": "no"}} == found.body


def test_a_refusal_keeps_its_document_or_its_text() -> None:
    bodies = [exchange(CHAT, reply(content, status=400)) for content in (b'{"a": 1}', b"Bad <b>gateway</b>")]
    assert [{"a": 1}, "Bad <b>gateway</b>"] == [found.body for found in bodies if isinstance(found, Refused)]


def test_text_adds_up_in_order_and_per_choice() -> None:
    body = assembled(
        [
            chunk({"role": "assistant", "content": "", "refusal": None}),
            chunk({"content": "b1"}, index=1),
            chunk({"content": "a1"}),
            chunk({"content": "a2"}),
            chunk({}, "stop"),
            chunk({}, "length", index=1),
            {**chunk({}), "choices": [], "usage": {"total_tokens": 3}},
        ]
    )
    assert {
        "id": "a",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "usage": {"total_tokens": 3},
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "a1a2", "refusal": None}, "finish_reason": "stop"},
            {"index": 1, "message": {"content": "b1"}, "finish_reason": "length"},
        ],
    } == body


@pytest.mark.parametrize(
    "deltas",
    [
        [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}},
         {"index": 0, "function": {"arguments": '{"x"'}}, {"index": 0, "function": {"arguments": ": 1}"}}],
        [{"index": 1, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}],
        [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x"'}}, {"function": {"arguments": ": 1}"}}],
    ],
)  # fmt: skip
def test_a_tool_call_adds_up_with_any_first_index_or_none(deltas: list[Json]) -> None:
    body = assembled([chunk({"tool_calls": [delta]}) for delta in deltas])
    expected = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]
    assert expected == body["choices"][0]["message"]["tool_calls"]  # type: ignore[index,call-overload]


def test_parallel_calls_stay_apart() -> None:
    calls = [{"index": index, "id": f"c{index}", "function": {"name": "f", "arguments": str(index)}} for index in (0, 1)]
    body = assembled([chunk({"tool_calls": [call]}) for call in calls])
    assert ["0", "1"] == [call["function"]["arguments"] for call in body["choices"][0]["message"]["tool_calls"]]  # type: ignore[index,call-overload,union-attr]


def test_repeated_names_are_glued_as_clients_glue_them() -> None:
    delta = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    body = assembled([chunk({"tool_calls": [delta]}), chunk({"tool_calls": [delta]})])
    assert "ff" == body["choices"][0]["message"]["tool_calls"][0]["function"]["name"]  # type: ignore[index,call-overload]


def test_logprobs_add_up_and_the_chunks_stay_as_they_came() -> None:
    first, second = ({"content": [{"token": token}], "refusal": None} for token in "ab")
    chunks = [{**chunk({}), "choices": [{"index": 0, "delta": {}, "logprobs": part}]} for part in (first, second, None)]
    body = assembled(chunks)  # type: ignore[arg-type]
    assert [{"token": "a"}, {"token": "b"}] == body["choices"][0]["logprobs"]["content"]  # type: ignore[index,call-overload]
    assert {"content": [{"token": "a"}], "refusal": None} == first


def test_the_first_error_in_a_stream_is_marked() -> None:
    content = events(chunk({"content": "a"}), {"error": {"message": "overloaded"}}, b"[DONE]")
    found = exchange(STREAM, reply(content, media_type="text/event-stream"))
    assert isinstance(found, ChatStreamed)
    assert 1 == found.failed_at


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "object",
                    "choices",
                    "index",
                    "delta",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "logprobs",
                    "content",
                    "error",
                    "usage",
                    "role",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(st.lists(_JSON, max_size=6))
def test_any_chunks_add_up_to_something(chunks: list[Json]) -> None:
    before = json.dumps(chunks)
    json.dumps(assembled(chunks))
    assert before == json.dumps(chunks)


@given(st.binary(max_size=200), st.sampled_from(["application/json", "text/event-stream", ""]))
def test_any_bytes_make_an_exchange(content: bytes, media_type: str) -> None:
    for request in (CHAT, STREAM):
        assert isinstance(exchange(request, reply(content, media_type=media_type)), Exchange)
