"""Messages that are refused, or passed over in silence."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from harness.model import Json
from harness.reading import arr, get, obj, objects, text
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal

Message = dict[str, Json]


def _messages(body: dict[str, Json]) -> list[Message]:
    return [message for _, message in objects(body.get("messages"))]


def _changed(body: dict[str, Json], change: Callable[[list[Message]], list[Message]]) -> dict[str, Json]:
    """The body with other messages, where it has any that are messages."""
    messages = _messages(body)
    if not messages or len(messages) != len(arr(body.get("messages"))):
        return body
    changed: list[Json] = [*change(messages)]
    return {**body, "messages": changed}


def _template_fails(said: str) -> Refusal:
    """As chat templates fail: with the server's own error."""
    return Refusal(f"Error rendering prompt with jinja template: {said}", status=500, kind="server_error")


_WITH_A_CALL_BEFORE: Final = (
    "reasoning/dropped-with-call",
    "reasoning/returned-with-call",
    "second-turn/empty-arguments",
    "second-turn/empty-result",
    "second-turn/index-kept",
    "second-turn/named-result",
    "second-turn/other-order",
    "second-turn/second-round",
    "second-turn/short-ids",
    "second-turn/text-beside-calls",
    "tools/empty-content",
    "tools/foreign-ids",
    "tools/no-content",
    "tools/replay",
    "tools/result",
    "tools/result-parts",
    "tools/tools-gone",
    "tools/user-after-result",
)
"""The cases in which a call of a tool is in the history."""


