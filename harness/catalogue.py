"""What there is to explain, by its id: rules, verdicts, looks, levels, features, cases, faults, endpoints, clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness import load
from harness.client_profile import ClientProfile
from harness.model import Case, Endpoint, Feature, Kind, Level, Statement, Suite, Verdict
from harness.rule import DOCUMENT, RECORDED, Rule, explained

_ECOSYSTEM: Final = """Every document and every chunk has what real clients read, in the types that they read.

    This is the tolerant contract, schemas/openai/ecosystem.json: each of its sentences is there because somebody breaks
    without it. Where a rule of its own speaks of a place, the rule is reported and not the contract.

    Clients: The AI SDK, pydantic-ai and async-openai validate the whole document, and refuse it for one null `id` or a
    `created` that is a text; openai-python does not look, so that the program fails later on None.
    Servers: OpenRouter (null `id` and `choices` after a failure), Azure's first chunk (empty `object`), Gemini's bridge
    (no `id` in chunks), old Hugging Face hosts, LocalAI of 2023, gpt4all's API.
    Fix: Look at the place that the finding names, and send what the published document lists as required there: `id`,
    `object`, `created`, `model` and `choices`, each in its type, in every answer and every chunk.
    Sources: pydantic/pydantic-ai#2323, pydantic/pydantic-ai#3994, OpenRouterTeam/python-sdk#44, mudler/LocalAI#788
    """
_OBSERVED: Final = """Every document and every chunk has what api.openai.com really sends.

    That is schemas/openai/observed.json: the published document, less its two proven errors, so that neither an absent
    `logprobs` nor a null `system_fingerprint` is held against anybody. What nearly nobody else sends is not asked for.

    Clients: openai-java's strict validation and schemas generated for Effect refuse a document for one missing key; closed
    lists of values fail on a service tier of a vendor's own, typed fields on null where a key is either absent or filled.
    Servers: Groq (`service_tier: "on_demand"`), OpenRouter, vLLM and its descendants (null for `tool_calls`,
    `function_call` and details), Mistral, Snowflake, lists of models without `created` (LocalAI, Gemini).
    Fix: Leave a key out rather than send null or an empty value for it, and keep words of your own out of fields with a
    fixed list of values.
    Sources: openai/openai-openapi#433, inferencerlabs/inferencer-feedback#42
    """
_PUBLISHED: Final = """Every document and every chunk is as the published document says.

    That is schemas/openai/published.json. api.openai.com itself does not keep to all of it (84 of 182 answers lack the
    required `logprobs`, 74 have a null `system_fingerprint`), so this is a note and never counts.

    Clients: Only validators that were generated from the document mind: Effect's schema and openai-java's strict
    validation failed on OpenAI's own answers.
    Servers: All of them, OpenAI included; most leave out `refusal` and `logprobs`.
    Fix: Nothing has to change. To satisfy strict validators too, add `"refusal": null` to messages and
    `"logprobs": null` to choices.
    Sources: openai/openai-openapi#433
    """
_COMES: Final = """Every request gets a reply.

    One request of a case got none, or none in time, while the endpoint went on answering others. An endpoint that
    answers nothing at all is an error of the run instead.

    Clients: The SDKs wait ten minutes, try twice more, and raise APITimeoutError or APIConnectionError; a chat window shows
    its waiting mark for all that time.
    Servers: LM Studio, which queues what comes while it answers; single-threaded servers with a second request at hand. No
    recording can show it, since recorders keep replies alone.
    Fix: Answer what you cannot do with a 4xx, bound the time of a generation, and let a failing worker end its request
    with 500 rather than drop the connection.
    Sources: lmstudio-ai/.github#10, apex-compute/unified-engine#86
    """


def _own(id: str, level: Level, docstring: str, source: str) -> Rule:
    said = explained(docstring)
    return Rule(
        id=id,
        level=level,
        summary=said["Summary"],
        doc=said["Why"],
        clients=said["Clients"],
        servers=said["Servers"],
        fix=said["Fix"],
        source=source,
        sources=tuple(said["Sources"].split(", ")),
        looks_at=(),
        needs=frozenset(),
        instead_of=(),
        check=lambda _: (),
    )


OF_THE_JUDGE: Final[Mapping[str, Rule]] = {
    rule.id: rule
    for rule in (
        _own("contract.ecosystem", Level.MUST, _ECOSYSTEM, "schemas/openai/SOURCE.md, which gives the reason of each sentence"),
        _own("contract.observed", Level.SHOULD, _OBSERVED, f"{RECORDED}: what api.openai.com sent since 2025-03-15"),
        _own("contract.published", Level.MAY, _PUBLISHED, DOCUMENT),
        _own("reply.comes", Level.MUST, _COMES, "RFC 9110, section 3.3: a server answers each request with a response"),
    )
}
"""Findings that `harness.judge` makes itself, explained like rules; they look at everything and check nothing here."""

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
        "What the case takes as given did not hold, so the endpoint was not exercised.",
        "Mostly the model did not play along: a larger one, or another try, may tell. Where the given is about the server "
        "(that it refuses a wrong key), the case does not arise with it.",
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

LEVELS: Final = {
    "must": ("Real clients break on this.", "A finding at this level makes a trial `fail`."),
    "should": ("api.openai.com never does this, and some clients mind.", "A finding at this level makes a trial `warn`."),
    "may": (
        "Only the published document says otherwise, or it is an extension.",
        "A note: it is kept and shown, and never counts.",
    ),
}
"""The levels of findings: who would notice."""

_KINDS: Final = {
    Kind.GIVEN: "given, unmet: inconclusive",
    Kind.EFFECT: "effect, unmet: ignored",
    Kind.EXPECT: "expect, unmet: fail (MUST)",
    Kind.PREFER: "prefer, unmet: warn (SHOULD)",
}


_SHOWN: Final = 4
"""So many faults are named at most; some rules have twenty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something with an id. `facts` are label and text, in order."""

    id: str
    kind: str  # rule, verdict, feature, case, fault, look-alike
    summary: str
    doc: str = ""
    facts: tuple[tuple[str, str], ...] = ()


def entries(suites: Sequence[Suite]) -> Iterator[Entry]:
    """Everything that can be explained. Ids are unique within a kind; of two kinds the first here is meant."""
    from harness.reference import all_faults, all_lookalikes
    from harness.report.marks import LOOKS
    from harness.rule import all_rules

    faults = all_faults()
    caught: dict[str, list[str]] = {}
    for fault in sorted(faults, key=lambda one: (len(one.caught_by), not one.field, one.id)):  # the most telling first
        for catcher in fault.caught_by:
            caught.setdefault(catcher, []).append(fault.id)
    yield from (Entry(id=verdict.value, kind="verdict", summary=said, doc=doc) for verdict, (said, doc) in VERDICTS.items())
    for name, mark in LOOKS.items():
        if name not in VERDICTS:
            shown = ("shown as", f"{mark.glyph}, or {mark.ascii} where there is ASCII only")
            yield Entry(id=name, kind="look", summary=f"{mark.meaning[0].upper()}{mark.meaning[1:]}.", facts=(shown,))
    yield from (Entry(id=level, kind="level", summary=said, doc=doc) for level, (said, doc) in LEVELS.items())
    for rule in (*all_rules(), *OF_THE_JUDGE.values()):
        yield _rule(rule, caught.get(rule.id, []))
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
    for lookalike in all_lookalikes():
        yield Entry(
            id=lookalike.id,
            kind="look-alike",
            summary=f"{lookalike.summary} Legal: nothing is held against it.",
            doc=lookalike.doc,
            facts=(("seen in the field", ", ".join(lookalike.field)), ("try it", f"chatcompat serve --lookalike {lookalike.id}")),
        )

    for name in load.endpoint_names():
        yield _endpoint(load.endpoint_named(name))
    yield from map(_client, load.clients().values())


def _client(client: ClientProfile) -> Entry:
    needs = (
        (use.title.lower(), f"{', '.join(need.ids)}: {need.because} ({', '.join(need.sources)})")
        for use in client.uses
        for need in use.needs
    )
    return Entry(
        id=client.name,
        kind="client",
        summary=f"{client.title} {client.version}",
        doc=client.notes,
        facts=(
            ("built on", client.like or ""),
            *needs,
            *(("setting", f"{setting.name}: {setting.says}") for setting in client.settings),
            ("proved", "driven against a server with each defect" if client.proved else ""),
            ("page", client.docs),
            ("checked", client.checked),
            ("settings", "chatcompat render REPORT --format clients"),
        ),
    )


def _endpoint(endpoint: Endpoint) -> Entry:
    from harness.wire import credentials, variables

    gone = endpoint.retired
    if gone is not None:
        instead = (("instead", f"chatcompat run --endpoint {gone.instead}"),) if gone.instead else ()
        facts = (("gone since", gone.on), ("source", gone.link), *instead)
        return Entry(id=endpoint.name, kind="endpoint", summary=endpoint.title, doc=gone.says, facts=facts)
    needed = variables(endpoint, {})
    optional = [name for name in credentials(endpoint) if name not in needed]
    return Entry(
        id=endpoint.name,
        kind="endpoint",
        summary=endpoint.title,
        doc=endpoint.notes.strip(),
        facts=(
            ("address", f"{endpoint.base_url} (another: --base-url URL)"),
            ("dialect", endpoint.dialect),
            ("model", endpoint.model or "the only one that it lists, else --model ID"),
            *(("model", f"{feature}: {model}") for feature, model in endpoint.models.items()),
            ("context", f"{endpoint.context} tokens" if endpoint.context else ""),
            *(("needs", f"export {name}=…") for name in needed),
            *(("takes", f"export {name}=…") for name in optional),
            *(("has", said) for said in _stated(endpoint.has)),
            *(("lacks", said) for said in _stated(endpoint.lacks)),
            *(("quirk", quirk.says + (f" {quirk.link}" if quirk.link != endpoint.docs else "")) for quirk in endpoint.quirks),
            ("page", endpoint.docs),
            ("checked", endpoint.checked or ""),
            ("run", f"chatcompat run --endpoint {endpoint.name}"),
        ),
    )


def _stated(statements: Mapping[str, Statement]) -> Iterator[str]:
    """What a vendor says, a line for each page: the features, each with its words, and where and when that was read."""
    pages: dict[tuple[str, str | None], list[str]] = {}
    for feature, said in statements.items():
        pages.setdefault((said.link, said.checked), []).append(feature + (f" ({said.says})" if said.says else ""))
    for (link, checked), features in pages.items():
        yield f"{', '.join(features)}: {link}" + (f", read {checked}" if checked else "")


def _shown_by(faults: Sequence[str]) -> tuple[tuple[str, str], ...]:
    if not faults:
        return ()
    more = f", and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    others = (("also by", ", ".join(faults[1:_SHOWN]) + more),) if len(faults) > 1 else ()
    return (("shown by", f"chatcompat serve --fault {faults[0]}"), *others)


def _rule(rule: Rule, faults: Sequence[str]) -> Entry:
    facts = (
        ("level", rule.level.value.upper()),
        ("clients", rule.clients),
        ("servers", rule.servers),
        ("to fix", rule.fix),
        ("source", rule.source),
        ("reports", ", ".join(rule.sources)),
        ("looks at", ", ".join(sorted(kind.__name__ for kind in rule.looks_at))),
        ("needs", ", ".join(sorted(evidence.value for evidence in rule.needs))),
    )
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
