"""Steps that are sent at the same time, that hang up, and that are large: sent, recorded, replayed, judged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hostile import STREAM_HEAD, Connection, ok, serving

from harness import judge, prepare, recordings
from harness.cassette import Cassette, Player, Recorder, read, write
from harness.dialects import openai
from harness.engine.conversation import conduct
from harness.folding import unfolded
from harness.model import (
    Case,
    Claims,
    Ending,
    Endpoint,
    Exchange,
    HangUp,
    Judged,
    Kind,
    Limits,
    Other,
    Reply,
    Request,
    Retry,
    Step,
    Trial,
    Verdict,
)
from harness.reference.answer import Around
from harness.reference.server import serve
from harness.wire import LEFT, Network, Wire

LIMITS = Limits(connect_s=2, first_byte_s=2, idle_s=2, timeout_s=4)
PIECES = (b"data: {}\n\n", b"data: {}\n\n", b"data: {}\n\n", b"data: [DONE]\n\n")


def lab(base_url: str, **fields: object) -> Endpoint:
    return Endpoint(name="lab", title="Lab", base_url=base_url, model="reference-1", limits=LIMITS, **fields)  # type: ignore[arg-type]


def saying(name: str, word: str, **fields: object) -> Step:
    """A step whose answer must be the word."""
    claimed = Claims(body={"/choices/0/message/content": {"type": "string", "const": word}})
    request = {"messages": [{"role": "user", "content": f"Repeat exactly: {word}"}], "$max_tokens": 16}
    return Step(id=name, request=cast(Any, request), claims={Kind.EXPECT: claimed}, **fields)  # type: ignore[arg-type]


def trial(endpoint: Endpoint, *steps: Step, stream: bool = False) -> Trial:
    return Trial(endpoint=endpoint, case=Case(suite="s", id="c", title="T", needs=("chat",), steps=steps), stream=stream)


async def live(held: Callable[[Endpoint], Trial], faults: tuple[Any, ...] = (), pace: float = 1.0) -> tuple[Judged, Cassette]:
    """A trial held with the reference server, and recorded."""
    async with serve(faults=faults, pace=pace) as port:
        one = held(lab(f"http://127.0.0.1:{port}/v1"))
        network = Network(one.endpoint, {})
        recorder = Recorder(network)
        try:
            judged = await conduct(one, Wire(one.endpoint, recorder, terminator=openai.TERMINATOR))
        finally:
            await network.aclose()
    assert recorder.complete
    return judged, recorder.cassette()


def replayed(one: Trial, cassette: Cassette, folder: Path) -> Judged:
    """The trial from the file of a cassette."""
    path = folder / "c.yaml"
    write(path, cassette)
    return asyncio.run(conduct(one, Wire(one.endpoint, Player(read(path), one.endpoint, "c.yaml"))))


def endings(judged: Judged) -> list[tuple[str, str]]:
    (attempt,) = judged.attempts
    return [(looked.step, looked.seen.reply.ended.value) for looked in attempt.steps if isinstance(looked.seen, Exchange)]


# ---------------------------------------------------------------- at the same time

FOUR = [
    saying("a", "otter"),
    *(saying(name, word, together=True) for name, word in (("b", "heron"), ("c", "newt"), ("d", "lynx"))),
]


@pytest.mark.parametrize("stream", [False, True])
def test_steps_that_are_sent_together_are_recorded_and_replayed_in_the_order_of_the_suite(tmp_path: Path, stream: bool) -> None:
    judged, cassette = asyncio.run(live(lambda endpoint: trial(endpoint, *FOUR, stream=stream)))
    assert Verdict.PASS is judge.verdict(judged)
    asked = [json.loads(one.request.content or b"")["messages"][0]["content"] for one in cassette.interactions]
    assert [f"Repeat exactly: {word}" for word in ("otter", "heron", "newt", "lynx")] == asked
    again = replayed(judged.trial, cassette, tmp_path)
    assert judged.attempts == again.attempts


def test_steps_that_are_sent_together_are_on_their_way_before_the_first_is_answered() -> None:
    async def arrived_at_once() -> int:
        waiting = 0
        most = 0

        class Slow:
            async def send(self, request: Request) -> Reply:
                nonlocal waiting, most
                waiting += 1
                most = max(most, waiting)
                await asyncio.sleep(0)
                waiting -= 1
                return Reply(status=500)

        await conduct(trial(lab("http://127.0.0.1:9/v1"), *FOUR), cast(Any, Slow()))
        return most

    assert 4 == asyncio.run(arrived_at_once())


def test_what_is_retried_among_several_keeps_its_place(tmp_path: Path) -> None:
    async def busy(connection: Connection) -> None:
        word = connection.body.decode()
        if "otter" in word and "again" not in seen:
            seen.add("again")
            await connection.send(ok(b'{"error": {"message": "busy"}}', "retry-after-ms: 1", status="429 Too Many Requests"))
        else:
            await connection.send(ok(b'{"n": 1}', "content-type: application/json"))

    async def recorded() -> tuple[Endpoint, Cassette]:
        async with serving(busy) as server:
            endpoint = lab(server.url, retry=Retry(at_most=1))
            network = Network(endpoint, {})
            recorder = Recorder(network)
            await conduct(trial(endpoint, FOUR[0], FOUR[1]), Wire(endpoint, recorder))
            await network.aclose()
            assert recorder.complete
            return endpoint, recorder.cassette()

    seen: set[str] = set()
    endpoint, cassette = asyncio.run(recorded())
    assert [429, 200, 200] == [one.reply.status for one in cassette.interactions]
    judged = replayed(trial(endpoint, FOUR[0], FOUR[1]), cassette, tmp_path)
    (attempt,) = judged.attempts
    assert [("a", 1)] == [
        (looked.step, len(looked.seen.reply.earlier)) for looked in attempt.steps[:1] if isinstance(looked.seen, Exchange)
    ]


def test_a_fault_of_ours_in_one_of_several_ends_the_trial_when_all_are_there() -> None:
    class Breaks:
        async def send(self, request: Request) -> Reply:
            await asyncio.sleep(0)
            if "heron" in str(request.body):
                raise ZeroDivisionError
            finished.append(request)
            return Reply(status=500)

    finished: list[Request] = []
    with pytest.raises(ZeroDivisionError):
        asyncio.run(conduct(trial(lab("http://127.0.0.1:9/v1"), *FOUR), cast(Any, Breaks())))
    assert 3 == len(finished)


# ---------------------------------------------------------------- hanging up


async def left(answer: Callable[[Connection], Any], hang_up: HangUp) -> tuple[Reply, Recorder]:
    async with serving(answer) as server:
        network = Network(lab(server.url), {})
        recorder = Recorder(network)
        body: Any = {"model": "m", "stream": True}
        request = Request(method="POST", path="/chat/completions", content=b"{}", body=body, hang_up=hang_up)
        seen = await Wire(lab(server.url), recorder, terminator=openai.TERMINATOR).send(request)
        await network.aclose()
    assert isinstance(seen, Reply)
    return seen, recorder


async def drips(connection: Connection) -> None:
    await connection.send(STREAM_HEAD)
    for piece in PIECES:
        await connection.chunks(piece, end=False)
        await asyncio.sleep(0.05)
    await asyncio.sleep(3)


def test_a_stream_is_left_after_so_many_events_and_what_came_is_kept() -> None:
    seen, recorder = asyncio.run(left(drips, HangUp(after_events=2)))
    assert (Ending.HUNG_UP, b"".join(PIECES[:2]), 200) == (seen.ended, seen.content, seen.status)
    assert recorder.complete
    assert [seen] == [one.reply for one in recorder.cassette().interactions]


def test_an_answer_that_is_not_waited_for_has_a_status_of_its_own() -> None:
    async def thinks(connection: Connection) -> None:
        await asyncio.sleep(3)

    seen, recorder = asyncio.run(left(thinks, HangUp(after_ms=40)))
    assert Reply(status=LEFT, ended=Ending.HUNG_UP) == seen
    assert recorder.complete


def test_a_stream_is_left_after_so_many_milliseconds_too() -> None:
    seen, _ = asyncio.run(left(drips, HangUp(after_ms=120)))
    assert (Ending.HUNG_UP, 200) == (seen.ended, seen.status)
    assert 0 < len(seen.frames) < len(PIECES)


@pytest.mark.parametrize("hang_up", [HangUp(after_events=1), HangUp(after_ms=1500)])
def test_what_is_refused_or_complete_before_is_read_to_its_end(hang_up: HangUp) -> None:
    async def refuses(connection: Connection) -> None:
        await connection.send(ok(b'{"error": {"message": "a\\n\\n"}}\n\n\n\n', status="400 Bad Request"))

    seen, _ = asyncio.run(left(refuses, hang_up))
    assert (400, Ending.CLOSED) == (seen.status, seen.ended)


def test_a_step_that_was_left_is_not_judged_and_the_next_is() -> None:
    long = Step(
        id="left", request={"messages": [{"role": "user", "content": "Count from 1 to 900."}]}, hang_up=HangUp(after_events=3)
    )
    judged, cassette = asyncio.run(live(lambda endpoint: trial(endpoint, long, saying("next", "otter"), stream=True)))
    assert Verdict.PASS is judge.verdict(judged)
    assert [("left", "hung-up"), ("next", "closed")] == endings(judged)
    assert isinstance(judged.attempts[0].steps[0].seen, Other)
    assert ["hung-up", "closed"] == [one.reply.ended.value for one in cassette.interactions]


def test_a_step_that_was_left_replays_as_it_was(tmp_path: Path) -> None:
    for hang_up, stream in ((HangUp(after_events=3), True), (HangUp(after_ms=100), False)):
        long = Step(id="left", request={"messages": [{"role": "user", "content": "Count from 1 to 900."}]}, hang_up=hang_up)
        steps = (long, saying("next", "otter"))
        judged, cassette = asyncio.run(live(lambda endpoint, steps=steps, stream=stream: trial(endpoint, *steps, stream=stream)))  # type: ignore[misc]
        assert ("left", "hung-up") == endings(judged)[0]
        assert judged.attempts == replayed(judged.trial, cassette, tmp_path).attempts


def test_the_reference_server_knows_who_is_being_answered_and_who_left() -> None:
    around: list[Around] = []

    def notes(body: Any, asked: Any) -> Any:
        around.append(asked.around)
        return body

    from harness.reference import Stage

    class Noting:
        id, stage, change = "notes", Stage.ASKED, staticmethod(notes)

    long = Step(
        id="left", request={"messages": [{"role": "user", "content": "Count from 1 to 900."}]}, hang_up=HangUp(after_events=1)
    )
    steps = (saying("a", "otter"), saying("b", "heron", together=True), long, saying("next", "newt"), saying("last", "newt"))
    judged, _ = asyncio.run(live(lambda endpoint: trial(endpoint, *steps, stream=True), (Noting(),)))
    assert Verdict.PASS is judge.verdict(judged)
    # whoever comes within two seconds still finds who left
    assert [(0, 0), (1, 0), (0, 0), (0, 1)] == [(len(one.beside), len(one.left)) for one in around[:4]]


# ---------------------------------------------------------------- large bodies in few words


def large() -> Step:
    repeated = {"$repeat": {"before": "a ", "text": "word ", "times": 5000, "after": "z"}}
    return Step(id="ask", request={"messages": [{"role": "user", "content": cast(Any, repeated)}], "$padding": 100_000})


def test_what_is_repeated_goes_out_as_a_whole_after_its_padding() -> None:
    request = prepare.request(trial(lab("http://127.0.0.1:9/v1"), large()), large(), {})
    assert request.content is not None
    assert b" " * 100_000 + b'{"model"' == request.content[:100_008]
    body: Any = request.body
    assert "a " + "word " * 5000 + "z" == body["messages"][0]["content"]
    assert json.loads(request.content) == body
    assert "$padding" not in body


def test_a_cassette_keeps_the_notation_and_still_knows_the_request(tmp_path: Path) -> None:
    long = replace(large(), claims={Kind.EXPECT: Claims(status={"type": "integer", "const": 400})})
    judged, cassette = asyncio.run(live(lambda endpoint: trial(endpoint, long)))
    assert Verdict.PASS is judge.verdict(judged)  # more than the reference model reads
    assert judged.attempts[0].steps[0].findings == replayed(judged.trial, cassette, tmp_path).attempts[0].steps[0].findings
    assert (tmp_path / "c.yaml").stat().st_size < 3000
    shorter: Any = json.loads(json.dumps(long.request).replace("5000", "4999"))
    other = replace(judged.trial, case=replace(judged.trial.case, steps=(replace(long, request=shorter),)))
    assert Verdict.ERROR is judge.verdict(replayed(other, cassette, tmp_path))


def test_what_an_answer_says_is_never_unfolded() -> None:
    bomb: Any = {"$repeat": {"text": "x", "times": 10**12}}
    first = Other(request=Request(method="GET", path="/"), reply=Reply(status=200), body={"said": bomb})
    step = Step(id="next", request={"messages": [{"role": "user", "content": {"$from": "first#/said"}}]})
    body: Any = prepare.request(trial(lab("http://127.0.0.1:9/v1"), step), step, {"first": first}).body
    assert bomb == body["messages"][0]["content"]


def test_a_document_without_anything_folded_is_left_as_it_is() -> None:
    document: Any = {"messages": [{"role": "user", "content": "$repeat"}], "n": 1}
    assert unfolded(document) is document


def test_what_was_left_is_not_held_against_a_server_by_lint_either(tmp_path: Path) -> None:
    long = Step(
        id="left", request={"messages": [{"role": "user", "content": "Count from 1 to 900."}]}, hang_up=HangUp(after_events=3)
    )
    _, cassette = asyncio.run(live(lambda endpoint: trial(endpoint, long, stream=True)))
    write(tmp_path / "c.yaml", cassette)
    (found,) = recordings.read(tmp_path / "c.yaml")
    assert isinstance(found, recordings.Recording)
    assert Ending.HUNG_UP is found.exchange.reply.ended
    assert () == judge.recorded(found.exchange).findings
