"""Sending a request, and reading the reply within limits: frames with their times, how it ended, what was retried."""

from __future__ import annotations

import asyncio
import email.utils
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

import httpx

from harness import __version__
from harness.errors import BadInput
from harness.model import Ending, Endpoint, Frame, Headers, Reply, Request, Silence, Unanswered
from harness.wire.silence import address, explained
from harness.wire.tape import NOWHERE, NotRecorded, Tape

FIRST_WAIT_S: Final = 0.5
"""The first wait before a retry, where the endpoint names none; it doubles each time."""

STALE: Final = 3
"""How often a request is sent again because a kept connection turned out to be closed already. Never a reply is lost so."""

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token of RFC 9110
_NO_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$")
_CARRIED: Final = 64  # more bytes than a terminator has

LEFT: Final = 499
"""The status of a reply that we did not wait for: nginx's number for a client that closed the request. No server sends it."""


class Spent(Exception):
    """The ceiling of requests is reached: this one was not sent."""


@dataclass(slots=True)
class Pace:
    """When an endpoint may be asked next; shared by all conversations with it. Times are of the wires' clock."""

    requests_per_minute: int | None = None
    next_at: float = 0.0

    def turn(self, now: float) -> float:
        """Takes the next turn; how many seconds away it is."""
        at = max(now, self.next_at)
        self.next_at = at + (60.0 / self.requests_per_minute if self.requests_per_minute else 0.0)
        return at - now

    def hold(self, until: float) -> None:
        """Nobody asks before then: the endpoint said that it is asked too often."""
        self.next_at = max(self.next_at, until)


