"""Streams of Anthropic's Messages API: which events come, in what order, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.choices import whole
from harness.messages import events
from harness.model import Ending, Event, Evidence, MessagesStreamed
from harness.reading import brief, get, integer, obj, parse, text
from harness.rule import Problem, Problems, must, should
from harness.rules.messages import PUBLISHED, SEEN

_DELTAS = {
    "text_delta": ("text",),
    "citations_delta": ("text",),
    "input_json_delta": ("tool_use", "server_tool_use", "mcp_tool_use"),
    "thinking_delta": ("thinking",),
    "signature_delta": ("thinking",),
}


@must("heyhuynhgiabuu/proxypal#20, router-for-me/CLIProxyAPI#530, NousResearch/hermes-agent#72833", instead_of=["/message"])
def opens_with_message_start(x: MessagesStreamed) -> Problems:
    """The first event but for `ping` is `message_start`, and there is no other.

    It brings the message that all later events add to.

    Clients: Both SDKs of Anthropic raise "Unexpected event order, got content_block_start before message_start", or the same
    for a second `message_start`; Amp, Claude Code and Hermes end there.
    Servers: llama.cpp 2026.10 where an answer begins with an emoji (its first token is half a character), CLIProxyAPI where
    the first chunk had no role, new-api and Kimi (one `message_start` for each chunk).
    Fix: Send `message_start` once, before anything else, whatever the server behind sends first.
    Sources: QuantumNous/new-api#1502, MoonshotAI/Kimi-K2.5#33, openclaw/openclaw#27388
    """
    begun = False
    for position, event in events(x):
        kind = event.get("type")
        if kind == "message_start" and begun:
            yield Problem("another message_start", f"chunks/{position}")
        elif kind not in ("message_start", "ping") and not begun:
            yield Problem(f"{brief(kind)} comes before message_start", f"chunks/{position}")
            return
        begun = begun or kind == "message_start"
    if not begun and whole(x):
        yield f"{len(x.events)} events, and no message_start"


@must(f"{PUBLISHED}; {SEEN}: in each event; anthropic-sdk-python, _streaming.py (events of other names are dropped)")
def events_are_named(x: MessagesStreamed) -> Problems:
    """The name of each event (`event:`) is the `type` of its data.

    The SDKs look at the name, not into the data.

    Clients: Both SDKs of Anthropic drop an event without a name they know: the stream looks empty ("ended without sending
    any chunks").
    Servers: Adapters that write `data:` lines alone, as chat does.
    Fix: `event: TYPE` before each `data:`, with the very `type` of the data.
    Sources: BerriAI/litellm#8066
    """
    for chunk in x.chunks[: x.failed_at]:
        kind, name = obj(chunk.body).get("type"), x.events[chunk.event].event
        if isinstance(kind, str) and name != kind:
            yield Problem(f"the event {brief(name)} carries {brief(kind)}", _bytes(x.events[chunk.event]))


@must("QuantumNous/new-api#4321, ollama/ollama#15959, ikawrakow/ik_llama.cpp#1524")
def blocks_are_opened(x: MessagesStreamed) -> Problems:
    """`content_block_delta` and `content_block_stop` speak of a block that is open.

    A block is opened by `content_block_start` with its `index`, and closed once.

    Clients: Claude Code ends the turn with "API Error: Content block not found"; the SDK of Python raises IndexError.
    Servers: CLIProxyAPI, new-api, ik_llama.cpp, Ollama and sub2api, where reasoning or calls come late.
    Fix: Keep which block is open; open one before its first delta, close it once.
    Sources: router-for-me/CLIProxyAPI#3720, kittors/CliRelay#740, Wei-Shaw/sub2api#4286
    """
    opened: set[int] = set()
    for position, event in events(x):
        index = integer(event.get("index"))
        match event.get("type"):
            case "content_block_start" if index is not None:
                opened.add(index)
            case "content_block_delta" | "content_block_stop" as kind if index not in opened:
                yield Problem(f"{kind} of block {brief(index)}, which is not open", f"chunks/{position}/index")
            case "content_block_stop":
                opened.discard(index or 0)
            case _:
                pass


@must(f"musistudio/claude-code-router#1725, ihsan-ramadhan/bansos-router#3; {SEEN}: every block of every stream")
def blocks_are_closed(x: MessagesStreamed) -> Problems:
    """Every block is closed before the message says why it stopped.

    `content_block_stop` tells that a block is whole: only then is the input of a tool parsed.

    Clients: The SDK of Python gives `content_block_stop` with the finished block: without it no tool runs, and text is
    kept back by programs that show whole blocks.
    Servers: claude-code-router (OpenAI Responses), bansos-router before a tool.
    Fix: Close the open block before the next one, and before `message_delta`.
    """
    opened: dict[int, int] = {}
    for position, event in events(x):
        index = integer(event.get("index")) or 0
        match event.get("type"):
            case "content_block_start":
                opened[index] = position
            case "content_block_stop":
                opened.pop(index, None)
            case "message_delta" | "message_stop" if opened:
                yield Problem(f"block {min(opened)} was never closed", f"chunks/{opened[min(opened)]}")
                return
            case _:
                pass


@must(f"{PUBLISHED}, content_block_start; {SEEN}: 0, 1, 2 in turn; anthropic-sdk-python (the block is appended)")
def indexes_count_from_zero(x: MessagesStreamed) -> Problems:
    """The blocks of a message have the indexes 0, 1, 2 in turn.

    Clients append a block when it begins, and find it again by its index.

    Clients: The SDKs of Anthropic read another block or none at that place (IndexError, "Content block not found").
    Servers: Adapters with a counter of their own for calls: sub2api and CliRelay used an index twice.
    Fix: One counter for all blocks of a message, whatever their type.
    Sources: Wei-Shaw/sub2api#4286
    """
    expected = 0
    for position, event in events(x):
        if event.get("type") == "content_block_start":
            index = integer(event.get("index"))
            if index != expected:
                yield Problem(f"index {brief(event.get('index'))} where {expected} is next", f"chunks/{position}/index")
            expected = (index if index is not None else expected) + 1


@should(f"{SEEN}: never two at once; ihsan-ramadhan/bansos-router#3")
def one_block_at_a_time(x: MessagesStreamed) -> Problems:
    """A block begins when the one before is closed.

    Many programs keep one block in hand, not a list.

    Clients: Programs that hold "the current block" put the pieces of one into the other.
    Servers: bansos-router, which let thinking stay open while a tool was streamed.
    Fix: Close the open block first.
    """
    opened: set[int] = set()
    for position, event in events(x):
        index = integer(event.get("index")) or 0
        if event.get("type") == "content_block_start":
            if opened:
                yield Problem(f"block {index} begins while block {min(opened)} is open", f"chunks/{position}")
            opened.add(index)
        elif event.get("type") == "content_block_stop":
            opened.discard(index)


@must("musistudio/claude-code-router#1725, looplj/axonhub#1105, anthropics/claude-code#85836")
def deltas_fit_their_block(x: MessagesStreamed) -> Problems:
    """A delta is of the kind of its block: `text_delta` in a text, `input_json_delta` in a call, `thinking_delta` in thinking.

    The kind of the delta says which part of the block grows.

    Clients: Claude Code refuses it ("Content block is not a thinking block", "Mismatched content block type"), and the turn is
    lost; the SDK of Python drops the piece.
    Servers: claude-code-router (reasoning after a call), AxonHub (a signature on a call).
    Fix: Close the block and open one of the right type when the kind of what comes changes.
    Sources: looplj/axonhub#1110
    """
    kinds: dict[int, str] = {}
    for position, event in events(x):
        index = integer(event.get("index")) or 0
        if event.get("type") == "content_block_start":
            kinds[index] = text(get(event, "content_block", "type"))
        elif event.get("type") == "content_block_delta" and index in kinds:
            delta = text(get(event, "delta", "type"))
            if delta in _DELTAS and kinds[index] not in _DELTAS[delta]:
                yield Problem(f"{delta} in a block of type {brief(kinds[index])}", f"chunks/{position}/delta/type")


@must("vllm-project/vllm#34887, anthropics/anthropic-sdk-go#227, anthropics/anthropic-sdk-python#1274")
def input_is_json(x: MessagesStreamed) -> Problems:
    """The `partial_json` of a call adds up to one JSON object (or to nothing, for a call without arguments).

    The pieces are parsed when the block is closed.

    Clients: anthropic-sdk-python raises ValueError in the middle of the stream, anthropic-sdk-go at its end; others run the
    tool with nothing.
    Servers: vLLM with Mistral's models (the first piece was lost); adapters that send the whole once more at the end.
    Fix: Pass on every piece of the arguments once, from the first, and open the block with `"input": {}`.
    Sources: earendil-works/pi#3175
    """
    pieces: dict[int, list[str]] = {}
    last: dict[int, int] = {}
    closed: set[int] = set()
    for position, event in events(x):
        index = integer(event.get("index")) or 0
        if event.get("type") == "content_block_delta" and get(event, "delta", "type") == "input_json_delta":
            pieces.setdefault(index, []).append(text(get(event, "delta", "partial_json")))
            last[index] = position
        elif event.get("type") == "content_block_stop":
            closed.add(index)
    for index in sorted(pieces.keys() & closed):
        written = "".join(pieces[index])
        if written.strip() and not isinstance(parse(written), dict) and obj(x.body).get("stop_reason") != "max_tokens":
            yield Problem(f"the input of block {index} is {brief(written)}", f"chunks/{last[index]}/delta/partial_json")


@must("BerriAI/litellm#32159, strands-agents/harness-sdk#1868, alexazhou/gt_ai_gateway#25")
def ends_with_message_stop(x: MessagesStreamed) -> Problems:
    """The last event is `message_stop`, and there is no other.

    It tells a whole answer from one that broke off.

    Clients: Claude Code waits on, or takes the answer for cut; Strands raises AttributeError; what follows is lost.
    Servers: LiteLLM before Bedrock, private-ai-gateway and gt_ai_gateway, where the server behind sent no `[DONE]`.
    Fix: Send it when the answer ends, however the server behind ends; send an `error` event where it broke off.
    Sources: Dstack-TEE/private-ai-gateway#114, ihsan-ramadhan/bansos-router#3
    """
    if not whole(x) or b"message_stop" in x.framing.tail:  # framing.blank-line-at-end speaks of that
        return
    kinds = [text(event.get("type")) for _, event in events(x)]
    said = [place for place, kind in enumerate(kinds) if kind == "message_stop"]
    if "message_start" in kinds and said != [len(kinds) - 1]:
        where = ", ".join(str(place + 1) for place in said[:3])
        what = f"message_stop is event {where} of {len(kinds)}" if said else f"no message_stop after {len(kinds)} events"
        yield Problem(what, f"chunks/{len(x.chunks) - 1}")


@must("earendil-works/pi#5592")
def closes_after_message_stop(x: MessagesStreamed) -> Problems:
    """The body ends soon after `message_stop`.

    Clients that read to the end of the body have the whole answer in hand, and go on waiting.

    Clients: pi ran a tool 76 seconds late; plain HTTP clients hang.
    Servers: Gateways that keep the connection to the server behind, and so to the client, open.
    Fix: End the response when `message_stop` is written.
    """
    if x.reply.ended is Ending.HELD_OPEN:
        yield "the connection stayed open after message_stop"


@should(f"anthropics/anthropic-sdk-csharp#202; {SEEN}: never")
def no_done(x: MessagesStreamed) -> Problems:
    """There is no `[DONE]`: that is the end of a stream of chat.

    It is no JSON, has no name, and is no event of this API.

    Clients: anthropic-sdk-csharp raises on it, with the whole answer there; Go and Java clients that parse each `data:` too.
    Servers: Azure API Management, free-claude-code until 2026-02.
    Fix: End with `message_stop` alone, and close the body behind it.
    Sources: Alishahryar1/free-claude-code#43
    """
    for event in x.events:
        if event.data.strip() == "[DONE]":
            yield Problem("[DONE] in a stream of messages", _bytes(event))


@must(f"{PUBLISHED}, ErrorResponse; vercel/ai#447", instead_of=["/error", "/error/message", "/error/type", "/type"])
def error_in_band_has_a_message(x: MessagesStreamed) -> Problems:
    """A failure after the stream began is `event: error` with `{"type": "error", "error": {"type", "message"}}`.

    The status has been sent: only this event can tell.

    Clients: The SDKs raise what stands there, and retry by its type (`overloaded_error`). In another shape, or by another
    name, the failure is dropped, and the answer just ends.
    Servers: LiteLLM before 1.8x and gateways that write the error of a chat server behind `data:`.
    Fix: `event: error` and `data: {"type": "error", "error": {"type": "api_error", "message": "…"}}`; then close.
    Sources: BerriAI/litellm#32159
    """
    if x.failed_at is not None:
        chunk = x.chunks[x.failed_at]
        error = obj(obj(chunk.body).get("error"))
        named = x.events[chunk.event].event == "error" or Evidence.BYTES in x.reply.lost
        typed = get(chunk.body, "type") == "error" and text(error.get("type"))
        if not (named and typed and text(error.get("message")).strip()):
            name = x.events[chunk.event].event
            yield Problem(f"the event {brief(name)} carries {brief(chunk.body)}", f"chunks/{x.failed_at}")


@should(f"{PUBLISHED}, message_delta.usage (cumulative); {SEEN}")
def counts_grow(x: MessagesStreamed) -> Problems:
    """The counts of `message_delta` are those of the whole message: none is less than what was said before.

    Clients take the last that they see for the total.

    Clients: Cost tables and budgets built on the SDKs count too little.
    Servers: Adapters that send the tokens of the last piece, or 0, at the end.
    Fix: Add up, and send the sum.
    """
    so_far: dict[str, int] = {}
    for position, event in events(x):
        kind = event.get("type")
        usage: Any = get(event, "message", "usage") if kind == "message_start" else event.get("usage")
        if kind not in ("message_start", "message_delta") or not isinstance(usage, dict):
            continue
        for count, before in so_far.items():
            now = integer(usage.get(count))
            if now is not None and now < before:
                yield Problem(f"{count} {now} after {before}", f"chunks/{position}/usage/{count}")
        so_far |= dict(_counts(usage))


def _counts(usage: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for count in ("input_tokens", "output_tokens"):
        value = integer(usage.get(count))
        if value is not None:
            yield count, value


def _bytes(event: Event) -> str:
    return f"bytes {event.start}-{event.end}"
