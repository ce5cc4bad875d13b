"""The doctor: for each thing that can be wrong with an endpoint, its own answer. Every server here is a real socket."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hostile import STREAM_HEAD, Answer, Connection, ok, says, serving

from harness import load
from harness.doctor import STEPS, Diagnosis, Facts, State, Step, examine, paths, words
from harness.model import Endpoint, Frame, Reply, Request
from harness.reading import parse
from harness.reference import reply, server

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


@pytest.fixture(scope="module")
def reference() -> Iterator[str]:
    with server.running() as url:
        yield url


def certified(name: str) -> ssl.SSLContext:
    """A server's side of TLS with one of the certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem", CERTIFICATES / "server.key")
    return context


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority of the certificates is trusted, as a user would say it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))


# ---------------------------------------------------------------- a name and a connection


def test_a_name_without_an_address_is_said_to_be_misspelt() -> None:
    found = diagnosed("http://nohost.invalid/v1", total_s=30)
    step, seen, do = wrong(found)
    assert ("dns", 3) == (step, found.exit_code)
    assert "nohost.invalid has no address" in seen
    assert "spelling" in do


def test_a_closed_port_is_told_from_one_that_never_answers() -> None:
    found = diagnosed(f"http://127.0.0.1:{free_port()}/v1")
    step, seen, do = wrong(found)
    assert ("tcp", 3) == (step, found.exit_code)
    assert "closed" in seen
    assert "start the server" in do


def test_a_port_that_takes_connections_and_never_answers() -> None:
    found = of(never, total_s=2.0)
    step, seen, do = wrong(found)
    assert ("http", 3) == (step, found.exit_code)
    assert "no reply: connected" in seen
    assert "log" in do


def test_a_server_on_ipv6_alone_is_found() -> None:
    async def held() -> Diagnosis:
        async with serving(conformant(), host="::1") as running:
            return await examined(f"http://[::1]:{running.port}/v1")

    assert asyncio.run(held()).wrong is None


# ---------------------------------------------------------------- TLS


@pytest.mark.usefixtures("trusting")
def test_a_certificate_for_another_name_is_a_mismatch_and_says_which_names_it_has() -> None:
    found = of(conformant(), tls=certified("wrong-name"), scheme="https")
    step, seen, do = wrong(found)
    assert ("tls", 3) == (step, found.exit_code)
    assert "name mismatch: the certificate is for other.example.com, *.other.example.com, not for 127.0.0.1" == seen
    assert "(other.example.com)" in do


@pytest.mark.parametrize(
    ("name", "words", "way_out"),
    [
        ("self-signed", "self-signed", "SSL_CERT_FILE"),
        ("expired", "has expired", "renew it"),
        ("not-yet", "not valid yet", "clock"),
    ],
)
@pytest.mark.usefixtures("trusting")
def test_each_untrusted_certificate_has_its_own_reason(name: str, words: str, way_out: str) -> None:
    found = of(conformant(), tls=certified(name), scheme="https")
    step, seen, do = wrong(found)
    assert "tls" == step
    assert words in seen
    assert way_out in do


@pytest.mark.usefixtures("trusting")
def test_the_day_on_which_a_certificate_expired_is_told() -> None:
    found = of(conformant(), tls=certified("expired"), scheme="https")
    assert "valid until Feb  1 00:00:00 2020 GMT" in said(found)


def test_an_authority_that_is_not_trusted_is_no_self_signed_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "self-signed.pem"))
    _, seen, _ = wrong(of(conformant(), tls=certified("right"), scheme="https"))
    assert "authority that is not trusted" in seen


@pytest.mark.usefixtures("trusting")
def test_a_server_with_tls_as_it_should_be_is_healthy() -> None:
    found = of(conformant(), tls=certified("right"), scheme="https")
    assert found.wrong is None
    assert State.OK is next(step.state for step in found.steps if step.id == "tls")


def test_https_to_a_port_without_tls_says_http() -> None:
    step, seen, do = wrong(of(conformant(), scheme="https"))
    assert "tls" == step
    assert "speaks no TLS" in seen
    assert "write http://127.0.0.1:" in do


