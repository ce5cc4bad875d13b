"""Traffic that somebody else recorded becomes exchanges, and what cannot be read is counted."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from exchanges import ASK, ASK_STREAM, CHUNKS, TEXT, events

from harness.errors import BadFile
from harness.model import ChatCompleted, ChatStreamed, Evidence, Json
from harness.recordings import Damaged, Recording, files, read

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
        ({key: said for key, said in RECORD.items() if key != "response_body"}, "there is no `response_body`"),
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


# ---------------------------------------------------------------- HAR


def entry(**changes: Any) -> dict[str, Any]:
    """An entry of a HAR; `content`, `headers`, `request` and `status` are changed by name."""
    fields = [{"name": name, "value": value[0]} for name, value in HEADERS.items()]
    request = {"method": "POST", "url": RECORD["url"], "headers": [{"name": ":method", "value": "POST"}]}
    posted = {"postData": {"mimeType": "application/json", "text": json.dumps(ASK)}}
    content = {"size": 9, "mimeType": "application/json", "text": json.dumps(TEXT)}
    return {
        "startedDateTime": "2026-11-23T10:00:00.000+01:00",
        "request": {**request, **posted, **changes.get("request", {})},
        "response": {
            "status": changes.get("status", 200),
            "headers": fields + changes.get("headers", []),
            "content": changes.get("content", content),
        },
    }


def har(folder: Path, *entries: Any, name: str = "traffic.har") -> list[Recording | Damaged]:
    document = {"log": {"version": "1.2", "creator": {"name": "here", "entries": []}, "pages": [], "entries": list(entries)}}
    return list(read(file(folder, json.dumps(document), name=name)))


def bodies(found: list[Recording | Damaged]) -> list[Any]:
    """The body of each exchange, or why there is none."""
    return [getattr(one.exchange, "body", None) if isinstance(one, Recording) else one.why for one in found]


@pytest.mark.parametrize("name", ["traffic.har", "traffic.HAR.gz", "export.json"])
def test_an_entry_of_a_har_becomes_an_exchange(tmp_path: Path, name: str) -> None:
    (found,) = har(tmp_path, entry(), name=name)
    assert isinstance(found, Recording)
    assert ("api.example.com", "2026-11-23T10:00:00+01:00", ASK, ()) == (
        found.host,
        found.recorded_at,
        found.exchange.request.body,
        found.exchange.request.headers,
    )
    assert [TEXT] == bodies([found])


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        ({"text": base64_of(json.dumps(TEXT).encode()), "encoding": "base64"}, []),
        (
            {"text": base64_of(gzip.compress(json.dumps(TEXT).encode())), "encoding": "base64"},
            [{"name": "Content-Encoding", "value": "gzip"}],
        ),
        ({"text": json.dumps(TEXT)}, [{"name": "content-encoding", "value": "br"}]),
        ({"text": json.dumps(TEXT)}, [{"name": "content-encoding", "value": "gzip"}]),
    ],
)
def test_a_body_in_base64_or_packed_is_read_as_it_was(tmp_path: Path, content: Any, headers: list[Any]) -> None:
    assert [TEXT] == bodies(har(tmp_path, entry(content=content, headers=headers)))


def test_a_stream_in_a_har_is_a_stream(tmp_path: Path) -> None:
    request = {"postData": {"text": json.dumps(ASK_STREAM)}}
    (found,) = har(tmp_path, entry(request=request, content={"text": events(CHUNKS).decode()}))
    assert isinstance(found, Recording)
    assert isinstance(found.exchange, ChatStreamed)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": 0}, "got no response"),
        ({"content": {"size": 900, "mimeType": "text/event-stream"}}, "the body was not kept"),
        ({"content": {"size": 9, "text": 7}}, "is no text"),
        ({"content": {"text": "%", "encoding": "base64"}}, "is Base64, and is not"),
        ({"content": {"text": "e30=", "encoding": "hex"}}, "neither missing nor base64"),
        (
            {
                "content": {"text": base64_of(b"\x1b\x03\x00\xf8\xff\x00"), "encoding": "base64"},
                "headers": [{"name": "content-encoding", "value": "br"}],
            },
            "packed with br",
        ),
        (
            {
                "content": {"text": base64_of(gzip.compress(b"{}")[:-9]), "encoding": "base64"},
                "headers": [{"name": "content-encoding", "value": "gzip"}],
            },
            "breaks off",
        ),
        ({"request": {"url": 3}}, "`url` is no URL"),
    ],
)
def test_an_entry_that_cannot_be_read_is_told_and_the_next_is_read(tmp_path: Path, changes: Any, why: str) -> None:
    damaged, whole = bodies(har(tmp_path, entry(**changes), entry()))
    assert (True, TEXT) == (why in damaged, whole)


def test_an_entry_of_any_type_is_damaged(tmp_path: Path) -> None:
    assert ["the entry is no JSON object"] * 4 == bodies(har(tmp_path, None, 3, "entry", []))


def test_a_har_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    text = json.dumps({"log": {"entries": [entry(), entry()]}})
    path = file(tmp_path, text[: text.rindex('"startedDateTime"')], name="traffic.har")
    first, second = bodies(list(read(path)))
    assert (TEXT, True) == (first, second.startswith("the file is no JSON from here on"))


def test_an_entry_larger_than_what_is_read_at_once_is_whole(tmp_path: Path) -> None:
    long = {**TEXT, "padding": "é" * 700_000}
    assert [TEXT, long, TEXT] == bodies(har(tmp_path, entry(), entry(content={"text": json.dumps(long)}), entry()))


@pytest.mark.parametrize("text", ["{}", "[]", '{"log": {"version": "1.2"}}', '{"entries": []}', "7"])
@pytest.mark.parametrize("name", ["package.json", "package.yaml"])
def test_a_document_without_traffic_is_told(tmp_path: Path, text: str, name: str) -> None:
    (found,) = read(file(tmp_path, text, name=name))
    assert isinstance(found, Damaged)
    assert (0, True) == (found.record, found.why.startswith("holds no recorded traffic"))


def test_a_har_without_entries_is_empty_and_not_damaged(tmp_path: Path) -> None:
    assert [] == har(tmp_path)


# ---------------------------------------------------------------- cassettes of others


def interaction(**answered: Any) -> dict[str, Any]:
    """An interaction of vcrpy's; its response is changed by name."""
    return {
        "request": {"method": "POST", "uri": RECORD["url"], "body": json.dumps(ASK), "headers": {"Accept": ["*/*"]}},
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {**HEADERS, "Date": ["Mon, 14 Aug 2023 15:02:13 GMT"]},
            "body": {"string": json.dumps(TEXT)},
            **answered,
        },
    }


