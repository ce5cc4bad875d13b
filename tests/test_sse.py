"""The event-stream decoder, held against the standard, every cut, arbitrary bytes, and the decoders that clients use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from harness.model import Event, Frame, Framing
from harness.sse import decode

BOM = b"\xef\xbb\xbf"


def frames(*parts: bytes) -> list[Frame]:
    """A frame each, ten milliseconds apart."""
    return [Frame(at_ms=10.0 * number, data=part) for number, part in enumerate(parts)]


def datas(*parts: bytes) -> list[str]:
    return [event.data for event in decode(frames(*parts))[0]]


def framing(*parts: bytes) -> Framing:
    return decode(frames(*parts))[1]


# ---------------------------------------------------------------- transcripts

TRANSCRIPTS = {
    "nothing at all": b"",
    "a chat stream": b'data: {"choices":[]}\n\ndata: {"choices":[{"index":0}]}\n\ndata: [DONE]\n\n',
    "CRLF": b"data: a\r\n\r\ndata: b\r\n\r\n",
    "CR": b"data: a\r\rdata: b\r\r",
    "line ends mixed": b"data: a\r\n\ndata: b\n\r\ndata: c\r\r\ndata: d\n\r",
    "two lines of data": b"data: a\ndata:b\ndata\n\n",
    "events named": b"event: ping\ndata: 1\n\ndata: 2\n\nevent: a\nevent: b\ndata: 3\n\n",
    "an event without data": b"event: ping\n\ndata: x\n\n",
    "empty data": b"data\n\ndata:\n\ndata: \n\ndata\ndata\n\n",
    "comments": b": OPENROUTER PROCESSING\n\n:\n:x\ndata: a\n: between\ndata: b\n\n: after\n",
    "ids": b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\nid: 2\0\ndata: d\n\n",
    "reconnection times": "retry: 10\nretry: 1x\nretry: +1\nretry: 1_0\nretry: ٣\nretry\ndata: a\n\n".encode(),
    "unknown fields": b"Data: a\n data: b\ndata : c\n{}\n : e\ndata: d\n\n",
    "a mark at the start": BOM + b"data: a\n\n",
    "two marks at the start": BOM + BOM + b"data: a\n\ndata: b\n\n",
    "a mark further on": b"data: a\n\n" + BOM + b"data: b\n\n",
    "characters of four bytes": "data: 発売 ✅ 👩‍👩‍👧\n\n".encode(),
    "other line separators": "data: a\u2028b\u0085c\vd\fe\x1cf\n\n".encode(),
    "broken UTF-8": b"data: \xe2\x82\ndata: \xff\xfe \xed\xa0\x80 \xf0\x9f\x91\n\n",
    "colons in data": b"data: data: {}\ndata::x\n\n",
    "two spaces, a tab": b"data:  a\ndata:\tb\n\n",
    "NUL": b"data: a\0b\n\n",
    "a tail": b'data: a\n\ndata: {"x": 1}\n',
    "a tail without its line end": b"data: a\n\ndata: [DONE]",
    "blank lines only": b"\n\r\n\r\n\n",
    "not an event stream": b'{\n  "error": {"message": "no"}\n}\n',
}
each_transcript = pytest.mark.parametrize("body", TRANSCRIPTS.values(), ids=TRANSCRIPTS)

PIECES = [
    *(b"data", b"data:", b"data: ", b"event: ", b"event:a", b"id", b"id:", b"id: 7", b"retry: ", b"retry:", b"retry: 5"),
    *(b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n", b":", b" ", b"\0", b"5", b"+5", b"1_0", b"1e3", b"0", b"x", b"[DONE]", b"{}"),
    *(BOM, b"\xff", b"\xe2", b"\x82", b"\xac", b"\xed\xa0\x80", b"\xf0\x9f", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xef\xbf\xbd"),
    *("\u2028\u0085\v\f\x1c".encode(), "٣".encode(), "é".encode(), "👧".encode()),
]
bodies = st.one_of(st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join), st.binary(max_size=60))


@st.composite
def cut_bodies(draw: st.DrawFn) -> tuple[bytes, ...]:
    """A body, cut anywhere, empty parts included."""
    body = draw(bodies)
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=8)))
    return tuple(body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True))


# ---------------------------------------------------------------- the standard, told slowly


@dataclass(frozen=True)
class Seen:
    """What a decoder makes of a body. An event is its data, type and last id; `raised` is what ended it early."""

    events: tuple[tuple[str, str, str], ...]
    retry: int | None
    raised: str | None = None


@dataclass(frozen=True)
class Twist:
    """A way in which a decoder departs from the standard: the transcript that shows it, who does so, and who is right."""

    name: str
    transcript: bytes
    decoders: tuple[str, ...]
    section: str
    decided_by: str
    right: str


TWISTS = (
    Twist(
        name="keeps the byte order mark",
        transcript=BOM + b"data: a\n\ndata: b\n\n",
        decoders=("httpx-sse", "openai"),
        section="Parsing an event stream",
        decided_by="The bytes are decoded by UTF-8 decode, which takes one leading byte order mark away.",
        right="ours: the others read the first field's name with the mark in it, and lose the first event",
    ),
    Twist(
        name="dispatches without data",
        transcript=b"event: ping\n\ndata: x\n\n",
        decoders=("httpx-sse", "openai"),
        section="Interpreting an event stream",
        decided_by="At a blank line with an empty data buffer, the type is forgotten and nothing is dispatched.",
        right="ours: the others hand out an event whose data is empty, also at each further blank line once an id was seen",
    ),
    Twist(
        name="reads a reconnection time as Python reads an int",
        transcript=b"data: x\nretry: +1_0\n\n",
        decoders=("httpx-sse", "openai"),
        section="Interpreting an event stream",
        decided_by="A retry field counts only where its value is nothing but ASCII digits.",
        right="ours: signs, underscores, blanks and the digits of other scripts are to be ignored",
    ),
    Twist(
        name="forgets the reconnection time of the tail",
        transcript=b"data: x\n\nretry: 10\n",
        decoders=("httpx-sse", "openai"),
        section="Interpreting an event stream",
        decided_by="A retry field takes effect when its line is processed; only pending data is discarded at the end.",
        right="ours: the others carry it on the event, which never comes",
    ),
    Twist(
        name="raises at malformed UTF-8",
        transcript=b"data: a\n\ndata: \xff\n\ndata: b\n\n",
        decoders=("openai",),
        section="Parsing an event stream",
        decided_by="UTF-8 decode puts a replacement character where bytes are malformed; it has no way to fail.",
        right="ours and httpx-sse: one bad byte must not cost the rest of the stream",
    ),
    Twist(
        name="bounds the reconnection time",
        transcript=b"data: x\nretry: 1000000000000000000\n\n",
        decoders=("ours",),
        section="Conformance, of the standard as a whole",
        decided_by="Input that is not otherwise constrained may be limited by the implementation, against abuse.",
        right="both: ours takes no more than 18 digits, and the others as many as Python's int",
    ),
)
each_twist = pytest.mark.parametrize("twist", TWISTS, ids=lambda twist: twist.name)


def textbook(body: bytes, departing: Iterable[str] = ()) -> Seen:
    """The standard's own steps over whole lines, slowly, with the named departures from it."""
    twists = frozenset(departing)
    if body.startswith(BOM) and "keeps the byte order mark" not in twists:
        body = body[3:]
    *lines, rest = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    seen: list[tuple[str, str, str]] = []
    data = event_type = last_id = ""
    retry = pending = None
    for raw in lines:
        try:
            line = raw.decode(errors="strict" if "raises at malformed UTF-8" in twists else "replace")
        except UnicodeDecodeError:
            return Seen(tuple(seen), retry, "UnicodeDecodeError")
        if line == "":
            extra = "dispatches without data" in twists and (event_type or last_id or pending is not None)
            if data or extra:
                seen.append((data.removesuffix("\n"), event_type or "message", last_id))
            retry = retry if pending is None else pending
            data, event_type, pending = "", "", None
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data += value + "\n"
        elif field == "event":
            event_type = value
        elif field == "id" and "\0" not in value:
            last_id = value
        elif field == "retry":
            if "reads a reconnection time as Python reads an int" in twists:
                try:
                    pending = int(value)
                except ValueError:
                    continue
            elif re.fullmatch("[0-9]+", value) and not ("bounds the reconnection time" in twists and len(value) > 18):
                pending = int(value)
            if "forgets the reconnection time of the tail" not in twists:
                retry = retry if pending is None else pending
    try:
        rest.decode(errors="strict" if "raises at malformed UTF-8" in twists else "replace")
    except UnicodeDecodeError:
        return Seen(tuple(seen), retry, "UnicodeDecodeError")
    return Seen(tuple(seen), retry)


