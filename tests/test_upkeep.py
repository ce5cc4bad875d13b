"""What state recordings are in, and what changes when they are recorded again."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness import upkeep
from harness.cassette import metadata
from harness.cli import chatcompat
from harness.reference import faults_named
from harness.reference.server import running

SUITE = """
suite: mine
title: Mine
features:
  said: {title: It says things}
  counted: {title: It counts}
cases:
  - id: word
    title: It says a word
    needs: [said]
    stream: [false, true]
    request: {messages: [{role: user, content: "Say pear."}], max_tokens: 9}
  - id: other
    title: It says another
    needs: [counted]
    request: {messages: [{role: user, content: "Say plum."}], max_tokens: 9}
"""


def run(*arguments: str) -> Result:
    """The command, with what it writes to each stream apart."""
    return CliRunner().invoke(chatcompat, [str(one) for one in arguments])


def recorded(tmp_path: Path, *faults: str, missing: bool = False) -> Result:
    """Records the suite with the reference server, with these faults."""
    profile = tmp_path / "mine-server.yaml"
    with running(faults_named(faults)) as url:
        profile.write_text(
            f"name: mine-server\ntitle: Mine\nbase_url: {url}\nmodel: reference-1\nthinks: false\ntoken_field: max_tokens\n"
        )
        arguments = [
            "run",
            tmp_path / "mine.yaml",
            "--endpoint",
            profile,
            "--mode",
            "record",
            "--cassettes",
            tmp_path / "cassettes",
        ]
        return run(*arguments, "--out", tmp_path / "out", "--format", "json", "-q", *(["--missing"] if missing else []))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three cassettes of a suite of the user's own."""
    (tmp_path / "mine.yaml").write_text(SUITE)
    assert 0 == recorded(tmp_path).exit_code
    return tmp_path / "cassettes"


def looked(folder: Path, **options: str) -> dict[str, Any]:
    """What the command says of the one endpoint, as data."""
    result = run(
        "cassettes",
        folder,
        "--suite",
        folder.parent / "mine.yaml",
        "--json",
        *(f"--{key}={value}" for key, value in options.items()),
    )
    (one,) = [one for one in json.loads(result.stdout)["endpoints"] if one["endpoint"] == "mine-server"]
    # of the shipped suites nothing is recorded here, and that is not what these tests are about
    return {**one, "missing": [name for name in one["missing"] if name.startswith("mine/")]}


def dated(folder: Path, file: str, when: date) -> None:
    """Makes a recording as old as this."""
    path = folder / "mine-server" / "mine" / file
    before = metadata(path)["recorded"]
    path.write_text(path.read_text().replace(before, f"{when.isoformat()}T08:00:00Z"))


def test_recordings_are_counted_and_say_of_what_they_are(folder: Path) -> None:
    about = looked(folder)
    assert (3, [], [], [], []) == tuple(about[key] for key in ("cassettes", "missing", "different", "left_over", "unreadable"))
    assert ["chatcompat-reference"] == about["servers"]
    assert about["recorded_by"][0].startswith("chatcompat ")
    assert sum(path.stat().st_size for path in folder.glob("*/mine/*.yaml")) == about["bytes"]


def test_ages_are_counted_from_today(folder: Path) -> None:
    today = datetime.now(UTC).date()
    dated(folder, "word.yaml", today - timedelta(days=40))
    dated(folder, "other.yaml", today - timedelta(days=30))
    about = looked(folder, **{"max-age": "30"})
    assert (40, (today - timedelta(days=40)).isoformat()) == (about["age_days"], about["oldest"])
    assert ["mine-server/mine/word.yaml"] == about["too_old"]


def test_what_is_missing_different_or_damaged_is_named(folder: Path) -> None:
    cassettes = folder / "mine-server" / "mine"
    (cassettes / "word.stream.yaml").unlink()
    (cassettes / "word.yaml").write_text((cassettes / "word.yaml").read_text().replace("Say pear.", "Say figs."))
    (cassettes / "other.yaml").write_text("version: [")
    about = looked(folder)
    assert (["mine/word:stream"], ["mine/word"], ["mine/other"]) == tuple(
        about[key] for key in ("missing", "different", "unreadable")
    )


