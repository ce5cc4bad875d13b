"""What servers do with a prompt that does not fit."""

from __future__ import annotations

from harness.model import Frame, Json, Reply
from harness.reading import arr, get, obj, objects, parse, text
from harness.reference import fields
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal
from harness.reference.write import compact

_WINDOW = 8_000  # characters
_CODE = "context_length_exceeded"


@fault(
    Stage.ASKED,
    caught_by=["context-overflow/conversation", "context-overflow/one-message", "context-overflow/streamed"],
    field=["context-overflow"],
)
def cuts_long_prompts_in_silence(body: Json, asked: Asked) -> Json:
    """The start of a prompt that does not fit is cut off, and the rest answered (Ollama, whose window is 4,096 tokens)."""
    room = _WINDOW
    for _, message in reversed(list(objects(obj(body).get("messages")))):
        said = text(message.get("content"))
        if len(said) > room:
            message["content"] = said[len(said) - room :] or "…"
        room = max(0, room - len(said))
    return body


@fault(Stage.ASKED, caught_by=["context-overflow/conversation"], field=["context-overflow"])
def forgets_the_oldest_messages(body: Json, asked: Asked) -> Json:
    """Where a conversation does not fit, only its last message is read (chat servers with a rolling window)."""
    messages = arr(obj(body).get("messages"))
    if sum(len(text(get(message, "content"))) for message in messages) > _WINDOW and len(messages) > 1:
        obj(body)["messages"] = messages[-1:]
        message = obj(messages[-1])
        message["content"] = text(message.get("content"))[-_WINDOW:]
    return body


@fault(
    Stage.REFUSAL,
    caught_by=["context-overflow/conversation", "context-overflow/one-message", "context-overflow/streamed"],
    field=["context-overflow"],
)
def breaks_on_long_prompts(refusal: Refusal, asked: Asked) -> Refusal:
    """500 for a prompt that does not fit (an assertion in the engine)."""
    if refusal.code == _CODE:
        refusal.status, refusal.code, refusal.kind = 500, None, "server_error"
    return refusal


@fault(
    Stage.REFUSAL,
    caught_by=["context-overflow/conversation", "context-overflow/one-message", "context-overflow/streamed"],
    field=["context-overflow"],
)
def a_long_prompt_is_some_bad_request(refusal: Refusal, asked: Asked) -> Refusal:
    """400 without the code that programs look for before they shorten a conversation (vLLM, LM Studio)."""
    if refusal.code == _CODE:
        refusal.code = None
    return refusal


@fault(Stage.REPLY, caught_by=["context-overflow/streamed"], field=["context-overflow", "stream-error-in-band"])
def tells_of_a_long_prompt_inside_the_stream(replied: Reply, asked: Asked) -> Reply:
    """Status 200 and an error in the stream for a prompt that does not fit (llama.cpp of 2025)."""
    document = parse(replied.content)
    if replied.status != 400 or get(document, "error", "code") != _CODE or get(asked.request.body, "stream") is not True:
        return replied
    events = b"data: " + compact(document) + b"\n\ndata: [DONE]\n\n"  # type: ignore[arg-type]
    return Reply(status=200, headers=fields.stream(asked.request, asked.serial, 1.0), frames=(Frame(at_ms=4.0, data=events),))
