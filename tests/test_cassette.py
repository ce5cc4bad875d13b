"""Cassettes: byte for byte what came, readable by people and by plain vcrpy, and nothing secret in them."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import yaml
from hostile import STREAM_HEAD, Connection, ok, says, serving
from hypothesis import example, given
from hypothesis import strategies as st

from harness import load
from harness.cassette import Cassette, Interaction, Player, Recorder, endpoints, in_folder, read, scalars, write, write_profile
from harness.cassette.file import kept, written
from harness.cassette.transports import differences
from harness.dialects import openai
from harness.errors import BadFile
from harness.model import Case, Ending, Endpoint, Frame, Limits, Reply, Request, Retry, Silence, Trial, Unanswered
from harness.wire import Network, Wire

KEY = "sk-tape-0123456789abcdef"
LIMITS = Limits(connect_s=2, first_byte_s=0.3, idle_s=0.3, timeout_s=2, after_done_s=0.1, max_bytes=100_000)
CHAT = Request(
    method="POST", path="/chat/completions", content=b'{"model":"m","stream":true}', body={"model": "m", "stream": True}
)
AT = Endpoint(name="lab", title="Lab", base_url="http://127.0.0.1:9/v1", model="m")


def reply_of(content: bytes, *sizes: int, **fields: object) -> Reply:
    frames = []
    for number, size in enumerate(sizes or (len(content),)):
        frames.append(Frame(at_ms=float(number), data=content[:size]))
        content = content[size:]
    described = {"status": 200, "headers": (("content-type", "text/event-stream"),), **fields}
    return Reply(frames=tuple(frames), **described)  # type: ignore[arg-type]


def recorded(*interactions: Interaction, **metadata: str) -> Cassette:
    return Cassette(interactions=interactions, metadata=metadata)


def replayed(cassette: Cassette, *requests: Request, endpoint: Endpoint = AT) -> list[Reply | Unanswered]:
    async def all_of_them() -> list[Reply | Unanswered]:
        wire = Wire(endpoint, Player(cassette, endpoint, "cassettes/lab/chat/hello.yaml"))
        return [await wire.send(request) for request in requests]

    return asyncio.run(all_of_them())


# ---------------------------------------------------------------- the bytes come first


@given(
    st.binary(max_size=300)
    | st.text(alphabet=st.sampled_from("ab \t\n\r\"'\\#:-|>é\x85\u2028\ufeff💚\x00\x7f"), max_size=60).map(str.encode)
)
@example(b"data: [DONE]\n\n")
@example(b"")
@example(b"\n")
@example(b"\n\n\n{}")
@example(b" indented\nlines\n")
@example(b"a\r\n\r\nb\r\n")
@example(b"\xff\xfe")
@example(b"---\n...\n")
@example(b"a\n b\n\tc\n\n\n")
@example("\ufeffdata: 1\n\n".encode())
def test_any_bytes_come_back_as_they_were(content: bytes) -> None:
    found = yaml.load(f"a:\n  b:\n    string: {scalars.body(content, 6)}\n    after: 1\n", Loader=yaml.CSafeLoader)
    value = found["a"]["b"]["string"]
    assert content == (value.encode() if isinstance(value, str) else value)
    assert 1 == found["a"]["b"]["after"]


@given(st.text(max_size=40))
def test_any_short_text_comes_back_as_it_was(value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    assert {"key": value} == yaml.load(f"key: {scalars.text(value)}\n", Loader=yaml.CSafeLoader)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=6), st.sampled_from(Ending), st.booleans())
def test_a_whole_cassette_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], ended: Ending, again: bool
) -> None:
    frames = tuple(Frame(at_ms=number + 0.5, data=piece) for number, piece in enumerate(pieces))
    reply = Reply(status=429, headers=(("retry-after", "1"), ("vary", "a"), ("vary", 'b"\\')), frames=frames, ended=ended)
    request = Request(method="POST", path="/chat/completions?a=b", headers=(("content-type", "x/y"),), content=b"{}", body={})
    cassette = recorded(Interaction(request=request, reply=reply, retried=again), server="no", elapsed_ms="12.5")
    path = tmp_path_factory.getbasetemp() / "whole.yaml"
    write(path, cassette)
    assert cassette == read(path)


def test_a_stream_is_a_literal_block_a_line_of_it_a_line_of_the_file() -> None:
    text = written(recorded(Interaction(request=CHAT, reply=reply_of('data: {"é":1}\n\ndata: [DONE]\n\n'.encode(), 20, 10))))
    assert '      string: |+\n        data: {"é":1}\n\n        data: [DONE]\n\n    frames:' in text


def test_a_stream_with_crlf_is_escaped_and_still_a_line_of_the_file_each() -> None:
    text = written(recorded(Interaction(request=CHAT, reply=reply_of(b"data: 1\r\n\r\ndata: [DONE]\r\n\r\n"))))
    assert '      string: "data: 1\\r\\n\\\n        \\r\\n\\\n        data: [DONE]\\r\\n\\\n        \\r\\n"\n' in text


def test_a_compressed_reply_is_kept_as_it_was_decoded_and_comes_back_with_its_header(tmp_path: Path) -> None:
    reply = reply_of(b"{}", headers=(("content-type", "application/json"), ("content-encoding", "gzip")))
    write(tmp_path / "a.yaml", recorded(Interaction(request=CHAT, reply=reply, decoded="gzip")))
    assert "content-encoding" not in (tmp_path / "a.yaml").read_text()
    assert reply == read(tmp_path / "a.yaml").interactions[0].reply


# ---------------------------------------------------------------- record, then replay


async def _recorded(answer: object, *requests: Request, **fields: object) -> tuple[list[Reply | Unanswered], Recorder, Endpoint]:
    async with serving(answer) as server:  # type: ignore[arg-type]
        described = {"headers": {"authorization": "Bearer ${TAPE_KEY}"}, "limits": LIMITS, **fields}
        endpoint = replace(AT, base_url=server.url, **described)  # type: ignore[arg-type]
        network = Network(endpoint, {"TAPE_KEY": KEY})
        recorder = Recorder(network)
        wire = Wire(endpoint, recorder, terminator=openai.TERMINATOR)
        try:
            return [await wire.send(request) for request in requests], recorder, endpoint
        finally:
            await network.aclose()


def round_trip(tmp_path: Path, answer: object, *requests: Request, **fields: object) -> list[Reply | Unanswered]:
    """Records live, replays from the file; the replies, which must be the same."""
    live, recorder, endpoint = asyncio.run(_recorded(answer, *requests, **fields))
    assert recorder.complete
    path = tmp_path / "cassette.yaml"
    write(path, recorder.cassette(recorded="2026-11-23T08:00:00Z"))
    assert KEY not in path.read_text()
    again = replayed(read(path), *requests, endpoint=endpoint)
    assert live == again
    return live


def test_a_stream_of_200_chunks_replays_with_the_same_201_frames(tmp_path: Path) -> None:
    async def stream(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        await connection.chunks(*(b'data: {"n":%d}\n\n' % number for number in range(200)), b"data: [DONE]\n\n")

    (reply,) = round_trip(tmp_path, stream, CHAT)
    assert isinstance(reply, Reply)
    assert 201 == len(reply.frames)
    assert Ending.CLOSED is reply.ended


def test_broken_streams_are_recorded_and_replayed_with_their_endings(tmp_path: Path) -> None:
    async def badly(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        await connection.chunks(b"data: 1\n\n", end=False)
        if connection.number == 0:
            connection.writer.close()
        elif connection.number == 1:
            await connection.chunks(b"data: [DONE]\n\n", end=False)
            await asyncio.sleep(5)
        elif connection.number == 2:
            await asyncio.sleep(5)
        else:
            await connection.chunks(*[b"x" * 60_000] * 2, end=False)

    replies = round_trip(tmp_path, badly, CHAT, CHAT, CHAT, CHAT)
    endings = [reply.ended for reply in replies if isinstance(reply, Reply)]
    assert [Ending.CUT, Ending.HELD_OPEN, Ending.TIMED_OUT, Ending.TOO_LARGE] == endings


def test_retried_replies_are_kept_and_a_replay_retries_them_at_once(tmp_path: Path) -> None:
    async def busy(connection: Connection) -> None:
        if connection.number < 2:
            await connection.send(ok(b'{"error":{"message":"busy"}}', "retry-after: 0", status="429 Too Many Requests"))
        else:
            await connection.send(ok(b"{}"))

    (reply,) = round_trip(tmp_path, busy, CHAT)
    assert isinstance(reply, Reply)
    assert [429, 429] == [earlier.status for earlier in reply.earlier]
    assert [True, True, False] == [one.retried for one in read(tmp_path / "cassette.yaml").interactions]


def test_a_replay_retries_what_was_retried_whatever_the_profile_says_now(tmp_path: Path) -> None:
    first = Interaction(request=CHAT, reply=reply_of(b"busy", status=503), retried=True)
    second = Interaction(request=CHAT, reply=reply_of(b"busy", status=503))
    (seen,) = replayed(recorded(first, second), CHAT, endpoint=replace(AT, retry=Retry(at_most=0)))
    assert isinstance(seen, Reply)
    assert (503, 1) == (seen.status, len(seen.earlier))


def test_a_conversation_that_fell_silent_is_not_complete() -> None:
    async def never(connection: Connection) -> None:
        if connection.number == 0:
            await connection.send(ok(b"{}"))
        else:
            await asyncio.sleep(5)

    seen, recorder, _ = asyncio.run(_recorded(never, CHAT, CHAT))
    assert isinstance(seen[1], Unanswered)
    assert not recorder.complete


# ---------------------------------------------------------------- only what was recorded


def test_another_request_is_not_recorded_and_the_message_shows_the_difference() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Say hi."}], "temperature": 1}
    then = Request(method="POST", path="/chat/completions", content=b"", body=body)
    now = replace(then, body={**body, "temperature": 1.0, "messages": [{"role": "user", "content": "Say ho."}], "n": 2})
    (seen,) = replayed(recorded(Interaction(request=then, reply=reply_of(b"{}"))), now)
    assert isinstance(seen, Unanswered)
    assert Silence.NOT_RECORDED is seen.silence
    assert (
        "cassettes/lab/chat/hello.yaml: request 1 (POST /chat/completions) is another now:"
        ' /messages/0/content is "Say ho.", and "Say hi." in the cassette; /temperature is 1.0, and 1 in the cassette;'
        " /n is 2, and not in the cassette; record it again with --mode record"
    ) == seen.message


def test_a_request_after_the_last_is_not_recorded() -> None:
    cassette = recorded(Interaction(request=CHAT, reply=reply_of(b"{}")))
    first, second = replayed(cassette, CHAT, CHAT)
    assert isinstance(first, Reply)
    assert isinstance(second, Unanswered)
    assert "has 1 requests and no request 2 (POST /chat/completions)" in second.message


@pytest.mark.parametrize(
    ("now", "then", "same"),
    [
        ({"model": "m", "a": 1}, {"a": 1, "model": "recorded-with"}, True),
        ({"model": "no-such-model"}, {"model": "m"}, False),
        ({"model": "m", "max_tokens": 5}, {"model": "m", "max_completion_tokens": 5}, True),
        ({"model": "m", "max_tokens": 5}, {"model": "m", "max_completion_tokens": 6}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": None}, {}, False),
    ],
)
def test_requests_are_compared_as_json_but_for_the_profiles_model_and_token_field(now: object, then: object, same: bool) -> None:
    found = list(differences(replace(CHAT, body=now), replace(CHAT, body=then), AT))  # type: ignore[arg-type]
    assert same == (found == [])


def test_content_that_is_no_json_is_compared_byte_for_byte() -> None:
    bad = Request(method="POST", path="/chat/completions", content=b'{"model":')
    assert [] == list(differences(bad, bad, AT))
    assert ['its content is "{", in the cassette "{\\"model\\":"'] == list(differences(replace(bad, content=b"{"), bad, AT))
    assert ['"GET /models" in the cassette'] == list(
        differences(Request(method="GET", path="/model"), Request(method="GET", path="/models"), AT)
    )


# ---------------------------------------------------------------- vcrpy reads it


def a_cassette(tmp_path: Path) -> Path:
    path = tmp_path / "vcr.yaml"
    body = 'data: {"a":"é"}\n\ndata: [DONE]\n\n'.encode()
    other = replace(CHAT, path="/models", method="GET", content=None, body=None)
    write(
        path,
        recorded(
            Interaction(request=CHAT, reply=reply_of(body, 7, len(body) - 7, ended=Ending.CUT), retried=True),
            Interaction(request=other, reply=reply_of(b"\xff\x00", headers=(("vary", "a"), ("vary", "b"))), decoded="gzip"),
            recorded="2026-11-23T08:00:00Z",
            server="uvicorn",
        ),
    )
    return path


def test_plain_vcrpy_loads_the_file(tmp_path: Path) -> None:
    from vcr.persisters.filesystem import FilesystemPersister
    from vcr.serializers import yamlserializer

    requests, responses, *metadata = FilesystemPersister.load_cassette(a_cassette(tmp_path), yamlserializer)
    assert ["http://endpoint.invalid/chat/completions", "http://endpoint.invalid/models"] == [request.uri for request in requests]
    assert [CHAT.content, None] == [request.body for request in requests]
    assert ['data: {"a":"é"}\n\ndata: [DONE]\n\n'.encode(), b"\xff\x00"] == [response["body"]["string"] for response in responses]
    assert [{"recorded": "2026-11-23T08:00:00Z", "server": "uvicorn"}] == metadata


def test_plain_vcrpy_replays_the_file_to_httpx(tmp_path: Path) -> None:
    import vcr

    with vcr.use_cassette(str(a_cassette(tmp_path)), record_mode="none"), httpx.Client(trust_env=False) as client:
        answer = client.post("http://endpoint.invalid/chat/completions", content=CHAT.content)
        assert (200, 'data: {"a":"é"}\n\ndata: [DONE]\n\n') == (answer.status_code, answer.text)
        assert "a, b" == client.get("http://endpoint.invalid/models").headers["vary"]


# ---------------------------------------------------------------- nothing secret


def test_no_secret_lands_in_a_file_wherever_the_server_puts_it(tmp_path: Path) -> None:
    names = ("set-cookie", "openai-organization", "openai-project", "cf-ray", "x-echo", "x-request-id", "location")

    async def leaks(connection: Connection) -> None:
        await connection.send(ok(b'{"you sent":"' + KEY.encode() + b'"}', *(f"{name}: {KEY}{name}" for name in names)))

    asked = replace(
        CHAT, headers=(("authorization", "Bearer of-the-case"), ("x-api-key", "of-the-case"), ("cookie", "of-the-case"))
    )
    live, recorder, endpoint = asyncio.run(_recorded(leaks, asked, query={"code": "${TAPE_KEY}"}, name="leaky"))
    assert isinstance(live[0], Reply)
    write(tmp_path / "leaky/a/b.yaml", recorder.cassette(server="s"))
    write_profile(tmp_path, endpoint, {"server": "s"})
    text = "".join(path.read_text() for path in tmp_path.rglob("*.yaml"))
    for secret in (
        KEY,
        "of-the-case",
        "127.0.0.1:" if False else "set-cookie",
        "openai-organization",
        "openai-project",
        "x-echo",
    ):
        assert secret not in text
    assert 2 == text.count("${TAPE_KEY}")
    assert [("x-request-id", "*" * len(KEY) + "x-request-id")] == [pair for pair in live[0].headers if pair[0] == "x-request-id"]


def test_what_is_judged_while_recording_is_what_the_cassette_holds() -> None:
    async def both() -> Reply | Unanswered:
        seen, _, _ = await _recorded(says(ok(b"{}", "content-type: application/json", "x-secret-sauce: 1")), CHAT)
        return seen[0]

    seen = asyncio.run(both())
    assert isinstance(seen, Reply)
    assert kept(seen.headers) == seen.headers
    assert seen.header("x-secret-sauce") is None


def test_a_key_written_out_in_a_profile_does_not_reach_its_copy(tmp_path: Path) -> None:
    written_out = {"authorization": f"Bearer {KEY}", "x-api-key": "${A}b", "x-portkey-provider": "openai", "api-key": "${A}"}
    endpoint = replace(AT, base_url="http://user:word@host.example/v1", headers=written_out, query={"key": KEY, "v": "1"})
    write_profile(tmp_path, endpoint, {})
    text = (tmp_path / "lab/endpoint.yaml").read_text()
    assert KEY not in text
    assert "word" not in text
    assert "${A}b" not in text
    assert 'api-key: "${A}"' in text
    assert "x-portkey-provider: openai" in text


# ---------------------------------------------------------------- files


def test_the_path_is_the_identity(tmp_path: Path) -> None:
    case = Case(suite="tools", id="named", title="", needs=("tools",), steps=(), stream=(False, True))
    plain = Trial(endpoint=AT, case=case, stream=False)
    assert tmp_path / "lab/tools/named.yaml" == in_folder(tmp_path, plain)
    assert tmp_path / "lab/tools/named.stream.yaml" == in_folder(tmp_path, replace(plain, stream=True))


def test_a_file_is_replaced_at_once_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.yaml"
    write(path, recorded(Interaction(request=CHAT, reply=reply_of(b"{}")), server="before"))

    def fails(source: object, target: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fails)
        with pytest.raises(OSError, match="disk full"):
            write(path, recorded(server="after"))
    assert "before" == read(path).metadata["server"]
    assert [path] == list(tmp_path.iterdir())
    assert 0o644 == path.stat().st_mode & 0o777


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "a: [",
        "version: 1\ninteractions: 5",
        "interactions:\n- request: {}\n",
        "interactions: !!python/object:os.system [x]",
    ],
)
def test_a_file_that_is_no_cassette_is_named_with_the_way_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(BadFile, match=re.escape(str(path)) + r".*no cassette that can be read .*record it again") as raised:
        read(path)
    assert "\n" not in str(raised.value)


def test_frames_that_do_not_add_up_to_the_body_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    write(path, recorded(Interaction(request=CHAT, reply=reply_of(b"abc"))))
    path.write_text(path.read_text().replace('sizes: "3"', 'sizes: "4"'))
    with pytest.raises(BadFile, match="the frames are of 4 bytes, the body of 3"):
        read(path)


def test_the_profile_beside_the_cassettes_is_the_one_that_was_loaded(tmp_path: Path) -> None:
    source = tmp_path / "mine.yaml"
    source.write_text(
        "name: mine\ntitle: 'Mine: \"the best\"'\nbase_url: http://127.0.0.1:8080/v1\nmodel: org/model:tag\n"
        "models: {vision: 'no'}\ntoken_field: max_completion_tokens\n"
        "headers: {authorization: 'Bearer ${MY_KEY}'}\nquery: {api-version: '2024-10-21'}\n"
        "lacks: {json-schema: 'https://example.com/a'}\n"
        "known:\n  tools/parallel: {issue: 'https://example.com/b', until: '2027-03-01'}\n"
        "  stream.ends-with-done: {issue: 'https://example.com/c'}\n"
        "retry: {on: [429], at_most: 2}\nlimits: {concurrency: 2, timeout_s: 60.5}\nnotes: |\n  two\n  lines\n"
    )
    loaded = load.endpoint(source)
    facts = {"server": "llama.cpp", "version": "b1", "date": "2026-11-23T08:00:00Z"}
    write_profile(tmp_path / "cassettes", loaded, facts)
    assert (replace(loaded, recorded=facts),) == endpoints(tmp_path / "cassettes")
