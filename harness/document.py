"""A file that was read: its JSON value, the line of every part of it, and the slips found in it.

`harness.load` makes one from YAML; `harness.notation` and `harness.profile` walk it through `Place`, which says what is
wrong where, goes on, and so finds every slip of a file at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from harness.errors import BadFile
from harness.model import Json
from harness.reading import brief

Steps: TypeAlias = "tuple[str | int, ...]"
"""The way from a document's root to a part of it: keys and positions."""


@dataclass(slots=True)
class Document:
    """A file's value and lines. `slips` is what was found wrong so far; `checked` raises them, all at once."""

    file: str
    data: Json
    lines: Mapping[Steps, int]
    slips: list[tuple[int | None, str]] = field(default_factory=list)

    def root(self) -> Place:
        """The whole of it."""
        return Place(self, (), self.data)

    def line(self, steps: Steps) -> int | None:
        """The line of a part, or of the nearest part around it that has one."""
        while steps not in self.lines:
            if not steps:
                return None
            steps = steps[:-1]
        return self.lines[steps]


def checked(documents: Iterable[Document]) -> None:
    """Raises BadFile with every slip of these documents, in the order of their lines, each once."""
    slips = [
        (document.file, line, said)
        for document in documents
        for line, said in sorted(dict.fromkeys(document.slips), key=lambda slip: slip[0] or 0)
    ]
    if slips:
        raise BadFile(slips)


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a document."""

    document: Document
    steps: Steps
    value: Json

    @property
    def name(self) -> str:
        """The key or position at the end of the way to it."""
        return str(self.steps[-1]) if self.steps else "the file"

    @property
    def line(self) -> int:
        """Its line, from 1."""
        return self.document.line(self.steps) or 1

    def say(self, slip: str) -> None:
        """Notes a slip here."""
        self.document.slips.append((self.document.line(self.steps), slip))

    def at(self, *steps: str | int) -> Place:
        """A part of this part, which is there."""
        value = self.value
        for step in steps:
            value = value[step]  # type: ignore[index]
        return Place(self.document, (*self.steps, *steps), value)

    def parts(self) -> dict[str, Place]:
        """What a mapping holds, by key; nothing where it is no mapping, which is a slip."""
        if not isinstance(self.value, dict):
            self.say(f"`{self.name}` must be a mapping of keys to values, and is {brief(self.value)}")
            return {}
        return {key: self.at(key) for key in self.value}

    def items(self) -> list[Place]:
        """What a list holds; nothing where it is no list, which is a slip."""
        if not isinstance(self.value, list):
            self.say(f"`{self.name}` must be a list, and is {brief(self.value)}")
            return []
        return [self.at(position) for position in range(len(self.value))]

    def keys(self, allowed: Collection[str], needed: Collection[str] = ()) -> dict[str, Place]:
        """The parts of a mapping whose keys are known. An unknown key is a slip, as is one that is needed and missing."""
        parts = self.parts()
        for key in [key for key in parts if key not in allowed]:
            parts.pop(key).say(f"unknown key `{key}`{did_you_mean(key, allowed)}")
        if isinstance(self.value, dict):
            for key in needed:
                if key not in self.value:
                    self.say(f"the key `{key}` is missing{self._where()}")
        return parts

    def text(self) -> str:
        """A text of one line that says something; else an empty one and a slip."""
        if isinstance(self.value, str) and self.value.strip() and self.value.isprintable():
            return self.value
        self.say(f"`{self.name}` must be a text of one line, and is {brief(self.value)}{_quoted(self.value)}")
        return ""

    def truth(self) -> bool:
        """true or false; else false and a slip."""
        if isinstance(self.value, bool):
            return self.value
        self.say(f"`{self.name}` must be true or false, and is {brief(self.value)}")
        return False

    def whole(self, least: int, most: int) -> int:
        """A whole number from `least` to `most`; else `least` and a slip."""
        if isinstance(self.value, int) and not isinstance(self.value, bool) and least <= self.value <= most:
            return self.value
        self.say(f"`{self.name}` must be a whole number from {least} to {most}, and is {brief(self.value)}")
        return least

    def number(self, above: float, most: float) -> float:
        """A number above `above` and not above `most`; else `most` and a slip."""
        if isinstance(self.value, int | float) and not isinstance(self.value, bool) and above < self.value <= most:
            return float(self.value)
        self.say(f"`{self.name}` must be a number above {above:g}, at most {most:g}, and is {brief(self.value)}")
        return most

    def _where(self) -> str:
        return f" in `{self.name}`" if self.steps and isinstance(self.steps[-1], str) else ""


def _quoted(value: Json) -> str:
    if isinstance(value, bool | int | float):
        return '; put it in quotes: "…"'
    return ""


def did_you_mean(word: str, known: Collection[str], *, listed: bool = True) -> str:
    """`; did you mean `expect`?`, else what there is: `; known are …`. The way out, to be put at a message's end."""
    close = difflib.get_close_matches(word, [name for name in known if name != word], n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    if not listed or not known:
        return ""
    return f"; known are {', '.join(some(known))}"


def some(names: Collection[str], most: int = 30) -> Iterator[str]:
    """The names in order, the first `most` of them, and how many more there are."""
    yield from (f"`{name}`" for name in sorted(names)[:most])
    if len(names) > most:
        yield f"and {len(names) - most} more"
