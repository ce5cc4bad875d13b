"""Event streams that are written otherwise, and mean the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from harness.model import Frame, Json, Reply
from harness.reading import ABSENT, parse
from harness.reference.answer import Asked
from harness.reference.fault import Stage
from harness.reference.lookalike import lookalike

_DATA = b"data: "


@lookalike(Stage.EVENTS, field=["sse-comments-legal"])
def comments_keep_it_alive(events: list[bytes], asked: Asked) -> list[bytes]:
    """Comment lines before the first event and between events (OpenRouter in 439 of 945 recorded streams)."""
    return [b": PROCESSING\n\n", *(part for event in events for part in (event, b": PROCESSING\n\n"))]


@lookalike(Stage.EVENTS, field=["sse-comments-legal"])
def comments_stand_within_events(events: list[bytes], asked: Asked) -> list[bytes]:
    """A comment in the line before the data, and an empty one behind it (`: keep-alive`, DeepSeek)."""
    return [b": keep-alive\n" + event.removesuffix(b"\n") + b":\n\n" for event in events]


@lookalike(Stage.EVENTS)
def events_have_ids(events: list[bytes], asked: Asked) -> list[bytes]:
    """An `id:` line in each event, for a client that would resume (server frameworks such as sse-starlette)."""
    return [b"id: %d\n" % place + event for place, event in enumerate(events)]


@lookalike(Stage.EVENTS)
def says_when_to_reconnect(events: list[bytes], asked: Asked) -> list[bytes]:
    """A `retry:` line before the first event (server frameworks)."""
    return [b"retry: 15000\n\n", *events]


@lookalike(Stage.EVENTS)
def events_are_named_message(events: list[bytes], asked: Asked) -> list[bytes]:
    """`event: message` in each event: the name that an event has by the standard when none is given (Spring)."""
    return [b"event: message\n" + event for event in events]


@lookalike(Stage.EVENTS)
def blank_lines_between_events(events: list[bytes], asked: Asked) -> list[bytes]:
    """Blank lines before the first event, and more than one after each (keep-alives of DeepSeek)."""
    return [b"\n\n", *(event + b"\n" for event in events)]


@lookalike(Stage.EVENTS)
def json_has_blanks(events: list[bytes], asked: Asked) -> list[bytes]:
    """Blanks behind the commas and colons of the JSON, and letters beyond ASCII escaped (Python's `json.dumps`)."""
    return [_rewritten(event, json.dumps) for event in events]


@lookalike(Stage.EVENTS)
def keys_come_in_another_order(events: list[bytes], asked: Asked) -> list[bytes]:
    """The keys of a chunk in the order of the alphabet: an object has none (Go's maps)."""
    return [_rewritten(event, lambda document: json.dumps(document, sort_keys=True, ensure_ascii=False)) for event in events]


@lookalike(Stage.REPLY)
def the_stream_comes_at_once(replied: Reply, asked: Asked) -> Reply:
    """All events in one frame, soon after the request: a short answer needs no second packet."""
    if not replied.frames or not _is_stream(replied):
        return replied
    return replace(replied, frames=(Frame(at_ms=200.0, data=replied.content),))


@lookalike(Stage.REPLY)
def frames_end_anywhere(replied: Reply, asked: Asked) -> Reply:
    """Frames of eleven bytes, within lines and within characters: packets know nothing of events."""
    if not _is_stream(replied):
        return replied
    ended = replied.frames[-1].at_ms
    content = replied.content
    pieces = [content[start : start + 11] for start in range(0, len(content), 11)]
    return replace(
        replied,
        frames=tuple(Frame(at_ms=ended * place / len(pieces), data=piece) for place, piece in enumerate(pieces)),
    )


@lookalike(Stage.REPLY)
def the_first_word_takes_long(replied: Reply, asked: Asked) -> Reply:
    """Nothing for four seconds, then one piece after the other (a long prompt, a model that is loaded first)."""
    return replace(replied, frames=tuple(Frame(at_ms=frame.at_ms + 4_000, data=frame.data) for frame in replied.frames))


def _rewritten(event: bytes, write: Callable[[Json], str]) -> bytes:
    document = parse(event.removeprefix(_DATA))
    return event if document is ABSENT else _DATA + write(document).encode("utf-8", "replace") + b"\n\n"  # type: ignore[arg-type]


def _is_stream(replied: Reply) -> bool:
    return (replied.header("content-type") or "").startswith("text/event-stream")
