"""Which cases go where, in what order; what would be sent; selections that select nothing say so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import load
from harness.errors import BadFile, BadInput
from harness.model import Case, Endpoint, Feature, Http, Step, Suite, Trial
from harness.plan import Plan, plan

ONE = Endpoint(name="one", title="One", base_url="http://127.0.0.1:1/v1", model="m-1")
TWO = Endpoint(name="two", title="Two", base_url="http://127.0.0.1:2/v1")


def case(path: str, *needs: str, stream: tuple[bool, ...] = (False,), steps: int = 1, tries: int = 1) -> Case:
    suite, _, name = path.partition("/")
    asked = tuple(Step(id=f"s{number}", request={"n": number}) for number in range(steps))
    return Case(suite=suite, id=name, title=f"{name} is so", needs=needs, steps=asked, stream=stream, tries=tries)


def suite(name: str, features: tuple[str, ...], *cases: Case) -> Suite:
    declared = tuple(Feature(id=feature, title=feature, optional=feature.startswith("may")) for feature in features)
    return Suite(id=name, title=name, features=declared, cases=cases, file=f"{name}.yaml")


BASIC = suite("basic", ("chat",), case("basic/answer", "chat", stream=(False, True)), case("basic/more", "chat"))
EARLY = suite("early", ("may-image",), case("early/image", "chat", "tools", "may-image", stream=(True,)))
TOOLS = suite(
    "tools",
    ("tools", "named"),
    case("tools/any", "chat", "tools"),
    case("tools/named", "tools", "named", stream=(False, True), steps=2, tries=3),
)
SUITES = (BASIC, EARLY, TOOLS)


def paths(planned: Plan) -> list[str]:
    return [f"{trial.endpoint.name}:{trial.case.path}{'.stream' if trial.stream else ''}" for trial in planned.trials]


# ---------------------------------------------------------------- order and prerequisites


def test_every_case_goes_to_every_endpoint_in_its_modes_and_prerequisites_come_first() -> None:
    basic, named = ["basic/answer", "basic/answer.stream", "basic/more"], ["tools/named", "tools/named.stream"]
    expected = [*basic, "tools/any", "early/image.stream", *named]
    planned = plan([ONE, TWO], SUITES)
    assert [f"{name}:{path}" for name in ("one", "two") for path in expected] == paths(planned)
    assert frozenset() == planned.brought


def test_the_base_case_is_the_first_that_tests_a_feature_in_the_same_mode_where_it_has_it() -> None:
    planned = plan([ONE], SUITES)
    answer, image, anything, named = BASIC.cases[0], EARLY.cases[0], TOOLS.cases[0], TOOLS.cases[1]
    assert (answer, False) == planned.base_case("chat", False)
    assert (answer, True) == planned.base_case("chat", True)
    assert (anything, False) == planned.base_case("tools", True)
    assert (image, True) == planned.base_case("may-image", False)
    assert (named, True) == planned.base_case("named", True)
    assert None is planned.base_case("nothing", False)


def test_prerequisites_are_all_needs_but_the_last_with_the_same_endpoint() -> None:
    planned = plan([ONE], SUITES)
    image = Trial(endpoint=ONE, case=EARLY.cases[0], stream=True)
    expected = (Trial(endpoint=ONE, case=BASIC.cases[0], stream=True), Trial(endpoint=ONE, case=TOOLS.cases[0], stream=False))
    assert expected == planned.prerequisites(image)
    assert () == planned.prerequisites(expected[0])


def test_features_that_may_be_refused_are_told() -> None:
    assert {"chat": False, "may-image": True, "tools": False, "named": False} == plan([ONE], SUITES).optional


def test_prerequisites_in_a_ring_are_refused() -> None:
    ring = suite("ring", ("a", "b"), case("ring/one", "b", "a"), case("ring/two", "a", "b"))
    with pytest.raises(BadInput, match=r"go round in a ring.*: ring/one needs ring/two needs ring/one"):
        plan([ONE], [ring])


# ---------------------------------------------------------------- selection


@pytest.mark.parametrize(
    ("only", "expected", "brought"),
    [
        (["basic"], ["basic/answer", "basic/answer.stream", "basic/more"], 0),
        (["basic/more"], ["basic/more"], 0),
        (["tools/any", "basic/more"], ["basic/more", "basic/answer", "tools/any"], 1),
        (["tools/named"], ["basic/answer", "tools/any", "tools/named", "tools/named.stream"], 2),
        (["early"], ["basic/answer.stream", "basic/answer", "tools/any", "early/image.stream"], 3),
        (["basic", "basic/more"], ["basic/answer", "basic/answer.stream", "basic/more"], 0),
    ],
)
def test_a_selection_brings_its_prerequisites_along_so_that_no_verdict_depends_on_it(
    only: list[str], expected: list[str], brought: int
) -> None:
    planned = plan([ONE], SUITES, only=only)
    assert [f"one:{path}" for path in expected] == paths(planned)
    assert brought == len(planned.brought)


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        (["may-image"], {"early/image"}),
        (["named", "may-image"], {"early/image", "tools/named"}),
        (["tools"], {"tools/any", "tools/named", "early/image"}),
    ],
)
def test_cases_are_selected_by_a_feature_that_they_need(needs: list[str], expected: set[str]) -> None:
    planned = plan([ONE], SUITES, needs=needs)
    assert expected == {trial.case.path for trial in planned.trials if trial.key not in planned.brought}


def test_both_selections_hold_at_once() -> None:
    planned = plan([ONE], SUITES, only=["tools"], needs=["named"])
    assert {"tools/named"} == {trial.case.path for trial in planned.trials if trial.key not in planned.brought}


@pytest.mark.parametrize(
    ("only", "needs", "said"),
    [
        (["toolz"], [], 'there is no suite "toolz", and no such file; did you mean `tools`?'),
        (["xyz"], [], 'there is no suite "xyz", and no such file; there are `basic`, `early`, `tools`'),
        (["tools/nmaed"], [], 'there is no case "nmaed" in the suite tools; did you mean `named`?'),
        (["tools/xyz"], [], 'there is no case "xyz" in the suite tools; there are `any`, `named`'),
        (["tolls/named"], [], 'there is no suite "tolls", and no such file; did you mean `tools/named`?'),
        (["basic", "xyz"], [], 'there is no suite "xyz"'),
        ([], ["tolls"], 'no suite declares the feature "tolls"; did you mean `tools`?'),
        ([], ["xyz"], 'no suite declares the feature "xyz"; there are `chat`, `may-image`, `named`, `tools`'),
        (["basic"], ["named"], "no selected case needs `named`; leave --needs out, or select other suites"),
        (["\x1b[31m"], [], 'there is no suite "\\u001b[31m"'),
    ],
)
def test_a_word_that_selects_nothing_is_told_with_the_nearest_name_or_all(only: list[str], needs: list[str], said: str) -> None:
    with pytest.raises(BadInput) as raised:
        plan([ONE], SUITES, only=only, needs=needs)
    assert said in str(raised.value)


def test_of_very_many_names_some_are_told_and_how_many_more_there_are() -> None:
    with pytest.raises(BadInput) as raised:
        plan([ONE], [suite("many", ("x",), *(case(f"many/c{number}", "x") for number in range(50)))], only=["many/zzz"])
    assert str(raised.value).endswith(", and 10 more")


def test_nothing_to_do_is_an_error_that_says_why() -> None:
    with pytest.raises(BadInput, match="nothing is planned: there is no endpoint"):
        plan([], SUITES)
    with pytest.raises(BadInput, match="nothing is planned: the suites hold no case"):
        plan([ONE], [])


def test_two_endpoints_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput, match="two endpoints are called one"):
        plan([ONE, ONE], SUITES)


# ---------------------------------------------------------------- suites of the user's own


MINE = """\
suite: {name}
title: Mine
features: {{{feature}: {{title: Mine is so}}}}
cases:
  - {{id: own, title: Mine is so, needs: [chat, {feature}], request: {{messages: []}}}}
