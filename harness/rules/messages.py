"""Answers of Anthropic's Messages API, whole or streamed: what a message says of itself, its calls and its counts."""

from __future__ import annotations

from harness.choices import whole
from harness.messages import CALLS, blocks, events, stop_place
from harness.model import Evidence, Json, MessagesCompleted, MessagesStreamed
from harness.reading import arr, brief, get, integer, obj, text
from harness.rule import Problem, Problems, must, should

PUBLISHED = "Anthropic's OpenAPI document of 2026-05-31"
SEEN = "175 recorded exchanges with api.anthropic.com, 2024 to 2026"

_STOPS = (
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded", "compaction",
)  # fmt: skip
_CACHE = ("cache_creation_input_tokens", "cache_read_input_tokens")


@must(f"{PUBLISHED}, Message; {SEEN}; the AI SDK checks the literal", instead_of=["/type"])
def type_is_message(x: MessagesCompleted) -> Problems:
    """`type` is `message`.

    A proxy that answers in the form of another API looks like success, and has nothing where clients read.

    Clients: The AI SDK refuses the answer (`AI_TypeValidationError`); others find no `content` and show nothing.
    Servers: Gateways that pass a chat completion on as it came from behind (`"object": "chat.completion"`).
    Fix: Translate the whole document: `{"id", "type": "message", "role", "model", "content", "stop_reason", "usage"}`.
    Sources: Alishahryar1/free-claude-code#209
    """
    kind = obj(x.body).get("type")
    if kind != "message" and not obj(x.body).get("error"):
        yield Problem(f"type is {brief(kind)}", "/type")


@must(f"{PUBLISHED}, Message.content; {SEEN}", instead_of=["/content", "/content/*", "/content/*/type"])
def content_is_a_list_of_blocks(x: MessagesCompleted) -> Problems:
    """`content` is a list of blocks, each with a `type`.

    Every program reads `content[0].text`, or walks through the blocks and looks at their types.

    Clients: The SDKs of Anthropic hand on what came: a text in its place gives `'str' object has no attribute 'text'`.
    Servers: Adapters that put the text of a chat completion there as it is.
    Fix: `"content": [{"type": "text", "text": "…"}]`, and `[]` where nothing was said.
    Sources: vllm-project/vllm#22627
    """
    content = obj(x.body).get("content")
    if obj(x.body).get("error"):
        return
    if not isinstance(content, list):
        yield Problem(f"content is {brief(content)}", "/content")
    for position, block in enumerate(arr(content)):
        if not text(obj(block).get("type")):
            yield Problem(f"a block is {brief(block)}", f"/content/{position}/type")


@must(
    f"{PUBLISHED}, ToolUseBlock; {SEEN}",
    instead_of=[
        f"{block}/{key}" for block in ("/content/*", "/content_block") for key in ("id", "name", "input")
    ],
)  # fmt: skip
def tool_use_is_whole(x: MessagesCompleted | MessagesStreamed) -> Problems:
    """A `tool_use` block has an `id` and a `name` that are texts and not empty, and `input` is an object.

    The tool's result must name the id, and the program looks the tool up by its name.

    Clients: Claude Code and every agent send `tool_use_id` back: the next turn is refused (400) without. With a text as
    `input` the program gets no arguments.
    Servers: Adapters that copy `arguments`, a text in chat, to `input`; those that pass on a delta without a name.
    Fix: Parse `arguments` to an object; make an id (`toolu_…`) where the server behind gave none.
    Sources: kittors/CliRelay#740, vllm-project/vllm#34887
    """
    for at, block in blocks(x):
        if block.get("type") == CALLS:
            for key in ("id", "name"):
                if not text(block.get(key)).strip():
                    yield Problem(f"{key} is {brief(block.get(key))}", f"{at}/{key}")
            said = block.get("input")
            torn = isinstance(x, MessagesStreamed) and isinstance(said, str)  # messages-stream.input-is-json speaks of that
            if not isinstance(said, dict) and not torn:
                yield Problem(f"input is {brief(said)}", f"{at}/input")


