"""How the benchmarks measure, and the traffic that they measure on.

Two things are compared by turns, in one process and one run, and each counts with its best turn: what else the machine
does then falls on both, and the ratio holds on any machine. A figure beyond its bound ends a script with exit code 1.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping

from harness.model import Frame, Reply

TURNS = 15


def cpu_ms(runs: Mapping[str, Callable[[], object]], turns: int = TURNS) -> dict[str, float]:
    """The least CPU time of this process, in milliseconds, that each run took in its turns."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(turns):
        for name, run in runs.items():
            started = time.process_time()
            run()
            best[name] = min(best[name], (time.process_time() - started) * 1000)
    return best


class Sheet:
    """Figures, a line each, and whether all that have a bound are within it."""

    def __init__(self) -> None:
        self.within = True

    def line(self, what: str, value: float, unit: str, at_most: float | None = None) -> None:
        """Write a figure down; `at_most` is its bound."""
        kept = at_most is None or value <= at_most
        self.within = self.within and kept
        bound = "" if at_most is None else f"   at most {at_most:g} {unit}: {'kept' if kept else 'BROKEN'}"
        sys.stdout.write(f"{what:<58} {value:9.2f} {unit:<3}{bound}\n")
        sys.stdout.flush()

    def finish(self) -> None:
        """End the script: exit code 1 where a bound is broken."""
        sys.exit(0 if self.within else 1)


def chat_stream(chunks: int, fingerprint: str | None = None) -> Reply:
    """A stream as api.openai.com writes it, an event a frame: that many chunks, then `[DONE]`.

    Newer models send no fingerprint but null, which the published document forbids: a note on every chunk.
    """

    def event(delta: dict[str, object], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        document = {
            "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
            "object": "chat.completion.chunk",
            "created": 1741569952,
            "model": "reference-1",
            "service_tier": "default",
            "system_fingerprint": fingerprint,
            "choices": [choice],
            "obfuscation": "k8fQ2",
        }
        return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"

    bodies = [
        event({"role": "assistant", "content": "", "refusal": None}),
        *(event({"content": f" word{number}"}) for number in range(chunks - 2)),
        event({}, "stop"),
        b"data: [DONE]\n\n",
    ]
    return Reply(
        status=200,
        headers=(("content-type", "text/event-stream; charset=utf-8"), ("x-request-id", "req_1")),
        frames=tuple(Frame(at_ms=100.0 + 5 * number, data=body) for number, body in enumerate(bodies)),
    )
