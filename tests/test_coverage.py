"""The map of the API: nothing is left without cover or reason, and what covers a point is worked out, not said."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
from click.testing import CliRunner

from harness import coverage, load
from harness.cli import chatcompat
from harness.coverage import Point, answered, requested
from harness.model import Case, Claims, Http, Kind, Step, Suite
from harness.reading import obj
from harness.rule import all_rules

PARAMETERS: Final = {
    "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens",
    "max_tokens", "messages", "metadata", "modalities", "model", "moderation", "n", "parallel_tool_calls", "prediction",
    "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort",
    "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options",
    "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
}  # fmt: skip
"""All 37 of the document."""


@functools.cache
def points() -> Mapping[str, Point]:
    return {point.id: point for point in coverage.points(load.suites())}


def suite_of(*steps: Step, stream: tuple[bool, ...] = (False,)) -> list[Suite]:
    case = Case(suite="s", id="c", title="T", needs=("f",), steps=steps, stream=stream)
    return [Suite(id="s", title="S", features=(), cases=(case,))]


# ---------------------------------------------------------------- the map as it is


def test_each_point_is_covered_or_excused() -> None:
    assert [] == [name for name, point in points().items() if not point.rules and not point.cases and len(point.reason) < 20]


def test_no_point_is_excused_without_need() -> None:
    assert [] == [name for name in coverage.reasons_given() if points()[name].rules or points()[name].cases]


def test_every_parameter_of_the_document_is_on_the_map() -> None:
    top = {path.partition(".")[0].partition("[")[0] for path in obj(obj(coverage.document(coverage.SURFACE))["parameters"])}
    assert top == PARAMETERS
    assert 37 == len(PARAMETERS)


def test_every_parameter_is_sent_by_some_case() -> None:
    assert [] == [name for name in sorted(PARAMETERS) if not points()[f"request/{name}"].cases]


def test_what_covers_is_there() -> None:
    cases = {case.path for suite in load.suites() for case in suite.cases}
    rules = {rule.id for rule in all_rules()} | {"contract.ecosystem", "contract.observed", "contract.published", "reply.comes"}
    assert set() == {name for point in points().values() for name in point.cases} - cases
    assert set() == {name for point in points().values() for name in point.rules} - rules


def test_the_map_is_listed() -> None:
    listed = json.loads(CliRunner().invoke(chatcompat, ["list", "coverage", "--json"]).stdout)
    assert list(points()) == [item["id"] for item in listed]
    assert all((item["rules"] or item["cases"]) != [] or item["reason"] for item in listed)


# ---------------------------------------------------------------- what cases send


def test_a_case_covers_the_paths_and_words_that_it_sends() -> None:
    tool = {"type": "function", "function": {"name": "f", "strict": True}}
    sent = requested.by_cases(suite_of(Step(id="a", request={"tools": [tool], "n": 2}), stream=(False, True)))
    assert {"s/c"} == sent["tools[].function.strict=true"] == sent["tools[].type=function"] == sent["n"]
    assert {"s/c"} == sent["stream=true"] == sent["stream=false"]
    assert "tools[].function.strict=false" not in sent


def test_a_request_that_is_written_out_counts_and_another_operation_does_not() -> None:
    raw = Step(id="a", http=Http(method="POST", path="/chat/completions", raw='{"seed": 1}'))
    other = Step(id="b", http=Http(method="POST", path="/embeddings", body={"user": "u"}))
    assert {"seed"} == set(requested.by_cases(suite_of(raw, other)))


# ---------------------------------------------------------------- what is looked at in answers


def test_a_claim_covers_its_place_its_words_and_what_is_within() -> None:
    within: Any = {"type": "object", "properties": {"content": {"const": "x"}}, "required": ["content"]}
    claims = Claims(
        status={"enum": [400, 422]},
        body={"/choices/1/message": within, "/error/code": {"const": "c"}},
        chunks={"/0/choices/0/delta/role": True},
    )
    claimed = answered.by_claims(suite_of(Step(id="a", request={}, claims={Kind.EXPECT: claims})))
    assert {
        "status/400",
        "status/422",
        "completion/choices/*/message",
        "completion/choices/*/message/content",
        "completion/choices/*/message/content=x",
        "error/error/code",
        "error/error/code=c",
        "chunk/choices/*/delta/role",
    } == set(claimed)


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("completion/choices/*/index", "choices.index-is-an-integer"),
        ("completion/choices/*/finish_reason=length", "finish.is-known"),
        ("completion/usage/total_tokens", "usage.adds-up"),
        ("chunk/id", "stream.one-id"),
        ("chunk/choices/*/delta/tool_calls/*/index", "stream.tool-delta-index"),
        ("error/error/message", "errors.message-is-text"),
        ("models/data/*/id", "models.each-has-an-id"),
        ("model/id", "models.retrieved-is-the-one-asked-for"),
    ],
)
def test_the_rule_of_a_field_is_found_by_spoiling_it(field: str, rule: str) -> None:
    assert rule in points()[field].rules


def test_a_rule_does_not_cover_what_it_does_not_look_at() -> None:
    assert ("contract.ecosystem",) == points()["completion/metadata"].rules
    assert "usage.adds-up" not in points()["completion/usage/prompt_tokens_details/cached_tokens"].rules


def test_of_the_answers_that_are_spoiled_nothing_that_counts_is_found() -> None:
    counted = {
        found
        for kind, request, answer in answered.samples()
        for found in answered.found_in(request, answer, kind)
        if found != "contract.published"
    }
    assert set() == counted


def test_a_code_is_covered_where_its_status_is_looked_at() -> None:
    assert dict(answered.codes_by_rules(["model_not_found", "a_code_of_its_own"])) == {
        "error/error/code=model_not_found": {"errors.status-fits-code"},
        "error/error/code=a_code_of_its_own": set(),
    }


def test_framing_is_covered_by_what_catches_the_faults_that_break_it() -> None:
    assert ("framing.line-feeds-only",) == points()["framing/lines end with LF"].rules