def test_http_to_a_port_with_tls_says_https() -> None:
    step, seen, do = wrong(of(conformant(), tls=certified("right")))
    assert ("http", "this port speaks TLS") == (step, seen)
    assert do.startswith("write https://127.0.0.1:")


def test_http_to_nginx_s_port_with_tls_says_https() -> None:
    body = PAGE % b"400 The plain HTTP request was sent to HTTPS port"
    _, seen, do = wrong(of(says(ok(body, "content-type: text/html", status="400 Bad Request"))))
    assert "this port speaks TLS" == seen
    assert do.startswith("write https://")


# ---------------------------------------------------------------- HTTP, and what stands between


def test_something_other_than_http_is_told() -> None:
    step, seen, _ = wrong(of(says(b"220 mail.example.com ESMTP\r\n\r\n")))
    assert "http" == step
    assert "something other than HTTP" in seen


@pytest.mark.parametrize(
    ("to", "way_out"),
    [
        ("https://{host}/v1{operation}", "use https://{host}/v1"),
        ("https://elsewhere.invalid/v1{operation}", "use https://elsewhere.invalid/v1"),
        ("https://sso.invalid/login?next=/v1", "a login is in front"),
        ("{scheme}://{host}/v1{operation}/", "without a slash at its end"),
    ],
)
def test_a_redirect_is_told_and_not_followed(to: str, way_out: str) -> None:
    connections: list[Connection] = []
    host = ""

    async def redirect(connection: Connection) -> None:
        nonlocal host
        connections.append(connection)
        request = asked(connection)
        host = dict(request.headers)["host"]
        location = to.format(host=host, scheme="http", operation=request.path.removeprefix("/v1"))
        await connection.send(ok(b"", f"location: {location}", status="308 Permanent Redirect"))

    found = of(redirect, key=True)
    step, seen, do = wrong(found)
    assert ("http", 1) == (step, found.exit_code)
    assert "not followed" in seen
    assert way_out.format(host=host) in do
    assert not any(KEY.encode() in connection.head for connection in connections)


def test_a_web_page_is_no_api() -> None:
    found = of(page("My home"))
    step, seen, do = wrong(found)
    assert ("path", 1) == (step, found.exit_code)
    assert 'a web page answers: 200 text/html "My home"' == seen
    assert "URL of the API" in do


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (page("Just a moment...", "403 Forbidden", "cf-mitigated: challenge", "server: cloudflare"), "Cloudflare"),
        (page("403 Forbidden", "403 Forbidden"), "firewall or proxy"),
        (page("Sign in to your account"), "a login page"),
        (page("ngrok", "200 OK", "ngrok-error-code: ERR_NGROK_6024"), "ngrok"),
        (says(ok(b"", 'www-authenticate: Basic realm="x"', status="401 Unauthorized")), "a gateway with a password"),
    ],
)
def test_what_stands_between_is_named(answer: Answer, name: str) -> None:
    step, seen, _ = wrong(of(answer, key=True))
    assert "between" == step
    assert name in seen


def test_no_key_is_sent_to_what_stands_between() -> None:
    connections: list[Connection] = []

    async def challenge(connection: Connection) -> None:
        connections.append(connection)
        await page("Just a moment...", "403 Forbidden")(connection)

    of(challenge, key=True)
    assert connections
    assert not any(KEY.encode() in connection.head for connection in connections)


@pytest.mark.parametrize(
    ("answer", "words", "way_out"),
    [
        (page("502 Bad Gateway", "502 Bad Gateway"), "the server behind it does not", "start the server behind it"),
        (says(ok(b"oops", status="500 X")), "the server fails: 500", "log"),
        (says(ok(b'{"error":{"message":"Loading model"}}', status="503 X")), "not ready", "wait"),
    ],
)
def test_a_server_that_fails_is_told_from_a_proxy_without_one(answer: Answer, words: str, way_out: str) -> None:
    step, seen, do = wrong(of(answer))
    assert "http" == step or "not ready" in seen
    assert words in seen
    assert way_out in do


