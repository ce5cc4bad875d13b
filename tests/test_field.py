"""Every kind of failure reported from the field has a fault that does it, a look-alike that answers it, or a reason."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from harness.load import yaml_document
from harness.model import Json
from harness.reading import obj, objects, text
from harness.reference import all_faults, all_lookalikes

HERE: Final = Path(__file__).parent
REPORTS: Final = Path(os.environ.get("CHATCOMPAT_FIELD") or HERE.parents[1] / "shared" / "field_failures.yaml")
PINNED: Final = [line for line in (HERE / "field_ids.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#")]
EXCEPTIONS: Final[Mapping[str, Json]] = obj(yaml_document((HERE / "field_exceptions.yaml").read_text(encoding="utf-8")))
COVERED: Final = {name for one in (*all_faults(), *all_lookalikes()) for name in one.field}


@pytest.mark.parametrize("report", PINNED)
def test_a_report_is_covered_or_excused(report: str) -> None:
    assert report in COVERED or report in EXCEPTIONS


def test_nothing_else_is_said_to_be_reported() -> None:
    assert set() == (COVERED | EXCEPTIONS.keys()) - set(PINNED)


def test_few_are_excused_each_with_a_reason_and_none_without_need() -> None:
    assert len(EXCEPTIONS) <= 8
    assert [] == [name for name, reason in EXCEPTIONS.items() if len(text(reason)) < 40]
    assert set() == EXCEPTIONS.keys() & COVERED


def test_the_reports_are_pinned_once_and_in_order() -> None:
    assert sorted(set(PINNED)) == PINNED


@pytest.mark.skipif(not REPORTS.is_file(), reason="no reports from the field: set CHATCOMPAT_FIELD to their file")
def test_all_reports_are_pinned() -> None:
    reports = obj(yaml_document(REPORTS.read_text(encoding="utf-8")))
    assert sorted(text(entry.get("id")) for _, entry in objects(reports.get("entries"))) == PINNED
