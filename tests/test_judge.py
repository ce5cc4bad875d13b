"""The decision table of `harness.judge`, row by row, and every pair of rows that can be true at once: the first one decides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import pytest

from harness import judge
from harness.answer import exchange
from harness.model import (
    Attempt,
    Case,
    Claims,
    Ending,
    Endpoint,
    Errored,
    Exchange,
    Frame,
    Http,
    Json,
    Judged,
    Kind,
    Looked,
    Reply,
    Request,
    Silence,
    Skipped,
    Step,
    Trial,
    Unanswered,
    Verdict,
)
from harness.rule import Problem, Rule

REQUEST = Request(method="POST", path="/chat/completions", body={"model": "m", "messages": [{"role": "user", "content": "hi"}]})
STREAMED = Request(method="POST", path="/chat/completions", body={**REQUEST.body, "stream": True})  # type: ignore[dict-item]
COMPLETION: dict[str, Json] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1790000000,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hi", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    "service_tier": "default",
    "system_fingerprint": "fp_1",
}
MUST_BROKEN = {**COMPLETION, "id": 7}
SHOULD_BROKEN = {**COMPLETION, "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 9}}
ERROR: dict[str, Json] = {"error": {"message": "no", "type": "invalid_request_error", "param": None, "code": None}}
UNMET = Claims(body={"/nowhere": True})
CASE = Case(suite="s", id="c", title="t", needs=("base", "feature"), steps=())
OPTIONAL = {"feature": True}


def reply(document: object, status: int = 200, media_type: str = "application/json") -> Reply:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Reply(
        status=status, headers=(("content-type", media_type), ("x-request-id", "r")), frames=(Frame(at_ms=1.0, data=content),)
    )


def step(*unmet: Kind, status: int | None = None) -> Step:
    claims = dict.fromkeys(unmet, UNMET)
    if status is not None:
        claims[Kind.EXPECT] = Claims(status={"type": "integer", "const": status})
    return Step(id="ask", request={"messages": []}, claims=claims)


def looked(
    document: object, *unmet: Kind, status: int = 200, claimed: int | None = None, optional: Mapping[str, bool] | None = None,
    used_before: bool = False,
) -> Looked:  # fmt: skip
    seen = exchange(REQUEST, reply(document, status))
    return judge.look(CASE, step(*unmet, status=claimed), seen, optional=optional, used_before=used_before)


def test_row_10_a_conformant_answer_without_claims_passes() -> None:
    found = looked(COMPLETION)
    assert (Verdict.PASS, ()) == (found.verdict, found.findings)


@pytest.mark.parametrize("silence", [silence for silence in Silence if silence is not Silence.NO_EQUIVALENT])
def test_row_1_no_exchange_is_an_error(silence: Silence) -> None:
    found = judge.look(CASE, step(Kind.GIVEN), Unanswered(request=REQUEST, silence=silence, message="why"))
    assert (Verdict.ERROR, "why") == (found.verdict, found.reason)


def test_row_0_what_the_api_has_no_form_for_is_unsupported_without_a_request() -> None:
    unasked = Unanswered(request=REQUEST, silence=Silence.NO_EQUIVALENT, message="not sent: no equivalent of n")
    found = judge.look(CASE, step(Kind.EXPECT), unasked)
    assert (Verdict.UNSUPPORTED, "not sent: no equivalent of n", ()) == (found.verdict, found.reason, found.findings)


@pytest.mark.parametrize("silence", [Silence.TIMED_OUT, Silence.BROKEN])
def test_row_3_a_silence_that_is_this_cases_alone_is_a_failure(silence: Silence) -> None:
    found = judge.look(CASE, step(), Unanswered(request=REQUEST, silence=silence, message="why", alone=True))
    assert (Verdict.FAIL, ["reply.comes"]) == (found.verdict, [finding.rule for finding in found.findings])


def test_row_1_a_rule_that_raises_is_an_error_and_the_other_rules_still_look() -> None:
    def raises(_: Exchange) -> list[str | Problem]:
        raise ZeroDivisionError

    def finds(_: Exchange) -> list[str | Problem]:
        return ["found"]

    def rule(name: str, check: object) -> Rule:
        return Rule(
            id=name, level=judge.Level.MUST, summary="", doc="", source="", looks_at=(Exchange,), needs=frozenset(),
            instead_of=(), check=check,  # type: ignore[arg-type]
        )  # fmt: skip

    findings, applied, raised = judge.standing(exchange(REQUEST, reply(COMPLETION)), [rule("a", raises), rule("b", finds)])
    assert (["b"], True, "our rule a raised ZeroDivisionError") == ([f.rule for f in findings], {"a", "b"} <= applied, raised)


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 429, 503, 529])
def test_row_2_what_is_about_the_account_is_an_error_that_says_which(status: int) -> None:
    found = looked(ERROR, status=status, optional=OPTIONAL)
    assert (Verdict.ERROR, f"the endpoint answered {status}: no") == (found.verdict, found.reason)


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 429, 503, 529])
def test_row_2_does_not_match_where_the_status_is_claimed(status: int) -> None:
    assert Verdict.ERROR is not looked(ERROR, status=status, claimed=status).verdict


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_preflight_that_is_refused_says_nothing_of_the_key_and_its_body_is_nobodys(status: int) -> None:
    asked = Request(method="OPTIONS", path="/chat/completions")
    http = Step(id="ask", http=Http(method="OPTIONS", path="/chat/completions"))
    found = judge.look(CASE, http, exchange(asked, reply({"detail": "no"}, status)), optional=OPTIONAL)
    assert (Verdict.UNSUPPORTED, ()) == (found.verdict, found.findings)


def test_row_3_a_broken_contract_is_a_failure_whatever_the_claims_say() -> None:
    assert Verdict.FAIL is looked(MUST_BROKEN, Kind.GIVEN, Kind.EFFECT).verdict


@pytest.mark.parametrize("content", [b"<html>", b"", b"data: {}\n\n"])
def test_row_3_what_was_not_asked_for_is_a_failure(content: bytes) -> None:
    assert Verdict.FAIL is looked(content, Kind.GIVEN).verdict


@pytest.mark.parametrize("ended", list(Ending))
def test_row_3_a_reply_that_was_cut_hung_or_is_too_large_is_a_failure_of_what_was_tried(ended: Ending) -> None:
    whole = exchange(REQUEST, reply(COMPLETION))
    seen = replace(whole, reply=replace(whole.reply, ended=ended))
    found = judge.look(CASE, step(Kind.GIVEN), seen)
    broken = ended in (Ending.CUT, Ending.TIMED_OUT, Ending.TOO_LARGE)
    expected = Verdict.FAIL if broken else Verdict.INCONCLUSIVE
    assert expected is found.claims_verdict
    unmet = [finding.kind for finding in found.findings if finding.kind]
    assert ([Kind.GIVEN] if expected is Verdict.INCONCLUSIVE else []) == unmet, "of what never came nothing is claimed"


def test_row_3_a_refusal_without_a_message_is_a_failure_even_of_an_optional_feature() -> None:
    assert Verdict.FAIL is looked({"detail": "no"}, status=400, optional=OPTIONAL).verdict


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_row_4_a_clean_refusal_of_an_optional_feature_is_unsupported(status: int) -> None:
    http = Step(id="ask", request=None, claims={}) if status == 404 else step()
    seen = exchange(REQUEST, reply(ERROR, status))
    expected = Verdict.UNSUPPORTED
    assert expected is judge.look(CASE, http, seen, optional=OPTIONAL).claims_verdict


@pytest.mark.parametrize(("optional", "used_before"), [({"feature": False}, False), ({}, False), (OPTIONAL, True)])
def test_row_5_a_refusal_of_what_is_not_optional_or_was_given_before_is_a_failure(
    optional: dict[str, bool], used_before: bool
) -> None:
    assert Verdict.FAIL is looked(ERROR, status=400, optional=optional, used_before=used_before).verdict


def test_row_5_a_server_error_is_a_failure_even_of_an_optional_feature() -> None:
    assert Verdict.FAIL is looked(ERROR, status=500, optional=OPTIONAL).verdict


def test_row_5_an_error_event_is_a_failure() -> None:
    content = b'data: {"error": {"message": "m", "type": "server_error", "param": null, "code": null}}\n\ndata: [DONE]\n\n'
    found = judge.look(CASE, step(), exchange(STREAMED, reply(content, media_type="text/event-stream")))
    assert (Verdict.FAIL, "the stream broke off with an error event: m") == (found.claims_verdict, found.reason)


def test_a_claimed_refusal_passes() -> None:
    assert Verdict.PASS is looked(ERROR, status=400, claimed=400).verdict


@pytest.mark.parametrize("unmet", [kinds for count in range(5) for kinds in combinations(Kind, count)])
@pytest.mark.parametrize("document", [COMPLETION, SHOULD_BROKEN, MUST_BROKEN], ids=["conformant", "should", "must"])
def test_rows_3_and_6_to_10_the_first_that_matches_decides(document: dict[str, Json], unmet: tuple[Kind, ...]) -> None:
    rows = [
        (document is MUST_BROKEN, Verdict.FAIL),
        (Kind.GIVEN in unmet, Verdict.INCONCLUSIVE),
        (Kind.EFFECT in unmet, Verdict.IGNORED),
        (Kind.EXPECT in unmet, Verdict.FAIL),
        (Kind.PREFER in unmet or document is SHOULD_BROKEN, Verdict.WARN),
        (True, Verdict.PASS),
    ]
    found = looked(document, *unmet)
    assert next(verdict for matches, verdict in rows if matches) is found.verdict
    looked_at = next(({kind} for kind in (Kind.GIVEN, Kind.EFFECT) if kind in unmet), {*unmet})
    assert looked_at == {finding.kind for finding in found.findings if finding.kind}


@pytest.mark.parametrize(("document", "status"), [(ERROR, 400), (b"<html>", 200)])
def test_claims_say_nothing_of_an_answer_that_never_came(document: object, status: int) -> None:
    assert [] == [finding for finding in looked(document, Kind.EXPECT, status=status).findings if finding.kind]


# ---------------------------------------------------------------- tries and steps


def judged(*tries: tuple[Looked, ...]) -> Judged:
    endpoint = Endpoint(name="e", title="e", base_url="http://127.0.0.1/v1")
    attempts = tuple(Attempt(steps=steps) for steps in tries)
    return Judged(trial=Trial(endpoint=endpoint, case=CASE, stream=False), attempts=attempts)


PASS, WARN = looked(COMPLETION), looked(COMPLETION, Kind.PREFER)
INCONCLUSIVE, IGNORED, FAIL = (looked(COMPLETION, kind) for kind in (Kind.GIVEN, Kind.EFFECT, Kind.EXPECT))


@pytest.mark.parametrize(
    ("tries", "expected"),
    [
        ([(PASS,)], Verdict.PASS),
        ([(PASS, WARN, PASS)], Verdict.WARN),
        ([(PASS, IGNORED)], Verdict.IGNORED),
        ([(WARN, INCONCLUSIVE)], Verdict.INCONCLUSIVE),
        ([(INCONCLUSIVE,), (PASS,)], Verdict.PASS),
        ([(IGNORED,), (PASS,)], Verdict.WARN),
        ([(FAIL,), (PASS,)], Verdict.WARN),
        ([(IGNORED,), (INCONCLUSIVE,)], Verdict.IGNORED),
        ([(INCONCLUSIVE,), (INCONCLUSIVE,)], Verdict.INCONCLUSIVE),
        ([(IGNORED,), (FAIL,)], Verdict.FAIL),
        ([], Verdict.ERROR),
    ],
)
def test_the_last_try_in_which_every_given_held_decides(tries: list[tuple[Looked, ...]], expected: Verdict) -> None:
    assert expected is judge.verdict(judged(*tries))


def test_what_was_not_held_is_skipped_or_an_error() -> None:
    trial = judged().trial
    assert (Verdict.SKIPPED, Verdict.ERROR) == (
        judge.verdict(Skipped(trial=trial, reason="r")),
        judge.verdict(Errored(trial=trial, reason="r")),
    )


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (PASS, False),
        (WARN, False),
        (INCONCLUSIVE, True),
        (IGNORED, True),
        (FAIL, True),
        (looked(MUST_BROKEN), False),
        (looked(MUST_BROKEN, Kind.EXPECT), False),
        (looked(ERROR, status=500), False),
        (looked(ERROR, status=429), False),
        (looked(b"<html>"), False),
    ],
)
def test_only_what_a_model_may_get_wrong_is_tried_again(last: Looked, expected: bool) -> None:
    assert expected == judge.try_again(Attempt(steps=(last,)))


def test_the_claims_verdict_leaves_standing_rules_out() -> None:
    found = judged((looked(MUST_BROKEN),))
    assert (Verdict.FAIL, Verdict.PASS) == (judge.verdict(found), judge.verdict(found, of_claims=True))


def test_a_contract_finding_is_told_once_for_all_chunks() -> None:
    chunk = {"id": 7, "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices = [{"index": 0, "delta": {"role": "assistant", "content": "x"}, "finish_reason": None}]
    content = b"".join(b"data: " + json.dumps({**chunk, "choices": choices}).encode() + b"\n\n" for _ in range(3))
    findings, _, _ = judge.standing(exchange(STREAMED, reply(content, media_type="text/event-stream")), rules=())
    told = [(finding.at, finding.message) for finding in findings if finding.rule == "contract.ecosystem"]
    assert ["chunks/0/id"] == [at for at, _ in told]
    assert told[0][1].endswith("(in 3 of 3 chunks)")
