"""reports/kill-matrix.md: generated, and so in step with the rules, faults and look-alikes that there are."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from harness import kill_matrix
from harness.reference import all_faults, all_lookalikes
from harness.resources import ROOT
from harness.rule import all_rules

FAULTS = all_faults()
LOOKALIKES = all_lookalikes()
PAGE = kill_matrix.text(FAULTS, LOOKALIKES)


def test_the_page_in_the_project_is_up_to_date() -> None:
    assert PAGE == (ROOT / "reports" / "kill-matrix.md").read_text(encoding="utf-8")


def test_it_is_written_by_the_command_that_it_names() -> None:
    written = subprocess.run([sys.executable, "-m", "harness.kill_matrix"], capture_output=True, check=True, text=True)
    assert PAGE == written.stdout


def test_every_rule_fault_and_lookalike_has_a_row() -> None:
    first = {line.split(" | ")[0].strip("| `") for line in PAGE.splitlines() if line.startswith("| ")}
    assert set() == {one.id for one in (*FAULTS, *LOOKALIKES)} - first
    assert set() == {rule.id for rule in all_rules()} - first


def test_a_row_names_the_faults_that_show_a_rule_and_marks_those_that_no_other_counts() -> None:
    alone = replace(FAULTS[0], id="alone", caught_by=frozenset({"stream.one-id", "document.has-only-known-fields"}))
    both = replace(FAULTS[0], id="both", caught_by=frozenset({"stream.one-id", "stream.one-model"}))
    rows = kill_matrix.text([alone, both], []).splitlines()
    assert "| `stream.one-id` | MUST | **alone**, both |" in rows
    assert "| `stream.one-model` | SHOULD | both |" in rows


def test_a_fault_that_no_rule_sees_is_among_the_cases() -> None:
    ignored = replace(FAULTS[0], id="ignores-it", caught_by=frozenset({"choices/two"}))
    rows = kill_matrix.text([ignored], []).splitlines()
    assert "| `choices/two` | ignores-it |" in rows
    assert "- 1 faults: 0 seen by standing rules, 1 by cases alone, none unseen." in rows
