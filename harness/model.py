"""The nouns: what an endpoint, a case, an exchange and a finding are.

Every value is frozen and every union closed, so that a state which makes no sense cannot be written down.
JSON from the wire stays JSON: it is the thing under test, and `harness.reading` looks into it without trusting it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Headers: TypeAlias = "tuple[tuple[str, str], ...]"
"""Header fields in the order of the wire, names in lower case; a name may occur more than once."""


# ---------------------------------------------------------------- levels and verdicts


class Level(StrEnum):
    """Who would notice a broken rule."""

    MUST = "must"  # real clients break
    SHOULD = "should"  # api.openai.com never does this, and some clients mind
    MAY = "may"  # only the published document says otherwise, or it is an extension: a note, never counted


class Verdict(StrEnum):
    """What became of a trial; computed by `harness.judge`, never assigned."""

    PASS = "pass"
    WARN = "warn"
    IGNORED = "ignored"
    UNSUPPORTED = "unsupported"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"
    ERROR = "error"


class Kind(StrEnum):
    """The four consequences of a claim: what it means when it does not hold."""

    GIVEN = "given"  # inconclusive
    EFFECT = "effect"  # ignored
    EXPECT = "expect"  # fail
    PREFER = "prefer"  # warn


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


# ---------------------------------------------------------------- suites


Fragment: TypeAlias = "bool | dict[str, Json]"
"""A JSON Schema 2020-12 fragment; true: it is there; false: it is not there. May hold `{"$from": "step#/pointer"}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a step claims of its answer, all with one consequence."""

    status: Fragment | None = None
    headers: Mapping[str, Fragment] = field(default_factory=dict)
    body: Mapping[str, Fragment] = field(default_factory=dict)  # JSON Pointer → fragment
    chunks: Mapping[str, Fragment] = field(default_factory=dict)  # the same, into the array of chunks
    took_ms: Fragment | None = None  # from the request's being sent to the last byte of its answer, in milliseconds

    def __bool__(self) -> bool:
        return self.status is not None or self.took_ms is not None or bool(self.headers or self.body or self.chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """A step that is not a plain chat request. `body` (JSON) and `raw` (text as is) exclude each other.

    `encoding` is how `body` is written: `ascii`, with an escape for each character beyond it; None: in UTF-8.
    """

    method: str
    path: str
    headers: Mapping[str, str | dict[str, Json] | None] = field(default_factory=dict)
    """Lower-case name → text or `$from`; null: leave this header of the endpoint's out."""
    body: Json = None
    raw: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request of a case and what it claims. Exactly one of `request` and `http` is set.

    `together`: it is sent at the same time as the step before it.
    """

    id: str
    request: dict[str, Json] | None = None
    http: Http | None = None
    together: bool = False
    hang_up: HangUp | None = None
    claims: Mapping[Kind, Claims] = field(default_factory=dict)
    line: int = 0  # in the suite's file, from 1

    @property
    def claims_status(self) -> bool:
        """Does any claim name `status`? If none does, the step claims 2xx."""
        return any(claims.status is not None for claims in self.claims.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to try: a conversation of one or more steps."""

    suite: str
    id: str
    title: str
    needs: tuple[str, ...]  # features: the last is under test, those before are prerequisites
    steps: tuple[Step, ...]
    stream: tuple[bool, ...] = (False,)
    tries: int = 1
    line: int = 0

    @property
    def path(self) -> str:
        """`suite/case`, the identity of a case."""
        return f"{self.suite}/{self.id}"

    @property
    def feature(self) -> str:
        """The feature under test: the row of the matrix."""
        return self.needs[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    id: str
    title: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A YAML file of cases."""

    id: str
    title: str
    features: tuple[Feature, ...]
    cases: tuple[Case, ...]
    file: str = ""


# ---------------------------------------------------------------- endpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    on: tuple[int, ...] = (429, 503, 529)
    at_most: int = 4
    wait_at_most_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    concurrency: int = 4
    requests_per_minute: int | None = None
    connect_s: float = 10.0
    first_byte_s: float = 60.0
    idle_s: float = 30.0
    timeout_s: float = 120.0  # the whole reply
    after_done_s: float = 2.0  # how long a stream may stay open after its terminator
    max_bytes: int = 16 * 1024 * 1024
    max_events: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A failure that is known and accepted: where it is discussed, why, who minds it, and the last day it is accepted."""

    issue: str = ""
    until: str | None = None
    reason: str = ""
    owner: str = ""
    place: str = ""  # file:line, where it is of a baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is said publicly of an endpoint, and where. `says` may be empty where the link is all that is kept."""

    link: str
    says: str = ""
    checked: str | None = None  # the day somebody read it, YYYY-MM-DD


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """An endpoint that is gone: what it was and what became of it, since when, and the endpoint that took its place."""

    says: str
    on: str  # a day or a month
    link: str
    instead: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What so many tokens (`per`) of input and of output cost, by whose word, and the day it was read."""

    input: float
    output: float
    currency: str = "USD"
    per: int = 1_000_000
    source: str = ""
    checked: str | None = None


HEADROOM: Final = 2048
"""Tokens to think in, where a profile does not say how many: what a thinking model needs for a short question, and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What the probe found out about a model and the endpoint that serves it; None: it did not show."""

    thinks: bool | None = None  # does it think before it answers, at the cost of the limit?
    token_field: str | None = None  # the name of the limit that was taken
    echoes: bool | None = None  # does it say a word that it is told to say?


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A base URL, a model and a way to authenticate.

    `headers`, `query` and `base_url` may hold `${NAME}`, which the wire alone replaces from the environment when it sends.
    `optional_headers` are sent where every variable that they name is set.
    """

    name: str
    title: str
    base_url: str
    model: str | None = None  # may be `${NAME}`
    models: Mapping[str, str] = field(default_factory=dict)  # feature → model
    models_path: str | None = "/models"  # where the models are listed; None: nowhere
    dialect: str = "openai"
    headers: Mapping[str, str] = field(default_factory=dict)
    optional_headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    token_field: str | None = None  # what `$max_tokens` in a request becomes; None: what the probe finds, else max_tokens
    thinks: bool | None = None  # does the model think before it answers? None: what the probe finds
    headroom: int = HEADROOM  # tokens that a thinking model gets on top of `$max_tokens`
    context: int | None = None  # how many tokens the model's window holds
    has: Mapping[str, Statement] = field(default_factory=dict)  # feature → where the vendor says that it has it
    lacks: Mapping[str, Statement] = field(default_factory=dict)  # feature → where the vendor says that it lacks it
    quirks: tuple[Statement, ...] = ()  # what is known to be peculiar
    known: Mapping[str, Accepted] = field(default_factory=dict)  # suite/case or rule id → accepted failure
    retry: Retry = Retry()
    limits: Limits = Limits()
    prices: Prices | None = None
    notes: str = ""
    docs: str = ""  # the vendor's page
    checked: str | None = None  # the day this was read there
    retired: Retired | None = None
    recorded: Mapping[str, str] = field(default_factory=dict)  # in a cassette's folder: what served it (server, version)
    learned: Mapping[str, Learned] = field(default_factory=dict)  # model → what the probe found; in no profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A case, streamed or not, with an endpoint."""

    endpoint: Endpoint
    case: Case
    stream: bool

    @property
    def key(self) -> tuple[str, str, str, bool]:
        """What results are sorted by."""
        return (self.endpoint.name, self.case.suite, self.case.id, self.stream)


# ---------------------------------------------------------------- outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One step of one try, judged. `applied` are the ids of the rules that had their evidence and looked."""

    step: str
    seen: Exchange | Unanswered
    verdict: Verdict
    claims_verdict: Verdict  # what it would be without the findings of standing rules and the contract
    findings: tuple[Finding, ...] = ()
    applied: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()  # the kinds of documents (completion, chunk, error …) that the contract looked at
    reason: str | None = None  # in words, where the findings do not say it


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a case: its steps in order, up to the first that is neither pass nor warn."""

    steps: tuple[Looked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """What one of several repeats of a trial came to; `rules` are those that it broke, and its claims that did not hold."""

    verdict: Verdict
    claims_verdict: Verdict
    rules: tuple[str, ...] = ()
    elapsed_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A trial that was held. What it amounts to is computed by `harness.judge.verdict`.

    Where it was held several times over, `attempts` are those of the worst of its `repeats`, which are in order.
    """

    trial: Trial
    attempts: tuple[Attempt, ...]
    repeats: tuple[Repeat, ...] = ()
    recorded: str | None = None  # replay: when, ISO 8601
    elapsed_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A trial that was not held, and why."""

    trial: Trial
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Errored:
    """A trial about which nothing can be said, through a fault of ours or of the set-up."""

    trial: Trial
    reason: str


Outcome: TypeAlias = "Judged | Skipped | Errored"

AnyJson: TypeAlias = Any
"""For the few signatures of other people's libraries that take anything."""
