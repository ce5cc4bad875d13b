"""A text that a regular expression matches, for the `pattern` of a schema and the grammar of a custom tool."""

from __future__ import annotations

import importlib
import re
import string
from collections.abc import Sequence
from typing import Any, Final

_LONGEST: Final = 64
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": "7",
    "CATEGORY_SPACE": " ",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_NOT_WORD": "-",
}
_ANY: Final = string.ascii_letters + string.digits + " -_.,:;!?/"


def matching(pattern: str) -> str | None:
    """The shortest obvious text that the pattern matches, or None where it is no pattern or uses look-around."""
    try:
        parsed = importlib.import_module("re._parser").parse(pattern)
        written = _sequence(list(parsed), {})
    except (re.error, LookupError, RecursionError, OverflowError, ImportError):
        return None
    return written


def _sequence(steps: Sequence[Any], groups: dict[int, str]) -> str:
    return "".join(_one(str(name), detail, groups) for name, detail in steps)


def _one(name: str, detail: Any, groups: dict[int, str]) -> str:
    match name:
        case "LITERAL":
            return chr(detail)
        case "NOT_LITERAL":
            return next(character for character in _ANY if ord(character) != detail)
        case "ANY":
            return "a"
        case "IN":
            return _of_set(detail)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, repeated = detail
            once = _sequence(list(repeated), groups)
            times: int = min(least or min(1, most), _LONGEST)
            return once * times
        case "SUBPATTERN":
            group, _, _, inner = detail
            written = _sequence(list(inner), groups)
            if group is not None:
                groups[group] = written
            return written
        case "BRANCH":
            return _sequence(list(detail[1][0]), groups)
        case "GROUPREF":
            return groups[detail]
        case "AT":
            return ""
        case _:
            raise LookupError(name)


def _of_set(members: Sequence[tuple[Any, Any]]) -> str:
    named = [(str(name), detail) for name, detail in members]
    if named and named[0][0] == "NEGATE":
        return next(character for character in _ANY if not any(_holds(member, character) for member in named[1:]))
    name, detail = named[0]
    match name:
        case "LITERAL":
            return chr(detail)
        case "RANGE":
            return chr(detail[0])
        case _:
            return _CATEGORIES[str(detail)]


def _holds(member: tuple[str, Any], character: str) -> bool:
    name, detail = member
    match name:
        case "LITERAL":
            return bool(ord(character) == detail)
        case "RANGE":
            return bool(detail[0] <= ord(character) <= detail[1])
        case _:
            kind = str(detail).removeprefix("CATEGORY_")
            holds: dict[str, bool] = {
                "DIGIT": character.isdigit(),
                "SPACE": character.isspace(),
                "WORD": character.isalnum() or character == "_",
            }
            return holds[kind.removeprefix("NOT_")] is not kind.startswith("NOT_")
