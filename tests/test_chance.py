"""Trials that are held several times over: how often they pass, what that says, and how it looks."""

from __future__ import annotations

from itertools import combinations
from math import isclose

import httpx
import pytest
from own_files import of_schema
from test_engine import Fake, case, completion, held, planned, says, verdicts

from harness import report
from harness.commands import _verdicts
from harness.model import Judged, Outcome, Skipped, Verdict
from harness.report import chance, facts, html, junit, md, tap, term
from harness.report.marks import look


def wrong_every(third: int) -> Fake:
    """An endpoint that says another word each so manieth time it is asked the same."""

    async def answer(prompt: str, before: int) -> httpx.Response:
        return completion("other" if before % third == third - 1 else prompt)

    return Fake(answer)


def several(fake: Fake, **options: object) -> dict[str, Outcome]:
    return held(planned(case("word", expect=says("word")), case("rest", "chat", "more")), fake, **options)


def document(outcomes: dict[str, Outcome]) -> dict[str, object]:
    the_plan = planned(case("word", expect=says("word")), case("rest", "chat", "more"))
    return report.document(
        outcomes.values(), mode="live", suites=the_plan.suites, endpoints=the_plan.endpoints, started="2026-11-23T08:00:00Z"
    )


# ---------------------------------------------------------------- the estimators


@pytest.mark.parametrize(("passed", "of", "k"), [(c, n, k) for n in (1, 4, 6) for c in range(n + 1) for k in range(1, n + 1)])
def test_the_estimators_are_the_share_of_all_draws(passed: int, of: int, k: int) -> None:
    draws = list(combinations([True] * passed + [False] * (of - passed), k))
    assert isclose(sum(any(draw) for draw in draws) / len(draws), chance.at_least_one(passed, of, k))
    assert isclose(sum(all(draw) for draw in draws) / len(draws), chance.every_one(passed, of, k))


@pytest.mark.parametrize(
    ("passed", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (7, 10, 0.3968, 0.8922), (1, 1, 0.2065, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_is_wilsons(passed: int, of: int, low: float, high: float) -> None:
    assert (low, high) == tuple(round(end, 4) for end in chance.interval(passed, of))


def test_what_says_nothing_of_the_endpoint_is_not_counted() -> None:
    found = chance.passed(["pass", "warn", "fail", "inconclusive", "error", "skipped"])
    assert (2, 3) == (found["count"], found["of"])
    assert {"count": 0, "of": 0, "interval": [0.0, 1.0], "at": {}} == chance.passed(["error"])


# ---------------------------------------------------------------- held


def test_each_trial_is_held_so_often_and_the_worst_is_shown() -> None:
    fake = wrong_every(3)
    outcomes = several(fake, repeat=6)
    word = outcomes["word"]
    assert isinstance(word, Judged)
    assert ["pass", "pass", "fail", "pass", "pass", "fail"] == [one.verdict for one in word.repeats]
    assert Verdict.FAIL == verdicts(outcomes)["word"]
    assert {("s/word:expect",), ()} == {one.rules for one in word.repeats}
    assert (6, 6) == (fake.asked.count("word"), fake.asked.count("rest"))


def test_once_is_once() -> None:
    outcomes = several(wrong_every(3))
    assert () == next(one.repeats for one in outcomes.values() if isinstance(one, Judged))
    assert "passed" not in document(outcomes)["results"][0]  # type: ignore[index]


def test_a_base_case_that_passes_at_times_keeps_nothing_from_being_tried() -> None:
    fake = wrong_every(2)
    outcomes = held(planned(case("word", expect=says("word")), case("next", "chat", "more")), fake, repeat=2)
    assert not isinstance(outcomes["next"], Skipped)


def test_a_ceiling_among_repeats_keeps_what_was_held_and_marks_the_report() -> None:
    outcomes = several(wrong_every(9), repeat=6, max_requests=4)
    made = document(outcomes)
    assert made["partial"]
    assert "a ceiling was reached before all repeats" in [one["why"] for one in made["not_held"]]  # type: ignore[union-attr, attr-defined]


# ---------------------------------------------------------------- shown


def test_flaky_is_neither_green_nor_red_in_any_format() -> None:
    made = document(several(wrong_every(3), repeat=6))
    assert [] == list(of_schema("report").iter_errors(made))
    rest, word = made["results"]  # type: ignore[misc]
    assert ("flaky", "pass") == (look(word), look(rest))
    assert (4, 6) == (word["passed"]["count"], word["passed"]["of"])
    assert "<skipped message=" in junit.text(made)
    assert "<failure" not in junit.text(made)
    assert "# TODO" in tap.text(made)
    for text in (term.text(made), md.text(made), html.text(made)):
        assert "4 of 6 passed (30% to 90%)" in text
        assert "≈" in text


def test_what_is_flaky_is_unexpected_only_where_that_is_asked_for() -> None:
    made = document(several(wrong_every(3), repeat=6))
    assert () == _verdicts.unexpected(made, _verdicts.named("fail,ignored"), "should", binding=True).results
    assert 1 == len(_verdicts.unexpected(made, _verdicts.named("fail,flaky"), "should", binding=True).results)


def test_what_never_passes_is_no_flake() -> None:
    made = document(several(wrong_every(1), repeat=3))
    assert {"fail"} == {look(one) for one in made["results"] if one["case"] == "s/word"}  # type: ignore[attr-defined]
    assert 1 == len(_verdicts.unexpected(made, _verdicts.named("fail"), "should", binding=True).results)


def test_the_average_over_trials_is_said() -> None:
    lines = facts.of(document(several(wrong_every(3), repeat=6)), "lab")
    assert "of 2 repeated trials 83.3% pass (pass@1), 100.0% at least once of 6 (pass@6), 50.0% all 6 times (pass^6)" in lines
