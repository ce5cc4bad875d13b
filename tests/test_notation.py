"""The case notation: every form becomes its values, and every slip is told with its line and the way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_files import HERE, marked, of_schema, write

from harness import load, resources
from harness.errors import BadFile
from harness.model import Case, Claims, Feature, Http, Json, Kind, Step, Suite


def slips_of(path: Path) -> list[tuple[int | None, str]]:
    with pytest.raises(BadFile) as raised:
        load.suite(path)
    return [(line, said) for _, line, said in raised.value.slips]


def suite_of(case: str, *, rest: str = "") -> str:
    """A suite with one good case and another, given as the lines of its mapping."""
    lines = "\n".join(f"    {line}" if line else line for line in case.strip("\n").splitlines())
    return f"""\
suite: tools
title: Tool calls
features:
  tools: {{title: Tools can be called}}
cases:
  - id: good
    title: A tool is called
    request: {{messages: []}}
  -
{lines}
{rest}"""


GOOD = """
id: other
title: Another tool is called
request: {messages: []}
"""


# ---------------------------------------------------------------- what is read


WHOLE = """\
# yaml-language-server: $schema=../schemas/harness/suite.json
suite: tools
title: Tool calls
features:
  tools: {title: Tools can be called}
  tool-choice-named: {title: A named tool_choice forces that tool, optional: true}
shared:
  weather: &weather
    - type: function
      function:
        name: get_weather
        parameters: &city
          type: object
          properties: {city: {type: string}}
          required: [city]
          additionalProperties: false
cases:
  - id: any
    title: A tool is called
    needs: [tools]
    request: {messages: [], n: 2, on: no}
  - id: named
    title: A named tool_choice makes the model call that tool, with valid arguments
    needs: [tools, tool-choice-named]
    stream: [false, true]
    tries: 3
    request:
      messages:
        - {role: user, content: "What is the weather in Paris?"}
      tools: *weather
    effect:
      body:
        /choices/0/message/tool_calls/0/function/name: {const: get_weather}
    expect:
      body:
        /choices/0/message/tool_calls/0/function/arguments:
          type: string
          contentMediaType: application/json
          contentSchema: *city
      chunks:
        /-1/usage: false
    prefer:
      body:
        /choices/0/message/content: true
  - id: conversation
    title: What a tool answered is used
    needs: [tools]
    steps:
      - id: ask
        request: {messages: [], $max_tokens: 64}
      - id: answer
        http:
          method: POST
          path: /chat/completions
          headers: {authorization: null, x-id: {$from: "ask#/id"}}
          body: {messages: [{$from: "ask#/choices/0/message"}]}
        given:
          status: 200
        expect:
          status: [200, 201]
          headers: {content-type: {type: string, pattern: "^application/json"}}
          body: {/id: {not: {const: {$from: "ask#/id"}}}}
