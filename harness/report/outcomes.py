"""Outcomes to the report's document, deterministically: sorted, and nothing in it from the clock."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from harness import __version__, cost, judge, load
from harness.catalogue import OF_THE_JUDGE
from harness.cost import Spent
from harness.model import (
    Accepted,
    Endpoint,
    Exchange,
    Judged,
    Kind,
    Level,
    Looked,
    Other,
    Outcome,
    Reply,
    Request,
    Suite,
    Trial,
    Verdict,
)
from harness.report import accepted, chance, claimed, client_verdicts, evidence, learned, protocol
from harness.report.digest import digests
from harness.report.grouping import by_endpoint
from harness.report.places import Span, located
from harness.report.reasons import REPEATS, inconclusive, not_held
from harness.rule import all_rules

NOT_JUDGED: Final = (Verdict.INCONCLUSIVE, Verdict.SKIPPED, Verdict.ERROR)
"""They say nothing of the endpoint."""

_SECRET: Final = re.compile(
    r"(^|[^a-z0-9])(api|access)?(auth|authorization|bearer|cookie|token|secret|password|passwd|credentials?|key|session|signature)"
    r"s?([^a-z0-9]|$)"
)
_MOST_FINDINGS: Final = 200  # of one trial: a broken stream may have thousands, all alike


class Results:
    """The results of outcomes as they end: what was exchanged goes into them, and need not be held beside them."""

    def __init__(self, cassettes: Path | None) -> None:
        self._cassettes = cassettes
        self._results: dict[tuple[str, str, str, bool], dict[str, Any]] = {}

    def keep(self, outcome: Outcome) -> Outcome:
        """Takes the result of an outcome; the outcome without the bodies of what was exchanged."""
        self._results[outcome.trial.key] = _result(outcome, self._cassettes)
        if not isinstance(outcome, Judged):
            return outcome
        attempts = tuple(replace(one, steps=tuple(map(_without_bodies, one.steps))) for one in outcome.attempts)
        return replace(outcome, attempts=attempts)

    def known(self, results: Mapping[tuple[str, str, str, bool], dict[str, Any]]) -> None:
        """Takes results that an earlier run wrote down."""
        self._results.update(results)

    def of(self, outcome: Outcome) -> dict[str, Any]:
        """The result of an outcome, taken before or now."""
        return self._results.get(outcome.trial.key) or _result(outcome, self._cassettes)


def _without_bodies(looked: Looked) -> Looked:
    if not isinstance(looked.seen, Exchange):
        return looked
    request = Request(method=looked.seen.request.method, path=looked.seen.request.path)
    return replace(looked, seen=Other(request=request, reply=Reply(status=looked.seen.reply.status)))


def assembled(
    outcomes: Sequence[Outcome],
    *,
    mode: str,
    suites: Sequence[Suite],
    endpoints: Sequence[Endpoint],
    started: str | None,
    cassettes: Path | None,
    results: Results | None = None,
    spent: Callable[[str], Spent] | None = None,
) -> dict[str, Any]:
    """See `harness.report.document`."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.trial.key)
    profiles = {endpoint.name: endpoint for endpoint in endpoints}
    profiles.update((outcome.trial.endpoint.name, outcome.trial.endpoint) for outcome in ordered)
    taken = results or Results(cassettes)
    found = [taken.of(outcome) for outcome in ordered]
    names = sorted(profiles)
    rules = {rule.id: {"level": rule.level.value, "summary": rule.summary} for rule in all_rules()}
    rules.update((rule.id, {"level": rule.level.value, "summary": rule.summary}) for rule in OF_THE_JUDGE.values())
    recorded = [outcome.recorded for outcome in ordered if isinstance(outcome, Judged) and outcome.recorded]
    tally = protocol.counted(ordered)
    own = by_endpoint(found)
    own_outcomes: dict[str, list[Outcome]] = {}
    for outcome in ordered:
        own_outcomes.setdefault(outcome.trial.endpoint.name, []).append(outcome)
    described = {
        name: _endpoint(
            profiles[name],
            own_outcomes.get(name, []),
            own.get(name, []),
            tally.documents(name),
        )
        | ({} if spent is None else {"spent": cost.shown(profiles[name], spent(name))})
        for name in names
    }
    features = _features(suites, ordered)
    document = {
        "harness": {"name": "chatcompat", "version": __version__},
        "mode": mode,
        "started": started or max(recorded, default=None),
        "partial": bool(missing := not_held_by_reason(found)),
        "not_held": missing,
        "counts": counts(found),
        "endpoints": described,
        "features": features,
        "claimed": claimed.rows(described, features, found),
        "clients": client_verdicts.section(load.clients(), described, found),
        "rules": rules,
        "protocol": tally.rows(names, {name: Level(rule["level"]) for name, rule in rules.items()}),
        "results": found,
    }
    return accepted.marked(document)


