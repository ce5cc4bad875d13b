"""YAML is read as JSON written in it: bounded, strict, every slip with its line; and reading is quick."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from own_files import write

from harness import load
from harness.document import Document
from harness.errors import BadFile
from harness.model import Json

SUITE = """\
suite: tools
title: Tool calls
features: {tools: {title: Tools can be called}}
cases:
  - {id: good, title: A tool is called, request: {messages: []}}
"""


def test_scalars_are_those_of_json_and_the_rest_is_text() -> None:
    text = """
    numbers: [0, -1, 12, 1.5, -0.25, 1e3, 2E-2, 9007199254740993]
    others: [null, true, false]
    texts: [no, Yes, on, OFF, y, 2027-03-01, "012", 12:30, 1.2.3, 10 %, 0.1.0, 1e, e5, -, 'null', "5", "", ''a'']
    keys: {n: 1, on: 2, 50256: 3, true: 4, null: 5, 012: 6}
    """.replace("''a''", "a")
    assert load.yaml_document(text) == {
        "numbers": [0, -1, 12, 1.5, -0.25, 1000.0, 0.02, 9007199254740993],
        "others": [None, True, False],
        "texts": [
            "no",
            "Yes",
            "on",
            "OFF",
            "y",
            "2027-03-01",
            "012",
            "12:30",
            "1.2.3",
            "10 %",
            "0.1.0",
            "1e",
            "e5",
            "-",
            "null",
            "5",
            "",
            "a",
        ],
        "keys": {"n": 1, "on": 2, "50256": 3, "true": 4, "null": 5, "012": 6},
    }


def test_whole_numbers_stay_whole_and_others_do_not_become_it() -> None:
    read = load.yaml_document("[1, 1.0, 1e0]")
    assert [int, float, float] == [type(value) for value in read]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "scalar",
    [
        "~",
        "Null",
        "TRUE",
        "False",
        "012",
        "0x1F",
        "0o17",
        "0b1",
        "1_000",
        "+1",
        ".5",
        "5.",
        "-.5",
        ".inf",
        "-.Inf",
        ".NaN",
        "00",
        "+1.5",
    ],
)
def test_a_scalar_that_readers_of_yaml_disagree_about_is_refused(scalar: str) -> None:
    with pytest.raises(BadFile) as raised:
        load.yaml_document(f"a: 1\nb: {scalar}\n", "x.yaml")
    ((file, line, said),) = raised.value.slips
    assert ("x.yaml", 2) == (file, line)
    assert f"{scalar} means different things to different readers of YAML; write " in said


@pytest.mark.parametrize(
    ("scalar", "instead"),
    [
        ("~", "null, or a text in quotes"),
        ("NULL", "null, or a text in quotes"),
        ("True", "true, or 'True' for the text"),
        ("012", "the number as JSON does, or '012' for the text"),
    ],
)
def test_what_to_write_instead_is_told(scalar: str, instead: str) -> None:
    with pytest.raises(BadFile) as raised:
        load.yaml_document(f"a: {scalar}")
    assert raised.value.slips[0][2].endswith(f"; write {instead}")


def test_a_quoted_merge_is_a_key_like_any() -> None:
    assert {"<<": {"a": 1}} == load.yaml_document('"<<": {a: 1}')


def test_a_number_of_three_hundred_digits_is_still_one() -> None:
    assert {"a": 10**305} == load.yaml_document(f"a: 1{'0' * 305}")


YAML: dict[str, tuple[str, int | None, str]] = {
    "no-value": ("a: 1\nb:\n", 2, "there is no value; write null"),
    "huge": (f"a: {'9' * 400}\n", 1, "is too large for a number"),
    "infinite": ("a: 1e999\n", 1, "1e999 is too large for a number"),
    "double-key": ("a: 1\nb: 2\na: 3\n", 3, "the key `a` stands here twice; the first is in line 1"),
    "double-deep": ("a:\n  b: {c: 1, c: 2}\n", 2, "the key `c` stands here twice"),
    "merge": ("a: &a {b: 1}\nc:\n  <<: *a\n", 3, "merges (`<<`) are not read"),
    "tag": ("a: !!str 5\n", 1, "tags are not read (tag:yaml.org,2002:str)"),
    "python-tag": ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2, "tags are not read"),
    "own-tag": ("a: !secret x\n", 1, "tags are not read (!secret)"),
    "no-anchor": ("a: 1\nb: *weather\n", 2, "there is no anchor `&weather` before this `*weather`"),
    "near-anchor": ("a: &weather 1\nb: *wether\n", 2, "did you mean `weather`?"),
    "endless": ("a: &a\n  b: *a\n", 2, "`*a` stands inside of `&a`, which would have no end"),
    "list-as-key": ("? [a]\n: 1\n", 1, "a key must be a text"),
    "alias-as-key": ("a: &a b\n*a : 1\n", 2, "a key must be a text"),
    "anchor-on-key": ("&a a: 1\n", 1, "an anchor (`&a`) on a key"),
    "key-missing": ("?\n: 1\n", 1, "a key is missing before `:`"),
    "two-documents": ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
    "empty": ("# nothing\n", None, "the file is empty"),
    "tab": ("a:\n\tb: 1\n", 2, "not YAML: "),
    "open-list": ("a: [1, 2\nb: 3\n", 2, "not YAML: "),
    "deep": ("[" * 61 + "]" * 61, 1, "nested more than 60 deep"),
    "control": ("a: 1\nb: \x01\n", 2, "a character that YAML does not take"),
    "half": ('a: "\\ud800"\n', 1, ""),
    "directive": ("%TAG ! tag:x,2000:\n---\na: !b c\n", 3, "tags are not read"),
}


@pytest.mark.parametrize(("text", "line", "said"), YAML.values(), ids=YAML.keys())
def test_what_is_not_read_of_yaml_is_told_with_its_line(text: str, line: int | None, said: str) -> None:
    with pytest.raises(BadFile) as raised:
        load.yaml_document(text, "x.yaml")
    assert [("x.yaml", line)] == [(file, number) for file, number, _ in raised.value.slips]
    assert said in raised.value.slips[0][2]


def test_aliases_that_stand_for_a_billion_values_are_stopped_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(BadFile, match="more than 200,000 values, with what the aliases stand for"):
        load.yaml_document("\n".join(lines))


def test_aliases_cannot_nest_deeper_than_written_out() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 100)]
    with pytest.raises(BadFile, match="nested more than 60 deep"):
        load.yaml_document("\n".join(lines))


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="larger than 4 MiB"):
        load.suite(write(tmp_path, "a: " + "x" * load.MOST_BYTES))


def test_a_file_that_is_not_utf_8_is_told_with_the_line_of_the_first_bad_byte(tmp_path: Path) -> None:
    path = tmp_path / "tools.yaml"
    path.write_bytes(b"suite: tools\ntitle: caf\xe9\n")
    with pytest.raises(BadFile) as raised:
        load.suite(path)
    assert [(str(path), 2, "not UTF-8: byte 0xe9; save the file as UTF-8")] == raised.value.slips


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "tools.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SUITE.replace("\n", "\r\n").encode())
    assert 1 == len(load.suite(path).cases)


SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


def _written(value: Json) -> Json:
    """What JSON's text brings back: the same, floats as they are written."""
    return json.loads(json.dumps(value))  # type: ignore[no-any-return]


