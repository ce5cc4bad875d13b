"""The two engines agree, every defect is told once and in words, and no JSON is too strange."""

from __future__ import annotations

import copy
import json
import socket
import subprocess
import sys
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mutations import DOCUMENTS, mutants

from harness import contract
from harness.contract import AT_MOST, LEVELS, Checker, Kind, SchemaError, Violation, compiled, violations
from harness.errors import BadInput
from harness.model import Level
from harness.resources import SCHEMAS

COMPLETION, CALLING, *_ = DOCUMENTS["completion"]
CHUNK = DOCUMENTS["chunk"][1]


def accepts(file: str, kind: str) -> Checker:
    return compiled({"$ref": f"urn:chatcompat:openai:{file}#/$defs/{kind}"})


def spoilt(document: Any, *path: str | int, **to: Any) -> Any:
    """A copy with the keys at the end of the path set, or removed where they are set to `...`."""
    changed = copy.deepcopy(document)
    inside = changed
    for key in path:
        inside = inside[key]
    for key, value in to.items():
        if value is ...:
            del inside[key]
        else:
            inside[key] = value
    return changed


# ---------------------------------------------------------------- the two engines


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize("file", LEVELS)
def test_the_gate_and_the_words_agree_on_every_mutant(file: str, kind: str) -> None:
    checker = accepts(file, kind)
    assert (
        [] == [mutant for mutant in islice(mutants(kind), 0, None, 5) if checker.open(mutant) != (not checker.words(mutant))][:3]
    )


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_the_most_severe_violation_is_of_the_first_file_that_is_broken(kind: str) -> None:
    checkers = {level: accepts(file, kind) for file, level in LEVELS.items()}
    disagreed = []
    for mutant in islice(mutants(kind), 0, None, 5):
        expected = next((level for level, checker in checkers.items() if not checker.open(mutant)), None)
        actual = next((violation.level for violation in violations(kind, mutant)), None)  # type: ignore[arg-type]
        if expected != actual:
            disagreed.append((expected, actual, mutant))
    assert [] == disagreed[:3]


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_what_is_remembered_of_documents_that_are_broken_alike_is_what_each_would_be_told_alone(kind: Kind) -> None:
    broken = [mutant for mutant in islice(mutants(kind), 0, None, 20) if violations(kind, mutant)]
    assert [] == [mutant for mutant in broken if violations(kind, mutant) != contract._told(kind, mutant)][:3]


def test_a_value_is_told_as_it_is_though_others_were_wrong_at_the_same_place() -> None:
    told = [violations("chunk", spoilt(CHUNK, object=value))[0].message for value in ("a", "b", None, 1, True, 1.0)]
    assert [f'is {value}, expected "chat.completion.chunk"' for value in ('"a"', '"b"', "null", "1", "true", "1.0")] == told


def test_a_document_of_many_values_is_not_asked_for_all_that_is_wrong_with_it() -> None:
    assert accepts("published", "chunk").signature({**CHUNK, "id": 5, "choices": CHUNK["choices"] * 1_000}) is None
    assert accepts("published", "chunk").signature({"id": ["x" * 100_000]}) is None