class Wire:
    """The conversation with one endpoint, through a transport."""

    def __init__(
        self,
        endpoint: Endpoint,
        transport: httpx.AsyncBaseTransport,
        *,
        terminator: re.Pattern[bytes] | None = None,
        pace: Pace | None = None,
        spend: Callable[[Request, bool], bool] = lambda request, again: True,
        settle: Callable[[Request, Reply | Unanswered], None] = lambda request, seen: None,
        waiting: Callable[[float, str], None] = lambda seconds, why: None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        today: Callable[[], float] = time.time,
    ) -> None:
        """`terminator` finds the end of a stream, a line end before it.

        `spend` is asked before each request whether it may be sent, and told whether it is a retry; `settle` is told what
        became of it.
        `waiting` is told of every wait: seconds, and why. `clock` counts seconds, `today` those since 1970.
        """
        self.endpoint = endpoint
        self._transport = transport
        self._terminator = terminator
        self._pace = pace or Pace()
        self._spend = spend
        self._settle = settle
        self._waiting = waiting
        self._clock = clock
        self._sleep = sleep
        self._today = today
        self._url = address(endpoint.base_url)
        self._turns = 0

    async def send(self, request: Request) -> Reply | Unanswered:
        """The reply, with those that were retried in `earlier`; or why there is none.

        Raises Spent where the ceiling of requests is reached, and BadInput for a header that HTTP cannot carry.
        """
        earlier: list[Reply] = []
        if not self._spend(request, False):
            raise Spent
        self._turns += 1
        turn = self._turns
        while True:
            await self._turn()
            seen, wait_s = await self._once(request, turn, len(earlier))
            if isinstance(seen, Unanswered):
                self._settle(request, seen)
                return seen
            if wait_s is None:
                return replace(seen, earlier=tuple(earlier)) if earlier else seen
            earlier.append(seen)
            if wait_s > 0:
                if seen.status == 429:
                    self._pace.hold(self._clock() + wait_s)
                self._waiting(wait_s, f"{seen.status}, retry {len(earlier)} of {self.endpoint.retry.at_most}")
                await self._sleep(wait_s)

    async def _turn(self) -> None:
        away = self._pace.turn(self._clock())
        if away > 0.001:
            per_minute = self.endpoint.limits.requests_per_minute
            self._waiting(away, f"at most {per_minute} requests a minute" if per_minute else "it asked for a pause")
            await self._sleep(away)

    # ------------------------------------------------------------ one request

    async def _once(self, request: Request, turn: int, retried: int) -> tuple[Reply | Unanswered, float | None]:
        """What came, and how long to wait before asking again, or None where it is not asked again."""
        for again in range(STALE + 1):
            try:
                return await self._exchanged(request, turn, retried, may_be_stale=again < STALE)
            except _StaleConnection:
                continue
        raise AssertionError("the last one is not asked again")

    async def _exchanged(
        self, request: Request, turn: int, retried: int, may_be_stale: bool
    ) -> tuple[Reply | Unanswered, float | None]:
        limits = self.endpoint.limits
        loop = asyncio.get_running_loop()
        begun = sent_at = loop.time()
        started = self._clock()

        def when_sent() -> None:
            nonlocal started, sent_at
            started = self._clock()
            sent_at = loop.time()
            patience.reschedule(min(begun + limits.timeout_s, sent_at + (leave_s or limits.first_byte_s)))

        leave_s = None if request.hang_up is None or request.hang_up.after_ms is None else request.hang_up.after_ms / 1000
        tape = Tape(request=request, turn=turn, when_sent=when_sent)
        try:
            async with asyncio.timeout(limits.timeout_s) as patience:
                response = await self._transport.handle_async_request(self._outgoing(request, tape))
        except NotRecorded as missing:
            return Unanswered(request=request, silence=Silence.NOT_RECORDED, message=str(missing)), None
        except TimeoutError:
            if leave_s is not None and tape.sent:
                tape.reply = Reply(status=LEFT, ended=Ending.HUNG_UP)
                self._settle(request, tape.reply)
                return tape.reply, None
            limit, name = (limits.first_byte_s, "first_byte_s") if tape.sent else (limits.timeout_s, "timeout_s")
            said = f"no byte of a response within {limit:g} s; raise `limits: {name}`, or look at the server"
            return Unanswered(request=request, silence=Silence.TIMED_OUT, message=f"{self._url}: {said}"), None
        except httpx.LocalProtocolError:
            # What h11 says quotes the value, which may be a key.
            raise BadInput(f"endpoint {self.endpoint.name}: {request.method} {request.path} cannot be sent as HTTP") from None
        except httpx.TransportError as error:
            if may_be_stale and tape.reused and isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
                raise _StaleConnection from None
            return self._silent(request, error, tape), None
        try:
            leave_at = None if leave_s is None or not response.is_success else sent_at + leave_s
            frames, ended = await self._body(response, tape, begun, lambda: round((self._clock() - started) * 1000, 1), leave_at)
            reply = Reply(
                status=response.status_code, headers=_headers(response, tape), frames=_masked(frames, tape), ended=ended
            )
            self._settle(request, reply)
            wait_s = self._wait_s(reply, retried, tape)
            tape.reply, tape.retried = reply, wait_s is not None
        finally:
            await response.aclose()
        return reply, wait_s

    def _outgoing(self, request: Request, tape: Tape) -> httpx.Request:
        fields = sent_headers(request)
        for name, value in fields:
            if not _NAME.fullmatch(name) or _NO_VALUE.search(value):
                raise BadInput(f"the header {name!r} of this request cannot be sent: a character in it that HTTP does not allow")
        limits = self.endpoint.limits
        path = request.path if request.path.startswith("/") else f"/{request.path}"
        return httpx.Request(
            request.method,
            f"{NOWHERE}{path}",
            headers=[(name.encode(), value.encode()) for name, value in fields],
            content=request.content,
            extensions={
                "tape": tape,
                "timeout": {"connect": limits.connect_s, "write": limits.first_byte_s, "read": None, "pool": None},
            },
        )

    def _silent(self, request: Request, error: httpx.TransportError, tape: Tape) -> Unanswered:
        silence, message = explained(error, self.endpoint.base_url, self.endpoint.limits, tape.proxy)
        return Unanswered(request=request, silence=silence, message=tape.masked(message.encode()).decode())

    # ------------------------------------------------------------ its body

    async def _body(
        self, response: httpx.Response, tape: Tape, begun: float, at_ms: Callable[[], float], leave_at: float | None
    ) -> tuple[list[Frame], Ending]:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        if tape.recorded is not None:
            times = iter(tape.recorded.frames)
            return [Frame(at_ms=next(times).at_ms, data=chunk) async for chunk in response.stream], tape.recorded.ended
        limits = self.endpoint.limits
        loop = asyncio.get_running_loop()
        whole = begun + limits.timeout_s if leave_at is None else min(begun + limits.timeout_s, leave_at)
        leave_after = tape.request.hang_up.after_events if tape.request.hang_up and response.is_success else None
        reading = _Reading(limits.max_bytes, limits.max_events, self._terminator)
        try:
            async with asyncio.timeout_at(min(whole, loop.time() + max(limits.first_byte_s, limits.idle_s))) as patience:
                async for chunk in response.stream:
                    done_before = reading.done
                    if not reading.take(chunk, at_ms()):
                        return reading.frames, Ending.TOO_LARGE
                    if leave_after is not None and reading.events >= leave_after and not reading.done:
                        return reading.frames, Ending.HUNG_UP
                    if not reading.done:
                        patience.reschedule(min(whole, loop.time() + limits.idle_s))
                    elif not done_before:
                        patience.reschedule(min(whole, loop.time() + limits.after_done_s))
        except TimeoutError:
            if leave_at is not None and loop.time() >= leave_at:
                return reading.frames, Ending.HUNG_UP
            return reading.frames, Ending.HELD_OPEN if reading.done else Ending.TIMED_OUT
        except (httpx.TransportError, httpx.DecodingError):
            return reading.frames, Ending.CUT
        return reading.frames, Ending.CLOSED

    # ------------------------------------------------------------ retries

    def _wait_s(self, reply: Reply, retried: int, tape: Tape) -> float | None:
        """How long to wait before asking again, or None. A replay asks again where the recording did, at once."""
        if tape.recorded is not None:
            return 0.0 if tape.retried else None
        retry = self.endpoint.retry
        if reply.status not in retry.on or retried >= retry.at_most or not self._spend(tape.request, True):
            return None
        asked = _asked_s(reply, self._today())
        return min(FIRST_WAIT_S * 2**retried if asked is None else asked, retry.wait_at_most_s)


