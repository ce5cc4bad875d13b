"""What servers do with answers of other providers that come back on the second turn."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model import Json
from harness.reading import arr, get, obj, objects, text
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal


@fault(Stage.ASKED, caught_by=["second-turn/thoughts-kept"])
def breaks_on_thoughts(body: Json, asked: Asked) -> Json:
    """500 for an answer that comes back with `reasoning_content` (typed messages that know no further key)."""
    if any("reasoning_content" in message for message in _messages(body)):
        raise _broken("__init__() got an unexpected keyword argument")
    return body


@fault(Stage.ASKED, caught_by=["second-turn/empty-keys"])
def takes_the_first_of_no_calls(body: Json, asked: Asked) -> Json:
    """500 for an answer that comes back with `tool_calls: []` (`message["tool_calls"][0]`)."""
    if any(message.get("tool_calls") == [] for message in _messages(body)):
        raise _broken("list index out of range")
    return body


@fault(Stage.ASKED, caught_by=["second-turn/index-kept"])
def knows_no_index_in_a_call(body: Json, asked: Asked) -> Json:
    """400 for a call that comes back with the `index` of its delta (schemas that are closed)."""
    if any("index" in call for call in _calls(body)):
        raise Refusal("Extra inputs are not permitted: index")
    return body


@fault(Stage.ASKED, caught_by=["second-turn/short-ids"])
def wants_long_ids(body: Json, asked: Asked) -> Json:
    """400 for a call whose id is shorter than its own (checks by the length of one's own ids)."""
    if any(len(text(call.get("id"))) < 10 for call in _calls(body)):
        raise Refusal("The id of a tool call is too short.")
    return body


@fault(Stage.ASKED, caught_by=["second-turn/empty-arguments"])
def reads_arguments_that_are_not_there(body: Json, asked: Asked) -> Json:
    """500 for a call that comes back with `arguments: ""` (chat templates that need an object)."""
    if any(get(call, "function", "arguments") == "" for call in _calls(body)):
        raise _broken("Expecting value: line 1 column 1 (char 0)")
    return body


@fault(Stage.ASKED, caught_by=["second-turn/text-beside-calls"])
def wants_a_text_or_a_call(body: Json, asked: Asked) -> Json:
    """400 for an answer in the history that has both a text and a call (chat templates with an `else`)."""
    if any(message.get("content") and message.get("tool_calls") for message in _messages(body)):
        raise Refusal("An assistant message must have either content or tool calls, but not both.")
    return body


@fault(Stage.ASKED, caught_by=["second-turn/other-order"])
def wants_results_in_order(body: Json, asked: Asked) -> Json:
    """400 for results that come in another order than their calls (lists that are zipped)."""
    results = [text(message.get("tool_call_id")) for message in _messages(body) if message.get("role") == "tool"]
    calls = [text(call.get("id")) for call in _calls(body)]
    if results != [call for call in calls if call in results]:
        raise Refusal("Tool results do not match the tool calls.")
    return body


@fault(Stage.ASKED, caught_by=["second-turn/named-result"])
def results_have_no_name(body: Json, asked: Asked) -> Json:
    """400 for a result that carries the name of its tool (schemas that are closed)."""
    if any(message.get("role") == "tool" and "name" in message for message in _messages(body)):
        raise Refusal("Extra inputs are not permitted: name")
    return body


@fault(Stage.ASKED, caught_by=["second-turn/empty-result"])
def results_must_say_something(body: Json, asked: Asked) -> Json:
    """400 for a result without a text (gateways to APIs that refuse an empty block)."""
    if any(message.get("role") == "tool" and message.get("content") == "" for message in _messages(body)):
        raise Refusal("text content blocks must be non-empty")
    return body


@fault(Stage.ASKED, caught_by=["second-turn/second-round"])
def reads_the_first_round_alone(body: Json, asked: Asked) -> Json:
    """Of several rounds of calls only the first is read (templates that look for one call and one result)."""
    messages = arr(obj(body).get("messages"))
    rounds = [place for place, message in objects(messages) if message.get("tool_calls")]
    if len(rounds) > 1:
        obj(body)["messages"] = messages[: rounds[1]]
    return body


def _messages(body: Json) -> list[dict[str, Json]]:
    return [message for _, message in objects(obj(body).get("messages"))]


def _calls(body: Json) -> Iterator[dict[str, Json]]:
    for message in _messages(body):
        for _, call in objects(message.get("tool_calls")):
            yield call


def _broken(said: str) -> Refusal:
    return Refusal(said, status=500, kind="server_error")
