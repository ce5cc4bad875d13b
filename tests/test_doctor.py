"""The doctor up to the base path: for each thing that can be wrong, its own answer. Every server here is a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Iterator, Sequence

import pytest
from hostile import STREAM_HEAD, Answer, Connection, ok, says, serving
from patients import (
    CERTIFICATES,
    KEY,
    PAGE,
    asked,
    conformant,
    diagnosed,
    document,
    examined,
    free_port,
    never,
    of,
    only,
    page,
    said,
    wrong,
)

from harness import load
from harness.doctor import STEPS, Diagnosis, Facts, State, Step, paths, reaching, words
from harness.doctor.visit import Visit
from harness.model import Endpoint
from harness.reference import server


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
    try:
        with socket.socket(socket.AF_INET6) as here:
            here.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")

    async def held() -> Diagnosis:
        async with serving(conformant(), host="::1") as running:
            return await examined(f"http://[::1]:{running.port}/v1")

    assert asyncio.run(held()).wrong is None


def test_of_two_addresses_the_one_that_takes_no_connection_is_named() -> None:
    async def held() -> Step:
        async with serving(conformant()) as running:
            endpoint = load.adhoc(f"http://localhost:{running.port}/v1")
            visit = Visit(endpoint=endpoint, environ={}, total_s=12.0, numbers=("::1", "127.0.0.1"))
            step = await reaching.connection(visit)
            assert ("127.0.0.1",) == visit.numbers
            await visit.aclose()
            return step

    (said_of_it,) = asyncio.run(held()).evidence
    assert said_of_it.startswith("::1: ")
    assert said_of_it.endswith("; clients that try it first are slow or fail")


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


def test_a_list_of_models_alone_is_no_chat() -> None:
    async def lists(connection: Connection) -> None:
        if asked(connection).method == "GET":
            await conformant()(connection)
        else:
            await connection.send(ok(b'{"detail":"Not Found"}', status="404 X"))

    step, seen, do = wrong(of(lists))
    assert ("path", "lists models, and has no /chat/completions") == (step, seen)
    assert "embeddings" in do


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


# ---------------------------------------------------------------- bounds, and words


def test_the_time_that_a_person_takes_to_choose_does_not_count(reference: str) -> None:
    def choose(models: Sequence[str]) -> str:
        time.sleep(3.1)
        return models[0]

    assert diagnosed(reference, None, choose=choose, total_s=3.0).wrong is None


def test_the_whole_is_bounded_and_says_so() -> None:
    async def sluggish(connection: Connection) -> None:
        await asyncio.sleep(0.15)
        await conformant()(connection)

    found = of(sluggish, total_s=0.4)
    assert found.wrong is not None
    assert "raise --timeout" == found.wrong.do
    early = of(never, total_s=0.1)
    assert ("http", "raise --timeout", 3) == (wrong(early)[0], wrong(early)[2], early.exit_code)


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


# ---------------------------------------------------------------- a proxy of the environment


def through(answer: Answer, scheme: str) -> Diagnosis:
    """What is said of a host that only the environment's proxy, which answers so, could reach."""

    async def held() -> Diagnosis:
        async with serving(answer) as proxy:
            where = f"http://user:password@127.0.0.1:{proxy.port}"
            return await examined(f"{scheme}://api.invalid/v1", environ={f"{scheme.upper()}_PROXY": where})

    return asyncio.run(held())


def test_a_proxy_that_passes_requests_on_is_named_and_its_password_is_not() -> None:
    async def passes_on(connection: Connection) -> None:
        connection.head = connection.head.replace(b"http://api.invalid", b"")
        await conformant()(connection)

    found = through(passes_on, "http")
    assert found.wrong is None
    assert "(the proxy http://127.0.0.1" in said(found)
    assert "password" not in said(found)


def test_a_proxy_that_wants_a_password_is_told_from_the_endpoint() -> None:
    step, seen, do = wrong(through(says(ok(b"", status="407 Proxy Authentication Required")), "http"))
    assert "between" == step
    assert "an HTTP proxy answers in the endpoint's place" in seen
    assert "NO_PROXY" in do


def test_a_proxy_that_refuses_to_connect_is_told() -> None:
    step, seen, do = wrong(through(says(ok(b"", status="403 Forbidden")), "https"))
    assert "http" == step
    assert "the proxy refused" in seen
    assert "HTTPS_PROXY" in do


# ---------------------------------------------------------------- all of it


@pytest.mark.usefixtures("trusting")
def test_ten_things_that_can_be_wrong_have_ten_answers(reference: str) -> None:
    home = reference.removesuffix("/v1")
    elsewhere = says(ok(b"", "location: https://elsewhere.invalid/v1/models", status="301 Moved Permanently"))
    nobody = conformant(only("/models", document({"object": "list", "data": []})))
    found = {
        "a closed port": diagnosed(f"http://127.0.0.1:{free_port()}/v1"),
        "a port that never answers": of(never, total_s=2.0),
        "a name mismatch": of(conformant(), tls=certified("wrong-name"), scheme="https"),
        "a web page": of(page("My home")),
        "a redirect": of(elsewhere),
        "a missing /v1": diagnosed(home),
        "a doubled /v1": diagnosed(f"{reference}/v1"),
        "a wrong key": of(conformant(header="authorization"), key=True, environ={"MY_KEY": "sk-the-wrong-key-0123"}),
        "no models": of(nobody, model=None),
        "a healthy server": diagnosed(reference),
    }
    assert ["tcp", "http", "tls", "path", "http", "path", "path", "key", "models", None] == [
        one.wrong and one.wrong.id for one in found.values()
    ]
    assert [3, 3, 3, 1, 1, 1, 1, 3, 1, 0] == [one.exit_code for one in found.values()]
    assert 10 == len({one.wrong and one.wrong.seen for one in found.values()})
