"""The transports that record and replay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Final

import httpx

from harness.cassette.file import Cassette, Interaction, kept
from harness.model import Endpoint, Json, Request
from harness.prepare import TOKEN_FIELDS
from harness.reading import brief
from harness.wire.tape import NotRecorded, Tape, tape_of

MOST_DIFFERENCES: Final = 3


class Recorder(httpx.AsyncBaseTransport):
    """Passes requests on, and keeps what the wire made of the replies. It stands above the keys, and sees none.

    What it passes back are the header fields that a cassette may hold, so that a replay is judged by the same evidence.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._tapes: list[Tape] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._tapes.append(tape_of(request))  # the wire writes the reply on it, or that it left before there was one
        response = await self._inner.handle_async_request(request)
        headers = [(name, value) for name, value in response.headers.raw if kept(((name.decode("latin-1").lower(), ""),))]
        return httpx.Response(response.status_code, headers=headers, stream=response.stream, extensions=response.extensions)

    @property
    def complete(self) -> bool:
        """Did every request get a reply, read as far as the wire wanted? (After one that did not, none is sent.)"""
        last = {tape.turn: tape for tape in self._tapes}  # before it there may be some over connections that were closed
        return bool(last) and all(tape.reply is not None for tape in last.values())

    def cassette(self, **metadata: str) -> Cassette:
        """What was recorded so far, requests that were sent at the same time in the order of the steps."""
        interactions = [
            Interaction(request=tape.request, reply=tape.reply, retried=tape.retried, decoded=tape.decoded)
            for tape in sorted(self._tapes, key=lambda tape: tape.turn)
            if tape.reply is not None
        ]
        return Cassette(interactions=tuple(interactions), metadata=metadata)


class Player(httpx.AsyncBaseTransport):
    """Gives the nth reply of a cassette to the nth request, if that is the one that was recorded. Knows no network."""

    def __init__(self, cassette: Cassette, endpoint: Endpoint, where: str) -> None:
        """`where` names the cassette in messages."""
        self.cassette = cassette
        self._endpoint = endpoint
        self._where = where
        self._next = 0

    @property
    def exhausted(self) -> bool:
        """Is there nothing left to play?"""
        return self._next >= len(self.cassette.interactions)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        tape = tape_of(request)
        self._play(tape)
        reply = tape.recorded
        assert reply is not None
        headers = [(name.encode(), value.encode()) for name, value in reply.headers]
        return httpx.Response(reply.status, headers=headers, stream=_Played([frame.data for frame in reply.frames]))

    def _play(self, tape: Tape) -> None:
        wanted = f"request {self._next + 1} ({tape.request.method} {tape.request.path})"
        again = "record it again with --mode record"
        if self.exhausted:
            raise NotRecorded(f"{self._where} has {self._next} requests and no {wanted}; {again}")
        interaction = self.cassette.interactions[self._next]
        found = list(differences(tape.request, interaction.request, self._endpoint))
        if found:
            more = f", and {len(found) - MOST_DIFFERENCES} more" if len(found) > MOST_DIFFERENCES else ""
            raise NotRecorded(f"{self._where}: {wanted} is another now: {'; '.join(found[:MOST_DIFFERENCES])}{more}; {again}")
        self._next += 1
        tape.recorded, tape.retried, tape.decoded = interaction.reply, interaction.retried, interaction.decoded


class _Played(httpx.AsyncByteStream):
    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


# ---------------------------------------------------------------- is it the same request?


def differences(now: Request, then: Request, endpoint: Endpoint) -> Iterator[str]:
    """Where a request is not the recorded one, as JSON; the model and the token field of the profile do not count."""
    if (now.method, now.path) != (then.method, then.path):
        yield f"{brief(f'{then.method} {then.path}')} in the cassette"
    body = now.body if now.folded is None else now.folded
    if isinstance(body, dict) and isinstance(then.body, dict):
        yield from _between(_as_recorded(body, then.body, endpoint), then.body, "")
    elif body is not None or then.body is not None:
        yield from _between(body, then.body, "")
    elif now.content != then.content:
        yield f"its content is {_shown(now)}, in the cassette {_shown(then)}"


def _shown(request: Request) -> str:
    return "missing" if request.content is None else brief(request.content.decode("utf-8", "backslashreplace"), 60)


def _as_recorded(now: dict[str, Json], then: dict[str, Json], endpoint: Endpoint) -> dict[str, Json]:
    aligned = dict(now)
    if "model" in then and now.get("model") in (endpoint.model, *endpoint.models.values()):
        aligned["model"] = then["model"]
    for ours, theirs in (TOKEN_FIELDS, TOKEN_FIELDS[::-1]):
        if ours in _token_fields(endpoint) and ours in aligned and ours not in then and theirs in then and theirs not in aligned:
            aligned[theirs] = aligned.pop(ours)
    return aligned


def _token_fields(endpoint: Endpoint) -> set[str]:
    """The names of the limit that `$max_tokens` may have become."""
    if endpoint.token_field is not None:
        return {endpoint.token_field}
    return {TOKEN_FIELDS[0], *(learned.token_field for learned in endpoint.learned.values() if learned.token_field)}


def _between(now: Json, then: Json, at: str) -> Iterator[str]:
    """The places where two JSON values differ; 1, 1.0 and true are three values."""
    if isinstance(now, dict) and isinstance(then, dict):
        for key in dict.fromkeys([*now, *then]):
            place = f"{at}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in then:
                yield f"{place} is {brief(now[key], 60)}, and not in the cassette"
            elif key not in now:
                yield f"{place} is missing, and {brief(then[key], 60)} in the cassette"
            else:
                yield from _between(now[key], then[key], place)
    elif isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        for position, (one, other) in enumerate(zip(now, then, strict=True)):
            yield from _between(one, other, f"{at}/{position}")
    elif type(now) is not type(then) or now != then:
        yield f"{at or 'its body'} is {brief(now, 60)}, and {brief(then, 60)} in the cassette"
