"""Chat goes to Anthropic's Messages API and comes back: requests, answers, streams, refusals, and the whole of the suites."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import messages as native
import pytest
from click.testing import CliRunner
from exchanges import edited
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference_runs import MESSAGES, complaints, held, shipped, trials

from harness import judge
from harness.cli import chatcompat
from harness.dialects import NoEquivalent, dialect, names
from harness.model import (
    ChatCompleted,
    ChatStreamed,
    Endpoint,
    Evidence,
    Frame,
    Garbled,
    Level,
    MessagesCompleted,
    MessagesStreamed,
    Refused,
    Reply,
    Request,
    Statement,
    Verdict,
)
from harness.reading import get
from harness.reference.server import running

SPOKEN: Final = dialect("anthropic")
CLAUDE: Final = Endpoint(
    name="claude",
    title="Claude",
    base_url="https://claude.example/v1",
    model="m-1",
    dialect="anthropic",
    headers={"x-api-key": "${KEY}", "anthropic-version": "2023-06-01"},
)
SCHEMALESS: Final = Endpoint(
    name="old",
    title="Old",
    base_url="http://old.example",
    dialect="anthropic",
    lacks={"json-schema": Statement(link="https://x")},
)
HELLO: Final[list[Any]] = [{"role": "user", "content": "Say hi."}]
CALLS: Final[list[Any]] = [
    {"id": "call:1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
]


def chat(body: Any, path: str = "/chat/completions", headers: Any = (), **more: Any) -> Request:
    content = json.dumps(body).encode()
    return Request(method="POST", path=path, headers=headers, content=content, body=body, **more)


def sent(body: Any, endpoint: Endpoint = CLAUDE) -> Any:
    """The body that goes out for a chat body."""
    request = SPOKEN.outgoing(chat({"model": "m-1", "messages": HELLO, **body}), endpoint)
    assert isinstance(request, Request)
    assert request.body == json.loads(request.content or b"")
    return request.body


def turns(*messages: Any) -> Any:
    body = sent({"messages": [*messages]})
    return body.get("system"), body["messages"]


def answered(document: Any, asked: Any = None, *, status: int = 200, headers: Any = native.JSON, frames: Any = None) -> Any:
    """The exchange that a reply of the Messages API makes of a chat request."""
    request = chat({"model": "m-1", "messages": HELLO, **(asked or {})})
    out = SPOKEN.outgoing(request, CLAUDE)
    assert isinstance(out, Request)
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    reply = Reply(status=status, headers=headers, frames=frames or (Frame(at_ms=7.0, data=content),))
    return SPOKEN.incoming(request, out, reply)


# ---------------------------------------------------------------- requests


def test_the_dialects_are_those_that_the_profiles_may_name() -> None:
    assert ("anthropic", "openai") == names()


def test_a_question_goes_to_messages_with_a_limit_that_nobody_gave() -> None:
    assert {"model": "m-1", "messages": HELLO, "max_tokens": 1024} == sent({})


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_either_name_of_the_limit_is_the_limit(field: str) -> None:
    assert 9 == sent({field: 9})["max_tokens"]


def test_instructions_stand_apart_in_their_order() -> None:
    said = turns(
        {"role": "system", "content": "One."}, *HELLO, {"role": "developer", "content": [{"type": "text", "text": "Two."}]}
    )
    assert ("One.\nTwo.", HELLO) == said


def test_results_in_a_row_are_one_turn_and_ids_are_made_to_fit() -> None:
    call = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Paris"}}
    results = [
        {"role": "tool", "tool_call_id": "call:1", "content": "21"},
        {"role": "tool", "tool_call_id": "b", "content": "22"},
    ]
    _, said = turns(*HELLO, {"role": "assistant", "content": "", "tool_calls": CALLS}, *results, *HELLO)
    blocks = [
        {"type": "tool_result", "tool_use_id": "call_1", "content": "21"},
        {"type": "tool_result", "tool_use_id": "b", "content": "22"},
    ]
    assert [*HELLO, {"role": "assistant", "content": [call]}, {"role": "user", "content": blocks}, *HELLO] == said


def test_a_text_beside_calls_comes_before_them() -> None:
    _, said = turns({"role": "assistant", "content": "Let me see.", "tool_calls": CALLS})
    assert ["text", "tool_use"] == [block["type"] for block in said[0]["content"]]


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("data:image/png;base64,AAAA", {"type": "base64", "media_type": "image/png", "data": "AAAA"}),
        ("https://x.example/a.png", {"type": "url", "url": "https://x.example/a.png"}),
    ],
)
def test_pictures_are_sources(url: str, source: Any) -> None:
    _, said = turns({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]})
    assert [{"type": "image", "source": source}] == said[0]["content"]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"stop": "x"}, {"stop_sequences": ["x"]}),
        ({"stop": ["x", "y"]}, {"stop_sequences": ["x", "y"]}),
        ({"stop": None, "seed": None}, {}),
        ({"temperature": 1, "top_p": 0.5}, {"temperature": 1, "top_p": 0.5}),
        ({"temperature": 9}, {"temperature": 9}),  # wrong in both APIs: for the endpoint to refuse
        ({"n": 1, "logprobs": False, "store": False, "logit_bias": {}, "presence_penalty": 0}, {}),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"reasoning_effort": "low"}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"frobnicate": 3}, {"frobnicate": 3}),
        ({"response_format": {"type": "text"}}, {}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}},
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        ),
        ({"response_format": {"type": "pigeon"}}, {"response_format": {"type": "pigeon"}}),
        ({"tool_choice": "auto"}, {"tool_choice": {"type": "auto"}}),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"tool_choice": {"type": "none"}}),
        ({"tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"tool_choice": {"type": "tool", "name": "f"}}),
        ({"parallel_tool_calls": False}, {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
        ({"parallel_tool_calls": True}, {}),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": {"type": "object"}}}]},
            {"tools": [{"name": "f", "input_schema": {"type": "object"}, "strict": True}]},
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "description": "d"}}]},
            {"tools": [{"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}]},
        ),
    ],
)
def test_parameters_have_their_form_there(asked: Any, wanted: Any) -> None:
    assert {"model": "m-1", "messages": HELLO, "max_tokens": 1024, **wanted} == sent(asked)


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"seed": 0}, "seed"),
        ({"reasoning_effort": "minimal"}, "reasoning_effort minimal"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        ({"temperature": 1.5}, "temperature above 1"),
        ({"response_format": {"type": "json_object"}}, "response_format json_object"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools of type custom"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, "tool_choice allowed_tools"),
        ({"messages": [{"role": "user", "name": "Ann", "content": "Hi."}]}, "messages[].name"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "a content part of type input_audio"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "[1]"}}]}]},
            "arguments that are no JSON object",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": '{"a":1e999}'}}]}]},
            "arguments that are no JSON object",
        ),
    ],
)
def test_what_has_no_equivalent_is_named_and_not_sent(asked: Any, parameter: str) -> None:
    request = chat({"model": "m-1", "messages": HELLO, **asked})
    assert NoEquivalent(parameter=parameter) == SPOKEN.outgoing(request, CLAUDE)


def test_a_schema_is_not_sent_where_the_profile_says_that_it_is_not_taken() -> None:
    asked = {"messages": HELLO, "response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}
    assert NoEquivalent(parameter="response_format json_schema") == SPOKEN.outgoing(chat(asked), SCHEMALESS)


@pytest.mark.parametrize("wrong", ["Say hi.", [], None, [7], [{"role": "wizard", "content": "x"}]])
def test_messages_that_make_no_sense_are_passed_on(wrong: Any) -> None:
    request = SPOKEN.outgoing(chat({"model": "m-1", "messages": wrong}), CLAUDE)
    assert isinstance(request, Request)
    assert wrong == get(request.body, "messages")


def test_a_body_that_is_no_json_is_sent_as_it_is_to_messages() -> None:
    raw = Request(method="POST", path="/chat/completions", content=b'{"messages": [')
    request = SPOKEN.outgoing(raw, CLAUDE)
    assert isinstance(request, Request)
    assert ("/messages", b'{"messages": [') == (request.path, request.content)


def test_white_space_before_a_body_stays() -> None:
    request = SPOKEN.outgoing(Request(method="POST", path="/chat/completions", content=b"  {}", body={}), CLAUDE)
    assert isinstance(request, Request)
    assert b'  {"max_tokens":1024}' == request.content


@pytest.mark.parametrize(
    ("given", "sent_as"),
    [("Bearer wrong", "wrong"), ("Bearer undefined", "undefined"), ("Bearer ", ""), ("Basic abc", "Basic abc")],
)
def test_a_key_of_a_step_goes_where_the_endpoint_takes_keys(given: str, sent_as: str) -> None:
    request = SPOKEN.outgoing(chat({}, headers=(("authorization", given),)), CLAUDE)
    assert isinstance(request, Request)
    assert (("x-api-key", sent_as),) == request.headers


def test_a_key_that_is_left_out_is_left_out_there_too() -> None:
    request = SPOKEN.outgoing(chat({}, without=("authorization",)), CLAUDE)
    assert isinstance(request, Request)
    assert ("authorization", "x-api-key") == request.without


def test_the_version_is_named_where_the_profile_does_not() -> None:
    request = SPOKEN.outgoing(Request(method="GET", path="/models"), SCHEMALESS)
    assert isinstance(request, Request)
    assert (("anthropic-version", "2023-06-01"),) == request.headers


# ---------------------------------------------------------------- answers


def test_a_message_is_a_completion_and_the_wire_is_kept() -> None:
    x = answered(native.TEXT)
    assert (ChatCompleted, MessagesCompleted) == (type(x), type(x.wire))
    assert {
        "id": "msg_1",
        "object": "chat.completion",
        "created": 1795424400,
        "model": "m-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "It is sunny."}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 3,
            "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    } == x.body
    assert ("/chat/completions", "/messages") == (x.request.path, x.wire.request.path)
    assert (True, False) == (Evidence.BYTES in x.reply.lost, Evidence.BYTES in x.wire.reply.lost)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("tool_use", "tool_calls"),
        ("refusal", "content_filter"), ("model_context_window_exceeded", "length"), ("pause_turn", "pause_turn"), (None, None),
    ],
)  # fmt: skip
def test_each_reason_to_stop_is_one_to_finish(reason: str | None, finish: str | None) -> None:
    assert finish == get(answered({**native.TEXT, "stop_reason": reason}).body, "choices", 0, "finish_reason")


def test_calls_are_calls_with_arguments_as_text() -> None:
    message = get(answered(native.CALLED).body, "choices", 0, "message")
    function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    assert [None, [{"id": "toolu_1", "type": "function", "function": function}]] == [
        get(message, "content"),
        get(message, "tool_calls"),
    ]


def test_what_was_cached_is_part_of_the_prompt() -> None:
    usage = {"input_tokens": 1, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 100, "output_tokens": 1000}
    found = get(answered({**native.TEXT, "usage": usage}).body, "usage")
    assert (111, 1111, 100) == (
        get(found, "prompt_tokens"),
        get(found, "total_tokens"),
        get(found, "prompt_tokens_details", "cached_tokens"),
    )


def test_thoughts_are_counted_where_the_api_counts_them() -> None:
    usage = {**native.USAGE, "output_tokens_details": {"thinking_tokens": 2}}
    found = answered({**native.TEXT, "usage": usage}).body
    assert 2 == get(found, "usage", "completion_tokens_details", "reasoning_tokens")


def test_thinking_is_reasoning() -> None:
    document = edited(native.TEXT, {"/content/-": {"type": "thinking", "thinking": "Hm.", "signature": "s"}})
    assert "Hm." == get(answered(document).body, "choices", 0, "message", "reasoning_content")


def test_a_stream_is_chunks_at_the_times_of_its_events() -> None:
    content = native.written(native.CALL_EVENTS)
    blocks = [block + b"\n\n" for block in content.split(b"\n\n")[:-1]]
    frames = tuple(Frame(at_ms=10.0 * place, data=block) for place, block in enumerate(blocks))
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    x = answered(b"", asked, headers=native.STREAM, frames=frames)
    assert (ChatStreamed, MessagesStreamed) == (type(x), type(x.wire))
    message = get(x.body, "choices", 0, "message")
    call = {"id": "toolu_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    assert {"role": "assistant", "content": "It is sunny.", "tool_calls": [call]} == message
    assert ("tool_calls", 12, "[DONE]") == (
        get(x.body, "choices", 0, "finish_reason"),
        get(x.body, "usage", "total_tokens"),
        x.events[-1].data,
    )
    assert [0.0, 30.0, 40.0, 60.0, 80.0, 90.0, 110.0, 120.0, 120.0] == [event.at_ms for event in x.events]


def test_a_call_without_arguments_has_an_empty_object_for_arguments() -> None:
    events = [event for event in native.CALL_EVENTS if get(event, "delta", "type") != "input_json_delta"]
    x = answered(native.written(events), {"stream": True}, headers=native.STREAM)
    assert "{}" == get(x.body, "choices", 0, "message", "tool_calls", 0, "function", "arguments")


def test_usage_is_told_in_a_stream_only_where_it_was_asked_for() -> None:
    x = answered(native.written(native.EVENTS), {"stream": True}, headers=native.STREAM)
    assert "usage" not in x.body


def test_a_stream_that_never_stops_never_says_done() -> None:
    x = answered(native.written(native.EVENTS[:-1]), {"stream": True}, headers=native.STREAM)
    assert not any(event.data == "[DONE]" for event in x.events)


def test_a_failure_in_the_stream_is_one_of_chat() -> None:
    failed = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    x = answered(native.written([*native.EVENTS[:4], failed]), {"stream": True}, headers=native.STREAM)
    assert (2, "Overloaded") == (x.failed_at, get(x.chunks[-1].body, "error", "message"))


@pytest.mark.parametrize(
    ("kind", "said", "status", "code"),
    [
        ("authentication_error", "invalid x-api-key", 401, "invalid_api_key"),
        ("not_found_error", "model: m-9", 404, "model_not_found"),
        ("rate_limit_error", "slow down", 429, "rate_limit_exceeded"),
        ("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", 400, "context_length_exceeded"),
        ("invalid_request_error", "messages: Field required", 400, None),
    ],
)
def test_a_refusal_is_one_of_chat(kind: str, said: str, status: int, code: str | None) -> None:
    x = answered({"type": "error", "error": {"type": kind, "message": said}}, status=status)
    assert isinstance(x, Refused)
    assert {"error": {"message": said, "type": kind, "param": None, "code": code}} == x.body


def test_what_is_no_json_stays_so() -> None:
    html = b"<!doctype html><title>Hi</title>"
    x = answered(html)
    assert (Garbled, Garbled) == (type(x), type(x.wire))
    assert {"reply.not-html", "headers.json-content-type"} >= {found.rule for found in judge.standing(x)[0]}


def test_the_list_of_models_is_that_of_chat() -> None:
    request = Request(method="GET", path="/models")
    reply = Reply(status=200, headers=native.JSON, frames=(Frame(at_ms=1.0, data=json.dumps(native.MODELS).encode()),))
    x = SPOKEN.incoming(request, request, reply)
    one = {"id": "m-1", "object": "model", "created": 1769817600, "owned_by": "unknown"}
    assert {"object": "list", "data": [one]} == getattr(x, "body", None)


ANY_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "role", "content", "text", "tool_calls", "function", "index"]), inside)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(["messages", "tools", "tool_choice", "stop", "response_format", "temperature", "n", "user"]), ANY_JSON)
def test_any_request_goes_out_or_is_named(key: str, value: Any) -> None:
    request = chat({"model": "m-1", "messages": HELLO})
    try:
        content = json.dumps({**(request.body or {}), key: value}, allow_nan=False).encode()  # type: ignore[dict-item]
    except ValueError:
        return
    out = SPOKEN.outgoing(Request(method="POST", path="/chat/completions", content=content, body=json.loads(content)), CLAUDE)
    assert isinstance(out, Request | NoEquivalent)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(ANY_JSON, st.sampled_from(["/content", "/usage", "/stop_reason", "/role", "/content/0"]), st.sampled_from([200, 404]))
def test_any_answer_comes_back_and_is_judged(value: Any, place: str, status: int) -> None:
    for document in (value, edited(native.CALLED, {place: value})):
        assert judge.standing(answered(document, status=status))[2] is None
    content = b"event: message_start\ndata: " + json.dumps(value).encode() + b"\n\n" + native.written(native.EVENTS)
    assert judge.standing(answered(content, {"stream": True}, headers=native.STREAM))[2] is None


# ---------------------------------------------------------------- judged


def test_what_an_answer_means_is_judged_and_its_form_is_that_of_its_own_api() -> None:
    x = answered(edited(native.TEXT, {"/content/0/text": "one two three"}), {"stop": "two"})
    findings, applied, _ = judge.standing(x)
    said = [(one.rule, one.at) for one in findings if one.level is not Level.MAY]
    assert [("asked.stop-is-not-in-the-text", "translated /choices/0/message/content")] == said
    assert {"messages.type-is-message", "asked.stop-is-not-in-the-text", "reply.complete"} <= applied
    assert not {rule for rule in applied if rule.startswith(("document.", "choices.", "finish.", "usage."))}


def test_one_broken_character_is_one_finding() -> None:
    content = native.written(native.EVENTS).replace(b" sunny.", b" sunny\xff.")
    x = answered(content, {"stream": True}, headers=native.STREAM)
    assert ["framing.utf-8"] == [one.rule for one in judge.standing(x)[0] if one.level is not Level.MAY]


# ---------------------------------------------------------------- the whole


def test_the_reference_server_passes_everything_that_the_messages_api_has_a_form_for() -> None:
    verdicts: Counter[Verdict] = Counter()
    said: list[str] = []
    for place, trial in enumerate(trials(shipped(), MESSAGES)):
        judged, _ = held(trial, 1000 * place)
        verdict = judge.verdict(judged)
        verdicts[verdict] += 1
        if verdict is not Verdict.UNSUPPORTED:
            said += complaints(judged)
        else:
            assert "no equivalent of" in (judge.reason(judged) or "")
    assert [] == said
    assert verdicts[Verdict.PASS] > 3 * verdicts[Verdict.UNSUPPORTED] > 0


def test_a_recording_over_a_socket_replays_to_the_same_report(tmp_path: Path) -> None:
    cases = ["tools/called", "choices/two", "auth/wrong-key", "streaming/pieces", "models/list"]

    def run(mode: str) -> dict[str, Any]:
        out = tmp_path / mode
        at = ["--cassettes", str(tmp_path / "cassettes"), "--out", str(out), "--format", "json", "-q"]
        base = ["--base-url", url] if mode == "record" else []
        result = CliRunner().invoke(
            chatcompat, ["run", *cases, "--endpoint", "reference-messages", *base, "--mode", mode, *at], catch_exceptions=False
        )
        assert 0 == result.exit_code, result.output
        report = json.loads((out / "report.json").read_text(encoding="utf-8"))
        return {f"{one['case']} {one['stream']}": (one["verdict"], one["reason"], one["asked"]) for one in report["results"]}

    with running() as url:
        recorded = run("record")
    assert recorded == run("replay")
    assert {"pass", "unsupported"} == {verdict for verdict, _, _ in recorded.values()}
    assert not (tmp_path / "cassettes" / "reference-messages" / "choices").exists()
    cassette = (tmp_path / "cassettes" / "reference-messages" / "tools" / "called.yaml").read_text(encoding="utf-8")
    assert '"tool_use"' in cassette
    assert "chat.completion" not in cassette


def test_evidence_shows_what_was_on_the_wire(tmp_path: Path) -> None:
    from harness.reference import faults_named

    with running(faults_named(["the-input-of-a-call-is-a-text"])) as url:
        arguments = ["run", "tools/required", "--endpoint", "reference-messages", "--base-url", url]
        CliRunner().invoke(chatcompat, [*arguments, "--out", str(tmp_path), "--format", "json", "-q"])
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (shown,) = [one for one in report["results"] if one["case"] == "tools/required" and not one["stream"]]
    written = "".join(frame["text"] for frame in shown["exchanges"][0]["reply"]["frames"])
    spans = {one["rule"]: one["bytes"] and written[one["bytes"][0] : one["bytes"][1]] for one in shown["findings"]}
    assert ("fail", "/messages") == (shown["verdict"], shown["exchanges"][0]["request"]["path"])
    assert '"{}"' == spans["messages.tool-use-is-whole"]
