"""Texts and bytes as YAML scalars that a person can read, and that are read back byte for byte."""

from __future__ import annotations

import base64
import re
from typing import Final

_NO_LITERAL: Final = re.compile(
    # Not printable in YAML, or taken for a line end by it, or a blank where editors strip blanks.
    r"[^\n\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
    r"|[ \t]\n|[ \t]\Z|\A[ \t\n]"
)
_NO_QUOTED: Final = re.compile(
    r"[^\x20\x21\x23-\x5b\x5d-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./+()-]*(?: [A-Za-z0-9_./+()-]+)*")
_NOT_PLAIN: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})  # YAML 1.1 reads another type
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def body(content: bytes, indent: int) -> str:
    """The scalar for bytes, after `key: `. `indent` is how many blanks its own lines begin with.

    A literal block, one line a line, where YAML gives the very bytes back; else escaped, still a line each; base64 where
    they are not UTF-8.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return _binary(content, " " * indent)
    if text and _NO_LITERAL.search(text) is None:
        chomping = "+" if text.endswith("\n\n") else "" if text.endswith("\n") else "-"
        lines = text.removesuffix("\n").split("\n")
        return f"|{chomping}\n" + "\n".join(f"{' ' * indent}{line}" if line else "" for line in lines)
    pieces = re.findall(r"[^\n]*\n|[^\n]+\Z", text)
    # A backslash joins the lines; blanks at the start of a line would go with it, so the first is escaped.
    joint = "\\\n" + " " * indent
    return '"' + joint.join(_continued(piece, first=position == 0) for position, piece in enumerate(pieces)) + '"'


def _continued(piece: str, *, first: bool) -> str:
    escaped = _escaped(piece)
    return escaped if first or not escaped.startswith(" ") else f"\\{escaped}"


def _binary(content: bytes, blanks: str) -> str:
    written = base64.b64encode(content).decode()
    return "!!binary |\n" + "\n".join(f"{blanks}{written[at : at + 76]}" for at in range(0, len(written), 76))


def text(value: str) -> str:
    """The scalar for a short text: plain where no reader of YAML takes it for anything else, quoted otherwise."""
    if _PLAIN.fullmatch(value) and value.lower() not in _NOT_PLAIN:
        return value
    return quoted(value)


def quoted(value: str) -> str:
    """The text in double quotes, on one line."""
    return f'"{_escaped(value)}"'


def _escaped(value: str) -> str:
    return _NO_QUOTED.sub(lambda found: _SHORT.get(found[0]) or _numbered(ord(found[0])), value)


def _numbered(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