"""
CITY: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}


def test_a_suite_of_every_form_becomes_these_values(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE)
    suite = load.suite(path)
    named = Step(
        id="ask",
        request={
            "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
            "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": CITY}}],
        },
        claims={
            Kind.EFFECT: Claims(body={"/choices/0/message/tool_calls/0/function/name": {"const": "get_weather"}}),
            Kind.EXPECT: Claims(
                body={
                    "/choices/0/message/tool_calls/0/function/arguments": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "contentSchema": CITY,
                    }
                },
                chunks={"/-1/usage": False},
            ),
            Kind.PREFER: Claims(body={"/choices/0/message/content": True}),
        },
        line=22,
    )
    answer = Step(
        id="answer",
        http=Http(
            method="POST",
            path="/chat/completions",
            headers={"authorization": None, "x-id": {"$from": "ask#/id"}},
            body={"messages": [{"$from": "ask#/choices/0/message"}]},
        ),
        claims={
            Kind.GIVEN: Claims(status={"type": "integer", "const": 200}),
            Kind.EXPECT: Claims(
                status={"type": "integer", "enum": [200, 201]},
                headers={"content-type": {"type": "string", "pattern": "^application/json"}},
                body={"/id": {"not": {"const": {"$from": "ask#/id"}}}},
            ),
        },
        line=51,
    )
    expected = Suite(
        id="tools",
        title="Tool calls",
        features=(
            Feature(id="tools", title="Tools can be called"),
            Feature(id="tool-choice-named", title="A named tool_choice forces that tool", optional=True),
        ),
        cases=(
            Case(
                suite="tools",
                id="any",
                title="A tool is called",
                needs=("tools",),
                steps=(Step(id="ask", request={"messages": [], "n": 2, "on": "no"}, line=18),),
                line=18,
            ),
            Case(
                suite="tools",
                id="named",
                title="A named tool_choice makes the model call that tool, with valid arguments",
                needs=("tools", "tool-choice-named"),
                steps=(named,),
                stream=(False, True),
                tries=3,
                line=22,
            ),
            Case(
                suite="tools",
                id="conversation",
                title="What a tool answered is used",
                needs=("tools",),
                steps=(Step(id="ask", request={"messages": [], "$max_tokens": 64}, line=49), answer),
                line=45,
            ),
        ),
        file=str(path),
    )
    assert expected == suite


def test_needs_may_be_left_out_where_the_suite_has_one_feature(tmp_path: Path) -> None:
    suite = load.suite(write(tmp_path, suite_of(GOOD)))
    assert [("tools",), ("tools",)] == [case.needs for case in suite.cases]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("true", (True,)),
        ("false", (False,)),
        ("[true]", (True,)),
        ("[false, true]", (False, True)),
        ("[true, false]", (False, True)),
    ],
)
def test_stream_is_one_mode_or_both(tmp_path: Path, written: str, read: tuple[bool, ...]) -> None:
    suite = load.suite(write(tmp_path, suite_of(f"{GOOD}stream: {written}")))
    assert read == suite.cases[1].stream


@pytest.mark.parametrize(
    "claims",
    [
        'body: {"": {type: object, required: [id]}}',
        "body: {/a/-1: false, /a~0b/c~1d: true}",
        'chunks: {"": {type: array, minItems: 3}, /-1: {type: object}}',
        "headers: {retry-after: {enum: ['1', '2']}, x-a: {const: a}, x-b: true, x-c: {not: {const: a}}}",
        "status: {type: integer, minimum: 400, maximum: 499}",
        "status: {enum: [200, 201]}",
        "status: {not: {const: 500}}",
    ],
)
def test_a_claim_of_any_form_is_read(tmp_path: Path, claims: str) -> None:
    case = suite_of(f"{GOOD}stream: true\nexpect: {{{claims}}}")
    assert Kind.EXPECT in load.suite(write(tmp_path, case)).cases[1].steps[0].claims


@pytest.mark.parametrize(
    "asked",
    [
        "stream: [false, true]\nrequest: {}",
        "request: {stream: true}",
        "http: {method: POST, path: /chat/completions, body: {stream: true}}",
        "http: {method: POST, path: /chat/completions, raw: '{\"stream\": true'}",
        "steps:\n  - id: a\n    request: {stream: true}\n    expect: {chunks: {/0/model: true}}",
    ],
)
def test_chunks_may_be_claimed_wherever_a_stream_may_come(tmp_path: Path, asked: str) -> None:
    claimed = "" if asked.startswith("steps") else "\nexpect: {chunks: {/0/model: true}}"
    (step,) = load.suite(write(tmp_path, suite_of(f"id: o\ntitle: T\n{asked}{claimed}"))).cases[1].steps
    assert Claims(chunks={"/0/model": True}) == step.claims[Kind.EXPECT]


@pytest.mark.parametrize(
    "asked",
    [
        "request: {}",
        "stream: [false, true]\nrequest: {stream: false}",
        "request: {stream: 'true'}",
        "http: {method: POST, path: /chat/completions, body: {stream: false}}",
        "http: {method: POST, path: /chat/completions, body: [true]}",
        "http: {method: GET, path: /models}",
    ],
)
def test_chunks_cannot_be_claimed_where_no_stream_comes(tmp_path: Path, asked: str) -> None:
    found = slips_of(write(tmp_path, suite_of(f"id: o\ntitle: T\n{asked}\nexpect: {{chunks: {{/0/model: true}}}}")))
    assert any("`chunks` claims nothing here: the step is never streamed" in said for _, said in found)


def test_a_case_of_other_requests_may_say_that_it_is_not_streamed(tmp_path: Path) -> None:
    case = suite_of("id: o\ntitle: T\nstream: false\nhttp: {method: GET, path: /models}")
    assert (False,) == load.suite(write(tmp_path, case)).cases[1].stream


def test_what_stands_under_shared_is_never_read(tmp_path: Path) -> None:
    text = suite_of(GOOD, rest="shared: {request: 5, expcet: [{}], any: {$from: nowhere}}\n")
    assert 2 == len(load.suite(write(tmp_path, text)).cases)


def test_two_places_with_one_alias_share_no_value(tmp_path: Path) -> None:
    text = suite_of("id: other\ntitle: T\nrequest: {a: &a {b: [1]}, c: *a}")
    request: Any = load.suite(write(tmp_path, text)).cases[1].steps[0].request
    request["a"]["b"].append(2)
    assert {"b": [1]} == request["c"]


# ---------------------------------------------------------------- slips of the notation


TWO = "id: o\ntitle: T\nsteps:\n  - {id: one, request: {}}\n  - id: two\n"

BIG = "id: o\ntitle: T\nrequest:\n"

SLIPS: dict[str, tuple[str, str]] = {
    "together-first": (
        f"id: o\ntitle: T\nsteps:\n  - id: one\n    together: true {HERE}\n    request: {{}}",
        "`together` sends a step at the same time as the one before it, and there is none",
    ),
    "together-from-beside": (
        f"{TWO}    together: true\n    request: {{a: {{$from: one#/id}}}} {HERE}",
        '`$from` names the step "one", which is not one before this',
    ),
    "hang-up-when": (f"{TWO}    request: {{}}\n    hang_up: {{}} {HERE}", "`hang_up` says when"),
    "hang-up-twice": (f"{TWO}    request: {{}}\n    hang_up: {{after_ms: 1, after_events: 1}} {HERE}", "`hang_up` says when"),
    "hang-up-never": (
        f"{TWO}    request: {{}}\n    hang_up: {{after_ms: 0}} {HERE}",
        "`after_ms` must be a whole number from 1 to 60000, and is 0",
    ),
    "padding": (f"{BIG}  $padding: -1 {HERE}", "`$padding` must be a whole number from 1 to 16000000, and is -1"),
    "repeat-what": (f"{BIG}  a: {{$repeat: {{times: 3}}}} {HERE}", "the key `text` is missing"),
    "repeat-how-often": (f"{BIG}  a: [{{$repeat: {{text: x, times: 0}}}}] {HERE}", "`times` must be a whole number from 1"),
    "repeat-no-text": (f"{BIG}  a: {{$repeat: {{text: [], times: 3}}}} {HERE}", "`text` must be a text, and is []"),
    "repeat-too-much": (f"{BIG}  a: {{$repeat: {{text: xxxx, times: 5000000}}}} {HERE}", "more than 16000000 characters"),
    "repeat-beside": (f"{BIG}  a: {{$repeat: {{text: x, times: 3}}, b: 1}} {HERE}", "`$repeat` stands alone in its mapping"),
    "took-a-number": (f"{GOOD}prefer: {{took_ms: 300}} {HERE}", "`took_ms` is a fragment on the milliseconds"),
    "took-a-text": (f"{GOOD}prefer: {{took_ms: {{type: string, minLength: 1}}}} {HERE}", "`took_ms` is a number, and seldom"),
    # a case, the line marked, and what must be said about it
    "misspelt-kind": (f"{GOOD}expcet: {{body: {{/id: true}}}} {HERE}", "unknown key `expcet`; did you mean `expect`?"),
    "unknown-key": (f"{GOOD}severity: high {HERE}", "unknown key `severity`; known are `effect`, `expect`, `given`, `http`"),
    "misspelt-part": (f"{GOOD}expect:\n  bdy: {{/id: true}} {HERE}", "unknown key `bdy`; did you mean `body`?"),
    "no-id": (f"title: T {HERE}\nrequest: {{messages: []}}", "the key `id` is missing"),
    "bad-id": (f"id: Other_One {HERE}\ntitle: T\nrequest: {{}}", '`id` is made of a-z, 0-9 and single `-`; "Other_One" is not'),
    "double-id": (f"id: good {HERE}\ntitle: T\nrequest: {{}}", 'there is a case "good" already, in line 6'),
    "id-no-text": (f"id: 5 {HERE}\ntitle: T\nrequest: {{}}", "`id` must be a text of one line, and is 5"),
    "method-no-text": (f"id: o\ntitle: T\nhttp: {{method: 5, path: /x}} {HERE}", "`method` must be a text of one line"),
    "path-no-text": (f"id: o\ntitle: T\nhttp: {{method: GET, path: 5}} {HERE}", "`path` must be a text of one line"),
    "no-title": (f"id: other {HERE}\nrequest: {{}}", "the key `title` is missing"),
    "title-no-text": (
        f"id: other\ntitle: 5 {HERE}\nrequest: {{}}",
        "`title` must be a text of one line, and is 5; put it in quotes",
    ),
    "title-of-lines": (f'id: other\ntitle: "a\\nb" {HERE}\nrequest: {{}}', "`title` must be a text of one line"),
    "unknown-need": (f"{GOOD}needs: [toolz, tools] {HERE}", 'no suite declares the feature "toolz"; did you mean `tools`?'),
    "needs-no-list": (f"{GOOD}needs: tools {HERE}", '`needs` must be a list, and is "tools"'),
    "needs-empty": (f"{GOOD}needs: [] {HERE}", "`needs` is empty"),
    "need-twice": (f"{GOOD}needs: [tools, tools] {HERE}", "a feature stands in `needs` twice"),
    "bad-stream": (f"{GOOD}stream: both {HERE}", '`stream` must be false, true or [false, true], and is "both"'),
    "idle-stream": (
        f"id: o\ntitle: T\nstream: true {HERE}\nhttp: {{method: GET, path: /models}}",
        "`stream: true` changes nothing here",
    ),
    "stream-said-twice": (
        f"id: o\ntitle: T\nstream: [false, true] {HERE}\nrequest: {{stream: true}}",
        "`stream: true` changes nothing here",
    ),
    "tries-zero": (f"{GOOD}tries: 0 {HERE}", "`tries` must be a whole number from 1 to 10, and is 0"),
    "tries-true": (f"{GOOD}tries: true {HERE}", "`tries` must be a whole number from 1 to 10, and is true"),
    "no-request": (f"id: other {HERE}\ntitle: T", "there is no `request` (nor `http`, nor `steps`)"),
    "both-requests": (f"{GOOD}http: {{method: GET, path: /models}} {HERE}", "`request` and `http` exclude each other"),
    "request-no-mapping": (
        f"id: other\ntitle: T\nrequest: hi {HERE}",
        '`request` must be a mapping of keys to values, and is "hi"',
    ),
    "placeholder": (
        f"id: other\ntitle: T\nrequest: {{$max_token: 5}} {HERE}",
        "unknown placeholder `$max_token`; did you mean `$max_tokens`?",
    ),
    "max-tokens": (f"id: other\ntitle: T\nrequest: {{$max_tokens: many}} {HERE}", "`$max_tokens` must be a whole number"),
    "steps-and-request": (
        f"id: o\ntitle: T\nrequest: {{}} {HERE}\nsteps: [{{id: a, request: {{}}}}]",
        "`request` stands beside `steps`; put it into a step",
    ),
    "steps-empty": (f"id: other\ntitle: T\nsteps: [] {HERE}", "there are no steps"),
    "step-without-id": (f"id: other\ntitle: T\nsteps:\n  - request: {{}} {HERE}", "the key `id` is missing"),
    "step-without-request": (f"id: other\ntitle: T\nsteps:\n  - id: a {HERE}", "there is no `request` (nor `http`)"),
    "step-twice": (
        f"id: other\ntitle: T\nsteps:\n  - {{id: a, request: {{}}}}\n  - {{id: a, request: {{}}}} {HERE}",
        'there is a step "a" already, in line 13',
    ),
    "step-with-tries": (f"id: o\ntitle: T\nsteps:\n  - id: a\n    request: {{}}\n    tries: 3 {HERE}", "unknown key `tries`"),
    "method": (
        f"id: o\ntitle: T\nhttp: {{method: get, path: /models}} {HERE}",
        "`method` must be one in capitals, such as GET or POST",
    ),
    "no-path": (f"id: o\ntitle: T\nhttp: {{method: GET}} {HERE}", "the key `path` is missing in `http`"),
    "path-without-slash": (
        f"id: o\ntitle: T\nhttp: {{method: GET, path: models}} {HERE}",
        "`path` goes on from the base URL and begins with `/`",
    ),
    "path-elsewhere": (f"id: o\ntitle: T\nhttp: {{method: GET, path: 'https://evil.invalid/x'}} {HERE}", "begins with `/`"),
    "path-placeholder": (
        f"id: o\ntitle: T\nhttp: {{method: GET, path: '/m/{{id}}'}} {HERE}",
        'in "/m/{id}" only {model} is replaced',
    ),
    "body-and-raw": (
        f"id: o\ntitle: T\nhttp: {{method: POST, path: /x, body: {{}}, raw: x}} {HERE}",
        "`body` (JSON) and `raw` (text as it is) exclude each other",
    ),
    "encoding-unknown": (
        f"id: o\ntitle: T\nhttp: {{method: POST, path: /x, body: {{}}, encoding: utf-7}} {HERE}",
        '`encoding` must be ascii, and is "utf-7"',
    ),
    "encoding-of-raw": (
        f"id: o\ntitle: T\nhttp: {{method: POST, path: /x, raw: x, encoding: ascii}} {HERE}",
        "`encoding` says how `body` is written, and there is none",
    ),
    "body-null": (f"id: o\ntitle: T\nhttp: {{method: POST, path: /x, body: null}} {HERE}", "`body: null` sends nothing"),
    "raw-no-text": (
        f"id: o\ntitle: T\nhttp: {{method: POST, path: /x, raw: {{}}}} {HERE}",
        "`raw` must be a text, and is {}; use `body` for JSON",
    ),
    "header-name": (
        f"id: o\ntitle: T\nhttp: {{method: GET, path: /x, headers: {{X-Id: a}}}} {HERE}",
        '"X-Id" is no name of a header in lower case; write `x-id`',
    ),
    "header-value": (f"id: o\ntitle: T\nhttp: {{method: GET, path: /x, headers: {{x-id: 5}}}} {HERE}", "`x-id` is 5"),
    "header-break": (
        f'id: o\ntitle: T\nhttp: {{method: GET, path: /x, headers: {{x-id: "a\\r\\nb"}}}} {HERE}',
        "a header is a text of one line",
    ),
    # claims
    "claims-empty": (f"{GOOD}expect: {{}} {HERE}", "`expect` claims nothing"),
    "claims-no-mapping": (f"{GOOD}expect: true {HERE}", "`expect` must be a mapping of keys to values, and is true"),
    "part-empty": (f"{GOOD}expect:\n  body: {{}} {HERE}", "`body` claims nothing"),
    "pointer-without-slash": (
        f"{GOOD}expect:\n  body:\n    choices/0: true {HERE}",
        '"choices/0" is no JSON Pointer; write "/choices/0"',
    ),
    "pointer-of-dots": (
        f"{GOOD}expect:\n  body:\n    $.choices[0].index: true {HERE}",
        'is no JSON Pointer; write "/choices/0/index"',
    ),
    "pointer-tilde": (f"{GOOD}expect:\n  body:\n    /a~2b: true {HERE}", "`~` is written `~0`"),
    "pointer-past-the-end": (f"{GOOD}expect:\n  body:\n    /choices/-: true {HERE}", "the last one is `-1`"),
    "root-there": (f'{GOOD}expect:\n  body:\n    "": true {HERE}', '`"": true` asserts nothing'),
    "root-not-there": (f'{GOOD}expect:\n  body:\n    "": false {HERE}', '`"": false` asserts nothing'),
    "claim-text": (f"{GOOD}expect:\n  body:\n    /model: gpt {HERE}", 'not "gpt"; write {const: "gpt"}'),
    "claim-null": (f"{GOOD}expect:\n  body:\n    /model: null {HERE}", "not null; write {const: null}"),
    "chunks-unstreamed": (
        f"{GOOD}expect:\n  chunks: {{/0/id: true}} {HERE}",
        "`chunks` claims nothing here: the step is never streamed",
    ),
    "chunks-pointer": (
        f"{GOOD}stream: true\nexpect:\n  chunks:\n    /choices: true {HERE}",
        "a pointer into the chunks begins with a position",
    ),
    "status-there": (
        f"{GOOD}expect:\n  status: true {HERE}",
        "`status` is a number from 100 to 599, a list of them, or a fragment on one, not true",
    ),
    "status-range": (f"{GOOD}expect:\n  status: [200, 99] {HERE}", "not [200, 99]"),
    "status-empty": (f"{GOOD}expect:\n  status: [] {HERE}", "not []"),
    "status-text": (f"{GOOD}expect:\n  status: {{type: string}} {HERE}", "`status` is a number: this is never so"),
    "status-untyped": (
        f"{GOOD}expect:\n  status: {{minimum: 400}} {HERE}",
        "`minimum` asserts something of a number only; add `type: number`",
    ),
    "prefer-status": (f"{GOOD}prefer:\n  status: 200 {HERE}", "`prefer: status` needs an `expect: status` beside it"),
    "claim-header-name": (
        f"{GOOD}expect:\n  headers:\n    Content-Type: true {HERE}",
        '"Content-Type" is no name of a header in lower case',
    ),
    "claim-header-number": (
        f"{GOOD}expect:\n  headers:\n    retry-after: {{type: integer}} {HERE}",
        "`retry-after` is a header, so a text: this is never so",
    ),
    "claim-header-const": (
        f"{GOOD}expect:\n  headers:\n    retry-after: {{const: 5}} {HERE}",
        "this is never so; write `type: string`",
    ),
    "settled-twice": (
        f"{GOOD}effect:\n  body:\n    /id: {{const: a}}\nexpect:\n  body:\n    /id: {{const: a}} {HERE}",
        "this can never be unmet: line 15 claims it already",
    ),
    "settled-presence": (
        f"{GOOD}expect:\n  body: {{/id: {{type: string}}}}\nprefer:\n  body:\n    /id: true {HERE}",
        "this can never be unmet",
    ),
    "settled-status": (
        f"{GOOD}expect:\n  status: 200\nprefer:\n  status: 200 {HERE}",
        "this can never be unmet: line 14 claims it already",
    ),
    # references
    "from-unknown": (
        f'id: o\ntitle: T\nrequest: {{a: {{$from: "ask#/id"}}}} {HERE}',
        '`$from` names the step "ask", which is not one before this; there is none before the first step',
    ),
    "from-later": (
        f'id: o\ntitle: T\nsteps:\n  - {{id: a, request: {{x: {{$from: "b#/id"}}}}}} {HERE}\n  - {{id: b, request: {{}}}}',
        '`$from` names the step "b", which is not one before this',
    ),
    "from-itself": (
        f'{TWO}    request: {{}}\n    expect:\n      body:\n        /id: {{const: {{$from: "two#/id"}}}} {HERE}',
        '`$from` names the step "two", which is not one before this; known are `one`',
    ),
    "from-misspelt": (
        f'{TWO.replace("one", "first")}    request: {{a: {{$from: "frist#/id"}}}} {HERE}',
        "did you mean `first`?",
    ),
    "from-pointer": (
        f'{TWO}    request: {{a: {{$from: "one#id"}}}} {HERE}',
        '"id" is no JSON Pointer; write "/id"',
    ),
    "from-form": (
        f"{TWO}    request: {{a: {{$from: one}}}} {HERE}",
        '`$from` names a step and a place in its answer, "step#/pointer", and is "one"',
    ),
    "from-in-company": (
        f'{TWO}    request: {{a: {{$from: "one#/id", b: 1}}}} {HERE}',
        "`$from` stands alone in its mapping",
    ),
}


@pytest.mark.parametrize(("case", "said"), SLIPS.values(), ids=SLIPS.keys())
def test_a_slip_of_the_notation_is_told_with_its_line_and_the_way_out(tmp_path: Path, case: str, said: str) -> None:
    text = suite_of(case)
    found = slips_of(write(tmp_path, text))
    assert marked(text) == [line for line, _ in found]
    assert said in found[0][1]


TOP: dict[str, tuple[str, str]] = {
    "other-name": ("suite: tool {HERE}", "a suite is called as its file: `suite: tools`, or rename the file to tool.yaml"),
    "bad-name": ("suite: Tool Calls {HERE}", "`suite` is made of a-z, 0-9 and single `-`"),
    "no-name": ("suite: 5 {HERE}", "`suite` must be a text of one line, and is 5"),
    "no-features": ("suite: tools\nfeatures: {} {HERE}", "no feature is declared; a suite has at least one"),
    "unknown-key": ("suite: tools\ncase: [] {HERE}", "unknown key `case`; did you mean `cases`?"),
    "feature-name": (
        "suite: tools\nfeatures:\n  tools: {title: T}\n  Tool Choice: {title: T} {HERE}",
        "a feature's name is made of a-z",
    ),
    "feature-title": ("suite: tools\nfeatures:\n  tools: {optional: true} {HERE}", "the key `title` is missing in `tools`"),
    "feature-optional": (
        "suite: tools\nfeatures:\n  tools: {title: T, optional: yes} {HERE}",
        '`optional` must be true or false, and is "yes"',
    ),
    "feature-key": ("suite: tools\nfeatures:\n  tools: {title: T, optinal: true} {HERE}", "did you mean `optional`?"),
    "feature-untested": (
        "suite: tools\nfeatures:\n  tools: {title: T}\n  other: {title: T} {HERE}",
        "no case tests the feature `other`",
    ),
    "needs-unclear": (
        "suite: tools\nfeatures: {tools: {title: T}, other: {title: T}}\ncases:\n"
        "  - {id: a, title: T, needs: [tools], request: {}}\n"
        "  - {id: b, title: T, needs: [other], request: {}}\n"
        "  - {id: c, title: T, request: {}} {HERE}",
        "`needs` is missing, and the suite has several features to choose from: `tools`, `other`",
    ),
    "no-cases": ("suite: tools\nfeatures:\n  tools: {title: T} {HERE}\ncases: [] {HERE}", "there are no cases"),
}


@pytest.mark.parametrize(("top", "said"), TOP.values(), ids=TOP.keys())
def test_a_slip_at_the_top_of_a_suite_is_told_with_its_line(tmp_path: Path, top: str, said: str) -> None:
    text = top.replace("{HERE}", HERE) + "\n"
    text += "" if "features:" in top else "features: {tools: {title: T}}\n"
    text += "title: T\n"
    text += "" if "cases:" in top else "cases:\n  - {id: a, title: T, needs: [tools], request: {}}\n"
    found = slips_of(write(tmp_path, text))
    assert set(marked(text)) <= {line for line, _ in found}
    assert any(said in message and line in marked(text) for line, message in found)


def test_ids_that_are_no_text_are_told_once_each(tmp_path: Path) -> None:
    text = suite_of("id: [a]\ntitle: T\nrequest: {}", rest="  - {id: [a], title: T, request: {}}\n")
    assert ['`id` must be a text of one line, and is ["a"]'] * 2 == [said for _, said in slips_of(write(tmp_path, text))]


def test_a_suite_whose_name_is_no_text_is_told_so_and_nothing_else(tmp_path: Path) -> None:
    text = suite_of(GOOD).replace("suite: tools", "suite: 5")
    assert [(1, '`suite` must be a text of one line, and is 5; put it in quotes: "…"')] == slips_of(write(tmp_path, text))


def test_every_slip_of_a_file_is_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = suite_of(
        "id: Other\ntitle: T\nrequest: {}\nexpcet: {}\ntries: 0\nexpect:\n  body:\n    id: true\n    /a: {minLength: 1}"
    )
    path = write(tmp_path, text)
    with pytest.raises(BadFile) as raised:
        load.suite(path)
    lines = str(raised.value).splitlines()
    assert [f"{path}:{number}:" for number in (10, 13, 14, 17, 18)] == [line.split(" ")[0] for line in lines]


def test_the_slips_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "suite: a\n", "a.yaml")
    write(tmp_path, "a: *b\n", "b.yaml")
    write(tmp_path, suite_of(GOOD))
    with pytest.raises(BadFile) as raised:
        load.suites(tmp_path)
    assert {"a.yaml", "b.yaml"} == {Path(file).name for file, _, _ in raised.value.slips}


def test_a_slip_in_what_an_alias_stands_for_is_told_once_where_it_is_written(tmp_path: Path) -> None:
    claim = f"id: other\ntitle: T\nrequest: {{}}\nexpect:\n  body:\n    /a: &a {{minLength: 1}} {HERE}\n    /b: *a"
    text = suite_of(claim)
    lines = [line for line, _ in slips_of(write(tmp_path, text))]
    assert marked(text)[0] in lines


# ---------------------------------------------------------------- between files


def test_a_prerequisite_may_be_a_feature_of_a_suite_beside_it(tmp_path: Path) -> None:
    write(tmp_path, suite_of(GOOD))
    other = suite_of(f"{GOOD}needs: [tools, more]").replace("tools: {", "more: {").replace("suite: tools", "suite: more")
    path = write(tmp_path, other, "more.yaml")
    assert [("more",), ("tools", "more")] == [case.needs for case in load.suite(path).cases]
    assert ["more", "tools"] == [suite.id for suite in load.suites(tmp_path)]


def test_a_prerequisite_may_be_a_shipped_feature(tmp_path: Path) -> None:
    mine = suite_of(f"{GOOD}needs: [chat, tools]")
    assert ("chat", "tools") == load.suite(write(tmp_path, mine)).cases[1].needs


def test_a_feature_has_one_home(tmp_path: Path) -> None:
    write(tmp_path, suite_of(GOOD))
    write(tmp_path, suite_of(GOOD).replace("suite: tools", "suite: zools"), "zools.yaml")
    with pytest.raises(BadFile) as raised:
        load.suites(tmp_path)
    ((file, line, said),) = raised.value.slips
    assert (str(tmp_path / "zools.yaml"), 4) == (file, line)
    assert f"the feature `tools` is declared already, in {tmp_path / 'tools.yaml'}" in said


def test_two_files_cannot_be_the_same_suite(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    paths = [write(tmp_path, suite_of(GOOD)), write(tmp_path / "deeper", suite_of(GOOD))]
    with pytest.raises(BadFile, match=r"there is a suite `tools` already, in .*tools\.yaml"):
        load.suites(paths)


def test_a_folder_without_suites_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"there is no \*\.yaml file in this folder"):
        load.suites(tmp_path)


def test_a_file_that_is_not_there_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"nope\.yaml: cannot be read: No such file"):
        load.suite(tmp_path / "nope.yaml")


# ---------------------------------------------------------------- the schema of suites


def structure(text: str) -> Json:
    return load.yaml_document(text)


def test_the_schema_of_suites_lets_every_form_through() -> None:
    assert [] == [error.message for error in of_schema("suite").iter_errors(structure(WHOLE))]


ONLY_THE_LOADER = {
    "together-from-beside",
    "repeat-too-much",
    "took-a-text",
    # what a schema cannot say: it looks at other places of the file, or at meaning
    "double-id",
    "unknown-need",
    "idle-stream",
    "stream-said-twice",
    "step-twice",
    "chunks-unstreamed",
    "status-text",
    "prefer-status",
    "claim-header-number",
    "claim-header-const",
    "settled-twice",
    "settled-presence",
    "settled-status",
    "from-unknown",
    "from-later",
    "from-itself",
    "from-misspelt",
}


def test_the_schema_of_suites_refuses_what_the_loader_does_but_for_what_a_schema_cannot_say() -> None:
    schema = of_schema("suite")
    assert set(SLIPS) >= ONLY_THE_LOADER
    accepted = {name for name, (case, _) in SLIPS.items() if schema.is_valid(structure(suite_of(case)))}
    assert ONLY_THE_LOADER == accepted


def shipped_files() -> list[Path]:
    return sorted(resources.SUITES.glob("*.yaml"))


@pytest.mark.parametrize("file", shipped_files(), ids=lambda file: file.stem)
def test_the_schema_of_suites_lets_the_shipped_suites_through(file: Path) -> None:
    errors = of_schema("suite").iter_errors(load.document(file).data)
    assert [] == [f"{error.json_path}: {error.message}" for error in errors]


# ---------------------------------------------------------------- fuzzing


def told(error: BadFile) -> None:
    """An error says something, and where."""
    assert [] != error.slips
    assert "" not in [said for _, _, said in error.slips]


SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)

PIECES = st.sampled_from(
    [
        "suite: tools\n",
        "title: T\n",
        "features: {tools: {title: T}}\n",
        "cases:\n",
        "  - id: a\n",
        "    title: T\n",
        "    request: {}\n",
        "    steps: [",
        "{id: b}",
        "]\n",
        "    expect: ",
        "{body: ",
        "{/a: ",
        "{type: string",
        ", minLength: 1",
        "}}}\n",
        "    needs: [tools]\n",
        "    stream: true\n",
        "    http: {method: GET, path: /x}\n",
        "&a ",
        "*a",
        "\n",
        "  ",
        "null",
        "5",
        "[]",
        "{}",
        "$from: x#/y",
        '"',
        "'",
    ]
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(pieces=st.lists(PIECES, max_size=25))
def test_any_jumble_of_the_notation_is_a_suite_or_a_bad_file(tmp_path: Path, pieces: list[str]) -> None:
    path = write(tmp_path, "".join(pieces))
    try:
        load.suite(path)
    except BadFile as error:
        told(error)
    try:
        load.endpoint(path)
    except BadFile as error:
        told(error)


PARTS = st.recursive(
    SCALARS | st.sampled_from([True, False, {"$from": "ask#/id"}, "/a", {"type": "string"}]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*WHOLE.replace(":", " ").replace(",", " ").split(), "status", "/a", "raw", "body", ""]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    key=st.sampled_from(["suite", "title", "features", "cases"]),
    case=st.dictionaries(
        st.sampled_from(["id", "title", "needs", "stream", "tries", "request", "http", "steps", "given", "expect"]), PARTS
    ),
    value=PARTS,
)
def test_any_json_in_any_place_of_the_notation_is_a_suite_or_a_bad_file(
    tmp_path: Path, key: str, case: dict[str, Json], value: Json
) -> None:
    base: dict[str, Json] = {
        "suite": "tools",
        "title": "T",
        "features": {"tools": {"title": "T"}},
        "cases": [{**_GOOD_CASE, **case}],
    }
    for data in (base, {**base, key: value}):
        path = tmp_path / "tools.yaml"
        path.write_text(json.dumps(data))
        try:
            load.suite(path)
        except BadFile as error:
            told(error)


_GOOD_CASE: dict[str, Json] = {"id": "a", "title": "T", "needs": ["tools"], "request": {}}
