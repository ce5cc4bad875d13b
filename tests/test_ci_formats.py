"""The formats that CI systems read: each holds what the report holds, and nothing an endpoint says gets out of its place."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import jsonschema
import outcomes
import pytest
import yaml

from harness import report
from harness.model import Verdict
from harness.report import accepted, badge, chance, ctrf, github, junit, matrix, summary_, svg, tap

VERDICTS = Counter(result["verdict"] for result in outcomes.document()["results"])

ISSUE = "https://example.invalid/issues/7"


def known(*names: str, **entry: Any) -> dict[str, Any]:
    """The sample, where the failures of the bad endpoint with these names are accepted."""
    document = outcomes.copied(outcomes.document())
    document["endpoints"]["bad"]["known"] = {name: {"issue": ISSUE, "until": None, **entry} for name in names}
    return document


def hostile(said: str) -> dict[str, Any]:
    """The sample, where every text that an endpoint may have written is this."""
    document = outcomes.copied(outcomes.document())
    for result in document["results"]:
        result["reason"] = said
        result["findings"] = [{**one, "message": said, "at": said} for one in result["findings"]]
    for row in document["protocol"]:
        for cell in row["endpoints"].values():
            if cell["first"]:
                cell["first"] |= {"message": said, "at": said}
    for about in document["endpoints"].values():
        about["not_judged"] = [{**one, "reason": said} for one in about["not_judged"]]
    return document


# ---------------------------------------------------------------- CTRF


def _object(required: str, optional: str = "") -> dict[str, Any]:
    """Keys as the schema of CTRF has them: written `key:type`, and no others."""
    kinds = [part.split(":") for part in f"{required} {optional}".split()]
    return {
        "type": "object",
        "required": [part.split(":")[0] for part in required.split()],
        "properties": {key: {"type": kind} for key, kind in kinds},
        "additionalProperties": False,
    }


CTRF_TEST = _object(
    "name:string status:string duration:integer",
    "suite:array message:string trace:string rawStatus:string tags:array retries:integer flaky:boolean extra:object",
)
CTRF_TEST["properties"]["status"] = {"enum": ["passed", "failed", "skipped", "pending", "other"]}
CTRF_TEST["properties"]["suite"] = {"type": "array", "minItems": 1, "items": {"type": "string"}}
CTRF_TEST["properties"]["tags"] = {"type": "array", "items": {"type": "string"}}
CTRF_RESULTS = _object("tool:object summary:object tests:array")
CTRF_RESULTS["properties"] = {
    "tool": _object("name:string", "version:string extra:object"),
    "summary": _object(
        " ".join(f"{key}:integer" for key in ("tests", "passed", "failed", "skipped", "pending", "other", "start", "stop")),
        "flaky:integer suites:integer duration:integer extra:object",
    ),
    "tests": {"type": "array", "items": CTRF_TEST},
}
CTRF = _object("results:object reportFormat:string specVersion:string", "generatedBy:string timestamp:string extra:object")
CTRF["properties"] |= {
    "reportFormat": {"const": "CTRF"},
    "specVersion": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
    "results": CTRF_RESULTS,
}
"""What of https://github.com/ctrf-io/ctrf (schema/ctrf.schema.json) concerns the keys that we write; it allows no unknown key."""


@pytest.mark.parametrize(
    "document", [outcomes.document(), outcomes.document([]), known("talk/called"), hostile(outcomes.NASTY)], ids="abcd"
)
def test_ctrf_keeps_to_its_schema(document: dict[str, Any]) -> None:
    made = json.loads(ctrf.text(document))
    assert [] == [error.message for error in jsonschema.Draft7Validator(CTRF).iter_errors(made)]


def test_ctrf_counts_what_it_holds() -> None:
    made = json.loads(ctrf.text(outcomes.document()))
    summary, tests = made["results"]["summary"], made["results"]["tests"]
    assert ("CTRF", len(tests)) == (made["reportFormat"], summary["tests"])
    statuses = Counter(test["status"] for test in tests)
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
    assert all(test["message"] for test in made["results"]["tests"] if test["rawStatus"] != "pass")


