"""Look-alikes: nothing that is legal, and done by somebody real, is held against anyone."""

from __future__ import annotations

import inspect

import pytest
from reference_runs import faultless, with_faults

from harness import judge
from harness.errors import BadInput
from harness.model import Level, Verdict
from harness.reference import Lookalike, all_faults, all_lookalikes, lookalikes_named

LOOKALIKES = all_lookalikes()

UNDECIDED = {"usage-has-no-details": "reasoning"}
"""Look-alikes with which it cannot be known whether the model thinks, and the suite that is `inconclusive` then."""


def test_there_are_many_lookalikes() -> None:
    assert len(LOOKALIKES) >= 30


@pytest.mark.parametrize("lookalike", LOOKALIKES, ids=lambda lookalike: lookalike.id)
def test_nothing_is_held_against_a_lookalike(lookalike: Lookalike) -> None:
    differing = list(with_faults([lookalike]))
    tried = [
        (trial, judged)
        for trial, judged in differing
        if not (trial.case.suite == UNDECIDED.get(lookalike.id) and judge.verdict(judged) is Verdict.INCONCLUSIVE)
    ]
    said = [
        f"{judged.trial.case.path} stream={judged.trial.stream}: {finding.rule}: {finding.message} at {finding.at}"
        for _, judged in tried
        for finding in judge.findings(judged)
        if finding.level is not Level.MAY
    ]
    said += [
        f"{judged.trial.case.path} stream={judged.trial.stream}: {judge.verdict(judged)} {judge.reason(judged)}"
        for _, judged in tried
        if judge.verdict(judged) is not Verdict.PASS
    ]
    assert [] == said
    assert tried, "it makes no difference to any case"


@pytest.mark.parametrize("lookalike", LOOKALIKES, ids=lambda lookalike: lookalike.id)
def test_a_lookalike_says_what_it_is(lookalike: Lookalike) -> None:
    assert lookalike.summary.endswith((".", ")"))
    assert len(set(lookalike.field)) == len(lookalike.field)


def test_lookalikes_are_found_by_their_place_and_have_names_of_their_own() -> None:
    names = [one.id for one in (*LOOKALIKES, *all_faults())]
    assert len(names) == len(set(names))
    assert all(inspect.getmodule(one.change).__name__.startswith("harness.reference.lookalikes.") for one in LOOKALIKES)


def test_an_unknown_lookalike_is_answered_with_those_that_look_like_it() -> None:
    with pytest.raises(BadInput, match=r"unknown lookalike 'no-obfuscations': did you mean .*no-obfuscation"):
        lookalikes_named(["no-obfuscations"])


def test_without_any_of_them_everything_passes() -> None:
    assert {Verdict.PASS} == {judge.verdict(judged) for _, _, judged, _ in faultless()}
