"""A step becomes the bytes that go out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import prepare
from harness.claims import Dangling
from harness.errors import BadInput
from harness.model import Case, ChatCompleted, Endpoint, Http, Json, Reply, Request, Step, Trial

JSON_TYPE = (("content-type", "application/json"),)
ENDPOINT = Endpoint(name="e", title="E", base_url="http://127.0.0.1:1/v1", model="m-1")


def trial(endpoint: Endpoint = ENDPOINT, *, stream: bool = False, needs: tuple[str, ...] = ("chat",)) -> Trial:
    return Trial(
        endpoint=endpoint, case=Case(suite="s", id="c", title="T", needs=needs, steps=(), stream=(stream,)), stream=stream
    )


def chat(request: dict[str, Json]) -> Step:
    return Step(id="ask", request=request)


def http(
    method: str = "POST", path: str = "/chat/completions", *, body: Json = None, raw: str | None = None, **headers: Json
) -> Step:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Step(id="ask", http=Http(method=method, path=path, headers=named, body=body, raw=raw))  # type: ignore[arg-type]


def answer(body: Json) -> ChatCompleted:
    return ChatCompleted(request=Request(method="POST", path="/chat/completions"), reply=Reply(status=200), body=body)


# ---------------------------------------------------------------- chat requests


def test_a_chat_request_is_compact_json_with_the_model_first_and_no_credential() -> None:
    step = chat({"messages": [{"role": "user", "content": "Say hi — 発."}], "$max_tokens": 64, "n": 2, "stop": None})
    content = '{"model":"m-1","messages":[{"role":"user","content":"Say hi — 発."}],"max_tokens":64,"n":2,"stop":null}'
    assert prepare.request(trial(), step, {}) == Request(
        method="POST", path="/chat/completions", headers=JSON_TYPE, content=content.encode(), body=json.loads(content)
    )


@pytest.mark.parametrize(
    ("stream", "request_body", "content"),
    [
        (False, {}, b'{"model":"m-1"}'),
        (True, {}, b'{"model":"m-1","stream":true}'),
        (True, {"stream": False}, b'{"model":"m-1","stream":false}'),
        (False, {"stream": True}, b'{"model":"m-1","stream":true}'),
        (True, {"stream": None}, b'{"model":"m-1","stream":null}'),
        (True, {"n": 1}, b'{"model":"m-1","n":1,"stream":true}'),
        (False, {"model": "other", "n": 1}, b'{"model":"other","n":1}'),
        (False, {"n": 1, "model": None}, b'{"n":1,"model":null}'),
        (False, {"n": 1, "model": "{model}"}, b'{"n":1,"model":"m-1"}'),
    ],
)
def test_model_and_stream_are_filled_in_where_the_body_does_not_say_them(
    stream: bool, request_body: dict[str, Json], content: bytes
) -> None:
    assert content == prepare.request(trial(stream=stream), chat(request_body), {}).content


def test_the_limit_of_tokens_is_called_as_the_endpoint_wants_it() -> None:
    modern = Endpoint(name="e", title="E", base_url="http://x", model="m", token_field="max_completion_tokens")
    assert b'{"model":"m","max_completion_tokens":5}' == prepare.request(trial(modern), chat({"$max_tokens": 5}), {}).content


@pytest.mark.parametrize(
    ("needs", "model"),
    [
        (("chat",), "m-1"),
        (("chat", "vision"), "m-v"),
        (("vision", "tools"), "m-t"),
        (("vision", "stop"), "m-v"),
    ],
)
def test_a_feature_may_have_a_model_of_its_own(needs: tuple[str, ...], model: str) -> None:
    several = Endpoint(name="e", title="E", base_url="http://x", model="m-1", models={"vision": "m-v", "tools": "m-t"})
    assert {"model": model} == prepare.request(trial(several, needs=needs), chat({}), {}).body


def test_an_endpoint_without_a_model_is_told_how_to_give_one() -> None:
    nameless = Endpoint(name="e", title="E", base_url="http://x")
    with pytest.raises(BadInput, match="the endpoint e has no model: give it with --model, or as `model` in its profile"):
        prepare.request(trial(nameless), chat({}), {})
    assert b'{"model":"own"}' == prepare.request(trial(nameless), chat({"model": "own"}), {}).content
    assert "/models" == prepare.request(trial(nameless), http("GET", "/models"), {}).path


def test_the_suite_s_own_request_is_left_as_it_was() -> None:
    said: dict[str, Json] = {"$max_tokens": 5, "messages": [{"role": "user", "content": "a"}]}
    prepare.request(trial(stream=True), chat(said), {})
    assert {"$max_tokens": 5, "messages": [{"role": "user", "content": "a"}]} == said


# ---------------------------------------------------------------- other HTTP requests


def test_a_request_without_a_body_has_no_content_and_no_content_type() -> None:
    expected = Request(method="GET", path="/models")
    assert expected == prepare.request(trial(), http("GET", "/models"), {})


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("m-1", "/models/m-1"),
        ("meta/llama 3?x#y%z", "/models/meta/llama%203%3Fx%23y%25z"),
        ("name:tag@v", "/models/name:tag@v"),
        ("modèle", "/models/mod%C3%A8le"),
    ],
)
def test_the_model_s_id_in_a_path_is_percent_encoded_but_for_what_a_path_may_hold(model: str, path: str) -> None:
    endpoint = Endpoint(name="e", title="E", base_url="http://x", model=model)
    assert path == prepare.request(trial(endpoint), http("GET", "/models/{model}"), {}).path


def test_the_body_of_another_request_gets_its_model_and_limit_too_but_no_stream() -> None:
    step = http(body={"messages": [], "$max_tokens": 5})
    assert b'{"model":"m-1","messages":[],"max_tokens":5}' == prepare.request(trial(stream=True), step, {}).content


def test_a_body_that_is_no_object_goes_out_as_it_is() -> None:
    assert b'["a",1]' == prepare.request(trial(), http(body=["a", 1]), {}).content


@pytest.mark.parametrize(
    ("raw", "body"),
    [('{"model": "any", "messages": [', None), ('{"model":  "x"}\n', {"model": "x"}), ("", None), ("発", None), ("NaN", None)],
)
def test_raw_text_goes_out_as_it_stands(raw: str, body: Json) -> None:
    request = prepare.request(trial(), http(raw=raw), {})
    assert (raw.encode(), body, JSON_TYPE) == (request.content, request.body, request.headers)


def test_a_body_may_be_written_with_escapes() -> None:
    body: Json = {"messages": [{"role": "user", "content": "é 😀"}]}
    step = Step(id="ask", http=Http(method="POST", path="/chat/completions", body=body, encoding="ascii"))
    request = prepare.request(trial(), step, {})
    said = b'{"model":"m-1","messages":[{"role":"user","content":"\\u00e9 \\ud83d\\ude00"}]}'
    assert (said, {"model": "m-1", **body}) == (request.content, request.body)  # type: ignore[dict-item]


def test_headers_are_set_replaced_and_left_out() -> None:
    step = http(body={}, authorization=None, x_id="7", content_type="text/plain")
    request = prepare.request(trial(), step, {})
    assert (("content-type", "text/plain"), ("x-id", "7")) == request.headers
    assert ("authorization",) == request.without


def test_a_content_type_of_null_is_not_sent() -> None:
    request = prepare.request(trial(), http(body={}, content_type=None), {})
    assert ((), ("content-type",)) == (request.headers, request.without)


# ---------------------------------------------------------------- values of earlier steps


ANSWERS = {"ask": answer({"id": "x-1", "n": 5, "choices": [{"message": {"role": "assistant", "content": None}}]})}


def test_values_of_earlier_answers_go_into_bodies_and_headers() -> None:
    message: Json = {"$from": "ask#/choices/-1/message"}
    asked = prepare.request(trial(), chat({"messages": [message], "user": {"$from": "ask#/id"}}), ANSWERS)
    assert b'{"model":"m-1","messages":[{"role":"assistant","content":null}],"user":"x-1"}' == asked.content
    other = prepare.request(trial(), http(body={"a": message}, x_id={"$from": "ask#/id"}, x_n={"$from": "ask#/n"}), ANSWERS)
    assert b'{"model":"m-1","a":{"role":"assistant","content":null}}' == other.content
    assert (*JSON_TYPE, ("x-id", "x-1"), ("x-n", "5")) == other.headers


def test_a_value_that_is_not_there_dangles() -> None:
    with pytest.raises(Dangling, match="'ask#/nothing' leads nowhere"):
        prepare.request(trial(), chat({"a": {"$from": "ask#/nothing"}}), ANSWERS)
    with pytest.raises(Dangling, match="'other#/id' leads nowhere"):
        prepare.request(trial(), chat({"a": {"$from": "other#/id"}}), ANSWERS)


def _nested(depth: int) -> Json:
    value: Json = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), _nested(5000)], ids=["inf", "-inf", "deep"])
def test_a_value_that_json_cannot_hold_dangles(value: Json) -> None:
    said: Json = {"a": [{"b": {"$from": "ask#/v"}}]}
    for step in (chat({"in": said}), http(body=said)):
        with pytest.raises(Dangling, match="'ask#/v' leads to a value that cannot be sent as JSON") as raised:
            prepare.request(trial(), step, {"ask": answer({"v": value})})
        assert "ask#/v" == raised.value.reference


def test_half_a_surrogate_pair_of_an_answer_is_sent_as_the_escape_it_came_as() -> None:
    step = chat({"a": {"$from": "ask#/v"}})
    request = prepare.request(trial(), step, {"ask": answer({"v": "é\ud83d"})})
    assert b'{"model":"m-1","a":"\\u00e9\\ud83d"}' == request.content


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "\x00", "発", "a\x7f"])
def test_a_value_that_a_header_cannot_hold_dangles(value: str) -> None:
    with pytest.raises(Dangling, match="'ask#/v' leads to a value that cannot be sent in a header"):
        prepare.request(trial(), http(x_id={"$from": "ask#/v"}), {"ask": answer({"v": value})})


def test_a_draft_shows_where_values_will_stand() -> None:
    step = chat({"messages": [{"$from": "ask#/choices/0/message"}], "$max_tokens": 5})
    assert (
        b'{"model":"m-1","messages":[{"$from":"ask#/choices/0/message"}],"max_tokens":5}' == prepare.draft(trial(), step).content
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_what_goes_out_reads_as_the_body_and_is_utf_8(value: Json) -> None:
    request = prepare.request(trial(), chat({"a": {"$from": "ask#/v"}}), {"ask": answer({"v": value})})
    assert request.content is not None
    assert request.body == json.loads(request.content.decode("utf-8"))
