"""The doctor from the key to a stream: for each thing that can be wrong, its own answer. Every server here is a real socket."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence

import pytest
from hostile import STREAM_HEAD, Answer, Connection, ok, serving
from patients import KEY, MODEL, PAGE, asked, conformant, diagnosed, document, examined, never, of, only, said, wrong

from harness import load
from harness.doctor import Diagnosis, State, examine, pages, reaching
from harness.doctor.visit import Visit
from harness.model import Frame, Reply, Request
from harness.reference import reply, server


@pytest.fixture(scope="module")
def reference() -> Iterator[str]:
    with server.running() as url:
        yield url


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


def test_a_key_that_is_refused_where_none_is_needed_may_be_left_out(reference: str) -> None:
    step, seen, do = wrong(diagnosed(reference, key=True))
    assert "key" == step
    assert "is refused, and none is needed" in seen
    assert "leave it out" in do


def test_a_server_that_looks_at_the_key_before_the_path_is_asked_again_with_it() -> None:
    step, seen, do = wrong(of(conformant(header="authorization"), "", key=True))
    assert "key" == step
    assert "/v1 is missing" in seen
    assert do.endswith("/v1")
    adopted = of(conformant(header="authorization"), "", key=True, adopt=True)
    assert adopted.wrong is None
    assert adopted.facts.endpoint.base_url.endswith("/v1")
    assert "lists 3" in said(adopted)


def test_a_key_that_goes_in_the_clear_is_said_to() -> None:
    def seen(url: str) -> str:
        endpoint = load.adhoc(url, MODEL, "MY_KEY")
        return str(asyncio.run(reaching.tls(Visit(endpoint=endpoint, environ={"MY_KEY": KEY}, total_s=1))).evidence)

    assert "the key goes to 192.0.2.1 as plain text" in seen("http://192.0.2.1/v1")
    assert "plain text" not in seen("http://127.0.0.1/v1")


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
        (document({"detail": "Not Found"}, 404), "nothing there: 404"),
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


def test_a_firewall_that_blocks_the_question_itself_is_named() -> None:
    blocked = Reply(status=403, headers=(("content-type", "text/html"),), frames=(Frame(at_ms=0, data=PAGE % b"Blocked"),))
    step, seen, _ = wrong(of(conformant(only("/chat/completions", blocked, streamed=False))))
    assert "answer" == step
    assert "a firewall or proxy in front answers in the endpoint's place" in seen


def _streaming(end: Callable[[Connection], Awaitable[None]], events: bytes) -> Answer:
    """A server whose streams are these events, and end so."""

    async def answer(connection: Connection) -> None:
        body = asked(connection).body
        if isinstance(body, dict) and body.get("stream"):
            await connection.send(STREAM_HEAD)
            await connection.chunks(events, end=False)
            await end(connection)
        else:
            await conformant()(connection)

    return answer


async def _hang_up(connection: Connection) -> None:
    connection.writer.transport.abort()


_CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
SAYS_A = f"data: {json.dumps({**_CHUNK, 'choices': [{'index': 0, 'delta': {'content': 'a'}}]})}\n\n".encode()


@pytest.mark.parametrize(
    ("end", "words"), [(_hang_up, "the stream breaks off in the middle"), (never, "the stream does not end")]
)
def test_a_stream_without_an_end_says_how_it_ended(end: Callable[[Connection], Awaitable[None]], words: str) -> None:
    step, seen, _ = wrong(of(_streaming(end, SAYS_A), total_s=4.0))
    assert ("stream", words) == (step, seen)


def test_a_stream_of_no_text_is_told() -> None:
    async def ends(connection: Connection) -> None:
        await connection.chunks(b"data: [DONE]\n\n")

    assert "a stream without any text" == wrong(of(_streaming(ends, b": ping\n\n")))[1]


def test_a_connection_that_stays_open_after_done_is_mentioned() -> None:
    found = of(_streaming(never, SAYS_A + b"data: [DONE]\n\n"))
    assert found.wrong is None
    assert "the connection stays open after [DONE]" in said(found)


# ---------------------------------------------------------------- what a reply is


def replied(status: int, body: object, *headers: tuple[str, str]) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers=headers, frames=(Frame(at_ms=0, data=content),))


@pytest.mark.parametrize(
    ("there", "answered"),
    [
        (True, replied(400, {"error": {"message": "messages is required"}})),
        (True, replied(404, {"error": {"message": "The model `x` does not exist", "code": "model_not_found"}})),
        (True, replied(422, {"detail": []})),
        (True, replied(500, {"error": {"message": "null pointer"}})),
        (True, replied(200, b"data: {}\n\n")),
        (True, replied(401, b"Unauthorized")),
        (False, replied(404, {"detail": "Not Found"})),
        (False, replied(405, {"detail": "Method Not Allowed"})),
        (False, replied(501, {})),
        (False, replied(500, b"Internal Server Error")),
        (False, replied(200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"})),  # LM Studio
        (False, replied(200, b"<!doctype html><html>")),
        (False, replied(200, b"hello", ("content-type", "text/html; charset=utf-8"))),
        (False, replied(200, b"hello")),
        (False, replied(302, b"")),
    ],
)
def test_whether_an_operation_is_there(there: bool, answered: Reply) -> None:
    assert there is pages.exists(answered)


@pytest.mark.parametrize(
    ("refused", "answered"),
    [
        (True, replied(401, b"")),
        (True, replied(403, {"error": {"message": "no access"}})),
        (True, replied(400, {"error": {"message": "API key not valid. Please pass a valid API key."}})),  # Gemini
        (True, replied(400, {"error": {"message": "No connected db.", "type": "no_db_connection"}})),  # LiteLLM
        (True, replied(422, {"detail": [{"loc": ["header", "authorization"], "msg": "Field required"}]})),  # FastAPI
        (False, replied(422, {"detail": [{"loc": ["body", "model"], "msg": "Field required"}]})),
        (False, replied(400, {"error": {"message": "messages is required"}})),
        (False, replied(403, b"<html>Forbidden</html>")),
        (False, replied(200, {})),
    ],
)
def test_whether_it_is_the_key_that_is_refused(refused: bool, answered: Reply) -> None:
    assert refused is pages.refuses_key(answered)