def test_a_body_without_end_is_left_and_told() -> None:
    async def endless(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        while True:
            await connection.chunks(b"x" * 60_000, end=False)

    step, seen, _ = wrong(of(endless))
    assert "http" == step
    assert "far too long" in seen


def test_a_slow_drip_is_left_and_told() -> None:
    async def drip(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        while True:
            await connection.chunks(b" ", end=False)
            await asyncio.sleep(0.05)

    step, seen, _ = wrong(of(drip, total_s=3.0))
    assert "http" == step
    assert "does not come to its end" in seen


# ---------------------------------------------------------------- the path


@pytest.mark.parametrize(
    ("given", "words"),
    [("", "/v1 is missing"), ("/v1/v1", "/v1 is there twice"), ("/api", "the path is /v1"), ("/v1/chat", "/chat is too much")],
)
def test_the_right_path_is_found(reference: str, given: str, words: str) -> None:
    home = reference.removesuffix("/v1")
    found = diagnosed(f"{home}{given}")
    step, seen, do = wrong(found)
    assert ("path", 1) == (step, found.exit_code)
    assert f"{words}: the API is at {reference}" == seen
    assert f"use {reference}" == do


def test_a_slash_at_the_end_is_no_matter(reference: str) -> None:
    assert diagnosed(f"{reference}/").wrong is None


def test_404_on_everything_says_what_was_tried() -> None:
    found = of(page("404 Not Found", "404 Not Found", "server: nginx"))
    step, seen, _ = wrong(found)
    assert ("path", "nothing there speaks this API") == (step, seen)
    assert "tried as well: /, /api/v1, /openai/v1, /api" in said(found)


@pytest.mark.parametrize("body", [b'{"detail":"Not Found"}', b'{"error":"no"}', b"404 page not found", b"[]"])
def test_an_error_of_another_form_is_no_api_either(body: bytes) -> None:
    assert "path" == wrong(of(says(ok(body, "content-type: application/json", status="404 Not Found"))))[0]


def test_ollama_s_start_page_is_recognised() -> None:
    async def ollama(connection: Connection) -> None:
        if asked(connection).path == "/":
            await connection.send(ok(b"Ollama is running", "content-type: text/plain"))
        else:
            await conformant()(connection)

    found = of(ollama, "")
    step, _, do = wrong(found)
    assert "path" == step
    assert do.endswith("/v1")
    assert "the start page is Ollama's" in said(found)


def test_a_web_interface_is_recognised_and_its_api_found_beside_it() -> None:
    async def interface(connection: Connection) -> None:
        if asked(connection).path.startswith("/api/"):
            await conformant(base="/api")(connection)
        else:
            await page("Open WebUI")(connection)

    found = of(interface)
    step, seen, do = wrong(found)
    assert "path" == step
    assert "the path is /api" in seen
    assert do.endswith("/api")


def test_a_client_is_no_server() -> None:
    _, seen, do = wrong(of(page("SillyTavern")))
    assert seen.startswith("this is SillyTavern")
    assert "client" in do


def test_the_path_that_a_service_says_of_itself_is_tried_and_never_its_host() -> None:
    async def far_off(connection: Connection) -> None:
        info = {"software": {"name": "TabbyAPI"}, "api": {"openai": {"base_url": "http://elsewhere.invalid/deep/down/v9"}}}
        if asked(connection).path == "/.well-known/serviceinfo":
            await connection.send(ok(json.dumps(info).encode()))
        else:
            await conformant(base="/deep/down/v9")(connection)

    _, _, do = wrong(of(far_off))
    assert do.startswith("use http://127.0.0.1:")
    assert do.endswith("/deep/down/v9")


def test_other_paths_are_of_the_same_host_and_few() -> None:
    assert ("http://h:1/v1", "http://h:1/api/v1", "http://h:1/openai/v1", "http://h:1/api") == paths.others("http://h:1")
    assert "http://h:1/v1" == paths.others("http://h:1/v1/v1")[0]
    assert "http://h:1/x" == paths.others("http://h:1/x/v1")[0]


# ---------------------------------------------------------------- the key


def test_a_key_that_is_asked_for_is_asked_for() -> None:
    found = of(conformant(header="authorization"))
    step, seen, do = wrong(found)
    assert ("key", 3) == (step, found.exit_code)
    assert "asks for a key: 401" in seen
    assert "--key-env NAME" in do


def test_a_wrong_key_is_told_from_none() -> None:
    found = of(conformant(header="authorization"), key=True, environ={"MY_KEY": "sk-the-wrong-key-0123456789"})
    step, seen, do = wrong(found)
    assert ("key", 3) == (step, found.exit_code)
    assert "the key in MY_KEY is refused: 401" in seen
    assert "MY_KEY" in do


def test_the_right_key_is_taken_and_what_clients_send_for_none_is_told() -> None:
    found = of(conformant(header="authorization"), key=True)
    assert found.wrong is None
    step = next(step for step in found.steps if step.id == "key")
    assert "the key in MY_KEY is taken" == step.seen
    assert [
        "no key: refused, 401",
        "a made-up key: refused, 401",
        "`Bearer `, which clients send for an empty key: refused, 401",
        "`Bearer undefined`: refused, 401",
    ] == list(step.evidence)


def test_empty_and_dummy_keys_go_out_as_clients_send_them() -> None:
    connections: list[Connection] = []

    async def keep(connection: Connection) -> None:
        connections.append(connection)
        await conformant()(connection)

    of(keep)
    sent = {value for connection in connections for name, value in asked(connection).headers if name == "authorization"}
    assert {"Bearer", "Bearer undefined", "Bearer chatcompat-made-up-key"} == sent


def test_a_key_that_is_not_set_is_said_before_any_key_is_sent() -> None:
    found = of(conformant(header="authorization"), key=True, environ={"OTHER": "x"})
    step, seen, do = wrong(found)
    assert ("key", "MY_KEY is not set", 3) == (step, seen, found.exit_code)
    assert do.startswith("export MY_KEY=")


def test_a_server_that_wants_the_key_in_another_header_says_which() -> None:
    found = of(conformant(header="x-api-key"), key=True)
    _, seen, do = wrong(found)
    assert "the key is taken in the header x-api-key" in seen
    assert "--header 'x-api-key: ${MY_KEY}'" in do


def test_without_a_key_the_header_that_a_refusal_names_is_named() -> None:
    assert "--header 'x-api-key: ${NAME}'" in wrong(of(conformant(header="x-api-key")))[2]


def test_no_word_of_a_key_is_shown_whatever_sends_it_back() -> None:
    def echo(request: Request, answered: Reply) -> Reply:
        return document({"error": {"message": f"{'pad ' * 35} your key is {KEY} and you sent {request.headers}"}}, 401)

    found = of(conformant(echo), key=True)
    assert wrong(found)[0] == "key"
    assert KEY[:12] not in said(found)


def test_a_redirect_of_those_with_a_key_is_not_followed() -> None:
    elsewhere: list[Connection] = []

    async def keep(connection: Connection) -> None:
        elsewhere.append(connection)
        await connection.send(ok(b"{}"))

    async def held() -> Diagnosis:
        async with serving(keep) as other:

            async def answer(connection: Connection) -> None:
                if KEY.encode() in connection.head:
                    await connection.send(ok(b"", f"location: {other.url}/chat/completions", status="307 X"))
                else:
                    await conformant(header="authorization")(connection)

            async with serving(answer) as running:
                return await examined(running.url, key=True)

    step, seen, _ = wrong(asyncio.run(held()))
    assert "key" == step
    assert "a redirect (307)" in seen
    assert [] == elsewhere


# ---------------------------------------------------------------- models


def test_no_models_is_told_and_a_named_one_is_asked_for_all_the_same() -> None:
    empty = conformant(only("/models", document({"object": "list", "data": []})))
    found = of(empty, model=None)
    step, seen, do = wrong(found)
    assert ("models", "the list is empty: no models", 1) == (step, seen, found.exit_code)
    assert "load a model" in do
    assert of(empty).wrong is None


def test_of_several_models_one_is_chosen_or_all_are_listed(reference: str) -> None:
    found = diagnosed(reference, None)
    step, _, do = wrong(found)
    assert ("models", 2) == (step, found.exit_code)
    assert "choose one with --model: reference-1, reference-2, reference-thinks" == do
    offered: list[Sequence[str]] = []

    def choose(models: Sequence[str]) -> str:
        offered.append(models)
        return "reference-2"

    chosen = diagnosed(reference, None, choose=choose)
    assert (None, "reference-2") == (chosen.wrong, chosen.facts.endpoint.model)
    assert [["reference-1", "reference-2", "reference-thinks"]] == offered


def test_the_only_model_is_taken() -> None:
    found = of(conformant(only("/models", document({"data": [{"id": MODEL}]}))), model=None)
    assert (None, MODEL) == (found.wrong, found.facts.endpoint.model)


@pytest.mark.parametrize("other", [document({"detail": "Not Found"}, 404), document({"error": {"message": "x"}}, 500)])
def test_a_list_of_models_is_optional(other: Reply) -> None:
    found = of(conformant(only("/models", other)))
    assert found.wrong is None
    assert State.NOT_NEEDED is next(step.state for step in found.steps if step.id == "models")
    assert found.facts.endpoint.models_path is None


def test_a_page_in_place_of_the_list_is_told_and_bypassed() -> None:
    html = Reply(status=200, headers=(("content-type", "text/html"),), frames=(Frame(at_ms=0, data=PAGE % b"UI"),))
    found = of(conformant(only("/models", html)))
    assert found.wrong is None
    assert 'a web page and no list: 200 text/html "UI"' in said(found)


def test_a_model_that_is_not_known_is_refused_by_name(reference: str) -> None:
    step, seen, do = wrong(diagnosed(reference, "reference-9"))
    assert "answer" == step
    assert "the model reference-9 is refused: 404" in seen
    assert "reference-1" in do


# ---------------------------------------------------------------- an answer and a stream


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (document({"error": {"message": "You exceeded your current quota"}}, 429), "quota is used up"),
        (document({"error": {"message": "Insufficient balance"}}, 402), "wants to be paid"),
        (document({"error": {"message": "bad template"}}, 500), "the server fails"),
        (document({"hello": "world"}), "no completion"),
        (document({"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}}]}), "an empty answer"),
        (document({"error": {"message": "Incorrect API key"}}, 401), "refused for its key"),
    ],
)
def test_each_answer_that_is_none_has_its_own_words(other: Reply, words: str) -> None:
    step, seen, _ = wrong(of(conformant(only("/chat/completions", other, streamed=False))))
    assert "answer" == step
    assert words in seen


def test_an_answer_that_takes_too_long_is_left() -> None:
    async def slow(connection: Connection) -> None:
        body = asked(connection).body
        if isinstance(body, dict) and "model" in body:
            await asyncio.sleep(60)
        await conformant()(connection)

    step, seen, do = wrong(of(slow, total_s=3.0))
    assert ("answer", "no answer within 1.5 s") == (step, seen)
    assert "--timeout" in do


def _without_done(request: Request, answered: Reply) -> Reply:
    if not (isinstance(request.body, dict) and request.body.get("stream")):
        return answered
    return dataclasses.replace(answered, frames=answered.frames[:-1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without_done, "without [DONE]"),
        (only("/chat/completions", document({"choices": []}), streamed=True), "no stream: one JSON document"),
    ],
)
def test_each_stream_that_is_none_has_its_own_words(change: Callable[[Request, Reply], Reply], words: str) -> None:
    step, seen, _ = wrong(of(conformant(change)))
    assert "stream" == step
    assert words in seen


def test_a_stream_that_is_labelled_otherwise_is_told() -> None:
    def relabel(request: Request, answered: Reply) -> Reply:
        streamed = isinstance(request.body, dict) and request.body.get("stream")
        return dataclasses.replace(answered, headers=(("content-type", "text/plain"),)) if streamed else answered

    assert "labelled text/plain" in wrong(of(conformant(relabel)))[1]


def test_an_error_in_the_stream_is_told() -> None:
    events = (Frame(at_ms=0, data=b'data: {"error":{"message":"out of memory"}}\n\n'),)
    failing = Reply(status=200, headers=(("content-type", "text/event-stream"),), frames=events)
    step, seen, _ = wrong(of(conformant(only("/chat/completions", failing, streamed=True))))
    assert ("stream", 'an error in the stream: "out of memory"') == (step, seen)


def test_a_stream_that_comes_at_once_and_late_is_not_incremental() -> None:
    async def buffered(connection: Connection) -> None:
        request = asked(connection)
        body = request.body
        if not (isinstance(body, dict) and body.get("stream")):
            await conformant()(connection)
            return
        answered = reply(Request(method="POST", path="/chat/completions", content=request.content, body=body), 1)
        await asyncio.sleep(1.1)
        content = b"".join(frame.data for frame in answered.frames)
        await connection.send(ok(content, "content-type: text/event-stream"))

    step, seen, do = wrong(of(buffered, total_s=30.0))
    assert "stream" == step
    assert "not incremental" in seen
    assert "proxy_buffering off" in do


def test_a_healthy_server_is_healthy(reference: str) -> None:
    found = diagnosed(reference)
    assert (None, 0) == (found.wrong, found.exit_code)
    assert "the model answers at once" == found.steps[-1].seen


def test_a_model_that_thinks_is_no_fault(reference: str) -> None:
    found = diagnosed(reference, "reference-thinks", total_s=30.0)
    assert found.wrong is None
    assert "the model thinks first" in found.steps[-1].seen


def test_the_messages_api_is_examined_by_its_own_form(reference: str) -> None:
    profile = load.endpoint_of("reference-messages", base_url=reference)
    found = asyncio.run(examine(profile, {}))
    assert found.wrong is None
    assert "has /messages" in said(found)


# ---------------------------------------------------------------- bounds, and words


def test_the_whole_is_bounded_and_says_so() -> None:
    async def sluggish(connection: Connection) -> None:
        await asyncio.sleep(0.15)
        await conformant()(connection)

    found = of(sluggish, total_s=0.4)
    assert found.wrong is not None
    assert "raise --timeout" == found.wrong.do


def test_what_an_endpoint_says_is_escaped_and_cut() -> None:
    body = json.dumps({"error": {"message": "\x1b[2J\u202e" + "A" * 5000}}).encode()
    found = of(says(ok(body, "content-type: application/json\x1b", "server: \x1b[31mred", status="400 X")))
    text = said(found)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "A" * 200 not in text


@pytest.mark.parametrize("body", [b"null", b"[]", b"1", b'"x"', b'{"error":[]}', b'{"error":{"message":{}}}', b"\xff\xfe", b""])
@pytest.mark.parametrize("status", ["200 OK", "401 X", "404 X", "422 X", "503 X"])
def test_whatever_comes_back_there_is_an_answer(body: bytes, status: str) -> None:
    found = of(says(ok(body, "content-type: application/json", status=status)))
    assert wrong(found)


def test_steps_are_told_as_they_end(reference: str) -> None:
    told: list[str] = []
    began: list[str] = []
    diagnosed(reference, began=began.append, ended=lambda step: told.append(step.id))
    assert list(STEPS) == began == told


def test_a_step_is_a_line_and_its_evidence_lies_beneath() -> None:
    step = Step(id="tcp", state=State.WRONG, seen="closed", evidence=("so it is",), do="open it")
    assert ["✗ connection          closed", "                      so it is"] == list(words.lines(step, words.Style()))
    assert "x connection          closed" == next(words.lines(step, words.Style(unicode=False)))
    found = Diagnosis(steps=(step,), facts=Facts(endpoint=Endpoint(name="e", title="E", base_url="http://h")))
    assert "do: open it" == words.last(found, "healthy")
