"""Parts of a run to one report: the same as the whole would have been."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import outcomes
import pytest
from click.testing import CliRunner
from outcomes import BAD, GOOD

from harness import resources
from harness.cli import chatcompat
from harness.commands import _reports
from harness.errors import BadInput
from harness.model import Outcome
from harness.report import json_
from harness.report.merging import merged


def part(chosen: Sequence[Outcome], **changed: Any) -> dict[str, Any]:
    """The report of some outcomes of the sample, read back."""
    return {**outcomes.copied(outcomes.document(chosen)), **changed}


def in_parts(count: int) -> list[tuple[str, dict[str, Any]]]:
    """The sample dealt out into so many reports."""
    sample = outcomes.sample()
    return [(f"part {number}", part(sample[number::count])) for number in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_parts_make_the_same_report_as_the_whole(count: int) -> None:
    assert json_.text(outcomes.document()) == json_.text(merged(in_parts(count)))


def test_the_order_of_the_parts_is_no_matter() -> None:
    one, two, three = in_parts(3)
    assert json_.text(merged([one, two, three])) == json_.text(merged([three, one, two]))


def test_runs_of_different_endpoints_make_one_matrix() -> None:
    by_endpoint = [
        (endpoint.name, part([one for one in outcomes.sample() if one.trial.endpoint == endpoint])) for endpoint in (GOOD, BAD)
    ]
    assert ["bad", "good"] == list(merged(by_endpoint)["endpoints"])
    assert json_.text(outcomes.document()) == json_.text(merged(by_endpoint))


def test_a_live_run_began_with_its_first_part() -> None:
    parts = in_parts(2)
    for day, (_, document) in enumerate(parts, 20):
        document.update(mode="live", started=f"2026-11-{day}T08:00:00Z")
    assert "2026-11-20T08:00:00Z" == merged(parts)["started"]


def test_a_part_that_was_stopped_makes_the_whole_partial() -> None:
    parts = in_parts(2)
    parts[1][1]["partial"] = True
    assert merged(parts)["partial"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mode": "live"}, "second: is a live run, and first a replay one"),
        ({"mode": "lint"}, "second: is of recorded traffic"),
        ({"harness": {"name": "chatcompat", "version": "0.0.1"}}, "second: was judged by other rules than first"),
        ({"rules": {}}, "second: was judged by other rules than first"),
    ],
)
def test_reports_that_do_not_fit_together_are_refused(changed: dict[str, Any], said: str) -> None:
    (_, one), (_, two) = in_parts(2)
    with pytest.raises(BadInput, match=said):
        merged([("first", one), ("second", {**two, **changed})])


def test_a_trial_that_two_parts_hold_is_refused() -> None:
    (_, one), (_, two) = in_parts(2)
    with pytest.raises(BadInput, match=r"third: bad .* is in first too; what is merged are shards"):
        merged([("first", one), ("second", two), ("third", one)])


def test_one_name_for_two_models_is_refused() -> None:
    (_, one), (_, two) = in_parts(2)
    two["endpoints"]["good"]["model"] = "m-2"
    with pytest.raises(BadInput, match='second: the model of good is "m-2", and in first "m-1"'):
        merged([("first", one), ("second", two)])


def test_shards_of_a_replay_merge_to_the_bytes_of_the_whole(tmp_path: Path) -> None:
    replay = ["run", "--endpoint", "reference", "--mode", "replay", "--cassettes", str(resources.CASSETTES), "-q"]
    run = CliRunner().invoke
    run(chatcompat, [*replay, "--out", str(tmp_path / "whole")])
    for shard in (1, 2, 3):
        run(chatcompat, [*replay, "--out", str(tmp_path / str(shard)), "--shard", f"{shard}/3"])
    result = run(chatcompat, ["merge", *(str(tmp_path / str(shard)) for shard in (1, 2, 3)), "--out", str(tmp_path / "merged")])
    whole = _reports.read(tmp_path / "whole")
    assert 0 == result.exit_code
    assert len(whole["results"]) > 100
    assert (tmp_path / "whole" / "report.json").read_bytes() == (tmp_path / "merged" / "report.json").read_bytes()


def test_the_command_says_what_the_run_would_have_said(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(outcomes.document()))
    result = CliRunner().invoke(chatcompat, ["merge", str(tmp_path), "--out", str(tmp_path / "m"), "--format", "json"])
    assert 1 == result.exit_code  # the sample has failures
    assert outcomes.copied(outcomes.document()) == _reports.read(tmp_path / "m")


def test_a_shard_without_the_others_does_not_pass_for_the_whole(tmp_path: Path) -> None:
    replay = ["run", "basic", "--endpoint", "reference", "--mode", "replay", "--cassettes", str(resources.CASSETTES), "-q"]
    run = CliRunner().invoke
    for shard in ("1", "2"):
        run(chatcompat, [*replay, "--out", str(tmp_path / shard), "--shard", f"{shard}/2"])
    both, first = [str(tmp_path / "1"), str(tmp_path / "2")], [str(tmp_path / "1")]
    alone = run(chatcompat, ["merge", *first, "--out", str(tmp_path / "m")]).exception
    twice = run(chatcompat, ["merge", *first, *both, "--out", str(tmp_path / "m")]).exception
    assert isinstance(alone, BadInput)
    assert "shard 2/2 is missing" in str(alone)
    assert isinstance(twice, BadInput)
    assert "is in" in str(twice)
    assert 0 == run(chatcompat, ["merge", *both, "--out", str(tmp_path / "m")]).exit_code
    assert "shard" not in _reports.read(tmp_path / "m")
