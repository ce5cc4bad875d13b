"""ASGI applications that answer as the reference server does, with or without faults, and remember what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from harness.model import Request
from harness.reading import ABSENT, parse
from harness.reference import reply
from harness.reference.fault import Change


def proxy(
    faults: Sequence[Change] = (),
    *,
    lifespan: list[str] | None = None,
    requests: list[bytes] | None = None,
    seconds: float = 0.0,
) -> Starlette:
    """An application under /v1. `requests` gets the body of each, `lifespan` what is told of it; `seconds` an answer takes."""
    serials = count(1)

    async def answer(asked: Asked) -> Response:
        content = await asked.body() or None
        if requests is not None:
            requests.append(content or b"")
        await asyncio.sleep(seconds)
        body = parse(content or b"")
        request = Request(
            method=asked.method,
            path=asked.url.path.removeprefix("/v1"),
            headers=tuple((name.lower(), value) for name, value in asked.headers.items()),
            content=content,
            body=None if body is ABSENT else body,  # type: ignore[arg-type]
        )
        said = reply(request, next(serials), faults)
        headers = {name: value for name, value in said.headers if name not in ("content-length", "transfer-encoding")}
        if not (said.header("content-type") or "").startswith("text/event-stream"):
            return Response(said.content, said.status, headers)

        async def pieces() -> AsyncIterator[bytes]:
            for frame in said.frames:
                yield frame.data

        return StreamingResponse(pieces(), said.status, headers)

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        told = [] if lifespan is None else lifespan
        told.append("started")
        yield
        told.append("stopped")

    return Starlette(routes=[Route("/v1/{rest:path}", answer, methods=["GET", "POST"])], lifespan=life)
