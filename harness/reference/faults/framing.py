"""Streams whose bytes are wrong, whatever they say."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Ending, Frame, Reply
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault

_DATA = b"data: "
_END = b"\n\n"


@fault(Stage.EVENTS, caught_by=["framing.line-feeds-only"])
def lines_end_with_crlf(events: list[bytes], asked: Asked) -> list[bytes]:
    """CR LF in place of LF (Perplexity)."""
    return [event.replace(b"\n", b"\r\n") for event in events]


@fault(Stage.EVENTS, caught_by=["framing.space-after-colon"], field=["sse-data-without-space"])
def no_space_after_the_colon(events: list[bytes], asked: Asked) -> list[bytes]:
    """`data:{…}` (old TGI in 14 recorded streams, LongCat)."""
    return [event.replace(_DATA, b"data:", 1) for event in events]


@fault(Stage.EVENTS, caught_by=["framing.blank-line-at-end"], field=["sse-final-blank-line"])
def no_blank_line_at_the_end(events: list[bytes], asked: Asked) -> list[bytes]:
    """The body ends right behind `data: [DONE]` (Azure Foundry)."""
    return [*events[:-1], events[-1].removesuffix(_END)]


@fault(Stage.EVENTS, caught_by=["framing.one-line-per-event"], field=["sse-event-framing"])
def json_over_several_lines(events: list[bytes], asked: Asked) -> list[bytes]:
    """The JSON of an event is pretty-printed over several `data:` lines (hand-written servers)."""
    return [event.replace(b',"object"', b',\ndata: "object"', 1) for event in events]


@fault(Stage.EVENTS, caught_by=["framing.utf-8"], field=["sse-utf8-integrity"])
def text_in_latin_1(events: list[bytes], asked: Asked) -> list[bytes]:
    """Bytes that are not UTF-8 in the place of letters beyond ASCII, in texts (a wrong encoding in a bridge)."""
    if asked.body.keys() & {"tools", "response_format"}:
        return events
    return [event.decode().encode("latin-1", "ignore") for event in events]


@fault(Stage.EVENTS, caught_by=["framing.no-byte-order-mark"])
def begins_with_a_byte_order_mark(events: list[bytes], asked: Asked) -> list[bytes]:
    """A byte order mark before the first event (a .NET text writer)."""
    return [b"\xef\xbb\xbf" + events[0], *events[1:]]


@fault(Stage.EVENTS, caught_by=["framing.no-stray-lines"], field=["stream-error-in-band"])
def a_bare_line_between_events(events: list[bytes], asked: Asked) -> list[bytes]:
    """A line that is no field: `error: {…}` for what went wrong with something nobody sees (GPUStack)."""
    return [*events[:-1], b'error: {"code":500,"message":"the cache is full"}\n\n', events[-1]]


@fault(Stage.EVENTS, caught_by=["framing.no-comments"])
def sends_comments(events: list[bytes], asked: Asked) -> list[bytes]:
    """Comments that keep the connection alive (OpenRouter): legal, and a note."""
    return [b": PROCESSING\n\n", *events]


@fault(Stage.EVENTS, caught_by=["framing.data-is-json"], field=["sse-comments-legal"])
def keep_alive_behind_data(events: list[bytes], asked: Asked) -> list[bytes]:
    """A keep-alive comment that a proxy put behind `data:` (OmniRoute)."""
    return [*events[:1], b"data: : PROCESSING\n\n", *events[1:]]


@fault(
    Stage.EVENTS,
    caught_by=["asked.json-is-json", "framing.data-is-json", "tools.arguments-are-json"],
    field=["sse-event-framing"],
)
def two_chunks_in_an_event(events: list[bytes], asked: Asked) -> list[bytes]:
    """Two chunks glued to one event (proxies that lose line ends)."""
    if len(events) < 6:
        return events
    return [*events[:2], events[2].removesuffix(_END) + events[3], *events[4:]]


@fault(Stage.EVENTS, caught_by=["framing.no-named-events"], field=["tool-stream-custom-events"])
def events_have_names(events: list[bytes], asked: Asked) -> list[bytes]:
    """Each event has a name (`event: message_delta`), as those of another API (vMLX, bridges to Anthropic)."""
    return [b"event: message_delta\n" + event for event in events[:-1]] + events[-1:]


@fault(Stage.REPLY, caught_by=["stream.closes-after-done"], field=["stream-done-terminator"])
def stays_open_after_done(replied: Reply, asked: Asked) -> Reply:
    """The connection stays open behind `[DONE]` (ik_llama.cpp, keep-alive set wrong)."""
    return replace(replied, ended=Ending.HELD_OPEN) if _is_stream(replied) else replied


@fault(Stage.REPLY, caught_by=["stream.arrives-bit-by-bit"], field=["stream-incremental"])
def held_back_by_a_buffer(replied: Reply, asked: Asked) -> Reply:
    """Everything at once after a long wait: a buffer or a compressor on the way (nginx, gzip)."""
    if not _is_stream(replied):
        return replied
    late = max(3000.0, replied.frames[-1].at_ms)
    return replace(replied, frames=tuple(Frame(at_ms=late, data=frame.data) for frame in replied.frames))


def _is_stream(replied: Reply) -> bool:
    return (replied.header("content-type") or "").startswith("text/event-stream") and bool(replied.frames)
