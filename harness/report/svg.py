"""badge.svg: the badge as a picture, where no badge service is wanted."""

from __future__ import annotations

import json
from typing import Final
from xml.sax.saxutils import escape

from harness.report import Document, badge

FILE: Final = "badge.svg"

_COLOURS: Final = {
    "brightgreen": "#2f7d1b",
    "yellow": "#8a6d00",
    "orange": "#b8500b",
    "red": "#c02c1c",
    "lightgrey": "#6b6b6b",
}
"""Dark enough for white letters (a contrast of at least 4.5 to 1)."""

_EM: Final = 6.6  # the mean width of a letter of Verdana at 11 pixels
_AROUND: Final = 10


def text(document: Document) -> str:
    """The picture."""
    said = json.loads(badge.text(document))
    label, message = said["label"], said["message"]
    left, right = _wide(label), _wide(message)
    title = escape(f"{label}: {message}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<rect width="{left + right}" height="20" rx="3" fill="#444"/>'
        f'<path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right - 3}z" fill="{_COLOURS[said["color"]]}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14" textLength="{left - _AROUND}">{escape(label)}</text>'
        f'<text x="{left + right / 2:g}" y="14" textLength="{right - _AROUND}">{escape(message)}</text>'
        "</g></svg>\n"
    )


def _wide(said: str) -> int:
    return round(len(said) * _EM) + _AROUND
