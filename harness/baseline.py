"""Baselines: files of accepted failures, by endpoint and case or rule. Read with every slip, amended with a minimal diff.

endpoints:
  my-endpoint:
    tools/parallel: {issue: "https://…", reason: one call at a time, owner: me, until: 2027-03-01}
    stream.ends-with-done: {reason: unreviewed}
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness import profile, yaml_file
from harness.document import Document, checked, did_you_mean
from harness.errors import BadFile, BadInput
from harness.model import Accepted
from harness.reading import brief

UNREVIEWED: Final = "unreviewed"
"""The reason of an entry that nobody looked at yet."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?")  # with a port: a host of recorded traffic

Entry = tuple[str, str]
"""An endpoint and the name of what is accepted: `suite/case`, `suite/case:stream`, `suite/case:plain` or a rule's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What a file accepts."""

    file: str
    endpoints: Mapping[str, Mapping[str, Accepted]]
    document: Document = field(repr=False)

    def check(self, endpoints: Collection[str], known: Collection[str], cases: Collection[str], rules: Collection[str]) -> None:
        """Raises BadFile, with every line, where a name is that of no case and no rule, or much like that of an endpoint.

        `endpoints` are those of this run, `known` all that have a name: a baseline may be of more than one run's.
        """
        root = self.document.root().at("endpoints")
        for name, entries in self.endpoints.items():
            free = [one for one in endpoints if one not in self.endpoints]
            if name not in endpoints and name not in known and (close := did_you_mean(name, free, listed=False)):
                root.at(name).say(f"no endpoint of this run is called {brief(name)}{close}")
            for entry in entries:
                case = entry.partition(":")[0]
                if case not in cases and case not in rules:
                    said = did_you_mean(case, [*cases, *rules], listed=False) or "; take it out"
                    root.at(name, entry).say(f"{brief(entry)} is no case and no rule{said}")
        checked([self.document])


def read(path: Path) -> Baseline:
    """The baseline in a file. Raises BadFile with every slip in it."""
    found = _of(yaml_file.document(path))
    checked([found.document])
    return found


def _of(document: Document) -> Baseline:
    keys = document.root().keys(("endpoints",), ("endpoints",))
    parts = keys["endpoints"].parts() if "endpoints" in keys else {}
    for name, part in parts.items():
        if not _NAME.fullmatch(name):
            part.say(f"{brief(name)} is no name of an endpoint: made of a-z, 0-9, `-` and `.`")
    accepted = {name: profile.accepted(part, named="a baseline", of_file=True) for name, part in parts.items()}
    return Baseline(file=document.file, endpoints=accepted, document=document)


# ---------------------------------------------------------------- amending


def amend(path: Path, *, add: Collection[Entry], remove: Collection[Entry]) -> bool:
    """Writes the file with these entries added, marked as unreviewed, and those removed; whole or not at all.

    Whatever else is in it, comments and order too, stays byte for byte. A file that is not there is begun. False where
    there is nothing to change. Raises BadInput where it cannot be written, or not so that it says just that.
    """
    there = path.exists()
    before = path.read_bytes().decode("utf-8") if there else ""
    baseline = read(path) if there else None
    held = {(name, entry) for name, entries in (baseline.endpoints if baseline else {}).items() for entry in entries}
    gone, new = held & set(remove), set(add) - held
    if not gone and not new:
        return False
    after = _without(before, baseline, gone) if baseline else "endpoints:\n"
    after = _with(after, sorted(new))
    _confirm(after, path, (held - gone) | new)
    _write(path, after)
    return True


def _without(text: str, baseline: Baseline, gone: Collection[Entry]) -> str:
    """The text without the lines of these entries; an endpoint left with none goes too."""
    lines = text.splitlines(keepends=True)
    dropped: set[int] = set()
    empty = True
    for name, entries in baseline.endpoints.items():
        of_this = [entry for entry in entries if (name, entry) in gone]
        whole = bool(of_this) and len(of_this) == len(entries)
        empty = empty and whole
        for steps in [("endpoints", name)] if whole else [("endpoints", name, entry) for entry in of_this]:
            first = (baseline.document.line(steps) or 1) - 1
            # A comment that stands further in than the entry is part of it; one above it is not.
            dropped.update(range(first, _end(lines, first)))
    if gone and empty:
        first = (baseline.document.line(("endpoints",)) or 1) - 1
        lines[first] = re.sub(r"endpoints['\"]?[ \t]*:", r"\g<0> {}", lines[first], count=1)
    return "".join(line for number, line in enumerate(lines) if number not in dropped)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _end(lines: list[str], first: int) -> int:
    """Where what begins in a line ends: before what is not further in, and before the blank lines and comments above that."""
    end = first + 1
    for number in range(first + 1, len(lines)):
        said = lines[number].strip()
        if said and not said.startswith("#") and _indent(lines[number]) <= _indent(lines[first]):
            break
        if said and _indent(lines[number]) > _indent(lines[first]):
            end = number + 1
    return end


def _with(text: str, new: Iterable[Entry]) -> str:
    """The text with these entries, each at the end of its endpoint's."""
    for name, entry in new:
        lines = text.splitlines(keepends=True)
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
        root = next((at for at, line in enumerate(lines) if re.match(r"['\"]?endpoints['\"]?[ \t]*:", line)), None)
        if root is None:
            return text  # nothing that can be amended by lines; the confirmation says so
        lines[root] = re.sub(r":[ \t]*\{[ \t]*\}", ":", lines[root], count=1)
        inside = [at for at in range(root + 1, _end(lines, root)) if _is_key(lines[at])]
        step = _indent(lines[inside[0]]) if inside else 2
        head = next((at for at in inside if re.match(rf" {{{step}}}['\"]?{re.escape(name)}['\"]?[ \t]*:", lines[at])), None)
        if head is None:
            end = _end(lines, root)
            lines[end:end] = [f"{' ' * step}{name}:{newline}", f"{' ' * 2 * step}{_written(entry)}{newline}"]
        else:
            lines[head] = re.sub(r":[ \t]*\{[ \t]*\}", ":", lines[head], count=1)
            end = _end(lines, head)
            own = [at for at in range(head + 1, end) if _is_key(lines[at])]
            lines.insert(end, f"{' ' * (_indent(lines[own[0]]) if own else 2 * step)}{_written(entry)}{newline}")
        text = "".join(lines)
    return text


def _is_key(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _written(entry: str) -> str:
    return f"{entry}: {{reason: {UNREVIEWED}}}"


def _confirm(text: str, path: Path, wanted: Collection[Entry]) -> None:
    """Raises BadInput where the text does not say just what it should: a file of another form is not written over."""
    way_out = "write each endpoint and each entry on lines of its own, `suite/case: {reason: …}`, or mend it by hand"
    try:
        data = yaml_file.yaml_document(text, str(path))
        found = {(name, entry) for name, entries in data["endpoints"].items() for entry in entries}  # type: ignore[index, union-attr, call-overload]
    except (BadFile, TypeError, KeyError, AttributeError):
        found = set()
    if found != set(wanted):
        raise BadInput(f"{yaml_file.shown(path)}: is not of a form that can be amended line by line; {way_out}")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(prefix=".baseline-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            if path.exists():
                os.chmod(aside, path.stat().st_mode & 0o7777)
            else:
                os.chmod(aside, 0o644)
            os.replace(aside, path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadInput(f"{yaml_file.shown(path)}: cannot be written: {error.strerror or error}; it is as it was") from None
