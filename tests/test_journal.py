"""What is kept of a run while it goes on: read back it is the same report, and a damaged file is told of, never believed."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import outcomes
import pytest

from harness import report
from harness.cost import Spent
from harness.errors import BadInput
from harness.journal import FILE, Journal, read
from harness.model import Judged, Repeat, Verdict
from harness.plan import Plan
from harness.report import json_
from harness.report.outcomes import Results

STARTED = "2026-11-23T08:00:00Z"


def the_plan() -> Plan:
    """What the sample is of."""
    sample = outcomes.sample()
    endpoints = {one.trial.endpoint.name: one.trial.endpoint for one in sample}
    return Plan(endpoints=tuple(endpoints.values()), suites=(outcomes.SUITE,), trials=tuple(one.trial for one in sample))


def kept(folder: Path, **how: object) -> tuple[Journal, list[str]]:
    """A journal of the whole sample, and what it told."""
    told: list[str] = []
    journal = Journal(folder, tell=told.append, **how)  # type: ignore[arg-type]
    journal.begin(the_plan(), "live", STARTED, None)
    results = Results(None)
    for position, outcome in enumerate(outcomes.sample()):
        journal.keep(results.keep(outcome), results.of(outcome), Spent(requests=position, prompt_tokens=1))
    journal.close(whole=False)
    return journal, told


def test_what_is_read_back_makes_the_same_report(tmp_path: Path) -> None:
    kept(tmp_path)
    found = read(tmp_path, the_plan(), "live")
    results = Results(None)
    results.known(found.results)
    sample = [one for one in outcomes.sample() if one.trial.key in found.outcomes]
    how = {"mode": "live", "suites": (outcomes.SUITE,), "endpoints": the_plan().endpoints, "started": found.started}
    again = report.document(found.outcomes.values(), results=results, **how)  # type: ignore[arg-type]
    assert json_.text(report.document(sample, **how)) == json_.text(again)  # type: ignore[arg-type]
    assert len(sample) > len(outcomes.sample()) // 2


def test_only_what_says_something_is_kept_and_all_that_was_spent(tmp_path: Path) -> None:
    kept(tmp_path)
    found = read(tmp_path, the_plan(), "live")
    said = report.document(outcomes.sample(), mode="live", suites=(outcomes.SUITE,))["results"]
    silent = {(one["endpoint"], *one["case"].split("/"), one["stream"]) for one in said if one["verdict"] in ("error", "skipped")}
    assert {trial.key for trial in the_plan().trials} - silent == found.outcomes.keys()
    held = [position for position, one in enumerate(outcomes.sample()) if isinstance(one, Judged)]
    assert sum(held) == sum(one.requests for one in found.spent.values())


def test_repeats_are_kept(tmp_path: Path) -> None:
    outcome = next(one for one in outcomes.sample() if isinstance(one, Judged))
    repeat = Repeat(verdict=Verdict.WARN, claims_verdict=Verdict.PASS, rules=("a.b",), elapsed_ms=1.5)
    journal = Journal(tmp_path, tell=print)
    journal.begin(the_plan(), "live", STARTED, None, repeat=2)
    journal.keep(replace(outcome, repeats=(repeat, repeat)), {}, Spent())
    journal.close(whole=False)
    found = read(tmp_path, the_plan(), "live", repeat=2).outcomes[outcome.trial.key]
    assert isinstance(found, Judged)
    assert (repeat, repeat) == found.repeats
    with pytest.raises(BadInput, match="its repeat was 2, and is 3"):
        read(tmp_path, the_plan(), "live", repeat=3)


def test_a_line_that_was_cut_off_anywhere_is_left_out_and_written_over(tmp_path: Path) -> None:
    journal, _ = kept(tmp_path)
    content = journal.path.read_bytes()
    whole = len(read(tmp_path, the_plan(), "live").spent)
    last = content.rstrip(b"\n").rfind(b"\n") + 1
    for cut in {last, last + 1, (last + len(content)) // 2, len(content) - 1}:
        journal.path.write_bytes(content[:cut])
        found = read(tmp_path, the_plan(), "live")
        assert (whole - 1, last) == (len(found.spent), found.size)
    again = Journal(tmp_path, tell=print)
    again.begin(the_plan(), "live", STARTED, found)
    again.close(whole=False)
    assert content[:last] == journal.path.read_bytes()


@pytest.mark.parametrize("line", ["", "null", "[]", "1", '"a"', "{}", '{"journal": 2}', "{", "\ud800"])
def test_what_is_no_journal_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / FILE).write_bytes(line.encode("utf-8", "surrogatepass") + b"\n")
    with pytest.raises(BadInput, match="is no journal of this version"):
        read(tmp_path, the_plan(), "live")


@pytest.mark.parametrize("value", [None, 1, "a", [], {}, ["a", "b", "c", True], {"a": 1}])
@pytest.mark.parametrize("key", ["trial", "spent", "attempts", "learned", "repeats", "elapsed_ms", "result"])
def test_a_damaged_line_is_refused_or_read_and_never_a_crash(tmp_path: Path, key: str, value: object) -> None:
    journal, _ = kept(tmp_path)
    lines = journal.path.read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), key: value})
    journal.path.write_text("\n".join(lines) + "\n")
    with suppress(BadInput):
        found = read(tmp_path, the_plan(), "live")
        assert all(isinstance(result, dict) for result in found.results.values())


def test_no_key_is_kept(tmp_path: Path) -> None:
    word = outcomes.sample()[0].trial.case.title.split()[0]
    journal, _ = kept(tmp_path, masked=lambda text: text.replace(word, "***"))
    assert word not in journal.path.read_text()


def test_a_journal_that_cannot_be_written_is_told_once_and_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    _, told = kept(tmp_path)
    assert 1 == len(told)
    assert "the run goes on, and could not be resumed from here" in told[0]