@given(JSON)
def test_json_is_read_as_what_it_is(value: Json) -> None:
    text = json.dumps(value)  # ASCII: YAML takes no lone surrogate and not every control character
    if "\\ud" not in text:
        assert _written(value) == load.yaml_document(text)


def told(error: BadFile) -> None:
    """An error says something, and where."""
    assert [] != error.slips
    assert "" not in [said for _, _, said in error.slips]


@settings(max_examples=150, deadline=None)
@given(st.text())
def test_any_text_is_a_value_or_a_bad_file(text: str) -> None:
    try:
        json.dumps(load.yaml_document(text))
    except BadFile as error:
        told(error)


def test_reading_yaml_without_its_c_parser_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load.yaml_document(SUITE)
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert expected == load.yaml_document(SUITE)


def test_half_a_surrogate_pair_is_refused_by_whichever_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        with pytest.raises(BadFile) as raised:
            load.yaml_document('a: 1\nb: "\\ud800"\n', "x.yaml")
        assert [2] == [line for _, line, _ in raised.value.slips]
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert "half of a surrogate pair (\\ud800 to \\udfff) is no character" == raised.value.slips[0][2]


def test_a_document_knows_the_line_of_each_of_its_parts(tmp_path: Path) -> None:
    read: Document = load.document(write(tmp_path, "a:\n  b:\n    - 1\n    - c: 2\n"))
    assert {(): 1, ("a",): 1, ("a", "b"): 2, ("a", "b", 0): 3, ("a", "b", 1): 4, ("a", "b", 1, "c"): 4} == dict(read.lines)


def test_reading_suites_loads_no_schema_library() -> None:
    heavy = "{'jsonschema', 'jsonschema_rs', 'httpx', 'vcr'}"
    program = f"import sys; from harness import load; load.suites(); print(sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "[]\n" == ran.stdout
