"""Strict fragments: what bites is let through, what does not is refused; the meta-schema for editors agrees."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_files import of_schema

from harness import fragment, resources
from harness.model import Json

CITY: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}


STRICT: list[dict[str, Json]] = [
    {"const": None},
    {"const": {"$from": "a#/b"}},
    {"const": {"deep": [{"$from": "a#"}]}},
    {"enum": [1, {"$from": "a#/b/-1"}]},
    {"type": "string"},
    {"type": ["string", "null"], "minLength": 1, "pattern": "^a"},
    {"type": "string", "maxLength": 0},
    {"type": "integer", "minimum": {"$from": "a#/b"}, "maximum": 5},
    {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5},
    {"type": "integer", "exclusiveMaximum": {"$from": "a#/b~1c"}},
    {"type": "string", "contentMediaType": "application/json"},
    {"type": "string", "contentMediaType": "application/json", "contentSchema": CITY},
    {"type": "array", "minItems": 1},
    {"type": "array", "items": {"type": "string"}},
    {"type": "array", "contains": {"const": 1}},
    {"type": "array", "contains": {"const": 1}, "minContains": 2},
    {"type": "array", "contains": {"const": 1}, "minContains": 0, "maxContains": 1},
    {"type": "array", "prefixItems": [True, {"const": 1}], "items": False},
    {"type": "array", "uniqueItems": True, "maxItems": 3},
    {"type": "object", "required": ["a"]},
    {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
    {"type": "object", "properties": {"a": True, "b": False}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": False},
    {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1, "maxProperties": 2},
    {"type": "object", "propertyNames": {"type": "string", "pattern": "^x-"}},
    {"not": {"const": 5}},
    {"anyOf": [{"const": 1}, {"type": "string"}]},
    {"oneOf": [{"const": 1}]},
    {"allOf": [{"not": {"enum": [1]}}]},
    {"if": {"const": 1}, "then": False},
    {"if": {"const": 1}, "else": {"type": "string"}},
    {"type": "string", "title": "T", "description": "D", "$comment": "C", "default": ""},
    {"type": "string", "minLength": 2.0},
]
LAX: dict[str, tuple[Json, fragment.Steps, str]] = {
    # a fragment, the place of its slip, and what must be said
    "empty": ({}, (), "this fragment is empty"),
    "empty-but-words": ({"description": "x"}, (), "this fragment is empty"),
    "deep-empty": ({"type": "array", "items": {}}, ("items",), "this fragment is empty"),
    "no-mapping": ({"not": 5}, ("not",), "a fragment must be a mapping"),
    "unknown": ({"type": "string", "minLenght": 1}, ("minLenght",), "unknown keyword `minLenght`; did you mean `minLength`?"),
    "strange": ({"type": "string", "severity": 1}, ("severity",), "unknown keyword `severity`; known are"),
    "only-unknown": ({"conts": 1}, ("conts",), "unknown keyword `conts`; did you mean `const`?"),
    "format": ({"type": "string", "format": "uri"}, ("format",), "`format` asserts nothing here; write `pattern`"),
    "ref": ({"$ref": "#"}, ("$ref",), "`$ref` is not read here"),
    "lone-if": ({"if": {"const": 1}}, ("if",), "`if` asserts nothing without `then` or `else`"),
    "lone-then": ({"type": "string", "then": {"const": 1}}, ("then",), "`then` asserts nothing without `if`"),
    "lone-else": ({"type": "string", "else": {"const": 1}}, ("else",), "`else` asserts nothing without `if`"),
    "lone-min-contains": (
        {"type": "array", "minContains": 2},
        ("minContains",),
        "`minContains` asserts nothing without `contains`",
    ),
    "lone-max-contains": (
        {"type": "array", "maxContains": 2},
        ("maxContains",),
        "`maxContains` asserts nothing without `contains`",
    ),
    "zero-min-contains": ({"type": "array", "contains": {"const": 1}, "minContains": 0}, ("minContains",), "add `maxContains`"),
    "lone-content-schema": (
        {"type": "string", "contentSchema": {"type": "object"}},
        ("contentSchema",),
        "`contentSchema` asserts nothing without `contentMediaType`",
    ),
    "untyped-string": ({"minLength": 1}, ("minLength",), "`minLength` asserts something of a string only; add `type: string`"),
    "untyped-number": ({"minimum": 1}, ("minimum",), "asserts something of a number only"),
    "untyped-array": ({"minItems": 1}, ("minItems",), "asserts something of an array only; add `type: array`"),
    "untyped-object": ({"required": ["a"]}, ("required",), "asserts something of an object only; add `type: object`"),
    "other-type": ({"type": "array", "minLength": 1}, ("minLength",), "asserts something of a string only"),
    "typed-outside": ({"type": "string", "allOf": [{"minLength": 1}]}, ("allOf", 0, "minLength"), "add `type: string`"),
    "properties-alone": (
        {"type": "object", "properties": {"a": {"const": 1}}},
        ("properties",),
        "add `required`, or `additionalProperties: false`",
    ),
    "properties-open": (
        {"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": {"type": "string"}},
        ("properties",),
        "add `required`",
    ),
    "properties-empty": (
        {"type": "object", "properties": {}, "required": ["a"]},
        ("properties",),
        "must be a mapping of keys to fragments",
    ),
    "required-empty": ({"type": "object", "required": []}, ("required",), "must be a list of keys, and is []"),
    "required-twice": ({"type": "object", "required": ["a", "a"]}, ("required",), "a key stands in `required` twice"),
    "required-true": ({"type": "object", "required": True}, ("required",), "must be a list of keys, and is true"),
    "type-unknown": ({"type": "strng"}, ("type",), '"strng" is no type; did you mean `string`?'),
    "required-numbers": ({"type": "object", "required": ["a", 5]}, ("required",), "must be a list of keys"),
    "pattern-number": ({"type": "string", "pattern": 5}, ("pattern",), "that is not empty, and is 5"),
    "properties-list": ({"type": "object", "properties": ["a"], "required": ["a"]}, ("properties",), "must be a mapping of keys"),
    "properties-lax": (
        {"type": "object", "properties": {"a": {"minLength": 1}}, "required": ["a"]},
        ("properties", "a", "minLength"),
        "add",
    ),
    "one-of-mapping": ({"oneOf": {"const": 1}}, ("oneOf",), "must be a list of fragments"),
    "items-from": ({"type": "array", "items": {"$from": "a#/b"}}, ("items", "$from"), "unknown keyword `$from`"),
    "type-number": ({"type": 5}, ("type",), "`type` must be a type or a list of types"),
    "type-of-number": ({"type": ["string", 5]}, ("type",), '["string", 5] is no type'),
    "type-second": ({"type": ["string", "nul"]}, ("type",), "did you mean `null`?"),
    "from-in-mapping": ({"const": {"a": {"b": {"$from": "a"}}}}, ("const", "a", "b", "$from"), '"step#/pointer", and is "a"'),
    "minimum-mapping": ({"type": "integer", "minimum": {"a": 1}}, ("minimum",), "`minimum` must be a number, and is"),
    "minimum-from": ({"type": "integer", "minimum": {"$from": "a"}}, ("minimum", "$from"), '"step#/pointer", and is "a"'),
    "multiple-of-text": ({"type": "integer", "multipleOf": "2"}, ("multipleOf",), "must be a number above 0"),
    "multiple-of-true": ({"type": "integer", "multipleOf": True}, ("multipleOf",), "must be a number above 0"),
    "unique-one": ({"type": "array", "uniqueItems": 1}, ("uniqueItems",), "must be true"),
    "type-empty": ({"type": []}, ("type",), "`type` must be a type or a list of types"),
    "type-twice": ({"type": ["string", "string"]}, ("type",), "a type stands there twice"),
    "all-types": ({"type": ["string", "number", "boolean", "object", "array", "null"]}, ("type",), "these are all types"),
    "enum-empty": ({"enum": []}, ("enum",), "`enum` must be a list of values, and is []"),
    "enum-from": ({"enum": {"$from": "a#/b"}}, ("enum",), "`enum` must be a list of values"),
    "not-from": ({"not": {"$from": "a#/b"}}, ("not",), "write `not: {const: {$from: …}}`"),
    "not-true": ({"not": True}, ("not",), "`not: true` asserts nothing"),
    "any-of-empty": ({"anyOf": []}, ("anyOf",), "must be a list of fragments"),
    "any-of-true": ({"anyOf": [{"const": 1}, True]}, ("anyOf", 1), "asserts nothing that could be met or missed"),
    "items-true": ({"type": "array", "items": True}, ("items",), "asserts nothing that could be met or missed"),
    "contains-true": ({"type": "array", "contains": True}, ("contains",), "asserts nothing"),
    "additional-true": ({"type": "object", "additionalProperties": True}, ("additionalProperties",), "asserts nothing"),
    "content-true": (
        {"type": "string", "contentMediaType": "application/json", "contentSchema": True},
        ("contentSchema",),
        "asserts nothing",
    ),
    "media-type": ({"type": "string", "contentMediaType": "text/html"}, ("contentMediaType",), 'must be "application/json"'),
    "unique-false": ({"type": "array", "uniqueItems": False}, ("uniqueItems",), "must be true; false asserts nothing"),
    "min-length-zero": (
        {"type": "string", "minLength": 0},
        ("minLength",),
        "must be a whole number, 1 or more, and is 0: less asserts nothing",
    ),
    "min-items-zero": ({"type": "array", "minItems": 0}, ("minItems",), "less asserts nothing"),
    "min-length-text": ({"type": "string", "minLength": "1"}, ("minLength",), 'must be a whole number, 1 or more, and is "1"'),
    "max-length-negative": ({"type": "string", "maxLength": -1}, ("maxLength",), "must be a whole number, 0 or more, and is -1"),
    "max-length-half": ({"type": "string", "maxLength": 1.5}, ("maxLength",), "must be a whole number"),
    "minimum-text": ({"type": "integer", "minimum": "5"}, ("minimum",), '`minimum` must be a number, and is "5"'),
    "minimum-true": ({"type": "integer", "minimum": True}, ("minimum",), "`minimum` must be a number, and is true"),
    "multiple-of-zero": ({"type": "integer", "multipleOf": 0}, ("multipleOf",), "must be a number above 0"),
    "from-form": ({"const": {"$from": 5}}, ("const", "$from"), '"step#/pointer", and is 5'),
    "from-company": ({"const": {"$from": "a#/b", "c": 1}}, ("const",), "`$from` stands alone"),
    "from-pointer": ({"const": {"$from": "a#b"}}, ("const", "$from"), '"b" is no JSON Pointer'),
    "from-deep": ({"enum": [[{"$from": "a"}]]}, ("enum", 0, 0, "$from"), '"step#/pointer", and is "a"'),
}


@pytest.mark.parametrize("strict", STRICT, ids=json.dumps)
def test_a_fragment_that_bites_is_let_through(strict: dict[str, Json]) -> None:
    assert [] == list(fragment.slips(strict))
    assert of_schema("fragment").is_valid(strict)


@pytest.mark.parametrize(("lax", "place", "said"), LAX.values(), ids=LAX.keys())
def test_a_fragment_that_does_not_bite_is_refused_with_the_place_and_the_way_out(
    lax: Json, place: fragment.Steps, said: str
) -> None:
    ((found, message),) = list(fragment.slips(lax))
    assert (place, True) == (found, said in message), message
    assert not of_schema("fragment").is_valid(lax)


def test_that_less_asserts_nothing_is_said_only_where_it_is_so() -> None:
    def said(keyword: str, value: Json) -> str:
        ((_, message),) = fragment.slips({"type": "string", keyword: value})
        return message

    assert said("minLength", 0).endswith("and is 0: less asserts nothing")
    assert said("minLength", "a").endswith('and is "a"')
    assert said("maxLength", -1).endswith("and is -1")


@pytest.mark.parametrize("pattern", ["(", "[[a]", "[a&&b]", "(?P<x>a)(?P=x)", "a\\Z", "\\p{Lu}", "", "*"])
def test_a_pattern_that_readers_disagree_about_is_refused(pattern: str) -> None:
    ((place, _),) = list(fragment.slips({"type": "string", "pattern": pattern}))
    assert ("pattern",) == place


@pytest.mark.parametrize("pattern", ["^a{2,}$", "[^ -~\n]", "(?=a)b", "(?<=a)b", "[A-Za-z_-]+", "<\\|tag\\|>|\\[X\\]", "\\w+\\s"])
def test_a_pattern_that_means_the_same_to_all_is_let_through(pattern: str) -> None:
    assert [] == list(fragment.slips({"type": "string", "pattern": pattern}))


VALUES = st.sampled_from(
    [
        0,
        1,
        2,
        -1,
        1.5,
        True,
        False,
        None,
        "a",
        "string",
        [],
        ["a"],
        ["a", "a"],
        ["string", "null"],
        [1, 2],
        {"$from": "a#/b"},
        {"$from": "a"},
        {"a": {"$from": 5}},
        {"a": True},
        "application/json",
        "object",
        "array",
        "integer",
        "number",
    ]
)
KEYWORDS = st.sampled_from([*fragment._FOR_ANY, *fragment._FOR_TYPE, *fragment._ANNOTATIONS, "format", "$ref", "minLenght", "x"])
FRAGMENTS: st.SearchStrategy[Json] = st.recursive(
    st.one_of(st.sampled_from(STRICT), VALUES),
    lambda inner: st.one_of(
        st.dictionaries(
            KEYWORDS, inner | VALUES | st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner), max_size=5
        ),
        st.tuples(st.sampled_from(STRICT), st.dictionaries(KEYWORDS, inner | VALUES, max_size=2)).map(
            lambda two: {**two[0], **two[1]}
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(FRAGMENTS)
def test_the_meta_schema_for_editors_and_the_loader_agree_about_every_fragment(value: Json) -> None:
    said = list(fragment.slips(value))
    assert (said == []) == of_schema("fragment").is_valid(value), said


def test_the_meta_schema_itself_is_strict_by_dynamic_reference() -> None:
    schema = json.loads((resources.SCHEMAS / "harness" / "fragment.json").read_text())
    assert ("meta", False) == (schema["$dynamicAnchor"], schema["unevaluatedProperties"])
