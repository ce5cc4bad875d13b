"""YAML in, JSON values out: the home of PyYAML.

A file is read as JSON written in YAML: scalars are JSON's and everything else is text, so that YAML 1.1's many spellings
of a number, a truth or a nothing never change what is sent. Keys are unique, tags and merges are refused, and aliases
are expanded within bounds. Every slip of a file is reported at once, as `file:line: what, and the way out`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from harness.document import Document, Steps, did_you_mean
from harness.errors import BadFile
from harness.model import Json
from harness.reading import brief

MOST_BYTES: Final = 4 * 1024 * 1024
MOST_NODES: Final = 200_000  # aliases expanded
MOST_DEPTH: Final = 60

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_UNSURE: Final = re.compile(
    r"~|null|true|false"  # in another case than JSON's
    r"|[-+]?0[0-9_]+|[-+]?0[xob][0-9a-f_]+"  # octal, hexadecimal, binary, or a number with a zero before it
    r"|[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?"  # underscores
    r"|\+[0-9]+(?:\.[0-9]*)?(?:e[-+]?[0-9]+)?|[-+]?\.[0-9]+(?:e[-+]?[0-9]+)?|-?[0-9]+\.(?:e[-+]?[0-9]+)?"
    r"|[-+]?\.inf|\.nan",
    re.IGNORECASE,
)
_JSON: Final[Mapping[str, Json]] = {"null": None, "true": True, "false": False}


def yaml_document(text: str, file: str = "the text") -> Json:
    """The JSON value of a YAML text. Raises BadFile with every slip in it."""
    return _read(text, file).data


def document(path: Path) -> Document:
    """A YAML file's value with its lines. Raises BadFile."""
    file = shown(path)
    try:
        with path.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadFile([(file, None, f"cannot be read: {error.strerror or error}")]) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadFile([(file, line, f"not UTF-8: byte 0x{content[error.start]:02x}; save the file as UTF-8")]) from None
    return _read(text, file)


