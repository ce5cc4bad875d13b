"""Exchanges to verdicts. Pure, and the only place where a verdict comes from.

A step is looked at by the first row of this table that matches; all findings are kept whatever the verdict:

    0  nothing was sent: the endpoint's API has no form for what is asked       unsupported
    1  no exchange, or a rule raised                                            error
    2  401 402 403 408 429 503 529, or 404 for model or path, status unclaimed  error
    3  a MUST finding of a rule or of the contract; the case's own silence;
       a reply that was cut, hung or is too large                               fail
    4  another 4xx, status unclaimed, feature optional and not used before      unsupported
    5  any other non-2xx, or an error event, that the step does not claim       fail
    6  a `given` unmet                                                          inconclusive
    7  an `effect` unmet                                                        ignored
    8  an `expect` unmet                                                        fail
    9  a `prefer` unmet, or a SHOULD finding                                    warn
    10 else                                                                     pass
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import assert_never

from harness import claims, contract
from harness.model import (
    Attempt,
    Case,
    ChatCompleted,
    ChatStreamed,
    Completed,
    Ending,
    Errored,
    Exchange,
    Finding,
    Garbled,
    Json,
    Judged,
    Kind,
    Level,
    Looked,
    MessagesCompleted,
    MessagesModelRetrieved,
    MessagesModelsListed,
    MessagesRefused,
    MessagesStreamed,
    ModelRetrieved,
    ModelsListed,
    Outcome,
    Refused,
    Silence,
    Skipped,
    Step,
    Unanswered,
    Verdict,
)
from harness.reading import get, text
from harness.rule import Rule, all_rules

NOT_ABOUT_THE_CASE = frozenset({401, 402, 403, 408, 429, 503, 529})
"""Statuses that say something of the account, the key or the hour, and nothing of what was asked (row 2)."""

GOES_ON = frozenset({Verdict.PASS, Verdict.WARN})
"""After these the next step is held, and cases that need the feature are."""

BROKEN_OFF = frozenset({Ending.CUT, Ending.TIMED_OUT, Ending.TOO_LARGE})
"""After these nobody knows what the rest of the answer would have been: no claim looks at it."""

ANOTHER_TRY = frozenset({Verdict.INCONCLUSIVE, Verdict.IGNORED, Verdict.FAIL})

_CONTRACT = {Level.MUST: "contract.ecosystem", Level.SHOULD: "contract.observed", Level.MAY: "contract.published"}


# ---------------------------------------------------------------- one exchange


def standing(exchange: Exchange, rules: Iterable[Rule] | None = None) -> tuple[tuple[Finding, ...], frozenset[str], str | None]:
    """What the rules and the contract find in an exchange, the ids of those that looked, and what a rule of ours raised.

    A contract finding is dropped where a rule that answers for its place reports it, so that one defect is one finding.
    Where the endpoint speaks another API, what was on the wire is judged, and what it means by the rules that ask for no
    more.
    """
    rules = all_rules() if rules is None else tuple(rules)
    if exchange.wire is None:
        return _standing(exchange, rules)
    found, applied, raised = _standing(exchange.wire, rules)
    meant, looked, failed = _standing(exchange, [rule for rule in rules if rule.translated], contracts=False)
    return (*found, *map(_meant, meant)), applied | looked, raised or failed


def _meant(finding: Finding) -> Finding:
    """A finding whose place is in what an answer means, and not in its bytes. Status and header fields are what they are."""
    pointed = finding.at is not None and (finding.at == "" or finding.at.startswith(("/", "chunks/")))
    return replace(finding, at=f"translated {finding.at}") if pointed else finding


def _standing(
    exchange: Exchange, rules: Iterable[Rule], *, contracts: bool = True
) -> tuple[tuple[Finding, ...], frozenset[str], str | None]:
    found: list[Finding] = []
    applied: set[str] = set()
    answered_for: set[str] = set()
    raised: str | None = None
    for rule in rules:
        if not rule.applies(exchange):
            continue
        applied.add(rule.id)
        try:
            of_this = list(rule.findings(exchange))
        except Exception as fault:  # noqa: BLE001  our own fault ends as `error`, never as `fail`
            raised = raised or f"our rule {rule.id} raised {type(fault).__name__}"
            continue
        if of_this:
            answered_for.update(rule.instead_of)
        found.extend(of_this)
    if not contracts:
        return tuple(found), _shared(frozenset(applied)), raised
    looked, violations = _contract_findings(exchange, frozenset(answered_for))
    return (*found, *violations), _shared(frozenset(applied | looked)), raised


@lru_cache(maxsize=512)
def _shared(names: frozenset[str]) -> frozenset[str]:
    """The same names as ever: exchanges of a kind are looked at by the same rules, and a long run keeps what applied to each."""
    return names


def _contract_findings(exchange: Exchange, answered_for: frozenset[str]) -> tuple[frozenset[str], list[Finding]]:
    """Each place of the contract that a reply breaks, once; of a stream: the first chunk that breaks it, and how many do."""
    documents = list(_documents(exchange))
    first: dict[tuple[Level, str, str], tuple[str, str]] = {}
    counts: dict[tuple[Level, str, str], int] = {}
    for kind, prefix, document in documents:
        for violation in contract.violations(kind, document):
            if violation.place in answered_for:
                continue
            key = (violation.level, kind, violation.place)
            first.setdefault(key, (f"{prefix}{violation.at}", violation.message))
            counts[key] = counts.get(key, 0) + 1
    looked = frozenset(_CONTRACT.values()) if documents else frozenset()
    return looked, [
        Finding(rule=_CONTRACT[key[0]], level=key[0], message=_counted(message, counts[key], len(documents)), at=at)
        for key, (at, message) in first.items()
    ]


def _counted(message: str, count: int, documents: int) -> str:
    return message if documents == 1 else f"{message} (in {count} of {documents} chunks)"


def _documents(exchange: Exchange) -> Iterable[tuple[contract.Kind, str, Json]]:
    """The documents of an exchange that the contract speaks of: kind, what their places begin with, document."""
    match exchange:
        case ChatStreamed():
            for position, chunk in enumerate(exchange.chunks):
                if exchange.failed_at is not None and position >= exchange.failed_at:
                    if position == exchange.failed_at and get(chunk.body, "choices") is None:
                        yield "error", f"chunks/{position}", chunk.body
                    continue
                yield "chunk", f"chunks/{position}", chunk.body
        case MessagesStreamed():
            for position, chunk in enumerate(exchange.chunks):
                yield "event", f"chunks/{position}", chunk.body
        case MessagesCompleted() if get(exchange.body, "error") is None:
            yield "message", "", exchange.body
        case MessagesModelsListed() if get(exchange.body, "error") is None:
            yield "message_models", "", exchange.body
        case MessagesModelRetrieved() if get(exchange.body, "error") is None:
            yield "message_model", "", exchange.body
        case ChatCompleted() if get(exchange.body, "error") is None:
            yield "completion", "", exchange.body
        case ModelsListed() if get(exchange.body, "error") is None:
            yield "models", "", exchange.body
        case ModelRetrieved() if get(exchange.body, "error") is None:
            yield "model", "", exchange.body
        case Refused() if exchange.reply.status >= 400 and exchange.request.method not in ("HEAD", "OPTIONS"):
            # From 500 on even api.openai.com lets a gateway speak, in plain text or with nothing.
            if exchange.reply.status >= 500 and not isinstance(exchange.body, dict):
                return
            yield "message_error" if isinstance(exchange, MessagesRefused) else "error", "", exchange.body
        case _:
            return


def _kinds(exchange: Exchange) -> frozenset[str]:
    return frozenset(kind for kind, _, _ in _documents(exchange.on_the_wire))


# ---------------------------------------------------------------- one step: the table


def look(
    case: Case, step: Step, seen: Exchange | Unanswered, *, optional: Mapping[str, bool] | None = None, used_before: bool = False
) -> Looked:
    """One step of one try, judged.

    `optional` says which features an endpoint may refuse; `used_before`, whether an earlier step of this try already
    got the feature under test from the endpoint.
    """
    if isinstance(seen, Unanswered):
        return _silent(step, seen)
    rules_found, applied, raised = standing(seen)
    claimed = _looked_at(step, seen, claims.findings(case, step, seen))
    if seen.wire is not None:
        claimed = tuple(map(_meant, claimed))
    refusable = bool((optional or {}).get(case.feature)) and not used_before
    reason = raised or _about_the_account(step, seen)
    if reason:
        verdict = claims_verdict = Verdict.ERROR
    else:
        verdict = _decided(step, seen, rules_found, claimed, refusable)
        claims_verdict = _decided(step, seen, (), claimed, refusable)
    return Looked(
        step=step.id,
        seen=seen,
        verdict=verdict,
        claims_verdict=claims_verdict,
        findings=(*rules_found, *claimed),
        applied=applied,
        documents=_kinds(seen),
        reason=reason or _reason(step, seen, verdict),
    )


def recorded(seen: Exchange) -> Looked:
    """An exchange that somebody else recorded, judged by what must hold of every exchange: rows 3, 9 and 10."""
    found, applied, raised = standing(seen)
    if raised:
        verdict = Verdict.ERROR
    elif isinstance(seen, Garbled) or any(finding.level is Level.MUST for finding in found):
        verdict = Verdict.FAIL
    else:
        verdict = Verdict.WARN if any(finding.level is Level.SHOULD for finding in found) else Verdict.PASS
    return Looked(
        step="1",
        seen=seen,
        verdict=verdict,
        claims_verdict=Verdict.ERROR if raised else Verdict.PASS,
        findings=found,
        applied=applied,
        documents=_kinds(seen),
        reason=raised or (f"the reply is {seen.why}" if isinstance(seen, Garbled) else None),
    )


def _looked_at(step: Step, seen: Exchange, claimed: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The unmet claims that say something: none of an answer that never came, and none beyond an unmet `given` or `effect`.

    What a model did not write, or a server did not do, has no further properties.
    """
    if isinstance(seen, Garbled) or (isinstance(seen, Refused) and not step.claims_status):
        return ()
    if seen.reply.ended in BROKEN_OFF:
        return ()
    for decisive in (Kind.GIVEN, Kind.EFFECT):
        if any(finding.kind is decisive for finding in claimed):
            return tuple(finding for finding in claimed if finding.kind is decisive)
    return claimed


