"""What the reference model sees: the kind of a picture by its first bytes, and the colour of a PNG of one colour."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from typing import Final

_KINDS: Final = {
    "image/png": (b"\x89PNG",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/webp": (b"RIFF",),
    "image/gif": (b"GIF87a", b"GIF89a"),
}
"""How the files of each media type begin."""

_COLOURS: Final = {
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}
_HEADER: Final = 8  # bytes before the first chunk of a PNG
_CHUNK: Final = 12  # bytes of a chunk beside its data
_RGB: Final = (8, 2)  # bit depth and colour type


def is_picture(data: bytes) -> bool:
    """Does it begin as a PNG, JPEG, WebP or GIF does? Its name is not looked at, as OpenAI's is not."""
    return any(data.startswith(start) for starts in _KINDS.values() for start in starts)


def colour(url: str) -> str | None:
    """The name of the colour in the upper left corner of a PNG with eight bits of red, green and blue; else None."""
    try:
        data = base64.b64decode(url.partition(",")[2], validate=True)
        chunks = dict(_chunks(data))
        if tuple(chunks.get(b"IHDR", b"")[8:10]) != _RGB:
            return None
        corner = zlib.decompressobj().decompress(chunks.get(b"IDAT", b""), 4)[1:]
    except (binascii.Error, zlib.error, ValueError):
        return None
    if len(corner) < 3:
        return None
    return min(_COLOURS, key=lambda name: sum((seen - pure) ** 2 for seen, pure in zip(corner, _COLOURS[name], strict=True)))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = _HEADER
    while place + _CHUNK <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += _CHUNK + length
