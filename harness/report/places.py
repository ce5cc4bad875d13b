"""From a finding's place to the bytes of the reply that it speaks of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json import JSONDecoder
from typing import Final, TypeAlias

from harness.model import ChatStreamed, Exchange, Streamed
from harness.reading import arr, integer, obj, tokens

Span: TypeAlias = "tuple[int, int]"
"""Byte offsets in the body, the end excluded."""

_BYTES: Final = re.compile(r"bytes (\d+)-(\d+)")
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = JSONDecoder()


def located(exchange: Exchange, at: str | None) -> Span | None:
    """The bytes that `Finding.at` speaks of, or None where it speaks of none (a status, a header, the whole reply).

    A place that is not there is where it is missing from: the first byte of the innermost value around it. A place in what
    a stream adds up to is where the first chunk says something of it.
    """
    if at is None:
        return None
    content = exchange.reply.content
    if found := _BYTES.fullmatch(at):
        start, end = int(found[1]), int(found[2])
        return (min(start, len(content)), min(end, len(content))) if start <= end else None
    try:
        if at.startswith("chunks/"):
            return _in_chunks(exchange, content, tokens(at.removeprefix("chunks")))
        if at.startswith("/"):
            return _in_body(exchange, content, tokens(at))
    except (ValueError, LookupError, RecursionError):
        return None
    return None


def _in_chunks(exchange: Exchange, content: bytes, way: list[str]) -> Span | None:
    if not isinstance(exchange, Streamed):
        return None
    event = exchange.events[exchange.chunks[int(way[0])].event]
    start = content.find(event.data.encode("utf-8", "replace"), event.start, event.end)
    if start < 0:  # its data stands in more than one line
        return (event.start, event.end)
    return _in_document(event.data, start, way[1:])


def _in_body(exchange: Exchange, content: bytes, way: list[str]) -> Span | None:
    if isinstance(exchange, Streamed) and not isinstance(exchange, ChatStreamed):
        return None  # rules of other APIs name the events themselves
    if isinstance(exchange, ChatStreamed):
        return next((_in_chunks(exchange, content, said) for said in _saying(exchange, way)), None)
    return _in_document(content.decode("utf-8", "surrogateescape"), 0, way)


def _saying(exchange: ChatStreamed, way: list[str]) -> Iterator[list[str]]:
    """Places in the chunks that add something to a place of the assembled body, first come first."""
    for position, chunk in enumerate(exchange.chunks):
        body = obj(chunk.body)
        if way[:1] != ["choices"] or len(way) < 3:
            if body.get(way[0]) is not None:
                yield [str(position), *way]
            continue
        for place, choice in enumerate(arr(body.get("choices"))):
            if str(integer(obj(choice).get("index")) or 0) != way[1]:
                continue
            if way[2] != "message":
                if obj(choice).get(way[2]) is not None:
                    yield [str(position), "choices", str(place), *way[2:]]
            elif len(way) == 3 or obj(obj(choice).get("delta")).get(way[3]) is not None:
                yield [str(position), "choices", str(place), "delta", *way[3:4]]


# ---------------------------------------------------------------- in the text of a document


def _in_document(text: str, offset: int, way: list[str]) -> Span | None:
    """The bytes of the value at the end of a way through a JSON text, which begins `offset` bytes into the body."""
    start, end = _span(text, _blank(text, 0), way)
    before = len(text[:start].encode("utf-8", "surrogateescape"))
    return (offset + before, offset + before + len(text[start:end].encode("utf-8", "surrogateescape")))


def _span(text: str, start: int, way: list[str]) -> Span:
    """Where the value that begins at `start` has what the way leads to; where it begins, if it has no such thing."""
    inside = text[start : start + 1]
    if way and inside in ("{", "["):
        for key, begins in _members(text, start, inside == "{"):
            if key == way[0]:
                return _span(text, begins, way[1:])
        return (start, start + 1)
    return (start, _end(text, start))


def _members(text: str, start: int, named: bool) -> list[tuple[str, int]]:
    """Key (or position) and start of each member of an object or array. The last of a name comes first, as it counts."""
    found: list[tuple[str, int]] = []
    at = _blank(text, start + 1)
    while text[at] not in "}]":
        key = str(len(found))
        if named:
            end = _end(text, at)
            key, at = json.loads(text[at:end]), _blank(text, end)
            at = _blank(text, at + 1)  # the colon
        found.append((key, at))
        at = _blank(text, _end(text, at))
        if text[at] == ",":
            at = _blank(text, at + 1)
    return found[::-1]


def _blank(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _end(text: str, start: int) -> int:
    return _DECODER.raw_decode(text, start)[1]
