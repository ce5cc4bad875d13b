"""Model and server are kept apart: what a model does wrong, or thinks first, is never held against its endpoint."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from reference_runs import ENDPOINT, held, shipped, trials

from harness import judge
from harness.model import Endpoint, Learned, Verdict
from harness.reference import Change, Stage, lookalikes_named, speak
from harness.reference.answer import Answer, Asked
from harness.reference.validate import THINKER

# ---------------------------------------------------------------- a model that does nothing that it is told


@dataclass(frozen=True, slots=True)
class Stubborn:
    """A model that answers one prompt of its own, whatever it is asked; the server around it does what it should.

    Limits, stop words, seeds, counts and log probabilities are the server's. So is it to hold a model to a schema or a tool,
    unless it is `loose`: then the model gets to hear of neither.
    """

    id: str
    hears: str
    loose: bool = False
    stage: Stage = Stage.ANSWER

    def change(self, answer: Answer, asked: Asked) -> Answer:
        """What it says instead."""
        body = {**asked.body, "messages": [{"role": "user", "content": self.hears}], "verbosity": None, "prediction": None}
        if self.loose:
            body |= {"tools": None, "functions": None, "response_format": None}
        said = speak.answer(replace(asked, body=body), answer.model)
        return replace(answer, turns=said.turns, usage=replace(said.usage, prompt=answer.usage.prompt))


STUBBORN = (
    Stubborn("dreams", "…"),  # something else each time, unless sampling is pinned
    Stubborn("babbles", "Count from 1 to 99."),  # for longer than anybody wants
    Stubborn("mumbles", "Say hm."),  # a word, and that is that
)
LOOSE = tuple(replace(model, id=f"loose-{model.id}", loose=True) for model in STUBBORN)

REAL = {
    "A tool that must be called is called whatever the model would say: servers mask every other token.": (
        "functions/named",
        "reasoning/required-tool",
        "tools/allowed",
        "tools/custom",
        "tools/named",
        "tools/no-parameters",
        "tools/required",
        "tools/strict",
        "unicode/tool-keys",
        "unicode/tool-values",
    ),
    "A schema is enforced by the server, or the request is refused: it is no wish.": (
        "structured-output/json-object",
        "structured-output/json-schema",
        "structured-output/nested",
        "structured-output/numbers",
        "unicode/schema",
    ),
    "Which models can be terse is for the server to know: it takes the parameter for those alone.": ("parameters/verbosity",),
}
"""What a server has to see to whatever its model does: why an answer without it is `ignored` → the cases."""

EXCUSED = {path: why for why, paths in REAL.items() for path in paths}


@functools.cache
def verdicts(model: str) -> dict[tuple[str, bool], Verdict]:
    changes: Sequence[Change] = [one for one in (*STUBBORN, *LOOSE) if one.id == model]
    return {
        (trial.case.path, trial.stream): judge.verdict(held(trial, 1_000 * place, changes)[0])
        for place, trial in enumerate(trials(shipped()))
    }


def blamed(model: str) -> set[str]:
    return {path for (path, _), verdict in verdicts(model).items() if verdict in (Verdict.FAIL, Verdict.IGNORED)}


@pytest.mark.parametrize("model", [one.id for one in STUBBORN])
def test_a_stubborn_model_behind_a_good_server_is_not_held_against_it(model: str) -> None:
    assert {"parameters/verbosity"} == blamed(model)


@pytest.mark.parametrize("model", [one.id for one in LOOSE])
def test_with_a_stubborn_model_only_what_the_server_should_enforce_is_ignored(model: str) -> None:
    assert [] == sorted(blamed(model) - EXCUSED.keys())
    assert Verdict.FAIL not in verdicts(model).values()


def test_each_exception_is_needed() -> None:
    assert [] == sorted(EXCUSED.keys() - set().union(*(blamed(model.id) for model in LOOSE)))


@pytest.mark.parametrize("model", [one.id for one in LOOSE])
def test_a_stubborn_model_leaves_much_undecided(model: str) -> None:
    assert 40 < sum(verdict is Verdict.INCONCLUSIVE for verdict in verdicts(model).values())


# ---------------------------------------------------------------- a model that thinks first


THINKS = Learned(thinks=True, token_field="max_completion_tokens")


def with_the_thinker(endpoint: Endpoint, *changes: Change) -> dict[str, Verdict]:
    """The verdicts that are no pass."""
    held_with = (replace(trial, endpoint=endpoint) for trial in trials(shipped()))
    found = ((trial, judge.verdict(held(trial, 1_000 * place, changes)[0])) for place, trial in enumerate(held_with))
    return {trial.case.path: verdict for trial, verdict in found if verdict is not Verdict.PASS}


def thinker(*learned: Learned) -> Endpoint:
    return replace(ENDPOINT, model=THINKER, learned=dict.fromkeys([THINKER], *learned) if learned else {})


def test_with_what_the_probe_found_a_model_that_thinks_passes_all_that_it_does_not_refuse() -> None:
    assert {Verdict.UNSUPPORTED} == set(with_the_thinker(thinker(THINKS)).values())


def test_a_model_that_thinks_aloud_is_not_held_against_the_endpoint() -> None:
    found = with_the_thinker(thinker(THINKS), *lookalikes_named(["the-thinking-is-shown"]))
    assert set(found.values()) <= {Verdict.UNSUPPORTED, Verdict.INCONCLUSIVE}


def test_without_headroom_the_same_model_has_nothing_left_to_say() -> None:
    cramped = replace(thinker(THINKS), headroom=0)
    assert Verdict.FAIL is with_the_thinker(cramped)["basic/answer"]