"""


def mine(folder: Path, name: str = "mine", feature: str = "mine") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(MINE.format(name=name, feature=feature), encoding="utf-8")
    return path


def test_a_path_selects_a_suite_of_the_user_s_own_and_a_shipped_suite_its_prerequisite(tmp_path: Path) -> None:
    planned = plan([ONE], SUITES, only=[str(mine(tmp_path))])
    assert ["one:basic/answer", "one:mine/own"] == paths(planned)
    assert ["basic", "early", "tools", "mine"] == [one.id for one in planned.suites]


def test_a_folder_selects_all_suites_in_it(tmp_path: Path) -> None:
    mine(tmp_path, "first", "first")
    mine(tmp_path, "second", "second")
    planned = plan([ONE], SUITES, only=[str(tmp_path)])
    assert ["one:basic/answer", "one:first/own", "one:second/own"] == paths(planned)


def test_a_suite_of_the_user_s_own_goes_before_a_shipped_one_of_its_name(tmp_path: Path) -> None:
    planned = plan([ONE], SUITES, only=[str(mine(tmp_path, "early", "may-image"))])
    assert ["one:basic/answer", "one:early/own"] == paths(planned)
    assert ["basic", "early", "tools"] == [one.id for one in planned.suites]


def test_a_feature_of_a_shipped_suite_cannot_be_declared_again(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"the feature `tools` is declared by tools\.yaml and by .*mine\.yaml"):
        plan([ONE], SUITES, only=[str(mine(tmp_path, "mine", "tools"))])


def test_a_suite_s_name_goes_before_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tools").mkdir()
    mine(tmp_path / "tools")
    monkeypatch.chdir(tmp_path)
    assert "one:tools/any" in paths(plan([ONE], SUITES, only=["tools"]))
    assert "one:mine/own" in paths(plan([ONE], SUITES, only=["./tools"]))
    for name in ("named", "more"):
        (tmp_path / "tools" / name).mkdir()
        mine(tmp_path / "tools" / name)
    assert "one:tools/named" in paths(plan([ONE], SUITES, only=["tools/named"]))
    assert "one:mine/own" in paths(plan([ONE], SUITES, only=["tools/more"]))


def test_a_path_that_is_not_there_is_told() -> None:
    with pytest.raises(BadFile, match=r"nope\.yaml: cannot be read: No such file"):
        plan([ONE], SUITES, only=["./nope.yaml"])


# ---------------------------------------------------------------- shards


MANY = suite("many", ("x",), *(case(f"many/c{number}", "x", stream=(False, True)) for number in range(40)))


def shard_of(suites: list[Suite], written: str) -> set[str]:
    planned = plan([ONE], suites, shard=written)
    return {trial.case.path for trial in planned.trials if trial.key not in planned.brought}


def test_shards_hold_every_case_once() -> None:
    parts = [shard_of([MANY], f"{part}/4") for part in range(1, 5)]
    assert {one.path for one in MANY.cases} == set().union(*parts)
    assert 40 == sum(map(len, parts))


def test_an_added_case_moves_no_other_to_another_shard() -> None:
    more = suite("many", ("x",), case("many/a-new-one", "x"), *MANY.cases)
    for part in range(1, 5):
        assert shard_of([MANY], f"{part}/4") == shard_of([more], f"{part}/4") - {"many/a-new-one"}


def test_the_place_of_a_case_is_for_ever() -> None:
    parts = {path: part for part in range(1, 5) for path in shard_of([MANY], f"{part}/4")}
    assert [3, 4, 4, 2, 1, 4, 4, 2] == [parts[f"many/c{number}"] for number in range(8)]


def test_both_modes_of_a_case_go_to_the_same_shard() -> None:
    planned = plan([ONE], [MANY], shard="2/4")
    assert {trial.case.path for trial in planned.trials if trial.stream} == {
        trial.case.path for trial in planned.trials if not trial.stream
    }


@pytest.mark.parametrize("written", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/3/5", "", "1/99999"])
def test_a_shard_that_is_none_is_told(written: str) -> None:
    with pytest.raises(BadInput, match="a shard is written I/N, I from 1 to N, such as 2/3; not "):
        plan([ONE], SUITES, shard=written)


def test_an_empty_shard_is_told() -> None:
    said = []
    for part in range(1, 4):
        try:
            plan([ONE], SUITES, only=["basic/more"], shard=f"{part}/3")
        except BadInput as error:
            said.append(str(error).partition("3 ")[2])
    assert ["holds none of the 1 cases; use fewer shards"] * 2 == said


# ---------------------------------------------------------------- what would be sent


def test_the_requests_of_a_plan_are_those_of_one_try_of_each_trial() -> None:
    planned = plan([ONE, TWO], SUITES)
    assert (9, 17) == planned.counts(ONE)
    assert 9 == len(planned.requests(ONE))
    assert [ONE] * 9 == [one.trial.endpoint for one in planned.requests(ONE)]
    assert [b'{"model":"m-1","n":0}', b'{"model":"m-1","n":1}'] == [
        one.request.content for one in planned.requests(ONE) if one.trial.case.path == "tools/named" and not one.trial.stream
    ]


def test_the_text_of_a_plan_shows_the_cost_and_each_request_with_its_place_holders() -> None:
    talk = Case(
        suite="s",
        id="talk",
        title="An answer is used",
        needs=("x",),
        tries=2,
        stream=(True,),
        steps=(
            Step(id="ask", request={"messages": [], "$max_tokens": 5}),
            Step(id="again", request={"messages": [{"$from": "ask#/choices/0/message"}]}),
            Step(id="list", http=Http(method="GET", path="/models/{model}", headers={"authorization": None})),
            Step(id="raw", http=Http(method="POST", path="/x", raw='{"a": \n\x1b')),
        ),
    )
    expected = """\