# ---------------------------------------------------------------- the decoders


def ours(parts: Sequence[bytes]) -> Seen:
    events, facts = decode(frames(*parts))
    return Seen(tuple((event.data, event.event, event.id) for event in events), facts.retry)


def httpx_sse(parts: Sequence[bytes]) -> Seen:
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter(parts))
    return _collected(EventSource(response).iter_sse())


def openai(parts: Sequence[bytes]) -> Seen:
    return _collected(SSEDecoder().iter_bytes(iter(parts)))


def _collected(events: Iterator[object]) -> Seen:
    seen: list[tuple[str, str, str]] = []
    retry = None
    try:
        for event in events:
            seen.append((event.data, event.event or "message", event.id or ""))
            retry = retry if event.retry is None else event.retry
    except UnicodeDecodeError as error:
        return Seen(tuple(seen), retry, type(error).__name__)
    return Seen(tuple(seen), retry)


DECODERS: dict[str, Callable[[Sequence[bytes]], Seen]] = {"ours": ours, "httpx-sse": httpx_sse, "openai": openai}
each_decoder = pytest.mark.parametrize("decoder", DECODERS)


def twists_of(decoder: str) -> list[str]:
    return [twist.name for twist in TWISTS if decoder in twist.decoders]


@each_twist
@each_decoder
def test_a_decoder_departs_from_the_standard_exactly_where_the_table_says_so(twist: Twist, decoder: str) -> None:
    seen = DECODERS[decoder]([twist.transcript])
    assert (decoder in twist.decoders) == (seen != textbook(twist.transcript))


