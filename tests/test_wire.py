"""The wire against servers that misbehave in every way, and what it never lets out."""

from __future__ import annotations

import asyncio
import gzip
import logging
import ssl
import time
import traceback
import zlib
from dataclasses import replace

import httpx
import pytest
from hostile import STREAM_HEAD, Connection, Hostile, ok, says, serving

from harness.dialects import openai
from harness.errors import BadInput, Unusable
from harness.model import Ending, Endpoint, Limits, Reply, Request, Retry, Silence, Unanswered
from harness.wire import Network, Pace, Spent, Wire, variables
from harness.wire.network import proxy_for
from harness.wire.silence import explained

KEY = "sk-wire-0123456789abcdef"
ENVIRON = {"WIRE_KEY": KEY}
LIMITS = Limits(connect_s=2, first_byte_s=0.3, idle_s=0.3, timeout_s=2, after_done_s=0.2, max_bytes=100_000, max_events=1000)
CHAT = Request(method="POST", path="/chat/completions", content=b'{"model":"m"}', body={"model": "m"})


def endpoint(base_url: str, **fields: object) -> Endpoint:
    described = {"headers": {"authorization": "Bearer ${WIRE_KEY}"}, "limits": LIMITS, **fields}
    return Endpoint(name="hostile", title="Hostile", base_url=base_url, **described)  # type: ignore[arg-type]


async def asked(target: Endpoint, request: Request = CHAT, times: int = 1, **wire: object) -> list[Reply | Unanswered]:
    network = Network(target, ENVIRON)
    try:
        held = Wire(target, network, terminator=openai.TERMINATOR, **wire)  # type: ignore[arg-type]
        return [await held.send(request) for _ in range(times)]
    finally:
        await network.aclose()


async def answered(answer: object, request: Request = CHAT, fields: dict[str, object] | None = None, **wire: object) -> Reply:
    async with serving(answer) as server:  # type: ignore[arg-type]
        (seen,) = await asked(endpoint(server.url, **(fields or {})), request, **wire)
    assert isinstance(seen, Reply), seen
    return seen


async def silent(answer: object, request: Request = CHAT, **fields: object) -> Unanswered:
    async with serving(answer) as server:  # type: ignore[arg-type]
        (seen,) = await asked(endpoint(server.url, **fields), request)
        assert isinstance(seen, Unanswered), seen
        assert f"http://127.0.0.1:{server.port}/v1: " in seen.message
    return seen


# ---------------------------------------------------------------- what goes out


def test_the_request_carries_the_expanded_key_the_query_and_its_own_headers() -> None:
    async def sent() -> Connection:
        async with serving(says(ok(b"{}"))) as server:
            target = endpoint(server.url, query={"api-version": "2024 a", "code": "${WIRE_KEY}"})
            await asked(target, replace(CHAT, path="/chat/completions?x=1", headers=(("x-own", "é"),)))
            return server.requests[0]

    connection = asyncio.run(sent())
    lines = connection.head.split(b"\r\n")
    assert f"POST /v1/chat/completions?x=1&api-version=2024%20a&code={KEY} HTTP/1.1".encode() == lines[0]
    assert f"authorization: Bearer {KEY}".encode() in lines
    assert "x-own: é".encode() in lines
    assert b"accept-encoding: identity" in lines
    assert b'{"model":"m"}' == connection.body


def test_a_header_of_the_request_replaces_the_endpoints_and_without_removes_it() -> None:
    async def heads() -> list[bytes]:
        async with serving(says(ok(b"{}"))) as server:
            target = endpoint(server.url)
            await asked(target, replace(CHAT, headers=(("authorization", "Bearer wrong"),)))
            await asked(target, replace(CHAT, without=("authorization",)))
            return [connection.head for connection in server.requests]

    wrong, none = asyncio.run(heads())
    assert wrong.count(b"authorization") == 1
    assert b"authorization: Bearer wrong" in wrong
    assert b"authorization" not in none


def test_a_variable_in_a_header_of_a_case_is_never_expanded() -> None:
    async def head() -> bytes:
        async with serving(says(ok(b"{}"))) as server:
            await asked(endpoint(server.url), replace(CHAT, headers=(("x-own", "${WIRE_KEY}"),)))
            return server.requests[0].head

    assert b"x-own: ${WIRE_KEY}" in asyncio.run(head())


