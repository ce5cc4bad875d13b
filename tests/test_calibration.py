"""The rules and the contract, held against traffic of real endpoints that other projects recorded.

What api.openai.com sends is right by definition: a finding there is a bug of ours. What others do differently must be found.
The recordings are not part of this project: `CHATCOMPAT_RECORDINGS` says where they are.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from harness import judge, recordings
from harness.model import Finding, Level

FOLDER: Final = Path(os.environ.get("CHATCOMPAT_RECORDINGS") or Path(__file__).parents[2] / "shared" / "recordings")
CPU_SECONDS: Final = 8.0
"""About four times what it takes: the rules must stay linear in the chunks."""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recorded traffic: set CHATCOMPAT_RECORDINGS to its folder")

TODAYS_FORM: Final = "2025-03-15"
"""Since this day api.openai.com sends what it sends today (`annotations` were the last field that came)."""

WRITTEN_BY_HAND: Final = "somebody made this stream up for a test (its id is msg_01abc) and forgot the start of a block"

EXCUSED: Final = {
    ("api.openai.com.jsonl.gz", 156, "stream.says-something"): "the recorder kept nothing of the body of this stream of 2023",
    ("api.anthropic.com.jsonl.gz", 130, "messages-stream.blocks-are-opened"): WRITTEN_BY_HAND,
    ("api.anthropic.com.jsonl.gz", 130, "messages.tool-use-has-calls"): WRITTEN_BY_HAND,
}

MUST_BE_FOUND: Final = {
    "localhost_8787": {
        "contract.observed",
    },
    "localhost_5002": {
        "document.created-is-in-seconds",
        "stream.role-comes-once",
        "tools.none-is-no-key",
    },
    "demo-endpoints.pydantic.workers.dev": {
        "choices.there-is-one",
        "reply.is-json",
        "usage.is-there",
    },
    "api.together.ai": {
        "stream.role-comes-once",
        "tools.none-is-no-key",
        "usage.comes-only-when-asked",
    },
    "ollama.com": {
        "document.has-only-known-fields",
    },
    "0.0.0.0_4000": {
        "finish.arrives",
        "finish.no-choice-follows",
        "stream.finish-reason-is-always-there",
        "tools.none-is-no-key",
        "usage.comes-last",
        "usage.stands-alone",
    },
    "adb-138962681435081.1.azuredatabricks.net": {
        "stream.role-comes-once",
        "tools.arguments-are-not-empty",
        "usage.comes-once",
        "usage.comes-only-when-asked",
        "usage.counts-are-integers",
    },
    "api-inference.huggingface.co": {
        "document.object-is-named",
        "stream.object-is-named",
        "document.id-is-not-empty",
        "errors.error-is-an-object",
        "errors.is-json-object",
        "errors.malformed-is-400",
        "finish.is-known",
        "framing.space-after-colon",
        "message.has-no-template-words",
        "stream.ends-with-done",
        "tools.arguments-are-text",
        "tools.call-has-an-id",
    },
    "api.cerebras.ai": {
        "document.has-only-known-fields",
        "errors.under-error",
        "stream.finish-reason-is-always-there",
        "tools.content-is-there-beside-calls",
    },
    "api.cloudflare.com": {
        "message.content-is-text",
        "stream.finish-reason-is-always-there",
        "stream.role-comes-first",
        "usage.is-there",
        "usage.stands-alone",
    },
    "api.cohere.com": {"models.are-under-data", "usage.comes-only-when-asked"},
    "api.deepseek.com": {"contract.observed", "document.has-only-known-fields", "usage.stands-alone"},
    "api.fireworks.ai": {"usage.comes-only-when-asked"},
    "api.groq.com": {
        "contract.observed",
        "document.has-only-known-fields",
        "framing.no-named-events",
        "stream.ends-with-done",
        "stream.one-id",
        "tools.content-is-there-beside-calls",
        "usage.comes-only-when-asked",
    },
    "api.hyperbolic.xyz": {"errors.under-error", "errors.malformed-is-400", "usage.comes-once"},
    "api.inference.crusoecloud.com": {"contract.observed", "document.has-only-known-fields"},
    "api.mistral.ai": {
        "contract.observed",
        "errors.under-error",
        "finish.last-delta-is-empty",
        "message.content-is-text",
        "stream.tool-delta-index",
        "tools.none-is-no-key",
        "usage.comes-only-when-asked",
    },
    "api.novita.ai": {
        "contract.observed",
        "finish.last-delta-is-empty",
    },
    "api.sambanova.ai": {"stream.role-comes-once"},
    "api.studio.nebius.ai": {"tools.none-is-no-key", "contract.observed"},
    "api.together.xyz": {"finish.is-known", "stream.role-comes-once", "tools.none-is-no-key", "usage.comes-only-when-asked"},
    "api.x.ai": {
        "finish.last-delta-is-empty",
        "stream.finish-reason-is-always-there",
        "stream.one-created",
        "stream.role-comes-once",
        "usage.comes-once",
        "usage.stands-alone",
    },
    "api.z.ai": {
        "document.has-only-known-fields",
        "stream.finish-reason-is-always-there",
        "stream.role-comes-once",
        "usage.stands-alone",
    },
    "azure": {
        "contract.ecosystem",
        "contract.observed",
        "document.has-only-known-fields",
        "errors.not-with-200",
        "stream.delta-is-an-object",
        "stream.opens-with-a-choice",
    },
    "generativelanguage.googleapis.com": {
        "contract.ecosystem",
        "stream.finish-reason-is-always-there",
        "stream.tool-delta-index",
        "tools.call-has-an-id",
        "tools.content-is-there-beside-calls",
        "usage.adds-up",
        "usage.comes-once",
        "usage.stands-alone",
    },
    "huggingface.co": {"errors.error-is-an-object", "document.id-is-not-empty"},
    "localhost_11434": {"stream.tool-delta-index", "usage.comes-when-asked", "stream.role-comes-once"},
    "localhost_8000": {"finish.last-delta-is-empty", "tools.none-is-no-key"},
    "models.github.ai": {
        "document.has-only-known-fields",
        "errors.is-json-object",
        "models.are-under-data",
        "stream.opens-with-a-choice",
    },
    "myorg-myaccount.snowflakecomputing.com": {
        "contract.observed",
        "document.created-is-in-seconds",
        "document.id-is-not-empty",
        "finish.arrives",
        "finish.is-not-empty",
        "stream.finish-reason-is-always-there",
        "tools.none-is-no-key",
    },
    "openrouter.ai": {
        "contract.observed",
        "document.has-only-known-fields",
        "errors.code-is-text",
        "finish.comes-once",
        "finish.last-delta-is-empty",
        "framing.no-comments",
        "reply.begins-at-once",
        "stream.role-comes-once",
        "tools.arguments-are-text",
        "tools.later-deltas-add-arguments-alone",
        "usage.stands-alone",
    },
    "router.huggingface.co": {
        "document.id-is-not-empty",
        "document.object-is-named",
        "errors.error-is-an-object",
        "errors.is-json-object",
        "errors.malformed-is-400",
        "finish.is-known",
        "framing.space-after-colon",
        "message.has-no-template-words",
        "stream.ends-with-done",
        "stream.finish-reason-is-always-there",
        "stream.object-is-named",
        "tools.none-is-no-key",
        "usage.comes-once",
        "usage.comes-only-when-asked",
    },
}


CLEAN: Final = ("api.portkey.ai", "bedrock-mantle.us-east-1.api.aws", "ollama.com", "us.inference.heroku.com")
"""Hosts in whose few recordings nothing counts."""


@dataclass(frozen=True)
class Looked:
    file: str
    record: int
    recorded_at: str
    findings: tuple[Finding, ...]
    raised: str | None


@cache
def everything() -> tuple[tuple[Looked, ...], int, float]:
    """Every recording as judged, how many were damaged, and the seconds that it took."""
    begun = time.process_time()
    seen: list[Looked] = []
    damaged = 0
    for path in sorted(FOLDER.glob("*.jsonl.gz")):
        for found in recordings.read(path):
            if isinstance(found, recordings.Damaged):
                damaged += 1
                continue
            findings, _, raised = judge.standing(found.exchange)
            seen.append(Looked(path.name, found.record, found.recorded_at or "", findings, raised))
    return tuple(seen), damaged, time.process_time() - begun


def of_openai(*levels: Level) -> list[tuple[str, str, int, str, str]]:
    return [
        (looked.recorded_at, looked.file, looked.record, finding.rule, finding.message)
        for looked in everything()[0]
        if looked.file.startswith("api.openai.com.")
        for finding in looked.findings
        if finding.level in levels and (looked.file, looked.record, finding.rule) not in EXCUSED
    ]


def test_every_record_is_read_and_no_rule_raises() -> None:
    seen, damaged, _ = everything()
    assert (802, 0, []) == (len(seen), damaged, [looked for looked in seen if looked.raised])


def test_todays_openai_breaks_nothing() -> None:
    assert [] == [found for found in of_openai(Level.MUST, Level.SHOULD) if found[0] >= TODAYS_FORM]


def test_openai_never_broke_what_clients_need() -> None:
    assert [] == of_openai(Level.MUST)


def test_anthropics_own_api_breaks_nothing_of_its_own() -> None:
    assert [] == [
        (looked.recorded_at, looked.record, finding.rule, finding.message)
        for looked in everything()[0]
        if looked.file == "api.anthropic.com.jsonl.gz"
        for finding in looked.findings
        if finding.level in (Level.MUST, Level.SHOULD) and (looked.file, looked.record, finding.rule) not in EXCUSED
    ]


def test_an_excuse_that_nothing_needs_is_dropped() -> None:
    found = {(looked.file, looked.record, finding.rule) for looked in everything()[0] for finding in looked.findings}
    assert set() == EXCUSED.keys() - found


@pytest.mark.parametrize("host", MUST_BE_FOUND)
def test_what_others_do_differently_is_found(host: str) -> None:
    found = {finding.rule for looked in everything()[0] if looked.file == f"{host}.jsonl.gz" for finding in looked.findings}
    assert set() == MUST_BE_FOUND[host] - found


@pytest.mark.parametrize("host", CLEAN)
def test_nothing_is_held_against_a_host_that_conforms(host: str) -> None:
    assert [] == [
        (looked.record, finding.rule)
        for looked in everything()[0]
        if looked.file == f"{host}.jsonl.gz"
        for finding in looked.findings
        if finding.level is not Level.MAY
    ]


def test_every_host_is_clean_or_its_deviations_are_listed() -> None:
    """Of the others, Anthropic's own API is not the one that is judged here."""
    hosts = {looked.file.removesuffix(".jsonl.gz") for looked in everything()[0]}
    assert {"api.anthropic.com", "api.openai.com"} == hosts - MUST_BE_FOUND.keys() - set(CLEAN)


def test_every_recording_is_dated() -> None:
    assert [] == [(looked.file, looked.record) for looked in everything()[0] if looked.recorded_at[:2] != "20"]


def test_one_defect_is_told_once() -> None:
    """A rule reports once an exchange; the contract once a place."""
    twice: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for looked in everything()[0]:
        twice[looked.file, looked.record].update(
            finding.rule for finding in looked.findings if not finding.rule.startswith("contract.")
        )
    assert [] == [where for where, rules in twice.items() if max(rules.values(), default=1) > 1]


def test_judging_is_quick() -> None:
    assert everything()[2] < CPU_SECONDS
