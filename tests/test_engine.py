"""The engine: order, tries, silence, ceilings, interruption, and what a recording keeps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from harness import judge
from harness.cassette import endpoints, read
from harness.engine import INTERRUPTED, Mode, run, with_model
from harness.errors import BadInput, Unusable
from harness.model import (
    Case,
    Claims,
    Endpoint,
    Errored,
    Feature,
    Http,
    Judged,
    Kind,
    Limits,
    Outcome,
    Retry,
    Skipped,
    Step,
    Suite,
    Trial,
    Unanswered,
    Verdict,
)
from harness.plan import Plan, plan

KEY = "sk-engine-0123456789abcdef"
ENVIRON = {"ENGINE_KEY": KEY}
LIMITS = Limits(concurrency=4, connect_s=2, first_byte_s=0.2, idle_s=0.2, timeout_s=2, after_done_s=0.1)
NOW = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)
ENDPOINT = Endpoint(
    name="lab",
    title="Lab",
    base_url="http://127.0.0.1:9/v1",
    model="m",
    headers={"authorization": "Bearer ${ENGINE_KEY}"},
    limits=LIMITS,
    retry=Retry(at_most=0),
)


# ---------------------------------------------------------------- a fake endpoint, which answers by the prompt


Answering = Callable[[str, int], Awaitable[httpx.Response]]


def completion(content: str) -> httpx.Response:
    message = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
    document = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "m",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        "service_tier": "default",
        "system_fingerprint": "fp_1",
    }
    return answered(200, document)


def answered(status: int, document: object) -> httpx.Response:
    headers = {"content-type": "application/json", "server": "fake", "x-request-id": "req-1"}
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(json.dumps(document).encode()))


def refusal(status: int, message: str = "no such thing") -> httpx.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return answered(status, {"error": error})


@dataclass
class Fake(httpx.AsyncBaseTransport):
    """A pool that asks `answer` with the prompt and how often it was asked before; keeps what was asked, and how many at once."""

    answer: Answering
    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def __call__(self, proxy: str | None) -> httpx.AsyncBaseTransport:
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = b"".join([part async for part in request.stream])  # type: ignore[union-attr]
        prompt = json.loads(content)["messages"][-1]["content"] if content else request.url.path
        before = self.asked.count(prompt)
        self.asked.append(prompt)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self.answer(prompt, before)
        finally:
            self.at_once -= 1


async def echoes(prompt: str, before: int) -> httpx.Response:
    return completion(prompt)


# ---------------------------------------------------------------- suites


def case(name: str, *needs: str, tries: int = 1, steps: tuple[Step, ...] = (), **claims: Claims) -> Case:
    kinds = {Kind(kind): claim for kind, claim in claims.items()}
    request = {"messages": [{"role": "user", "content": name}]}
    return Case(
        suite="s",
        id=name,
        title=name,
        needs=needs or ("chat",),
        steps=steps or (Step(id="ask", request=request, claims=kinds),),  # type: ignore[arg-type]
        tries=tries,
    )


def says(word: str) -> Claims:
    return Claims(body={"/choices/0/message/content": {"const": word}})


def planned(
    *cases: Case, endpoint: Endpoint = ENDPOINT, optional: tuple[str, ...] = (), others: tuple[Endpoint, ...] = ()
) -> Plan:
    names = dict.fromkeys(feature for one in cases for feature in one.needs)
    features = tuple(Feature(id=name, title=name, optional=name in optional) for name in names)
    return plan((endpoint, *others), (Suite(id="s", title="S", features=features, cases=cases),))


@dataclass
class Watcher:
    """Keeps what it is told."""

    begun: list[str] = field(default_factory=list)
    ended: list[Outcome] = field(default_factory=list)
    waits: list[tuple[str, float, str]] = field(default_factory=list)

    def started(self, trial: Trial) -> None:
        self.begun.append(trial.case.id)

    def finished(self, outcome: Outcome) -> None:
        self.ended.append(outcome)

    def waiting(self, endpoint: Endpoint, seconds: float, why: str) -> None:
        self.waits.append((endpoint.name, round(seconds, 3), why))


async def no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


def held(the_plan: Plan, answer: Answering | Fake = echoes, mode: Mode = Mode.LIVE, **options: object) -> dict[str, Outcome]:
    fake = answer if isinstance(answer, Fake) else Fake(answer)
    given = {"cassettes": Path("/nowhere"), "environ": ENVIRON, "pool": fake, "sleep": no_sleep, "now": lambda: NOW, **options}
    outcomes = asyncio.run(run(the_plan, mode=mode, **given))  # type: ignore[arg-type]
    assert len(the_plan.trials) == len(outcomes)
    return {outcome.trial.case.id: outcome for outcome in outcomes}


def verdicts(outcomes: dict[str, Outcome]) -> dict[str, Verdict]:
    return {name: judge.verdict(outcome) for name, outcome in outcomes.items()}


# ---------------------------------------------------------------- order and prerequisites


def test_every_trial_comes_to_an_outcome_in_the_order_of_the_trials_and_the_observer_sees_it() -> None:
    watcher = Watcher()
    outcomes = held(planned(case("b"), case("a"), case("c")), observer=watcher)
    assert ["a", "b", "c"] == list(outcomes)
    assert {Verdict.PASS} == set(verdicts(outcomes).values()), outcomes
    assert {"a", "b", "c"} == set(watcher.begun)
    assert {id(outcome) for outcome in watcher.ended} == {id(outcome) for outcome in outcomes.values()}


def test_a_case_whose_prerequisite_did_not_pass_is_skipped_and_names_it() -> None:
    fake = Fake(echoes)
    outcomes = held(planned(case("base", "chat", expect=says("other")), case("needs-it", "chat", "tools")), fake)
    skipped = outcomes["needs-it"]
    assert isinstance(skipped, Skipped)
    assert "needs chat, whose base case s/base ended as fail" == skipped.reason
    assert ["base"] == fake.asked


def test_a_prerequisite_that_only_a_rule_of_the_protocol_spoils_keeps_nothing_from_being_tried() -> None:
    async def without_id(prompt: str, before: int) -> httpx.Response:
        document = json.loads(await completion(prompt).aread())
        del document["choices"][0]["message"]["role"]
        return answered(200, document)

    outcomes = held(planned(case("base", "chat", expect=says("base")), case("needs-it", "chat", "tools")), without_id)
    assert {"base": Verdict.FAIL, "needs-it": Verdict.FAIL} == verdicts(outcomes)


def test_only_what_comes_before_is_waited_for_so_that_none_waits_in_a_ring() -> None:
    the_plan = planned(case("base", "chat", expect=says("other")), case("needs-it", "chat", "tools"))
    backwards = replace(the_plan, trials=the_plan.trials[::-1])
    assert {"base": Verdict.FAIL, "needs-it": Verdict.PASS} == verdicts(held(backwards))


def test_many_trials_wait_for_one_prerequisite_without_taking_its_place() -> None:
    async def slow(prompt: str, before: int) -> httpx.Response:
        await asyncio.sleep(0.002)
        return completion(prompt)

    cases = [case(f"n{number:02}", "chat", "tools") for number in range(40)]
    the_plan = planned(
        *cases[:20], case("base", "chat"), *cases[20:], endpoint=replace(ENDPOINT, limits=replace(LIMITS, concurrency=1))
    )
    assert {Verdict.PASS} == set(verdicts(held(the_plan, slow, concurrency=1)).values())


def test_no_more_conversations_are_held_at_once_than_allowed_for_an_endpoint_and_in_all() -> None:
    async def slow(prompt: str, before: int) -> httpx.Response:
        await asyncio.sleep(0.005)
        return completion(prompt)

    cases = [case(f"n{number:02}") for number in range(20)]
    one = Fake(slow)
    held(planned(*cases), one, concurrency=32)
    assert LIMITS.concurrency == one.most_at_once
    other = replace(ENDPOINT, name="other")
    both = Fake(slow)
    asyncio.run(
        run(planned(*cases, others=(other,)), mode=Mode.LIVE, environ=ENVIRON, cassettes=Path("/x"), concurrency=6, pool=both)
    )
    assert 6 == both.most_at_once


# ---------------------------------------------------------------- steps and tries


def test_steps_go_in_order_carry_values_and_stop_at_the_first_that_does_not_hold() -> None:
    carried = {"messages": [{"role": "user", "content": {"$from": "first#/choices/0/message/content"}}]}
    first = Step(id="first", request={"messages": [{"role": "user", "content": "one"}]})
    second = Step(id="second", request=carried, claims={Kind.EXPECT: says("two")})  # type: ignore[arg-type]
    never = Step(id="third", request={"messages": [{"role": "user", "content": "three"}]})
    fake = Fake(echoes)
    outcome = held(planned(case("talk", steps=(first, second, never))), fake)["talk"]
    assert isinstance(outcome, Judged)
    assert ["one", "one"] == fake.asked
    assert ["first", "second"] == [looked.step for looked in outcome.attempts[0].steps]
    assert Verdict.FAIL is judge.verdict(outcome)


def test_a_value_that_an_answer_does_not_have_is_an_error_that_names_it() -> None:
    first = Step(id="first", request={"messages": [{"role": "user", "content": "one"}]})
    second = Step(id="second", request={"messages": [{"role": "user", "content": {"$from": "first#/nothing"}}]})
    outcome = held(planned(case("talk", steps=(first, second))))["talk"]
    assert isinstance(outcome, Errored)
    assert "first#/nothing" in outcome.reason


@pytest.mark.parametrize(("kind", "verdict"), [("given", Verdict.PASS), ("effect", Verdict.WARN), ("expect", Verdict.WARN)])
def test_what_a_model_may_get_wrong_is_tried_again_and_every_try_is_kept(kind: str, verdict: Verdict) -> None:
    async def second_time(prompt: str, before: int) -> httpx.Response:
        return completion("right" if before else "wrong")

    outcome = held(planned(case("a", tries=3, **{kind: says("right")})), second_time)["a"]
    assert isinstance(outcome, Judged)
    assert 2 == len(outcome.attempts)
    assert verdict is judge.verdict(outcome)


@pytest.mark.parametrize("answer", [refusal(500), refusal(400), httpx.Response(200, stream=httpx.ByteStream(b"no json"))])
def test_what_no_model_gets_wrong_is_not_tried_again(answer: httpx.Response) -> None:
    async def always(prompt: str, before: int) -> httpx.Response:
        return answer

    fake = Fake(always)
    outcomes = held(planned(case("a", tries=3, expect=says("right"))), fake)
    assert {"a": Verdict.FAIL} == verdicts(outcomes)
    assert ["a"] == fake.asked


def test_an_optional_feature_that_is_refused_is_unsupported() -> None:
    async def refuses(prompt: str, before: int) -> httpx.Response:
        return refusal(400)

    assert {"a": Verdict.UNSUPPORTED} == verdicts(held(planned(case("a", "n"), optional=("n",)), refuses))


# ---------------------------------------------------------------- silence


def test_where_one_case_alone_gets_no_reply_the_base_case_is_asked_again_and_the_silence_is_a_failure() -> None:
    async def silent_once(prompt: str, before: int) -> httpx.Response:
        if prompt == "bad":
            await asyncio.sleep(5)
        return completion(prompt)

    fake = Fake(silent_once)
    hasty = replace(ENDPOINT, limits=replace(LIMITS, timeout_s=0.2))
    outcomes = held(planned(case("base", "chat"), case("bad", "chat", "tools"), endpoint=hasty), fake)
    assert {"base": Verdict.PASS, "bad": Verdict.FAIL} == verdicts(outcomes)
    bad = outcomes["bad"]
    assert isinstance(bad, Judged)
    seen = bad.attempts[0].steps[0].seen
    assert isinstance(seen, Unanswered)
    assert seen.alone
    assert ["base", "bad", "base"] == fake.asked


def test_a_silence_is_never_recorded_not_even_where_it_is_a_failure(tmp_path: Path) -> None:
    async def silent_once(prompt: str, before: int) -> httpx.Response:
        if prompt == "bad":
            raise httpx.ReadError("gone")
        return completion(prompt)

    outcomes = held(planned(case("base", "chat"), case("bad", "chat", "tools")), silent_once, Mode.RECORD, cassettes=tmp_path)
    assert {"base": Verdict.PASS, "bad": Verdict.FAIL} == verdicts(outcomes)
    assert ["base.yaml"] == [path.name for path in (tmp_path / "lab/s").iterdir()]


def test_where_nothing_answers_any_more_the_silence_is_an_error() -> None:
    async def dies(prompt: str, before: int) -> httpx.Response:
        if prompt == "base" and not before:
            return completion(prompt)
        raise httpx.ReadError("gone")

    outcomes = held(planned(case("base", "chat"), case("bad", "chat", "tools")), dies)
    assert {"base": Verdict.PASS, "bad": Verdict.ERROR} == verdicts(outcomes)


def test_an_endpoint_that_cannot_be_reached_is_not_asked_over_and_over() -> None:
    async def refuses(prompt: str, before: int) -> httpx.Response:
        raise httpx.ConnectError("All connection attempts failed")

    fake = Fake(refuses)
    outcomes = held(planned(*(case(f"n{number:02}") for number in range(30))), fake)
    assert {Verdict.ERROR} == set(verdicts(outcomes).values())
    assert len(fake.asked) <= LIMITS.concurrency
    last = outcomes["n29"]
    assert isinstance(last, Errored)
    assert "http://127.0.0.1:9/v1: connection refused; is the server running" in last.reason


# ---------------------------------------------------------------- ceilings, faults, interruption


def test_no_request_is_sent_beyond_the_ceiling_and_the_rest_is_skipped_with_that_reason() -> None:
    fake = Fake(echoes)
    outcomes = held(planned(*(case(f"n{number}") for number in range(5))), fake, max_requests=3)
    assert 3 == len(fake.asked)
    skipped = [outcome.reason for outcome in outcomes.values() if isinstance(outcome, Skipped)]
    assert ["the ceiling of 3 requests is reached (--max-requests)"] * 2 == skipped


def test_a_fault_of_ours_is_an_error_of_that_trial_with_its_place_and_without_a_key() -> None:
    async def breaks(prompt: str, before: int) -> httpx.Response:
        if prompt == "bad":
            raise RuntimeError(f"something with {KEY} in it")
        return completion(prompt)

    outcomes = held(planned(case("bad"), case("good", "chat", "tools")), breaks)
    bad = outcomes["bad"]
    assert isinstance(bad, Errored)
    assert "our own fault, please report it: RuntimeError in harness/wire/network.py:" in bad.reason
    assert KEY not in repr(outcomes)
    assert isinstance(outcomes["good"], Skipped)


def test_a_missing_key_is_said_before_anything_is_sent() -> None:
    fake = Fake(echoes)
    with pytest.raises(Unusable, match="endpoint lab: ENGINE_KEY is not set"):
        held(planned(case("a")), fake, environ={})
    assert [] == fake.asked


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.RECORD])
def test_an_interrupted_run_keeps_what_is_finished_and_marks_the_rest(tmp_path: Path, mode: Mode) -> None:
    async def interrupted() -> tuple[Outcome, ...]:
        stuck = asyncio.Event()

        async def hangs(prompt: str, before: int) -> httpx.Response:
            if prompt == "b":
                stuck.set()
                await asyncio.sleep(60)
            return completion(prompt)

        the_plan = planned(case("a"), case("b"), case("c"), endpoint=replace(ENDPOINT, limits=replace(LIMITS, concurrency=1)))
        options = {"environ": ENVIRON, "cassettes": tmp_path, "pool": Fake(hangs)}
        task = asyncio.create_task(run(the_plan, mode=mode, **options))  # type: ignore[arg-type]
        await stuck.wait()
        task.cancel()
        return await task

    first, *rest = asyncio.run(interrupted())
    assert Verdict.PASS is judge.verdict(first)
    assert [INTERRUPTED, INTERRUPTED] == [outcome.reason for outcome in rest if isinstance(outcome, Skipped)]
    assert (["a.yaml", "endpoint.yaml"] if mode is Mode.RECORD else []) == sorted(path.name for path in tmp_path.rglob("*.yaml"))


def test_waits_are_told() -> None:
    async def busy(prompt: str, before: int) -> httpx.Response:
        return completion(prompt) if before else httpx.Response(429, headers={"retry-after": "3"}, stream=httpx.ByteStream(b"{}"))

    watcher = Watcher()
    outcome = held(planned(case("a"), endpoint=replace(ENDPOINT, retry=Retry())), busy, observer=watcher)["a"]
    assert ("lab", 3.0, "429, retry 1 of 4") == watcher.waits[0]
    assert isinstance(outcome, Judged)
    seen = outcome.attempts[0].steps[0].seen
    assert not isinstance(seen, Unanswered)
    assert [429] == [earlier.status for earlier in seen.reply.earlier]


# ---------------------------------------------------------------- record, replay


async def in_pieces(prompt: str, before: int) -> httpx.Response:
    class Pieces(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            whole = await completion(prompt if before else "first").aread()
            for at in range(0, len(whole), 50):
                yield whole[at : at + 50]

    return httpx.Response(200, headers={"content-type": "application/json", "server": "fake/1"}, stream=Pieces())


def test_a_replay_gives_the_same_verdicts_findings_and_frames_as_the_recording(tmp_path: Path) -> None:
    the_plan = planned(
        case("good", "chat"),
        case("tried-twice", "chat", "a", tries=3, expect=says("tried-twice")),
        case("bad", "chat", "b", expect=says("never")),
        case("skipped", "b", "c"),
    )
    live = held(the_plan, in_pieces, Mode.RECORD, cassettes=tmp_path)
    (endpoint,) = endpoints(tmp_path)
    assert "fake/1" == endpoint.recorded["server"]
    assert "2026-11-23T08:00:00Z" == endpoint.recorded["date"]
    again = held(replayable(the_plan, endpoint), mode=Mode.REPLAY, cassettes=tmp_path, environ={})
    assert verdicts(live) == verdicts(again)
    assert {"good": "pass", "tried-twice": "warn", "bad": "fail", "skipped": "skipped"} == {**verdicts(again)}
    for name, outcome in live.items():
        same = again[name]
        if isinstance(outcome, Judged) and isinstance(same, Judged):
            assert outcome.attempts == same.attempts
            assert (outcome.recorded, outcome.elapsed_ms) == (same.recorded, same.elapsed_ms)
    assert KEY not in "".join(path.read_text() for path in tmp_path.rglob("*.yaml"))


def replayable(the_plan: Plan, endpoint: Endpoint) -> Plan:
    return plan((endpoint,), the_plan.suites)


def test_an_error_never_replaces_a_recording_and_a_failure_does(tmp_path: Path) -> None:
    async def unauthorized(prompt: str, before: int) -> httpx.Response:
        return refusal(401)

    async def wrong(prompt: str, before: int) -> httpx.Response:
        return completion("wrong")

    async def silent(prompt: str, before: int) -> httpx.Response:
        raise httpx.ReadError("gone")

    the_plan = planned(case("a", expect=says("a")))
    path = tmp_path / "lab/s/a.yaml"
    held(the_plan, echoes, Mode.RECORD, cassettes=tmp_path)
    recorded = path.read_bytes()
    for answer in (unauthorized, silent):
        assert {"a": Verdict.ERROR} == verdicts(held(the_plan, answer, Mode.RECORD, cassettes=tmp_path))
        assert recorded == path.read_bytes()
    assert {"a": Verdict.FAIL} == verdicts(held(the_plan, wrong, Mode.RECORD, cassettes=tmp_path))
    assert b"wrong" in path.read_bytes()


def test_recording_what_is_missing_asks_only_what_is_absent_or_differs(tmp_path: Path) -> None:
    held(planned(case("a"), case("b")), echoes, Mode.RECORD, cassettes=tmp_path)
    before = (tmp_path / "lab/s/a.yaml").read_bytes()
    changed = case("b", steps=(Step(id="ask", request={"messages": [{"role": "user", "content": "changed"}]}),))
    (tmp_path / "lab/s/d.yaml").write_text("broken: [")
    fake = Fake(echoes)
    outcomes = held(
        planned(case("a"), changed, case("c"), case("d")),
        fake,
        Mode.RECORD,
        cassettes=tmp_path,
        missing=True,
        now=lambda: NOW.replace(hour=9),
    )
    assert ["c", "changed", "d"] == sorted(fake.asked)
    assert {Verdict.PASS} == set(verdicts(outcomes).values())
    assert before == (tmp_path / "lab/s/a.yaml").read_bytes()
    assert "2026-11-23T09:00:00Z" == read(tmp_path / "lab/s/b.yaml").recorded


def test_a_case_that_was_never_recorded_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    outcome = held(planned(case("a")), mode=Mode.REPLAY, cassettes=tmp_path)["a"]
    assert isinstance(outcome, Errored)
    missing = f"{tmp_path.name}/lab/s/a.yaml"  # and not where the folder is: reasons stand in reports
    way_out = f"chatcompat run s/a --endpoint lab.yaml --mode record --missing --cassettes {tmp_path.name}"
    assert f"not recorded: there is no {missing}; record it: {way_out}" == outcome.reason


def test_a_cassette_without_the_request_is_an_error_that_shows_the_difference(tmp_path: Path) -> None:
    held(planned(case("a")), echoes, Mode.RECORD, cassettes=tmp_path)
    changed = case("a", steps=(Step(id="ask", request={"messages": [{"role": "user", "content": "changed"}]}),))
    outcome = held(planned(changed), mode=Mode.REPLAY, cassettes=tmp_path)["a"]
    assert Verdict.ERROR is judge.verdict(outcome)
    assert '/messages/0/content is "changed", and "a" in the cassette' in (judge.reason(outcome) or "")


def test_a_replay_judges_the_tries_that_are_there(tmp_path: Path) -> None:
    once = planned(case("a", expect=says("right")))
    held(once, echoes, Mode.RECORD, cassettes=tmp_path)
    outcome = held(planned(case("a", tries=3, expect=says("right"))), mode=Mode.REPLAY, cassettes=tmp_path)["a"]
    assert isinstance(outcome, Judged)
    assert (1, Verdict.FAIL) == (len(outcome.attempts), judge.verdict(outcome))


def test_a_replay_touches_no_network_and_needs_no_key(tmp_path: Path) -> None:
    held(planned(case("a")), echoes, Mode.RECORD, cassettes=tmp_path)
    fake = Fake(echoes)
    assert {"a": Verdict.PASS} == verdicts(held(planned(case("a")), fake, Mode.REPLAY, cassettes=tmp_path, environ={}))
    assert [] == fake.asked


def test_a_step_of_plain_http_without_the_key_is_sent_so() -> None:
    sent: list[httpx.Headers] = []

    @dataclass
    class Listing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            sent.append(request.headers)
            return refusal(401, "no key")

    claims = {Kind.EXPECT: Claims(status={"const": 401})}
    step = Step(id="list", http=Http(method="GET", path="/models", headers={"authorization": None}), claims=claims)
    outcomes = held(planned(case("a", steps=(step,))), pool=lambda proxy: Listing())
    assert "authorization" not in sent[0]
    assert {"a": Verdict.PASS} == verdicts(outcomes)


# ---------------------------------------------------------------- the model that nobody named


@pytest.mark.parametrize(
    ("document", "status", "said"),
    [
        ({"data": []}, 200, "lists no model; name one with --model"),
        ({"data": [{"id": "a"}, {"id": "b"}]}, 200, "lists 2 models; choose one with --model: a, b"),
        ({"error": {"message": "who are you?"}}, 401, r"answered 401: who are you\?; name the model with --model"),
        ("no json", 200, "lists no model"),
    ],
)
def test_a_model_is_never_guessed(document: object, status: int, said: str) -> None:
    async def lists(prompt: str, before: int) -> httpx.Response:
        return answered(status, document)

    several = "choose" in said
    with pytest.raises(BadInput if several else Unusable, match=f"http://127.0.0.1:9/v1/models {said}"):
        asyncio.run(with_model(replace(ENDPOINT, model=None), ENVIRON, Fake(lists)))


def test_the_only_model_is_taken_and_a_named_one_is_not_asked_for() -> None:
    async def lists(prompt: str, before: int) -> httpx.Response:
        return answered(200, {"data": [{"id": "only"}, {"id": 5}]})

    fake = Fake(lists)
    assert "only" == asyncio.run(with_model(replace(ENDPOINT, model=None), ENVIRON, fake)).model
    assert ENDPOINT is asyncio.run(with_model(ENDPOINT, ENVIRON, fake))
    assert ["/v1/models"] == fake.asked
