"""Strict fragments: JSON Schema 2020-12 cut down to what can bite.

JSON Schema is lenient: a misspelt keyword, one for another type, or `properties` of a key that is not there assert
nothing, and a claim made of them passes whatever the endpoint sends. So a fragment may only hold keywords that
assert, each beside the `type` it is for. `schemas/harness/fragment.json` says the same as a meta-schema, for editors; a
test holds the two against each other.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from harness import contract
from harness.document import Steps, did_you_mean
from harness.errors import BadInput
from harness.model import Json
from harness.reading import brief, tokens

Slip: TypeAlias = "tuple[Steps, str]"
"""Where in the fragment, and what is wrong."""

TYPES: Final = ("string", "number", "integer", "boolean", "object", "array", "null")
_EVERY_TYPE: Final = frozenset({"string", "number", "boolean", "object", "array", "null"})
_ANNOTATIONS: Final = ("title", "description", "$comment", "default")
_FOR_TYPE: Final[dict[str, tuple[str, ...]]] = {
    "minLength": ("string",), "maxLength": ("string",), "pattern": ("string",),
    "contentMediaType": ("string",), "contentSchema": ("string",),
    "minimum": ("number", "integer"), "maximum": ("number", "integer"), "multipleOf": ("number", "integer"),
    "exclusiveMinimum": ("number", "integer"), "exclusiveMaximum": ("number", "integer"),
    "items": ("array",), "prefixItems": ("array",), "contains": ("array",), "minContains": ("array",),
    "maxContains": ("array",), "minItems": ("array",), "maxItems": ("array",), "uniqueItems": ("array",),
    "properties": ("object",), "required": ("object",), "additionalProperties": ("object",),
    "minProperties": ("object",), "maxProperties": ("object",), "propertyNames": ("object",),
}  # fmt: skip
_FOR_ANY: Final = ("type", "const", "enum", "not", "anyOf", "oneOf", "allOf", "if", "then", "else")
_COMPANIONS: Final[dict[str, tuple[str, ...]]] = {
    "if": ("then", "else"),
    "then": ("if",),
    "else": ("if",),
    "minContains": ("contains",),
    "maxContains": ("contains",),
    "contentSchema": ("contentMediaType",),
}
_REFUSED: Final[dict[str, str]] = {
    "format": "`format` asserts nothing here; write `pattern`",
    "$ref": "`$ref` is not read here; write the schema out, or alias it (`*anchor`)",
    "$defs": "`$defs` is not read here; write the schema out, or alias it (`*anchor`)",
    "contentEncoding": "`contentEncoding` asserts nothing here; write `pattern`",
    "patternProperties": "`patternProperties` bites only where such a key is there; write `propertyNames`, or claim each key",
    "unevaluatedProperties": "write `additionalProperties: false`",
    "unevaluatedItems": "write `items: false` beside `prefixItems`",
}

_EVERYWHERE: Final = re.compile(  # what means the same to every reader; only the rest is worth the time to ask another
    r"(?:[^\\()\[\]{}]|\\[dDwWsSnrt|\\\[\]().^$*+?{}/-]|\[\^?(?:[^\[\]\\&~-]|-(?!-)|~(?!~))+\]|\((?:\?[:=!]|(?!\?))|\)|\{[0-9]+(?:,[0-9]*)?\})*"
)


def slips(fragment: Json, at: Steps = ()) -> Iterator[Slip]:
    """What is wrong with a fragment, at any depth; nothing where it is strict."""
    if not isinstance(fragment, dict):
        yield at, f"a fragment must be a mapping of JSON Schema keywords, and is {brief(fragment)}"
        return
    if all(key in _ANNOTATIONS for key in fragment):
        yield at, "this fragment is empty: anything passes; write true to claim that it is there, or say what it must be"
    for key in fragment:
        if key not in _FOR_TYPE and key not in _FOR_ANY and key not in _ANNOTATIONS:
            known = (*_FOR_ANY, *_FOR_TYPE)
            yield (*at, key), _REFUSED.get(key) or f"unknown keyword `{key}`{did_you_mean(key, known)}"
    yield from _types(fragment, at)
    for key, partners in _COMPANIONS.items():
        if key in fragment and not any(partner in fragment for partner in partners):
            yield (*at, key), f"`{key}` asserts nothing without {' or '.join(f'`{partner}`' for partner in partners)}"
    if fragment.get("minContains") == 0 and "contains" in fragment and "maxContains" not in fragment:
        yield (*at, "minContains"), "`minContains: 0` makes `contains` assert nothing; leave both out, or add `maxContains`"
    if "properties" in fragment and "required" not in fragment and fragment.get("additionalProperties") is not False:
        yield (
            (*at, "properties"),
            "`properties` asserts nothing of a key that is not there; add `required`, or `additionalProperties: false`",
        )
    for key, check in _CHECKS.items():
        if key in fragment:
            yield from check(fragment[key], (*at, key))


def _types(fragment: dict[str, Json], at: Steps) -> Iterator[Slip]:
    declared = fragment.get("type")
    types = [declared] if isinstance(declared, str) else declared if isinstance(declared, list) else []
    for key, wanted in _FOR_TYPE.items():
        if key in fragment and not any(name in types for name in wanted):
            yield (*at, key), f"`{key}` asserts something of {_kind(wanted)} only; add `type: {wanted[0]}`"
    if "type" not in fragment:
        return
    if not types or not all(isinstance(name, str) and name in TYPES for name in types):
        named = next((name for name in types if isinstance(name, str) and name not in TYPES), None)
        wrong = f"{brief(declared)} is no type{did_you_mean(named, TYPES) if named else ''}"
        yield (*at, "type"), wrong if types else "`type` must be a type or a list of types"
    elif len(set(map(str, types))) != len(types):
        yield (*at, "type"), "a type stands there twice"
    elif _EVERY_TYPE <= set(map(str, types)):
        yield (*at, "type"), "these are all types: anything passes"


def _kind(types: tuple[str, ...]) -> str:
    return {"string": "a string", "number": "a number", "array": "an array", "object": "an object"}[types[0]]


# ---------------------------------------------------------------- values of keywords


def _references(value: Json, at: Steps) -> Iterator[Slip]:
    """A value that is compared: JSON, in which `{$from: "step#/pointer"}` may stand."""
    if isinstance(value, dict):
        if "$from" in value:
            yield from reference(value, at)
            return
        for key, part in value.items():
            yield from _references(part, (*at, key))
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from _references(part, (*at, position))


def reference(value: dict[str, Json], at: Steps) -> Iterator[Slip]:
    """What is wrong with the form of a `{$from: "step#/pointer"}`."""
    if len(value) > 1:
        yield at, "`$from` stands alone in its mapping: what it names takes the mapping's place"
    source = value["$from"]
    if not isinstance(source, str) or "#" not in source:
        yield (*at, "$from"), f'`$from` names a step and a place in its answer, "step#/pointer", and is {brief(source)}'
        return
    pointer = source.partition("#")[2]
    wrong = bad_pointer(pointer)
    if wrong:
        yield (*at, "$from"), wrong


def bad_pointer(pointer: str) -> str | None:
    """What is wrong with a JSON Pointer (RFC 6901; positions may count from the end), or None."""
    try:
        parts = tokens(pointer)
    except ValueError:
        guess = pointer.removeprefix("$").removeprefix(".").replace("[", "/").replace("]", "").replace(".", "/")
        return f"{brief(pointer)} is no JSON Pointer; write {brief('/' + guess.lstrip('/'))}"
    if re.search(r"~(?![01])", pointer):
        return f"{brief(pointer)} is no JSON Pointer: `~` is written `~0`, and `/` in a key `~1`"
    if "-" in parts:
        return f"{brief(pointer)}: `-` is the place after the last one, where nothing is; the last one is `-1`"
    return None


def _number(value: Json, at: Steps) -> Iterator[Slip]:
    if isinstance(value, dict) and "$from" in value:
        yield from reference(value, at)
    elif not isinstance(value, int | float) or isinstance(value, bool):
        yield at, f"`{at[-1]}` must be a number, and is {brief(value)}"


def _above_zero(value: Json, at: Steps) -> Iterator[Slip]:
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        yield at, f"`{at[-1]}` must be a number above 0, and is {brief(value)}"


def _count(least: int) -> Callable[[Json, Steps], Iterator[Slip]]:
    def check(value: Json, at: Steps) -> Iterator[Slip]:
        # A whole number may be written 2.0: it is one in JSON Schema
        whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
        if not whole or value < least:  # type: ignore[operator]
            why = ": less asserts nothing" if whole and least else ""
            yield at, f"`{at[-1]}` must be a whole number, {least} or more, and is {brief(value)}{why}"

    return check


def _only(wanted: Json, why: str) -> Callable[[Json, Steps], Iterator[Slip]]:
    def check(value: Json, at: Steps) -> Iterator[Slip]:
        if value is not wanted and (isinstance(wanted, bool) or value != wanted):
            yield at, f"`{at[-1]}` must be {brief(wanted)}{why}"

    return check


def _pattern(value: Json, at: Steps) -> Iterator[Slip]:
    if not isinstance(value, str) or not value:
        yield at, f"`pattern` must be a regular expression that is not empty, and is {brief(value)}"
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # what later versions of Python read in another way
            re.compile(value)
        if not _EVERYWHERE.fullmatch(value):
            contract.compiled({"type": "string", "pattern": value})
    except (re.error, OverflowError, RecursionError) as error:
        yield at, f"{brief(value)} is no regular expression: {error}"
    except (BadInput, FutureWarning):
        yield (
            at,
            f"{brief(value)} does not mean the same to every reader of regular expressions (ECMA-262); write it more plainly",
        )


def _enum(value: Json, at: Steps) -> Iterator[Slip]:
    if not isinstance(value, list) or not value:
        yield at, f"`enum` must be a list of values, and is {brief(value)}"
        return
    yield from _references(value, at)


def _names(value: Json, at: Steps) -> Iterator[Slip]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        yield at, f"`required` must be a list of keys, and is {brief(value)}"
    elif len(set(map(str, value))) != len(value):
        yield at, "a key stands in `required` twice"


def _fragment(*also: bool) -> Callable[[Json, Steps], Iterator[Slip]]:
    def check(value: Json, at: Steps) -> Iterator[Slip]:
        if isinstance(value, bool) and value in also:
            return
        if isinstance(value, bool):
            yield at, f"`{at[-1]}: {str(value).lower()}` asserts nothing that could be met or missed; write a fragment"
            return
        if at[-1] == "not" and isinstance(value, dict) and "$from" in value:
            yield at, "`not` takes a fragment; write `not: {const: {$from: …}}`"
            return
        yield from slips(value, at)

    return check


def _fragments(*also: bool) -> Callable[[Json, Steps], Iterator[Slip]]:
    def check(value: Json, at: Steps) -> Iterator[Slip]:
        if not isinstance(value, list) or not value:
            yield at, f"`{at[-1]}` must be a list of fragments, and is {brief(value)}"
            return
        for position, part in enumerate(value):
            yield from _fragment(*also)(part, (*at, position))

    return check


def _properties(value: Json, at: Steps) -> Iterator[Slip]:
    if not isinstance(value, dict) or not value:
        yield at, f"`properties` must be a mapping of keys to fragments, and is {brief(value)}"
        return
    for key, part in value.items():
        yield from _fragment(True, False)(part, (*at, key))


_CHECKS: Final[dict[str, Callable[[Json, Steps], Iterator[Slip]]]] = {
    "const": _references,
    "enum": _enum,
    "not": _fragment(),
    "anyOf": _fragments(),
    "oneOf": _fragments(),
    "allOf": _fragments(),
    "if": _fragment(),
    "then": _fragment(False),
    "else": _fragment(False),
    "minLength": _count(1),
    "maxLength": _count(0),
    "pattern": _pattern,
    "contentMediaType": _only("application/json", ", the one type that is asserted"),
    "contentSchema": _fragment(),
    "minimum": _number,
    "maximum": _number,
    "exclusiveMinimum": _number,
    "exclusiveMaximum": _number,
    "multipleOf": _above_zero,
    "items": _fragment(False),
    "prefixItems": _fragments(True),
    "contains": _fragment(),
    "minContains": _count(0),
    "maxContains": _count(0),
    "minItems": _count(1),
    "maxItems": _count(0),
    "uniqueItems": _only(True, "; false asserts nothing"),
    "properties": _properties,
    "required": _names,
    "additionalProperties": _fragment(False),
    "minProperties": _count(1),
    "maxProperties": _count(0),
    "propertyNames": _fragment(),
}
