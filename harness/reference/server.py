"""The reference server on a socket: HTTP/1.1 on 127.0.0.1, frame by frame and at the times that the reply says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from typing import Final

import h11

from harness.model import Ending, Reply, Request
from harness.reading import _Absent, parse
from harness.reference.answer import Around
from harness.reference.fault import Change
from harness.reference.routes import elsewhere, reply

HOST: Final = "127.0.0.1"
BASE: Final = "/v1"

_MOST_BYTES: Final = 64 * 1024 * 1024  # of a request's body
_READ_BYTES: Final = 64 * 1024
_IDLE_S: Final = 60.0  # how long a connection may say nothing
_GRACE_S: Final = 1.0  # how long open connections may take to end when the server stops
_ROUNDS: Final = 10  # of the event loop, in which a connection that was just accepted gets its handler

Log = Callable[[Request, Reply], None]


@asynccontextmanager
async def serve(port: int = 0, *, faults: Sequence[Change] = (), pace: float = 1.0, log: Log | None = None) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port, a free one for 0.

    `pace` stretches the times of replies: 1.0 as they say, 0.0 without any wait. `log` is called after each reply. Raises
    OSError where the port is taken.
    """
    serials = count(1)
    business = _Business()
    open_connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # asyncio runs a connection's handler in a task of its own
        open_connections.add(task)
        # the other side left, or was told in the protocol's own way what it did wrong; or the server stops
        with suppress(ConnectionError, TimeoutError, h11.ProtocolError, asyncio.CancelledError):
            await _Connection(reader, writer, faults, pace, serials, business, log).run()
        writer.close()
        try:
            await writer.wait_closed()
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()  # it does not take what is still to be sent
        open_connections.discard(task)

    server = await asyncio.start_server(connected, HOST, port, limit=_READ_BYTES)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        with suppress(NotImplementedError):  # the event loop of Windows has no readers
            for listening in server.sockets:
                asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(_ROUNDS):  # closed in the middle of an accept, asyncio would lose that connection
            await asyncio.sleep(0)
        server.close()
        for task in set(open_connections):
            task.cancel()
        if open_connections:
            await asyncio.wait(set(open_connections), timeout=_GRACE_S)
        await asyncio.sleep(0)


@contextmanager
def running(faults: Sequence[Change] = (), *, pace: float = 0.0, port: int = 0, log: Log | None = None) -> Iterator[str]:
    """Serve in a thread of its own, where `log` is called too; yields the base URL."""
    started = threading.Event()
    outcome: list[int | BaseException] = []
    loop = asyncio.new_event_loop()
    finished = asyncio.Event()

    async def main() -> None:
        async with serve(port, faults=faults, pace=pace, log=log) as bound:
            outcome.append(bound)
            started.set()
            await finished.wait()

    def run() -> None:
        try:
            loop.run_until_complete(main())
        except OSError as failure:
            outcome.append(failure)
        finally:
            loop.close()
            started.set()

    thread = threading.Thread(target=run, name="reference", daemon=True)
    thread.start()
    started.wait()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    try:
        yield f"http://{HOST}:{outcome[0]}{BASE}"
    finally:
        with suppress(RuntimeError):  # the loop is closed where serving ended by itself
            loop.call_soon_threadsafe(finished.set)
        thread.join(timeout=10)


_ABANDONED_S: Final = 2.0
"""How long an answer that nobody waits for is still in the way of others, where a fault makes it so."""


class _Business:
    """What all connections know of each other: the requests that are being answered, and those whose clients left."""

    def __init__(self) -> None:
        self._answering: list[Request] = []
        self._left: list[tuple[float, Request]] = []  # when, by the loop's clock

    def now(self) -> Around:
        """What goes on at this moment. Who left a while ago is done with."""
        since = asyncio.get_running_loop().time() - _ABANDONED_S
        self._left = [(when, request) for when, request in self._left if when >= since]
        return Around(beside=tuple(self._answering), left=tuple(request for _, request in self._left))

    @contextmanager
    def answering(self, request: Request) -> Iterator[None]:
        """While a request is being answered."""
        self._answering.append(request)
        try:
            yield
        except ConnectionError:
            self._left.append((asyncio.get_running_loop().time(), request))
            raise
        finally:
            self._answering = [one for one in self._answering if one is not request]


