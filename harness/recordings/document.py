"""Files that are one document: HAR and cassettes in JSON, read an entry at a time, and cassettes in YAML."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Any, Final

from harness.recordings import har, vcr
from harness.recordings.bodies import MOST_OF_A_RECORD, Unreadable
from harness.recordings.record import MOST_OF_A_FILE, Record

NO_TRAFFIC: Final = "holds no recorded traffic: neither `log.entries` (HAR) nor `interactions` (a cassette)"

_PART: Final = 256 * 1024
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()
_FORMS: Final[dict[tuple[str, ...], Callable[[Any], Record]]] = {
    ("log", "entries"): har.entry,
    ("interactions",): vcr.interaction,
    ("http_interactions",): vcr.interaction,
}


def json_records(file: IO[bytes]) -> Iterator[Record | str]:
    """The entries of a HAR, or the interactions of a cassette in JSON; never more than one of them in memory."""
    found = False
    try:
        for form, value in _Reader(file).entries(()):
            found = True
            if form is not None:
                yield _read(form, value)
    except _Broken as broken:
        yield f"the file is no JSON from here on: {broken}"
        return
    if not found:
        yield NO_TRAFFIC


def yaml_records(file: IO[bytes]) -> Iterator[Record | str]:
    """The interactions of a cassette in YAML."""
    from harness.cassette import foreign

    content = file.read(MOST_OF_A_RECORD + 1)
    if len(content) > MOST_OF_A_RECORD:
        yield f"the file is longer than {MOST_OF_A_RECORD} bytes, which is more than is read of YAML; split it"
        return
    try:
        said = foreign.document(content)
    except ValueError as wrong:
        yield f"the file is no YAML: {wrong}"
        return
    del content
    keys = ("interactions", "http_interactions")
    interactions = next((said[key] for key in keys if key in said), None) if isinstance(said, dict) else None
    if not isinstance(interactions, list):
        yield NO_TRAFFIC
        return
    interactions.reverse()
    while interactions:
        yield _read(vcr.interaction, interactions.pop())


def _read(form: Callable[[Any], Record], value: Any) -> Record | str:
    try:
        return form(value)
    except Unreadable as wrong:
        return str(wrong)


class _Broken(Exception):
    """The text is no JSON, or too long."""


class _Reader:
    """JSON from a file, a value at a time, where only the values of one list are wanted."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._text = ""
        self._at = 0
        self._taken = 0
        self._ended = False

    def entries(self, way: tuple[str, ...]) -> Iterator[tuple[Callable[[Any], Record] | None, Any]]:
        """The form and value of each entry below the object that begins here; `(None, None)` where their list begins."""
        if self._next() != "{":
            self._value()
            return
        self._at += 1
        while (said := self._next()) != "}":
            if said == ",":
                self._at += 1
                continue
            key = self._value()
            if not isinstance(key, str) or self._next() != ":":
                raise _Broken("a key is expected")
            self._at += 1
            here = (*way, key)
            if here in _FORMS and self._next() == "[":
                yield None, None
                for value in self._items():
                    yield _FORMS[here], value
            elif any(form[: len(here)] == here and form != here for form in _FORMS):
                yield from self.entries(here)
            else:
                self._value()
        self._at += 1

    def _items(self) -> Iterator[Any]:
        self._at += 1
        while (said := self._next()) != "]":
            if said == ",":
                self._at += 1
            else:
                yield self._value()
        self._at += 1

    def _next(self) -> str:
        """The next character that is no blank."""
        while True:
            found = _BLANKS.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(_PART):
                raise _Broken("it breaks off")

    def _value(self) -> Any:
        """The value that begins here. More is read in ever larger parts, so a long value costs no more than its length."""
        self._next()
        part = _PART
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError:
                raise _Broken("it is nested too deep") from None
            except ValueError as wrong:
                if len(self._text) - self._at > MOST_OF_A_RECORD:
                    raise _Broken(f"an entry is longer than {MOST_OF_A_RECORD} characters") from None
                if not self._more(part):
                    raise _Broken(str(getattr(wrong, "msg", wrong))) from None
                part *= 2
                continue
            if end < len(self._text) or self._ended:  # a number at the end of what is there may go on
                self._at = end
                return value
            self._more(_PART)

    def _more(self, size: int) -> bool:
        """Reads on, and lets go of what was read. False at the end."""
        read = self._file.read(size)
        self._taken += len(read)
        if self._taken > MOST_OF_A_FILE:
            raise _Broken(f"the file is longer than {MOST_OF_A_FILE} bytes")
        self._ended = not read
        self._text = self._text[self._at :] + self._decoder.decode(read, final=self._ended)
        self._at = 0
        return bool(read)
