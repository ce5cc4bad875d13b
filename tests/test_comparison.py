"""Two reports held against each other: which way each trial went, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import exchanges
import outcomes
import pytest
from click.testing import CliRunner
from outcomes import ANSWER, CALLED, ENDED, held, said, skipped

from harness.commands import diff
from harness.model import Level, Verdict
from harness.report import changes
from harness.report.comparison import Cause, Change, Course, compare

CALLS = exchanges.completed(request=exchanges.ASK_TOOLS, document=exchanges.CALLED)
BROKEN = exchanges.wired(exchanges.events(exchanges.CHUNKS, done=False))


def changed(old: Any, new: Any, **how: Any) -> tuple[Change, ...]:
    """The changes between the reports of two outcomes each."""
    before = outcomes.document([old] if old is not None else [])
    after = outcomes.document([new] if new is not None else [])
    return compare(before, after, **how).changes


def test_a_report_does_not_differ_from_itself() -> None:
    found = compare(outcomes.document(), outcomes.document())
    assert ((), 8, False) == (found.changes, found.unchanged, found.regressed)


def test_a_worse_verdict_is_newly_broken_and_names_what_is_found_only_now() -> None:
    (change,) = changed(held(ANSWER, exchanges.streamed(), stream=True), held(ANSWER, BROKEN, stream=True))
    assert (Course.BROKEN, Verdict.PASS, Verdict.FAIL) == (change.course, change.before, change.after)
    assert (("stream.ends-with-done",), ()) == (change.more, change.fewer)
    assert Cause.ENDPOINT is change.cause
    assert "[DONE]" in str(change.message)


def test_a_better_verdict_is_fixed_and_names_what_is_gone() -> None:
    (change,) = changed(held(ANSWER, BROKEN, stream=True), held(ANSWER, exchanges.streamed(), stream=True))
    assert (Course.FIXED, (), ("stream.ends-with-done",)) == (change.course, change.more, change.fewer)


def test_another_finding_with_the_same_verdict_is_newly_broken() -> None:
    also = exchanges.wired(exchanges.events(exchanges.CHUNKS, done=False).replace(b"data: ", b"data:"))
    (change,) = changed(held(ANSWER, BROKEN, stream=True), held(ANSWER, also, stream=True))
    assert (Course.BROKEN, Verdict.FAIL, Verdict.FAIL) == (change.course, change.before, change.after)
    assert ("framing.space-after-colon",) == change.more


def test_the_same_answer_judged_otherwise_is_a_matter_of_the_rules() -> None:
    document = outcomes.document([held(ANSWER, BROKEN, stream=True)])
    before = outcomes.copied(document)
    before["results"][0].update(verdict="pass", findings=[])
    before["rules"].pop("stream.ends-with-done")
    before["rules"]["stream.one-id"]["level"] = "may"
    found = compare(before, document)
    assert [Cause.CHECKS] == [change.cause for change in found.changes]
    assert "new rules: stream.ends-with-done" in found.checks
    assert any(said.startswith("stream.one-id: MAY → ") for said in found.checks)


def test_another_request_is_a_matter_of_the_case() -> None:
    document = outcomes.document([held(ANSWER, BROKEN, stream=True)])
    before = outcomes.copied(document)
    before["results"][0].update(verdict="pass", findings=[], asked="0" * 16)
    assert [Cause.CASE] == [change.cause for change in compare(before, document).changes]


def test_a_report_without_digests_leaves_the_cause_open() -> None:
    document = outcomes.document([held(ANSWER, BROKEN, stream=True)])
    before = outcomes.copied(document)
    before["results"][0].update(verdict="pass", findings=[], asked=None)
    assert [Cause.UNKNOWN] == [change.cause for change in compare(before, document).changes]


def test_a_trial_that_is_not_judged_any_more_is_lost_and_no_regression() -> None:
    (change,) = changed(held(CALLED, CALLS), skipped(CALLED, "needs chat"))
    assert (Course.LOST, "needs chat") == (change.course, change.message)
    assert not compare(outcomes.document([held(CALLED, CALLS)]), outcomes.document([skipped(CALLED, "needs chat")])).regressed


def test_a_trial_that_is_judged_for_the_first_time_is_gained_or_newly_broken() -> None:
    (gained,) = changed(skipped(ENDED, "budget"), held(ENDED, said("It is")))
    (broken,) = changed(skipped(ENDED, "budget"), held(ENDED, said("no")))
    assert (Course.GAINED, Course.BROKEN) == (gained.course, broken.course)


def test_a_trial_in_one_report_only_has_appeared_or_vanished() -> None:
    (appeared,) = changed(None, held(CALLED, CALLS))
    (vanished,) = changed(held(CALLED, CALLS), None)
    assert (Course.APPEARED, None, Verdict.PASS) == (appeared.course, appeared.before, appeared.after)
    assert (Course.VANISHED, Verdict.PASS, None) == (vanished.course, vanished.before, vanished.after)


def test_at_must_a_warning_is_no_change() -> None:
    spaced = exchanges.wired(exchanges.events(exchanges.CHUNKS).replace(b"data: ", b"data:", 1))
    pair = held(ANSWER, exchanges.streamed(), stream=True), held(ANSWER, spaced, stream=True)
    assert [Course.BROKEN] == [change.course for change in changed(*pair)]
    assert () == changed(*pair, level=Level.MUST)


def test_alike_changes_are_one_entry_and_the_worst_comes_first() -> None:
    good = [held(ANSWER, exchanges.completed()), held(ANSWER, exchanges.streamed(), stream=True), held(CALLED, said("no"))]
    bad = [held(ANSWER, exchanges.completed({"/id": 7})), held(ANSWER, BROKEN, stream=True), held(CALLED, CALLS)]
    comparison = compare(outcomes.document(good), outcomes.document(bad))
    assert [Course.BROKEN, Course.BROKEN, Course.FIXED] == [group.course for group in changes.groups(comparison)]
    assert changes.text(comparison).startswith("2 newly broken, 1 fixed, 0 as before\n")


@pytest.mark.parametrize("write", [changes.text, changes.markdown, changes.as_json])
def test_what_an_endpoint_says_stays_in_its_place(write: Any) -> None:
    document = outcomes.document()
    before = outcomes.copied(document)
    for result in before["results"]:
        result.update(verdict="pass", findings=[])
    written = write(compare(before, document))
    assert "\x1b" not in written
    assert "<script>" not in written or write is not changes.markdown


def test_the_command_ends_with_1_where_something_is_newly_broken(tmp_path: Path) -> None:
    for name, outcome in (("old", held(ANSWER, exchanges.streamed(), stream=True)), ("new", held(ANSWER, BROKEN, stream=True))):
        (tmp_path / f"{name}.json").write_text(json.dumps(outcomes.document([outcome])))
    old, new = str(tmp_path / "old.json"), str(tmp_path / "new.json")
    assert [1, 0, 0] == [CliRunner().invoke(diff.command, pair).exit_code for pair in ([old, new], [new, old], [old, old])]
    counted = json.loads(CliRunner().invoke(diff.command, [old, new, "--format", "json"]).stdout)
    assert (True, 1) == (counted["regressed"], counted["counts"]["broken"])


def test_where_each_report_is_of_one_endpoint_its_name_is_no_matter() -> None:
    before = outcomes.document([held(ANSWER, exchanges.streamed(), stream=True)])
    after = outcomes.copied(outcomes.document([held(ANSWER, BROKEN, stream=True)]))
    after["endpoints"] = {"moved": after["endpoints"].pop("good")}
    after["results"][0]["endpoint"] = "moved"
    assert [("moved", Course.BROKEN)] == [(change.endpoint, change.course) for change in compare(before, after).changes]
