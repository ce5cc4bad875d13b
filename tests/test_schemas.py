"""The shipped contract: its form, the document it comes from, and the traffic it was calibrated on."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from mutations import DOCUMENTS, mutants

from harness.contract import LEVELS, Checker, compiled, violations
from harness.model import Frame, Level
from harness.reading import ABSENT, get, parse
from harness.resources import ROOT, SCHEMAS
from harness.sse import decode

KINDS = tuple(DOCUMENTS)
CONTRACT = SCHEMAS / "openai"


def accepts(file: str, kind: str) -> Checker:
    return compiled({"$ref": f"urn:chatcompat:openai:{file}#/$defs/{kind}"})


# ---------------------------------------------------------------- form


@pytest.mark.parametrize("file", LEVELS)
def test_a_file_of_the_contract_is_named_by_its_path_and_speaks_of_the_five_documents(file: str) -> None:
    schema = json.loads((CONTRACT / f"{file}.json").read_text(encoding="utf-8"))
    assert f"urn:chatcompat:openai:{file}" == schema["$id"]
    assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]
    assert set(KINDS) <= set(schema["$defs"])


@pytest.mark.parametrize("file", LEVELS)
def test_no_answer_fails_for_a_key_that_is_not_known(file: str) -> None:
    written = (CONTRACT / f"{file}.json").read_text(encoding="utf-8").replace(" ", "")
    assert not [
        word for word in ('"additionalProperties":false', "unevaluatedProperties", '"properties":false') if word in written
    ]


@pytest.mark.parametrize("file", LEVELS)
def test_every_definition_of_the_contract_is_used(file: str) -> None:
    schema = json.loads((CONTRACT / f"{file}.json").read_text(encoding="utf-8"))
    everything = "".join(path.read_text(encoding="utf-8") for path in CONTRACT.glob("*.json"))
    unused = [name for name in schema["$defs"] if name not in KINDS and f'#/$defs/{name}"' not in everything]
    assert [] == unused


@pytest.mark.parametrize("kind", KINDS)
def test_each_file_of_the_contract_accepts_all_that_the_next_one_accepts(kind: str) -> None:
    ecosystem, observed, published = (accepts(file, kind) for file in LEVELS)
    counted = [(ecosystem.open(mutant), observed.open(mutant), published.open(mutant)) for mutant in mutants(kind)]
    assert set() == {seen for seen in counted if sorted(seen, reverse=True) != list(seen)}
    assert all(2 <= len({seen[position] for seen in counted}) for position in range(3)), "a level that says nothing"


@pytest.mark.parametrize("kind", KINDS)
def test_the_answers_written_by_hand_break_nothing_that_openai_keeps(kind: str) -> None:
    assert {} == {
        index: found
        for index, document in enumerate(DOCUMENTS[kind])
        if (found := [violation for violation in violations(kind, document) if violation.level is not Level.MAY])  # type: ignore[arg-type]
    }


# ---------------------------------------------------------------- the document


SPEC = Path(os.environ.get("CHATCOMPAT_SPEC", ROOT.parent / "shared" / "spec"))
with_spec = pytest.mark.skipif(not SPEC.is_dir(), reason="the extractions of the published document are not here")

_FORMS = {"completion": "response", "chunk": "stream_chunk", "error": "error", "models": "models", "model": "model"}
_NOT_EXTRACTED = {("observed", "error"): "error", ("observed", "models"): "models", ("observed", "model"): "model"}
"""OpenAI keeps these as published."""


@cache
def extraction(file: str, kind: str) -> str:
    """An extraction of the document for a level, as JSON text."""
    if (file, kind) == ("ecosystem", "model"):
        return json.dumps(json.loads(extraction("ecosystem", "models")) | {"$ref": "#/$defs/Model"})
    infix = "" if file == "published" or (file, kind) in _NOT_EXTRACTED else f".{file}"
    schema = json.loads((SPEC / f"{_FORMS[kind]}{infix}.schema.json").read_text(encoding="utf-8"))
    return json.dumps(schema | {"$id": f"urn:extraction:{file}:{kind}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that the contract says otherwise than an extraction, as a change to the extraction.

    `place` is how schemas/openai/SOURCE.md names it, where it gives the reason.
    """

    file: str
    kind: str
    place: str
    amend: Callable[[dict[str, Any]], None]


def _choice(definitions: dict[str, Any]) -> dict[str, Any]:
    document = definitions.get("CreateChatCompletionResponse") or definitions["CreateChatCompletionStreamResponse"]
    return document["properties"]["choices"]["items"]  # type: ignore[no-any-return]


def _finish_details(definitions: dict[str, Any]) -> None:
    choice = _choice(definitions)
    choice["required"].remove("finish_reason")
    choice["anyOf"] = [{"required": ["finish_reason"]}, {"required": ["finish_details"]}]


def _logprobs(definitions: dict[str, Any]) -> dict[str, Any]:
    logprobs = _choice(definitions)["properties"]["logprobs"]
    return logprobs["anyOf"][0] if "anyOf" in logprobs else logprobs  # type: ignore[no-any-return]