def test_ctrf_says_how_often_a_trial_was_tried_again() -> None:
    (test,) = [one for one in json.loads(ctrf.text(outcomes.document()))["results"]["tests"] if "talk/ended" in one["name"]][1:]
    assert (1, True) == (test["retries"], test["flaky"])


# ---------------------------------------------------------------- TAP


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
    assert not re.search(r"^(not ok|Bail out)", written, re.MULTILINE)
    assert " \\# TODO" in written


@pytest.mark.parametrize("said", [outcomes.NASTY, "...\n---\n", "'\"\\: # {[", "\u2028\x85- x"])
def test_the_diagnostics_of_tap_are_yaml_two_blanks_in(said: str) -> None:
    lines = tap.text(hostile(said)).splitlines()
    starts = [position for position, line in enumerate(lines) if line == "  ---"]
    ends = [position for position, line in enumerate(lines) if line == "  ..."]
    assert len(starts) == len(ends) > 0
    for start, end in zip(starts, ends, strict=True):
        assert lines[start - 1].startswith(("ok ", "not ok "))
        block = lines[start + 1 : end]
        assert all(line.startswith("  ") for line in block)
        held = yaml.safe_load("\n".join(line[2:] for line in block))
        assert {"verdict", "message"} <= held.keys() <= {"verdict", "message", "findings"}
        assert all(isinstance(one, str) for one in held.get("findings", []))


def test_tap_of_nothing_says_that_all_was_skipped() -> None:
    assert "TAP version 14\n1..0 # nothing was held\n" == tap.text(outcomes.document([]))


# ---------------------------------------------------------------- JUnit

_TEXT = {"type": False, "message": False}
JUNIT: dict[str, tuple[dict[str, bool], set[str], bool]] = {
    "testsuites": (dict.fromkeys(("name", "time", "tests", "failures", "errors"), False), {"testsuite"}, False),
    "testsuite": (
        dict.fromkeys(("name", "tests", "failures", "errors"), True)
        | dict.fromkeys(("group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"), False),
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        False,
    ),
    "properties": ({}, {"property"}, False),
    "property": ({"name": True, "value": True}, set(), False),
    "testcase": (
        {"name": True, "time": False, "classname": False, "group": False},
        {"skipped", "error", "failure", "system-out", "system-err"},
        False,
    ),
    "skipped": (_TEXT, set(), True),
    "error": (_TEXT, set(), True),
    "failure": (_TEXT, set(), True),
    "system-out": ({}, set(), True),
    "system-err": ({}, set(), True),
}
"""What junit-10.xsd of Jenkins' xUnit plugin says: of each element its attributes (needed or not), its children, and whether
it holds text. Where children may stand, they may stand in any order and number. Its reruns are left out: we write none."""


def junit_slips(element: ElementTree.Element) -> Iterator[str]:
    """Where a document is not as the schema has it."""
    if element.tag not in JUNIT:
        yield f"<{element.tag}>"
        return
    attributes, children, holds_text = JUNIT[element.tag]
    yield from (f"<{element.tag} {name}>" for name in element.attrib if name not in attributes)
    yield from (f"<{element.tag}> without {name}" for name, needed in attributes.items() if needed and name not in element.attrib)
    if element.tag in ("testsuite", "testsuites") and not re.fullmatch(r"[0-9]*(\.[0-9]*)?", element.get("time", "")):
        yield f"<{element.tag} time={element.get('time')}>"
    texts = [element.text, *(child.tail for child in element)]
    if not holds_text and any(text and text.strip() for text in texts):
        yield f"text in <{element.tag}>"
    for child in element:
        if child.tag not in children:
            yield f"<{child.tag}> in <{element.tag}>"
        yield from junit_slips(child)


