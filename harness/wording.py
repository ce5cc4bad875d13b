"""What a broken keyword of a JSON Schema means in words: the value (cut), what was expected, and the deepest place to look.

Knows the shape of `jsonschema.ValidationError` and imports nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

from harness.reading import brief

Path = tuple[str | int, ...]
"""Keys and array positions, from the root of the document."""

_SHOWN = 60  # characters of a value
_LISTED = 12  # values of an enumeration


class Error(Protocol):
    """The part of `jsonschema.ValidationError` that is read here."""

    validator: Any  # the keyword
    validator_value: Any  # what the schema says there
    instance: Any
    schema: Any
    context: Any  # errors of the branches of anyOf and oneOf

    @property
    def message(self) -> str: ...
    @property
    def absolute_path(self) -> Sequence[str | int]: ...
    @property
    def path(self) -> Sequence[str | int]: ...
    @property
    def schema_path(self) -> Sequence[str | int]: ...


def pointer(path: Iterable[str | int], *, positions: bool = True) -> str:
    """A JSON Pointer, with `*` for array positions unless `positions`. Keys that cannot be shown are escaped and cut."""
    return "".join("/" + (_token(key) if isinstance(key, str) else str(key) if positions else "*") for key in path)


def _token(key: str) -> str:
    shown = key if key.isprintable() and len(key) <= _SHOWN else brief(key, _SHOWN)
    return shown.replace("~", "~0").replace("/", "~1")


def said(error: Error) -> Iterator[tuple[Path, str, Any]]:
    """What to tell of an error: where, the words, and the subschema that was broken; several where several keys are at fault."""
    path = tuple(error.absolute_path)
    if error.validator in ("anyOf", "oneOf") and error.context:
        yield from _of_branches(error, path)
    elif error.validator == "required":
        for key in _keys(error.validator_value):
            if key not in error.instance:
                yield (*path, key), "is missing", error.schema
    elif error.validator == "dependentRequired":
        for cause, keys in error.validator_value.items():
            for key in keys if cause in error.instance else ():
                if key not in error.instance:
                    yield (*path, key), f"is missing, and {brief(cause)} needs it", error.schema
    elif error.validator == "additionalProperties" and error.validator_value is False:
        known = _known_keys(error.schema)
        expected = f"is not known here; known: {_list(sorted(known))}" if known else "must not be there"
        for key in error.instance:
            if key not in known and not any(re.search(pattern, key) for pattern in error.schema.get("patternProperties", ())):
                yield (*path, key), expected, error.schema
    elif "propertyNames" in error.schema_path:
        yield path, f"the key {_words(error)}", error.schema
    else:
        yield path, _words(error), error.schema


def _of_branches(error: Error, path: Path) -> Iterator[tuple[Path, str, Any]]:
    """The errors of the one branch that was meant, or all that was expected in one sentence.

    A branch was not meant if it fails at the value itself, by its type or by a constant, or at one of its keys by a constant.
    """
    branches: dict[Any, list[Error]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    meant = [inner for inner in branches.values() if not any(map(_tells_apart, inner))]
    if len(meant) > 1:  # the nearest: the one with the fewest errors, where that is one
        fewest = min(map(len, meant))
        meant = [inner for inner in meant if len(inner) == fewest]
    if len(meant) == 1:
        for inner in meant[0]:
            yield from said(inner)
        return
    value = f"is {brief(error.instance, _SHOWN)}"
    apart = [inner for errors in branches.values() for inner in errors if _tells_apart(inner)]
    if not meant and len({tuple(inner.path) for inner in apart}) == 1 and all(map(_expected, apart)):
        choices = dict.fromkeys(_expected(inner) for inner in apart)
        value = f"is {brief(apart[0].instance, _SHOWN)}"
        yield tuple(apart[0].absolute_path), f"{value}, expected {' or '.join(choices)}", error.schema
    else:
        yield path, f"{value}, which is none of the {len(branches)} forms that are possible here", error.schema


def _tells_apart(error: Error) -> bool:
    return error.validator in ("type", "const", "enum") and len(error.path) <= (0 if error.validator == "type" else 1)


_TYPES: Final = {
    "array": "an array",
    "boolean": "a boolean",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}


def _expected(error: Error) -> str:
    """What a `type`, `const` or `enum` wants."""
    wanted = error.validator_value
    if error.validator == "type":
        names = wanted if isinstance(wanted, list) else [wanted]
        return " or ".join(_TYPES.get(name, str(name)) for name in names)
    if error.validator == "const":
        return brief(wanted, _SHOWN)
    return f"one of {_list(wanted)}" if len(wanted) > 1 else brief(wanted[0], _SHOWN)


_LIMITS: Final[dict[str, Callable[[Any], str]]] = {
    "minimum": lambda limit: f"at least {limit}",
    "maximum": lambda limit: f"at most {limit}",
    "exclusiveMinimum": lambda limit: f"more than {limit}",
    "exclusiveMaximum": lambda limit: f"less than {limit}",
    "multipleOf": lambda limit: f"a multiple of {limit}",
    "minLength": lambda limit: "text that is not empty" if limit == 1 else f"at least {limit} characters",
    "maxLength": lambda limit: f"at most {limit} characters",
    "minItems": lambda limit: "an array that is not empty" if limit == 1 else f"at least {limit} items",
    "maxItems": lambda limit: f"at most {limit} items",
    "minProperties": lambda limit: "an object that is not empty" if limit == 1 else f"at least {limit} keys",
    "maxProperties": lambda limit: f"at most {limit} keys",
    "minContains": lambda limit: f"at least {limit} items of a certain form",
    "maxContains": lambda limit: f"at most {limit} items of a certain form",
    "uniqueItems": lambda _: "items that all differ",
    "contains": lambda form: f"at least one item like {brief(form, _SHOWN)}",
    "pattern": lambda pattern: f"text that matches {pattern}",
    "not": lambda form: f"anything but {brief(form, _SHOWN)}",
    "oneOf": lambda forms: f"exactly one of its {len(forms)} forms, and it has several",
}


def _words(error: Error) -> str:
    value = f"is {brief(error.instance, _SHOWN)}"
    match error.validator:
        case "type" | "const" | "enum":
            return f"{value}, expected {_expected(error)}"
        case None | "not" if not error.validator_value:
            return "must not be there"
        case "unevaluatedProperties" | "unevaluatedItems" if error.validator_value is False:
            return _cut(error.message.replace("Unevaluated properties are not allowed", "has keys that are not known here"))
        case keyword if keyword in _LIMITS:
            return f"{value}, expected {_cut(_LIMITS[keyword](error.validator_value))}"
        case _:
            return _cut(error.message)


def _keys(value: object) -> list[str]:
    return [key for key in value if isinstance(key, str)] if isinstance(value, list) else []


def _known_keys(schema: object) -> set[str]:
    return set(schema.get("properties", {})) if isinstance(schema, dict) else set()


def _list(values: Sequence[object]) -> str:
    listed = ", ".join(brief(value, _SHOWN) for value in values[:_LISTED])
    return listed + (f" and {len(values) - _LISTED} more" if len(values) > _LISTED else "")


def _cut(words: str, limit: int = 200) -> str:
    shown = "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in words[:limit])
    return shown if len(words) <= limit else shown + "…"
