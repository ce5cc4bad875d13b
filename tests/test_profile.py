"""Profiles and the endpoints of a URL: every slip is told with its line, and no message repeats a key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from own_files import HERE, marked, of_schema, write

from harness import load, resources
from harness.errors import BadFile, BadInput
from harness.model import Accepted, Endpoint, Json, Limits, Retired, Retry, Statement


def structure(text: str) -> Json:
    return load.yaml_document(text)


PROFILE = """\
name: claude
title: Claude (OpenAI SDK compatibility)
base_url: https://api.anthropic.com/v1/
dialect: openai
model: claude-sonnet-4-5
models: {vision: claude-opus}
models_path: /model/list
headers: {authorization: "Bearer ${ANTHROPIC_API_KEY}", x-app: chatcompat}
optional_headers: {anthropic-workspace-id: "${WORKSPACE}"}
query: {api-version: 2024-10-21}
token_field: max_completion_tokens
context: 200000
has:
  tools: {says: https://docs.example.invalid/tools, checked: 2026-11-23, how: fully supported}
lacks: {json-schema: https://docs.example.invalid/compat}
quirks:
- {says: System messages are joined into one., source: https://docs.example.invalid/compat}
known:
  tools/parallel: {issue: https://example.invalid/1, until: 2027-03-01}
  stream.ends-with-done: {issue: https://example.invalid/2, reason: nobody minds, owner: me}
retry: {on: [429, 503], at_most: 2, wait_at_most_s: 5}
limits: {concurrency: 2, requests_per_minute: 50, timeout_s: 60, first_byte_s: 30, idle_s: 20.5}
notes: |
  Alive.
  Not for production.
docs: https://docs.example.invalid/
checked: 2026-11-23
retired: {says: It was replaced., on: 2026-08, source: https://docs.example.invalid/end, instead: claude-messages}
recorded: {server: litellm, version: 1.2.3}
"""


def test_a_profile_of_every_form_becomes_this_endpoint(tmp_path: Path) -> None:
    expected = Endpoint(
        name="claude",
        title="Claude (OpenAI SDK compatibility)",
        base_url="https://api.anthropic.com/v1",
        model="claude-sonnet-4-5",
        models={"vision": "claude-opus"},
        models_path="/model/list",
        headers={"authorization": "Bearer ${ANTHROPIC_API_KEY}", "x-app": "chatcompat"},
        optional_headers={"anthropic-workspace-id": "${WORKSPACE}"},
        query={"api-version": "2024-10-21"},
        token_field="max_completion_tokens",
        context=200_000,
        has={"tools": Statement(link="https://docs.example.invalid/tools", says="fully supported", checked="2026-11-23")},
        lacks={"json-schema": Statement(link="https://docs.example.invalid/compat")},
        quirks=(Statement(says="System messages are joined into one.", link="https://docs.example.invalid/compat"),),
        known={
            "tools/parallel": Accepted(issue="https://example.invalid/1", until="2027-03-01"),
            "stream.ends-with-done": Accepted(issue="https://example.invalid/2", reason="nobody minds", owner="me"),
        },
        retry=Retry(on=(429, 503), at_most=2, wait_at_most_s=5.0),
        limits=Limits(concurrency=2, requests_per_minute=50, timeout_s=60.0, first_byte_s=30.0, idle_s=20.5),
        notes="Alive.\nNot for production.\n",
        docs="https://docs.example.invalid/",
        checked="2026-11-23",
        retired=Retired(
            says="It was replaced.", on="2026-08", link="https://docs.example.invalid/end", instead="claude-messages"
        ),
        recorded={"server": "litellm", "version": "1.2.3"},
    )
    assert expected == load.endpoint(write(tmp_path, PROFILE, "claude.yaml"))
    assert [] == [error.message for error in of_schema("endpoint").iter_errors(structure(PROFILE))]


BASE = "name: mine\ntitle: Mine\nbase_url: http://127.0.0.1:8080/v1\n"
PROFILE_SLIPS: dict[str, tuple[str, str]] = {
    "unknown": (f"{BASE}modle: a {HERE}", "unknown key `modle`; did you mean `model`"),
    "missing": (f"name: mine {HERE}\ntitle: Mine", "the key `base_url` is missing"),
    "name": (f"{BASE.replace('mine', 'My Endpoint ' + HERE, 1)}", "`name` must be made of a-z, 0-9, `-` and `.`"),
    "name-up": (f"{BASE.replace('mine', '../etc ' + HERE, 1)}", "`name` must be made of a-z"),
    "name-no-text": (f"name: 5 {HERE}\ntitle: A\nbase_url: http://x", "`name` must be a text of one line, and is 5"),
    "dialect-no-text": (f"{BASE}dialect: 5 {HERE}", "`dialect` must be a text of one line, and is 5"),
    "token-field-no-text": (f"{BASE}token_field: 5 {HERE}", "`token_field` must be a text of one line, and is 5"),
    "link-no-text": (f"{BASE}lacks: {{vision: 5}} {HERE}", "`vision` must be a text of one line, and is 5"),
    "header-lines": (f'{BASE}headers: {{x-a: "a\\nb"}} {HERE}', "`x-a` must be a text of one line"),
    "fragment": (f"name: a\ntitle: A\nbase_url: 'http://x/v1#a' {HERE}", "leave off what begins with `?` or `#`"),
    "foreign-character": (f"name: a\ntitle: A\nbase_url: http://x/vé {HERE}", "has characters that must be percent-encoded"),
    "backslash": (f"name: a\ntitle: A\nbase_url: 'http://x/v\\1' {HERE}", "has characters that must be percent-encoded"),
    "scheme": (f"name: a\ntitle: A\nbase_url: ftp://x/v1 {HERE}", '"ftp://x/v1" must begin with http:// or https://'),
    "no-scheme": (f"name: a\ntitle: A\nbase_url: localhost:8080 {HERE}", "must begin with http:// or https://"),
    "host": (f"name: a\ntitle: A\nbase_url: http:///v1 {HERE}", "names no host"),
    "user": (f"name: a\ntitle: A\nbase_url: https://sk-123@x/v1 {HERE}", "holds a user or key before `@`"),
    "query-key": (f"name: a\ntitle: A\nbase_url: https://x/v1?key=123 {HERE}", "query fields go in the profile's `query`"),
    "port": (f"name: a\ntitle: A\nbase_url: http://x:99999/v1 {HERE}", "is no URL; write http://HOST:PORT/v1"),
    "operation": (f"name: a\ntitle: A\nbase_url: http://x/v1/chat/completions {HERE}", "leave off /chat/completions"),
    "variable-in-url": (f"name: a\ntitle: A\nbase_url: 'https://${{A B}}.x/v1' {HERE}", "names no host"),
    "variable-as-scheme": (f"name: a\ntitle: A\nbase_url: '${{A}}://x/v1' {HERE}", "must begin with http:// or https://"),
    "models-path": (f"{BASE}models_path: models {HERE}", "`models_path` is a path that begins with `/`"),
    "models-path-query": (f"{BASE}models_path: /models?limit=5 {HERE}", "and has no query, or null"),
    "optional-header": (f"{BASE}optional_headers: {{x-a: b}} {HERE}", "names no variable (${NAME}) on which to leave it out"),
    "optional-name": (f"{BASE}optional_headers: {{X-A: '${{B}}'}} {HERE}", "write `x-a`"),
    "context": (f"{BASE}context: 0 {HERE}", "`context` must be a whole number from 1 to 1000000000, and is 0"),
    "says-nothing": (f"{BASE}lacks: {{vision: {{checked: 2026-11-23}}}} {HERE}", "the key `says` is missing in `vision`"),
    "says-day": (f"{BASE}has: {{vision: {{says: https://x, checked: 2026-11}}}} {HERE}", "`checked` must be a day, YYYY-MM-DD"),
    "has-and-lacks": (
        f"{BASE}lacks: {{vision: https://x}}\nhas: {{vision: https://x}} {HERE}",
        "`vision` stands in `has` and in `lacks`; take it out of one",
    ),
    "quirk": (f"{BASE}quirks:\n- {{says: It is odd.}} {HERE}", "the key `source` is missing"),
    "quirks": (f"{BASE}quirks: {{says: It is odd.}} {HERE}", "`quirks` must be a list"),
    "docs": (f"{BASE}docs: example.invalid {HERE}", "`docs` must be a link (https://…)"),
    "checked": (f"{BASE}checked: yesterday {HERE}", "`checked` must be a day, YYYY-MM-DD"),
    "retired": (f"{BASE}retired: {{says: Gone., on: 2026-13, source: https://x}} {HERE}", "`on` must be a day"),
    "retired-source": (f"{BASE}retired: {{says: Gone., on: 2026-01-31}} {HERE}", "the key `source` is missing in `retired`"),
    "dialect": (f"{BASE}dialect: opnai {HERE}", 'there is no dialect "opnai"; did you mean `openai`?'),
    "token-field": (f"{BASE}token_field: max_token {HERE}", "did you mean `max_tokens`?"),
    "model": (f"{BASE}model: 5 {HERE}", "`model` must be a text of one line, and is 5"),
    "header-name": (
        f"{BASE}headers: {{Authorization: a}} {HERE}",
        '"Authorization" is no name of a header in lower case; write `authorization`',
    ),
    "header-key": (
        f"{BASE}headers: {{authorization: Bearer abcdefghijklmnopqrstuvwxyz}} {HERE}",
        "`authorization` seems to hold a key; keys come from the environment only",
    ),
    "header-marked": (f"{BASE}headers: {{x-any: sk-short}} {HERE}", "`x-any` seems to hold a key"),
    "query-secret": (f"{BASE}query: {{key: abcdefghijklmnopqrstuvwxyz}} {HERE}", "`key` seems to hold a key"),
    "variable": (
        f"{BASE}headers: {{authorization: 'Bearer ${{MY KEY}}'}} {HERE}",
        "names no environment variable; write ${NAME}",
    ),
    "header-number": (f"{BASE}headers: {{x-a: 5}} {HERE}", "`x-a` must be a text of one line"),
    "lacks": (f"{BASE}lacks: {{vision: yes}} {HERE}", "`vision` must be a link (https://…)"),
    "known-name": (
        f"{BASE}known: {{tools: {{issue: https://x}}}} {HERE}",
        "`known` names failures by `suite/case` or by a rule's id",
    ),
    "known-issue": (f"{BASE}known: {{tools/a: {{until: 2027-01-01}}}} {HERE}", "the key `issue` is missing in `tools/a`"),
    "known-until": (
        f"{BASE}known: {{tools/a: {{issue: https://x, until: 2027-13-01}}}} {HERE}",
        "`until` must be a day, YYYY-MM-DD",
    ),
    "retry": (f"{BASE}retry: {{on: [200]}} {HERE}", "must be a whole number from 400 to 599, and is 200"),
    "retry-key": (f"{BASE}retry: {{max: 3}} {HERE}", "unknown key `max`"),
    "limit": (f"{BASE}limits: {{concurrency: 0}} {HERE}", "`concurrency` must be a whole number from 1 to 256, and is 0"),
    "limit-seconds": (f"{BASE}limits: {{idle_s: 0}} {HERE}", "`idle_s` must be a number above 0, at most 3600, and is 0"),
    "limit-key": (f"{BASE}limits: {{timeout: 3}} {HERE}", "did you mean `timeout_s`?"),
}
ONLY_THE_PROFILE = {
    "port",
    "foreign-character",
    "backslash",
    "operation",
    "header-key",
    "header-marked",
    "query-secret",
    "variable",
    "dialect",
    "has-and-lacks",
}


@pytest.mark.parametrize(("text", "said"), PROFILE_SLIPS.values(), ids=PROFILE_SLIPS.keys())
def test_a_slip_of_a_profile_is_told_with_its_line_and_the_way_out(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadFile) as raised:
        load.endpoint(write(tmp_path, text, "mine.yaml"))
    assert [(str(tmp_path / "mine.yaml"), line) for line in marked(text)] == [
        (file, line) for file, line, _ in raised.value.slips
    ]
    assert said in raised.value.slips[0][2]


def test_the_schema_of_profiles_refuses_what_the_loader_does_but_for_what_a_schema_cannot_say() -> None:
    schema = of_schema("endpoint")
    accepted = {name for name, (text, _) in PROFILE_SLIPS.items() if schema.is_valid(structure(text))}
    assert ONLY_THE_PROFILE == accepted


def test_a_query_field_is_called_as_the_endpoint_calls_it(tmp_path: Path) -> None:
    found = load.endpoint(write(tmp_path, f"{BASE}query: {{Api Version: key-value}}\n", "mine.yaml"))
    assert {"Api Version": "key-value"} == found.query


SECRET = "hunter2hunter2hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"{BASE}headers: {{authorization: Bearer {SECRET}}}",
        f"{BASE}headers: {{authorization: ['{SECRET}']}}".replace("['", "").replace("']", ""),
        f"{BASE}query: {{key: {SECRET}}}",
        f"name: a\ntitle: A\nbase_url: https://{SECRET}@x/v1",
        f"name: a\ntitle: A\nbase_url: https://user:{SECRET}@x:99999/v1",
        f"name: a\ntitle: A\nbase_url: https://x/v1?key={SECRET}",
        f"name: a\ntitle: A\nbase_url: ftp://x/v1#{SECRET}",
    ],
)
def test_no_message_repeats_what_may_be_a_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadFile) as raised:
        load.endpoint(write(tmp_path, text, "a.yaml"))
    assert SECRET not in str(raised.value)


def shipped_profiles() -> list[Path]:
    return sorted(resources.ENDPOINTS.glob("*.yaml"))


@pytest.mark.parametrize("file", shipped_profiles(), ids=lambda file: file.stem)
def test_every_shipped_profile_is_read_by_the_name_of_its_file(file: Path) -> None:
    assert file.stem == load.endpoint_named(file.stem).name
    assert [] == [error.message for error in of_schema("endpoint").iter_errors(load.document(file).data)]


def test_the_reference_server_has_a_profile() -> None:
    found = load.endpoint_named("reference")
    assert ("http://127.0.0.1:8765/v1", "reference-1") == (found.base_url, found.model)
    assert {"authorization": "Bearer reference"} == found.headers


def test_an_unknown_endpoint_is_told_with_the_nearest_name() -> None:
    with pytest.raises(BadInput, match=r'there is no endpoint "refrence"; did you mean `reference`\?'):
        load.endpoint_named("refrence")
    with pytest.raises(BadInput, match=r"known are .*`reference`.*or give the path of a profile, \./NAME\.yaml, or a URL"):
        load.endpoint_named("zzzzzzzz")


@pytest.mark.parametrize(
    ("url", "name", "base_url"),
    [
        ("http://127.0.0.1:8080/v1", "127.0.0.1-8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1///", "127.0.0.1-8080", "http://127.0.0.1:8080/v1"),
        ("https://API.Example.com", "api.example.com", "https://API.Example.com"),
        ("http://[::1]:11434/v1", "1-11434", "http://[::1]:11434/v1"),
        ("http://my_host/v1", "my-host", "http://my_host/v1"),
    ],
)
def test_an_endpoint_of_a_url_is_called_after_its_host(url: str, name: str, base_url: str) -> None:
    assert Endpoint(name=name, title=base_url, base_url=base_url) == load.adhoc(url)


def test_an_endpoint_of_a_url_takes_its_key_from_a_variable_and_headers_as_lines() -> None:
    found = load.adhoc("http://127.0.0.1:8080/v1", "m", "MY_KEY", ["X-Title:  a: b ", "x-key: ${OTHER}"])
    assert {"authorization": "Bearer ${MY_KEY}", "x-title": "a: b", "x-key": "${OTHER}"} == found.headers
    assert "m" == found.model


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"key_env": "hf_abcDEF"}, "--key-env takes the name of the environment variable"),
        ({"key_env": "sk-abc"}, "--key-env takes the name of the environment variable"),
        ({"key_env": SECRET + "!"}, "--key-env takes the name of the environment variable"),
        ({"headers": ["authorization: Bearer " + SECRET]}, "`authorization` seems to hold a key"),
        ({"headers": ["api-key: " + SECRET]}, "`api-key` seems to hold a key"),
        ({"headers": ["authorization: Bearer x"]}, "`authorization` seems to hold a key"),
        ({"headers": ["nothing"]}, "a header is given as 'name: value'; \"nothing\" is none"),
        ({"headers": ["a b: c"]}, "a header is given as 'name: value'"),
        ({"headers": ["a: b\r\nc: d"]}, "a header is given as 'name: value'"),
    ],
)
def test_a_key_on_the_command_line_is_refused_and_not_repeated(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as raised:
        load.adhoc("http://127.0.0.1:8080/v1", **arguments)
    assert said in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_word_on_the_command_line_is_a_name_a_file_or_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, BASE + "headers: {x-a: '1', authorization: '${A}'}\nmodels: {vision: v}\n", "mine.yaml")
    assert load.endpoint_named("reference") == load.endpoint_of("reference")
    assert load.adhoc("http://127.0.0.1:1/v1", "m") == load.endpoint_of("http://127.0.0.1:1/v1", "m")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profile").write_text(BASE)
    assert load.endpoint(file) == load.endpoint_of("mine.yaml")
    assert "mine" == load.endpoint_of("./profile").name
    found = load.endpoint_of(str(file), "m", "KEY", ["x-b: 2"])
    assert {"x-a": "1", "authorization": "Bearer ${KEY}", "x-b": "2"} == found.headers
    assert ("m", {}) == (found.model, found.models)