@pytest.mark.parametrize(
    "document", [outcomes.document(), outcomes.document([]), known("talk/called"), hostile(outcomes.NASTY)], ids="abcd"
)
def test_junit_is_as_the_schema_of_ci_servers_has_it(document: dict[str, Any]) -> None:
    assert [] == list(junit_slips(ElementTree.fromstring(junit.text(document))))


def test_what_is_not_in_the_schema_of_junit_would_be_found() -> None:
    wrong = ElementTree.fromstring('<testsuites skipped="1"><testsuite name="x" time="1e5"><failure/>a</testsuite></testsuites>')
    assert [
        "<testsuites skipped>",
        "<testsuite> without tests",
        "<testsuite> without failures",
        "<testsuite> without errors",
        "<testsuite time=1e5>",
        "text in <testsuite>",
        "<failure> in <testsuite>",
    ] == list(junit_slips(wrong))


@pytest.mark.parametrize("document", [outcomes.document(), known("talk/called")], ids=["plain", "known"])
def test_junit_counts_what_it_holds_and_names_each_case_once(document: dict[str, Any]) -> None:
    root = ElementTree.fromstring(junit.text(document))
    for suite in root:
        cases = suite.findall("testcase")
        counted = {"tests": len(cases), "failures": 0, "errors": 0, "skipped": 0}
        for case in cases:
            for tag, key in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
                counted[key] += case.find(tag) is not None
        assert counted == {key: int(suite.get(key, "")) for key in counted}
    for key in ("tests", "failures", "errors"):
        assert int(root.get(key, "")) == sum(int(suite.get(key, "")) for suite in root)
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(names) == len(set(names)) > 0


# ---------------------------------------------------------------- GitHub

COMMANDS = ("error", "warning", "notice", "group", "add-mask", "set-env", "stop-commands", "set-output", "debug", "echo")


def runner_reads(line: str) -> tuple[str, dict[str, str], str] | None:
    """The command that GitHub's runner takes a line of output for: `::name key=value::text` at its start, or the older
    `##[name]` anywhere."""

    def unescaped(text: str, *more: tuple[str, str]) -> str:
        for token, plain in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
            text = text.replace(token, plain)
        return text

    if (head := line.lstrip()).startswith("::") and "::" in head[2:]:
        info, _, data = head[2:].partition("::")
        name, _, written = info.partition(" ")
        if name in COMMANDS:
            pairs = [part.split("=", 1) for part in written.strip().split(",") if "=" in part]
            return name, {key: unescaped(value, ("%3A", ":"), ("%2C", ",")) for key, value in pairs}, unescaped(data)
    if found := re.search(r"##\[([^] ]*)[^]]*\](.*)", line):
        return (found[1], {}, found[2]) if found[1] in COMMANDS else None
    return None


