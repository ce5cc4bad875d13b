"""Runs that are stopped or killed half-way, and gone on with: nothing is lost, nothing asked twice but what was in flight."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import load
from harness.model import Reply, Request
from harness.reference.server import running

SELECTION = ("basic", "usage", "limits", "errors", "stop")
CONCURRENCY = 2


class Counting:
    """A reference server that counts what it is asked, says when there were so many requests, and may wait before it answers.

    It is a change like a fault is: handed to the server, and called for each reply.
    """

    def __init__(self, most: int) -> None:
        self.asked: Counter[bytes] = Counter()
        self.half_way = threading.Event()
        self.go_on = threading.Event()
        self._most = most

    def log(self, request: Request, reply: Reply) -> None:
        """A request came in."""
        self.asked[request.method.encode() + request.path.encode() + (request.content or b"")] += 1
        if sum(self.asked.values()) >= self._most:
            self.half_way.set()
            self.go_on.wait(60)  # so that it is stopped here, and no clock decides


@contextmanager
def counting(most: int) -> Iterator[tuple[str, Counting]]:
    """The server's URL, and what it counts."""
    counted = Counting(most)
    with running(log=counted.log) as url:
        try:
            yield url, counted
        finally:
            counted.go_on.set()


def command(folder: Path, url: str, *more: str) -> list[str]:
    profile = folder / "mine.yaml"
    profile.write_text(f"name: mine\ntitle: Mine\nbase_url: {url}\nmodel: reference-1\n", encoding="utf-8")
    words = [
        "run",
        *SELECTION,
        "--endpoint",
        str(profile),
        "--skip-models",
        "--format",
        "json",
        "--concurrency",
        str(CONCURRENCY),
    ]
    return [sys.executable, "-m", "harness.cli", *words, *more]


def stopped(folder: Path, url: str, counted: Counting, number: int) -> tuple[int, str]:
    """A run that is sent a signal when so many requests were made; its exit code, and what it said."""
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command(folder, url), cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert counted.half_way.wait(60)
        process.send_signal(number)
        if number == signal.SIGKILL:
            process.wait(60)
        counted.go_on.set()
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, said.decode()


def gone_on(folder: Path, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, url, *more), cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "chatcompat-report" / "report.json").read_text(encoding="utf-8"))
    return found


def said_of(document: dict[str, Any]) -> dict[str, Any]:
    """What a report says, without what the clock and the run's number of requests say."""
    for result in document["results"]:
        for key in ("elapsed_ms", "answered", "exchanges"):
            result.pop(key)
    for about in document["endpoints"].values():
        about.pop("elapsed_ms")
        about.pop("base_url")
        about.pop("spent")
    document.pop("started")
    return document


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Counter[bytes]]:
    """The report of a run that nobody stopped, and what it asked."""
    folder = tmp_path_factory.mktemp("whole")
    with counting(10**9) as (url, counted):
        ended = gone_on(folder, url)
        assert 0 == ended.returncode, ended.stderr
    assert not (folder / "chatcompat-report" / "journal.jsonl").exists()
    return report(folder), counted.asked


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_stopped_goes_on_where_it_was(
    number: int, tmp_path: Path, whole: tuple[dict[str, Any], Counter[bytes]]
) -> None:
    expected, asked = whole
    half = sum(asked.values()) // 2
    with counting(half) as (url, counted):
        code, said = stopped(tmp_path, url, counted, number)
        assert "Traceback" not in said
        assert {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[signal.Signals(number)] == code
        if number != signal.SIGKILL:
            partial = report(tmp_path)
            assert partial["partial"]
            assert 0 < sum(partial["counts"].values()) - partial["counts"]["skipped"] < sum(expected["counts"].values())
        assert (tmp_path / "chatcompat-report" / "journal.jsonl").exists()
        ended = gone_on(tmp_path, url, "--resume")
        assert 0 == ended.returncode, ended.stderr
    spent = report(tmp_path)["endpoints"]["mine"]["spent"]["requests"]
    assert said_of(json.loads(json.dumps(expected))) == said_of(report(tmp_path))
    more = counted.asked - asked
    assert set() == asked.keys() - counted.asked.keys()
    cases = [case for suite in load.suites() if suite.id in SELECTION for case in suite.cases]
    in_flight = CONCURRENCY * max(len(case.steps) * case.tries for case in cases)  # a trial is held again from its first step
    assert sum(more.values()) <= in_flight
    assert sum(asked.values()) - in_flight <= spent <= sum(asked.values()) + in_flight
    assert not (tmp_path / "chatcompat-report" / "journal.jsonl").exists()


def test_a_run_that_is_killed_while_it_stops_can_go_on(tmp_path: Path) -> None:
    with counting(20) as (url, counted):
        process = subprocess.Popen(command(tmp_path, url), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert counted.half_way.wait(60)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGKILL)  # whichever comes first: what is on the disk is whole
        process.communicate(timeout=60)
        counted.go_on.set()
        assert 0 == gone_on(tmp_path, url, "--resume").returncode


def test_what_cannot_be_gone_on_with_is_refused_with_the_difference(tmp_path: Path) -> None:
    with counting(20) as (url, counted):
        nothing = gone_on(tmp_path, url, "--resume")
        assert (2, True) == (nothing.returncode, "no run was stopped there" in nothing.stderr)
        stopped(tmp_path, url, counted, signal.SIGKILL)
        other = gone_on(tmp_path, url, "--resume", "--model", "reference-2")
        assert (2, True) == (
            other.returncode,
            "the model of mine was 'reference-1', and is 'reference-2'" in other.stderr.replace('"', "'"),
        )
        fewer = subprocess.run(
            [word for word in command(tmp_path, url, "--resume") if word != "basic"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (2, True) == (fewer.returncode, "which this one does not plan" in fewer.stderr)
        replay = gone_on(tmp_path, url, "--resume", "--mode", "record", "--cassettes", "kept")
        assert (2, True) == (replay.returncode, "--missing" in replay.stderr)


def test_a_line_that_was_cut_off_is_asked_again(tmp_path: Path) -> None:
    with counting(30) as (url, counted):
        stopped(tmp_path, url, counted, signal.SIGKILL)
        journal = tmp_path / "chatcompat-report" / "journal.jsonl"
        content = journal.read_bytes()
        journal.write_bytes(content[: len(content) - 40])
        assert 0 == gone_on(tmp_path, url, "--resume").returncode
        assert not report(tmp_path)["partial"]


def test_a_report_that_cannot_be_written_leaves_the_journal(tmp_path: Path) -> None:
    with counting(10**9) as (url, _):
        (tmp_path / "chatcompat-report" / "report.json").mkdir(parents=True)  # nothing can be put in its place
        failed = gone_on(tmp_path, url)
        assert (2, True) == (failed.returncode, "add --resume" in failed.stderr)
        (tmp_path / "chatcompat-report" / "report.json").rmdir()
        before = sum(_.asked.values())
        assert 0 == gone_on(tmp_path, url, "--resume").returncode
        assert before == sum(_.asked.values())
        assert not report(tmp_path)["partial"]
