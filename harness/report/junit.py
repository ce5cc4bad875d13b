"""junit.xml: for CI systems, a test suite for each endpoint and suite, a test case for each trial.

What Jenkins' schema (junit-10.xsd) allows, and in its order. `fail` and `ignored` are failures, `error` is an error;
`inconclusive`, `unsupported` and `skipped` are skipped with their reason, and so is a failure that was accepted before, and
what passes at times only; `warn` passes, and says what it is about. A test case is told from others by `classname` and
`name`, as GitLab does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from harness.model import Verdict
from harness.report import Document, chance
from harness.report.accepted import accepted, said
from harness.report.marks import MARKS
from harness.report.matrix import not_held, trial

FILE: Final = "junit.xml"

_FAILED: Final = (Verdict.FAIL, Verdict.IGNORED)
_SKIPPED: Final = (Verdict.INCONCLUSIVE, Verdict.UNSUPPORTED, Verdict.SKIPPED)
_MOST_FINDINGS: Final = 20


def text(document: Document) -> str:
    """The XML document."""
    suites: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in document["results"]:
        suites.setdefault((result["endpoint"], result["case"].partition("/")[0]), []).append(result)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites name={_attribute(document['harness']['name'])} {_totals(document, document['results'], skipped=False)}>",
    ]
    for (endpoint, suite), results in suites.items():
        lines += _suite(document, endpoint, suite, results)
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _totals(document: Document, results: Sequence[Mapping[str, Any]], *, skipped: bool) -> str:
    told = [_told_as(document, result) for result in results]
    counts = {"tests": len(results), "failures": told.count("failure"), "errors": told.count("error")}
    if skipped:
        counts["skipped"] = told.count("skipped")
    written = " ".join(f'{name}="{count}"' for name, count in counts.items())
    return f'{written} time="{_seconds(sum(result["elapsed_ms"] for result in results))}"'


def _told_as(document: Document, result: Mapping[str, Any]) -> str | None:
    """The element that says what came of a trial; None where it passed."""
    verdict = result["verdict"]
    if verdict in _SKIPPED or chance.flaky(result) or accepted(document, result) is not None:
        return "skipped"
    return "failure" if verdict in _FAILED else "error" if verdict == Verdict.ERROR else None


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f}"


def _suite(document: Document, endpoint: str, suite: str, results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    profile = document["endpoints"][endpoint]
    began = profile["recorded"] or document["started"]
    stamp = f" timestamp={_attribute(str(began).removesuffix('Z'))}" if began else ""
    yield f"  <testsuite name={_attribute(_class(endpoint, suite))} {_totals(document, results, skipped=True)}{stamp}>"
    yield "    <properties>"
    for name in ("title", "model", "dialect"):
        yield f'      <property name="{name}" value={_attribute(profile[name] or "")}/>'
    if partial := not_held(document):
        yield f'      <property name="partial" value={_attribute("; ".join(partial))}/>'
    yield "    </properties>"
    for result in results:
        yield from _case(document, endpoint, suite, result)
    yield "  </testsuite>"


def _class(endpoint: str, suite: str) -> str:
    """What groups test cases; recorded traffic may be in a folder that has no name."""
    return f"{endpoint}.{suite}" if suite else endpoint


def _case(document: Document, endpoint: str, suite: str, result: Mapping[str, Any]) -> Iterator[str]:
    verdict = result["verdict"]
    name = trial(result).partition("/")[2]
    head = (
        f"    <testcase name={_attribute(name)} classname={_attribute(_class(endpoint, suite))}"
        f' time="{_seconds(result["elapsed_ms"])}"'
    )
    whole = "\n".join([result["title"], *details(result)])
    if verdict == Verdict.PASS and not chance.flaky(result):
        yield f"{head}/>"
        return
    yield f"{head}>"
    short = f"{verdict}: {in_short(result)}"
    if known := accepted(document, result):
        short = f"{said(known)}; {short}"
    elif chance.flaky(result):
        short = f"flaky: {chance.in_short(result)}; {short}"
    told = _told_as(document, result)
    if told == "skipped":
        yield f"      <skipped message={_attribute(short)}/>"
        yield f"      <system-out>{_content(whole)}</system-out>"
    elif told is not None:
        yield f'      <{told} type="{verdict}" message={_attribute(short)}>{_content(whole)}</{told}>'
    else:
        yield f"      <system-out>{_content(f'{short}{chr(10)}{whole}')}</system-out>"
    yield "    </testcase>"


def in_short(result: Mapping[str, Any]) -> str:
    """Why, in one line: the finding that decides, or the reason."""
    wanted = {Verdict.FAIL: "must", Verdict.WARN: "should"}.get(Verdict(result["verdict"]))
    decided = [one for one in result["findings"] if one["level"] == wanted and (wanted or one["kind"])]
    if decided:
        return f"{decided[0]['rule']}: {decided[0]['message']}"
    return str(result["reason"] or MARKS[result["verdict"]].meaning)


def details(result: Mapping[str, Any]) -> Iterator[str]:
    if result["reason"]:
        yield str(result["reason"])
    for one in result["findings"][:_MOST_FINDINGS]:
        level = one["level"] or one["kind"]
        yield f"{level} {one['rule']} at {one['at'] or 'the reply'} (step {one['step']}, try {one['try']}): {one['message']}"
    if len(result["findings"]) > _MOST_FINDINGS:
        yield f"and {len(result['findings']) - _MOST_FINDINGS} more"


def _attribute(text: str) -> str:
    return quoteattr(_legal(text.replace("\n", " ")))


def _content(text: str) -> str:
    return escape(_legal(text))


def _legal(text: str) -> str:
    """Text without what cannot be seen, so without what XML 1.0 cannot hold too."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == "\n" else f"\\u{ord(character):04x}" for character in text
    )
