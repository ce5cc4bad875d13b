"""results.tap: the Test Anything Protocol, version 14, a test point for each trial.

https://testanything.org/tap-version-14-specification.html. What says nothing of the endpoint is `# SKIP` with its reason; a
failed point carries its findings in a YAML block.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.model import Verdict
from harness.report import Document
from harness.report.junit import in_short
from harness.report.matrix import plain, trial

FILE: Final = "results.tap"

_NOT_OK: Final = (Verdict.FAIL, Verdict.IGNORED, Verdict.ERROR)
_SKIPPED: Final = (Verdict.INCONCLUSIVE, Verdict.UNSUPPORTED, Verdict.SKIPPED)
_MOST_FINDINGS: Final = 20


def text(document: Document) -> str:
    """The lines."""
    lines = ["TAP version 14", f"1..{len(document['results'])}"]
    for number, result in enumerate(document["results"], 1):
        lines += _point(number, result)
    return "\n".join(lines) + "\n"


def _point(number: int, result: Mapping[str, Any]) -> Iterator[str]:
    verdict = Verdict(result["verdict"])
    outcome = "not ok" if verdict in _NOT_OK else "ok"
    skipped = f" # SKIP {_words(in_short(result))}" if verdict in _SKIPPED else ""
    yield f"{outcome} {number} - {_words(result['endpoint'])} {_words(trial(result))}{skipped}"
    if verdict in (Verdict.PASS, *_SKIPPED):
        return
    yield "  ---"
    yield f"  verdict: {verdict.value}"
    yield f"  message: {_quoted(in_short(result))}"
    if result["findings"]:
        yield "  findings:"
        for finding in result["findings"][:_MOST_FINDINGS]:
            level, where = finding["level"] or finding["kind"], finding["at"] or "the reply"
            said = f"{level} {finding['rule']} at {where}: {finding['message']}"
            yield f"    - {_quoted(said)}"
    yield "  ..."


def _words(said: str) -> str:
    """Text in a line of TAP: a `#` would begin a directive."""
    return plain(said).replace("\\", "\\\\").replace("#", "\\#")


def _quoted(said: str) -> str:
    """A YAML scalar: JSON's strings are such."""
    return json.dumps(plain(said), ensure_ascii=False)
