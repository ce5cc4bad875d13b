"""badge.json: a shields.io endpoint, with how many of the judged trials real clients can live with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

FILE = "badge.json"


def render(document: Mapping[str, Any]) -> str:
    """For one endpoint its share, for several how many have no `fail` and no `ignored`."""
    judged = [r["verdict"] for r in document["results"] if r["verdict"] not in ("error", "inconclusive", "skipped")]
    good = sum(verdict in ("pass", "warn", "unsupported") for verdict in judged)
    share = good / len(judged) if judged else 0.0
    message = f"{good} of {len(judged)}" if judged else "not judged"
    colour = "brightgreen" if judged and good == len(judged) else "yellow" if share >= 0.9 else "red" if judged else "lightgrey"
    badge = {"schemaVersion": 1, "label": "chat completions", "message": message, "color": colour}
    return json.dumps(badge, ensure_ascii=False) + "\n"
