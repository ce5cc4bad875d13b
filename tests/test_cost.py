"""What requests cost: the estimate, what replies say, the ceilings, and the order in which a ceiling is spent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from own_files import HERE, marked, of_schema, write
from test_engine import ENDPOINT, Fake, answered, case, completion, echoes, held, planned

from harness import cost, load, report, thrift
from harness.cost import Purse, Spent
from harness.errors import BadFile
from harness.model import Ending, Endpoint, Frame, Judged, Outcome, Prices, Reply, Request, Retry, Silence, Skipped, Unanswered
from harness.report import facts
from harness.report.merging import merged

PRICES = Prices(input=2.0, output=10.0, currency="EUR", source="https://example.invalid/prices")


def request(**body: Any) -> Request:
    document = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}
    return Request(method="POST", path="/chat/completions", body=document, content=json.dumps(document).encode())


def reply(content: str, status: int = 200, ended: Ending = Ending.CLOSED) -> Reply:
    return Reply(status=status, frames=(Frame(at_ms=1, data=content.encode()),), ended=ended)


# ---------------------------------------------------------------- the estimate


@pytest.mark.parametrize(
    ("body", "output"),
    [
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 9, "max_tokens": 7}, 9),
        ({"max_tokens": 7, "n": 3}, 21),
        ({}, cost.UNLIMITED),
        ({"max_tokens": 10**9}, cost.MOST_OUTPUT),
        ({"max_tokens": -1}, cost.UNLIMITED),
        ({"max_tokens": "7"}, cost.UNLIMITED),
        ({"max_tokens": 7, "n": 0}, 7),
    ],
)
def test_output_is_estimated_by_the_limit(body: dict[str, Any], output: int) -> None:
    assert output == cost.estimate(request(**body)).completion_tokens


def test_input_is_a_token_for_four_bytes_and_only_what_generates_costs_any() -> None:
    asked = request(max_tokens=1)
    assert -(-len(asked.content or b"") // 4) == cost.estimate(asked).prompt_tokens
    assert Spent(requests=1) == cost.estimate(Request(method="GET", path="/models"))
    assert Spent(requests=1) == cost.estimate(Request(method="OPTIONS", path="/chat/completions"))


# ---------------------------------------------------------------- what replies say


@pytest.mark.parametrize(
    ("content", "counts"),
    [
        ('{"usage": {"prompt_tokens": 3, "completion_tokens": 2}}', (3, 2)),
        ('{"usage": {"input_tokens": 5, "output_tokens": 1}}', (5, 1)),
        ('data: {"usage": null}\n\ndata: {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}\n\ndata: [DONE]\n\n', (3, 4)),
        (
            'event: message_start\ndata: {"message": {"usage": {"input_tokens": 8, "output_tokens": 1}}}\n\n'
            'event: message_delta\ndata: {"usage": {"output_tokens": 6}}\n\n',
            (8, 6),
        ),
    ],
)
def test_usage_takes_the_place_of_the_estimate(content: str, counts: tuple[int, int]) -> None:
    found = cost.counted(request(max_tokens=50), reply(content))
    assert (*counts, 0) == (found.prompt_tokens, found.completion_tokens, found.estimated)


@pytest.mark.parametrize(
    "content",
    ["", "[", '{"usage": 1}', '{"usage": {"prompt_tokens": "3"}}', '{"usage": {"prompt_tokens": -3}}', 'data: {"usage"\n\n'],
)
def test_without_usage_it_costs_its_estimate(content: str) -> None:
    asked = request(max_tokens=50)
    assert cost.estimate(asked) == cost.counted(asked, reply(content))


def test_refused_costs_nothing_and_what_we_left_or_nobody_answered_its_estimate() -> None:
    asked = request(max_tokens=50)
    assert Spent(requests=1) == cost.counted(asked, reply('{"error": {}}', status=429))
    assert cost.estimate(asked) == cost.counted(asked, reply("", status=499, ended=Ending.HUNG_UP))
    assert cost.estimate(asked) == cost.counted(asked, Unanswered(request=asked, silence=Silence.TIMED_OUT, message="-"))


# ---------------------------------------------------------------- ceilings


def test_no_request_is_sent_that_could_pass_the_ceiling_of_tokens() -> None:
    async def counts_nothing(prompt: str, before: int) -> httpx.Response:
        return answered(200, {"choices": []})

    cases = [case(f"n{number}") for number in range(6)]
    each = cost.estimate(thrift_request(cases[0].id)).tokens
    fake = Fake(counts_nothing)
    purse = Purse(max_tokens=4 * each - 1)
    outcomes = held(planned(*cases), fake, purse=purse)
    assert 3 == len(fake.asked)
    assert Spent(requests=3, prompt_tokens=3 * (each - 512), completion_tokens=3 * 512, estimated=3 * each) == purse.of("lab")
    reasons = [outcome.reason for outcome in outcomes.values() if isinstance(outcome, Skipped)]
    assert [f"the ceiling of {4 * each - 1} tokens could be passed (--max-tokens)"] * 3 == reasons


def test_what_replies_count_leaves_room_for_more() -> None:
    cases = [case(f"n{number}") for number in range(6)]
    fake = Fake(echoes)
    held(planned(*cases), fake, purse=Purse(max_tokens=2 * cost.estimate(thrift_request("n0")).tokens), concurrency=1)
    assert 6 == len(fake.asked)


def thrift_request(prompt: str) -> Request:
    document = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
    content = json.dumps(document, separators=(",", ":")).encode()
    return Request(method="POST", path="/chat/completions", body=document, content=content)


def test_retries_and_hung_requests_count() -> None:
    async def busy(prompt: str, before: int) -> httpx.Response:
        return answered(429, {"error": {"message": "later"}}) if before < 2 else completion(prompt)

    endpoint = replace(ENDPOINT, retry=Retry(at_most=4))
    purse = Purse()
    held(planned(case("word"), endpoint=endpoint), Fake(busy), purse=purse)
    assert Spent(requests=3, retries=2, prompt_tokens=3, completion_tokens=2) == purse.of("lab")
    purse = Purse(max_requests=2)
    (outcome,) = held(planned(case("word"), endpoint=endpoint), Fake(busy), purse=purse).values()
    assert 2 == purse.of("lab").requests
    assert isinstance(outcome, Judged)


def test_what_was_spent_before_counts_against_the_ceiling() -> None:
    purse = Purse(max_requests=3, before=Spent(requests=2))
    fake = Fake(echoes)
    held(planned(*(case(f"n{number}") for number in range(4))), fake, purse=purse)
    assert 1 == len(fake.asked)


def test_what_depends_on_a_failed_base_case_is_not_paid_for() -> None:
    async def never(prompt: str, before: int) -> httpx.Response:
        return answered(500, {"error": {"message": "no", "type": "server_error", "param": None, "code": None}})

    fake = Fake(never)
    outcomes = held(planned(case("base"), case("next", "chat", "more")), fake)
    assert ["base"] == fake.asked
    skipped = outcomes["next"]
    assert isinstance(skipped, Skipped)
    assert "needs chat, whose base case s/base ended as fail" == skipped.reason


def test_base_cases_come_first_then_the_cheapest_and_endpoints_take_turns() -> None:
    long = case("w" * 400, "chat", "tools")
    cases = [case("base"), long, case("x", "chat", "more"), case("y" * 40, "chat", "more"), case("z", "chat", "more")]
    other = Endpoint(name="aaa", title="A", base_url="http://127.0.0.1:8/v1", model="m")
    ordered = thrift.cheapest_first(planned(*cases, others=(other,))).trials
    expected = ["base", "x", "w" * 400, "z", "y" * 40]
    assert [(name, endpoint) for name in expected for endpoint in ("aaa", "lab")] == [
        (trial.case.id, trial.endpoint.name) for trial in ordered
    ]
    assert ordered == thrift.cheapest_first(thrift.cheapest_first(planned(*cases, others=(other,)))).trials


# ---------------------------------------------------------------- told


def test_the_plan_says_tokens_and_money(tmp_path: Path) -> None:
    priced = replace(ENDPOINT, prices=replace(PRICES, checked="2026-11-01"), thinks=False)
    said = thrift.text(planned(case("word"), endpoint=priced))
    spent = cost.total(thrift.estimates(planned(case("word"), endpoint=priced)).values())
    amount = (spent.prompt_tokens * 2 + spent.completion_tokens * 10) / 1_000_000
    assert f"lab: about {spent.prompt_tokens} tokens of input and at most 512 of output: {amount:.4f} EUR" in said
    assert "by https://example.invalid/prices of 2026-11-01" in said


def document(endpoint: Endpoint, outcomes: dict[str, Outcome], purse: Purse) -> dict[str, Any]:
    the_plan = planned(case("word"), endpoint=endpoint)
    return report.document(
        outcomes.values(),
        mode="live",
        suites=the_plan.suites,
        endpoints=(endpoint,),
        started="2026-11-23T08:00:00Z",
        spent=purse.of,
    )


def test_the_report_says_what_was_spent_and_merging_adds_it_up() -> None:
    priced = replace(ENDPOINT, prices=PRICES)
    purse = Purse()
    made = document(priced, held(planned(case("word"), endpoint=priced), Fake(echoes), purse=purse), purse)
    expected = {"requests": 1, "retries": 0, "prompt_tokens": 3, "completion_tokens": 2, "estimated": 0}
    assert {**expected, "money": {"amount": 0.000026, "currency": "EUR"}} == made["endpoints"]["lab"]["spent"]
    assert [] == list(of_schema("report").iter_errors(made))
    assert "spent: 1 request, 3 tokens of input and 2 of output, 0.0000 EUR" in facts.of(made, "lab")
    other = {**made, "results": []}
    both = merged([("one", made), ("two", other)])["endpoints"]["lab"]["spent"]
    assert (2, {"amount": 0.000052, "currency": "EUR"}) == (both["requests"], both["money"])


# ---------------------------------------------------------------- prices


PROFILE = "name: a\ntitle: A\nbase_url: http://127.0.0.1:1/v1\n"


def test_prices_are_read_from_a_profile(tmp_path: Path) -> None:
    text = f"{PROFILE}prices: {{input: 2.0, output: 10, currency: EUR, source: 'https://example.invalid/prices'}}\n"
    assert PRICES == load.endpoint(write(tmp_path, text)).prices


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ("{output: 1, source: 'https://x'}", "the key `input` is missing"),
        ("{input: 1, output: 1}", "the key `source` is missing"),
        ("{input: -1, output: 1, source: 'https://x'}", "`input` must be a number"),
        ("{input: 1, output: 1, source: 'https://x', currency: dollars}", "three letters"),
        ("{input: 1, output: 1, source: 'https://x', per: 0}", "`per` must be a whole number"),
    ],
)
def test_a_slip_in_prices_is_told_with_its_line(tmp_path: Path, prices: str, said: str) -> None:
    text = f"{PROFILE}prices: {prices} {HERE}\n"
    with pytest.raises(BadFile, match=said) as slips:
        load.endpoint(write(tmp_path, text))
    assert marked(text) == [line for _, line, _ in slips.value.slips]
