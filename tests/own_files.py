"""The schemas of our own files, as an editor uses them, for the tests that hold them against the loader."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from harness import resources

HERE = "# <<"
"""Marks, in the texts of these tests, the line that a slip is about."""


def marked(text: str) -> list[int]:
    """The numbers of the marked lines."""
    return [number for number, line in enumerate(text.splitlines(), 1) if HERE in line]


def write(folder: Path, text: str, name: str = "tools.yaml") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@functools.cache
def of_schema(name: str) -> Draft202012Validator:
    """The validator of `schemas/harness/NAME.json`, with those beside it."""
    files = {file.stem: json.loads(file.read_text()) for file in sorted((resources.SCHEMAS / "harness").glob("*.json"))}
    Draft202012Validator.check_schema(files[name])
    known: Any = ((file["$id"], Resource.from_contents(file)) for file in files.values() if "$id" in file)
    return Draft202012Validator(files[name], registry=Registry().with_resources(known))
