"""Streams whose chunks are wrong, one by one or together."""

from __future__ import annotations

import json
from itertools import pairwise

from harness.model import Json
from harness.reading import arr, obj
from harness.reference.answer import Asked, letters
from harness.reference.fault import Stage, fault
from harness.reference.inside import begins, choices, parts, positions


@fault(Stage.EVENTS, caught_by=["stream.ends-with-done"], field=["stream-done-terminator"])
def never_says_done(events: list[bytes], asked: Asked) -> list[bytes]:
    """A stream that ends without `[DONE]` (Perplexity, GPUStack, MLflow)."""
    return events[:-1]


@fault(Stage.CHUNKS, caught_by=["stream.says-something"], field=["resp-200-with-error"])
def streams_nothing(chunks: list[Json], asked: Asked) -> list[Json]:
    """Nothing but `[DONE]`, and the counts: a failure upstream that a proxy has swallowed (LiteLLM)."""
    return [chunks[place] for place in positions(chunks, "usage")]


@fault(Stage.CHUNKS, caught_by=["stream.object-is-named"], field=["resp-object-literal"])
def chunks_are_called_completions(chunks: list[Json], asked: Asked) -> list[Json]:
    """`object` is `chat.completion` in chunks too (Perplexity)."""
    for chunk in chunks:
        obj(chunk)["object"] = "chat.completion"
    return chunks


@fault(Stage.CHUNKS, caught_by=["stream.choices-is-an-array"], field=["stream-choices-is-array"])
def a_chunk_has_no_choices(chunks: list[Json], asked: Asked) -> list[Json]:
    """A chunk of the vendor's own, with `choices: null`, in the middle (v0 API, OpenRouter)."""
    texts = positions(chunks, "text")
    if texts:
        chunks.insert(texts[0], {**obj(chunks[0]), "choices": None})
    return chunks


@fault(Stage.CHUNKS, caught_by=["stream.opens-with-a-choice"])
def opens_with_an_empty_chunk(chunks: list[Json], asked: Asked) -> list[Json]:
    """A first chunk with no choice, no id and no model (Azure's content filter, GitHub Models)."""
    opening: Json = {**obj(chunks[0]), "id": "", "object": "", "created": 0, "model": "", "choices": []}
    return [opening, *chunks]


@fault(Stage.CHUNKS, caught_by=["stream.delta-is-an-object"], field=["stream-delta-present"])
def the_last_choice_has_no_delta(chunks: list[Json], asked: Asked) -> list[Json]:
    """No `delta` beside the finish (Azure's asynchronous filter, Foundry Local)."""
    for chunk in chunks:
        for choice in choices(chunk):
            if choice["finish_reason"] is not None:
                del choice["delta"]
    return chunks


@fault(Stage.CHUNKS, caught_by=["stream.no-message"], field=["stream-delta-present"])
def repeats_the_message_in_each_chunk(chunks: list[Json], asked: Asked) -> list[Json]:
    """The text so far as a `message` beside each `delta` (Perplexity)."""
    so_far = ""
    for chunk in chunks:
        for choice in choices(chunk):
            so_far += str(obj(choice["delta"]).get("content") or "")
            choice["message"] = {"role": "assistant", "content": so_far}
    return chunks


@fault(Stage.CHUNKS, caught_by=["stream.role-comes-first"], field=["stream-role-first-chunk"])
def never_says_the_role(chunks: list[Json], asked: Asked) -> list[Json]:
    """No `role` in the first delta (GPUStack, Cloudflare)."""
    for chunk in chunks:
        for part in parts(chunk):
            part.pop("role", None)
    return chunks


@fault(Stage.CHUNKS, caught_by=["stream.role-comes-once"], field=["stream-role-not-repeated"])
def repeats_the_role(chunks: list[Json], asked: Asked) -> list[Json]:
    """`role` in each delta (OpenRouter in all its 945 streams, Ollama)."""
    for chunk in chunks:
        for part in parts(chunk):
            part["role"] = "assistant"
    return chunks


@fault(Stage.CHUNKS, caught_by=["stream.one-id"], field=["stream-id-constant"])
def a_new_id_for_each_chunk(chunks: list[Json], asked: Asked) -> list[Json]:
    """An id counted up with every chunk (Foundry Local, old llama.cpp)."""
    for place, chunk in enumerate(chunks):
        obj(chunk)["id"] = f"chatcmpl-{letters(29, asked.serial, place)}"
    return chunks


