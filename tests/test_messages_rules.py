"""Each rule of the Messages API reports the exchange that breaks it, alone, and is silent where everything is in order."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from exchanges import GONE, edited
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from messages import (
    ASK,
    ASK_STREAM,
    CALL_EVENTS,
    CALLED,
    ERROR,
    EVENTS,
    MODELS,
    TEXT,
    completed,
    delta,
    listed,
    refused,
    stop,
    streamed,
    wired,
    written,
)

from harness import judge
from harness.model import Ending, Exchange, Level, MessagesCompleted, MessagesModelsListed, MessagesRefused, MessagesStreamed
from harness.rule import all_rules

THINKING: Final = [
    EVENTS[0],
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    delta(0, type="thinking_delta", thinking="Hm."),
    delta(0, type="signature_delta", signature="c2ln"),
    stop(0),
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    delta(1, type="text_delta", text="Sunny."),
    stop(1),
    *EVENTS[-2:],
]
STOPPED: Final[dict[str, Any]] = {**ASK, "stop_sequences": ["four"]}
FAILED: Final = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

Broken = tuple[str, Exchange, set[str]]

BROKEN: Final[list[Broken]] = [
    # rule, the exchange that breaks it, what else must report it (each for a reason)
    ("messages.type-is-message", completed({"/type": "chat.completion"}), set()),
    ("messages.type-is-message", completed({"/type": GONE}), set()),
    ("messages.content-is-a-list-of-blocks", completed({"/content": "Sunny."}), set()),
    ("messages.content-is-a-list-of-blocks", completed({"/content": GONE}), set()),
    ("messages.content-is-a-list-of-blocks", completed({"/content/0/type": GONE}), set()),
    ("messages.tool-use-is-whole", completed({"/content/0/input": '{"city": "Paris"}'}, document=CALLED), set()),
    ("messages.tool-use-is-whole", completed({"/content/0/id": ""}, document=CALLED), set()),
    ("messages.tool-use-is-whole", streamed({"/6/content_block/name": GONE}, events=CALL_EVENTS), set()),
    ("messages.stop-reason-is-given", completed({"/stop_reason": None}), set()),
    ("messages.stop-reason-is-given", streamed({"/6": GONE}), set()),
    ("messages.stop-reason-is-known", completed({"/stop_reason": "length"}), set()),
    ("messages.stop-reason-is-known", streamed({"/6/delta/stop_reason": "STOP"}), set()),
    ("messages.tool-use-stops-so", completed({"/stop_reason": "end_turn"}, document=CALLED), set()),
    ("messages.tool-use-stops-so", streamed({"/11/delta/stop_reason": "end_turn"}, events=CALL_EVENTS), set()),
    ("messages.tool-use-has-calls", completed({"/stop_reason": "tool_use"}), set()),
    ("messages.tool-use-has-calls", streamed({"/6/delta/stop_reason": "tool_use"}), set()),
    ("messages.stop-sequence-is-named", completed({"/stop_reason": "stop_sequence"}, STOPPED), set()),
    (
        "messages.stop-sequence-is-named",
        completed({"/stop_reason": "stop_sequence", "/stop_sequence": "five"}, STOPPED),
        set(),
    ),
    ("messages.usage-is-counted", completed({"/usage": GONE}), set()),
    ("messages.usage-is-counted", completed({"/usage/input_tokens": None}), set()),
    ("messages.usage-is-counted", streamed({"/0/message/usage/output_tokens": GONE}), set()),
    ("messages.usage-is-counted", streamed({"/6/usage": None}), set()),
    ("messages.counts-what-was-said", completed({"/usage/input_tokens": 0}), set()),
    ("messages.counts-what-was-said", completed({"/usage/output_tokens": 0}), set()),
    ("messages.counts-what-was-said", streamed({"/0/message/usage/input_tokens": 0}), set()),
    ("messages.text-is-not-empty", completed({"/content/-": {"type": "text", "text": "", "citations": None}}), set()),
    ("messages-stream.opens-with-message-start", streamed({"/0": GONE}), set()),
    ("messages-stream.opens-with-message-start", wired(written([*EVENTS[:3], EVENTS[0], *EVENTS[3:]])), set()),
    ("messages-stream.events-are-named", wired(written(EVENTS).replace(b"event: content_block_stop\n", b"")), set()),
    ("messages-stream.blocks-are-opened", wired(written([*EVENTS[:4], EVENTS[5], EVENTS[4], *EVENTS[6:]])), set()),
    ("messages-stream.blocks-are-opened", wired(written([*EVENTS[:6], EVENTS[5], *EVENTS[6:]])), set()),
    ("messages-stream.blocks-are-closed", streamed({"/5": GONE}), set()),
    ("messages-stream.indexes-count-from-zero", wired(written(EVENTS).replace(b'"index": 0', b'"index": 1')), set()),
    ("messages-stream.one-block-at-a-time", wired(written([*EVENTS[:5], *CALL_EVENTS[6:11], stop(0), *CALL_EVENTS[11:]])), set()),
    ("messages-stream.deltas-fit-their-block", streamed({"/4/delta": {"type": "thinking_delta", "thinking": "Hm."}}), set()),
    ("messages-stream.input-is-json", streamed({"/8/delta/partial_json": "city"}, events=CALL_EVENTS), set()),
    ("messages-stream.ends-with-message-stop", streamed({"/7": GONE}), set()),
    ("messages-stream.ends-with-message-stop", wired(written([*EVENTS, {"type": "ping"}])), set()),
    ("messages-stream.closes-after-message-stop", streamed(ended=Ending.HELD_OPEN), set()),
    ("messages-stream.no-done", wired(written(EVENTS) + b"data: [DONE]\n\n"), set()),
    ("messages-stream.error-in-band-has-a-message", wired(written(EVENTS[:4]) + b'data: {"error": {"message": "x"}}\n\n'), set()),
    ("messages-stream.error-in-band-has-a-message", wired(written([*EVENTS[:4], {"type": "error", "error": "x"}])), set()),
    ("messages-stream.error-in-band-has-a-message", wired(written(EVENTS[:4]) + b'data: {"type": "error"}\n\n'), set()),
    ("messages-stream.counts-grow", streamed({"/6/usage/input_tokens": 0}), set()),
    ("messages-errors.error-is-an-object", refused(document={"detail": "Not Found"}), set()),
    ("messages-errors.error-is-an-object", refused({"/error": "No such model."}), set()),
    ("messages-errors.says-that-it-is-an-error", refused({"/type": GONE}), set()),
    ("messages-errors.message-is-text", refused({"/error/message": [{"msg": "x"}]}), set()),
    ("messages-errors.error-has-a-type", refused({"/error/type": None}), set()),
    ("messages-errors.type-is-known", refused({"/error/type": "None"}), set()),
    ("messages-errors.status-fits-type", refused(status=400), set()),
    # rules of HTTP and of event streams, which hold of this API too
    ("errors.is-json-object", refused(document="Not Found"), set()),
    ("headers.json-content-type", completed(headers=(("content-type", "text/plain"), ("request-id", "r"))), set()),
    ("headers.event-stream-content-type", wired(written(EVENTS), headers=(("request-id", "r"),)), set()),
    ("headers.request-id", completed(headers=(("content-type", "application/json"), ("x-request-id", "r"))), set()),
    ("reply.status-200", completed(status=201), set()),
    ("framing.blank-line-at-end", wired(written(EVENTS)[:-1]), set()),
    ("framing.data-is-json", wired(written(EVENTS[:4]) + b"event: ping\ndata: x\n\n" + written(EVENTS[4:])), set()),
    ("errors.not-with-200", completed(document=ERROR), set()),
    # the contract
    ("contract.ecosystem", completed({"/role": "model"}), set()),
    ("contract.ecosystem", streamed({"/3/delta/text": GONE}), set()),
    ("contract.ecosystem", listed({"/data/0/id": 7}), set()),
    ("contract.observed", completed({"/stop_sequence": GONE}), set()),
    ("contract.observed", listed({"/has_more": GONE}), set()),
]

IN_ORDER: Final = {
    "text": completed(),
    "call": completed(document=CALLED),
    "stream": streamed(),
    "streamed call": streamed(events=CALL_EVENTS),
    "refusal": refused(),
    "models": listed(),
}
LOOKALIKES: Final = {
    "nothing was said": completed({"/content": [], "/usage/output_tokens": 0}),
    "one empty text": completed({"/content/0/text": "", "/usage/output_tokens": 0}),
    "thinking first": streamed(events=THINKING),
    "a stop sequence": completed({"/stop_reason": "stop_sequence", "/stop_sequence": "four"}, STOPPED),
    "everything from the cache": completed({"/usage/input_tokens": 0, "/usage/cache_read_input_tokens": 9}),
    "a call without arguments": streamed({"/8/delta/partial_json": "", "/9/delta/partial_json": ""}, events=CALL_EVENTS),
    "a call that was cut": streamed({"/9/delta/partial_json": '"Pa', "/11/delta/stop_reason": "max_tokens"}, events=CALL_EVENTS),
    "a tool that the API runs itself": completed(
        {"/content/-": {"type": "server_tool_use", "id": "s", "name": "n", "input": {}}}
    ),
    "an error in the stream": wired(written([*EVENTS[:4], FAILED])),
    "overloaded": refused({"/error/type": "overloaded_error"}, status=529),
    "pings anywhere": wired(written([{"type": "ping"}, *EVENTS[:4], {"type": "ping"}, *EVENTS[4:]])),
    "padded data": wired(written(EVENTS).replace(b"}\n\n", b"}          \n\n")),
    "no request id in an old error": refused({"/request_id": GONE}),
}


def found(x: Exchange) -> set[str]:
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


def test_every_rule_of_the_messages_api_is_broken_here() -> None:
    own = {rule.id for rule in all_rules() if rule.id.startswith("messages")}
    assert own == {rule for rule, _, _ in BROKEN if rule.startswith("messages")}


def test_exchanges_are_of_the_family_of_their_api() -> None:
    kinds = [type(IN_ORDER[name]) for name in ("text", "stream", "refusal", "models")]
    assert [MessagesCompleted, MessagesStreamed, MessagesRefused, MessagesModelsListed] == kinds


def test_what_events_add_up_to_is_the_message() -> None:
    x = IN_ORDER["streamed call"]
    assert isinstance(x, MessagesStreamed)
    said = edited(CALLED, {"/content": [{"type": "text", "text": "It is sunny."}, CALLED["content"][0]]})
    wanted = {key: said[key] for key in ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence")}
    assert {**wanted, "usage": TEXT["usage"]} == x.body


ANY_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(["", "text", "tool_use", "message_start"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(["type", "index", "delta", "error"]), inside),
    max_leaves=8,
)
PLACES: Final = [f"/{n}{key}" for n in range(len(CALL_EVENTS)) for key in ("", "/type", "/index", "/delta", "/content_block")]
KEYS: Final = [f"/{key}" for key in CALLED] + ["/content/0/input", "/content/0/type", "/usage/input_tokens"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(PLACES), st.sampled_from(KEYS), ANY_JSON)
def test_no_rule_raises_whatever_is_sent(place: str, key: str, value: Any) -> None:
    here = edited(list(CALL_EVENTS), {place: value})
    stream = b"".join(b"event: ping\ndata: " + json.dumps(event).encode() + b"\n\n" for event in here)
    for x in (
        wired(stream, ASK_STREAM),
        completed({key: value}, document=CALLED),
        refused(document=value),
        refused({"/error": value}),
        listed(document=edited(MODELS, {"/data": value})),
    ):
        assert judge.standing(x)[2] is None
