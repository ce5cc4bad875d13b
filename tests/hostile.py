"""Raw servers on 127.0.0.1 that do what a test says, HTTP or not; what they were sent is kept."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Answer = Callable[["Connection"], Awaitable[None]]


@dataclass
class Connection:
    """One request that a server got, and the way to answer it."""

    head: bytes
    body: bytes
    writer: asyncio.StreamWriter
    number: int  # of all requests to this server, from 0

    async def send(self, *pieces: bytes) -> None:
        """Writes the pieces, each on its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def chunks(self, *pieces: bytes, end: bool = True) -> None:
        """Writes the pieces as HTTP chunks; the last, empty one only with `end`."""
        for piece in pieces:
            await self.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            await asyncio.sleep(0)
        if end:
            await self.send(b"0\r\n\r\n")


@dataclass
class Hostile:
    """A running server."""

    port: int
    requests: list[Connection] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


def ok(content: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole response with a content-length."""
    fields = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(content)}\r\n{fields}\r\n".encode() + content


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def says(content: bytes) -> Answer:
    """Answers every request with these bytes, as they are, and closes."""

    async def answer(connection: Connection) -> None:
        await connection.send(content)
        connection.writer.close()

    return answer


@contextlib.asynccontextmanager
async def serving(answer: Answer, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Hostile]:
    """Runs a server until the block ends; its open connections are dropped then."""
    open_now: set[asyncio.Task[None]] = set()
    hostile = Hostile(port=0)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
                body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
                connection = Connection(head, body, writer, len(hostile.requests))
                hostile.requests.append(connection)
                await answer(connection)
        open_now.discard(task)
        writer.close()

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    hostile.port = server.sockets[0].getsockname()[1]
    try:
        yield hostile
    finally:
        server.close()
        for task in list(open_now):
            task.cancel()
        if open_now:
            await asyncio.wait(open_now, timeout=1)
        await server.wait_closed()