def _silent(step: Step, seen: Unanswered) -> Looked:
    """Rows 0 and 1; a silence that is this case's alone is the endpoint's failure (row 3)."""
    if seen.silence is Silence.NO_EQUIVALENT:
        unsupported = Verdict.UNSUPPORTED
        return Looked(step=step.id, seen=seen, verdict=unsupported, claims_verdict=unsupported, reason=seen.message)
    if not seen.alone:
        return Looked(step=step.id, seen=seen, verdict=Verdict.ERROR, claims_verdict=Verdict.ERROR, reason=seen.message)
    how = "no byte of a reply in time" if seen.silence is Silence.TIMED_OUT else "the connection ended without a reply"
    finding = Finding(rule="reply.comes", level=Level.MUST, message=f"{how}, while the endpoint answers other requests")
    return Looked(
        step=step.id,
        seen=seen,
        verdict=Verdict.FAIL,
        claims_verdict=Verdict.FAIL,
        findings=(finding,),
        applied=frozenset({"reply.comes"}),
        reason=seen.message,
    )


def _about_the_account(step: Step, seen: Exchange) -> str | None:
    """Row 2: the refusal that says nothing of what was asked, in words; or None."""
    status = seen.reply.status
    if step.claims_status or not isinstance(seen, Refused):
        return None
    if seen.request.method == "OPTIONS":
        return None  # browsers send no key with it, so a refusal says nothing of ours
    if status in NOT_ABOUT_THE_CASE or (status == 404 and _model_or_path_missing(step)):
        said = text(get(seen.body, "error", "message")) or (seen.body if isinstance(seen.body, str) else "")
        return f"the endpoint answered {status}" + (f": {said[:200]}" if said else "")
    return None


