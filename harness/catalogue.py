"""What there is to explain: rules, verdicts, features, cases and faults, each by its id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.model import Case, Feature, Kind, Suite, Verdict
from harness.rule import Rule

OF_THE_JUDGE: Final[Mapping[str, tuple[str, str, str]]] = {
    "contract.ecosystem": (
        "must",
        "Every document and every chunk has what real clients read, in the types that they read.",
        "The tolerant contract: schemas/openai/ecosystem.json. What breaks it breaks clients.",
    ),
    "contract.observed": (
        "should",
        "Every document and every chunk has what api.openai.com really sends.",
        "schemas/openai/observed.json. Some clients mind when a key is missing that was always there.",
    ),
    "contract.published": (
        "may",
        "Every document and every chunk is as the published document says.",
        "schemas/openai/published.json. api.openai.com itself does not keep to all of it, so this is a note.",
    ),
    "reply.comes": (
        "must",
        "Every request gets a reply.",
        "One request of a case got none, or none in time, while the endpoint went on answering others.",
    ),
}
"""Findings that `harness.judge` makes itself: level, summary, why."""

VERDICTS: Final[Mapping[Verdict, tuple[str, str]]] = {
    Verdict.PASS: ("Nothing at MUST or SHOULD.", "Notes (MAY) do not count."),
    Verdict.WARN: (
        "SHOULD findings only, or a pass that needed another try.",
        "api.openai.com never does this, and some clients mind. Or a first try failed or was ignored, and a later one passed.",
    ),
    Verdict.IGNORED: (
        "A well-formed 2xx, but what was asked for had no effect.",
        "The worst kind for users: nothing says so. An `effect` of the case did not hold.",
    ),
    Verdict.UNSUPPORTED: (
        "An optional feature was refused with a clean 4xx error object.",
        "Honest, and not green: what the client asked for, it does not get.",
    ),
    Verdict.FAIL: (
        "A MUST finding: real clients break on this.",
        "A standing rule or an `expect` of the case is broken, a reply was cut, hung or is not what was asked for, or a request "
        "that has to be answered was refused.",
    ),
    Verdict.INCONCLUSIVE: (
        "The model did not cooperate, so the endpoint was not exercised.",
        "A `given` of the case did not hold. A larger model, or another try, may tell.",
    ),
    Verdict.SKIPPED: (
        "Not held: not selected, the budget was spent, or a prerequisite did not pass.",
        "The reason is in the result.",
    ),
    Verdict.ERROR: (
        "No verdict about the endpoint: unreachable, wrong key, asked too often, not recorded, or our own fault.",
        "The reason is in the result. Exit code 3 where this is all that there is.",
    ),
}

_KINDS: Final = {
    Kind.GIVEN: "given, unmet: inconclusive",
    Kind.EFFECT: "effect, unmet: ignored",
    Kind.EXPECT: "expect, unmet: fail (MUST)",
    Kind.PREFER: "prefer, unmet: warn (SHOULD)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something with an id. `facts` are label and text, in order."""

    id: str
    kind: str  # rule, verdict, feature, case, fault
    summary: str
    doc: str = ""
    facts: tuple[tuple[str, str], ...] = ()


def entries(suites: Sequence[Suite]) -> Iterator[Entry]:
    """Everything that can be explained. Ids are unique within a kind; of two kinds the first here is meant."""
    from harness.reference import all_faults
    from harness.rule import all_rules

    faults = all_faults()
    caught: dict[str, list[str]] = {}
    for fault in faults:
        for catcher in sorted(fault.caught_by):
            caught.setdefault(catcher, []).append(fault.id)
    yield from (Entry(id=verdict.value, kind="verdict", summary=said, doc=doc) for verdict, (said, doc) in VERDICTS.items())
    for rule in all_rules():
        yield _rule(rule, caught.get(rule.id, []))
    for name, (level, said, doc) in OF_THE_JUDGE.items():
        yield Entry(
            id=name, kind="rule", summary=said, doc=doc, facts=(("level", level.upper()), *_shown_by(caught.get(name, [])))
        )
    for suite in suites:
        for feature in suite.features:
            yield _feature(suite, feature)
        for case in suite.cases:
            yield _case(suite, case, caught.get(case.path, []))
    for fault in faults:
        facts = (("caught by", ", ".join(sorted(fault.caught_by))), ("seen in the field", ", ".join(fault.field)))
        yield Entry(
            id=fault.id,
            kind="fault",
            summary=fault.summary,
            doc=fault.doc,
            facts=(*facts, ("try it", f"chatcompat serve --fault {fault.id}")),
        )


def _shown_by(faults: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return (("shown by", f"chatcompat serve --fault {' or '.join(faults)}"),) if faults else ()


def _rule(rule: Rule, faults: Sequence[str]) -> Entry:
    looks_at = ", ".join(sorted(kind.__name__ for kind in rule.looks_at))
    needs = ", ".join(sorted(evidence.value for evidence in rule.needs))
    facts = (("level", rule.level.value.upper()), ("looks at", looks_at), ("needs", needs), ("source", rule.source))
    return Entry(id=rule.id, kind="rule", summary=rule.summary, doc=rule.doc, facts=(*facts, *_shown_by(faults)))


def _feature(suite: Suite, feature: Feature) -> Entry:
    cases = [case.path for case in suite.cases if case.feature == feature.id]
    optional = "yes: a clean refusal is `unsupported`" if feature.optional else "no: a refusal is `fail`"
    facts = (("suite", suite.id), ("optional", optional), ("cases", ", ".join(cases)))
    return Entry(id=feature.id, kind="feature", summary=feature.title, facts=facts)


def _case(suite: Suite, case: Case, faults: Sequence[str]) -> Entry:
    streams = {(False,): "no", (True,): "yes", (False, True): "both ways"}.get(case.stream, "both ways")
    claims = [
        f"step {step.id}, {_KINDS[kind]}: {place}"
        for step in case.steps
        for kind, claimed in step.claims.items()
        for place in (
            *(["status"] if claimed.status is not None else []),
            *(f"header {name}" for name in claimed.headers),
            *(pointer or "the body" for pointer in claimed.body),
            *(f"chunks{pointer}" for pointer in claimed.chunks),
        )
    ]
    facts = (
        ("in", f"{suite.file}:{case.line}" if suite.file else suite.id),
        ("needs", ", ".join(case.needs)),
        ("streamed", streams),
        ("tries", str(case.tries)),
        *(("claims", claim) for claim in claims),
    )
    return Entry(id=case.path, kind="case", summary=case.title, facts=(*facts, *_shown_by(faults)))
