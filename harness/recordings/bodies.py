"""Bodies as recorders write them, to bytes: text, Base64, packed, or parsed; everything bounded."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any, Final

from harness.model import Headers
from harness.reading import text

MOST_OF_A_RECORD: Final = 64 * 1024 * 1024
"""Bytes of one record, unpacked or not: what is larger is damaged, and never held in memory."""

_MOST_VALUES: Final = 1_000_000  # of a parsed body: YAML's aliases can make a small file stand for an endless value


class Unreadable(Exception):
    """What is wrong with a record, in words."""


def encoded(value: Any) -> bytes:
    """The bytes of a text, or of a JSON value that somebody parsed. Raises Unreadable where it has no end.

    Lone surrogates, which JSON can write and UTF-8 cannot, become what a decoder makes of them.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if _count(value) > _MOST_VALUES:
        raise Unreadable(f"a body has more than {_MOST_VALUES:,} values")
    try:
        return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace")
    except (ValueError, TypeError, RecursionError):
        raise Unreadable("a body is no JSON that could be written again") from None


def _count(value: Any) -> int:
    """How many values a value is made of, shared ones each time; stops counting above the bound."""
    open_, seen = [value], 0
    while open_ and seen <= _MOST_VALUES:
        one = open_.pop()
        seen += 1
        if isinstance(one, dict):
            open_.extend(one.values())
        elif isinstance(one, list | tuple):
            open_.extend(one)
    return seen


def unbase64(said: Any, what: str) -> bytes:
    """The bytes of Base64. Raises Unreadable."""
    try:
        return base64.b64decode("".join(text(said).split()) if isinstance(said, str) else said, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise Unreadable(f"{what} says that it is Base64, and is not") from None


def unpacked(content: bytes, headers: Headers) -> bytes:
    """A body without its `content-encoding`. Raises Unreadable.

    Most recorders undo it themselves and leave the header field as it was, so the bytes decide.
    """
    named = ",".join(value for name, value in headers if name == "content-encoding").lower()
    for coding in reversed([word.strip() for word in named.split(",") if word.strip()]):
        if coding in ("gzip", "x-gzip") and content.startswith(b"\x1f\x8b"):
            content = _inflated(content, 31)
        elif coding == "deflate" and content and not _is_plain(content):
            content = _inflated(content, 15 if content[0] & 0x0F == 8 and int.from_bytes(content[:2], "big") % 31 == 0 else -15)
        elif coding in ("br", "zstd", "compress", "x-compress") and content and not _is_plain(content):
            raise Unreadable(f"the body is packed with {coding}, which is not read here; record it with `accept-encoding: gzip`")
    return content


def _is_plain(content: bytes) -> bool:
    """Is it text already? What a packer makes is hardly ever UTF-8 without control characters."""
    try:
        start = content[:4096].decode("utf-8")
    except UnicodeDecodeError as broken:
        if broken.start < min(len(content), 4096) - 4:
            return False
        start = content[: broken.start].decode("utf-8")
    return all(character >= " " or character in "\t\n\r" for character in start)


def _inflated(content: bytes, window: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    try:
        found = unpacker.decompress(content, MOST_OF_A_RECORD)
    except zlib.error:
        raise Unreadable("the body is packed, and cannot be unpacked") from None
    if unpacker.unconsumed_tail:
        raise Unreadable(f"the body is longer than {MOST_OF_A_RECORD} bytes when it is unpacked")
    if not unpacker.eof:
        raise Unreadable("the body is packed, and breaks off")
    return found
