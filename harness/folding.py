"""Large bodies in few words: `$repeat` for a long text, `$padding` for blanks before the document.

    messages:
      - {role: user, content: {$repeat: {before: "The code word is pelican. ", text: "word ", times: 6000, after: …}}}
    $padding: 3000000

What goes out is the whole; what a cassette keeps is the notation. Only what a suite says is unfolded, never an answer.
"""

from __future__ import annotations

from typing import Final

from harness.model import Json
from harness.reading import get, integer, text

PADDING: Final = "$padding"
REPEAT: Final = "$repeat"


def unfolded(value: Json) -> Json:
    """The document as it goes out, or `value` itself where nothing in it is folded."""
    if isinstance(value, dict):
        if REPEAT in value:
            return _repeated(value[REPEAT])
        whole = {key: unfolded(inner) for key, inner in value.items() if key != PADDING}
        changed = len(whole) < len(value) or any(inner is not value[key] for key, inner in whole.items())
        return whole if changed else value
    if isinstance(value, list):
        items = [unfolded(item) for item in value]
        return items if any(one is not other for one, other in zip(items, value, strict=True)) else value
    return value


def padding(document: Json) -> bytes:
    """The blanks before the document: JSON that every parser takes, and that costs no model anything."""
    return b" " * (integer(get(document, PADDING)) or 0)


def _repeated(said: Json) -> str:
    return text(get(said, "before")) + text(get(said, "text")) * (integer(get(said, "times")) or 0) + text(get(said, "after"))
