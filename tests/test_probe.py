"""The probe: what it finds, what it is used for, and that a recording of it finds the same again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from reference_runs import shipped

from harness import judge, prepare, probe
from harness.cassette import endpoints, read
from harness.engine import Mode, run
from harness.model import (
    ChatCompleted,
    Endpoint,
    Errored,
    Exchange,
    Json,
    Judged,
    Learned,
    Looked,
    Outcome,
    Refused,
    Reply,
    Request,
    Retry,
    Skipped,
    Unanswered,
    Verdict,
)
from harness.plan import Plan, plan
from harness.reading import parse
from harness.reference import Change, lookalikes_named, reply
from harness.reference.validate import THINKER
from harness.report import document, json_, md, term

ENDPOINT = Endpoint(name="lab", title="Lab", base_url="http://127.0.0.1:9/v1", model=THINKER, retry=Retry(at_most=0))


# ---------------------------------------------------------------- the reference server as a pool


@dataclass
class Server(httpx.AsyncBaseTransport):
    """A pool that gives the reference server's replies, and keeps the bodies of what was asked."""

    changes: Sequence[Change] = ()
    asked: list[dict[str, Json]] = field(default_factory=list)

    def __call__(self, proxy: str | None) -> httpx.AsyncBaseTransport:
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = b"".join([part async for part in request.stream])  # type: ignore[union-attr]
        self.asked.append(json.loads(content))
        made = reply(
            Request(method=request.method, path=request.url.path.removeprefix("/v1"), content=content, body=parse(content)),  # type: ignore[arg-type]
            len(self.asked),
            self.changes,
        )
        return httpx.Response(made.status, headers=list(made.headers), stream=httpx.ByteStream(made.content))


def planned(*only: str, endpoint: Endpoint = ENDPOINT) -> Plan:
    return plan([endpoint], shipped(), only=only)


def held(
    what: Plan, cassettes: Path, server: Server | None = None, *, mode: Mode = Mode.LIVE, most: int | None = None
) -> dict[str, Outcome]:
    outcomes = asyncio.run(run(what, mode=mode, environ={}, cassettes=cassettes, pool=server, max_requests=most))
    return {outcome.trial.case.path: outcome for outcome in outcomes if not outcome.trial.stream}


def learned(outcome: Outcome) -> Learned | None:
    return outcome.trial.endpoint.learned.get(THINKER)


# ---------------------------------------------------------------- what is asked, and when


def test_the_probe_is_the_first_of_a_plan_and_brought_by_whatever_has_a_limit() -> None:
    what = planned("basic/answer")
    assert ["probe/model", "basic/answer", "basic/answer"] == [trial.case.path for trial in what.trials]
    assert {"probe/model"} == {trial.case.path for trial in what.trials if trial.key in what.brought}
    assert (3, 4) == what.counts(ENDPOINT)
    assert "  the probe comes first:" in what.text()


def test_there_is_no_probe_where_no_case_has_a_limit() -> None:
    assert ["models/list"] == [trial.case.path for trial in planned("models/list").trials]


def test_a_profile_that_says_it_all_saves_the_request() -> None:
    told = replace(ENDPOINT, thinks=True, token_field="max_completion_tokens")
    assert "probe/model" not in {trial.case.path for trial in planned(endpoint=told).trials}
    assert ["probe/model"] == [trial.case.path for trial in planned("probe", endpoint=told).trials]


@pytest.mark.parametrize("half", [{"thinks": False}, {"token_field": "max_tokens"}])
def test_a_profile_that_says_half_of_it_does_not(half: dict[str, object]) -> None:
    assert "probe/model" in {trial.case.path for trial in planned("basic/answer", endpoint=replace(ENDPOINT, **half)).trials}  # type: ignore[arg-type]


def test_each_model_of_an_endpoint_is_asked_once() -> None:
    several = replace(ENDPOINT, models={"chat": "reference-1", "stop": "reference-1", "tools": THINKER})
    what = plan([several], shipped(), only=["basic/answer", "stop/word", "tools/declared", "usage/counts"])
    probes = {trial.case.id: prepare.model_for(several, trial.case) for trial in what.trials if trial.case.suite == "probe"}
    assert {"model": THINKER, "model-chat": "reference-1"} == probes
    assert {"model", "model-chat"} == {before.case.id for before in what.probes.values()}


# ---------------------------------------------------------------- what is found, and used


