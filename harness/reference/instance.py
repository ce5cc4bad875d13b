"""A value that a JSON Schema allows: the subset that tools and structured answers use."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.model import Json
from harness.reading import arr, obj, resolve, text
from harness.reference.pattern import matching

_DEEP: Final = 4
"""Below this depth only what a schema requires is written, so that recursive schemas end."""

_DEEPEST: Final = 40

_FORMATS: Final = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "someone@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


@dataclass(frozen=True, slots=True)
class _Sketch:
    root: Json
    words: Sequence[str]


def instance(schema: Json, words: Sequence[str] = ()) -> Json:
    """A value that validates against the schema; strings are the first of `words` that fits, where one does.

    Of what a schema leaves open, properties are there and lists have one item. Not understood, and so perhaps not kept:
    `not`, `if`, `dependent…`, `unevaluated…` and `contains` with bounds.
    """
    return _value(schema, _Sketch(schema, words), 0)


def _value(schema: Json, sketch: _Sketch, depth: int) -> Json:
    if depth > _DEEPEST:
        return None
    schema = _resolved(schema, sketch, depth)
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return _fitting(schema)
    for key in ("anyOf", "oneOf"):
        options = arr(schema.get(key))
        if options:
            rest = {name: value for name, value in schema.items() if name != key}
            return _value(_merged(rest, _choice(options, sketch, depth)), sketch, depth + 1)
    return _typed(_type(schema, depth), schema, sketch, depth)


def _resolved(schema: Json, sketch: _Sketch, depth: int) -> dict[str, Json]:
    """The schema with its `$ref` and its `allOf` taken in."""
    current = obj(schema)
    for _ in range(_DEEPEST):
        reference = current.get("$ref")
        if not isinstance(reference, str):
            break
        rest = {key: value for key, value in current.items() if key != "$ref"}
        try:
            target = resolve(sketch.root, reference.removeprefix("#"))
        except ValueError:
            target = None
        current = _merged(rest, obj(target))
    parts = arr(current.get("allOf"))
    if parts and depth <= _DEEPEST:
        merged = {key: value for key, value in current.items() if key != "allOf"}
        for part in parts:
            merged = _merged(merged, _resolved(part, sketch, depth + 1))
        return merged
    return current


def _merged(one: dict[str, Json], other: Json) -> dict[str, Json]:
    merged = {**one}
    for key, value in obj(other).items():
        if key == "properties":
            merged[key] = {**obj(merged.get(key)), **obj(value)}
        elif key == "required":
            merged[key] = [*arr(merged.get(key)), *[name for name in arr(value) if name not in arr(merged.get(key))]]
        elif key in ("minimum", "exclusiveMinimum", "minLength", "minItems") and isinstance(merged.get(key), int | float):
            merged[key] = max(_number(merged[key]), _number(value))
        elif key in ("maximum", "exclusiveMaximum", "maxLength", "maxItems") and isinstance(merged.get(key), int | float):
            merged[key] = min(_number(merged[key]), _number(value))
        else:
            merged[key] = value
    return merged


def _choice(options: list[Json], sketch: _Sketch, depth: int) -> Json:
    """The first option that is not null; far down, null where it is allowed."""
    null = next((option for option in options if obj(option).get("type") == "null"), None)
    if null is not None and depth > _DEEP:
        return null
    return next((option for option in options if option is not null), options[0])


def _fitting(schema: dict[str, Json]) -> Json:
    """The first member of an enum that is of the schema's type."""
    members = arr(schema["enum"])
    kinds = schema.get("type")
    wanted = arr(kinds) if isinstance(kinds, list) else [kinds]
    return next((member for member in members if kinds is None or _kind(member) in wanted), members[0])


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _type(schema: dict[str, Json], depth: int) -> str:
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return kinds
    named = [text(kind) for kind in arr(kinds)]
    if "null" in named and depth > _DEEP:
        return "null"
    if named:
        return next((kind for kind in named if kind != "null"), "null")
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if any(key in schema for key in ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")):
        return "number"
    return "string"


def _typed(kind: str, schema: dict[str, Json], sketch: _Sketch, depth: int) -> Json:
    match kind:
        case "object":
            return _object(schema, sketch, depth)
        case "array":
            return _array(schema, sketch, depth)
        case "integer" | "number":
            return _number_in(schema, whole=kind == "integer")
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _string(schema, sketch)


def _object(schema: dict[str, Json], sketch: _Sketch, depth: int) -> Json:
    properties = obj(schema.get("properties"))
    required = [text(name) for name in arr(schema.get("required"))]
    names = [name for name in properties if depth <= _DEEP or name in required]
    most = _integer(schema.get("maxProperties"), len(names) + len(required))
    names = sorted(names, key=lambda name: name not in required)[:most] if len(names) > most else names
    written = {name: _value(properties[name], sketch, depth + 1) for name in names}
    others = schema.get("additionalProperties", True)
    for name in required:
        if name not in written:
            written[name] = _value(others, sketch, depth + 1)
    while len(written) < _integer(schema.get("minProperties"), 0) and others is not False and len(written) < 64:
        written[f"key{len(written) + 1}"] = _value(others, sketch, depth + 1)
    return written


def _array(schema: dict[str, Json], sketch: _Sketch, depth: int) -> Json:
    first = arr(schema.get("prefixItems"))
    least = _integer(schema.get("minItems"), 0)
    most = _integer(schema.get("maxItems"), 64)
    length = min(max(least, 0 if depth > _DEEP else max(1, len(first))), most, 64)
    items = schema.get("contains", schema.get("items", {}))
    written = [_value(first[place] if place < len(first) else items, sketch, depth + 1) for place in range(length)]
    if schema.get("uniqueItems") is True:
        written = _distinct(written, items)
    return written


def _distinct(items: list[Json], schema: Json) -> list[Json]:
    """The items, told apart: the members of an enum in turn, else by what is added to them."""
    members = arr(obj(schema).get("enum"))
    told: list[Json] = []
    for place, item in enumerate(items):
        if members:
            told.append(members[place % len(members)])
        elif isinstance(item, str):
            told.append(f"{item}{place}" if place else item)
        elif isinstance(item, int | float) and not isinstance(item, bool):
            told.append(item + place * (_number(obj(schema).get("multipleOf")) or 1))
        else:
            told.append(item)
    return told


def _string(schema: dict[str, Json], sketch: _Sketch) -> str:
    least, most = _integer(schema.get("minLength"), 0), _integer(schema.get("maxLength"), 10_000)
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        return matching(pattern) or next((word for word in sketch.words if _found(pattern, word)), "")
    if schema.get("format") in _FORMATS:
        return _FORMATS[text(schema["format"])]
    word = next((word for word in sketch.words if least <= len(word) <= most), (sketch.words or ["text"])[0])
    return word[:most].ljust(min(least, 10_000), "x")


def _found(pattern: str, word: str) -> bool:
    try:
        return re.search(pattern, word) is not None
    except re.error:
        return False


def _number_in(schema: dict[str, Json], *, whole: bool) -> Json:
    """The smallest number that is allowed and not below 1, or the largest where 1 is too much."""
    step = _number(schema.get("multipleOf")) or (1 if whole else 0)
    low, high = -math.inf, math.inf
    for key, sign in (("minimum", 0), ("exclusiveMinimum", 1)):
        if isinstance(schema.get(key), int | float):
            low = max(low, _number(schema[key]) + sign * (step or 0.5))
    for key, sign in (("maximum", 0), ("exclusiveMaximum", 1)):
        if isinstance(schema.get(key), int | float):
            high = min(high, _number(schema[key]) - sign * (step or 0.5))
    chosen = min(max(1.0, low), high)
    if low > high:  # an exclusive range narrower than the step
        chosen = (low + high) / 2
    if step:
        chosen = math.ceil(round(chosen / step, 9)) * step
        chosen = chosen - step if chosen > high else chosen
    return int(chosen) if whole or float(chosen).is_integer() else chosen


def _number(value: Json) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) else 0


def _integer(value: Json, otherwise: int) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) else otherwise
