"""report.json: the document itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

FILE = "report.json"


def render(document: Mapping[str, Any]) -> str:
    """The document, readable in a diff: short values on one line, one result a block."""
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=False) + "\n"
