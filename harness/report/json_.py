"""The whole report, of which every other format is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

FILE = "report.json"


def text(document: Mapping[str, Any]) -> str:
    """The document, indented so that a change shows in a diff."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
