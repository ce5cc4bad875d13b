"""junit.xml: for CI servers. A test suite is an endpoint × suite, a test case a trial."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

FILE = "junit.xml"

_NOT_GREEN = ("unsupported", "inconclusive", "skipped")
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(document: Mapping[str, Any]) -> str:
    """`fail` and `ignored` are failures, `error` an error; what was not judged is skipped, with the reason."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in document["results"]:
        groups.setdefault((result["endpoint"], result["case"].partition("/")[0]), []).append(result)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for (endpoint, suite), results in groups.items():
        verdicts = [result["verdict"] for result in results]
        counts = (
            f'tests="{len(results)}" failures="{sum(v in ("fail", "ignored") for v in verdicts)}" '
            f'errors="{verdicts.count("error")}" skipped="{sum(v in _NOT_GREEN for v in verdicts)}"'
        )
        seconds = sum(result["elapsed_ms"] for result in results) / 1000
        stamp = _attribute(document["started"].removesuffix("Z"))
        name = _attribute(f"{endpoint}.{suite}")
        lines.append(f'  <testsuite name={name} {counts} time="{seconds:.3f}" timestamp={stamp} hostname={_attribute(endpoint)}>')
        lines.extend(line for result in results for line in _case(endpoint, suite, result))
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _case(endpoint: str, suite: str, result: Mapping[str, Any]) -> list[str]:
    name = result["case"].partition("/")[2] + (" (stream)" if result["stream"] else "")
    verdict = result["verdict"]
    said = "\n".join(_line(finding) for finding in result["findings"] if finding["level"] != "may")
    message = next(
        (finding["message"] for finding in result["findings"] if finding["level"] != "may"), result["reason"] or verdict
    )
    where = f"name={_attribute(name)} classname={_attribute(f'{endpoint}.{suite}')}"
    head = f'    <testcase {where} time="{result["elapsed_ms"] / 1000:.3f}"'
    if verdict in ("fail", "ignored"):
        inner = f"      <failure message={_attribute(message)} type={_attribute(verdict)}>{_text(said or message)}</failure>"
    elif verdict == "error":
        inner = f'      <error message={_attribute(result["reason"] or message)} type="error"></error>'
    elif verdict in _NOT_GREEN:
        said = f"{verdict}: {result['reason'] or message}"
        inner = f"      <skipped message={_attribute(said)}></skipped>"
    elif verdict == "warn":
        inner = f"      <system-out>{_text(said)}</system-out>"
    else:
        return [f"{head}/>"]
    return [f"{head}>", inner, "    </testcase>"]


def _line(finding: Mapping[str, Any]) -> str:
    place = f" at {finding['at']}" if finding["at"] else ""
    return f"{(finding['level'] or finding['kind'] or '').upper()} {finding['rule']}{place}: {finding['message']}"


def _attribute(value: str) -> str:
    return quoteattr(_ILLEGAL.sub("\ufffd", value))


def _text(value: str) -> str:
    return escape(_ILLEGAL.sub("\ufffd", value))