def sent_headers(request: Request) -> Headers:
    """The header fields of a request, with those that every request has, but for the endpoint's own."""
    headers = {"user-agent": f"chatcompat/{__version__}", "accept": "application/json", "accept-encoding": "identity"}
    if request.content is not None:
        headers["content-type"] = "application/json"
    given = {*request.without, *(name for name, _ in request.headers)}
    return (*((name, value) for name, value in headers.items() if name not in given), *request.headers)


class _StaleConnection(Exception):
    """A kept connection was closed by the server before it saw the request."""


class _Reading:
    """The frames of a body so far, how many events are in it, and whether the stream in it has said that it is done."""

    __slots__ = ("_before", "_bytes", "_most_bytes", "_most_events", "_terminator", "done", "events", "frames")

    def __init__(self, most_bytes: int, most_events: int, terminator: re.Pattern[bytes] | None) -> None:
        self.frames: list[Frame] = []
        self.done = False
        self._most_bytes = most_bytes
        self._most_events = most_events
        self._terminator = terminator
        self._bytes = 0
        self.events = 0
        self._before = b"\n"

    def take(self, chunk: bytes, at_ms: float) -> bool:
        """Adds a chunk. False where it goes over a limit; what fits is kept."""
        if not chunk:
            return True
        room = self._most_bytes - self._bytes
        self.frames.append(Frame(at_ms=at_ms, data=chunk[:room] if len(chunk) > room else chunk))
        self._bytes += len(chunk)
        seam = self._before[-1:] + chunk
        # A blank line ends an event: a line end after a line end, of whichever kind.
        self.events += seam.count(b"\n\n") + seam.count(b"\n\r") + seam.count(b"\r\r")
        if not self.done and self._terminator is not None:
            self.done = self._terminator.search(self._before + chunk) is not None
        self._before = (self._before + chunk)[-_CARRIED:]
        return self._bytes <= self._most_bytes and self.events <= self._most_events and len(self.frames) <= self._most_events


def _headers(response: httpx.Response, tape: Tape) -> Headers:
    return tuple((_text(name).lower(), _text(tape.masked(value))) for name, value in response.headers.raw)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _masked(frames: list[Frame], tape: Tape) -> tuple[Frame, ...]:
    """The frames with the keys in them masked, also where one lies across frames."""
    whole = b"".join(frame.data for frame in frames)
    if not any(secret in whole for secret in tape.secrets):
        return tuple(frames)
    masked = memoryview(tape.masked(whole))
    kept: list[Frame] = []
    at = 0
    for frame in frames:
        kept.append(replace(frame, data=bytes(masked[at : at + len(frame.data)])))
        at += len(frame.data)
    return tuple(kept)


def _asked_s(reply: Reply, today: float) -> float | None:
    """The seconds that the endpoint asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        said = (reply.header(name) or "").strip()
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", said):
            return float(said) * unit
        if name == "retry-after" and said:
            try:
                return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - today)
            except (ValueError, OverflowError):
                return None
    return None