def counts(results: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many results of each verdict, all verdicts named."""
    counted = Counter(result["verdict"] for result in results)
    return {verdict.value: counted[verdict.value] for verdict in Verdict}


# ---------------------------------------------------------------- endpoints and features


def _endpoint(
    endpoint: Endpoint, outcomes: Sequence[Outcome], results: Sequence[dict[str, Any]], documents: dict[str, int]
) -> dict[str, Any]:
    held = [outcome for outcome in outcomes if isinstance(outcome, Judged)]
    seen = [looked.seen for outcome in held for attempt in outcome.attempts for looked in attempt.steps]
    return {
        "title": endpoint.title,
        "model": endpoint.model,
        "dialect": endpoint.dialect,
        "recorded": max((outcome.recorded for outcome in held if outcome.recorded), default=None),
        "server": dict(endpoint.recorded),
        "base_url": _public(endpoint.base_url),
        "headers": {name: _template(name, value) for name, value in endpoint.headers.items()},
        "query": {name: _template(name, value) for name, value in endpoint.query.items()},
        "models": dict(endpoint.models),
        "has": claimed.stated(endpoint.has),
        "lacks": claimed.stated(endpoint.lacks),
        "known": {name: accepted_entry(one) for name, one in sorted(endpoint.known.items())},
        "notes": endpoint.notes,
        "learned": learned.facts(endpoint, outcomes),
        **of_results(results),
        "exchanges": sum(isinstance(one, Exchange) for one in seen),
        "documents": documents,
    }


def accepted_entry(one: Accepted) -> dict[str, Any]:
    """An accepted failure, as a report has it."""
    more = {"reason": one.reason, "owner": one.owner, "place": one.place}
    return {"issue": one.issue, "until": one.until, **{key: value for key, value in more.items() if value}}


def of_results(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a report says of an endpoint by its results alone."""
    return {
        "verdicts": counts(results),
        "trials": len(results),
        "judged": sum(Verdict(result["verdict"]) not in NOT_JUDGED for result in results),
        "not_judged": _not_judged(results),
        "elapsed_ms": round(sum(result["elapsed_ms"] for result in results), 1),
    }


def not_held_by_reason(results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was planned and not held, by reason: of that the report says nothing."""
    all_of = list(results)
    found = [result for result in all_of if result["verdict"] in (Verdict.SKIPPED, Verdict.ERROR)]
    reasons = Counter(why for result in found if (why := not_held(str(result["reason"]))))
    reasons[REPEATS] += sum(repeats[-1]["verdict"] == Verdict.SKIPPED for result in all_of if (repeats := result.get("repeats")))
    return [{"why": why, "count": count} for why, count in sorted(reasons.items()) if count]


def _public(url: str) -> str:
    """A base URL without what may be a credential."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _template(name: str, value: str) -> str:
    """A header of a profile, whose secrets are `${NAME}`; what may be a credential and is not named is not repeated."""
    return value if "${" in value or not _SECRET.search(name.lower()) else "…"


def _not_judged(results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was not judged, and why: the most frequent reason first."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if Verdict(result["verdict"]) in NOT_JUDGED:
            trial = result["case"] + (":stream" if result["stream"] else "")
            reasons.setdefault((result["verdict"], _why_not(result)), []).append(trial)
    ordered = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    return [{"verdict": verdict, "reason": why, "count": len(cases), "cases": cases} for (verdict, why), cases in ordered]


def _why_not(result: dict[str, Any]) -> str:
    if result["verdict"] == Verdict.INCONCLUSIVE:
        return inconclusive(result["findings"])
    reason = str(result["reason"] or "no reason is known")
    return not_held(reason) or reason


def _features(suites: Sequence[Suite], outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """The rows of the matrix, in the order of the suites: only those that some trial puts under test."""
    tested = {outcome.trial.case.feature: outcome.trial.case.suite for outcome in outcomes}
    rows: list[dict[str, Any]] = []
    order = {feature.id: place for place, feature in enumerate(feature for suite in suites for feature in suite.features)}
    for suite in suites:
        bases: dict[str, str] = {}
        for case in suite.cases:
            bases.setdefault(case.feature, case.path)
        for feature in suite.features:
            if tested.pop(feature.id, None) is not None:
                row = _row(feature.id, feature.title, feature.optional, suite.id, suite.title)
                rows.append({**row, "base": bases.get(feature.id), "order": order[feature.id]})
    rows.extend(_row(feature, feature, False, suite, suite) for feature, suite in sorted(tested.items()))
    return rows


def _row(feature: str, title: str, optional: bool, suite: str, suite_title: str) -> dict[str, Any]:
    return {"id": feature, "title": title, "optional": optional, "suite": suite, "suite_title": suite_title}


# ---------------------------------------------------------------- results


def _result(outcome: Outcome, cassettes: Path | None) -> dict[str, Any]:
    trial = outcome.trial
    verdict = judge.verdict(outcome)
    attempts = outcome.attempts if isinstance(outcome, Judged) else ()
    held = [(number, looked) for number, attempt in enumerate(attempts, 1) for looked in attempt.steps]
    spans = [_spans(looked) for _, looked in held]
    return {
        "endpoint": trial.endpoint.name,
        "case": trial.case.path,
        "stream": trial.stream,
        "title": trial.case.title,
        "features": list(trial.case.needs),
        "verdict": verdict.value,
        "claims": judge.verdict(outcome, of_claims=True).value,
        "findings": _findings(held, spans),
        "exchanges": _exchanges(trial, verdict, held, spans, cassettes),
        "reason": judge.reason(outcome),
        "tries": len(attempts),
        "elapsed_ms": round(outcome.elapsed_ms, 1) if isinstance(outcome, Judged) else 0.0,
        **(_repeats(outcome) if isinstance(outcome, Judged) and outcome.repeats else {}),
        **digests([looked.seen.on_the_wire for _, looked in held if isinstance(looked.seen, Exchange)]),
    }


def _repeats(outcome: Judged) -> dict[str, Any]:
    """Each repeat in short, and how often the trial passed."""
    return {
        "repeats": [
            {
                "verdict": one.verdict.value,
                **({"rules": list(one.rules)} if one.rules else {}),
                "elapsed_ms": round(one.elapsed_ms, 1),
            }
            for one in outcome.repeats
        ],
        "passed": chance.passed([one.verdict.value for one in outcome.repeats]),
    }


def _spans(looked: Looked) -> list[Span | None]:
    """The bytes that each finding is about."""
    return [located(looked.seen.on_the_wire, one.at) if isinstance(looked.seen, Exchange) else None for one in looked.findings]


def _findings(held: Sequence[tuple[int, Looked]], spans: Sequence[Sequence[Span | None]]) -> list[dict[str, Any]]:
    return [
        {
            "rule": finding.rule,
            "level": finding.level.value if finding.level else None,
            "kind": finding.kind.value if finding.kind else None,
            "message": finding.message,
            "at": finding.at,
            "bytes": list(span) if span else None,
            "step": looked.step,
            "try": attempt,
            "exchange": position,
        }
        for position, (attempt, looked) in enumerate(held)
        for finding, span in zip(looked.findings, spans[position], strict=True)
    ][:_MOST_FINDINGS]


def _exchanges(
    trial: Trial,
    verdict: Verdict,
    held: Sequence[tuple[int, Looked]],
    spans: Sequence[Sequence[Span | None]],
    cassettes: Path | None,
) -> list[dict[str, Any]]:
    """Request and reply as sent where there is something to show; else the cassette that holds them, where there is one."""
    if not held:
        return []
    recording = _recording(trial, cassettes) if cassettes is not None else None
    if recording is not None and not _worth_showing(verdict, held):
        return [recording]
    written = {step.id: step.http.headers for step in trial.case.steps if step.http is not None}
    return [
        evidence.shown(looked, attempt, [span for span in places if span is not None], written.get(looked.step, {}))
        for (attempt, looked), places in zip(held, spans, strict=True)
    ]


def _worth_showing(verdict: Verdict, held: Iterable[tuple[int, Looked]]) -> bool:
    if verdict not in (Verdict.PASS, Verdict.INCONCLUSIVE):
        return True
    return any(
        finding.level in (Level.MUST, Level.SHOULD) or finding.kind is Kind.EFFECT
        for _, looked in held
        for finding in looked.findings
    )


def _recording(trial: Trial, cassettes: Path) -> dict[str, Any] | None:
    from harness.cassette import in_folder

    path = in_folder(cassettes, trial)
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return {"cassette": path.relative_to(cassettes).as_posix(), "sha256": hashlib.sha256(content).hexdigest()}