def test_a_limit_that_is_refused_by_name_is_sent_under_the_other_and_a_thinking_model_gets_headroom(tmp_path: Path) -> None:
    server = Server()
    found = held(planned("basic/answer"), tmp_path, server)
    assert Learned(thinks=True, token_field="max_completion_tokens") == learned(found["basic/answer"])
    assert [128, None] == [body.get("max_tokens") for body in server.asked[:2]]
    assert [128, 2560, 2560] == [body["max_completion_tokens"] for body in server.asked[1:]]
    assert Verdict.PASS is judge.verdict(found["basic/answer"])
    assert Verdict.INCONCLUSIVE is judge.verdict(found["probe/model"])


def test_a_model_that_answers_at_once_gets_what_the_case_says(tmp_path: Path) -> None:
    server = Server()
    found = held(planned("basic/answer", endpoint=replace(ENDPOINT, model="reference-1")), tmp_path, server)
    assert {"reference-1": Learned(thinks=False, token_field="max_tokens", echoes=True)} == found[
        "basic/answer"
    ].trial.endpoint.learned
    assert [128, 512, 512] == [body["max_tokens"] for body in server.asked]


def test_the_profile_goes_before_what_was_found(tmp_path: Path) -> None:
    server = Server()
    told = replace(ENDPOINT, token_field="max_completion_tokens", headroom=1000)
    held(planned("basic/answer", endpoint=told), tmp_path, server)
    assert [128, 1512, 1512] == [body["max_completion_tokens"] for body in server.asked]
    server = Server()
    held(planned("basic/answer", endpoint=replace(ENDPOINT, token_field="max_tokens")), tmp_path, server)
    assert [128, 512, 512] == [body["max_tokens"] for body in server.asked]  # refused, and that is what the profile says


def test_the_ceiling_of_requests_counts_the_probe(tmp_path: Path) -> None:
    server = Server()
    found = held(planned("basic/answer"), tmp_path, server, most=1)
    assert 1 == len(server.asked)
    assert isinstance(found["basic/answer"], Skipped)


def test_an_unreachable_endpoint_is_the_same_error_as_ever(tmp_path: Path) -> None:
    found = held(planned("basic/answer"), tmp_path, None)
    assert isinstance(found["basic/answer"], Errored)
    assert "could not be reached" in found["basic/answer"].reason


# ---------------------------------------------------------------- recorded, and replayed


def test_a_replay_finds_the_same_as_the_recording_and_asks_the_same(tmp_path: Path) -> None:
    recorded = held(planned("basic/answer", "limits/cut"), tmp_path, Server(), mode=Mode.RECORD)
    assert 2 == len(read(tmp_path / "lab" / "probe" / "model.yaml").interactions)
    (again,) = endpoints(tmp_path)
    replayed = held(planned("basic/answer", "limits/cut", endpoint=again), tmp_path, mode=Mode.REPLAY)
    assert {path: learned(one) for path, one in recorded.items()} == {path: learned(one) for path, one in replayed.items()}
    assert {path: judge.verdict(one) for path, one in recorded.items()} == {
        path: judge.verdict(one) for path, one in replayed.items()
    }
    assert Verdict.PASS is judge.verdict(replayed["limits/cut"])


def test_recordings_without_a_probe_are_replayed_with_nothing_known(tmp_path: Path) -> None:
    plain = replace(ENDPOINT, model="reference-1")
    held(planned("basic/answer", endpoint=plain), tmp_path, Server(), mode=Mode.RECORD)
    (tmp_path / "lab" / "probe" / "model.yaml").unlink()
    found = held(planned("basic/answer", endpoint=plain), tmp_path, mode=Mode.REPLAY)
    assert Verdict.PASS is judge.verdict(found["basic/answer"])
    assert {} == found["basic/answer"].trial.endpoint.learned
    assert isinstance(found["probe/model"], Errored)
    assert "not recorded: there is no" in found["probe/model"].reason


# ---------------------------------------------------------------- what the report says of it


def test_the_report_says_what_was_learned(tmp_path: Path) -> None:
    what = planned("basic/answer")
    outcomes = asyncio.run(run(what, mode=Mode.LIVE, environ={}, cassettes=tmp_path, pool=Server()))
    made = document(outcomes, mode="live", suites=what.suites, endpoints=what.endpoints, started="2026-11-23T08:00:00Z")
    expected = {"thinks": True, "token_field": "max_completion_tokens", "headroom": 2048, "echoes": None}
    assert expected == made["endpoints"]["lab"]["learned"]
    assert '"learned": {"thinks": true' in json_.text(made)
    line = "he model thinks first, and gets 2048 tokens more for it; its limit is max_completion_tokens"
    assert f"  t{line}" in term.text(made)
    assert f"T{line}." in md.text(made).replace("\\_", "_").replace("`", "")