@pytest.mark.parametrize("path", ["//elsewhere.example/v1", "@elsewhere.example/v1", "/../../x", "http://elsewhere.example/"])
def test_no_path_of_a_case_leads_to_another_host(path: str) -> None:
    async def heads() -> list[bytes]:
        async with serving(says(ok(b"{}"))) as server:
            await asked(endpoint(f"http://127.0.0.1:{server.port}"), replace(CHAT, path=path))
            return [connection.head for connection in server.requests]

    (head,) = asyncio.run(heads())
    assert b"\r\nhost: 127.0.0.1:" in head


def test_a_missing_variable_is_named_with_its_endpoint_before_anything_is_sent() -> None:
    target = endpoint("http://127.0.0.1:9/v1", query={"code": "${OTHER_KEY}"})
    assert ("OTHER_KEY",) == variables(target, ENVIRON)
    with pytest.raises(Unusable, match=r"endpoint hostile: OTHER_KEY is not set; `export OTHER_KEY=…`"):
        Network(target, ENVIRON)
    with pytest.raises(Unusable, match="WIRE_KEY is not set"):
        Network(endpoint("http://127.0.0.1:9/v1"), {"WIRE_KEY": ""})


@pytest.mark.parametrize("value", [f"{KEY}\n", f" {KEY}", f"{KEY}\r\nx-evil: 1"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(Unusable, match="WIRE_KEY holds a line break") as raised:
        Network(endpoint("http://127.0.0.1:9/v1"), {"WIRE_KEY": value})
    assert KEY not in "".join(traceback.format_exception(raised.value))


def test_a_header_that_http_cannot_carry_is_bad_input_and_nothing_is_sent() -> None:
    async def sent() -> list[Connection]:
        async with serving(says(ok(b"{}"))) as server:
            with pytest.raises(BadInput, match="'x-own'"):
                await asked(endpoint(server.url), replace(CHAT, headers=(("x-own", "a\r\nb: c"),)))
            return server.requests

    assert [] == asyncio.run(sent())


# ---------------------------------------------------------------- what comes back


def test_every_chunk_is_a_frame_with_its_time() -> None:
    async def drip(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        for number in range(5):
            await asyncio.sleep(0.02)
            await connection.chunks(b"data: %d\n\n" % number, end=False)
        await connection.chunks(b"data: [DONE]\n\n")

    reply = asyncio.run(answered(drip))
    assert [b"data: %d\n\n" % number for number in range(5)] + [b"data: [DONE]\n\n"] == [frame.data for frame in reply.frames]
    times = [frame.at_ms for frame in reply.frames]
    assert sorted(times) == times
    assert 80 < times[4] - times[0] + 20 < 1000
    assert Ending.CLOSED is reply.ended


def test_headers_keep_their_order_and_repetitions_in_lower_case() -> None:
    reply = asyncio.run(answered(says(ok(b"{}", "X-B: 1", "X-A: 2", "X-B: caf\xe9"))))
    assert (("content-length", "2"), ("x-b", "1"), ("x-a", "2"), ("x-b", "café")) == reply.headers


def test_a_redirect_is_a_reply_and_the_key_goes_nowhere_else() -> None:
    async def two() -> tuple[Reply | Unanswered, Hostile]:
        async with serving(says(ok(b"{}"))) as elsewhere:
            redirect = ok(b"", f"location: {elsewhere.url}/chat/completions", status="307 Temporary Redirect")
            async with serving(says(redirect)) as server:
                (seen,) = await asked(endpoint(server.url))
                return seen, elsewhere

    seen, elsewhere = asyncio.run(two())
    assert isinstance(seen, Reply)
    assert 307 == seen.status
    assert [] == elsewhere.requests


def test_cookies_are_not_kept() -> None:
    async def heads() -> bytes:
        async with serving(says(ok(b"{}", "set-cookie: a=b"))) as server:
            await asked(endpoint(server.url), times=2)
            return server.requests[1].head

    assert b"cookie" not in asyncio.run(heads()).lower()


@pytest.mark.parametrize(
    ("pieces", "ended"),
    [
        ((b"data: 1\n\n",), Ending.CUT),  # the last chunk never comes
        ((b"data: 1\n\n", b"data: 2\n\n"), Ending.CUT),
    ],
)
def test_a_stream_that_breaks_is_cut_and_keeps_what_came(pieces: tuple[bytes, ...], ended: Ending) -> None:
    async def cut(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        await connection.chunks(*pieces, end=False)
        await connection.send(b"20\r\nda")  # in the middle of a chunk
        connection.writer.close()

    reply = asyncio.run(answered(cut))
    assert b"".join(pieces) + b"da" == reply.content
    assert ended is reply.ended


def test_a_body_shorter_than_its_content_length_is_cut() -> None:
    reply = asyncio.run(answered(says(b'HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"a":')))
    assert (b'{"a":', Ending.CUT) == (reply.content, reply.ended)


def test_a_body_that_ends_with_the_connection_is_complete() -> None:
    reply = asyncio.run(answered(says(b"HTTP/1.0 200 OK\r\n\r\n{}")))
    assert (b"{}", Ending.CLOSED) == (reply.content, reply.ended)


@pytest.mark.parametrize(
    "last", [(b"data: [DONE]\n\n",), (b"data: [DO", b"NE]\n\n"), (b"data:[DONE]\r\n\r\n",), (b"data: [DONE]",)]
)
def test_a_connection_that_stays_open_after_the_terminator_is_held_open(last: tuple[bytes, ...]) -> None:
    async def hold(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        await connection.chunks(b"data: 1\n\n", *last, end=False)
        await asyncio.sleep(5)

    begun = time.monotonic()
    reply = asyncio.run(answered(hold, fields={"limits": replace(LIMITS, idle_s=1.5)}))
    assert Ending.HELD_OPEN is reply.ended
    assert b"data: 1\n\n" + b"".join(last) == reply.content
    assert time.monotonic() - begun < 1  # after_done_s, not idle_s


def test_a_terminator_inside_a_json_string_is_none() -> None:
    async def quotes(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        await connection.chunks(b'data: {"a":"data: [DONE]"}\n\n', end=False)
        await asyncio.sleep(0.4)  # longer than after_done_s, shorter than idle_s
        await connection.chunks(b"data: [DONE]\n\n")

    assert Ending.CLOSED is asyncio.run(answered(quotes, fields={"limits": replace(LIMITS, idle_s=1.5)})).ended


def test_a_stream_that_falls_silent_is_timed_out_and_keeps_what_came() -> None:
    async def stop(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        await connection.chunks(b"data: 1\n\n", end=False)
        await asyncio.sleep(5)

    reply = asyncio.run(answered(stop))
    assert (b"data: 1\n\n", Ending.TIMED_OUT) == (reply.content, reply.ended)


def test_a_slow_drip_is_ended_by_the_limit_of_the_whole() -> None:
    async def drip(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        while True:
            await connection.chunks(b": ping\n", end=False)
            await asyncio.sleep(0.05)

    reply = asyncio.run(answered(drip, fields={"limits": replace(LIMITS, timeout_s=0.5)}))
    assert Ending.TIMED_OUT is reply.ended
    assert 5 <= len(reply.frames) <= 11


def test_an_endless_body_is_too_large_and_what_fits_is_kept() -> None:
    async def flood(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await connection.send(b"x" * 30_000)

    reply = asyncio.run(answered(flood))
    assert Ending.TOO_LARGE is reply.ended
    assert LIMITS.max_bytes == len(reply.content)


@pytest.mark.parametrize("event", [b":\n\n", b":\r\n\r\n", b":\r\r"])
def test_endless_events_are_too_large_however_few_frames_they_come_in(event: bytes) -> None:
    async def flood(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        while True:
            await connection.send(event * 800)

    reply = asyncio.run(answered(flood))
    assert Ending.TOO_LARGE is reply.ended
    assert len(reply.content) < LIMITS.max_bytes
    assert len(reply.frames) < LIMITS.max_events


def test_endless_frames_are_too_large_however_few_events_they_make() -> None:
    async def flood(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        while True:
            await connection.send(b"1\r\nx\r\n" * 500)

    reply = asyncio.run(answered(flood))
    assert (Ending.TOO_LARGE, LIMITS.max_events + 1) == (reply.ended, len(reply.frames))


# ---------------------------------------------------------------- compression nobody asked for


def test_a_compressed_body_is_decompressed_also_where_it_comes_in_pieces_and_members() -> None:
    packed = gzip.compress(b'{"a":', mtime=0) + gzip.compress(b"1}", mtime=0)

    async def pieces(connection: Connection) -> None:
        await connection.send(STREAM_HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n"))
        await connection.chunks(*(packed[at : at + 7] for at in range(0, len(packed), 7)))

    reply = asyncio.run(answered(pieces))
    assert (b'{"a":1}', Ending.CLOSED) == (reply.content, reply.ended)
    assert "gzip" == reply.header("content-encoding")


def test_a_decompression_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    reply = asyncio.run(answered(says(ok(bomb, "content-encoding: gzip"))))
    assert (LIMITS.max_bytes, Ending.TOO_LARGE) == (len(reply.content), reply.ended)


@pytest.mark.parametrize("content", [b"not gzip at all", gzip.compress(b'{"a":1}' * 9, mtime=0)[:-9]])
def test_a_compressed_body_that_is_none_or_ends_early_is_cut(content: bytes) -> None:
    assert Ending.CUT is asyncio.run(answered(says(ok(content, "content-encoding: gzip")))).ended


def test_another_encoding_stays_as_it_came() -> None:
    reply = asyncio.run(answered(says(ok(b"\x1b\x00", "content-encoding: br"))))
    assert (b"\x1b\x00", Ending.CLOSED) == (reply.content, reply.ended)
    deflated = asyncio.run(answered(says(ok(zlib.compress(b"{}"), "content-encoding: deflate"))))
    assert b"{}" == deflated.content


# ---------------------------------------------------------------- no reply


def test_a_closed_port_is_unreachable_and_the_message_says_where_what_and_the_way_out() -> None:
    async def port() -> int:
        async with serving(says(b"")) as server:
            return server.port

    closed = asyncio.run(port())
    (seen,) = asyncio.run(asked(endpoint(f"http://127.0.0.1:{closed}/v1")))
    assert isinstance(seen, Unanswered)
    assert Silence.UNREACHABLE is seen.silence
    assert f"http://127.0.0.1:{closed}/v1: connection refused; is the server running, and is the port right?" == seen.message


def test_a_name_without_address_is_unreachable() -> None:
    (seen,) = asyncio.run(asked(endpoint("http://nowhere.invalid/v1")))
    assert isinstance(seen, Unanswered)
    assert Silence.UNREACHABLE is seen.silence
    assert "the name nowhere.invalid has no address" in seen.message


def test_a_server_that_never_answers_is_timed_out() -> None:
    async def never(connection: Connection) -> None:
        await asyncio.sleep(5)

    seen = asyncio.run(silent(never))
    assert Silence.TIMED_OUT is seen.silence
    assert "no byte of a response within 0.3 s; raise `limits: first_byte_s`" in seen.message


@pytest.mark.parametrize(
    "content", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"HTTP/9 200\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"x" * 300_000]
)
def test_something_other_than_http_is_broken(content: bytes) -> None:
    seen = asyncio.run(silent(says(content)))
    assert Silence.BROKEN is seen.silence
    assert "something other than HTTP" in seen.message
    assert len(seen.message) < 400
    assert seen.message.isprintable()


def test_a_connection_that_ends_without_a_response_is_broken() -> None:
    seen = asyncio.run(silent(says(b"")))
    assert Silence.BROKEN is seen.silence
    assert "closed the connection without a response" in seen.message


def test_tls_where_none_is_spoken_is_named() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def seen() -> Reply | Unanswered:
        server = await asyncio.start_server(plain, "127.0.0.1", 0)
        async with server:
            return (await asked(endpoint(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")))[0]

    found = asyncio.run(seen())
    assert isinstance(found, Unanswered)
    assert Silence.UNREACHABLE is found.silence
    assert found.message.endswith(": no TLS is spoken there; write http:// in the base URL")


def test_a_certificate_that_nobody_trusts_is_named() -> None:
    error = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]")
    error.__cause__ = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    error.__cause__.verify_message = "self-signed certificate"
    silence, message = explained(error, "https://u:p@host.example/v1?key=k", LIMITS)
    assert Silence.UNREACHABLE is silence
    assert message.startswith("https://host.example/v1: its TLS certificate is not trusted (self-signed certificate); ")


def test_a_connection_that_was_closed_while_idle_is_opened_again() -> None:
    async def once_then_drop(connection: Connection) -> None:
        if connection.number == 1:  # on the kept connection: the server had just decided to close it
            connection.writer.transport.abort()
            return
        await connection.send(ok(b"{}"))

    async def both() -> tuple[list[Reply | Unanswered], int]:
        async with serving(once_then_drop) as server:
            return await asked(endpoint(server.url), times=2), len(server.requests)

    seen, count = asyncio.run(both())
    assert [200, 200] == [reply.status for reply in seen if isinstance(reply, Reply)]
    assert 3 == count


# ---------------------------------------------------------------- retries, pace, ceiling


class Sleeper:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


def busy_then_ready(*headers: str, times: int = 1, status: str = "429 Too Many Requests") -> object:
    async def answer(connection: Connection) -> None:
        if connection.number < times:
            await connection.send(ok(b'{"error":{"message":"slow down"}}', *headers, status=status))
        else:
            await connection.send(ok(b"{}"))

    return answer


@pytest.mark.parametrize(
    ("header", "waited"),
    [
        ("retry-after: 7", 7.0),
        ("retry-after: 7\r\nretry-after-ms: 250", 0.25),
        ("retry-after: Mon, 23 Nov 2026 08:00:09 GMT", 9.0),
        ("retry-after: Mon, 23 Nov 2026 07:00:00 GMT", 0.0),
        ("retry-after: 86400", 30.0),
        ("retry-after: soon", 0.5),
        ("x-nothing: 1", 0.5),
        ("retry-after: 1e400", 0.5),
        ("retry-after: -5", 0.5),
    ],
)
def test_retry_after_is_obeyed_within_its_cap_and_the_earlier_reply_is_kept(header: str, waited: float) -> None:
    sleeper = Sleeper()
    told: list[tuple[float, str]] = []
    reply = asyncio.run(
        answered(
            busy_then_ready(header),
            sleep=sleeper.sleep,
            clock=sleeper.clock,
            today=lambda: 1795420800.0,
            waiting=lambda seconds, why: told.append((round(seconds, 3), why)),
        )
    )
    assert 200 == reply.status
    assert [429] == [earlier.status for earlier in reply.earlier]
    assert b"slow down" in reply.earlier[0].content
    assert waited == sum(sleeper.slept)
    assert ([(waited, "429, retry 1 of 4")] if waited else []) == told


def test_waits_double_and_stop_after_as_many_retries_as_the_profile_allows() -> None:
    sleeper = Sleeper()
    fields = {"retry": Retry(at_most=3, wait_at_most_s=1.5)}
    answer = busy_then_ready(times=9, status="503 Service Unavailable")
    reply = asyncio.run(answered(answer, fields=fields, sleep=sleeper.sleep, clock=sleeper.clock))
    assert (503, 3) == (reply.status, len(reply.earlier))
    assert [0.5, 1.0, 1.5] == sleeper.slept


def test_a_status_that_the_profile_does_not_name_is_not_retried() -> None:
    reply = asyncio.run(answered(busy_then_ready(status="500 Internal Server Error")))
    assert (500, ()) == (reply.status, reply.earlier)


def test_requests_keep_the_pace_that_the_profile_sets() -> None:
    sleeper = Sleeper()

    async def all_of_them() -> None:
        async with serving(says(ok(b"{}"))) as server:
            target = endpoint(server.url, limits=replace(LIMITS, requests_per_minute=30))
            pace = Pace(target.limits.requests_per_minute)
            await asked(target, times=3, pace=pace, sleep=sleeper.sleep, clock=sleeper.clock)

    asyncio.run(all_of_them())
    assert [2.0, 2.0] == sleeper.slept


def test_a_429_holds_every_conversation_with_the_endpoint() -> None:
    sleeper = Sleeper()
    waits: list[float] = []

    async def both() -> None:
        async with serving(busy_then_ready("retry-after: 7")) as server:  # type: ignore[arg-type]
            target = endpoint(server.url)
            network = Network(target, ENVIRON)
            pace = Pace()

            async def meanwhile(seconds: float) -> None:
                if not waits:
                    waits.append(seconds)
                    await Wire(target, network, pace=pace, sleep=sleeper.sleep, clock=sleeper.clock).send(CHAT)

            await Wire(target, network, pace=pace, sleep=meanwhile, clock=sleeper.clock).send(CHAT)
            await network.aclose()

    asyncio.run(both())
    assert ([7.0], [7.0]) == (waits, sleeper.slept)


def test_no_request_and_no_retry_is_sent_beyond_the_ceiling() -> None:
    left = [2]

    def spend(request: Request, again: bool) -> bool:
        left[0] -= 1
        return left[0] >= 0

    async def sent() -> int:
        async with serving(busy_then_ready("retry-after: 0", times=9)) as server:  # type: ignore[arg-type]
            (seen,) = await asked(endpoint(server.url), spend=spend)
            assert isinstance(seen, Reply)
            assert (429, 1) == (seen.status, len(seen.earlier))
            with pytest.raises(Spent):
                await asked(endpoint(server.url), spend=spend)
            return len(server.requests)

    assert 2 == asyncio.run(sent())


def test_as_many_pools_are_made_as_there_are_requests_at_once_and_they_are_used_again() -> None:
    made: list[str | None] = []

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(0.01)
            return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    def pool(proxy: str | None) -> httpx.AsyncBaseTransport:
        made.append(proxy)
        return Slow()

    async def many() -> None:
        target = endpoint("http://127.0.0.1:9/v1")
        network = Network(target, ENVIRON, pool)
        wire = Wire(target, network)
        await asyncio.gather(*(wire.send(CHAT) for _ in range(20)))
        await asyncio.gather(*(wire.send(CHAT) for _ in range(20)))

    asyncio.run(many())
    assert [None] * 10 == made


# ---------------------------------------------------------------- keys stay in


def test_a_key_that_the_server_sends_back_is_masked_byte_for_byte_also_across_frames() -> None:
    async def echo(connection: Connection) -> None:
        await connection.send(STREAM_HEAD.replace(b"\r\n\r\n", f"\r\nx-echo: Bearer {KEY}\r\n\r\n".encode()))
        await connection.chunks(b"no such key: " + KEY[:9].encode(), KEY[9:].encode() + b" sorry")

    reply = asyncio.run(answered(echo))
    masked = "*" * len(KEY)
    assert f"no such key: {masked} sorry".encode() == reply.content
    assert [22, 21] == [len(frame.data) for frame in reply.frames]
    assert f"Bearer {masked}" == reply.header("x-echo")


def test_a_plain_word_as_key_is_not_taken_for_a_leak() -> None:
    target = {"headers": {"authorization": "Bearer reference"}, "model": "reference-1"}
    reply = asyncio.run(answered(says(ok(b'{"model":"reference-1"}')), fields=target))
    assert b'{"model":"reference-1"}' == reply.content


def test_no_key_is_logged_or_shown_whatever_happens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[object] = []
    query = {"key": "${WIRE_KEY}"}
    seen.append(asyncio.run(answered(says(ok(KEY.encode())), fields={"query": query})))
    for content in (b"", KEY.encode() + b"\r\n\r\n", b"HTTP/1.1 " + KEY.encode()):
        seen.append(asyncio.run(silent(says(content), query=query)))
    assert KEY not in repr(seen)
    assert KEY not in caplog.text


# ---------------------------------------------------------------- proxies


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("https://api.example/v1", {"HTTPS_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ("https://api.example/v1", {"https_proxy": "proxy.example:3128"}, "http://proxy.example:3128"),
        ("https://api.example/v1", {"ALL_PROXY": "http://proxy.example"}, "http://proxy.example"),
        ("http://api.example/v1", {"HTTPS_PROXY": "http://proxy.example"}, None),
        ("https://api.example/v1", {"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "x, .example"}, None),
        ("https://api.example/v1", {"HTTPS_PROXY": "http://proxy.example", "no_proxy": "*"}, None),
        ("https://notexample/v1", {"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "example"}, "http://proxy.example"),
        ("http://127.0.0.1:8080/v1", {"HTTP_PROXY": "http://proxy.example", "ALL_PROXY": "http://proxy.example"}, None),
        ("http://localhost:8080/v1", {"HTTP_PROXY": "http://proxy.example"}, None),
        ("http://[::1]:8080/v1", {"HTTP_PROXY": "http://proxy.example"}, None),
        ("http://127.8.9.1/v1", {"HTTP_PROXY": "http://proxy.example"}, None),
    ],
)
def test_the_proxy_is_the_environments_and_never_one_for_loopback(url: str, environ: dict[str, str], proxy: str | None) -> None:
    assert proxy == proxy_for(url, environ)


def test_a_proxy_that_cannot_be_reached_is_named_without_its_password() -> None:
    target = endpoint("http://api.example.invalid/v1", headers={})

    async def seen() -> Reply | Unanswered:
        network = Network(target, {"HTTP_PROXY": "http://user:hunter2hunter2@127.0.0.1:9"})
        try:
            return await Wire(target, network).send(CHAT)
        finally:
            await network.aclose()

    found = asyncio.run(seen())
    assert isinstance(found, Unanswered)
    assert "http://api.example.invalid/v1 (through the proxy http://127.0.0.1:9): connection refused" in found.message
    assert "hunter2" not in found.message


def test_netrc_is_never_read(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"  # type: ignore[operator]
    netrc.write_text("machine 127.0.0.1 login somebody password hunter2hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))

    async def head() -> bytes:
        async with serving(says(ok(b"{}"))) as server:
            await asked(endpoint(server.url, headers={}))
            return server.requests[0].head

    assert b"authorization" not in asyncio.run(head()).lower()