@each_twist
def test_the_transcript_of_a_departure_shows_that_one_and_no_other(twist: Twist) -> None:
    shown = [other.name for other in TWISTS if textbook(twist.transcript, [other.name]) != textbook(twist.transcript)]
    assert [twist.name] == shown


@each_decoder
@each_transcript
def test_no_decoder_departs_from_the_standard_in_a_way_without_a_name(decoder: str, body: bytes) -> None:
    assert textbook(body, twists_of(decoder)) == DECODERS[decoder]([body])


@settings(deadline=None, max_examples=400)
@given(parts=cut_bodies())
@example(parts=(b"retry: 9" + b"9" * 18 + b"\ndata: x\n\n",))
def test_whatever_the_bytes_and_the_cuts_no_decoder_departs_in_a_way_without_a_name(parts: tuple[bytes, ...]) -> None:
    body = b"".join(parts)
    assert {name: textbook(body, twists_of(name)) for name in DECODERS} == {name: run(parts) for name, run in DECODERS.items()}


# ---------------------------------------------------------------- cuts and bytes


def timeless(parts: Iterable[bytes]) -> tuple[list[Event], Framing]:
    events, facts = decode(frames(*parts))
    return [replace(event, at_ms=0.0) for event in events], facts


@each_transcript
def test_no_cut_changes_what_is_decoded(body: bytes) -> None:
    whole = timeless([body])
    assert [whole] * (len(body) + 1) == [timeless([body[:cut], body[cut:]]) for cut in range(len(body) + 1)]


