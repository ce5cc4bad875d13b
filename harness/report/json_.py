"""report.json: everything that is known; every other format is made of it.

What fits a line stands on one, so that a change is a small difference and a frame is a line.
"""

from __future__ import annotations

import json
from typing import Any, Final

from harness.report import Document

FILE: Final = "report.json"

_write: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def text(document: Document) -> str:
    """The document itself, in its own order of keys: the same document is always the same text."""
    return readable(document) + "\n"


def readable(value: Any, width: int = 150) -> str:
    """JSON for reading and for diffs: what fits a line of `width` stands on one, everything else a member a line.

    What cannot be seen is escaped; so is half of a surrogate pair, which JSON may spell and UTF-8 cannot hold.
    """
    return "".join(_pieces(value, "", width))


_ON_SEVERAL_LINES: Final = ("", "", "")
"""What follows a text that is no single piece, so that it counts as more of them than fit on a line."""


def _pieces(value: Any, indent: str, width: int) -> list[str]:
    """The pieces of a value's text; one, where it fits on a line. Each value is written once, however deep it lies."""
    if not isinstance(value, dict | list | tuple) or not value:
        return [_safe(_write(value))]
    if not any(isinstance(part, dict | list | tuple) for part in (value.values() if isinstance(value, dict) else value)):
        flat = _safe(_write(value))
        if len(indent) + len(flat) <= width:
            return [flat]
    deeper = indent + " "
    if isinstance(value, dict):
        opened, closed = "{", "}"
        members = [[_safe(_write(key)), ": ", *_pieces(part, deeper, width)] for key, part in value.items()]
    else:
        opened, closed = "[", "]"
        members = [_pieces(part, deeper, width) for part in value]
    most = 3 if isinstance(value, dict) else 1  # of pieces: with more, a member stands on several lines
    if all(len(member) <= most for member in members):
        flat = ", ".join("".join(member) for member in members)
        if len(indent) + len(flat) + 2 <= width:
            return [opened + flat + closed]
    pieces = [opened, "\n", deeper]
    for position, member in enumerate(members):
        if position:
            pieces += [",\n", deeper]
        pieces.extend(member)
    pieces += ["\n", indent, closed]
    if len(indent) < 2:  # the outermost are joined once, at the end
        return pieces
    return ["".join(pieces), *_ON_SEVERAL_LINES]  # many small pieces take many times the memory of their text


def _safe(written: str) -> str:
    # beyond U+FFFF is escaped as well: one such character would make four bytes of every other of the whole report
    if written.isascii() or (written.isprintable() and max(written) <= "\uffff"):
        return written
    return "".join(one if one.isprintable() and one <= "\uffff" else _escaped(one) for one in written)


def _escaped(character: str) -> str:
    point = ord(character)
    if point > 0xFFFF:
        point -= 0x10000
        return f"\\u{0xD800 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}"
    return f"\\u{point:04x}"
