"""Baselines: read with every slip, held against a run, and amended with a minimal diff."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import outcomes
import pytest
import yaml
from click.testing import CliRunner
from own_files import HERE, marked, of_schema, write

from harness import baseline
from harness.cli import chatcompat
from harness.commands import _verdicts
from harness.errors import BadFile, BadInput
from harness.model import Accepted
from harness.report.accepted import marked as marked_accepted
from harness.report.marks import look

FAIL = frozenset({"fail", "ignored"})

SAMPLE = """\
# what we live with
endpoints:
  one:
    # the vendor knows
    tools/parallel:
      issue: https://example.invalid/1   # said so in May
      owner: me
      until: 2999-01-01

    stream.ends-with-done: {reason: "no client of ours minds"}
  two:
    basic/answer:stream: {reason: unreviewed}
# the end
"""


def file(folder: Path, text: str) -> Path:
    return write(folder, text, "baseline.yaml")


# ---------------------------------------------------------------- reading


def test_an_entry_says_why_who_minds_it_how_long_and_where_it_stands(tmp_path: Path) -> None:
    read = baseline.read(file(tmp_path, SAMPLE))
    where = str(tmp_path / "baseline.yaml")
    assert (
        Accepted(issue="https://example.invalid/1", owner="me", until="2999-01-01", place=f"{where}:5")
        == (read.endpoints["one"]["tools/parallel"])
    )
    assert {"one": ["tools/parallel", "stream.ends-with-done"], "two": ["basic/answer:stream"]} == {
        name: list(entries) for name, entries in read.endpoints.items()
    }


def test_the_schema_agrees_with_the_reader() -> None:
    assert [] == list(of_schema("baseline").iter_errors(yaml.safe_load(SAMPLE.replace("2999-01-01", '"2999-01-01"'))))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"endpoint: {{}} {HERE}", "unknown key `endpoint`; did you mean `endpoints`"),
        (f"endpoints:\n  Ä: {{}} {HERE}", "is no name of an endpoint"),
        (f"endpoints:\n  a:\n    tools: {{reason: r}} {HERE}", "`a baseline` names failures by `suite/case`"),
        (f"endpoints:\n  a:\n    tools/x: {{owner: me}} {HERE}", "say why it is accepted"),
        (f"endpoints:\n  a:\n    tools/x: {{reason: r, unitl: 2027-01-01}} {HERE}", "did you mean `until`"),
        (f"endpoints:\n  a:\n    tools/x:\n      reason: r\n      until: 2027-13-01 {HERE}", "must be a day"),
        (f"endpoints:\n  a:\n    tools/x:\n      issue: none {HERE}", "must be a link"),
    ],
)
def test_a_slip_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadFile, match=said) as slips:
        baseline.read(file(tmp_path, text))
    assert marked(text)[0] in [line for _, line, _ in slips.value.slips]


def test_names_that_nothing_has_are_told_with_the_nearest(tmp_path: Path) -> None:
    read = baseline.read(file(tmp_path, SAMPLE))
    with pytest.raises(BadFile) as slips:
        read.check(["ones", "two"], [], ["tools/parallels", "basic/answer"], ["stream.ends-with-done"])
    assert [
        (3, "no endpoint of this run is called 'one'; did you mean `ones`?"),
        (5, "'tools/parallel' is no case and no rule; did you mean `tools/parallels`?"),
    ] == [(line, text.replace('"', "'")) for _, line, text in slips.value.slips]


# ---------------------------------------------------------------- held against a report


def report(known: dict[str, dict[str, Any]], endpoint: str = "bad") -> dict[str, Any]:
    """The sample, in which one endpoint's failures are accepted by a baseline."""
    document = copy.deepcopy(outcomes.copied(outcomes.document()))
    document["partial"] = False
    entries = {
        name: {"issue": "", "until": None, "place": f"b.yaml:{at}", **more} for at, (name, more) in enumerate(known.items(), 2)
    }
    document["endpoints"][endpoint]["known"] = entries
    return marked_accepted(document)


