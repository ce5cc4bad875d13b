"""What the Python drivers share: the tasks, and the loop over servers. Reads `[[fault, url], …]`, writes a JSON line each."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

TASKS: dict[str, str] = json.loads((Path(__file__).parent / "tasks.json").read_text())
SHARED = ("client", "user", "plain", "streamed", "in_order", "model")
SECONDS = 8.0


def answered(error: Any) -> Any:
    """What a program learns of a refusal."""
    body = getattr(error, "body", None)
    message = body.get("message") if isinstance(body, dict) else None
    return [type(error).__name__, message]


def main(driver: ModuleType) -> None:
    tasks = {
        name: function
        for name, function in vars(driver).items()
        if isinstance(function, FunctionType)
        and function.__module__ == driver.__name__
        and name not in SHARED
        and not name.startswith("_")
    }
    for fault, url in json.load(sys.stdin):
        print(json.dumps({"fault": fault, "came": {name: _came(function, url) for name, function in tasks.items()}}), flush=True)


def _came(function: Any, url: str) -> Any:
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append({"value": function(url)})
        except Exception as error:  # noqa: BLE001 - whatever a client raises is what came of it
            outcome.append({"error": f"{type(error).__name__}: {str(error)[:160]}"})

    began = time.monotonic()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    if not outcome or time.monotonic() - began > 2.5:
        return {"error": "hangs" + (f": {outcome[0]['error'][:100]}" if outcome and "error" in outcome[0] else "")}
    return outcome[0]
