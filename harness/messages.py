"""Messages of Anthropic's Messages API: what the events of a stream add up to, and the blocks of an answer.

Nothing is judged here: whatever can be read is read, as the most tolerant client would.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from harness.model import Json, MessagesCompleted, MessagesStreamed
from harness.reading import ABSENT, arr, get, integer, obj, objects, parse, text

PATH: Final = "/messages"
VERSION_HEADER: Final = "anthropic-version"

CALLS: Final = "tool_use"
"""The type of a block with which the model calls a tool of the client's (not one that the API runs itself)."""

_GROWING: Final = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
_INPUT: Final = "\0input"  # no key of a block: pieces of its input that are not yet JSON
_CITED: Final = "\0citations"  # nor is this


def assembled(events: Iterable[Json]) -> Json:
    """The message that events add up to; a key that no event carried is not there."""
    body: dict[str, Json] = {}
    begun: dict[int, dict[str, Json]] = {}
    growing: dict[int, dict[str, list[str]]] = {}
    for event in map(obj, events):
        index = integer(event.get("index")) or 0
        match event.get("type"):
            case "message_start" if not body:
                body = {**obj(event.get("message"))}
            case "content_block_start":
                begun.setdefault(index, {**obj(event.get("content_block"))})
            case "content_block_delta":
                block = begun.setdefault(index, {})
                _grow(block, growing.setdefault(index, {}), obj(event.get("delta")))
            case "message_delta":
                body |= obj(event.get("delta"))
                if isinstance(event.get("usage"), dict):
                    body["usage"] = {**obj(body.get("usage")), **obj(event["usage"])}
            case "error":
                body.setdefault("error", event.get("error"))
            case _:
                pass
    if begun:
        body["content"] = [_whole(block, growing.get(index, {})) for index, block in sorted(begun.items())]
    return body


def _grow(block: dict[str, Json], growing: dict[str, list[str]], delta: dict[str, Json]) -> None:
    kind = text(delta.get("type"))
    if kind == "input_json_delta":
        growing.setdefault(_INPUT, []).append(text(delta.get("partial_json")))
    elif kind == "citations_delta":
        if _CITED not in block:
            block[_CITED] = [*arr(block.get("citations"))]  # it grows, and the event must not
        arr(block[_CITED]).append(delta.get("citation"))
    elif kind in _GROWING:
        key = _GROWING[kind]
        growing.setdefault(key, [text(block.get(key))]).append(text(delta.get(key)))


def _whole(block: dict[str, Json], growing: dict[str, list[str]]) -> Json:
    whole = {**block, **{key: "".join(pieces) for key, pieces in growing.items() if key != _INPUT}}
    if _CITED in whole:
        whole["citations"] = whole.pop(_CITED)
    written = "".join(growing.get(_INPUT, []))
    if written.strip():
        document = parse(written)
        whole["input"] = written if document is ABSENT else document  # type: ignore[assignment]
    return whole


# ---------------------------------------------------------------- looking into an answer


def blocks(x: MessagesCompleted | MessagesStreamed) -> Iterator[tuple[str, dict[str, Json]]]:
    """The blocks of an answer that are objects, each with its place: in a stream, that of the event which opened it."""
    opened: dict[int, str] = {}
    if isinstance(x, MessagesStreamed):
        for position, event in events(x):
            if event.get("type") in ("content_block_start", "content_block_delta"):
                opened.setdefault(integer(event.get("index")) or 0, f"chunks/{position}/content_block")
        places: Sequence[str] = [place for _, place in sorted(opened.items())]
        for place, (position, block) in zip(places, objects(get(x.body, "content")), strict=False):
            del position
            yield place, block
    else:
        for position, block in objects(get(x.body, "content")):
            yield f"/content/{position}", block


def events(x: MessagesStreamed) -> Iterator[tuple[int, dict[str, Json]]]:
    """The events that are objects, up to an in-band error, with their positions in the chunks."""
    for position, chunk in enumerate(x.chunks[: x.failed_at]):
        if isinstance(chunk.body, dict):
            yield position, chunk.body


def stop_place(x: MessagesCompleted | MessagesStreamed) -> str:
    """Where the reason stands for which an answer ended: in a stream, in the last event that tells it."""
    if isinstance(x, MessagesStreamed):
        for position, event in reversed(list(events(x))):
            if event.get("type") == "message_delta":
                return f"chunks/{position}/delta/stop_reason"
        return f"chunks/{max(0, len(x.chunks) - 1)}"
    return "/stop_reason"
