"""What goes wrong where several clients ask at once, and where one of them leaves."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json, Reply
from harness.reading import arr, get, obj
from harness.reference.answer import Asked, letters
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal

_REST_MS = 20_000.0
"""What an answer of two thousand tokens still takes, where it is made for nobody."""


@fault(Stage.ASKED, caught_by=["concurrency/beside-a-mistake", "concurrency/own-words"], field=["concurrency"])
def mixes_up_the_slots(body: Json, asked: Asked) -> Json:
    """A request that comes while another is being answered gets the other's answer (servers that batch by hand)."""
    if asked.around.beside and arr(obj(body).get("messages")):
        obj(body)["messages"] = get(asked.around.beside[-1].body, "messages")
    return body


@fault(Stage.DOCUMENT, caught_by=["concurrency/own-ids"], field=["concurrency"])
def one_id_for_a_batch(document: Json, asked: Asked) -> Json:
    """Answers that are made at the same time have one id (ids made of the second, counters without a lock)."""
    first = asked.serial - len(asked.around.beside)
    obj(document)["id"] = f"chatcmpl-{letters(29, first, asked.body)}"
    return document


@fault(Stage.ASKED, caught_by=["concurrency/beside-a-mistake"], field=["concurrency"])
def one_mistake_spoils_the_batch(body: Json, asked: Asked) -> Json:
    """A request is refused since one that came at the same time was wrong (servers that pad a batch to its longest)."""
    if any(get(other.body, "messages") == [] for other in asked.around.beside):
        raise Refusal("CUDA error: device-side assert triggered", status=500, kind="server_error")
    return body


@fault(Stage.REPLY, caught_by=["concurrency/stream-left"], field=["client-disconnect-cancels"])
def finishes_streams_that_nobody_reads(replied: Reply, asked: Asked) -> Reply:
    """A stream goes on to its end after its client has left, and the next request waits (llama.cpp 2026, LiteLLM)."""
    return _later(replied) if any(get(other.body, "stream") is True for other in asked.around.left) else replied


@fault(Stage.REPLY, caught_by=["concurrency/answer-left"], field=["client-disconnect-nonstream"])
def finishes_answers_that_nobody_waits_for(replied: Reply, asked: Asked) -> Reply:
    """That a client has left is seen when its answer is to be written, and not before (llama.cpp, LM Studio)."""
    return _later(replied) if any(get(other.body, "stream") is not True for other in asked.around.left) else replied


@fault(
    Stage.ASKED,
    caught_by=["concurrency/answer-left", "concurrency/stream-left"],
    field=["client-disconnect-cancels", "client-disconnect-nonstream"],
)
def the_next_one_gets_the_broken_pipe(body: Json, asked: Asked) -> Json:
    """The exception of a client that left is told to the next one (workers that keep their state)."""
    if asked.around.left:
        raise Refusal("[Errno 32] Broken pipe", status=500, kind="server_error")
    return body


def _later(replied: Reply) -> Reply:
    return replace(replied, frames=tuple(replace(frame, at_ms=frame.at_ms + _REST_MS) for frame in replied.frames))
