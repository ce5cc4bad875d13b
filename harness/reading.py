"""Looking into JSON that nobody has checked: what is not there, or is of another type, reads as empty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from harness.model import Json


class _Absent:
    def __repr__(self) -> str:
        return "absent"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = _Absent()
"""What a JSON Pointer that leads nowhere finds; unlike null."""


def obj(value: object) -> dict[str, Json]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def arr(value: object) -> list[Json]:
    """The array, or an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """The string, or an empty one."""
    return value if isinstance(value, str) else ""


def integer(value: object) -> int | None:
    """The integer, or None. `true` is none, and `1.0` is not written as one."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def objects(value: object) -> Iterator[tuple[int, dict[str, Json]]]:
    """The objects of an array, with their positions."""
    for position, item in enumerate(arr(value)):
        if isinstance(item, dict):
            yield position, item


def get(value: object, *keys: str | int) -> Json:
    """The value at the end of a path of keys and positions, or None."""
    current: object = value
    for key in keys:
        if isinstance(key, str):
            current = obj(current).get(key)
        else:
            items = arr(current)
            current = items[key] if -len(items) <= key < len(items) else None
    return current  # type: ignore[return-value]


def resolve(document: Json, pointer: str) -> Json | _Absent:
    """The value at a JSON Pointer (RFC 6901), or ABSENT. Array positions may count from the end: `/choices/-1`."""
    current: Json = document
    for token in tokens(pointer):
        if isinstance(current, dict):
            if token not in current:
                return ABSENT
            current = current[token]
        elif isinstance(current, list):
            if not token.removeprefix("-").isdecimal():
                return ABSENT
            position = int(token)
            if not -len(current) <= position < len(current):
                return ABSENT
            current = current[position]
        else:
            return ABSENT
    return current


def tokens(pointer: str) -> list[str]:
    """The unescaped reference tokens of a JSON Pointer. Raises ValueError where it is none."""
    if pointer == "":
        return []
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON Pointer: it must be empty or start with '/'")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def parse(content: bytes | str) -> Json | _Absent:
    """The JSON document, or ABSENT where it is none (RFC 8259: no NaN, no Infinity; bounded depth)."""
    try:
        return json.loads(content, parse_constant=_refuse)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        return ABSENT


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def brief(value: object, limit: int = 80) -> str:
    """JSON of a value for a message, cut to `limit` characters, with control characters escaped."""
    if isinstance(value, str):
        value = value[: limit + 1]  # the rest would be written and thrown away
    try:
        written = json.dumps(value, ensure_ascii=False)
    except TypeError:
        written = repr(value)
    except (ValueError, RecursionError):
        written = f"({type(value).__name__} too deep or too large to be shown)"
    start = written[: limit + 1]  # escapes only make it longer
    written = "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in start)
    return written if len(written) <= limit else written[: limit - 1] + "…"
