"""The whole report, of which every other format is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

FILE: Final = "report.json"


def text(document: Mapping[str, Any]) -> str:
    """The document."""
    return readable(document) + "\n"


def readable(value: Any, *, width: int = 130, indent: int = 0) -> str:
    """JSON for reading and for diffs: what fits a line of `width` stands on one, everything else a member a line."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or indent + len(flat) <= width:
        return flat
    blanks = " " * (indent + 1)
    if isinstance(value, dict):
        members = [
            f"{blanks}{json.dumps(key, ensure_ascii=False)}: {readable(item, width=width, indent=indent + 1)}"
            for key, item in value.items()
        ]
        return "{\n" + ",\n".join(members) + "\n" + " " * indent + "}"
    items = [f"{blanks}{readable(item, width=width, indent=indent + 1)}" for item in value]
    return "[\n" + ",\n".join(items) + "\n" + " " * indent + "]"
