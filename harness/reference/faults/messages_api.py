"""Defects of servers and proxies that offer Anthropic's Messages API."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Ending, Json, Reply
from harness.reading import arr, get, obj, objects, text
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault


def _calls(document: Json) -> list[dict[str, Json]]:
    """The calls of a message."""
    return [block for _, block in objects(obj(document).get("content")) if block.get("type") == "tool_use"]


def _of(events: list[Json], kind: str) -> list[dict[str, Json]]:
    return [obj(event) for event in events if get(event, "type") == kind]


# ---------------------------------------------------------------- the message


@fault(Stage.MESSAGE, caught_by=["messages.type-is-message"])
def a_message_is_called_a_completion(document: Json, asked: Asked) -> Json:
    """`type: chat.completion` (gateways that pass on the answer of a chat server)."""
    obj(document)["type"] = "chat.completion"
    return document


@fault(Stage.MESSAGE, caught_by=["messages.content-is-a-list-of-blocks"])
def a_message_has_a_text_for_content(document: Json, asked: Asked) -> Json:
    """`content` is a text where there is nothing else (adapters that copy the content of chat)."""
    if obj(document).get("stop_reason") == "end_turn":
        obj(document)["content"] = "".join(text(block.get("text")) for _, block in objects(obj(document)["content"]))
    return document


@fault(Stage.MESSAGE, caught_by=["messages.tool-use-is-whole"])
def the_input_of_a_call_is_a_text(document: Json, asked: Asked) -> Json:
    """`input` holds JSON as a text (adapters that copy `arguments`)."""
    for block in _calls(document):
        block["input"] = "{}"
    return document


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages.tool-use-is-whole"])
def a_streamed_call_has_no_name(events: list[Json], asked: Asked) -> list[Json]:
    """`name` is empty when a call begins (adapters before a server that sends it later)."""
    for event in _of(events, "content_block_start"):
        block = obj(event["content_block"])
        if block["type"] == "tool_use":
            block["name"] = ""
    return events


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages.stop-reason-is-given"])
def a_streamed_message_never_says_why_it_stopped(events: list[Json], asked: Asked) -> list[Json]:
    """No `message_delta` (gateways whose server behind ended without `[DONE]`)."""
    return [event for event in events if get(event, "type") != "message_delta"]


@fault(Stage.MESSAGE, caught_by=["messages.stop-reason-is-known"])
def stops_in_the_words_of_chat(document: Json, asked: Asked) -> Json:
    """`stop_reason: length` for an answer at its limit (proxies that pass on the finish reason)."""
    if obj(document).get("stop_reason") == "max_tokens":
        obj(document)["stop_reason"] = "length"
    return document


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages.tool-use-stops-so"])
def a_streamed_call_ends_the_turn(events: list[Json], asked: Asked) -> list[Json]:
    """`stop_reason: end_turn` after a call, only when streamed (LiteLLM before Ollama, Bifrost before vLLM)."""
    for event in _of(events, "message_delta"):
        delta = obj(event["delta"])
        delta["stop_reason"] = "end_turn" if delta["stop_reason"] == "tool_use" else delta["stop_reason"]
    return events


@fault(Stage.MESSAGE, caught_by=["messages.tool-use-has-calls"])
def speaks_of_a_call_that_is_not_there(document: Json, asked: Asked) -> Json:
    """`stop_reason: tool_use` of a text, where tools were offered (adapters that lost the call)."""
    offered = arr(get(asked.request.body, "tools"))
    if offered and obj(document).get("stop_reason") == "end_turn":
        obj(document)["stop_reason"] = "tool_use"
    return document


@fault(Stage.MESSAGE, caught_by=["messages.stop-sequence-is-named"])
def never_names_the_stop_sequence(document: Json, asked: Asked) -> Json:
    """`stop_sequence` is null although one was met (Surogate)."""
    obj(document)["stop_sequence"] = None
    return document


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages.usage-is-counted"])
def a_streamed_message_is_not_counted(events: list[Json], asked: Asked) -> list[Json]:
    """No `usage` in `message_delta` (proxies before llama.cpp and LM Studio)."""
    for event in _of(events, "message_delta"):
        del event["usage"]
    return events


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages.counts-what-was-said"])
def the_prompt_counts_nothing_at_first(events: list[Json], asked: Asked) -> list[Json]:
    """`input_tokens: 0` in `message_start` (CLIProxyAPI, LiteLLM)."""
    for event in _of(events, "message_start"):
        obj(get(event, "message", "usage"))["input_tokens"] = 0
    return events


@fault(Stage.MESSAGE, caught_by=["messages.text-is-not-empty"])
def an_empty_text_comes_before_a_call(document: Json, asked: Asked) -> Json:
    """An empty block of text before a call (LiteLLM)."""
    if _calls(document):
        arr(obj(document)["content"]).insert(0, {"type": "text", "text": "", "citations": None})
    return document


@fault(Stage.MESSAGE, caught_by=["contract.observed"])
def a_message_has_no_stop_sequence(document: Json, asked: Asked) -> Json:
    """No key `stop_sequence` (adapters that leave out what is null)."""
    if obj(document)["stop_sequence"] is None:
        del obj(document)["stop_sequence"]
    return document


@fault(Stage.MESSAGE, caught_by=["contract.ecosystem"])
def a_message_is_the_models(document: Json, asked: Asked) -> Json:
    """`role: model` (adapters of Gemini)."""
    obj(document)["role"] = "model"
    return document


# ---------------------------------------------------------------- the stream


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages-stream.opens-with-message-start"])
def a_stream_of_messages_begins_twice(events: list[Json], asked: Asked) -> list[Json]:
    """`message_start` again before the end (Kimi, new-api)."""
    return [*events[:-2], events[0], *events[-2:]]


@fault(Stage.MESSAGE_BYTES, caught_by=["messages-stream.events-are-named"])
def events_have_no_names(written: list[bytes], asked: Asked) -> list[bytes]:
    """`data:` lines alone (adapters that write as chat does)."""
    return [event.partition(b"\n")[2] for event in written]


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages-stream.blocks-are-opened"])
def a_block_goes_on_after_its_end(events: list[Json], asked: Asked) -> list[Json]:
    """The last delta of a block comes after its `content_block_stop` (CLIProxyAPI, sub2api, Ollama)."""
    for place in range(len(events) - 1, 0, -1):
        if get(events[place], "type") == "content_block_stop" and get(events[place - 1], "type") == "content_block_delta":
            events[place - 1], events[place] = events[place], events[place - 1]
    return events


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages-stream.blocks-are-closed"])
def the_last_block_is_never_closed(events: list[Json], asked: Asked) -> list[Json]:
    """No `content_block_stop` for the last block (claude-code-router)."""
    stops = [place for place, event in enumerate(events) if get(event, "type") == "content_block_stop"]
    return [event for place, event in enumerate(events) if place not in stops[-1:]]


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages-stream.indexes-count-from-zero"])
def blocks_count_from_one(events: list[Json], asked: Asked) -> list[Json]:
    """The first block has index 1 (adapters that count the thinking they leave out)."""
    for event in map(obj, events):
        if "index" in event:
            event["index"] = int(str(event["index"])) + 1
    return events


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages-stream.one-block-at-a-time"])
def blocks_are_closed_together_at_the_end(events: list[Json], asked: Asked) -> list[Json]:
    """Every block stays open until all have come (bansos-router)."""
    stops = _of(events, "content_block_stop")
    others = [event for event in events if get(event, "type") != "content_block_stop"]
    return [*others[:-2], *stops, *others[-2:]]


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages-stream.deltas-fit-their-block"])
def a_signature_hangs_on_a_call(events: list[Json], asked: Asked) -> list[Json]:
    """A `signature_delta` in a block that is no thinking (AxonHub)."""
    for place, event in enumerate(events):
        if get(event, "type") == "content_block_stop":
            delta: Json = {"type": "signature_delta", "signature": "c2lnbmVk"}
            late: Json = {"type": "content_block_delta", "index": get(event, "index"), "delta": delta}
            return [*events[:place], late, *events[place:]]
    return events


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages-stream.input-is-json"])
def the_first_piece_of_the_input_is_lost(events: list[Json], asked: Asked) -> list[Json]:
    """The input of a call lacks its beginning (vLLM with Mistral's models)."""
    for event in _of(events, "content_block_delta"):
        if text(get(event, "delta", "partial_json")):
            obj(event["delta"])["partial_json"] = ""
            break
    return events


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages-stream.ends-with-message-stop"])
def never_says_message_stop(events: list[Json], asked: Asked) -> list[Json]:
    """A stream that ends without `message_stop` (LiteLLM before Bedrock, gateways)."""
    return events[:-1]


@fault(Stage.MESSAGE_REPLY, caught_by=["messages-stream.closes-after-message-stop"])
def stays_open_after_message_stop(replied: Reply, asked: Asked) -> Reply:
    """The connection stays open after the stream (gateways, seen by pi)."""
    is_stream = (replied.header("content-type") or "").startswith("text/event-stream")
    return replace(replied, ended=Ending.HELD_OPEN) if is_stream else replied


@fault(Stage.MESSAGE_BYTES, caught_by=["messages-stream.no-done"])
def says_done_after_a_message(written: list[bytes], asked: Asked) -> list[bytes]:
    """`[DONE]` after `message_stop` (Azure API Management)."""
    return [*written, b"data: [DONE]\n\n"]


@fault(Stage.MESSAGE_BYTES, caught_by=["messages-stream.error-in-band-has-a-message"])
def a_message_breaks_off_as_chat_does(written: list[bytes], asked: Asked) -> list[bytes]:
    """A failure after a few events in the form of chat (LiteLLM)."""
    return written if len(written) < 30 else [*written[:6], b'data: {"error": {"message": "Upstream failed."}}\n\n']


@fault(Stage.MESSAGE_BYTES, caught_by=["streaming/pieces", "streaming/pieces-with-tools", "tools/parallel"])
def a_message_breaks_off(written: list[bytes], asked: Asked) -> list[bytes]:
    """A failure after a few events, told as the API tells it: no rule minds, and no case can pass."""
    failed = b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}\n\n'
    return written if len(written) < 30 else [*written[:6], failed]


