"""Outcomes to the document that report.json holds, the only source of every format. Pure; a replay's has no clock in it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from harness import __version__, judge
from harness.cassette import in_folder
from harness.model import (
    Endpoint,
    Exchange,
    Finding,
    Judged,
    Level,
    Looked,
    Outcome,
    Reply,
    Request,
    Suite,
    Trial,
    Unanswered,
    Verdict,
)

MOST_CHARACTERS: Final = 6_000
"""Of a body: what is shown of it. A cut is marked."""
MOST_FRAMES: Final = 250

NOT_JUDGED: Final = (Verdict.INCONCLUSIVE, Verdict.SKIPPED, Verdict.ERROR)


def document(
    outcomes: Iterable[Outcome],
    *,
    mode: str,
    started: str,
    suites: Sequence[Suite],
    cassettes: Path | None = None,
    partial: bool = False,
) -> dict[str, Any]:
    """The document; its shape is `schemas/harness/report.json`.

    `started` is when a live run began, ISO 8601; a replay takes its newest recording's date instead. `cassettes` is the
    folder that outcomes of a replay came from.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.trial.key)
    endpoints = {outcome.trial.endpoint.name: outcome.trial.endpoint for outcome in ordered}
    firsts: set[tuple[str, str]] = set()
    results = [_result(outcome, cassettes if mode == "replay" else None, firsts) for outcome in ordered]
    newest = max((outcome.recorded for outcome in ordered if isinstance(outcome, Judged) and outcome.recorded), default=started)
    return {
        "harness": {"name": "chatcompat", "version": __version__},
        "mode": mode,
        "started": newest if mode == "replay" else started,
        "partial": partial,
        "endpoints": {name: _endpoint(endpoint, ordered) for name, endpoint in sorted(endpoints.items())},
        "suites": [_suite(suite, ordered) for suite in suites if any(o.trial.case.suite == suite.id for o in ordered)],
        "protocol": _protocol(ordered),
        "results": results,
    }