@each_transcript
def test_a_byte_a_frame_and_empty_frames_between_change_nothing(body: bytes) -> None:
    singles = [bytes([byte]) for byte in body]
    spread = [part for single in singles for part in (b"", single, b"")]
    assert [timeless([body])] * 2 == [timeless(singles), timeless(spread)]


@settings(deadline=None, max_examples=300)
@given(parts=cut_bodies())
def test_any_bytes_are_decoded_and_accounted_for(parts: tuple[bytes, ...]) -> None:
    body = b"".join(parts)
    events, facts = timeless(parts)
    assert timeless([body]) == (events, facts)
    assert body[facts.tail_at :] == facts.tail
    assert facts.stopped_at is None
    assert malformed_slowly(body) == facts.invalid_utf8
    edges = [edge for event in events for edge in (event.start, event.end)]
    assert sorted(edges) == edges
    assert all(edge <= facts.tail_at for edge in edges)
    for event in events:
        ((alone,), _) = timeless([BOM + body[event.start : event.end]])
        assert (event.data, event.event, event.data_lines) == (alone.data, alone.event, alone.data_lines)


def malformed_slowly(body: bytes) -> tuple[int, ...]:
    found: list[int] = []
    rest = body
    while True:
        try:
            rest.decode()
        except UnicodeDecodeError as error:
            found.append(len(body) - len(rest) + error.start)
            rest = rest[error.end :]
        else:
            return tuple(found)


@pytest.mark.parametrize("blanks", range(4089, 4099))
def test_malformed_bytes_are_found_across_the_borders_of_what_is_searched_at_once(blanks: int) -> None:
    body = b" " * blanks + "👧".encode() + b"\xf0\x9f\x91" + "é".encode() + b"\xff" + b" " * 4096 + b"\xe2\x82"
    assert (blanks + 4, blanks + 9, blanks + 4106) == framing(body).invalid_utf8


# ---------------------------------------------------------------- events


def test_an_event_knows_its_bytes_its_lines_and_its_type() -> None:
    first, second = decode(frames(b": hello\nevent: ping\ndata: a\n: inside\ndata: b\r\n\r\n\ndata: c\n\n"))[0]
    assert Event(data="a\nb", event="ping", start=8, end=48, data_lines=2) == first
    assert Event(data="c", event="message", start=49, end=58) == second


def test_an_event_arrived_when_the_first_byte_of_its_blank_lines_end_did() -> None:
    events, _ = decode(frames(b"data: a\r", b"\n\r", b"\n", b"", b"data: b", b"\n\ndata: c\n", b"\n"))
    assert [("a", 10.0), ("b", 50.0), ("c", 60.0)] == [(event.data, event.at_ms) for event in events]


def test_an_id_holds_until_another_and_one_with_a_nul_is_no_id() -> None:
    assert ["1", "1", "", ""] == [event.id for event in decode(frames(TRANSCRIPTS["ids"]))[0]]


def test_the_data_of_each_transcript_is_what_the_standard_says() -> None:
    assert {
        "nothing at all": [],
        "a chat stream": ['{"choices":[]}', '{"choices":[{"index":0}]}', "[DONE]"],
        "CRLF": ["a", "b"],
        "CR": ["a", "b"],
        "line ends mixed": ["a", "b", "c", "d"],
        "two lines of data": ["a\nb\n"],
        "events named": ["1", "2", "3"],
        "an event without data": ["x"],
        "empty data": ["", "", "", "\n"],
        "comments": ["a\nb"],
        "ids": ["a", "b", "c", "d"],
        "reconnection times": ["a"],
        "unknown fields": ["d"],
        "a mark at the start": ["a"],
        "two marks at the start": ["b"],
        "a mark further on": ["a"],
        "characters of four bytes": ["発売 ✅ 👩‍👩‍👧"],
        "other line separators": ["a\u2028b\u0085c\vd\fe\x1cf"],
        "broken UTF-8": ["\ufffd\n\ufffd\ufffd \ufffd\ufffd\ufffd \ufffd"],
        "colons in data": ["data: {}\n:x"],
        "two spaces, a tab": [" a\n\tb"],
        "NUL": ["a\0b"],
        "a tail": ["a"],
        "a tail without its line end": ["a"],
        "blank lines only": [],
        "not an event stream": [],
    } == {name: datas(body) for name, body in TRANSCRIPTS.items()}