@fault(Stage.MESSAGE_EVENTS, caught_by=["messages-stream.counts-grow"])
def the_last_count_is_zero(events: list[Json], asked: Asked) -> list[Json]:
    """`input_tokens: 0` in `message_delta` (adapters that count the last piece alone)."""
    for event in _of(events, "message_delta"):
        obj(event["usage"])["input_tokens"] = 0
    return events


# ---------------------------------------------------------------- refusals


@fault(Stage.MESSAGE_ERROR, caught_by=["messages-errors.error-is-an-object"])
def a_refused_message_says_detail(document: Json, asked: Asked) -> Json:
    """`{"type": "error", "detail": …}` (adapters on FastAPI)."""
    return {"type": "error", "detail": get(document, "error", "message"), "request_id": get(document, "request_id")}


@fault(Stage.MESSAGE_ERROR, caught_by=["messages-errors.says-that-it-is-an-error"])
def a_refused_message_has_the_envelope_of_chat(document: Json, asked: Asked) -> Json:
    """No `type: error` around the error (LiteLLM, api7)."""
    obj(document).pop("type")
    return document


@fault(Stage.MESSAGE_ERROR, caught_by=["messages-errors.message-is-text"])
def a_refused_message_lists_what_is_wrong(document: Json, asked: Asked) -> Json:
    """`error.message` is a list (adapters that pass on FastAPI's validation)."""
    error = obj(get(document, "error"))
    error["message"] = [{"loc": ["body"], "msg": error["message"]}]
    return document


@fault(Stage.MESSAGE_ERROR, caught_by=["messages-errors.error-has-a-type"])
def a_refused_message_has_no_type(document: Json, asked: Asked) -> Json:
    """`error.type` is null (gateways)."""
    obj(get(document, "error"))["type"] = None
    return document


@fault(Stage.MESSAGE_ERROR, caught_by=["messages-errors.type-is-known"])
def a_refused_message_is_a_server_error(document: Json, asked: Asked) -> Json:
    """`error.type: server_error`, a word of another API (DroidProxy)."""
    obj(get(document, "error"))["type"] = "server_error"
    return document


@fault(Stage.MESSAGE_REPLY, caught_by=["messages-errors.status-fits-type"])
def an_unknown_model_is_a_bad_request(replied: Reply, asked: Asked) -> Reply:
    """400 with `not_found_error` (LiteLLM answers 400 for an unknown model)."""
    return replace(replied, status=400) if replied.status == 404 else replied
