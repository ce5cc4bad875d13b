"""What goes over the wire, as it was sent and as it is understood: requests, replies, events, exchanges, findings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from harness.model.verdict import Kind, Level

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Headers: TypeAlias = "tuple[tuple[str, str], ...]"
"""Header fields in the order of the wire, names in lower case; a name may occur more than once."""


# ---------------------------------------------------------------- what goes over the wire


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp:
    """When we leave before an answer is complete. Exactly one of the two is set."""

    after_events: int | None = None  # of a stream
    after_ms: int | None = None  # since the request was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request.

    `path` is relative to the endpoint's base URL (`/chat/completions`). `body` is the JSON document that `content` holds,
    or None where there is no content or it is not JSON. `headers` never hold a credential: the wire adds those of the
    endpoint's profile, but for the names in `without` (and those that `headers` sets itself). `folded` is the body in the
    notation of suites, where that is much shorter than what goes out (`$repeat`, `$padding`): what a cassette keeps of it.
    """

    method: str
    path: str
    headers: Headers = ()
    content: bytes | None = None
    body: Json = None
    without: tuple[str, ...] = ()  # header fields of the endpoint's profile to leave out, in lower case
    folded: Json = None
    hang_up: HangUp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Bytes of a body that arrived together, `at_ms` milliseconds after the request was sent."""

    at_ms: float
    data: bytes


class Ending(StrEnum):
    """How a reply's body came to its end."""

    CLOSED = "closed"  # complete, as HTTP defines it
    CUT = "cut"  # the connection broke before the body was complete
    TIMED_OUT = "timed-out"  # we stopped waiting: idle or whole time limit
    HELD_OPEN = "held-open"  # the terminator of the stream came, and the connection stayed open after it
    TOO_LARGE = "too-large"  # we stopped reading: more bytes or events than the limits allow
    HUNG_UP = "hung-up"  # we left in the middle, as the step says


class Evidence(StrEnum):
    """What a recorder may have dropped from a reply. A rule that needs it does not apply then."""

    HEADERS = "headers"  # only some header fields were kept
    FRAMES = "frames"  # how the bytes were cut into frames is lost
    TIMES = "times"  # when the frames arrived is lost
    BYTES = "bytes"  # the body was rebuilt from a parsed form
    REQUEST = "request"  # what was asked for was not kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP response as it arrived. `earlier` holds the replies that were retried (429, 503 …), oldest first."""

    status: int
    headers: Headers = ()
    frames: tuple[Frame, ...] = ()
    ended: Ending = Ending.CLOSED
    earlier: tuple[Reply, ...] = ()
    lost: frozenset[Evidence] = frozenset()

    @property
    def content(self) -> bytes:
        """The whole body."""
        return b"".join(frame.data for frame in self.frames)

    def header(self, name: str) -> str | None:
        """The first value of a header field, or None. `name` is in lower case."""
        return next((value for key, value in self.headers if key == name), None)


class Silence(StrEnum):
    """Why there is no reply."""

    UNREACHABLE = "unreachable"  # DNS, refused, TLS, no route
    TIMED_OUT = "timed-out"  # connected, and no first byte in time
    BROKEN = "broken"  # the connection ended, or spoke something other than HTTP, before a response began
    NOT_RECORDED = "not-recorded"  # replay: the cassette has no such request
    NO_EQUIVALENT = "no-equivalent"  # the endpoint's API has no form for what is asked: nothing was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A request that got no reply. `message` names the address, what happened and the way out.

    `alone` is true where the endpoint answered its base case right after: then the silence belongs to this request.
    """

    request: Request
    silence: Silence
    message: str
    alone: bool = False


# ---------------------------------------------------------------- event streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One dispatched server-sent event.

    `start` and `end` are byte offsets in the body: from its first field to the end of the blank line that dispatched it
    (end excluded), so that these bytes are the whole event.
    """

    data: str
    event: str = "message"
    id: str = ""  # the last event ID of the stream when it was dispatched: it may come from an earlier event
    start: int = 0
    end: int = 0
    at_ms: float = 0.0  # when the frame that completed it arrived
    data_lines: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How an event stream was written, apart from what its events say. Offsets are in bytes from the start of the body."""

    line_ends: frozenset[str] = frozenset()  # of "\n", "\r\n", "\r"
    bom: bool = False
    comments: tuple[tuple[int, str], ...] = ()  # offset, text after the colon
    unknown_fields: tuple[tuple[int, str], ...] = ()  # offset, the whole line
    unspaced: tuple[int, ...] = ()  # offsets of `data:` lines without the space
    invalid_utf8: tuple[int, ...] = ()  # offsets of the first bad byte of each malformed sequence
    tail: bytes = b""  # what came after the last blank line, comments included, and so was never dispatched
    tail_at: int = 0
    retry: int | None = None  # the last valid reconnection time, in milliseconds
    stopped_at: int | None = None  # where decoding gave up, for more events or lines than the limits allow


# ---------------------------------------------------------------- exchanges: a closed family


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and the reply to it, decoded. One of the subclasses below, always.

    Where the endpoint speaks another API, this is what it means in the form of Chat Completions, and `wire` what was really
    sent and answered; else `wire` is None.
    """

    request: Request
    reply: Reply
    wire: Exchange | None = None

    @property
    def on_the_wire(self) -> Exchange:
        """What was really sent and answered."""
        return self.wire or self


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed(Exchange):
    """2xx and one JSON document, where one was asked for."""

    body: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCompleted(Completed):
    """POST /chat/completions, not streamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsListed(Completed):
    """GET /models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRetrieved(Completed):
    """GET /models/{id}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A JSON document that an event of a stream carried. `event` is the index of that event."""

    body: Json
    event: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed(Exchange):
    """An event stream, where one was asked for.

    `chunks` are the events whose data is JSON, in order, an in-band error among them. `body` is what they add up to, in
    the shape of the document that is not streamed. `failed_at` is the index in `chunks` of the first in-band error, or None.
    """

    events: tuple[Event, ...]
    framing: Framing
    chunks: tuple[Chunk, ...]
    body: Json
    failed_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatStreamed(Streamed):
    """POST /chat/completions, streamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Exchange):
    """Any status but 2xx. `body` is its JSON document, or its text."""

    body: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesCompleted(Completed):
    """POST /messages (Anthropic's Messages API), not streamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesStreamed(Streamed):
    """POST /messages, streamed. `chunks` are its events, `body` the message that they add up to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesModelsListed(Completed):
    """GET /models, as the Messages API lists them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesModelRetrieved(Completed):
    """GET /models/{id}, as the Messages API tells of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesRefused(Refused):
    """Any status but 2xx, of the Messages API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbled(Exchange):
    """2xx that is not what was asked for (no JSON, a stream where none was asked for, no stream where one was …)."""

    why: str
    body: Json = None  # its JSON document, where it is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Other(Exchange):
    """An answer of an operation that the rules do not know (OPTIONS, /embeddings …): counted, not judged by rules."""

    body: Json = None


# ---------------------------------------------------------------- findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A broken rule or claim.

    `rule` is a rule's id (`stream.ends-with-done`) or `suite/case:kind` for a claim; `kind` is set for claims only.
    `at` is a JSON Pointer into the body (`/choices/0/index`), one into the chunks (`chunks/3/choices/0/delta`), or a byte
    range of the body (`bytes 120-240`); with `translated ` before it, a place in what another API's answer means, which is
    nowhere in its bytes. `level` is None for `given` and `effect`.
    """

    rule: str
    level: Level | None
    message: str
    at: str | None = None
    kind: Kind | None = None