def cassette(folder: Path, *interactions: Any, name: str = "cassette.yaml", key: str = "interactions") -> list[Any]:
    document = {"version": 1, key: list(interactions)}
    written = json.dumps(document) if ".json" in name else yaml.safe_dump(document)
    return list(read(file(folder, written, name=name)))


@pytest.mark.parametrize("name", ["cassette.yaml", "cassette.yml", "cassette.yaml.gz", "cassette.json", "cassette.json.gz"])
def test_an_interaction_of_a_cassette_becomes_an_exchange(tmp_path: Path, name: str) -> None:
    (found,) = cassette(tmp_path, interaction(), name=name)
    assert ("api.example.com", "2023-08-14T15:02:13+00:00", ASK, TEXT) == (
        found.host,
        found.recorded_at,
        found.exchange.request.body,
        found.exchange.body,
    )


SAID = json.dumps(TEXT)
PACKED = {**HEADERS, "content-encoding": ["gzip"]}
DEFLATED = {**HEADERS, "content-encoding": ["deflate"]}


@pytest.mark.parametrize(
    "answered",
    [
        {"body": SAID},
        {"body": SAID.encode()},
        {"body": {"string": SAID.encode()}},
        {"body": {"base64_string": base64_of(SAID.encode())}},
        {"body": {"string": gzip.compress(SAID.encode())}, "headers": PACKED},
        {"body": {"base64_string": base64_of(gzip.compress(SAID.encode()))}, "headers": PACKED},
        {"body": {"string": zlib.compress(SAID.encode())}, "headers": DEFLATED},
        {"body": {"string": zlib.compress(SAID.encode())[2:-4]}, "headers": DEFLATED},
        {"body": {"string": SAID}, "headers": PACKED},
        {"body": {"string": SAID}, "headers": DEFLATED},
        {"body": {"encoding": "UTF-8", "string": SAID}},
        {"body": None, "content": SAID, "status": None, "status_code": 200},
        {"body": {"string": ""}, "parsed_body": TEXT},
    ],
)
def test_every_way_to_write_a_body_is_read(tmp_path: Path, answered: dict[str, Any]) -> None:
    if "content" in answered:
        changed = interaction(**answered)
        del changed["response"]["body"], changed["response"]["status"]
    else:
        changed = interaction(**answered)
    assert [TEXT] == bodies(cassette(tmp_path, changed))


def test_a_parsed_body_is_marked_as_rebuilt(tmp_path: Path) -> None:
    (found,) = cassette(tmp_path, interaction(parsed_body=TEXT))
    assert Evidence.BYTES in found.exchange.reply.lost