two: 4 requests in 1 trial to http://127.0.0.1:2/v1, at most 8 with every repeated try
  MODEL stands for the one model that it lists

  s/talk, streamed: An answer is used
    POST /chat/completions
      {"model":"MODEL","messages":[],"max_tokens":5,"stream":true}
    POST /chat/completions
      {"model":"MODEL","messages":[{"$from":"ask#/choices/0/message"}],"stream":true}
    GET /models/MODEL  (without authorization)
    POST /x
      {"a": \\u000a\\u001b
"""
    assert expected == plan([TWO], [suite("s", ("x",), talk)]).text()


def test_the_text_says_how_many_trials_only_others_need() -> None:
    lines = plan([ONE], SUITES, only=["tools/any"]).text().splitlines()
    assert [
        "one: 2 requests in 2 trials to http://127.0.0.1:1/v1",
        "  1 trial of them only as a prerequisite of others",
    ] == lines[:2]


def test_a_key_is_never_in_the_text_of_a_plan() -> None:
    keyed = Endpoint(name="k", title="K", base_url="http://x", model="m", headers={"authorization": "Bearer hunter2"})
    assert "hunter2" not in plan([keyed], SUITES).text()


# ---------------------------------------------------------------- the shipped suites


def test_the_shipped_suites_are_planned_with_every_prerequisite_before() -> None:
    planned = plan([ONE], load.suites())
    places = {trial.key: position for position, trial in enumerate(planned.trials)}
    late = [
        (trial.key, before.key)
        for trial in planned.trials
        for before in planned.prerequisites(trial)
        if places[before.key] >= places[trial.key]
    ]
    assert [] == late
    assert frozenset() == planned.brought
    assert planned.text().startswith(f"one: {len(planned.requests(ONE))} requests in {len(planned.trials)} trials")


FEATURES = "abcdef"


@st.composite
def worlds(draw: st.DrawFn) -> list[Suite]:
    """Suites in which a case only needs features before its own in the alphabet, so that no ring is possible."""
    cases = []
    for number in range(draw(st.integers(1, 12))):
        last = draw(st.integers(0, len(FEATURES) - 1))
        needs = [
            *draw(st.lists(st.sampled_from(FEATURES[:last]), unique=True, max_size=3) if last else st.just([])),
            FEATURES[last],
        ]
        modes = draw(st.sampled_from([(False,), (True,), (False, True)]))
        cases.append(case(f"w/c{number}", *needs, stream=modes))
    order = draw(st.permutations(cases))
    return [suite("w", tuple(FEATURES), *order)]


@settings(max_examples=100, deadline=None)
@given(world=worlds(), pick=st.integers(0, 11))
def test_whatever_is_selected_what_it_needs_comes_before_and_nothing_comes_twice(world: list[Suite], pick: int) -> None:
    cases = world[0].cases
    chosen = cases[pick % len(cases)]
    planned = plan([ONE, TWO], world, only=[chosen.path])
    keys = [trial.key for trial in planned.trials]
    assert len(keys) == len(set(keys))
    for position, trial in enumerate(planned.trials):
        assert {before.key for before in planned.prerequisites(trial)} <= set(keys[:position])
    assert {trial.case.path for trial in planned.trials if trial.key not in planned.brought} == {chosen.path}