class _Connection:
    """One connection: requests one after the other, until either side has enough."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        faults: Sequence[Change],
        pace: float,
        serials: Iterator[int],
        business: _Business,
        log: Log | None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._faults = faults
        self._pace = pace
        self._serials = serials
        self._business = business
        self._log = log
        self._http = h11.Connection(h11.SERVER)

    async def run(self) -> None:
        while True:
            try:
                request = await self._receive()
            except h11.RemoteProtocolError as wrong:
                await self._say_no(wrong)
                return
            if request is None:
                return
            answered = self._answer(request)
            with self._business.answering(request):
                went_on = await self._send(request, answered)
            if self._log:
                self._log(request, answered)
            if not went_on or self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    def _answer(self, request: Request) -> Reply:
        serial = next(self._serials)
        if request.path == BASE or request.path.startswith(f"{BASE}/"):
            inside = Request(
                method=request.method,
                path=request.path.removeprefix(BASE) or "/",
                headers=request.headers,
                content=request.content,
                body=request.body,
            )
            return reply(inside, serial, self._faults, self._business.now())
        return elsewhere(request, serial, self._faults)

    async def _receive(self) -> Request | None:
        """The next request, whole; None where the other side has left."""
        head: h11.Request | None = None
        content = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self._write(h11.InformationalResponse(status_code=100, headers=[]))
                async with asyncio.timeout(_IDLE_S):
                    self._http.receive_data(await self._reader.read(_READ_BYTES))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                content += event.data
                if len(content) > _MOST_BYTES:
                    raise h11.RemoteProtocolError("the body is too large", error_status_hint=413)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _request(head, bytes(content))
            else:
                return None

    async def _say_no(self, wrong: h11.RemoteProtocolError) -> None:
        """What was sent is not HTTP, or too much of it."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        headers = [(b"content-length", b"0"), (b"connection", b"close")]
        await self._write(h11.Response(status_code=wrong.error_status_hint, headers=headers))
        await self._write(h11.EndOfMessage())

    async def _send(self, request: Request, answered: Reply) -> bool:
        """Send a reply as it says; False where the connection is spent by it."""
        started = asyncio.get_running_loop().time()
        if answered.ended is Ending.TIMED_OUT and not answered.frames:
            await self._until_they_leave()
            return False
        first_ms = answered.frames[0].at_ms if answered.frames else 0.0
        await self._wait(started, first_ms)
        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in answered.headers]
        await self._write(h11.Response(status_code=answered.status, headers=headers))
        for frame in answered.frames:
            await self._wait(started, frame.at_ms)
            if request.method != "HEAD":
                await self._write(h11.Data(data=frame.data))
        match answered.ended:
            case Ending.CLOSED:
                try:
                    await self._write(h11.EndOfMessage())
                except h11.LocalProtocolError:
                    return False  # fewer bytes than the header said: a fault, and the connection ends here
                return True
            case Ending.HELD_OPEN | Ending.TIMED_OUT:
                await self._until_they_leave()
                return False
            case _:
                return False

    async def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def _wait(self, started: float, at_ms: float) -> None:
        """Until the frame's time, or until the client leaves, of which ConnectionError tells: nothing is made for nobody."""
        until = started + at_ms / 1000 * self._pace
        if until <= asyncio.get_running_loop().time():
            await asyncio.sleep(0)
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    while data := await self._reader.read(_READ_BYTES):
                        self._http.receive_data(data)  # the next request already
        if self._reader.at_eof():
            raise ConnectionResetError("the client has left")

    async def _until_they_leave(self) -> None:
        while await self._reader.read(_READ_BYTES):
            pass


def _request(head: h11.Request, content: bytes) -> Request:
    document = parse(content) if content else None
    return Request(
        method=head.method.decode("ascii", "replace"),
        path=head.target.decode("ascii", "replace"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers),
        content=content or None,
        body=None if isinstance(document, _Absent) else document,
    )
