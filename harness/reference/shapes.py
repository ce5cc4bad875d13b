"""Small checks of one JSON value each, put together to the check of a request.

A check takes the value and the path that an error names it by (`messages[0].role`), and raises Refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from harness.model import Json
from harness.reference.refusal import Refusal, missing, wrong_type, wrong_value

Check: TypeAlias = "Callable[[Json, str], None]"


def anything(value: Json, path: str) -> None:
    """No check."""


def boolean(value: Json, path: str) -> None:
    """true or false."""
    if not isinstance(value, bool):
        raise wrong_type(path, "a boolean", value)


def nullable(check: Check) -> Check:
    """null, or what the check takes."""

    def checked(value: Json, path: str) -> None:
        if value is not None:
            check(value, path)

    return checked


def number(low: float, high: float) -> Check:
    """A number of a range, both ends included."""

    def checked(value: Json, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type(path, "a decimal", value)
        _in_range(value, path, low, high, "decimal")

    return checked


def integer(low: int, high: int) -> Check:
    """An integer of a range, both ends included."""

    def checked(value: Json, path: str) -> None:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(path, "an integer", value)
        _in_range(value, path, low, high, "integer")

    return checked


def _in_range(value: float, path: str, low: float, high: float, kind: str) -> None:
    if value < low:
        said = f"{kind} below minimum value; expected a value >= {low}, but got {value}"
        raise wrong_value(path, said, f"{kind}_below_min_value")
    if value > high:
        said = f"{kind} above maximum value; expected a value <= {high}, but got {value}"
        raise wrong_value(path, said, f"{kind}_above_max_value")


def string(value: Json, path: str) -> None:
    """A string."""
    if not isinstance(value, str):
        raise wrong_type(path, "a string", value)


def short_string(longest: int) -> Check:
    """A string of at most so many characters."""

    def checked(value: Json, path: str) -> None:
        string(value, path)
        if isinstance(value, str) and len(value) > longest:
            said = f"string too long; expected at most {longest} characters, but got {len(value)}"
            raise wrong_value(path, said, "string_above_max_length")

    return checked


def one_of(*words: str) -> Check:
    """One of some strings."""

    def checked(value: Json, path: str) -> None:
        string(value, path)
        if value not in words:
            allowed = ", ".join(f"'{word}'" for word in words)
            raise wrong_value(path, f"'{value}' is not one of {allowed}")

    return checked


def array(of: Check, *, at_least: int = 0, at_most: int = 1_000_000) -> Check:
    """An array of things of one kind."""

    def checked(value: Json, path: str) -> None:
        if not isinstance(value, list):
            raise wrong_type(path, "an array", value)
        if len(value) < at_least:
            said = f"array too short; expected at least {at_least} items, but got {len(value)}"
            raise wrong_value(path, said, "empty_array" if not value else "array_below_min_length")
        if len(value) > at_most:
            said = f"array too long; expected at most {at_most} items, but got {len(value)}"
            raise wrong_value(path, said, "array_above_max_length")
        for position, item in enumerate(value):
            of(item, f"{path}[{position}]")

    return checked


def mapping(of: Check, *, at_most: int = 1_000_000, longest_key: int = 1_000_000) -> Check:
    """An object of any keys, with values of one kind."""

    def checked(value: Json, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong_type(path, "an object", value)
        if len(value) > at_most:
            said = f"object with too many properties; expected at most {at_most}, but got {len(value)}"
            raise wrong_value(path, said, "object_above_max_properties")
        for key, item in value.items():
            if len(key) > longest_key:
                raise wrong_value(path, f"a key is longer than {longest_key} characters", "property_name_above_max_length")
            of(item, f"{path}.{key}")

    return checked


def record(fields: Mapping[str, Check], *, required: tuple[str, ...] = (), closed: bool = False) -> Check:
    """An object of known keys; others are refused by their name where it is `closed`, and left alone where it is not."""

    def checked(value: Json, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong_type(path, "an object", value)
        for key in required:
            if key not in value:
                raise missing(f"{path}.{key}")
        for key, item in value.items():
            if key in fields:
                fields[key](item, f"{path}.{key}")
            elif closed:
                raise unknown(f"{path}.{key}")

    return checked


def tagged(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` says what else it must be."""

    def checked(value: Json, path: str) -> None:
        record({"type": one_of(*kinds)}, required=("type",))(value, path)
        if isinstance(value, dict):
            kinds[str(value["type"])](value, path)

    return checked


def unknown(path: str) -> Refusal:
    """A parameter that there is not."""
    return Refusal(f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter")
