"""Where things are in a completion or a chunk, for faults to change."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model import Json
from harness.reading import arr, obj, objects


def choices(document: Json) -> Iterator[dict[str, Json]]:
    """The choices of a completion or a chunk."""
    for _, choice in objects(obj(document).get("choices")):
        yield choice


def parts(document: Json) -> Iterator[dict[str, Json]]:
    """The message, or the delta, of each choice."""
    for choice in choices(document):
        for key in ("message", "delta"):
            if isinstance(choice.get(key), dict):
                yield obj(choice[key])


def calls(document: Json) -> Iterator[dict[str, Json]]:
    """The tool calls of each message or delta."""
    for part in parts(document):
        for _, call in objects(part.get("tool_calls")):
            yield call


def functions(document: Json) -> Iterator[dict[str, Json]]:
    """What each call to a function says."""
    for call in calls(document):
        if isinstance(call.get("function"), dict):
            yield obj(call["function"])


def scores(document: Json) -> Iterator[dict[str, Json]]:
    """The tokens of each choice that log probabilities are told of."""
    for choice in choices(document):
        for _, item in objects(obj(choice.get("logprobs")).get("content")):
            yield item


def begins(delta: dict[str, Json]) -> bool:
    """Is it the first delta of a choice?"""
    return "role" in delta


def finishing(document: Json) -> bool:
    """Is it a chunk with which a choice ends?"""
    return any(choice.get("finish_reason") is not None for choice in choices(document))


def positions(chunks: list[Json], wanted: str) -> list[int]:
    """The places of the chunks of a kind: `text` (with content), `finish`, `usage`."""
    found: list[int] = []
    for place, chunk in enumerate(chunks):
        texts = any(part.get("content") for part in parts(chunk))
        kind = "finish" if finishing(chunk) else "text" if texts else "usage" if obj(chunk).get("usage") else "other"
        if kind == wanted:
            found.append(place)
    return found


def pretends(document: Json, key: str, value: Json) -> Json:
    """The document with a key set, in place."""
    obj(document)[key] = value
    return document


def without(document: Json, *keys: str) -> Json:
    """The document without some keys, in place."""
    for key in keys:
        obj(document).pop(key, None)
    return document


def listed(document: Json) -> list[dict[str, Json]]:
    """The models of a list."""
    return [obj(model) for model in arr(obj(document).get("data"))]
