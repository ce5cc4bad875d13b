"""The formats that CI systems read: each holds what the report holds, and nothing an endpoint says gets out of its place."""

from __future__ import annotations

import json
import re
from collections import Counter
from xml.etree import ElementTree

import outcomes

from harness.model import Verdict
from harness.report import badge, ctrf, svg, tap

VERDICTS = Counter(result["verdict"] for result in outcomes.document()["results"])

CTRF_TEST = {"name", "status", "duration", "suite", "rawStatus", "tags", "message", "trace", "retries", "flaky"}


def test_ctrf_counts_what_it_holds() -> None:
    made = json.loads(ctrf.text(outcomes.document()))
    summary, tests = made["results"]["summary"], made["results"]["tests"]
    assert ("CTRF", len(tests)) == (made["reportFormat"], summary["tests"])
    statuses = Counter(test["status"] for test in tests)
    assert {"passed", "failed", "pending", "skipped", "other"} == summary.keys() - {"tests", "start", "stop"}
    assert all(summary[status] == statuses[status] for status in ("passed", "failed", "pending", "skipped", "other"))
    assert VERDICTS == Counter(test["rawStatus"] for test in tests)


def test_ctrf_times_are_those_of_the_run() -> None:
    made = json.loads(ctrf.text(outcomes.document(started="2026-11-23T08:00:00Z")))
    summary = made["results"]["summary"]
    assert 1795420800000 == summary["start"]
    assert round(sum(result["elapsed_ms"] for result in outcomes.document()["results"])) == summary["stop"] - summary["start"]


def test_ctrf_tells_a_failure_from_what_says_nothing() -> None:
    made = json.loads(ctrf.text(outcomes.document()))
    by_verdict = {test["rawStatus"]: test["status"] for test in made["results"]["tests"]}
    known = {"pass": "passed", "warn": "passed", "fail": "failed", "ignored": "failed", "skipped": "skipped", "error": "other"}
    assert {verdict: known[verdict] for verdict in by_verdict} == by_verdict
    assert all(test.keys() <= CTRF_TEST for test in made["results"]["tests"])
    assert all(test["message"] for test in made["results"]["tests"] if test["rawStatus"] != "pass")


def test_ctrf_says_how_often_a_trial_was_tried_again() -> None:
    (test,) = [one for one in json.loads(ctrf.text(outcomes.document()))["results"]["tests"] if "talk/ended" in one["name"]][1:]
    assert (1, True) == (test["retries"], test["flaky"])


def test_tap_has_a_point_for_each_trial() -> None:
    lines = tap.text(outcomes.document()).splitlines()
    points = [line for line in lines if re.match(r"(not )?ok \d", line)]
    assert ["TAP version 14", f"1..{len(points)}"] == lines[:2]
    assert list(range(1, len(points) + 1)) == [int(re.search(r"\d+", point)[0]) for point in points]  # type: ignore[index]
    failed = VERDICTS[Verdict.FAIL] + VERDICTS[Verdict.IGNORED] + VERDICTS[Verdict.ERROR]
    assert failed == sum(point.startswith("not ok") for point in points)


def test_tap_gives_a_reason_for_each_skip_and_the_findings_of_each_failure() -> None:
    written = tap.text(outcomes.document())
    assert VERDICTS[Verdict.SKIPPED] + VERDICTS[Verdict.UNSUPPORTED] + VERDICTS[Verdict.INCONCLUSIVE] == written.count(" # SKIP ")
    assert written.count("\n  ---\n") == written.count("\n  ...\n") > 0
    assert "stream.ends-with-done" in written


def test_what_an_endpoint_says_is_no_line_of_tap() -> None:
    document = outcomes.copied(outcomes.document())
    for result in document["results"]:
        result["verdict"] = "skipped"
        result["reason"] = "x\nnot ok 7 - forged\nBail out! # TODO"
    written = tap.text(document)
    assert not re.search(r"^(not ok|Bail out)", written, re.M)
    assert " \\# TODO" in written


def test_the_picture_says_what_the_badge_says() -> None:
    document = outcomes.document()
    said = json.loads(badge.text(document))
    root = ElementTree.fromstring(svg.text(document))
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [said["label"], said["message"]] == texts
    assert f"{said['label']}: {said['message']}" == root.get("aria-label")