def _model_or_path_missing(step: Step) -> bool:
    """A 404 to a plain chat request means the model or the path, never the feature."""
    return step.request is not None


def _decided(
    step: Step, seen: Exchange, standing_findings: Iterable[Finding], claimed: Iterable[Finding], refusable: bool
) -> Verdict:
    """Rows 3 to 10."""
    claimed = tuple(claimed)
    standing_findings = tuple(standing_findings)
    status = seen.reply.status
    unclaimed = not step.claims_status
    unmet = {finding.kind for finding in claimed}
    if isinstance(seen, Garbled) or any(finding.level is Level.MUST for finding in standing_findings):
        return Verdict.FAIL
    if seen.reply.ended in BROKEN_OFF and isinstance(seen, ChatStreamed | Completed):
        return Verdict.FAIL
    if unclaimed and isinstance(seen, Refused):
        return Verdict.UNSUPPORTED if refusable and 400 <= status < 500 else Verdict.FAIL
    if isinstance(seen, ChatStreamed) and seen.failed_at is not None:
        return Verdict.FAIL
    if Kind.GIVEN in unmet:
        return Verdict.INCONCLUSIVE
    if Kind.EFFECT in unmet:
        return Verdict.IGNORED
    if Kind.EXPECT in unmet:
        return Verdict.FAIL
    if Kind.PREFER in unmet or any(finding.level is Level.SHOULD for finding in standing_findings):
        return Verdict.WARN
    return Verdict.PASS