def test_python_types_in_yaml_are_plain_values_and_nothing_is_called(tmp_path: Path) -> None:
    document = f"""
interactions:
- request: !!python/object/new:made.Up
    method: !!python/unicode 'POST'
    uri: !!python/unicode '{RECORD["url"]}'
    body: !!python/unicode '{json.dumps(ASK)}'
    headers: {{}}
  response:
    status: {{code: 200, message: !!python/object/apply:os.system [exit]}}
    headers: {{}}
    body: {{string: !!python/str '{SAID}'}}
"""
    assert [TEXT] == bodies(list(read(file(tmp_path, document, name="old.yaml"))))


@pytest.mark.parametrize(
    ("interactions", "why"),
    [
        (3, "no `request` and `response`"),
        ({"request": {}, "response": None}, "no `request` and `response`"),
        (interaction(status={"code": None}), "`status` is no HTTP status"),
        (interaction(status={"code": True}), "`status` is no HTTP status"),
        (interaction(body=[]), "neither text nor bytes"),
        (interaction(body={"base64_string": 3}), "is Base64, and is not"),
        (interaction(body={"string": b"\x1f\x8b\x00\x01\xff"}, headers=PACKED), "cannot be unpacked"),
    ],
)
def test_a_damaged_interaction_is_told_and_the_next_is_read(tmp_path: Path, interactions: Any, why: str) -> None:
    damaged, whole = bodies(cassette(tmp_path, interactions, interaction()))
    assert (True, TEXT) == (why in damaged, whole)


def test_a_cassette_that_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    (why,) = bodies(list(read(file(tmp_path, "interactions:\n- request: [", name="broken.yaml"))))
    assert why.startswith("the file is no YAML: line ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deep.yaml", "- " * 50_000),
        ("deep.yaml", "interactions: " + "[" * 50_000),
        ("deep.yaml", "? " * 50_000),
        ("deep.har", '{"log": {"entries": [' + "[" * 50_000),
        ("deep.json", '{"log":' * 50_000),
    ],
)
def test_what_is_nested_without_end_is_damaged(tmp_path: Path, name: str, text: str) -> None:
    (why,) = bodies(list(read(file(tmp_path, text, name=name))))
    assert why.startswith("the file is no ")


def test_aliases_that_stand_for_an_endless_value_are_bounded(tmp_path: Path) -> None:
    levels = "".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 9))
    document = f"""a0: &a0 [1, 2]
{levels}
interactions:
- request: {{method: POST, uri: '{RECORD["url"]}', body: null, headers: {{}}}}
  response: {{status: {{code: 200}}, headers: {{}}, parsed_body: *a8}}
"""
    (why,) = bodies(list(read(file(tmp_path, document, name="bomb.yaml"))))
    assert "more than 1,000,000 values" in why


# ---------------------------------------------------------------- folders


def test_a_folder_is_every_file_of_a_known_form_below_it(tmp_path: Path) -> None:
    for name in ("b.har", "a/z.jsonl.gz", "a/c.yaml", "notes.txt", ".hidden.json", ".git/config.json", "c.YML"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert ["b.har", "c.YML", "a/c.yaml", "a/z.jsonl.gz"] == [path.relative_to(tmp_path).as_posix() for path in files(tmp_path)]


def test_a_folder_without_traffic_is_our_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="there is no recorded traffic in this folder"):
        list(files(tmp_path))


def test_a_server_on_a_port_of_its_own_is_a_host_of_its_own(tmp_path: Path) -> None:
    assert ["localhost:8000", "h"] == [
        one(tmp_path, url=f"{url}/v1/models").host for url in ("http://localhost:8000", "https://h:443")
    ]


# ---------------------------------------------------------------- our own cassettes


def test_what_we_recorded_ourselves_is_of_the_server_whose_folder_it_is_in(tmp_path: Path) -> None:
    folder = tmp_path / "a-server" / "basic"
    folder.mkdir(parents=True)
    (tmp_path / "a-server" / "endpoint.yaml").write_text("name: a-server\n", encoding="utf-8")
    path = file(folder, {**RECORD, "url": "http://endpoint.invalid/chat/completions"})
    elsewhere = file(tmp_path, {**RECORD, "url": "http://endpoint.invalid/chat/completions"})
    assert ["a-server", "endpoint.invalid"] == [one.host for each in (path, elsewhere) for one in read(each)]  # type: ignore[union-attr]


def test_the_profile_of_a_recorded_server_is_no_recording(tmp_path: Path) -> None:
    file(tmp_path, RECORD)
    (tmp_path / "endpoint.yaml").write_text("name: a-server\n", encoding="utf-8")
    assert ["traffic.jsonl"] == [path.name for path in files(tmp_path)]
