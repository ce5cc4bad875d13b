"""The reference server knows no suite: with every content word replaced by a made-up one, everything still passes."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import pytest
from reference_runs import complaints, held, shipped, trials
from rewritten import rewritten

from harness import judge
from harness.model import Verdict
from harness.reference import faults_named

SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_passes_in_other_words(seed: int) -> None:
    others = [rewritten(suite, seed) for suite in shipped()]
    said = [
        complaint
        for place, trial in enumerate(trials(others))
        for complaint in complaints(held(trial, 7_000_000 + 100_000 * seed + 100 * place)[0])
    ]
    assert [] == said


@pytest.mark.parametrize(
    "fault",
    [
        "drops-the-developer",
        "ends-with-half-a-stop-sequence",
        "ignores-that-a-tool-is-required",
        "ignores-the-named-tool",
        "does-not-read-results",
        "reads-the-last-part-alone",
        "ignores-penalties",
        "repeats-the-wrong-key",
    ],
)
def test_what_the_cases_claim_bites_in_other_words_too(fault: str) -> None:
    faults = faults_named([fault])
    (one,) = faults
    failing = set()
    for trial in trials(rewritten(suite, 11) for suite in shipped()):
        if trial.case.path in one.caught_by and judge.verdict(held(trial, 1, faults)[0]) is not Verdict.PASS:
            failing.add(trial.case.path)
    assert one.caught_by == failing


def test_no_content_word_is_left() -> None:
    asked = json.dumps(
        [
            [step.request, asdict(step.http) if step.http else None, [asdict(claims) for claims in step.claims.values()]]
            for suite in shipped()
            for case in rewritten(suite, 3).cases
            for step in case.steps
        ],
        ensure_ascii=False,
    )
    words = ("pelican", "Paris", "Oslo", "weather", "alpha", "gamma", "echo", "ultramarine", "alarm", "wizard", "xyz")
    assert [] == [word for word in words if re.search(word, asked, re.IGNORECASE)]


def test_two_seeds_give_other_words() -> None:
    one, other = (rewritten(shipped()[0], seed) for seed in (1, 2))
    assert one != other
    assert one == rewritten(shipped()[0], 1)
