"""Requests at the edge of what makes sense: crashed on, or carried out by overlooking half of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.model import Json
from harness.reading import arr, get, integer, obj, objects, text
from harness.reference.answer import Answer, Asked
from harness.reference.conversation import texts
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal


def _without(body: dict[str, Json], *names: str) -> dict[str, Json]:
    return {name: value for name, value in body.items() if name not in names}


def _crash(said: str) -> Refusal:
    return Refusal(said, status=500, kind="server_error")


def _messages(body: dict[str, Json]) -> list[dict[str, Json]]:
    return [message for _, message in objects(body.get("messages"))]


def _kept(body: dict[str, Json], keep: Callable[[list[dict[str, Json]], int], bool]) -> dict[str, Json]:
    """The body with some of its messages."""
    messages = _messages(body)
    if not messages or len(messages) != len(arr(body.get("messages"))):
        return body
    return {**body, "messages": [message for place, message in enumerate(messages) if keep(messages, place)]}


# ---------------------------------------------------------------- limits, choices, stop sequences


@fault(Stage.ASKED, caught_by=["limits/zero"])
def takes_no_tokens_for_no_limit(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`max_tokens: 0` is no limit (programs that ask `if max_tokens:`)."""
    return _without(body, "max_tokens") if body.get("max_tokens") == 0 else body