# ---------------------------------------------------------------- framing


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nothing at all", Framing()),
        ("CRLF", Framing(line_ends=frozenset({"\r\n"}), tail_at=22)),
        ("line ends mixed", Framing(line_ends=frozenset({"\r\n", "\n", "\r"}), tail_at=39)),
        ("two lines of data", Framing(line_ends=frozenset({"\n"}), unspaced=(8,), tail_at=21)),
        ("empty data", Framing(line_ends=frozenset({"\n"}), unspaced=(6,), tail_at=32)),
        (
            "comments",
            Framing(
                line_ends=frozenset({"\n"}),
                comments=((0, " OPENROUTER PROCESSING"), (25, ""), (27, "x"), (38, " between"), (57, " after")),
                tail=b": after\n",
                tail_at=57,
            ),
        ),
        ("reconnection times", Framing(line_ends=frozenset({"\n"}), retry=10, tail_at=66)),
        (
            "unknown fields",
            Framing(
                line_ends=frozenset({"\n"}),
                unknown_fields=((0, "Data: a"), (8, " data: b"), (17, "data : c"), (26, "{}"), (29, " : e")),
                tail_at=43,
            ),
        ),
        ("a mark at the start", Framing(line_ends=frozenset({"\n"}), bom=True, tail_at=12)),
        (
            "a mark further on",
            Framing(line_ends=frozenset({"\n"}), unknown_fields=((9, "\ufeffdata: b"),), tail_at=21),
        ),
        ("broken UTF-8", Framing(line_ends=frozenset({"\n"}), invalid_utf8=(6, 15, 16, 18, 19, 20, 22), tail_at=27)),
        ("two spaces, a tab", Framing(line_ends=frozenset({"\n"}), unspaced=(9,), tail_at=18)),
        ("a tail", Framing(line_ends=frozenset({"\n"}), tail=b'data: {"x": 1}\n', tail_at=9)),
        ("a tail without its line end", Framing(line_ends=frozenset({"\n"}), tail=b"data: [DONE]", tail_at=9)),
    ],
)
def test_how_a_stream_was_written_is_kept(name: str, expected: Framing) -> None:
    assert expected == framing(TRANSCRIPTS[name])


# ---------------------------------------------------------------- bounds


def test_decoding_stops_where_there_are_more_events_than_the_limit() -> None:
    events, facts = decode(frames(b"data: x\n\n" * 5), max_events=3)
    assert (3, 27, b"", 27) == (len(events), facts.stopped_at, facts.tail, facts.tail_at)


def test_as_many_events_as_the_limit_are_no_reason_to_stop() -> None:
    events, facts = decode(frames(b"data: x\n\n" * 3 + b": bye\n\ndata: y"), max_events=3)
    assert (3, None, b"data: y") == (len(events), facts.stopped_at, facts.tail)


@pytest.mark.parametrize("line", [b"\n", b":\n", b"data:\n", b"x\n"])
def test_decoding_stops_where_lines_go_on_for_ever_without_an_event(line: bytes) -> None:
    events, facts = decode(frames(b"data: x\n\n" + line * 100), max_events=10)
    assert 1 == len(events)
    assert facts.stopped_at is not None
    assert 40 >= len(facts.comments) + len(facts.unknown_fields) + len(facts.unspaced)


def test_no_more_malformed_places_are_kept_than_events() -> None:
    facts = decode(frames(b"\xff" * 100), max_events=10)[1]
    assert tuple(range(10)) == facts.invalid_utf8