def _no_refusal_of_logprobs(definitions: dict[str, Any]) -> None:
    _logprobs(definitions)["required"] = ["content"]


def _no_content_of_logprobs(definitions: dict[str, Any]) -> None:
    _logprobs(definitions)["required"] = []


def _bare_tokens(definitions: dict[str, Any]) -> None:
    token = definitions["ChatCompletionTokenLogprob"]
    token["required"] = ["token", "logprob"]
    token["properties"]["top_logprobs"]["type"] = ["array", "null"]
    token["properties"]["top_logprobs"]["items"]["required"] = ["token", "logprob"]


def _no_refusal(definitions: dict[str, Any]) -> None:
    definitions["ChatCompletionResponseMessage"]["required"].remove("refusal")


def _custom_calls(definitions: dict[str, Any]) -> None:
    calls = definitions["ChatCompletionMessageToolCalls"]
    text = {"type": ["string", "null"]}
    custom = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "input": text}}
    calls["items"] = {
        "anyOf": [
            calls["items"],
            {
                "type": "object",
                "required": ["type", "custom"],
                "properties": {"id": text, "type": {"const": "custom"}, "custom": custom},
            },
        ]
    }


def _custom_deltas(definitions: dict[str, Any]) -> None:
    kind = definitions["ChatCompletionMessageToolCallChunk"]["properties"]["type"]
    (kind["anyOf"][0] if "anyOf" in kind else kind)["enum"].append("custom")


def _delta_index(definitions: dict[str, Any]) -> None:
    delta = definitions["ChatCompletionMessageToolCallChunk"]
    delta["required"] = ["index"]
    delta["properties"]["index"] = {"type": "integer"}


def _delta_there(definitions: dict[str, Any]) -> None:
    choice = _choice(definitions)
    choice["required"].append("delta")
    choice["properties"]["delta"] = {"$ref": "#/$defs/ChatCompletionStreamResponseDelta"}


def _finish_reason_not_empty(definitions: dict[str, Any]) -> None:
    _choice(definitions)["properties"]["finish_reason"] = {"type": ["string", "null"], "minLength": 1}


def _any_metadata(definitions: dict[str, Any]) -> None:
    definitions["Metadata"] = {"type": ["object", "null"]}


def _any_moderation(definitions: dict[str, Any]) -> None:
    definitions["ChatCompletionModeration"] = {"type": "object"}


DIFFERENCES = [
    Difference(file=file, kind=kind, place=place, amend=amend)
    for file, kind, place, amend in (
        ("observed", "completion", "`choices[].finish_reason`", _finish_details),
        ("observed", "completion", "`message.refusal`", _no_refusal),
        ("observed", "completion", "`logprobs.refusal`", _no_refusal_of_logprobs),
        ("observed", "chunk", "`choices[].finish_reason`", _finish_details),
        ("observed", "chunk", "`delta.tool_calls[].type`", _custom_deltas),
        ("observed", "chunk", "`logprobs.refusal`", _no_refusal_of_logprobs),
        ("ecosystem", "completion", "`choices[].finish_reason`", _finish_details),
        ("ecosystem", "completion", "`tool_calls[].type: custom`", _custom_calls),
        ("ecosystem", "completion", "`logprobs.content`", _no_content_of_logprobs),
        ("ecosystem", "completion", "`bytes`", _bare_tokens),
        ("ecosystem", "completion", "`metadata`", _any_metadata),
        ("ecosystem", "completion", "`moderation`", _any_moderation),
        ("ecosystem", "chunk", "`delta.tool_calls[].index`", _delta_index),
        ("ecosystem", "chunk", "`delta.tool_calls[].type`", _custom_deltas),
        ("ecosystem", "chunk", "`choices[].delta`", _delta_there),
        ("ecosystem", "chunk", '`finish_reason` is not `""`', _finish_reason_not_empty),
        ("ecosystem", "chunk", "`logprobs.content`", _no_content_of_logprobs),
        ("ecosystem", "chunk", "`bytes`", _bare_tokens),
        ("ecosystem", "chunk", "`moderation`", _any_moderation),
    )
]


def amended(file: str, kind: str, but: Difference | None = None) -> Checker:
    schema = json.loads(extraction(file, kind))
    for difference in DIFFERENCES:
        if (difference.file, difference.kind) == (file, kind) and difference is not but:
            difference.amend(schema["$defs"])
    return compiled(schema)


@with_spec
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", LEVELS)
def test_the_contract_and_the_extraction_agree_on_every_mutant_but_for_the_differences_named(file: str, kind: str) -> None:
    ours, theirs = accepts(file, kind), amended(file, kind)
    assert [] == [mutant for mutant in mutants(kind) if ours.open(mutant) != theirs.open(mutant)][:3]


@with_spec
@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda one: f"{one.file}-{one.kind}-{one.amend.__name__.strip('_')}")
def test_each_difference_named_is_one(difference: Difference) -> None:
    ours, theirs = accepts(difference.file, difference.kind), amended(difference.file, difference.kind, but=difference)
    assert any(ours.open(mutant) != theirs.open(mutant) for mutant in mutants(difference.kind))