def failing(document: dict[str, Any], endpoint: str = "bad") -> list[dict[str, Any]]:
    return [one for one in document["results"] if one["endpoint"] == endpoint and one["verdict"] in FAIL]


def test_an_accepted_failure_is_expected_and_looks_known() -> None:
    first = failing(report({}))[0]
    document = report({first["case"]: {}})
    found = _verdicts.unexpected(document, FAIL, "should", binding=False)
    same = [one for one in document["results"] if one["case"] == first["case"] and one in failing(document)]
    assert len(failing(document)) - len(same) == len([one for one in found.results if one["endpoint"] == "bad"])
    assert {"known"} == {look(one) for one in same}


def test_an_entry_of_one_trial_leaves_the_other_unexpected() -> None:
    both = next(one for one in failing(report({})) if sum(o["case"] == one["case"] for o in failing(report({}))) == 2)
    document = report({f"{both['case']}:stream": {}})
    found = _verdicts.unexpected(document, FAIL, "should", binding=False)
    assert [False] == [one["stream"] for one in found.results if one["case"] == both["case"] and one["endpoint"] == "bad"]


def test_an_entry_that_no_longer_fails_is_stale_with_its_place_where_it_was_judged() -> None:
    passed = next(one for one in report({})["results"] if one["endpoint"] == "good" and one["verdict"] == "pass")
    (line,) = _verdicts.unexpected(report({passed["case"]: {}}, "good"), FAIL, "should", binding=False).stale
    assert f"b.yaml:2: good: {passed['case']} is stale: it did not fail; remove the entry" == line
    document = report({passed["case"]: {}}, "good")
    next(one for one in document["results"] if one["endpoint"] == "good" and one["case"] == passed["case"])["verdict"] = "skipped"
    assert () == _verdicts.unexpected(document, FAIL, "should", binding=False).stale


def test_a_rule_is_stale_only_where_nothing_was_left_out() -> None:
    kept = next(
        row["rule"] for row in report({})["protocol"] if row["endpoints"]["good"]["of"] and not row["endpoints"]["good"]["broken"]
    )
    document = report({kept: {}}, "good")
    assert 1 == len(_verdicts.unexpected(document, FAIL, "should", binding=False).stale)
    assert () == _verdicts.unexpected(document, FAIL, "should", binding=False, whole=False).stale


def test_an_entry_whose_day_has_passed_accepts_nothing_and_is_told() -> None:
    first = failing(report({}))[0]
    found = _verdicts.unexpected(report({first["case"]: {"until": "2020-01-01"}}), FAIL, "should", binding=False)
    assert (f"b.yaml:2: bad: {first['case']} was accepted until 2020-01-01; mend it, or agree on another day",) == found.stale
    assert first["case"] in [one["case"] for one in found.results]


# ---------------------------------------------------------------- amending


def test_nothing_else_of_the_file_is_touched(tmp_path: Path) -> None:
    path = file(tmp_path, SAMPLE)
    assert baseline.amend(path, add=[("one", "usage/counts"), ("three", "tools/none")], remove=[("one", "stream.ends-with-done")])
    expected = SAMPLE.replace('    stream.ends-with-done: {reason: "no client of ours minds"}\n', "").replace(
        "      until: 2999-01-01\n", "      until: 2999-01-01\n    usage/counts: {reason: unreviewed}\n"
    )
    expected = expected.replace("# the end", "  three:\n    tools/none: {reason: unreviewed}\n# the end")
    assert expected == path.read_text()