@must(f"{PUBLISHED}, Message.stop_reason (null only in message_start); {SEEN}", instead_of=["/stop_reason", "/delta/stop_reason"])
def stop_reason_is_given(x: MessagesCompleted | MessagesStreamed) -> Problems:
    """An answer that came to its end says why: `stop_reason`, in a stream in `message_delta`.

    It is all that tells a whole answer from one that was cut, and a call from a last word.

    Clients: Claude Code and agents built on the SDKs go by `stop_reason`: with null they wait, or take the answer for torn.
    Servers: Gateways whose server behind ended without a finish, or without `[DONE]`.
    Fix: Send `message_delta` with the reason before `message_stop`, `end_turn` where nothing else is known.
    Sources: alexazhou/gt_ai_gateway#25, Dstack-TEE/private-ai-gateway#114
    """
    reason = obj(x.body).get("stop_reason")
    if whole(x) and not isinstance(reason, str) and not obj(x.body).get("error") and not _is_empty(x):
        yield Problem(f"stop_reason is {brief(reason)}", stop_place(x))


@should(f"{PUBLISHED}, StopReason; {SEEN}: end_turn, tool_use, max_tokens, stop_sequence, pause_turn, refusal")
def stop_reason_is_known(x: MessagesCompleted | MessagesStreamed) -> Problems:
    """`stop_reason` is one of the API's own words.

    Clients switch by it, and have no branch for the words of chat (`stop`, `length`, `tool_calls`).

    Clients: Typed SDKs (Go, Java, C#) give an unknown value; agents that look for `tool_use` or `max_tokens` do neither.
    Servers: Proxies that pass the `finish_reason` of a chat server on as it is.
    Fix: Translate: stop → end_turn, length → max_tokens, tool_calls → tool_use, content_filter → refusal.
    Sources: pgEdge/pgedge-postgres-mcp#217
    """
    reason = obj(x.body).get("stop_reason")
    if isinstance(reason, str) and reason not in _STOPS:
        yield Problem(f"stop_reason is {brief(reason)}", stop_place(x))


@must(f"BerriAI/litellm#34692, maximhq/bifrost#3638; {SEEN}: 88 of 88 that call")
def tool_use_stops_so(x: MessagesCompleted | MessagesStreamed) -> Problems:
    """An answer with a `tool_use` block ends with `tool_use`, not with `end_turn`.

    Agents look at the stop reason first, and at the blocks only if it tells them to.

    Clients: Claude Code and the tool runners of the SDKs take the turn for the last one: the tool is never run, in silence.
    Servers: LiteLLM before Ollama (streamed), Bifrost before vLLM, where text came before the call.
    Fix: Remember whether a block of type `tool_use` was sent, and say so at the end, whatever the server behind says.
    Sources: pgEdge/pgedge-postgres-mcp#217, maximhq/bifrost#6123
    """
    reason = obj(x.body).get("stop_reason")
    if whole(x) and reason in ("end_turn", "stop_sequence", "stop"):
        for at, block in blocks(x):
            if block.get("type") == CALLS:
                yield Problem(f"stop_reason is {brief(reason)}, and {at} calls a tool", stop_place(x))


@must(f"{PUBLISHED}, StopReason (tool_use: the model invoked one or more tools); {SEEN}")
def tool_use_has_calls(x: MessagesCompleted | MessagesStreamed) -> Problems:
    """`tool_use` is said only where there is a `tool_use` block.

    Agents that are told of a call and find none have nothing to answer with.

    Clients: Agents send an empty turn of the user, which is refused (400), or ask the same again without end.
    Servers: Adapters that derive the reason from the finish of chat alone, and lost the call on the way.
    Fix: Derive the reason from the blocks that were sent.
    Sources: QuantumNous/new-api#1480
    """
    said_so = obj(x.body).get("stop_reason") == "tool_use"
    if said_so and whole(x) and not any(block.get("type") == CALLS for _, block in blocks(x)):
        yield Problem("stop_reason is tool_use, and no block calls a tool", stop_place(x))


@should(f"{PUBLISHED}, Message.stop_sequence; {SEEN}; invergent-ai/surogate#133", needs=[Evidence.REQUEST])
def stop_sequence_is_named(x: MessagesCompleted | MessagesStreamed) -> Problems:
    """With `stop_reason: "stop_sequence"` the field `stop_sequence` is the one of the request that was met.

    Programs that gave several go by which it was.

    Clients: Parsers of half-structured text (ReAct loops) take the wrong branch, or none.
    Servers: Surogate, which keeps null there; LiteLLM 1.80 sends no key, and stops at none of the sequences.
    Fix: Say which of the request's `stop_sequences` ended the answer.
    """
    body = obj(x.body)
    wanted = arr(get(x.request.body, "stop_sequences"))
    if body.get("stop_reason") == "stop_sequence" and body.get("stop_sequence") not in (wanted or [body.get("stop_sequence")]):
        at = stop_place(x).replace("stop_reason", "stop_sequence")
        yield Problem(f"stop_sequence is {brief(body.get('stop_sequence'))}", at)