def test_the_reason_for_each_difference_is_written_down() -> None:
    source = (CONTRACT / "SOURCE.md").read_text(encoding="utf-8")
    assert "f85dbe223d40e1a31cba812ab2d755c7e98a92a3" in source
    assert [] == [difference.place for difference in DIFFERENCES if difference.place not in source]


# ---------------------------------------------------------------- the traffic


RECORDINGS = Path(os.environ.get("CHATCOMPAT_RECORDINGS", ROOT.parent / "shared" / "recordings"))
with_recordings = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recorded traffic is not here")

SINCE = datetime(2025, 3, 15, tzinfo=UTC)
"""Every answer of api.openai.com has had today's form since then."""


def documents(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The documents of a record, with their kinds. An answer 200 that is an error is one."""
    body = record["response_body"] or ""
    if record["is_stream"]:
        events, _ = decode([Frame(at_ms=0, data=body.encode())])
        found = [parse(event.data) for event in events if event.data != "[DONE]"]
        yield from (("error" if get(chunk, "choices") is None and get(chunk, "error") else "chunk", chunk) for chunk in found)  # type: ignore[arg-type]
    elif (document := parse(body)) is not ABSENT:
        failed = record["status"] >= 400 or get(document, "error") is not None  # type: ignore[arg-type]
        yield ("error" if failed else "models" if record["endpoint"] == "models" else "completion"), document


def date(record: dict[str, Any], document: Any) -> datetime:
    created = get(document, "created")
    if isinstance(created, int):
        return datetime.fromtimestamp(created, UTC)
    return datetime.fromisoformat(record["recorded_at"] or record["source_commit_date"])


def records(host: str) -> Iterator[dict[str, Any]]:
    with gzip.open(RECORDINGS / f"{host}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["endpoint"] in ("chat/completions", "models"):
                yield record


@with_recordings
def test_nothing_that_openai_sent_breaks_more_than_the_document() -> None:
    seen: dict[str, int] = {}
    alarms = []
    for record in records("api.openai.com"):
        for kind, document in documents(record):
            seen[kind] = seen.get(kind, 0) + 1
            for violation in violations(kind, document):  # type: ignore[arg-type]
                if violation.level is Level.MUST or (violation.level is Level.SHOULD and date(record, document) >= SINCE):
                    alarms.append((record["source_path"], kind, violation))
    assert [] == alarms[:3]
    assert {"chunk": True, "completion": True, "error": True, "models": True} == {kind: seen[kind] > 0 for kind in sorted(seen)}


DEFECTS = {
    "adb-138962681435081.1.azuredatabricks.net": {"chunk /usage/completion_tokens", "chunk /usage/total_tokens"},
    "api-inference.huggingface.co": {
        "chunk /object",
        "completion /choices/*/message/tool_calls/*/function/arguments",
        "completion /choices/*/message/tool_calls/*/id",
        "completion /object",
        "error /error",
    },
    "api.cerebras.ai": {"error /error"},
    "api.cloudflare.com": {"completion /choices/*/message/content"},
    "api.cohere.com": {"models /data", "models /object"},
    "api.hyperbolic.xyz": {"error /error"},
    "api.mistral.ai": {
        "chunk /choices/*/delta/content",
        "chunk /choices/*/delta/tool_calls/*/index",
        "completion /choices/*/message/content",
        "error /error",
    },
    "azure": {"chunk /choices/*/delta", "chunk /object", "completion /choices/*/message"},
    "demo-endpoints.pydantic.workers.dev": {  # an answer of another form altogether
        "completion /choices",
        "completion /created",
        "completion /id",
        "completion /model",
        "completion /object",
    },
    "generativelanguage.googleapis.com": {
        "chunk /choices/*/delta/tool_calls/*/index",
        "chunk /id",
        "models /data",
        "models /object",
    },
    "huggingface.co": {"error /error"},
    "localhost_11434": {"chunk /choices/*/delta/tool_calls/*/index"},
    "models.github.ai": {"chunk /object", "models "},
    "myorg-myaccount.snowflakecomputing.com": {"completion /choices/*/finish_reason"},
    "openrouter.ai": {"chunk /choices/*/delta/tool_calls/*/type"},
    "router.huggingface.co": {"chunk /object", "completion /object", "error /error"},
}
"""What really breaks clients in the recordings of others, each read and found true. All other hosts: nothing."""


@with_recordings
def test_of_other_hosts_just_the_real_defects_are_found() -> None:
    found: dict[str, set[str]] = {}
    for file in sorted(RECORDINGS.glob("*.jsonl.gz")):
        host = file.name.removesuffix(".jsonl.gz")
        if host == "api.anthropic.com":  # another API
            continue
        for record in records(host):
            for kind, document in documents(record):
                for violation in violations(kind, document):  # type: ignore[arg-type]
                    if violation.level is Level.MUST and document is not ABSENT:
                        found.setdefault(host, set()).add(f"{kind} {violation.place}")
    assert DEFECTS == found