@fault(Stage.CHUNKS, caught_by=["stream.one-model"])
def the_model_changes_in_the_stream(chunks: list[Json], asked: Asked) -> list[Json]:
    """The router's name first, the model's afterwards (routers in front of several servers)."""
    obj(chunks[0])["model"] = "auto"
    return chunks


@fault(Stage.CHUNKS, caught_by=["stream.one-created"])
def created_moves_on(chunks: list[Json], asked: Asked) -> list[Json]:
    """Each chunk is dated anew (llama.cpp, xAI, Ollama)."""
    for place, chunk in enumerate(chunks):
        obj(chunk)["created"] = int(str(obj(chunk)["created"])) + place
    return chunks


@fault(Stage.CHUNKS, caught_by=["stream.finish-reason-is-always-there"], field=["stream-finish-reason-key-present"])
def finish_reason_only_at_the_end(chunks: list[Json], asked: Asked) -> list[Json]:
    """The key `finish_reason` is missing until the end (xAI, LiteLLM)."""
    for chunk in chunks:
        for choice in choices(chunk):
            if choice["finish_reason"] is None:
                del choice["finish_reason"]
    return chunks


@fault(Stage.CHUNKS, caught_by=["stream.one-choice-per-chunk"])
def several_choices_in_a_chunk(chunks: list[Json], asked: Asked) -> list[Json]:
    """With `n` the pieces of all choices come in one chunk (servers that decode a batch at once)."""
    merged: list[Json] = []
    for chunk in chunks:
        into = arr(obj(merged[-1]).get("choices")) if merged else []
        said = list(choices(chunk))
        taken = {obj(choice).get("index") for choice in into}
        if into and said and not any(choice["index"] in taken for choice in said):
            into.extend(said)
        else:
            merged.append(chunk)
    return merged


@fault(Stage.EVENTS, caught_by=["stream.error-in-band-has-a-message"], field=["stream-error-in-band"])
def fails_in_the_middle_without_a_word(events: list[bytes], asked: Asked) -> list[bytes]:
    """A failure after a few chunks, as a text under `error` (exo, gateways)."""
    if len(events) < 30:
        return events
    return [*events[:6], b'data: {"error": "Internal Server Error"}\n\n', events[-1]]


@fault(
    Stage.EVENTS, caught_by=["streaming/pieces", "streaming/pieces-with-tools", "tools/parallel"], field=["stream-error-in-band"]
)
def fails_in_the_middle(events: list[bytes], asked: Asked) -> list[bytes]:
    """A failure after a few chunks, told as api.openai.com tells it: no rule minds, and no case can pass."""
    if len(events) < 30:
        return events
    error = {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}
    return [*events[:6], b"data: " + json.dumps({"error": error}).encode() + b"\n\n", events[-1]]


@fault(Stage.CHUNKS, caught_by=["streaming/pieces-with-tools"], field=["stream-incremental", "stream-incremental-with-tools"])
def one_block_where_tools_are_declared(chunks: list[Json], asked: Asked) -> list[Json]:
    """The whole text in one chunk, where tools are declared (Ollama, Dynamo)."""
    return _in_one_block(chunks) if asked.body.get("tools") else chunks


@fault(Stage.CHUNKS, caught_by=["streaming/pieces", "streaming/pieces-with-tools"], field=["stream-incremental"])
def one_block(chunks: list[Json], asked: Asked) -> list[Json]:
    """The whole text in one chunk (servers that fake streams)."""
    return _in_one_block(chunks)


def _in_one_block(chunks: list[Json]) -> list[Json]:
    blocks: list[Json] = []
    for before, chunk in pairwise([None, *chunks]):
        deltas, last = list(parts(chunk)), list(parts(blocks[-1])) if blocks else []
        joins = before is not None and _plain_text(deltas) and _plain_text(last)
        if joins and next(choices(chunk))["index"] == next(choices(blocks[-1]))["index"]:
            last[0]["content"] = f"{last[0]['content']}{deltas[0]['content']}"
            logprobs = obj(next(choices(blocks[-1])).get("logprobs")).get("content")
            if isinstance(logprobs, list):
                logprobs.extend(arr(obj(next(choices(chunk)).get("logprobs")).get("content")))
        else:
            blocks.append(chunk)
    return blocks


def _plain_text(deltas: list[dict[str, Json]]) -> bool:
    return len(deltas) == 1 and bool(deltas[0].get("content")) and not begins(deltas[0])
