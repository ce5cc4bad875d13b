"""`chatcompat lint`: traffic that somebody else recorded is judged by host, whatever its form, size or damage."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import messages as messages_api
import pytest
from click.testing import CliRunner, Result
from exchanges import ASK, ASK_STREAM, CHUNKS, TEXT, events

from harness import recordings
from harness.cli import chatcompat
from harness.report import matrix, recorded

RECORDED = Path(os.environ.get("CHATCOMPAT_RECORDINGS") or Path(__file__).parents[2] / "shared" / "recordings")

BAD_OBJECT: dict[str, Any] = {**TEXT, "object": "text"}
"""Breaks a MUST rule and nothing else that counts."""
BAD_ID: dict[str, Any] = {**TEXT, "id": ""}
"""Breaks a SHOULD rule alone."""


def record(
    body: Any = TEXT, *, host: str = "api.example.com", path: str = "/v1/chat/completions", **changes: Any
) -> dict[str, Any]:
    """A line of JSON Lines."""
    headers = {f"x-header-{number}": "kept" for number in range(9)} | {"content-type": "application/json"}
    return {
        "method": "POST",
        "url": f"https://{host}{path}",
        "request_body": ASK,
        "status": 200,
        "response_headers": headers,
        "response_body": body if isinstance(body, str) else json.dumps(body),
        "recorded_at": "2026-11-23T09:00:00Z",
        **changes,
    }


def traffic(folder: Path, *lines: Any, name: str = "traffic.jsonl") -> Path:
    path = folder / name
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), encoding="utf-8")
    return path


def lint(*arguments: object) -> Result:
    return CliRunner().invoke(chatcompat, ["lint", *map(str, arguments)])


def document(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lint(*arguments, "--json").stdout)
    return found


def broken(found: dict[str, Any], host: str) -> dict[str, tuple[int, int]]:
    """Rule → in how many of how many exchanges, of what counts."""
    return {
        row["rule"]: (row["endpoints"][host]["broken"], row["endpoints"][host]["of"])
        for row in found["protocol"]
        if row["level"] != "may" and row["endpoints"][host]["broken"]
    }


# ---------------------------------------------------------------- what is said


def test_conformant_traffic_has_no_findings(tmp_path: Path) -> None:
    stream = record(events(CHUNKS).decode(), request_body=ASK_STREAM, response_headers={"content-type": "text/event-stream"})
    path = traffic(tmp_path, record(), stream)
    assert ({}, 0) == (broken(document(path), "api.example.com"), lint(path).exit_code)


def test_the_matrix_counts_each_rule_for_each_host(tmp_path: Path) -> None:
    found = document(traffic(tmp_path, record(BAD_OBJECT), record(), record(BAD_OBJECT), record(host="other.example.com")))
    assert ({"document.object-is-named": (2, 3)}, {}) == (broken(found, "api.example.com"), broken(found, "other.example.com"))


def test_a_terminal_sees_hosts_rules_and_counts(tmp_path: Path) -> None:
    said = lint(traffic(tmp_path, record(BAD_OBJECT), record(), record(host="other.example.com"))).stdout
    assert [True] * 4 == [
        part in said
        for part in (
            "2 hosts, 3 exchanges judged",
            "document.object-is-named",
            "MUST   document.object-is-named in 1 of 2 exchanges",
            "other.example.com  1 of 1 trial judged",
        )
    ]


def test_of_many_hosts_only_those_are_in_the_matrix_beside_which_something_is_broken(tmp_path: Path) -> None:
    lines = [
        record(BAD_OBJECT if number == 1 else BAD_ID if number == 40 else TEXT, host=f"h{number:02}.com")
        for number in range(1, 41)
    ]
    said = lint(traffic(tmp_path, *lines)).stdout.splitlines()
    heads = [line for line in said if line.startswith("Protocol:")]
    rows = [line.split()[0] for line in said if line.startswith("  document.")]
    assert (2, ["document.object-is-named", "document.id-is-not-empty"]) == (len(heads), rows)


def test_the_example_names_its_file_and_record_and_shows_its_bytes(tmp_path: Path) -> None:
    path = traffic(tmp_path, record(), record(BAD_OBJECT), record(BAD_OBJECT))
    result = document(path)["results"][-1]
    (finding,) = [one for one in result["findings"] if one["level"] == "must"]
    begin, end = finding["bytes"]
    written = "".join(frame["text"] for frame in result["exchanges"][0]["reply"]["frames"])
    assert ("api.example.com", f"{path}/2", '"text"') == (result["endpoint"], result["case"], written[begin:end])


def test_verdicts_are_counted_for_each_host(tmp_path: Path) -> None:
    found = document(traffic(tmp_path, record(BAD_OBJECT), record(BAD_ID), record(), record("no JSON")))
    counts = found["endpoints"]["api.example.com"]["verdicts"]
    assert {"pass": 1, "warn": 1, "fail": 2} == {verdict: count for verdict, count in counts.items() if count}


@pytest.mark.parametrize(
    "other",
    [
        record("{}", path="/v1/embeddings"),
        record("not found", path="/v1/messages", status=404, request_body="{}"),
        record("<html>", path="/models/42", method="GET", request_body=None),
        record("", method="OPTIONS", request_body=None, status=204),
    ],
)
def test_what_is_of_another_api_is_counted_and_not_judged(tmp_path: Path, other: dict[str, Any]) -> None:
    found = document(traffic(tmp_path, record(), {**other, "url": other["url"].replace("api.", "www.")}))
    assert (["api.example.com"], 1, 1) == (list(found["endpoints"]), found["traffic"]["judged"], found["traffic"]["other"])


def test_traffic_of_the_messages_api_is_judged_by_its_own_rules(tmp_path: Path) -> None:
    version = {"anthropic-version": "2023-06-01"}
    asked = json.dumps({"model": "m-1", "max_tokens": 9, "messages": [{"role": "user", "content": "Say hi."}]})
    messages = [
        record(json.dumps(messages_api.TEXT), path="/v1/messages", request_body=asked),
        record(json.dumps({**messages_api.TEXT, "type": "completion"}), path="/anthropic/v1/messages", request_body=asked),
        record('{"detail": "no"}', path="/v1/messages", status=400, request_body=asked),
        record(json.dumps(messages_api.MODELS), path="/v1/models", method="GET", request_body=None, request_headers=version),
    ]
    found = document(traffic(tmp_path, *messages))
    wanted = {"messages.type-is-message": (1, 2), "messages-errors.error-is-an-object": (1, 1)}
    assert (wanted, 4) == (broken(found, "api.example.com"), found["traffic"]["judged"])


def test_damaged_records_are_counted_and_named_and_the_rest_is_judged(tmp_path: Path) -> None:
    path = traffic(tmp_path, record(), "{", record(status=7), record())
    result = lint(path)
    assert (0, True, True, True) == (
        result.exit_code,
        "2 exchanges judged, 2 damaged records" in result.stdout,
        "record 2: the line is no JSON object" in " ".join(recorded_damage(path)),
        "Damaged, so not judged" in result.stdout,
    )


def recorded_damage(path: Path) -> list[str]:
    return matrix.damaged(document(path))


def test_a_file_in_a_folder_that_cannot_be_read_is_named_and_not_fatal(tmp_path: Path) -> None:
    traffic(tmp_path, record())
    (tmp_path / "gone.har").symlink_to(tmp_path / "nowhere")
    assert [f"{tmp_path / 'gone.har'}: cannot be read: No such file or directory"] == recorded_damage(tmp_path)


def test_forms_and_folders_are_read_together(tmp_path: Path) -> None:
    traffic(tmp_path, record(BAD_OBJECT, host="a.example.com"))
    (tmp_path / "below").mkdir()
    said = {"text": json.dumps(BAD_OBJECT)}
    asked = {"method": "POST", "url": "https://b.example.com/v1/chat/completions", "postData": {"text": json.dumps(ASK)}}
    entry = {"request": asked, "response": {"status": 200, "headers": [], "content": said}}
    har = json.dumps({"log": {"entries": [entry]}})
    (tmp_path / "below" / "browser.har.gz").write_bytes(gzip.compress(har.encode()))
    alone = traffic(tmp_path / "below", record(host="c.example.com"), name=".hidden.jsonl")
    found = document(tmp_path, alone)
    assert {"a.example.com": 1, "b.example.com": 1, "c.example.com": 0} == {
        host: len(broken(found, host)) for host in found["endpoints"]
    }


# ---------------------------------------------------------------- exit codes and options


@pytest.mark.parametrize(
    ("body", "options", "code"),
    [
        (TEXT, [], 0),
        (BAD_ID, [], 1),
        (BAD_ID, ["--level", "must"], 0),
        (BAD_OBJECT, ["--level", "must"], 1),
        ("no JSON", ["--level", "must"], 1),
    ],
)
def test_the_exit_code_says_whether_anything_counts(tmp_path: Path, body: Any, options: list[str], code: int) -> None:
    assert code == lint(traffic(tmp_path, record(body)), *options).exit_code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.har"], "cannot be read"),
        (["notes.txt"], "no form of recorded traffic"),
        (["."], "there is no recorded traffic in this folder"),
        (["traffic.jsonl", "--format", "json"], "name the folder to write to (--out)"),
        (["traffic.jsonl", "--out", "out", "--format", "jsno"], "no such format"),
        (["broken.jsonl"], "nothing could be judged: 0 exchanges and 1 damaged record"),
    ],
)
def test_wrong_usage_is_told_in_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    if arguments != ["."]:
        traffic(tmp_path, record())
        traffic(tmp_path, "{", name="broken.jsonl")
        (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    result = lint(*arguments)
    assert (2, True) == (getattr(result.exception, "exit_code", None), said in str(result.exception))


def test_quiet_says_nothing(tmp_path: Path) -> None:
    result = lint(traffic(tmp_path, record(BAD_OBJECT)), "--quiet")
    assert (1, "", "") == (result.exit_code, result.stdout, result.stderr)


def test_no_progress_where_stderr_is_no_terminal(tmp_path: Path) -> None:
    assert "" == lint(traffic(tmp_path, record())).stderr


def test_reports_are_written_where_they_are_asked_for_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = traffic(tmp_path, record(BAD_OBJECT), "{")
    monkeypatch.chdir(tmp_path)
    lint(path)
    before = sorted(one.name for one in tmp_path.iterdir())
    lint(path, "--out", tmp_path / "out", "--format", "json,md,html,junit,badge")
    assert (["traffic.jsonl"], 5) == (before, len(list((tmp_path / "out").iterdir())))


@pytest.mark.parametrize("file", ["README.md", "index.html"])
def test_a_written_report_names_the_rule_the_record_and_the_damage(tmp_path: Path, file: str) -> None:
    lint(traffic(tmp_path, record(BAD_OBJECT), "{"), "--out", tmp_path / "out")
    written = (tmp_path / "out" / file).read_text(encoding="utf-8")
    assert [True] * 4 == [
        part in written
        for part in ("document.object-is-named", "traffic.jsonl/1", "the line is no JSON object", "1 damaged record")
    ]


def test_its_report_is_one_that_can_be_rendered_again(tmp_path: Path) -> None:
    path = traffic(tmp_path, record(BAD_OBJECT), "{")
    said = lint(path, "--out", tmp_path / "out", "--format", "json").stdout
    rendered = CliRunner().invoke(chatcompat, ["render", str(tmp_path / "out" / "report.json"), "--format", "term"])
    assert (0, said.splitlines()[0]) == (rendered.exit_code, rendered.stdout.splitlines()[0])


def test_two_runs_are_the_same_to_the_byte(tmp_path: Path) -> None:
    path = traffic(tmp_path, record(BAD_OBJECT), record(BAD_ID), record(host="b.example.com"))
    assert lint(path, "--json").stdout == lint(path, "--json").stdout


def test_a_host_cannot_move_the_cursor(tmp_path: Path) -> None:
    assert "\x1b" not in lint(traffic(tmp_path, record(BAD_OBJECT, host="a\x1b[2Jb"))).stdout


@pytest.mark.parametrize("option", ["--json", "--level=must"])
def test_text_that_no_encoding_holds_is_printed(tmp_path: Path, option: str) -> None:
    asked = {**ASK, "user": "\ud800"}
    result = lint(
        traffic(tmp_path, record({**BAD_OBJECT, "object": "\ud800"}, host="h\ud800", request_body=json.dumps(asked))), option
    )
    assert (1, True) == (result.exit_code, "\\ud800" in result.stdout)


# ---------------------------------------------------------------- many and large


def collected(found: Iterator[recordings.Recording | recordings.Damaged]) -> recorded.Collected:
    into = recorded.Collected()
    for one in found:
        into.add(one)
    return into


@pytest.mark.parametrize("form", ["jsonl", "har"])
def test_memory_does_not_grow_with_the_number_of_exchanges(tmp_path: Path, form: str) -> None:
    body = json.dumps({**BAD_OBJECT, "padding": "x" * 2000})
    if form == "jsonl":
        line = json.dumps(record(body))
        begin, between, end = "", "\n", "\n"
    else:
        asked = {"method": "POST", "url": "https://api.example.com/v1/chat/completions", "postData": {"text": json.dumps(ASK)}}
        line = json.dumps({"request": asked, "response": {"status": 200, "headers": [], "content": {"text": body}}})
        begin, between, end = '{"log": {"entries": [', ",", "]}}"

    def peak(count: int) -> tuple[int, int]:
        path = tmp_path / f"{count}.{form}"
        path.write_text(begin + between.join([line] * count) + end, encoding="utf-8")
        tracemalloc.start()
        judged = collected(recordings.read(path)).judged
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return judged, most

    peak(2)  # what is loaded once is loaded now
    (few, before), (many, after) = peak(150), peak(750)
    assert (150, 750, True) == (few, many, after < before + 256 * 1024)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded traffic: set CHATCOMPAT_RECORDINGS to its folder")
def test_the_recordings_of_many_hosts_are_judged_in_one_command() -> None:
    result = lint(RECORDED, "--json")
    found = json.loads(result.stdout)
    counted = {verdict: count for verdict, count in found["endpoints"]["api.openai.com"]["verdicts"].items() if count}
    assert (1, 802, 0) == (result.exit_code, found["traffic"]["read"], found["traffic"]["damaged"])
    assert {"pass", "fail"} == counted.keys()
    assert 1 == counted["fail"]  # a stream of 2023 of whose body nothing was kept
