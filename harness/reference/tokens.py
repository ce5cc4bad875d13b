"""The tokens of the reference model: up to four letters with the blank before them, a few digits, a mark, a run of white space.

No token tears a character apart, and the tokens of a text always join to the text.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

VOCABULARY: Final = 200_000
"""How many tokens there are: ids are 0 to one less."""

_TOKEN = re.compile(r" ?[^\W\d_]{1,4}| ?\d{1,3}| ?[^\w\s]|_|\s(?!\s)|\s+|.", re.DOTALL)
_CONSONANTS = "bdfgklmnprstvz"
_VOWELS = "aeiou"


def split(text: str) -> list[str]:
    """The tokens of a text, in order."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens a text has."""
    return len(split(text))


def number(token: str) -> int:
    """The id of a token, the same in every process."""
    return zlib.crc32(token.encode("utf-8", "surrogatepass")) % VOCABULARY


def spelled(identifier: int) -> str:
    """The token of an id that nothing in the text has: a made-up word, a different one for each id."""
    word = ""
    left = identifier
    while True:
        left, consonant = divmod(left, len(_CONSONANTS))
        left, vowel = divmod(left, len(_VOWELS))
        word += _CONSONANTS[consonant] + _VOWELS[vowel]
        if not left:
            return f" {word}"
