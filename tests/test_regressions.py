"""A maintainer's week: recordings of a server, a fault switched on between two runs, and off again.

What diff, baseline, shard and merge say of that, on replays of these recordings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli import chatcompat
from harness.errors import ChatcompatError
from harness.reference import faults_named
from harness.reference.server import running

SELECTION = ("basic", "usage", "streaming", "stop")


@dataclass
class Shell:
    """Types commands in a folder; `good` and `bad` are recordings of the same endpoint, before and after."""

    folder: Path

    def __call__(self, *words: object) -> tuple[int, str]:
        ended = CliRunner().invoke(chatcompat, [str(word) for word in words])
        if isinstance(ended.exception, ChatcompatError):
            return ended.exception.exit_code, str(ended.exception)
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        return ended.exit_code, ended.output

    def replay(self, which: str, *words: object, out: str | None = None) -> tuple[int, str]:
        """A run from the recordings of that name, reported to a folder of its name."""
        return self(
            *("run", *SELECTION, "--cassettes", self.folder / which, "--out", self.folder / (out or f"report-{which}")),
            *("--format", "json", *words),
        )

    def report(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name / "report.json").read_text(encoding="utf-8"))
        return found


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    made = Shell(tmp_path_factory.mktemp("recorded"))
    for name, faults in (("good", []), ("bad", ["never-says-done"])):
        with running(faults_named(faults)) as url:
            profile = made.folder / "mine.yaml"
            profile.write_text(f"name: mine\ntitle: Mine\nbase_url: {url}\nmodel: reference-1\n", encoding="utf-8")
            made("run", *SELECTION, "--endpoint", profile, "--mode", "record", "--cassettes", made.folder / name, "-q")
        made.replay(name)
    return made


def test_diff_says_what_got_worse_and_that_it_was_the_endpoint(shell: Shell) -> None:
    code, said = shell("diff", shell.folder / "report-good", shell.folder / "report-bad")
    assert 1 == code
    assert "newly broken" in said
    assert "stream.ends-with-done" in said
    assert "the endpoint answers otherwise" in said
    code, said = shell("diff", shell.folder / "report-bad", shell.folder / "report-good")
    assert (0, True) == (code, "fixed" in said)
    assert 0 == shell("diff", shell.folder / "report-good", shell.folder / "report-good")[0]


def test_shards_merge_to_the_report_of_the_whole_before_and_after(shell: Shell) -> None:
    for which, code in (("good", 0), ("bad", 1)):
        for number in (1, 2, 3):
            shell.replay(which, "--shard", f"{number}/3", out=f"{which}-{number}")
        parts = [shell.folder / f"{which}-{number}" for number in (1, 2, 3)]
        assert code == shell("merge", *parts, "--out", shell.folder / f"merged-{which}", "--format", "json")[0]
        whole, merged = shell.report(f"report-{which}"), shell.report(f"merged-{which}")
        # what only others need is reported by no shard
        assert [one for one in whole["results"] if one["case"].startswith(SELECTION)] == merged["results"]


def test_a_baseline_takes_in_what_broke_and_lets_go_of_what_was_mended(shell: Shell) -> None:
    file = shell.folder / "baseline.yaml"
    options = ("--baseline", file)
    assert 2 == shell.replay("bad", *options)[0]
    assert 0 == shell.replay("good", *options, "--update-baseline")[0]
    assert not file.exists()
    code, said = shell.replay("bad", *options, "--update-baseline", out="known")
    assert (0, True) == (code, "added mine stream.ends-with-done" in said)
    assert "    stream.ends-with-done: {reason: unreviewed}\n" in file.read_text()
    assert 0 == shell.replay("bad", *options, out="known")[0]
    results = shell.report("known")["results"]
    assert {("stream.ends-with-done",)} == {tuple(one["accepted"]) for one in results if "accepted" in one}
    assert {True} == {"accepted" in one for one in results if one["verdict"] == "fail"}

    parts = [shell.folder / f"bad-{number}" for number in (1, 2, 3)]
    assert 0 == shell("merge", *parts, *options, "--out", shell.folder / "merged", "--format", "json")[0]

    file.write_text("# ours\n" + file.read_text())
    code, said = shell.replay("good", *options, out="stale")
    assert 0 == code  # a selection says nothing of a rule: it may be broken elsewhere
    code, said = shell(
        "merge", *(shell.folder / f"good-{number}" for number in (1, 2, 3)), *options, "--out", shell.folder / "merged"
    )
    assert 1 == code
    assert f"{file}:4: mine: stream.ends-with-done is stale: it did not fail; remove the entry" in said
