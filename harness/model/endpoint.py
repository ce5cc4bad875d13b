"""Whom it is asked of: endpoints as their profiles describe them, and a case held with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.model.suite import Case


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
