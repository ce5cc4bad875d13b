"""A visit to an endpoint: what is asked there, with which key, and how long for; what was learned so far."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.model import Ending, Endpoint, Limits, Reply, Request, Retry, Unanswered
from harness.wire import Network, Wire, credentials, variables, with_optional_headers
from harness.wire.network import expanded_url, holds_literal_credential

MOST_BYTES: Final = 256 * 1024
"""Of a reply to a question that has a short answer."""

VARIABLE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")

Answer = Reply | Unanswered
Choose = Callable[[Sequence[str]], "str | None"]

CHAT: Final = {"openai": "/chat/completions", "anthropic": "/messages"}


@dataclass(slots=True, kw_only=True)
class Visit:
    """`endpoint` is what was given, with what was learned and taken over (`adopt`) since. `total_s` bounds the whole visit.

    `choose` is asked which of several models it is to be; it may not know.
    """

    endpoint: Endpoint
    environ: Mapping[str, str]
    total_s: float
    adopt: bool = False
    choose: Choose = lambda models: None
    numbers: tuple[str, ...] = ()  # the addresses that take connections
    sources: dict[str, str] = field(default_factory=dict)
    lost_key: tuple[str, ...] = ()  # the variables of keys that are not set
    listing: Answer | None = None  # what /models answered with the key
    slow_s: float | None = None
    thinks: bool | None = None
    _networks: dict[str, Network] = field(default_factory=dict)

    @property
    def patience_s(self) -> float:
        """How long one short question may take."""
        return max(0.2, self.total_s / 6)

    @property
    def limits(self) -> Limits:
        """For short questions."""
        own = self.endpoint.limits
        return replace(
            own,
            connect_s=min(own.connect_s, self.patience_s),
            first_byte_s=min(own.first_byte_s, self.patience_s),
            idle_s=min(own.idle_s, self.patience_s / 2),
            timeout_s=min(own.timeout_s, self.patience_s * 1.5),
            max_bytes=MOST_BYTES,
        )

    @property
    def chat(self) -> str:
        """The path of the operation that answers."""
        return CHAT.get(self.endpoint.dialect, CHAT["openai"])

    @property
    def proxy(self) -> str | None:
        """The proxy that requests go through."""
        return self._network(self.keyless()).proxy

    # ------------------------------------------------------------ with and without a key

    def url(self) -> str:
        """The base URL with its variables filled in."""
        return expanded_url(self.endpoint, self.environ)

    def missing(self) -> tuple[str, ...]:
        """The variables of keys that are not set."""
        named = credentials(self.endpoint)
        return tuple(name for name in variables(replace(self.endpoint, model=None, models={}), self.environ) if name in named)

    def key_headers(self) -> tuple[str, ...]:
        """The header fields that hold a key."""
        sent = with_optional_headers(self.endpoint, self.environ).headers
        return tuple(name for name, value in sent.items() if VARIABLE.search(value) or holds_literal_credential(name, value))

    def has_key(self) -> bool:
        """Is a key sent at all?"""
        return bool(self.key_headers()) or any(VARIABLE.search(value) for value in self.endpoint.query.values())

    def keyless(self) -> Endpoint:
        """The endpoint without whatever holds a key."""
        headers = {
            name: value
            for name, value in self.endpoint.headers.items()
            if not VARIABLE.search(value) and not holds_literal_credential(name, value)
        }
        query = {
            name: value
            for name, value in self.endpoint.query.items()
            if not VARIABLE.search(value) and not holds_literal_credential(name, value)
        }
        return replace(self.endpoint, headers=headers, optional_headers={}, query=query)

    def wrong(self) -> Endpoint:
        """The endpoint with a key that nobody made."""
        held = with_optional_headers(self.endpoint, self.environ)
        keys = self.key_headers() or ("authorization",)
        made_up = {
            name: "chatcompat-made-up-key" if name != "authorization" else "Bearer chatcompat-made-up-key" for name in keys
        }
        query = {name: VARIABLE.sub("chatcompat-made-up-key", value) for name, value in held.query.items()}
        return replace(held, headers={**self.keyless().headers, **made_up}, query=query)

    # ------------------------------------------------------------ asking

    async def ask(self, endpoint: Endpoint, request: Request) -> Answer:
        """One short question, within the limits of one."""
        held = replace(endpoint, limits=self.limits, retry=Retry(at_most=0))
        return await Wire(held, self._network(held)).send(request)

    async def ask_models(self, endpoint: Endpoint) -> Answer:
        """The list of models, or whatever is there."""
        return await self.ask(endpoint, Request(method="GET", path=self.endpoint.models_path or "/models"))

    async def ask_chat(self, endpoint: Endpoint, *more: tuple[str, str]) -> Answer:
        """The operation, asked for nothing: what is there refuses it, and generates at most one token if it does not."""
        headers = (("content-type", "application/json"), *more)
        return await self.ask(
            endpoint,
            Request(method="POST", path=self.chat, headers=headers, content=b'{"max_tokens":1}', body={"max_tokens": 1}),
        )

    def wire(self, endpoint: Endpoint) -> Wire:
        """For a real answer."""
        from harness.dialects import dialect

        most_s = self.total_s / 2
        own = endpoint.limits
        limits = replace(
            own,
            connect_s=min(own.connect_s, self.patience_s),
            first_byte_s=min(own.first_byte_s, most_s),
            idle_s=min(own.idle_s, most_s),
            timeout_s=min(own.timeout_s, most_s),
            max_bytes=MOST_BYTES * 16,
        )
        held = replace(endpoint, limits=limits, retry=replace(endpoint.retry, at_most=1, wait_at_most_s=2))
        return Wire(held, self._network(held), terminator=dialect(endpoint.dialect).TERMINATOR)

    def safe(self, said: str) -> str:
        """A text without keys."""
        if self.missing():
            return said
        return self._network(self.endpoint).masked(said)

    async def aclose(self) -> None:
        """Leaves."""
        for network in self._networks.values():
            await network.aclose()

    def _network(self, endpoint: Endpoint) -> Network:
        key = repr((endpoint.base_url, endpoint.headers, endpoint.optional_headers, endpoint.query))
        if key not in self._networks:
            self._networks[key] = Network(endpoint, self.environ)
        return self._networks[key]


def complete(answer: Answer) -> bool:
    """Is it a reply that came to its end?"""
    return isinstance(answer, Reply) and answer.ended is Ending.CLOSED