# ---------------------------------------------------------------- reading the signs


def completed(message: dict[str, Json], finish: str = "stop", usage: Json = None) -> ChatCompleted:
    body: Json = {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}
    return ChatCompleted(request=Request(method="POST", path="/chat/completions"), reply=Reply(status=200), body=body)


def refused(message: str, param: str | None = None, status: int = 400) -> Refused:
    body: Json = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}
    return Refused(request=Request(method="POST", path="/chat/completions"), reply=Reply(status=status), body=body)


def looked(seen: Exchange | Unanswered, verdict: Verdict = Verdict.PASS) -> Looked:
    return Looked(step="ask", seen=seen, verdict=verdict, claims_verdict=verdict)


@pytest.mark.parametrize(
    ("thinks", "seen"),
    [
        (False, completed({"content": "Pelican"})),
        (False, completed({"content": "Pelican", "reasoning_content": "", "reasoning": None})),
        (False, completed({"content": "I <think> so"}, usage={"completion_tokens_details": {"reasoning_tokens": 0}})),
        (False, completed({"content": "Pel"}, "length")),
        (True, completed({"content": "Pelican", "reasoning_content": "A word."})),
        (True, completed({"content": "Pelican", "reasoning": "A word."})),
        (True, completed({"content": "Pelican", "reasoning_details": [{"type": "reasoning.text"}]})),
        (True, completed({"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Pelican"}]})),
        (True, completed({"content": "\n<think>A word.</think>Pelican"})),
        (True, completed({"content": "Pelican"}, usage={"completion_tokens_details": {"reasoning_tokens": 64}})),
        (True, completed({"content": "Pelican"}, usage={"reasoning_tokens": 64})),
        (True, completed({"content": ""}, "length")),
        (True, completed({"content": None}, "length")),
        (True, refused("Could not finish the message because max_tokens or model output limit was reached.")),
        (None, refused("No such model.")),
        (None, replace(completed({}), body={"error": {}})),
    ],
)  # fmt: skip
def test_the_signs_of_thinking(thinks: bool | None, seen: Exchange) -> None:
    assert thinks == probe.learned(looked(seen), "max_tokens").thinks


@pytest.mark.parametrize("body", [None, [], "x", 5, {"choices": 7, "usage": []}, {"choices": [None, {"message": 5}]}])
def test_nothing_that_an_endpoint_sends_is_too_strange_to_be_read(body: Json) -> None:
    seen = ChatCompleted(request=Request(method="POST", path="/"), reply=Reply(status=200), body=body)
    assert False is probe.learned(looked(seen, Verdict.INCONCLUSIVE), "max_tokens").thinks


@pytest.mark.parametrize(
    ("by_name", "seen"),
    [
        (True, refused("Unsupported parameter: 'max_tokens' is not supported with this model.", "max_tokens")),
        (True, refused("Use 'max_completion_tokens' in place of max_tokens.")),
        (True, refused("no", "max_tokens", 422)),
        (False, refused("There is no max_tokens_limit here.")),
        (False, refused("Unknown model.", "model", 404)),
        (False, refused("max_tokens", "max_tokens", 429)),
        (False, completed({"content": "max_tokens"})),
    ],
)
def test_a_limit_is_refused_by_its_name(by_name: bool, seen: Exchange) -> None:
    assert by_name == probe.unlimited(seen, "max_tokens")


def test_a_model_that_says_something_else_is_known_for_it() -> None:
    said = completed({"content": "A bird, maybe."})
    assert Learned(thinks=False, token_field="max_tokens", echoes=False) == probe.learned(
        looked(said, Verdict.INCONCLUSIVE), "max_tokens"
    )


def test_thinking_that_is_shown_is_found_too(tmp_path: Path) -> None:
    server = Server(changes=lookalikes_named(["the-thinking-is-shown"]))
    found = held(planned("basic/answer"), tmp_path, server)
    assert isinstance(found["probe/model"], Judged)
    assert Learned(thinks=True, token_field="max_completion_tokens") == learned(found["probe/model"])
