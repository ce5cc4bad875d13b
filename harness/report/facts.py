"""What is said of an endpoint in a line each, beside its verdicts: its model, what was spent, how often its trials pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from harness.report import Document, chance, learned
from harness.report.matrix import number, trial

_MOST_FLAKY: Final = 8


def of(document: Document, endpoint: str) -> list[str]:
    """The lines, as words that begin in lower case."""
    about = document["endpoints"][endpoint]
    results = [one for one in document["results"] if one["endpoint"] == endpoint]
    flaky = [one for one in results if chance.flaky(one)]
    said = [learned.said(about.get("learned")), spent(about.get("spent")), chance.said(results)]
    said += [f"flaky: {trial(one)}: {chance.in_short(one)}" for one in flaky[:_MOST_FLAKY]]
    if len(flaky) > _MOST_FLAKY:
        said.append(f"flaky: {len(flaky) - _MOST_FLAKY} more")
    return [line for line in said if line]


def paragraphs(document: Document, endpoint: str, escaped: Callable[[str], str]) -> str:
    """How much was judged, what was spent, and how often trials pass, for a page."""
    about = document["endpoints"][endpoint]
    model = learned.said(about.get("learned"))
    said = [f"{about['judged']} of {number(about['trials'], 'trial')} judged"]
    said += [line for line in of(document, endpoint) if line != model]
    return "".join(f'<p class="about">{escaped(line)}</p>' for line in said)


def spent(found: Mapping[str, Any] | None) -> str:
    """What was spent, in words; nothing where nothing was sent, or nobody counted."""
    if not found or not found["requests"]:
        return ""
    retries = f" ({number(found['retries'], 'retry').replace('retrys', 'retries')})" if found["retries"] else ""
    tokens = f"{found['prompt_tokens']} tokens of input and {found['completion_tokens']} of output"
    estimated = f" ({found['estimated']} of them estimated)" if found["estimated"] else ""
    money = f", {found['money']['amount']:.4f} {found['money']['currency']}" if found["money"] else ""
    return f"spent: {number(found['requests'], 'request')}{retries}, {tokens}{estimated}{money}"
