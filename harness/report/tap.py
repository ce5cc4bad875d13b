"""results.tap: the Test Anything Protocol, version 14, a test point for each trial.

https://testanything.org/tap-version-14-specification.html. What says nothing of the endpoint is `# SKIP` with its reason, a
failure that was accepted before, and what passes at times only, `# TODO`; a failed point carries its findings in a YAML block.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.model import Verdict
from harness.report import Document, chance
from harness.report.accepted import accepted, said
from harness.report.junit import in_short
from harness.report.matrix import plain, trial

FILE: Final = "results.tap"

_NOT_OK: Final = (Verdict.FAIL, Verdict.IGNORED, Verdict.ERROR)
_SKIPPED: Final = (Verdict.INCONCLUSIVE, Verdict.UNSUPPORTED, Verdict.SKIPPED)
_MOST_FINDINGS: Final = 20


def text(document: Document) -> str:
    """The lines."""
    plan = f"1..{len(document['results'])}"
    lines = ["TAP version 14", plan if document["results"] else f"{plan} # nothing was held"]
    for number, result in enumerate(document["results"], 1):
        lines += _point(document, number, result)
    return "\n".join(lines) + "\n"


def _point(document: Document, number: int, result: Mapping[str, Any]) -> Iterator[str]:
    verdict = Verdict(result["verdict"])
    flaky = chance.flaky(result)
    outcome = "not ok" if verdict in _NOT_OK or flaky else "ok"
    known = accepted(document, result)
    directive = f" # SKIP {_words(f'{verdict}: {in_short(result)}')}" if verdict in _SKIPPED else ""
    if known is not None or flaky:
        directive = f" # TODO {_words(said(known) if known else f'flaky: {chance.in_short(result)}')}"
    yield f"{outcome} {number} - {_words(result['endpoint'])} {_words(trial(result))}{directive}"
    if verdict in _SKIPPED or (verdict is Verdict.PASS and not flaky):
        return
    yield "  ---"
    yield f"  verdict: {verdict.value}"
    yield f"  message: {_quoted(in_short(result))}"
    if result["findings"]:
        yield "  findings:"
        for finding in result["findings"][:_MOST_FINDINGS]:
            level, where = finding["level"] or finding["kind"], finding["at"] or "the reply"
            yield "    - " + _quoted(f"{level} {finding['rule']} at {where}: {finding['message']}")
    yield "  ..."


def _words(text: str) -> str:
    """Text in a line of TAP: a `#` would begin a directive."""
    return plain(text).replace("\\", "\\\\").replace("#", "\\#")


def _quoted(text: str) -> str:
    """A YAML scalar: JSON's strings are such."""
    return json.dumps(plain(text), ensure_ascii=False)