@fault(Stage.ASKED, caught_by=["asked.tokens-are-limited"], field=["both-max-params"])
def both_limits_are_none(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Of two limits neither counts (gateways that drop what contradicts itself)."""
    names = ("max_tokens", "max_completion_tokens")
    return _without(body, *names) if all(body.get(name) is not None for name in names) else body


@fault(Stage.ASKED, caught_by=["asked.tokens-are-limited"])
def a_null_limit_wins(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`max_completion_tokens: null` takes the place of `max_tokens` (servers that ask whether the key is there)."""
    return _without(body, "max_tokens") if "max_completion_tokens" in body else body


@fault(
    Stage.ASKED,
    caught_by=[
        "choices/each-cut",
        "limits/cut",
        "limits/max-completion-tokens",
        "limits/max-tokens",
        "limits/one-token",
        "limits/other-null",
        "logprobs/alone",
        "logprobs/alternatives",
        "logprobs/each-choice",
        "logprobs/most",
        "logprobs/no-alternatives",
    ],
    field=["max-tokens-legacy"],
)
def refuses_small_limits(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a limit below 16 (gateways before OpenAI's Responses API, which takes no smaller one)."""
    for name in ("max_tokens", "max_completion_tokens"):
        limit = integer(body.get(name))
        if limit is not None and 0 < limit < 16:
            said = f"integer below minimum value. Expected a value >= 16, but got {limit} instead"
            raise Refusal(said, param=name, code="integer_below_min_value")
    return body


@fault(Stage.ASKED, caught_by=["choices/none"])
def takes_no_choice_for_one(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`n: 0` is one choice (servers that know one)."""
    return _without(body, "n") if body.get("n") == 0 else body


@fault(Stage.ASKED, caught_by=["asked.stop-is-not-in-the-text"], field=["stop-string-and-array"])
def knows_four_stops(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Of more than four stop sequences the first four count (gateways that cut the list)."""
    stop = body.get("stop")
    return {**body, "stop": stop[:4]} if isinstance(stop, list) else body


@fault(Stage.ASKED, caught_by=["stop/empty-list"])
def stops_at_nothing(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """An empty list of stop sequences crashes the server (`max()` of nothing)."""
    if body.get("stop") == []:
        raise _crash("max() arg is an empty sequence")
    return body


@fault(Stage.ASKED, caught_by=["streaming/options-without-stream"])
def crashes_on_idle_stream_options(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for `stream_options` where nothing is streamed (bridges that hand them on)."""
    if body.get("stream_options") and not body.get("stream"):
        raise _crash("stream_options is only allowed in streams")
    return body


@fault(Stage.ASKED, caught_by=["reply.one-document-when-asked"], field=["stream-flag-false-honoured"])
def streams_where_the_key_is_there(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`stream: false` is a stream, for the key is there (Unsloth Studio)."""
    return {**body, "stream": True} if "stream" in body else body


# ---------------------------------------------------------------- tools and formats


@fault(Stage.ASKED, caught_by=["tools/empty-list"])
def crashes_on_an_empty_list_of_tools(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for `tools: []` (templates that look at the first)."""
    if body.get("tools") == []:
        raise _crash("list index out of range")
    return body


@fault(Stage.ASKED, caught_by=["tools/undeclared"])
def calls_for_an_undeclared_tool_are_overlooked(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A `tool_choice` of a tool that there is not counts as `auto` (bridges)."""
    wanted = text(get(body.get("tool_choice"), "function", "name"))
    declared = [text(get(tool, "function", "name")) for tool in arr(body.get("tools"))]
    return {**body, "tool_choice": "auto"} if wanted and wanted not in declared else body


@fault(Stage.ASKED, caught_by=["tools/choice-without-tools"])
def needs_no_tools_to_require_one(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`tool_choice: "required"` without tools is passed over (llama.cpp)."""
    return body if body.get("tools") else _without(body, "tool_choice")


@fault(Stage.ASKED, caught_by=["tools/parallel-without-tools"])
def crashes_on_parallel_calls_of_nothing(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for `parallel_tool_calls` without tools (`'NoneType' object is not iterable`)."""
    if "parallel_tool_calls" in body and "tools" not in body:
        raise _crash("'NoneType' object is not iterable")
    return body


@fault(Stage.ASKED, caught_by=["tools/same-name"])
def crashes_on_tools_of_one_name(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for two tools of one name (grammar compilers: a rule that is defined twice)."""
    names = [text(get(tool, "function", "name")) for tool in arr(body.get("tools"))]
    if len(set(names)) < len(names):
        raise _crash("rule is already defined")
    return body


@fault(Stage.ASKED, caught_by=["asked.json-is-json"])
def json_without_the_word_is_text(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """JSON mode is off where no message has the word (prompt-only implementations)."""
    said = " ".join(text(message.get("content")) for message in _messages(body)).casefold()
    return (
        body if "json" in said or get(body.get("response_format"), "type") != "json_object" else _without(body, "response_format")
    )


@fault(Stage.ASKED, caught_by=["asked.json-is-json"])
def a_schema_without_a_name_is_none(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A schema without a name is passed over (bridges that key their grammars by it)."""
    wanted = obj(get(body.get("response_format"), "json_schema"))
    return body if not wanted or "name" in wanted else _without(body, "response_format")


@fault(Stage.ASKED, caught_by=["asked.json-is-json"])
def a_loose_schema_is_none(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A schema that the grammar compiler does not like is dropped, and the answer is a text (local servers that fall back)."""
    schema = obj(get(body.get("response_format"), "json_schema", "schema"))
    return body if not schema or "additionalProperties" in schema else _without(body, "response_format")


# ---------------------------------------------------------------- messages


@fault(Stage.ASKED, caught_by=["conversation/names", "second-turn/named-result"])
def refuses_names(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `name` in a message (Groq)."""
    if any("name" in message and message.get("role") != "function" for message in _messages(body)):
        raise Refusal("'messages.0' : property 'name' is unsupported", param="messages")
    return body


@fault(Stage.ASKED, caught_by=["conversation/empty-user"], field=["empty-user-content"])
def refuses_empty_messages(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for an empty message of the user: "text content blocks must be non-empty" (Bedrock, Mistral)."""
    if any(message.get("role") == "user" and message.get("content") == "" for message in _messages(body)):
        raise Refusal("messages: text content blocks must be non-empty", param="messages")
    return body


@fault(Stage.ASKED, caught_by=["conversation/null-assistant"], field=["assistant-null-content-no-tools"])
def drops_messages_that_say_nothing(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A message of the assistant with neither text nor calls is passed over (local servers)."""

    def says_something(messages: list[dict[str, Json]], place: int) -> bool:
        message = messages[place]
        keys = ("content", "tool_calls", "function_call", "refusal", "audio")
        return message.get("role") != "assistant" or any(message.get(key) is not None for key in keys)

    return _kept(body, says_something)


@fault(Stage.ASKED, caught_by=["conversation/two-users"], field=["roles-need-not-alternate"])
def reads_the_last_of_two_questions(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Of two messages of the user in a row the last counts (bridges that pair questions with answers)."""

    def last_in_a_row(messages: list[dict[str, Json]], place: int) -> bool:
        following = messages[place + 1].get("role") if place + 1 < len(messages) else None
        return messages[place].get("role") != "user" or following != "user"

    return _kept(body, last_in_a_row)


@fault(Stage.ASKED, caught_by=["limits/both-names"], field=["both-max-params"])
def crashes_on_both_limits(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 where both names of the limit are there (strict validators behind a gateway)."""
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise _crash("got multiple values for keyword argument 'max_tokens'")
    return body


@fault(Stage.ASKED, caught_by=["errors/wrong-type"])
def a_wrong_type_is_the_default(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A temperature that is a text counts as none (llama.cpp, which falls back to its default)."""
    return body if not isinstance(body.get("temperature"), str) else _without(body, "temperature")


@fault(Stage.REFUSAL, caught_by=["errors/bad-json", "transport/empty"], field=["error-bad-json-400"])
def broken_json_is_500(refusal: Refusal, asked: Asked) -> Refusal:
    """500 for a body that is not JSON (Portkey, llama-cpp-python)."""
    if refusal.gateway and "not a JSON object" in refusal.message:
        refusal.status = 500
    return refusal


@fault(Stage.ASKED, caught_by=["errors/no-messages"])
def missing_messages_are_500(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for a request without messages: `KeyError: 'messages'` (LiteLLM)."""
    if "messages" not in body:
        raise _crash("KeyError: 'messages'")
    return body


@fault(Stage.ASKED, caught_by=["errors/messages-text"])
def messages_of_text_are_500(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for messages that are no list (servers that loop over whatever is there)."""
    if isinstance(body.get("messages"), str):
        raise _crash("string indices must be integers")
    return body


@fault(Stage.REFUSAL, caught_by=["errors/get-on-chat", "transport/head"], field=["http-head-get-chat"])
def other_methods_are_500(refusal: Refusal, asked: Asked) -> Refusal:
    """500 for GET where POST is meant (servers that read the body first)."""
    if refusal.status == 405:
        refusal.status = 500
    return refusal


@fault(Stage.REFUSAL, caught_by=["errors/unknown-path"])
def unknown_paths_are_400(refusal: Refusal, asked: Asked) -> Refusal:
    """400 for a path that there is not: "No route for that URI" (gateways of Cloudflare)."""
    if refusal.status == 404 and refusal.code is None:
        refusal.status = 400
    return refusal


@fault(
    Stage.ANSWER,
    caught_by=[
        "basic/answer",
        "streaming/explicit-false",
        "transport/accept-stream",
        "transport/charset",
        "transport/gzip",
        "transport/gzip-streamed",
        "transport/no-accept",
        "transport/query",
        "transport/sdk-headers",
    ],
)
def says_nothing_to_a_short_question(answer: Answer, asked: Asked) -> Answer:
    """An empty text for a question of two words without any parameter but the limit (a template that ends the turn at once)."""
    messages = _messages(asked.body)
    short = len(messages) == 1 and len(" ".join(texts(messages[0])).split()) <= 2
    if not short or asked.body.keys() - {"model", "messages", "stream", "max_tokens", "max_completion_tokens"}:
        return answer
    return replace(answer, turns=tuple(replace(turn, tokens=(), scores=None) for turn in answer.turns))


@fault(Stage.ANSWER, caught_by=["streaming/pieces-with-tools", "tools/declared"])
def says_nothing_where_no_tool_fits(answer: Answer, asked: Asked) -> Answer:
    """An empty text where tools are declared and none is called (parsers that hold back what could become a call)."""
    if not asked.body.get("tools") or asked.body.get("tool_choice") is not None or len(_messages(asked.body)) > 1:
        return answer
    return replace(answer, turns=tuple(replace(turn, tokens=() if turn.tokens else turn.tokens) for turn in answer.turns))
