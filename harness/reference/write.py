"""An answer as documents: one completion, or the chunks of a stream, key for key as api.openai.com writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest

from harness.model import Json
from harness.reading import obj
from harness.reference.answer import Answer, Asked, Call, Scored, Turn, letters


def pretty(document: Json) -> bytes:
    """A body: indented by two blanks."""
    return json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8", "replace") + b"\n"


def compact(document: Json) -> bytes:
    """The data of an event: one line."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


# ---------------------------------------------------------------- whole


def completion(answer: Answer) -> dict[str, Json]:
    """The body of a reply that is not streamed."""
    document: dict[str, Json] = {
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created,
        "model": answer.model,
        "choices": [_choice(index, turn) for index, turn in enumerate(answer.turns)],
        "usage": answer.usage.document(),
        "service_tier": answer.service_tier,
        "system_fingerprint": answer.fingerprint,
    }
    if answer.moderation is not None:
        document["moderation"] = answer.moderation
    return document


def _choice(index: int, turn: Turn) -> Json:
    message: dict[str, Json] = {"role": "assistant", "content": turn.text}
    if turn.thoughts:
        message["reasoning_content"] = "".join(turn.thoughts)
    if turn.calls and turn.legacy:
        message["function_call"] = {"name": turn.calls[0].name, "arguments": turn.calls[0].text}
    elif turn.calls:
        message["tool_calls"] = [_call(call) for call in turn.calls]
    message |= {"refusal": None, "annotations": list(turn.annotations)}
    scores = None if turn.scores is None else _logprobs(turn.scores)
    return {"index": index, "message": message, "logprobs": scores, "finish_reason": turn.finish}


def _call(call: Call) -> Json:
    key = "arguments" if call.kind == "function" else "input"
    return {"id": call.id, "type": call.kind, call.kind: {"name": call.name, key: call.text}}


def _logprobs(scores: tuple[Scored, ...]) -> Json:
    return {"content": [_score(score) for score in scores], "refusal": None}


def _score(score: Scored) -> Json:
    others: list[Json] = [_token(token, logprob) for token, logprob in score.others]
    return {**_token(score.token, score.logprob), "top_logprobs": others}


def _token(token: str, logprob: float) -> dict[str, Json]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}


# ---------------------------------------------------------------- in chunks


def chunks(answer: Answer, asked: Asked) -> list[Json]:
    """The documents of a stream, in order: the choices take turns, and end one after the other."""
    running = [list(_deltas(turn)) for turn in answer.turns]
    written: list[Json] = []
    for step in zip_longest(*running):
        for index, piece in enumerate(step):
            if piece is not None:
                written.append(_chunk(answer, asked, len(written), [_piece(index, *piece, finish=None)]))
    for index, turn in enumerate(answer.turns):
        written.append(_chunk(answer, asked, len(written), [_piece(index, {}, None, finish=turn.finish)]))
    if asked.usage_chunk:
        written.append(_chunk(answer, asked, len(written), [], usage=answer.usage.document()))
    if answer.moderation is not None:
        written.append(_chunk(answer, asked, len(written), [], moderation=answer.moderation))
    return written


def _chunk(answer: Answer, asked: Asked, place: int, choices: list[Json], **last: Json) -> Json:
    document: dict[str, Json] = {
        "id": answer.id,
        "object": "chat.completion.chunk",
        "created": answer.created,
        "model": answer.model,
        "service_tier": answer.service_tier,
        "system_fingerprint": answer.fingerprint,
        "choices": choices,
    }
    if "moderation" in last:
        document["moderation"] = last["moderation"]
    if asked.usage_chunk:
        document["usage"] = last.get("usage")
    if obj(asked.body.get("stream_options")).get("include_obfuscation") is not False:
        noise = letters(16, "noise", answer.id, place)
        document["obfuscation"] = noise[: ord(noise[0]) % 16]
    return document


def _piece(index: int, delta: Json, logprobs: Json, *, finish: str | None) -> Json:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}


def _deltas(turn: Turn) -> Iterator[tuple[Json, Json]]:
    """The deltas of a choice but for the last, which is empty; each with its log probabilities. Thoughts come first."""
    spoken = _spoken(turn)
    if turn.thoughts:
        first, scores = next(spoken)
        opening = obj(first)
        yield {key: opening.pop(key) for key in ("role", "content", "refusal") if key in opening}, scores
        for thought in turn.thoughts:
            yield {"reasoning_content": thought}, scores
        if opening:
            yield opening, scores
    yield from spoken


def _spoken(turn: Turn) -> Iterator[tuple[Json, Json]]:
    if turn.tokens is None:
        for delta in _calling(turn):
            yield delta, None
        return
    nothing: Json = None if turn.scores is None else {"content": [], "refusal": None}
    yield {"role": "assistant", "content": "", "refusal": None}, nothing
    for place, token in enumerate(turn.tokens):
        yield {"content": token}, None if turn.scores is None else _logprobs(turn.scores[place : place + 1])
    if turn.annotations:
        yield {"annotations": list(turn.annotations)}, nothing


def _calling(turn: Turn) -> Iterator[Json]:
    opening: dict[str, Json] = {"role": "assistant", "content": None}
    if turn.legacy:
        call = turn.calls[0]
        yield {**opening, "function_call": {"name": call.name, "arguments": ""}, "refusal": None}
        for token in call.tokens:
            yield {"function_call": {"arguments": token}}
        return
    alone = len(turn.calls) == 1
    if not alone:
        yield opening
    for index, call in enumerate(turn.calls):
        key = "arguments" if call.kind == "function" else "input"
        begun: Json = {"index": index, "id": call.id, "type": call.kind, call.kind: {"name": call.name, key: ""}}
        yield {**opening, "tool_calls": [begun], "refusal": None} if alone else {"tool_calls": [begun]}
        for token in call.tokens:
            yield {"tool_calls": [{"index": index, call.kind: {key: token}}]}