def _endpoint(endpoint: Endpoint, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    own = [outcome for outcome in outcomes if outcome.trial.endpoint.name == endpoint.name]
    counts = Counter(str(judge.verdict(outcome)) for outcome in own)
    dates = [outcome.recorded for outcome in own if isinstance(outcome, Judged) and outcome.recorded]
    missing = Counter(_why_not(outcome) for outcome in own if judge.verdict(outcome) in NOT_JUDGED)
    return {
        "title": endpoint.title,
        "model": endpoint.model,
        "dialect": endpoint.dialect,
        "base_url": endpoint.base_url,
        "recorded": max(dates, default=None),
        "server": endpoint.recorded.get("server"),
        "version": endpoint.recorded.get("version"),
        "counts": {str(verdict): counts[verdict] for verdict in Verdict if counts[verdict]},
        "trials": len(own),
        "judged": len(own) - sum(missing.values()),
        "not_judged": dict(sorted(missing.items())),
        "lacks": dict(sorted(endpoint.lacks.items())),
        "known": {name: {"issue": known.issue, "until": known.until} for name, known in sorted(endpoint.known.items())},
    }


def _why_not(outcome: Outcome) -> str:
    """Why nothing was said of the endpoint, without what differs from trial to trial."""
    verdict = judge.verdict(outcome)
    if verdict is Verdict.INCONCLUSIVE:
        return "inconclusive: the model did not play along"
    reason = (judge.reason(outcome) or "no reason known").partition(", whose base case")[0]
    return f"{verdict}: {re.sub(r'(: |;).*', '', reason, flags=re.DOTALL)[:80]}"


def _suite(suite: Suite, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    tried = {outcome.trial.case.feature for outcome in outcomes if outcome.trial.case.suite == suite.id}
    features = [
        {"id": feature.id, "title": feature.title, "optional": feature.optional}
        for feature in suite.features
        if feature.id in tried
    ]
    own = {feature["id"] for feature in features}
    features += [{"id": name, "title": name, "optional": False} for name in sorted(tried - own)]
    return {"id": suite.id, "title": suite.title, "features": features}


# ---------------------------------------------------------------- protocol: standing rule × endpoint


def _protocol(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """For every standing rule and endpoint: in how many of the exchanges that it looked at it was broken."""
    applied: Counter[tuple[str, str]] = Counter()
    broken: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    for outcome in outcomes:
        if not isinstance(outcome, Judged):
            continue
        name = outcome.trial.endpoint.name
        for looked in (looked for attempt in outcome.attempts for looked in attempt.steps):
            applied.update((name, rule) for rule in looked.applied)
            counted = set()
            for finding in looked.findings:
                if finding.kind is not None or finding.level is None:
                    continue
                key = (name, finding.rule, _place(finding))
                row = broken.setdefault(
                    key, {"level": str(finding.level), "count": 0, "cases": [], "message": finding.message, "at": finding.at}
                )
                row["count"] += key not in counted
                counted.add(key)
                case = _case_name(outcome.trial)
                if case not in row["cases"]:
                    row["cases"].append(case)
    rows = [
        {
            "endpoint": name,
            "rule": rule,
            "place": place,
            "level": row["level"],
            "broken": row["count"],
            "of": max(applied[name, rule], row["count"]),
            "cases": row["cases"],
            "message": row["message"],
            "at": row["at"],
        }
        for (name, rule, place), row in broken.items()
    ]
    severity = [str(level) for level in Level]
    return sorted(
        rows, key=lambda row: (row["endpoint"], severity.index(row["level"]), -row["broken"], row["rule"], row["place"] or "")
    )


def _place(finding: Finding) -> str | None:
    """For findings of the contract, which has one rule for all its places: the place without positions."""
    if not finding.rule.startswith("contract.") or finding.at is None:
        return None
    return re.sub(r"/\d+(?=/|$)", "/*", re.sub(r"^chunks/\d+", "chunks/*", finding.at))


def _case_name(trial: Trial) -> str:
    return f"{trial.case.path} (stream)" if trial.stream else trial.case.path


# ---------------------------------------------------------------- results


def _result(outcome: Outcome, cassettes: Path | None, firsts: set[tuple[str, str]]) -> dict[str, Any]:
    trial = outcome.trial
    attempts = outcome.attempts if isinstance(outcome, Judged) else ()
    seen: list[tuple[int, Looked]] = [(number, looked) for number, attempt in enumerate(attempts, 1) for looked in attempt.steps]
    findings = [
        {**_finding(finding), "step": looked.step, "try": number, "exchange": position}
        for position, (number, looked) in enumerate(seen)
        for finding in looked.findings
    ]
    if _is_telling(trial, findings, firsts) or (cassettes is None and any(f["level"] in ("must", "should") for f in findings)):
        exchanges: list[dict[str, Any]] = [_exchange(number, looked) for number, looked in seen]
    else:
        exchanges = []
    result = {
        "endpoint": trial.endpoint.name,
        "case": trial.case.path,
        "title": trial.case.title,
        "stream": trial.stream,
        "feature": trial.case.feature,
        "features": list(trial.case.needs),
        "verdict": str(judge.verdict(outcome)),
        "claims": str(judge.verdict(outcome, of_claims=True)),
        "findings": findings,
        "exchanges": exchanges,
        "reason": judge.reason(outcome),
        "tries": len(attempts),
        "elapsed_ms": round(outcome.elapsed_ms, 1) if isinstance(outcome, Judged) else 0.0,
        "recorded": outcome.recorded if isinstance(outcome, Judged) else None,
    }
    if cassettes is not None and isinstance(outcome, Judged):
        path = in_folder(cassettes, trial)
        result["cassette"] = {
            "path": path.relative_to(cassettes).as_posix(),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None,
        }
    return result


def _is_telling(trial: Trial, findings: list[dict[str, Any]], firsts: set[tuple[str, str]]) -> bool:
    """Are the exchanges to be shown: a claim broken, or a rule for the first time at this endpoint?

    What a cassette holds need not stand in the report a hundred times.
    """
    telling = False
    for finding in findings:
        if finding["level"] == "may":
            continue
        if finding["kind"] is not None:
            telling = True
        elif (key := (trial.endpoint.name, f"{finding['rule']} {_generalised(finding['at'])}")) not in firsts:
            firsts.add(key)
            telling = True
    return telling


def _generalised(at: str | None) -> str:
    return re.sub(r"\d+", "*", at or "")


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "level": None if finding.level is None else str(finding.level),
        "kind": None if finding.kind is None else str(finding.kind),
        "message": finding.message,
        "at": finding.at,
    }


def _exchange(number: int, looked: Looked) -> dict[str, Any]:
    seen = looked.seen
    shown: dict[str, Any] = {"step": looked.step, "try": number, "request": _request(seen.request)}
    if isinstance(seen, Unanswered):
        return {**shown, "reply": None, "silence": str(seen.silence), "message": seen.message}
    assert isinstance(seen, Exchange)
    return {**shown, "reply": _reply(seen.reply)}


def _request(request: Request) -> dict[str, Any]:
    content = request.content.decode("utf-8", "replace") if request.content is not None else None
    body, cut = _capped(content or "")
    shown = {"method": request.method, "path": request.path, "headers": dict(request.headers), "without": list(request.without)}
    return {**shown, "body": None if content is None else body, "cut": cut}


def _reply(reply: Reply) -> dict[str, Any]:
    text = reply.content.decode("utf-8", "replace")
    body, cut = _capped(text)
    return {
        "status": reply.status,
        "headers": [[name, value] for name, value in reply.headers if not _private(name)],
        "body": body,
        "cut": cut,
        "frames": [[round(frame.at_ms, 1), len(frame.data)] for frame in reply.frames[:MOST_FRAMES]],
        "ended": str(reply.ended),
        "earlier": [earlier.status for earlier in reply.earlier],
    }


def _private(name: str) -> bool:
    return name in ("set-cookie", "openai-organization", "openai-project") or "authorization" in name


def _capped(text: str) -> tuple[str, int]:
    """The text's beginning, and how many characters were left out."""
    return text[:MOST_CHARACTERS], max(0, len(text) - MOST_CHARACTERS)