def shown(path: Path) -> str:
    """A path for a message: from the working directory where it is inside."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError, RuntimeError):
        return str(path)


def _read(text: str, file: str) -> Document:
    import yaml  # the one import of it, and late: `--help` and `--version` need none

    if len(text) > MOST_BYTES:
        raise BadFile([(file, None, f"larger than {MOST_BYTES // 1024 // 1024} MiB; split it")])
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except _Stop:
        pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        builder.slips.append((mark.line + 1 if mark else None, _in_words(error)))
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        builder.slips.append((_line_of_bad_character(text), f"a character that YAML does not take: {brief(str(error), 120)}"))
    if not builder.slips and not builder.began:
        builder.slips.append((None, "the file is empty"))
    if builder.slips:
        raise BadFile([(file, line, said) for line, said in builder.slips])
    return Document(file, builder.result, builder.lines)


def _in_words(error: Any) -> str:
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return f"not YAML: {brief(said, 200)[1:-1]}"


def _line_of_bad_character(text: str) -> int | None:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.replace("\t", "").replace("\r", "").isprintable():
            return number
    return None


class _Stop(Exception):
    """There is no sense in reading on."""


class _Open:
    """A list or mapping whose end has not come yet."""

    __slots__ = ("key", "key_line", "steps", "value")

    def __init__(self, value: dict[str, Json] | list[Json], steps: Steps) -> None:
        self.value = value
        self.steps = steps
        self.key: str | None = None
        self.key_line = 0


class _Builder:
    """Makes the value from parser events, without recursion: nesting, aliases and scalars are ours to bound."""

    def __init__(self) -> None:
        self.result: Json = None
        self.began = False
        self.lines: dict[Steps, int] = {}
        self.slips: list[tuple[int | None, str]] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Json, Steps]] = {}
        self._nodes = 0

    def take(self, event: Any) -> None:
        """One event of the parser. Raises _Stop, its slip noted, where what follows would make no sense."""
        line = event.start_mark.line + 1
        match event.__class__.__name__:
            case "ScalarEvent":
                self._scalar(event, line)
            case "MappingStartEvent":
                self._begin({}, event, line)
            case "SequenceStartEvent":
                self._begin([], event, line)
            case "MappingEndEvent" | "SequenceEndEvent":
                self._open.pop()
            case "AliasEvent":
                self._alias(event.anchor, line)
            case "DocumentStartEvent":
                if self.began:
                    self._stop(line, "a second document begins here (`---`); one document a file")
                self.began = True

    def _scalar(self, event: Any, line: int) -> None:
        self._refuse_tag(event, line)
        plain = event.style is None or event.style == ""
        holder = self._open[-1] if self._open else None
        if holder is not None and isinstance(holder.value, dict) and holder.key is None:
            self._key(holder, event, line, plain)
            return
        value = self._plain(event.value, line) if plain else event.value
        if isinstance(value, str) and not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            self._slip(line, "half of a surrogate pair (\\ud800 to \\udfff) is no character")
        self._put(value, line, event.anchor)

    def _key(self, holder: _Open, event: Any, line: int, plain: bool) -> None:
        key = event.value
        if plain and key == "<<":
            self._slip(line, "merges (`<<`) are not read; write the keys out, or alias whole values (`key: *anchor`)")
        elif plain and not key:
            self._slip(line, "a key is missing before `:`")
        elif event.anchor is not None:
            self._slip(line, f"an anchor (`&{event.anchor}`) on a key; put it on the value")
        holder.key, holder.key_line = key, line

    def _plain(self, written: str, line: int) -> Json:
        if written in _JSON:
            return _JSON[written]
        if not written:
            self._slip(line, "there is no value; write null, or a text in quotes, or leave the key out")
            return None
        number = _NUMBER.fullmatch(written)
        if number is not None:
            return self._number(written, line, whole=number[1] is None and number[2] is None)
        if _UNSURE.fullmatch(written):
            self._slip(line, f"{written} means different things to different readers of YAML; write {_instead(written)}")
        return written

    def _number(self, written: str, line: int, whole: bool) -> int | float:
        value = float(written)
        if value in (float("inf"), float("-inf")):
            self._slip(line, f"{brief(written)[1:-1]} is too large for a number; put it in quotes for text")
            return 0
        return int(written) if whole else value

    def _begin(self, value: dict[str, Json] | list[Json], event: Any, line: int) -> None:
        self._refuse_tag(event, line)
        steps = self._put(value, line, event.anchor)
        self._open.append(_Open(value, steps))
        if len(self._open) > MOST_DEPTH:
            self._stop(line, f"nested more than {MOST_DEPTH} deep")

    def _put(self, value: Json, line: int, anchor: str | None) -> Steps:
        """Adds a value to what is open; says where it is."""
        self._count(line)
        holder = self._open[-1] if self._open else None
        if holder is None:
            steps: Steps = ()
            self.result = value
        elif isinstance(holder.value, list):
            steps = (*holder.steps, len(holder.value))
            holder.value.append(value)
        elif holder.key is None:
            self._stop(line, "a key must be a text, not a list or a mapping")
        else:
            steps, line = (*holder.steps, holder.key), holder.key_line
            if holder.key in holder.value:
                before = self.lines[steps]
                self._slip(line, f"the key `{brief(holder.key)[1:-1]}` stands here twice; the first is in line {before}")
                steps = (*holder.steps, f"{holder.key} again")  # a place of its own, so that what is in it is read apart
            else:
                holder.value[holder.key] = value
            holder.key = None
        self.lines[steps] = line
        if anchor is not None:
            self._anchors[anchor] = (value, steps)
        return steps

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            self._stop(line, f"there is no anchor `&{anchor}` before this `*{anchor}`{did_you_mean(anchor, self._anchors)}")
        value, source = self._anchors[anchor]
        if any(holder.value is value for holder in self._open):
            self._stop(line, f"`*{anchor}` stands inside of `&{anchor}`, which would have no end")
        copied: Json = value
        if isinstance(value, dict):
            copied = {}
        elif isinstance(value, list):
            copied = []
        self._copy(value, copied, source, self._put(copied, line, None), line)

    def _copy(self, value: Json, copied: Json, source: Steps, steps: Steps, line: int) -> None:
        """Fills a copy of what an anchor marks, so that no two places share a value. Bounded by `MOST_NODES`."""
        if len(steps) > MOST_DEPTH:
            self._stop(line, f"nested more than {MOST_DEPTH} deep, with what the aliases stand for")
        if isinstance(value, dict) and isinstance(copied, dict):
            for key, part in value.items():
                copied[key] = self._copy_of(part, (*source, key), (*steps, key), line)
        elif isinstance(value, list) and isinstance(copied, list):
            for position, part in enumerate(value):
                copied.append(self._copy_of(part, (*source, position), (*steps, position), line))

    def _copy_of(self, part: Json, source: Steps, steps: Steps, line: int) -> Json:
        self._count(line)
        self.lines[steps] = self.lines.get(source, line)
        if not isinstance(part, dict | list):
            return part
        copied: dict[str, Json] | list[Json] = {} if isinstance(part, dict) else []
        self._copy(part, copied, source, steps, line)
        return copied

    def _count(self, line: int) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            self._stop(line, f"more than {MOST_NODES:,} values, with what the aliases stand for; split the file")

    def _refuse_tag(self, event: Any, line: int) -> None:
        if event.tag is not None:
            self._slip(line, f"tags are not read ({brief(event.tag)[1:-1]}); leave it out")

    def _slip(self, line: int, said: str) -> None:
        self.slips.append((line, said))

    def _stop(self, line: int, said: str) -> NoReturn:
        self._slip(line, said)
        raise _Stop


def _instead(written: str) -> str:
    plain = written.lower()
    if plain in ("~", "null"):
        return "null, or a text in quotes"
    if plain in _JSON:
        return f"{plain}, or '{written}' for the text"
    return f"the number as JSON does, or '{written}' for the text"