def _reason(step: Step, seen: Exchange, verdict: Verdict) -> str | None:
    """What the findings do not say: which refusal it was."""
    if isinstance(seen, Refused) and not step.claims_status:
        said = text(get(seen.body, "error", "message"))
        return f"the endpoint answered {seen.reply.status}" + (f": {said[:200]}" if said else "")
    if isinstance(seen, Garbled):
        return f"the reply is {seen.why}"
    if verdict is Verdict.FAIL and isinstance(seen, ChatStreamed) and seen.failed_at is not None:
        said = text(get(seen.chunks[seen.failed_at].body, "error", "message"))
        return "the stream broke off with an error event" + (f": {said[:200]}" if said else "")
    return None


# ---------------------------------------------------------------- a try, a trial


def uses_up(case: Case, looked: Looked) -> bool:
    """Did the endpoint give what the feature under test asks for, so that refusing it later is no honest refusal?

    A step asked for it where its request has every parameter that the deciding step, the last, has: a control that
    leaves the parameter under test out gave nothing of it.
    """
    said = next((step.request for step in case.steps if step.id == looked.step), None)
    asked = set(case.steps[-1].request or ()) <= set(said or ())
    return asked and looked.verdict in GOES_ON and isinstance(looked.seen, ChatCompleted | ChatStreamed)


def attempt_verdict(attempt: Attempt, *, of_claims: bool = False) -> Verdict:
    """The verdict of a try: that of the step that ended it, else the worst of pass and warn."""
    verdicts = [looked.claims_verdict if of_claims else looked.verdict for looked in attempt.steps]
    return next((verdict for verdict in verdicts if verdict not in GOES_ON), _worst(verdicts))


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    return Verdict.WARN if Verdict.WARN in verdicts else Verdict.PASS


def try_again(attempt: Attempt) -> bool:
    """May another try change it? Only for rows 6 to 8: what a model may get wrong. A MUST finding of a rule is final."""
    last = attempt.steps[-1]
    return (
        last.verdict in ANOTHER_TRY
        and last.verdict is last.claims_verdict
        and any(finding.kind is not None for finding in last.findings)
        and not any(finding.kind is None and finding.level is Level.MUST for finding in last.findings)
        and isinstance(last.seen, Exchange)
        and not (isinstance(last.seen, Refused) and last.reason is not None)
    )


def verdict(outcome: Outcome, *, of_claims: bool = False) -> Verdict:
    """The verdict of a trial: that of the last try in which every `given` held; a pass after a failure is `warn`.

    With `of_claims`, what it would be without the findings of standing rules and the contract.
    """
    match outcome:
        case Skipped():
            return Verdict.SKIPPED
        case Errored():
            return Verdict.ERROR
        case Judged():
            verdicts = [attempt_verdict(attempt, of_claims=of_claims) for attempt in outcome.attempts]
            if not verdicts:
                return Verdict.ERROR
            exercised = [one for one in verdicts if one is not Verdict.INCONCLUSIVE]
            last = exercised[-1] if exercised else Verdict.INCONCLUSIVE
            if last is Verdict.PASS and any(one in (Verdict.IGNORED, Verdict.FAIL) for one in exercised):
                return Verdict.WARN
            return last
        case _:
            assert_never(outcome)


def findings(outcome: Outcome) -> tuple[Finding, ...]:
    """Every finding of a trial, of all its tries and steps."""
    if not isinstance(outcome, Judged):
        return ()
    return tuple(chain.from_iterable(looked.findings for attempt in outcome.attempts for looked in attempt.steps))


def reason(outcome: Outcome) -> str | None:
    """Why a trial ended as it did, where its findings do not say it."""
    if not isinstance(outcome, Judged):
        return outcome.reason
    said = [looked.reason for attempt in outcome.attempts for looked in attempt.steps if looked.reason]
    return said[-1] if said else None