@pytest.fixture
def worded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The documents for which the words are looked for, which is what costs: the gate takes microseconds."""
    documents: list[Any] = []
    words = Checker.words

    def counted(checker: Checker, document: Any) -> Any:
        documents.append(document)
        return words(checker, document)

    monkeypatch.setattr(Checker, "words", counted)
    contract._TOLD.clear()
    return documents


def test_for_a_stream_whose_every_chunk_breaks_the_contract_alike_words_are_found_once(worded: list[Any]) -> None:
    chunks = [spoilt(CHUNK, object=None, id=f"chatcmpl-{number}") for number in range(500)]
    told = {violations("chunk", chunk) for chunk in chunks}
    assert (1, 1) == (len(told), len(worded))


def test_for_a_stream_that_keeps_the_contract_no_words_are_looked_for(worded: list[Any]) -> None:
    assert {()} == {violations("chunk", spoilt(CHUNK, id=f"chatcmpl-{number}")) for number in range(500)}
    assert [] == worded


def test_importing_the_contract_loads_no_validator() -> None:
    asked = "import sys, harness.contract; print({'jsonschema', 'jsonschema_rs', 'referencing'} & set(sys.modules))"
    assert "set()\n" == subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout


# ---------------------------------------------------------------- what is told


TOLD = {
    "a key that is missing is at its own pointer": (
        "completion",
        spoilt(COMPLETION, id=...),
        [(Level.MUST, "/id", "/id", "is missing")],
    ),
    "several that are missing are several": (
        "error",
        {"error": {"message": "No."}},
        [(Level.SHOULD, f"/error/{key}", f"/error/{key}", "is missing") for key in ("type", "param", "code")],
    ),
    "positions are stars in a place": (
        "chunk",
        spoilt(CHUNK, "choices", 0, "delta", "tool_calls", 1, index=...),
        [
            (
                Level.MUST,
                "/choices/0/delta/tool_calls/1/index",
                "/choices/*/delta/tool_calls/*/index",
                "is missing",
            )
        ],
    ),
    "what breaks clients and the document is told once, as breaking clients": (
        "completion",
        spoilt(COMPLETION, "choices", 0, finish_reason=""),
        [(Level.MUST, "/choices/0/finish_reason", "/choices/*/finish_reason", 'is "", expected text that is not empty')],
    ),
    "what openai never sends": (
        "completion",
        spoilt(COMPLETION, "choices", 0, finish_reason="eos"),
        [
            (
                Level.SHOULD,
                "/choices/0/finish_reason",
                "/choices/*/finish_reason",
                'is "eos", expected one of "stop", "length", "tool_calls", "content_filter", "function_call"',
            )
        ],
    ),
    "what only the document forbids": (
        "completion",
        spoilt(COMPLETION, system_fingerprint=None),
        [(Level.MAY, "/system_fingerprint", "/system_fingerprint", "is null, expected a string")],
    ),
    "the wrong literal": (
        "chunk",
        spoilt(CHUNK, object="chat.completion"),
        [(Level.MUST, "/object", "/object", 'is "chat.completion", expected "chat.completion.chunk"')],
    ),
    "a document that is none": ("models", [], [(Level.MUST, "", "", "is [], expected an object")]),
    "a model without its key": ("model", {"name": "m"}, [(Level.MUST, "/id", "/id", "is missing")]),
    "a branch is entered, not reported": (
        "completion",
        spoilt(CALLING, "choices", 0, "message", "tool_calls", 0, "function", arguments={"city": "Paris"}),
        [
            (
                Level.MUST,
                "/choices/0/message/tool_calls/0/function/arguments",
                "/choices/*/message/tool_calls/*/function/arguments",
                'is {"city": "Paris"}, expected a string or null',
            )
        ],
    ),
    "the most severe come first": (
        "completion",
        spoilt(spoilt(COMPLETION, system_fingerprint=None, created="now"), service_tier="gold"),
        [
            (Level.MUST, "/created", "/created", 'is "now", expected an integer'),
            (
                Level.SHOULD,
                "/service_tier",
                "/service_tier",
                'is "gold", expected one of "auto", "default", "flex", "scale", "priority", "fast", null',
            ),
            (Level.MAY, "/system_fingerprint", "/system_fingerprint", "is null, expected a string"),
        ],
    ),
}


@pytest.mark.parametrize("told", TOLD)
def test_what_is_told(told: str) -> None:
    kind, document, expected = TOLD[told]
    levelled = [violation for violation in violations(kind, document) if violation.place not in _ALSO.get(told, ())]  # type: ignore[arg-type]
    assert [Violation(level=level, at=at, place=place, message=message) for level, at, place, message in expected] == levelled


_ALSO = {"a model without its key": ("/object", "/created", "/owned_by")}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_one_place_is_told_once(kind: str) -> None:
    for mutant in islice(mutants(kind), 0, None, 5):
        places = [violation.at for violation in violations(kind, mutant)]  # type: ignore[arg-type]
        assert sorted(set(places)) == sorted(places)


def test_a_document_with_many_defects_has_a_bounded_number_of_them_told() -> None:
    found = violations("completion", spoilt(COMPLETION, choices=[{}] * 100_000))
    assert AT_MOST == len(found)
    assert {Level.MUST} == {violation.level for violation in found}


def test_a_defect_that_is_too_far_into_a_huge_document_is_told_without_its_place() -> None:
    document = spoilt(COMPLETION, choices=[*COMPLETION["choices"] * 60_000, {}])
    (found,) = violations("completion", document)
    assert (Level.MUST, "") == (found.level, found.at)
    assert "beyond the part that is small enough to be searched" in found.message


def test_a_huge_document_without_defects_passes() -> None:
    assert () == violations("completion", spoilt(COMPLETION, choices=COMPLETION["choices"] * 60_000))


# ---------------------------------------------------------------- any JSON


def deep(levels: int, innermost: Any = 1) -> Any:
    for _ in range(levels):
        innermost = [innermost]
    return innermost


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([30, 400, 5000]).map(lambda digits: -(10**digits))
    | st.sampled_from([1e300, float("inf"), -0.0, "\ud800", "\x00\u202e", "", "x" * 500])
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["\udfff", "a/b~c", "", "\n", "k" * 300]) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_violations_are_total_bounded_and_can_be_written_down(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(DOCUMENTS)))
    document = copy.deepcopy(data.draw(st.sampled_from(DOCUMENTS[kind])))
    inside: Any = document
    while isinstance(inside, dict | list) and inside:
        key = data.draw(st.sampled_from(sorted(inside) if isinstance(inside, dict) else range(len(inside))))
        if data.draw(st.booleans()) or not isinstance(inside[key], dict | list) or not inside[key]:
            inside[key] = data.draw(anything)
            break
        inside = inside[key]
    can_be_written_down(document, kind)


@settings(max_examples=200, deadline=None)
@given(anything)
@example({"metadata": {"\ud800/" + "x" * 1000: 1}, **COMPLETION, "id": "\ud800"})
def test_any_json_at_all_is_looked_at(document: Any) -> None:
    for kind in DOCUMENTS:
        can_be_written_down(document, kind)


def can_be_written_down(document: Any, kind: str) -> None:
    found = violations(kind, document)  # type: ignore[arg-type]
    assert AT_MOST >= len(found)
    for violation in found:
        told = violation.at + violation.place + violation.message
        told.encode()
        assert told.isprintable()
        assert 300 >= len(violation.message)


STRANGE = {
    "deep": deep(900),
    "deep in an object": {"a": deep(900)},
    "long": 10**4301,
    "long and negative": -(10**5000),
    "long in an array": [10**4301],
    "infinite": float("inf"),
    "half a character": "\ud800" * 99,
}


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("key", ["created", "object", "service_tier", "metadata", "x_vendor"])
def test_what_cannot_be_written_is_judged_all_the_same(key: str, name: str) -> None:
    found = violations("completion", {**COMPLETION, key: STRANGE[name]})
    expected = {
        ("metadata", "deep in an object"): (Level.SHOULD, "/metadata/a"),
        ("service_tier", "half a character"): (Level.SHOULD, "/service_tier"),
    }
    if key == "x_vendor" or (key == "created" and name.startswith("long") and "array" not in name):
        assert () == found
    else:
        assert [expected.get((key, name), (Level.MUST, f"/{key}"))] == [(violation.level, violation.at) for violation in found]
        assert 150 >= len(found[0].message)


def test_a_number_too_large_for_a_float_is_a_number() -> None:
    assert () == violations(
        "completion", spoilt(COMPLETION, "choices", 0, "logprobs", "content", 0, logprob=json.loads("-1e400"))
    )


def test_null_is_not_told_of_as_infinity_is() -> None:
    logprob = "choices", 0, "logprobs", "content", 0
    assert () == violations("completion", spoilt(COMPLETION, *logprob, logprob=float("inf")))
    (found,) = violations("completion", spoilt(COMPLETION, *logprob, logprob=None))
    assert (Level.MUST, "is null, expected a number") == (found.level, found.message)


# ---------------------------------------------------------------- any schema

CITY = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}, "additionalProperties": False}
ARGUMENTS = {"type": "string", "contentMediaType": "application/json", "contentSchema": CITY}

ERRORS: dict[str, tuple[Any, Any, list[tuple[str, str]]]] = {
    "nothing": ({"type": "string"}, "x", []),
    "true": (True, None, []),
    "false": (False, None, [("", "must not be there")]),
    "false of a key": ({"properties": {"a": False}}, {"a": 1}, [("/a", "must not be there")]),
    "content": (ARGUMENTS, '{"city":"Paris"}', []),
    "content that is no JSON": (ARGUMENTS, '{"city":', [("", 'is "{\\"city\\":", which is not JSON')]),
    "content that is NaN": (ARGUMENTS, "NaN", [("", 'is "NaN", which is not JSON')]),
    "content that breaks its schema": (ARGUMENTS, '{"city":5}', [("", "holds JSON whose /city is 5, expected a string")]),
    "content of the wrong type": (ARGUMENTS, "[]", [("", "holds JSON that is [], expected an object")]),
    "content of what is no string": ({**ARGUMENTS, "type": ["string", "null"]}, None, []),
    "content of another type": ({"contentMediaType": "text/html", "contentSchema": CITY}, "<p>", []),
    "content schema alone": ({"contentSchema": CITY}, "{}", []),
    "content in content": (
        {**ARGUMENTS, "contentSchema": {"items": ARGUMENTS}},
        json.dumps(["{}"]),
        [("", "holds JSON whose /0 holds JSON whose /city is missing")],
    ),
    "content with references of its own": (
        {**ARGUMENTS, "contentSchema": {"$ref": "#/$defs/a", "$defs": {"a": {"type": "array"}}}},
        "{}",
        [("", "holds JSON that is {}, expected an array")],
    ),
    "a property named like a keyword": ({"properties": {"contentSchema": {"type": "integer"}}}, {"contentSchema": 1}, []),
    "format is no assertion": ({"type": "string", "format": "date"}, "never", []),
    "keys are escaped": ({"additionalProperties": {"type": "null"}}, {"a/b~c": 1}, [("/a~1b~0c", "is 1, expected null")]),
    "unknown keys": (CITY, {"city": "", "x": 1, "y": 1}, [(f"/{key}", 'is not known here; known: "city"') for key in "xy"]),
    "unknown keys, with patterns": (
        {"patternProperties": {"^x-": True}, "additionalProperties": False},
        {"x-a": 1, "y": 1},
        [("/y", "must not be there")],
    ),
    "unevaluated": (
        {"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False},
        {"a": 1, "b": 1},
        [("", "has keys that are not known here ('b' was unexpected)")],
    ),
    "unevaluated is quiet where something else is wrong": (
        {"allOf": [{"properties": {"a": {"type": "string"}}}], "unevaluatedProperties": False},
        {"a": 1},
        [("/a", "is 1, expected a string")],
    ),
    "names of keys": (
        {"propertyNames": {"pattern": "^[a-z]+$"}},
        {"A": 1},
        [("", 'the key is "A", expected text that matches ^[a-z]+$')],
    ),
    "needed by another key": ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, [("/b", 'is missing, and "a" needs it')]),
    "limits": (
        {"items": {"minimum": 1, "exclusiveMaximum": 5, "multipleOf": 2}, "minItems": 4, "uniqueItems": True},
        [0, 5, 0],
        [
            ("/0", "is 0, expected at least 1"),
            ("/1", "is 5, expected less than 5"),
            ("/1", "is 5, expected a multiple of 2"),
            ("/2", "is 0, expected at least 1"),
            ("", "is [0, 5, 0], expected at least 4 items"),
            ("", "is [0, 5, 0], expected items that all differ"),
        ],
    ),
    "contains": ({"contains": {"const": 1}}, [2], [("", 'is [2], expected at least one item like {"const": 1}')]),
    "not": ({"not": {"type": "null"}}, None, [("", 'is null, expected anything but {"type": "null"}')]),
    "a choice of types": ({"anyOf": [{"type": "string"}, {"type": "array"}]}, 5, [("", "is 5, expected a string or an array")]),
    "a choice of types and words": (
        {"anyOf": [{"enum": ["none", "auto"]}, {"type": "object"}]},
        5,
        [("", 'is 5, expected one of "none", "auto" or an object')],
    ),
    "the branch whose type fits": (
        {"anyOf": [{"type": "string"}, CITY]},
        {"city": None},
        [("/city", "is null, expected a string")],
    ),
    "the branch whose constant fits": (
        {
            "oneOf": [
                {"required": ["a"], "properties": {"kind": {"const": "a"}}},
                {"required": ["b"], "properties": {"kind": {"const": "b"}}},
            ]
        },
        {"kind": "b"},
        [("/b", "is missing")],
    ),
    "no branch whose constant fits": (
        {"oneOf": [{"properties": {"kind": {"const": "a"}}}, {"properties": {"kind": {"const": "b"}}}]},
        {"kind": "c"},
        [("/kind", 'is "c", expected "a" or "b"')],
    ),
    "more than one branch": ({"oneOf": [True, True]}, 1, [("", "is 1, expected exactly one of its 2 forms, and it has several")]),
    "branches that are equally near": (
        {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {},
        [("", "is {}, which is none of the 2 forms that are possible here")],
    ),
    "branches in branches": (
        {"anyOf": [{"type": "null"}, {"type": "array", "items": {"anyOf": [{"type": "string"}, CITY]}}]},
        [{"city": 5}],
        [("/0/city", "is 5, expected a string")],
    ),
}


@pytest.mark.parametrize("told", ERRORS)
def test_the_errors_of_any_schema(told: str) -> None:
    schema, document, expected = ERRORS[told]
    assert tuple(SchemaError(at=at, message=message) for at, message in expected) == compiled(schema).errors(document)


def test_equal_schemas_are_compiled_once() -> None:
    assert compiled({"type": "string", "minLength": 1}) is compiled({"minLength": 1, "type": "string"})


def test_the_errors_are_bounded() -> None:
    assert AT_MOST == len(compiled({"items": {"type": "null"}}).errors([1] * 10_000))


def test_a_document_nested_as_deeply_as_python_reads_it_is_judged() -> None:
    tree = compiled(
        {
            "$ref": "#/$defs/tree",
            "$defs": {"tree": {"anyOf": [{"type": "integer"}, {"items": {"$ref": "#/$defs/tree"}, "type": "array"}]}},
        }
    )
    assert () == tree.errors(deep(900))
    (error,) = tree.errors(deep(900, "leaf"))
    assert 200 >= len(error.at + error.message) or error.at.count("/") > 100


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strin"},
        {"pattern": "("},
        {"minLength": -1},
        {"$ref": "#/$defs/nowhere"},
        {"contentSchema": {"type": 5}},
        {"items": 5},
    ],
)
def test_what_is_no_schema_is_refused_with_its_place(schema: Any) -> None:
    with pytest.raises(BadInput, match="not a JSON Schema 2020-12"):
        compiled({"properties": {"a": schema}, "$defs": {}})


@pytest.mark.parametrize("where", ["$ref", "$dynamicRef", "contentSchema", "$schema"])
def test_nothing_is_ever_fetched(where: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        schema: Any = {"contentMediaType": "application/json", where: {"$ref": url} if where == "contentSchema" else url}
        try:
            errors: object = compiled(schema).errors("{}")
        except BadInput as refused:
            errors = str(refused)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert where == "$schema" or "is not present" in str(errors)


def test_a_file_of_anybody_is_not_read() -> None:
    for urn in (
        "urn:chatcompat:openai:../../pyproject",
        "file:///etc/passwd",
        "urn:chatcompat:nowhere:observed",
        "observed.json",
    ):
        with pytest.raises(BadInput, match="is not present"):
            compiled({"$ref": urn})


def test_the_schemas_shipped_compile_and_refer_to_each_other() -> None:
    compiled_files = [path for path in SCHEMAS.rglob("*.json") if compiled(json.loads(path.read_text(encoding="utf-8")))]
    assert {"ecosystem.json", "observed.json", "published.json"} <= {path.name for path in compiled_files}
