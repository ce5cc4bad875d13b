"""What the wire and the transports below it tell each other about one request: `request.extensions["tape"]`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from harness.model import Reply, Request

NOWHERE = "http://endpoint.invalid"
"""The base URL of every request above the network. `.invalid` is never a name (RFC 2606)."""

SHORTEST_SECRET = 8
"""Shorter values are not looked for in replies: they would be found in ordinary text."""


class NotRecorded(Exception):
    """A cassette has no reply to this request. The text says what differs, and the way out."""


@dataclass(slots=True, kw_only=True)
class Tape:
    """One request on its way there and back.

    `turn` says as how manieth the wire was asked to send it: of requests sent at the same time, which comes first.
    `reply` is what the wire made of the reply, set before the response is closed; `retried`, that it asks again.
    `recorded` is set by a transport that replays: the reply with its times and its ending. `reused` is true where it went
    over a connection that was kept from before; `decoded` names the content encoding that was undone.
    """

    request: Request
    when_sent: Callable[[], None]
    turn: int = 0
    reply: Reply | None = None
    retried: bool = False
    recorded: Reply | None = None
    reused: bool = False
    sent: bool = False
    proxy: str | None = None
    decoded: str | None = None
    secrets: tuple[bytes, ...] = ()
    _connected: bool = False

    async def trace(self, name: str, info: object) -> None:
        """What httpcore tells of a connection, by its `trace` extension."""
        del info  # it holds the request with its keys
        if name.endswith("connect_tcp.started"):
            self._connected = True
        elif name == "http11.send_request_headers.started":
            self.reused = not self._connected
        elif name == "http11.send_request_body.complete":
            self.sent = True
            self.when_sent()

    def masked(self, content: bytes) -> bytes:
        """The bytes with every key in them overwritten by as many `*`, so that offsets and frames stay."""
        for secret in self.secrets:
            if secret in content:
                content = content.replace(secret, b"*" * len(secret))
        return content


def tape_of(request: httpx.Request) -> Tape:
    """The tape of a request that a `Wire` sent."""
    tape = request.extensions["tape"]
    assert isinstance(tape, Tape)
    return tape