@must(
    "Alishahryar1/free-claude-code#209, farion1231/cc-switch#1945, BerriAI/litellm#24176; Claude Code",
    instead_of=[
        f"{usage}{key}"
        for usage in ("/usage", "/message/usage")
        for key in ("", "/input_tokens", "/output_tokens")
    ],
)  # fmt: skip
def usage_is_counted(x: MessagesCompleted | MessagesStreamed) -> Problems:
    """`usage` has `input_tokens` and `output_tokens`, integers; in a stream `message_start` has both, `message_delta` the latter.

    Clients add them up without asking whether they are there.

    Clients: Claude Code ends with "undefined is not an object (evaluating '$.input_tokens')"; the SDK of Python raises
    AttributeError at `event.usage.output_tokens`.
    Servers: Proxies before llama.cpp, NVIDIA NIM and LM Studio, where the server behind does not count streams.
    Fix: Always send both, with an estimate or 0 where nothing is known; `message_delta` has the final `output_tokens`.
    Sources: Alishahryar1/free-claude-code#121, anthropics/claude-code#40260
    """
    if isinstance(x, MessagesCompleted):
        if not obj(x.body).get("error"):
            yield from _uncounted(obj(x.body).get("usage"), "/usage", "input_tokens", "output_tokens")
        return
    for position, event in events(x):
        if event.get("type") == "message_start":
            said = get(event, "message", "usage")
            yield from _uncounted(said, f"chunks/{position}/message/usage", "input_tokens", "output_tokens")
        elif event.get("type") == "message_delta":
            yield from _uncounted(event.get("usage"), f"chunks/{position}/usage", "output_tokens")


@should("router-for-me/CLIProxyAPI#1700, BerriAI/litellm#24176", needs=[Evidence.REQUEST])
def counts_what_was_said(x: MessagesCompleted | MessagesStreamed) -> Problems:
    """A prompt counts at least one token from the start (those of the cache included), and a text at least one.

    Zeros in place of an unknown count make every conversation free, and none too long.

    Clients: Claude Code shows "Ctx: 0", and never shortens a conversation; cost tables stay at zero.
    Servers: CLIProxyAPI and LiteLLM, whose `message_start` says 0 and knows better only at the end.
    Fix: Count the prompt before the first event, or estimate it.
    """
    told: list[tuple[str, dict[str, Json]]] = []
    if isinstance(x, MessagesCompleted):
        told.append(("/usage", obj(obj(x.body).get("usage"))))
    for position, event in events(x) if isinstance(x, MessagesStreamed) else ():
        if event.get("type") == "message_start":
            told.append((f"chunks/{position}/message/usage", obj(get(event, "message", "usage"))))
    for at, usage in told:
        if integer(usage.get("input_tokens")) == 0 and not any(integer(usage.get(key)) for key in _CACHE):
            yield Problem("input_tokens is 0", f"{at}/input_tokens")
    said = any(text(block.get("text")) for _, block in blocks(x))
    if whole(x) and said and integer(get(x.body, "usage", "output_tokens")) == 0:
        yield Problem("output_tokens is 0 of an answer with text", "/usage/output_tokens")


@should(f"BerriAI/litellm#34692; {SEEN}: no answer has one beside other blocks")
def text_is_not_empty(x: MessagesCompleted | MessagesStreamed) -> Problems:
    """Beside other blocks there is no block of text without a text.

    What a client keeps of the conversation is sent back, and an empty block is refused there.

    Clients: The next turn of every agent that appends `message.content` ends with 400 (text content blocks must be non-empty).
    Servers: LiteLLM, which opens a block of text before it knows that a call will come.
    Fix: Open a block when its first piece is there.
    """
    said = list(blocks(x))
    for at, block in said:
        if len(said) > 1 and block.get("type") == "text" and block.get("text") == "":
            yield Problem("an empty block of text", at)


def _uncounted(usage: Json, at: str, *counts: str) -> Problems:
    if not isinstance(usage, dict):
        yield Problem(f"usage is {brief(usage)}", at)
        return
    for count in counts:
        value = integer(usage.get(count))
        if value is None or value < 0:
            yield Problem(f"{count} is {brief(usage.get(count))}", f"{at}/{count}")


def _is_empty(x: MessagesCompleted | MessagesStreamed) -> bool:
    """Is it no message at all, so that other rules speak of it?"""
    if isinstance(x, MessagesStreamed):
        return not any(event.get("type") == "message_start" for _, event in events(x))
    return obj(x.body).get("type") != "message" and "content" not in obj(x.body)