def annotations(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Kind, title and text of each annotation; a line that is none must be for people."""
    *lines, last = github.text(document).splitlines()
    assert last.startswith("chatcompat: ")
    assert runner_reads(last) is None
    found = []
    for line in lines:
        read = runner_reads(line)
        assert read is not None
        name, properties, said = read
        assert ["title"] == list(properties)
        found.append((name, properties["title"], said))
    return found


def test_each_defect_is_an_annotation_and_the_worst_come_first() -> None:
    found = annotations(outcomes.document())
    assert ["error"] * 3 + ["warning"] == [kind for kind, _, _ in found][:4]
    titles = [title for _, title, _ in found]
    assert "bad: stream.ends-with-done" in titles
    assert "bad: talk/called:effect" in titles
    assert len(titles) == len(set(titles))


def test_a_defect_of_many_endpoints_is_one_annotation() -> None:
    document = outcomes.copied(outcomes.document())
    for key, value in list(document["endpoints"].items()):
        document["endpoints"][f"{key}-too"] = value
    document["results"] += [{**one, "endpoint": f"{one['endpoint']}-too"} for one in document["results"]]
    for row in document["protocol"]:
        row["endpoints"] |= {f"{key}-too": value for key, value in row["endpoints"].items()}
    told = {title for _, title, _ in annotations(document)}
    assert {title.replace("bad:", "2 endpoints:") for _, title, _ in annotations(outcomes.document()) if "bad:" in title} <= told


def test_what_breaks_clients_comes_before_what_is_only_ignored_whoever_does_it() -> None:
    document = outcomes.copied(outcomes.document())
    ignored = [
        {**one, "endpoint": "a"} for one in document["results"] if (one["endpoint"], one["case"]) == ("bad", "talk/called")
    ]
    document["endpoints"] = {"a": document["endpoints"]["good"], **document["endpoints"]}
    document["results"] = [*ignored, *document["results"]]
    titles = [title for kind, title, _ in annotations(document) if kind == "error"]
    assert "2 endpoints: talk/called:effect" == titles[-1]
    assert "bad: stream.ends-with-done" in titles[:-1]


def test_no_more_are_written_than_a_runner_shows() -> None:
    document = outcomes.copied(outcomes.document())
    (called,) = [one for one in document["results"] if one["case"] == "talk/called" and one["endpoint"] == "bad"]
    for number in range(30):
        findings = [{**one, "rule": f"talk/made-{number}:{one['kind']}"} for one in called["findings"] if one["kind"]]
        document["results"].append({**called, "case": f"talk/made-{number}", "findings": findings})
    kinds = [kind for kind, _, _ in annotations(document)]
    errors = [title for kind, title, _ in annotations(document) if kind == "error"]
    assert 10 == kinds.count("error")
    assert "and 24 more" == errors[-1]


@pytest.mark.parametrize(
    "said",
    ["x\n::error::forged", "::set-env name=PATH::x", "a##[add-mask]b", "100%0A::error::x,title=y", "\r::stop-commands::x"],
)
def test_what_an_endpoint_says_is_no_command(said: str) -> None:
    document = hostile(said)
    assert Counter(kind for kind, _, _ in annotations(outcomes.document())) == Counter(
        kind for kind, _, _ in annotations(document)
    )
    assert any(matrix.plain(said) in text for _, _, text in annotations(document))


def test_an_endpoint_that_could_not_be_judged_is_an_error() -> None:
    document = outcomes.document([outcomes.held(outcomes.ANSWER, outcomes.silent("nobody listens there"))])
    assert [("error", "good: nothing could be judged", "nobody listens there")] == annotations(document)


# ---------------------------------------------------------------- the job's summary


def test_the_summary_has_the_matrix_and_what_counts_and_no_evidence() -> None:
    made = summary_.text(outcomes.document())
    headings = re.findall(r"^#+ .*", made, re.MULTILINE)
    assert ["## chatcompat: 2 endpoints, 3 cases, 8 trials", "### What is wrong", "### Suites"] == headings
    assert "`stream.ends-with-done`" in made
    assert "```" not in made


def test_what_an_endpoint_says_is_no_markup_of_the_summary() -> None:
    made = summary_.text(hostile("</details><script>x</script> | a\n# b `c` [d](e)"))
    assert "<script" not in made
    assert made.count("<details>") == made.count("</details>")
    assert not re.search(r"^# b", made, re.MULTILINE)


def test_the_summary_stays_within_what_github_takes() -> None:
    document = outcomes.copied(outcomes.document())
    about = document["endpoints"]["good"]
    for number in range(6000):
        document["endpoints"][f"good-{number}"] = about
    made = summary_.text(document)
    assert len(made.encode()) <= summary_.MOST_BYTES + 1000
    assert made.startswith("## chatcompat: 6002 endpoints")
    assert "There is more than fits here" in made


# ---------------------------------------------------------------- accepted failures


def test_an_accepted_failure_is_shown_as_such_in_every_format_and_never_as_passed() -> None:
    document = known("talk/called", reason="one call at a time", until="2027-01-01")
    formats = report.formats()
    silent = [name for name in sorted(formats) if "known failure: one call" not in formats[name].text(document)]
    assert ["badge", "clients", "field", "json", "svg"] == silent  # these tell of no trial, or have the entry itself
    assert badge.text(outcomes.document()) == badge.text(document)  # an accepted failure is none that passed


def test_an_accepted_failure_fails_no_ci() -> None:
    plain, document = outcomes.document(), known("talk/called")
    (test,) = [one for one in json.loads(ctrf.text(document))["results"]["tests"] if "extra" in one]
    assert ("bad talk/called", "other", "ignored") == (test["name"], test["status"], test["rawStatus"])
    assert re.search(r"^not ok [0-9]+ - bad talk/called # TODO known failure", tap.text(document), re.MULTILINE)
    failures = [int(ElementTree.fromstring(junit.text(one)).get("failures", "")) for one in (plain, document)]
    assert failures[0] - 1 == failures[1]
    kinds = [kind for kind, title, _ in annotations(document) if "talk/called" in title or "known" in title]
    assert ["notice"] == kinds


def test_a_rule_is_accepted_in_all_trials_that_only_it_fails() -> None:
    document = known("stream.ends-with-done")
    (one,) = accepted.known(document)
    assert ("bad", "fail", ("talk/answer:stream",)) == (one.endpoint, one.verdict, one.trials)
    assert not [title for _, title, _ in annotations(document) if title == "bad: stream.ends-with-done"]


@pytest.mark.parametrize(
    ("name", "trials"),
    [
        ("talk/answer", ["talk/answer", "talk/answer:stream"]),
        ("talk/answer:stream", ["talk/answer:stream"]),
        ("talk/answer:plain", ["talk/answer"]),
        ("talk/ended", []),
    ],
)
def test_a_case_is_accepted_or_one_trial_of_it(name: str, trials: list[str]) -> None:
    assert trials == [trial for one in accepted.known(known(name)) for trial in one.trials]


@pytest.mark.parametrize(("until", "count"), [("2026-11-22", 1), ("2026-11-21", 0), (None, 1)])
def test_an_entry_whose_day_had_passed_accepts_nothing(until: str | None, count: int) -> None:
    assert "2026-11-22T08:00:00Z" == outcomes.document()["started"]
    assert count == len(accepted.known(known("talk/called", until=until)))


# ---------------------------------------------------------------- by chance


def test_what_passes_at_times_only_is_neither_green_nor_red() -> None:
    document = outcomes.copied(outcomes.document())
    for result in document["results"]:
        if result["endpoint"] == "good" and result["case"] == "talk/called":
            result["passed"] = chance.passed(["pass"] * 7 + ["fail"] * 3)
    (test,) = [one for one in json.loads(ctrf.text(document))["results"]["tests"] if one["name"] == "good talk/called"]
    assert ("other", "flaky") == (test["status"], test["rawStatus"])
    assert re.search(r"^not ok [0-9]+ - good talk/called # TODO flaky: 7 of 10 passed", tap.text(document), re.MULTILINE)
    (case,) = [
        one
        for one in ElementTree.fromstring(junit.text(document)).iter("testcase")
        if "good" in one.get("classname", "") and one.get("name") == "called"
    ]
    assert "flaky: 7 of 10 passed" in case.find("skipped").get("message")  # type: ignore[union-attr, operator]
    assert ("warning", "1 trial flaky") in [(kind, title) for kind, title, _ in annotations(document)]
    assert [] == list(junit_slips(ElementTree.fromstring(junit.text(document))))


# ---------------------------------------------------------------- badges


def test_the_picture_says_what_the_badge_says() -> None:
    document = outcomes.document()
    said = json.loads(badge.text(document))
    root = ElementTree.fromstring(svg.text(document))
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [said["label"], said["message"]] == texts
    assert f"{said['label']}: {said['message']}" == root.get("aria-label")