def test_a_cassette_that_no_case_asks_for_is_left_over_and_deleted_only_on_demand(folder: Path) -> None:
    own = folder / "mine-server" / "mine"
    gone = own / "gone.yaml"
    streamed = own / "other.stream.yaml"  # the case is not streamed
    for left in (gone, streamed):
        left.write_bytes((own / "other.yaml").read_bytes())
    assert ["mine-server/mine/gone.yaml", "mine-server/mine/other.stream.yaml"] == looked(folder)["left_over"]
    assert gone.exists()
    result = run("cassettes", folder, "--suite", folder.parent / "mine.yaml", "--prune")
    assert (0, "deleted: 2\n") == (result.exit_code, result.stderr)
    assert "left over: 2: mine-server/mine/gone.yaml" in result.stdout
    assert ["other.yaml", "word.stream.yaml", "word.yaml"] == sorted(path.name for path in own.iterdir())


def test_cassettes_of_a_suite_that_is_not_named_are_never_deleted(folder: Path) -> None:
    result = run("cassettes", folder, "--prune")
    assert "of suites that are not among these: 3: " in result.stdout
    assert 3 == len(list((folder / "mine-server" / "mine").iterdir()))


@pytest.mark.parametrize(("strict", "code"), [(False, 0), (True, 1)])
def test_only_a_strict_look_fails(folder: Path, strict: bool, code: int) -> None:
    result = run("cassettes", folder, *(["--strict"] if strict else []))  # the shipped suites are not recorded here
    assert "  missing: " in result.stdout
    assert code == result.exit_code


def test_rules_that_a_report_has_not_are_named(folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "out" / "report.json"
    document = json.loads(report.read_text())
    del document["rules"]["stream.ends-with-done"]
    report.write_text(json.dumps(document))
    assert "has not: stream.ends-with-done\n" in run("cassettes", folder, "--report", report).stdout


def test_a_body_that_looks_like_metadata_is_none(folder: Path) -> None:
    path = folder / "mine-server" / "mine" / "word.yaml"
    known = metadata(path)
    path.write_text(path.read_text().replace("pear", "metadata:\\nrecorded: 1999-01-01"))
    assert known == metadata(path)
    assert {} == metadata(folder / "mine-server" / "endpoint.yaml") == metadata(folder / "none.yaml")


def test_a_folder_without_recordings_is_told(tmp_path: Path) -> None:
    result = run("cassettes", tmp_path)
    assert "holds no recordings" in str(result.exception)


# ---------------------------------------------------------------- recording again


def contents(folder: Path) -> dict[str, bytes]:
    """Every file in a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_first_recording_has_nothing_to_compare_with(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SUITE)
    assert "recorded before" not in recorded(tmp_path).stderr


def test_recording_again_tells_what_changed_and_then_replaces(folder: Path, tmp_path: Path) -> None:
    before = contents(folder)
    said = recorded(tmp_path, "never-says-done").stderr
    assert "to what was recorded before: 1 newly broken, 2 as before\n" in said
    assert "  mine-server: stream.ends-with-done\n" in said
    assert "the endpoint answers otherwise" in said
    after = contents(folder)
    assert before.keys() == after.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert {"mine-server/mine/word.stream.yaml", "mine-server/mine/word.yaml", "mine-server/mine/other.yaml"} <= changed
    assert [] == list(folder.glob(".*"))


def test_what_cannot_be_recorded_again_stays_as_it_was_and_is_said(folder: Path, tmp_path: Path) -> None:
    before = contents(folder)
    profile = tmp_path / "mine-server.yaml"  # whose server is gone
    result = run(
        "run",
        tmp_path / "mine.yaml",
        "--endpoint",
        profile,
        "--mode",
        "record",
        "--cassettes",
        folder,
        "--skip-models",
        "-q",
        "--out",
        tmp_path / "out",
    )
    assert "3 no longer judged" in result.stderr
    assert before == contents(folder)


def test_only_what_is_missing_is_recorded_again(folder: Path, tmp_path: Path) -> None:
    (folder / "mine-server" / "mine" / "other.yaml").unlink()
    before = contents(folder)
    said = recorded(tmp_path, "never-says-done", missing=True).stderr
    assert "to what was recorded before: 1 judged now, 2 as before\n" in said
    after = contents(folder)
    kept = {name: after[name] for name in before if "/mine/" in name}
    assert {name: content for name, content in before.items() if "/mine/" in name} == kept
    assert "mine-server/mine/other.yaml" in after


def test_old_is_what_is_older_than_so_many_days() -> None:
    today = date(2026, 11, 23)
    kept = upkeep.Kept(
        endpoint="x", cassettes=3, size=1, oldest=None, newest=None,
        recorded={"b": date(2026, 11, 1), "a": date(2026, 10, 1), "c": date(2026, 11, 22)},
        servers=(), harnesses=(), missing=(), differing=(), unreadable=(), orphans=(), strangers=(),
    )  # fmt: skip
    assert (("a", "b"), ("a", "b", "c"), ()) == tuple(kept.older_than(days, today) for days in (21, 0, 53))
