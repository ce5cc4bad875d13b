"""Traffic that somebody else recorded becomes exchanges, and what cannot be read is counted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from exchanges import ASK, ASK_STREAM, CHUNKS, TEXT, events

from harness.errors import BadFile
from harness.model import ChatCompleted, ChatStreamed, Evidence, Json
from harness.recordings import Damaged, Recording, read

HEADERS: dict[str, Any] = {f"x-header-{number}": ["kept"] for number in range(9)} | {"Content-Type": ["application/json"]}
RECORD: dict[str, Any] = {
    "method": "POST",
    "url": "https://api.example.com/v1/chat/completions",
    "request_headers": {"Accept": ["*/*"], "Authorization": ["REDACTED"]},
    "request_body": ASK,
    "status": 200,
    "response_headers": HEADERS,
    "response_body": json.dumps(TEXT),
    "recorded_at": "2026-11-23T09:00:00Z",
}


def file(folder: Path, *lines: dict[str, Any] | str, name: str = "traffic.jsonl") -> Path:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def one(folder: Path, **changes: Any) -> Recording:
    (found,) = read(file(folder, {**RECORD, **changes}))
    assert isinstance(found, Recording)
    return found


@pytest.mark.parametrize("name", ["traffic.jsonl", "traffic.jsonl.gz", "traffic.NDJSON"])
def test_a_line_becomes_an_exchange_packed_or_not(tmp_path: Path, name: str) -> None:
    (found,) = read(file(tmp_path, RECORD, name=name))
    assert isinstance(found, Recording)
    assert isinstance(found.exchange, ChatCompleted)
    assert ("api.example.com", 1, "2026-11-23T09:00:00+00:00", TEXT) == (
        found.host,
        found.record,
        found.recorded_at,
        found.exchange.body,
    )


def test_frames_and_times_are_always_lost(tmp_path: Path) -> None:
    assert {Evidence.FRAMES, Evidence.TIMES} == one(tmp_path).exchange.reply.lost


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"flags": ["reserialized"]}, Evidence.BYTES),
        ({"body_fidelity": "reserialized"}, Evidence.BYTES),
        ({"response_headers": {"content-type": ["application/json"]}}, Evidence.HEADERS),
        ({"response_headers": None}, Evidence.HEADERS),
        ({"request_body": None}, Evidence.REQUEST),
    ],
)
def test_what_the_recorder_dropped_is_lost_evidence(tmp_path: Path, changes: dict[str, Any], lost: Evidence) -> None:
    assert {Evidence.FRAMES, Evidence.TIMES, lost} == one(tmp_path, **changes).exchange.reply.lost


def test_of_a_request_that_was_not_kept_the_answer_tells_whether_it_asked_for_a_stream(tmp_path: Path) -> None:
    assert isinstance(one(tmp_path, request_body=None, response_body=events(CHUNKS).decode()).exchange, ChatStreamed)
    assert isinstance(one(tmp_path, request_body=None).exchange, ChatCompleted)


def test_no_credential_comes_along(tmp_path: Path) -> None:
    assert (("accept", "*/*"),) == one(tmp_path).exchange.request.headers


def test_a_request_body_may_be_text(tmp_path: Path) -> None:
    request = one(tmp_path, request_body=json.dumps(ASK_STREAM)).exchange.request
    assert (ASK_STREAM, json.dumps(ASK_STREAM).encode()) == (request.body, request.content)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://h/openai/deployments/d/chat/completions?api-version=1", "/chat/completions"),
        ("https://h/models/org/name/v1/chat/completions", "/chat/completions"),
        ("https://h/v1/models", "/models"),
        ("https://h/v1/models/org%2Fname", "/models/org%2Fname"),
        ("https://h/v1/messages", "/v1/messages"),
        ("https://h", "/"),
    ],
)
def test_the_path_begins_where_the_api_does(tmp_path: Path, url: str, path: str) -> None:
    assert path == one(tmp_path, url=url).exchange.request.path


@pytest.mark.parametrize(
    ("changes", "date"),
    [
        ({}, "2026-11-23T09:00:00+00:00"),
        ({"recorded_at": "Mon, 14 Aug 2023 15:02:13 GMT"}, "2023-08-14T15:02:13+00:00"),
        ({"recorded_at": None}, "2026-02-02T02:40:00+00:00"),
        (
            {"recorded_at": None, "response_body": "{}", "source_commit_date": "2025-06-06T17:10:22+00:00"},
            "2025-06-06T17:10:22+00:00",
        ),
        ({"recorded_at": 7, "response_body": "{}"}, None),
    ],
)
def test_the_date_is_the_recorders_else_the_answers_else_the_commits(
    tmp_path: Path, changes: dict[str, Any], date: str | None
) -> None:
    assert date == one(tmp_path, **changes).recorded_at


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "the line is no JSON object"),
        ("[]", "the line is no JSON object"),
        ({**RECORD, "url": "chat"}, "`url` is no URL"),
        ({**RECORD, "url": "http://[::1"}, "`url` is no URL"),
        ({**RECORD, "status": "200"}, "`status` is no HTTP status"),
        ({**RECORD, "status": 99}, "`status` is no HTTP status"),
        ({**RECORD, "response_body": {}}, "`response_body` is no text"),
    ],
)
def test_a_damaged_record_is_told_and_the_rest_is_read(tmp_path: Path, line: Any, why: str) -> None:
    path = file(tmp_path, RECORD, line, "", RECORD)
    found = list(read(path))
    assert [1, Damaged(file=str(path), record=2, why=why), 3] == [
        each.record if isinstance(each, Recording) else each for each in found
    ]


def test_a_packed_file_that_breaks_off_is_told(tmp_path: Path) -> None:
    path = file(tmp_path, RECORD, name="traffic.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-20])
    assert [True] == [isinstance(each, Damaged) and "breaks off" in each.why for each in read(path)]


@pytest.mark.parametrize("name", ["traffic.txt", "missing.jsonl"])
def test_a_file_that_cannot_be_read_is_our_users_to_mend(tmp_path: Path, name: str) -> None:
    (tmp_path / "traffic.txt").touch()
    with pytest.raises(BadFile, match=name):
        list(read(tmp_path / name))


@pytest.mark.parametrize("body", [0, [], {"stream": "yes"}, "\ud800"])
def test_any_request_body_can_be_read(tmp_path: Path, body: Json) -> None:
    assert body == one(tmp_path, request_body=body).exchange.request.body or isinstance(body, str)