def test_an_endpoint_without_an_entry_goes_and_an_empty_baseline_stays_one(tmp_path: Path) -> None:
    path = file(tmp_path, SAMPLE)
    baseline.amend(path, add=[], remove=[("two", "basic/answer:stream")])
    assert SAMPLE.replace("  two:\n    basic/answer:stream: {reason: unreviewed}\n", "") == path.read_text()
    baseline.amend(path, add=[], remove=[("one", "tools/parallel"), ("one", "stream.ends-with-done")])
    assert {} == baseline.read(path).endpoints
    baseline.amend(path, add=[("one", "a/b")], remove=[])
    assert ["a/b"] == list(baseline.read(path).endpoints["one"])


def test_a_file_that_is_not_there_is_begun(tmp_path: Path) -> None:
    path = tmp_path / "new" / "baseline.yaml"
    assert baseline.amend(path, add=[("one", "tools/x:stream")], remove=[])
    assert "endpoints:\n  one:\n    tools/x:stream: {reason: unreviewed}\n" == path.read_text()
    assert not baseline.amend(path, add=[("one", "tools/x:stream")], remove=[("one", "gone/away")])


@pytest.mark.parametrize(
    "text", ["endpoints: {one: {tools/x: {reason: r}}}\n", '{"endpoints": {"one": {"tools/x": {"reason": "r"}}}}\n']
)
def test_a_file_of_another_form_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(BadInput, match="not of a form that can be amended"):
        baseline.amend(path, add=[("one", "tools/y")], remove=[])
    assert text == path.read_text()


def test_a_file_that_cannot_be_written_stays_whole(tmp_path: Path) -> None:
    path = file(tmp_path, SAMPLE)
    (tmp_path / "taken").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        baseline.amend(tmp_path / "taken" / "b.yaml", add=[("one", "tools/y")], remove=[])
    assert SAMPLE == path.read_text()


def test_the_fewest_entries_accept_what_failed() -> None:
    document = report({})
    wanted = _verdicts.unexpected(document, FAIL, "should", binding=False).results
    entries = _verdicts.to_accept(document, wanted)
    for endpoint in document["endpoints"]:
        document["endpoints"][endpoint]["known"] = {
            name: {"issue": "", "until": None, "place": "b.yaml:1"} for of, name in entries if of == endpoint
        }
    after = _verdicts.unexpected(document, FAIL, "should", binding=False)
    assert ((), ()) == (after.results, after.stale)


# ---------------------------------------------------------------- recorded traffic


def test_rules_that_are_accepted_of_a_host_are_no_news_to_lint(tmp_path: Path) -> None:
    traffic = tmp_path / "traffic.jsonl"
    body = {"id": "a", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
    record = {
        "method": "POST",
        "url": "http://127.0.0.1:8080/v1/chat/completions",
        "request_body": {"model": "m", "messages": []},
        "status": 200,
        "response_headers": {"content-type": "application/json"},
        "response_body": json.dumps(body),
    }
    traffic.write_text(json.dumps(record) + "\n")
    plain = CliRunner().invoke(chatcompat, ["lint", str(traffic), "--json", "-q"])
    document = json.loads(plain.stdout)
    (host,) = document["endpoints"]
    broken = sorted({row["rule"] for row in document["protocol"] if row["endpoints"][host]["broken"] and row["level"] != "may"})
    kept = next(row["rule"] for row in document["protocol"] if row["endpoints"][host]["of"] and row["rule"] not in broken)
    assert (1, True) == (plain.exit_code, bool(broken))
    entries = [f"    {rule}: {{reason: r}}\n" for rule in broken]
    path = file(tmp_path, f"endpoints:\n  {host}:\n{''.join(entries)}")
    assert 0 == CliRunner().invoke(chatcompat, ["lint", str(traffic), "-q", "--baseline", str(path)]).exit_code
    path.write_text(path.read_text() + f"    {kept}: {{reason: r}}\n")
    stale = CliRunner().invoke(chatcompat, ["lint", str(traffic), "-q", "--baseline", str(path)])
    assert (1, True) == (stale.exit_code, f"baseline.yaml:{len(broken) + 3}: {host}: {kept} is stale" in stale.output)