@fault(Stage.ASKED, caught_by=["conversation/developer"], field=["role-developer"])
def refuses_the_developer(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400: "developer" is not one of the roles (DashScope, GLM)."""
    if any(message.get("role") == "developer" for message in _messages(body)):
        raise Refusal("'developer' is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.0.role'")
    return body


@fault(Stage.ASKED, caught_by=["conversation/developer"], field=["role-developer-not-dropped"])
def drops_the_developer(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Developer messages are passed over (templates that know four roles)."""
    return _changed(body, lambda messages: [message for message in messages if message.get("role") != "developer"])


@fault(
    Stage.ASKED,
    caught_by=["conversation/late-system", "conversation/system", "conversation/system-parts", "conversation/two-systems"],
    field=["role-system-accepted"],
)
def drops_the_system(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """System messages are passed over (Gemma's template)."""
    return _changed(body, lambda messages: [message for message in messages if message.get("role") != "system"])


@fault(Stage.ASKED, caught_by=["conversation/late-system", "conversation/two-systems"], field=["two-system-effective"])
def reads_the_first_system_message_alone(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Of several system messages the first counts (templates that look at `messages[0]`)."""

    def first_alone(messages: list[Message]) -> list[Message]:
        systems = [message for message in messages if message.get("role") == "system"]
        return [message for message in messages if message not in systems[1:]]

    return _changed(body, first_alone)


@fault(Stage.ASKED, caught_by=["conversation/two-systems"], field=["two-system-effective"])
def reads_the_last_system_message_alone(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Of several system messages the last counts (bridges to APIs with one)."""

    def last_alone(messages: list[Message]) -> list[Message]:
        systems = [message for message in messages if message.get("role") == "system"]
        return [message for message in messages if message not in systems[:-1]]

    return _changed(body, last_alone)


@fault(Stage.ASKED, caught_by=["conversation/late-system", "conversation/two-systems"], field=["system-not-first"])
def wants_the_system_message_first(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 where a system message is not the first (llama.cpp, LM Studio)."""
    if any(message.get("role") == "system" for message in _messages(body)[1:]):
        raise _template_fails("System message must be at the beginning.")
    return body


@fault(
    Stage.ASKED,
    caught_by=["conversation/two-assistants", "conversation/two-users", "second-turn/second-round"],
    field=["roles-need-not-alternate"],
)
def wants_roles_to_alternate(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 where user or assistant speak twice (Mistral's and Gemma's templates)."""
    roles = [message.get("role") for message in _messages(body) if message.get("role") in ("user", "assistant")]
    if any(one == other for one, other in pairwise(roles)):
        raise _template_fails("Conversation roles must alternate user/assistant/user/assistant/...")
    return body


@fault(Stage.ASKED, caught_by=["conversation/assistant-first"], field=["first-message-assistant"])
def wants_the_user_first(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 where the assistant speaks first (templates)."""
    if [message.get("role") for message in _messages(body)][:1] == ["assistant"]:
        raise _template_fails("A conversation must start with a user prompt.")
    return body


@fault(Stage.ASKED, caught_by=["conversation/prefill"])
def wants_the_user_last(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 where the assistant spoke last (Mistral)."""
    if [message.get("role") for message in _messages(body)][-1:] == ["assistant"]:
        raise Refusal("Expected last role User or Tool for serving but got assistant")
    return body


@fault(
    Stage.ASKED,
    caught_by=[
        "context-overflow/conversation",
        "conversation/assistant-first",
        "conversation/developer",
        "conversation/history",
        "conversation/late-system",
        "conversation/names",
        "conversation/null-assistant",
        "conversation/openai-message",
        "conversation/system",
        "conversation/system-parts",
        "conversation/two-assistants",
        "conversation/two-systems",
        "conversation/two-users",
        "vision/earlier",
    ],
)
def forgets_earlier_turns(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Only the last message is read (agents behind an API)."""
    return _changed(body, lambda messages: messages[-1:] if messages[-1].get("role") == "user" else messages)


@fault(
    Stage.ASKED,
    caught_by=[
        "conversation/system-parts",
        "conversation/user-parts",
        "tools/result-parts",
        "vision/colours",
        "vision/detail",
        "vision/earlier",
        "vision/gif",
        "vision/jpeg",
        "vision/png",
        "vision/two",
        "vision/webp",
    ],
    field=["content-parts-text"],
)
def wants_content_as_text(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for content that is a list of parts (DeepSeek's first API, llama-cpp-python)."""
    if any(isinstance(message.get("content"), list) for message in _messages(body)):
        raise Refusal("messages: invalid type: sequence, expected a string")
    return body


@fault(
    Stage.ASKED,
    caught_by=[
        "conversation/user-parts",
        "vision/colours",
        "vision/earlier",
        "vision/two",
    ],
)
def reads_the_last_part_alone(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Of several text parts the last counts (bridges that look for one text)."""

    def shortened(message: Message) -> Message:
        content = message.get("content")
        return {**message, "content": content[-1:]} if isinstance(content, list) else message

    return _changed(body, lambda messages: [shortened(message) for message in messages])


@fault(Stage.ASKED, caught_by=["conversation/system-parts"])
def drops_parts_of_system_messages(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A system message counts only where it is a text (templates that ask `is string`)."""

    def texts_alone(messages: list[Message]) -> list[Message]:
        return [m for m in messages if not (m.get("role") == "system" and isinstance(m.get("content"), list))]

    return _changed(body, texts_alone)


@fault(
    Stage.ASKED,
    caught_by=[
        "conversation/openai-message",
        "conversation/replay",
        "reasoning/returned",
        "reasoning/returned-with-call",
        "tools/replay",
    ],
    field=["refusal-annotations-replay", "unknown-message-fields", "reasoning-passback-forbidden"],
)
def refuses_fields_that_it_sends(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `refusal` and `annotations` in a message, which are in every answer (strict validators)."""
    for message in _messages(body):
        if "refusal" in message or "annotations" in message:
            raise Refusal("messages: Extra inputs are not permitted")
    return body


@fault(
    Stage.ASKED,
    caught_by=[
        "reasoning/dropped-with-call",
        "reasoning/returned-with-call",
        "second-turn/empty-arguments",
        "second-turn/empty-result",
        "second-turn/index-kept",
        "second-turn/named-result",
        "second-turn/other-order",
        "second-turn/second-round",
        "second-turn/short-ids",
        "tools/foreign-ids",
        "tools/replay",
        "tools/result",
        "tools/result-parts",
        "tools/tools-gone",
        "tools/user-after-result",
    ],
    field=["assistant-null-content-tools"],
)
def refuses_null_beside_calls(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `content: null` beside tool calls (Cloudflare, LM Studio of 2024)."""
    return _refused_where(body, lambda message: message.get("content", "") is None)


@fault(Stage.ASKED, caught_by=["tools/empty-content"], field=["assistant-empty-string-content-tools"])
def refuses_an_empty_text_beside_calls(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `content: ""` beside tool calls (Bedrock)."""
    return _refused_where(body, lambda message: message.get("content") == "")


@fault(Stage.ASKED, caught_by=["tools/no-content"], field=["assistant-content-absent-tools"])
def wants_content_beside_calls(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for a message with tool calls and no `content` (lmdeploy)."""
    return _refused_where(body, lambda message: "content" not in message, status=500)


def _refused_where(body: dict[str, Json], wrong: Callable[[Message], bool], status: int = 400) -> dict[str, Json]:
    if any(message.get("tool_calls") and wrong(message) for message in _messages(body)):
        raise Refusal("messages: an assistant message must have content", status=status)
    return body


@fault(Stage.ASKED, caught_by=["tools/result-parts"], field=["tool-content-parts"])
def wants_results_as_text(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a tool's result that is a list of parts (strict validators)."""
    if any(message.get("role") == "tool" and isinstance(message.get("content"), list) for message in _messages(body)):
        raise Refusal("messages: the content of a tool message must be a string")
    return body


@fault(Stage.ASKED, caught_by=["tools/foreign-ids"], field=["tool-call-id-any-string"])
def wants_ids_of_its_own_making(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for the id of a call that has other characters than letters, digits, _ and - (Mistral, Anthropic)."""
    for message in _messages(body):
        for call in arr(message.get("tool_calls")):
            if not re.fullmatch(r"[\w-]+", text(get(call, "id"))):
                raise Refusal("Tool call id must be a-z, A-Z, 0-9, _ or -")
    return body


@fault(Stage.ASKED, caught_by=["tools/user-after-result"], field=["user-after-tool"])
def wants_the_assistant_after_a_result(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 where the user speaks right after a tool (Mistral)."""
    roles = [message.get("role") for message in _messages(body)]
    if ("tool", "user") in pairwise(roles):
        raise Refusal("Unexpected role 'user' after role 'tool'")
    return body


@fault(
    Stage.ASKED,
    caught_by=[*_WITH_A_CALL_BEFORE, "vision/tool-result"],
    field=["tool-roundtrip"],
)
def refuses_every_result(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for any tool's result (templates without tools)."""
    if any(message.get("role") == "tool" for message in _messages(body)):
        raise _template_fails("Unknown role: tool")
    return body


@fault(Stage.ASKED, caught_by=["second-turn/second-round", "tools/result"])
def does_not_read_results(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """The result of a tool is taken, and its text lost (bridges)."""

    def emptied(message: Message) -> Message:
        return {**message, "content": "(empty)"} if message.get("role") == "tool" else message

    return _changed(body, lambda messages: [emptied(message) for message in messages])


@fault(Stage.ASKED, caught_by=["tools/tools-gone"])
def wants_tools_beside_calls(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for calls in the history where no tools are declared (Anthropic behind LiteLLM)."""
    if not body.get("tools") and any(message.get("tool_calls") for message in _messages(body)):
        raise Refusal("`tools` must be given where the messages contain tool calls")
    return body


@fault(Stage.ASKED, caught_by=["errors/no-model", "errors/unknown-model"], field=["error-unknown-model", "resp-model-echo"])
def answers_for_any_model(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A model that does not exist is answered by the one that is loaded (llama.cpp, mlx-serve)."""
    return {**body, "model": "reference-1"}


@fault(Stage.ASKED, caught_by=["errors/unknown-role"])
def answers_to_any_role(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A message of a role that does not exist is taken for the user's (llama.cpp)."""
    known = ("system", "developer", "user", "assistant", "tool", "function")
    return _changed(body, lambda messages: [m if m.get("role") in known else {**m, "role": "user"} for m in messages])


@fault(Stage.ASKED, caught_by=["errors/unknown-part"], field=["image-on-text-model"])
def drops_unknown_parts(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Content parts of a type that does not exist are passed over (bridges)."""

    def known(message: Message) -> Message:
        content = message.get("content")
        parts = [part for part in arr(content) if get(part, "type") in ("text", "image_url", "input_audio", "file")]
        return {**message, "content": parts} if isinstance(content, list) else message

    return _changed(body, lambda messages: [known(message) for message in messages])


@fault(Stage.ASKED, caught_by=["errors/temperature-too-high", "errors/wrong-type", "structured-output/unknown-type"])
def drops_wrong_values(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A temperature of the wrong type or beyond 2, and an unknown response format, are passed over (small servers)."""
    temperature = body.get("temperature")
    kept = {**body}
    if isinstance(temperature, str) or (isinstance(temperature, int | float) and temperature > 2):
        del kept["temperature"]
    if obj(body.get("response_format")).get("type") not in ("text", "json_object", "json_schema"):
        kept.pop("response_format", None)
    return kept


@fault(Stage.ASKED, caught_by=["errors/empty-messages"], field=["empty-messages-400"])
def answers_to_no_message(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """An empty list of messages is answered (llama.cpp)."""
    return {**body, "messages": [{"role": "user", "content": " "}]} if body.get("messages") == [] else body


@fault(Stage.ASKED, caught_by=["errors/no-model"])
def answers_without_a_model(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A request that names no model is answered (one-model servers)."""
    return {"model": "reference-1", **body}


@fault(
    Stage.ASKED,
    caught_by=_WITH_A_CALL_BEFORE,
    field=["tool-args-history-string"],
)
def wants_arguments_as_an_object(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 where a call in the history has its arguments as text, as it was sent (Ollama's own API, shining through)."""
    for message in _messages(body):
        for _, call in objects(message.get("tool_calls")):
            if isinstance(get(call, "function", "arguments"), str):
                raise Refusal("json: cannot unmarshal string into Go struct field .messages.tool_calls.function.arguments")
    return body
