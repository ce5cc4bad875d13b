"""ctrf-report.json: the Common Test Report Format, for tools that read it.

https://ctrf.io says what the keys mean. `fail` and `ignored` are failed, and other where that was accepted before; `pass` and
`warn` passed; `error` is other, and so is what passes in some of its repeats only; what says nothing of the endpoint, or was
refused honestly, is skipped. `rawStatus` has the verdict. `flaky` is what passed at a later try.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from harness.model import Verdict
from harness.report import Document, chance
from harness.report.accepted import accepted, said
from harness.report.json_ import readable
from harness.report.junit import details, in_short
from harness.report.matrix import trial

FILE: Final = "ctrf-report.json"

_STATUS: Final = {
    Verdict.PASS: "passed",
    Verdict.WARN: "passed",
    Verdict.IGNORED: "failed",
    Verdict.UNSUPPORTED: "skipped",
    Verdict.FAIL: "failed",
    Verdict.INCONCLUSIVE: "skipped",
    Verdict.SKIPPED: "skipped",
    Verdict.ERROR: "other",
}
_STATUSES: Final = ("passed", "failed", "pending", "skipped", "other")


def text(document: Document) -> str:
    """The JSON document."""
    tests = [_test(document, result) for result in document["results"]]
    counted = Counter(test["status"] for test in tests)
    began = document["started"]
    start = int(datetime.fromisoformat(began).timestamp() * 1000) if began else 0
    taken = round(sum(result["elapsed_ms"] for result in document["results"]))
    made: dict[str, Any] = {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "generatedBy": f"{document['harness']['name']} {document['harness']['version']}",
        "results": {
            "tool": {"name": document["harness"]["name"], "version": document["harness"]["version"]},
            "summary": {
                "tests": len(tests),
                **{status: counted[status] for status in _STATUSES},
                "flaky": sum(test.get("flaky", False) for test in tests),
                "start": start,
                "stop": start + taken,
                "duration": taken,
            },
            "tests": tests,
        },
    }
    return readable(made) + "\n"


def _test(document: Document, result: Mapping[str, Any]) -> dict[str, Any]:
    verdict = Verdict(result["verdict"])
    made: dict[str, Any] = {
        "name": f"{result['endpoint']} {trial(result)}",
        "status": _STATUS[verdict],
        "duration": round(result["elapsed_ms"]),
        "suite": [result["endpoint"], result["case"].partition("/")[0]],
        "rawStatus": verdict.value,
        "tags": list(result["features"]),
    }
    if verdict is not Verdict.PASS:
        made |= {"message": in_short(result), "trace": "\n".join([result["title"], *details(result)])}
    known = accepted(document, result)
    if known is not None:
        made |= {"status": "other", "message": f"{said(known)}; {made['message']}", "extra": {"known": dict(known)}}
    elif chance.flaky(result):
        made |= {"status": "other", "rawStatus": chance.FLAKY, "message": f"flaky: {chance.in_short(result)}"}
    if result["tries"] > 1:
        made |= {"retries": result["tries"] - 1, "flaky": made["status"] == "passed"}
    return made
