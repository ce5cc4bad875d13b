"""Servers that a doctor is called to, healthy or not, and what it says of them."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hostile import Answer, Connection, ok, says, serving

from harness import load
from harness.doctor import STEPS, Diagnosis, State, examine, words
from harness.model import Frame, Reply, Request
from harness.reading import parse
from harness.reference import reply

CERTIFICATES = Path(__file__).with_name("certificates")
MODEL = "reference-1"
KEY = "sk-the-right-key-of-this-test-0123"
PAGE = b"<!DOCTYPE html><html><head><title>%s</title></head><body>hello</body></html>"


def diagnosed(
    url: str, model: str | None = MODEL, *, environ: Mapping[str, str] | None = None, key: bool = False, **how: Any
) -> Diagnosis:
    """What the doctor says of a URL."""
    return asyncio.run(examined(url, model, environ=environ, key=key, **how))


async def examined(
    url: str, model: str | None = MODEL, *, environ: Mapping[str, str] | None = None, key: bool = False, **how: Any
) -> Diagnosis:
    endpoint = load.adhoc(url, model, "MY_KEY" if key else None)
    return await examine(endpoint, environ or {"MY_KEY": KEY}, **{"total_s": 12.0, **how})


def of(answer: Answer, path: str = "/v1", *, tls: ssl.SSLContext | None = None, scheme: str = "http", **how: Any) -> Diagnosis:
    """What it says of a server that answers so."""

    async def held() -> Diagnosis:
        async with serving(answer, tls=tls) as running:
            return await examined(f"{scheme}://127.0.0.1:{running.port}{path}", **how)

    return asyncio.run(held())


def wrong(found: Diagnosis) -> tuple[str, str, str]:
    """Its step, what was seen, and what to do. What follows it was not tried, what came before was right."""
    at = next(position for position, step in enumerate(found.steps) if step.state is State.WRONG)
    assert {State.NOT_TRIED} >= {step.state for step in found.steps[at + 1 :]}
    assert {State.OK, State.NOT_NEEDED} >= {step.state for step in found.steps[:at]}
    assert list(STEPS) == [step.id for step in found.steps]
    step = found.steps[at]
    assert step.do
    return step.id, step.seen, step.do


def said(found: Diagnosis) -> str:
    """All of its words."""
    return "\n".join(
        [
            *(line for step in found.steps for line in words.lines(step, words.Style())),
            words.last(found, "healthy"),
            json.dumps(words.document(found), ensure_ascii=False),
        ]
    )


# ---------------------------------------------------------------- servers


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def never(connection: Connection) -> None:
    await asyncio.sleep(60)


def asked(connection: Connection) -> Request:
    """The request that a connection brought."""
    line, *fields = connection.head.decode().split("\r\n")
    method, path, _ = line.split(" ")
    headers = tuple((name.lower(), value) for name, _, value in (field.partition(": ") for field in fields if field))
    document = parse(connection.body) if connection.body else None
    return Request(method=method, path=path, headers=headers, content=connection.body or None, body=document)  # type: ignore[arg-type]


async def send(connection: Connection, answered: Reply) -> None:
    """A reply, frame by frame."""
    headers = "".join(
        f"{name}: {value}\r\n" for name, value in answered.headers if name not in ("content-length", "transfer-encoding")
    )
    await connection.send(f"HTTP/1.1 {answered.status} X\r\ntransfer-encoding: chunked\r\n{headers}\r\n".encode())
    await connection.chunks(*(frame.data for frame in answered.frames))


def conformant(
    change: Callable[[Request, Reply], Reply] = lambda request, answered: answered,
    *,
    header: str | None = None,
    base: str = "/v1",
) -> Answer:
    """A server that does as it should, but for a `change`; with `header` it wants KEY in that field."""

    async def answer(connection: Connection) -> None:
        request = asked(connection)
        fields = dict(request.headers)
        if header is not None and fields.get(header) not in (KEY, f"Bearer {KEY}"):
            refusal = {"error": {"message": f"give your key in {header}", "type": "invalid_request_error", "code": "no_key"}}
            await connection.send(ok(json.dumps(refusal).encode(), "content-type: application/json", status="401 X"))
            return
        if not request.path.startswith(f"{base}/"):
            await connection.send(ok(b'{"detail":"Not Found"}', "content-type: application/json", status="404 X"))
            return
        inside = Request(method=request.method, path=request.path.removeprefix(base), content=request.content, body=request.body)
        await send(connection, change(request, reply(inside, connection.number + 1)))

    return answer


def document(value: object, status: int = 200) -> Reply:
    """A reply of one JSON document."""
    return Reply(
        status=status,
        headers=(("content-type", "application/json"),),
        frames=(Frame(at_ms=0, data=json.dumps(value).encode()),),
    )


def page(title: str, status: str = "200 OK", *headers: str) -> Answer:
    return says(ok(PAGE % title.encode(), "content-type: text/html", *headers, status=status))


def only(where: str, other: Reply, *, streamed: bool | None = None) -> Callable[[Request, Reply], Reply]:
    """A change of the replies to real requests at a path: those with a model in them, or to a list."""

    def change(request: Request, answered: Reply) -> Reply:
        body = request.body if isinstance(request.body, dict) else {}
        real = "model" in body or request.method == "GET"
        fits = streamed is None or bool(body.get("stream")) is streamed
        return other if request.path.endswith(where) and real and fits else answered

    return change
