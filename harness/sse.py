"""Bytes to events, exactly by the WHATWG rules (HTML Living Standard, "Server-sent events": parsing and interpreting an
event stream), and how those bytes were written, which the standard forgets and clients trip over.

It knows nothing of chat. Where the bytes were cut into frames decides nothing but when an event arrived: the frames are
joined first, and a position in the body is looked up among the frames' ends.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate, islice
from typing import Final

from harness.model import Event, Frame, Framing

_BOM: Final = codecs.BOM_UTF8
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_LINES_PER_EVENT: Final = 4
"""How many lines an event may take on average before a stream counts as endless: a real one takes two or three."""
_RETRY: Final = re.compile(rb"[0-9]{1,18}")
"""Only ASCII digits are a reconnection time; beyond these 18 it is no time anybody means, but work for an attacker."""
_WINDOW: Final = 4096
"""Bytes that are searched for malformed UTF-8 at once: each search copies them, so a whole body would cost its square."""


def decode(frames: Iterable[Frame], max_events: int = 100_000) -> tuple[tuple[Event, ...], Framing]:
    """The events that a body dispatches, in order, and the facts about its framing. Total: any bytes, never an exception.

    What comes after the last blank line is never an event, as the standard says; it is kept as `Framing.tail`, and who
    wants to know what a lenient client makes of it decodes `tail + b"\\n\\n"`. After `max_events` events, or four times as
    many lines, decoding stops: `Framing.stopped_at` says where, and there is no tail. Takes time in proportion to the bytes.
    """
    arrived = tuple(frames)
    body = b"".join(frame.data for frame in arrived)
    frame_ends = list(accumulate(len(frame.data) for frame in arrived))

    events: list[Event] = []
    line_ends: set[bytes] = set()
    comments: list[tuple[int, str]] = []
    unknown_fields: list[tuple[int, str]] = []
    unspaced: list[int] = []
    retry: int | None = None
    stopped_at: int | None = None

    data: list[bytes] = []  # the lines of the data buffer
    event_type = b""
    last_id = ""
    first_field = -1  # where the event under way starts, once it has

    bom = body.startswith(_BOM)
    at = after_blank = len(_BOM) if bom else 0
    for lines, line_end in enumerate(_LINE_END.finditer(body, at), start=1):
        if lines > max_events * _LINES_PER_EVENT:
            stopped_at = after_blank
            break
        start, at = at, line_end.end()
        line = body[start : line_end.start()]
        line_ends.add(line_end[0])

        if not line:
            if data:
                if len(events) == max_events:
                    stopped_at = after_blank
                    break
                events.append(
                    Event(
                        data=_text(b"\n".join(data)),
                        event=_text(event_type) or "message",
                        id=last_id,
                        start=first_field,
                        end=at,
                        # The first byte of a line end ends the line: after a CR nobody waits for a LF that may follow.
                        at_ms=arrived[bisect_right(frame_ends, line_end.start())].at_ms,
                        data_lines=len(data),
                    )
                )
            data, event_type, first_field, after_blank = [], b"", -1, at
            continue
        if line.startswith(b":"):
            comments.append((start, _text(line[1:])))
            continue

        if first_field < 0:
            first_field = start
        name, colon, value = line.partition(b":")
        spaced = value.startswith(b" ")
        if spaced:
            value = value[1:]
        match name:
            case b"data":
                data.append(value)
                if colon and not spaced:
                    unspaced.append(start)
            case b"event":
                event_type = value
            case b"id":
                if b"\0" not in value:
                    last_id = _text(value)
            case b"retry":
                if _RETRY.fullmatch(value):
                    retry = int(value)
            case _:
                unknown_fields.append((start, _text(line)))

    return tuple(events), Framing(
        line_ends=frozenset(found.decode() for found in line_ends),
        bom=bom,
        comments=tuple(comments),
        unknown_fields=tuple(unknown_fields),
        unspaced=tuple(unspaced),
        invalid_utf8=tuple(islice(_malformed(body), max_events)),
        tail=b"" if stopped_at is not None else body[after_blank:],
        tail_at=after_blank,
        retry=retry,
        stopped_at=stopped_at,
    )


def _text(line: bytes) -> str:
    """Bytes between line ends, decoded as the standard decodes the whole stream: no malformed sequence spans a line end."""
    return line.decode("utf-8", "replace")


def _malformed(body: bytes) -> Iterable[int]:
    """Where each malformed sequence starts: one for every U+FFFD that decoding puts in."""
    at = 0
    while at < len(body):
        final = at + _WINDOW >= len(body)
        try:
            # What may be whole with the next window's bytes is left to it.
            at += codecs.utf_8_decode(body[at : at + _WINDOW], "strict", final)[1]
        except UnicodeDecodeError as malformed:
            yield at + malformed.start
            at += malformed.end
