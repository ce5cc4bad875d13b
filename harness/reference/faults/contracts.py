"""Documents that break the schema of an answer where no rule of its own looks."""

from __future__ import annotations

from harness.model import Json
from harness.reading import obj
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.inside import choices, listed, parts


@fault(Stage.DOCUMENT, caught_by=["contract.ecosystem"], field=["resp-required-fields"])
def ids_are_null(document: Json, asked: Asked) -> Json:
    """`id: null` in every answer (Foundry Local)."""
    obj(document)["id"] = None
    return document


@fault(Stage.DOCUMENT, caught_by=["contract.ecosystem"], field=["resp-required-fields"])
def created_is_a_text(document: Json, asked: Asked) -> Json:
    """`created` as a date in text (small servers)."""
    obj(document)["created"] = "2026-09-22T12:00:00Z"
    return document


@fault(Stage.COMPLETION, caught_by=["contract.published"], field=["refusal-optional"])
def refusal_is_not_there(document: Json, asked: Asked) -> Json:
    """No key `refusal` (nearly every server but OpenAI's)."""
    for part in parts(document):
        part.pop("refusal", None)
    return document


@fault(Stage.COMPLETION, caught_by=["contract.published"], field=["resp-logprobs-key"])
def logprobs_are_not_there(document: Json, asked: Asked) -> Json:
    """No key `logprobs` (OpenAI's own reasoning models): a note, since only the document asks for it."""
    for choice in choices(document):
        if choice["logprobs"] is None:
            del choice["logprobs"]
    return document


@fault(Stage.DOCUMENT, caught_by=["contract.published"], field=["system-fingerprint-optional"])
def fingerprint_is_null(document: Json, asked: Asked) -> Json:
    """`system_fingerprint: null` (OpenAI's own newer models): a note, since only the document forbids it."""
    obj(document)["system_fingerprint"] = None
    return document


@fault(Stage.DOCUMENT, caught_by=["contract.observed"])
def service_tier_of_its_own(document: Json, asked: Asked) -> Json:
    """`service_tier: "on_demand"` (Groq)."""
    obj(document)["service_tier"] = "on_demand"
    return document


@fault(Stage.MODELS, caught_by=["contract.observed"], field=["models-list-shape"])
def models_have_no_date(document: Json, asked: Asked) -> Json:
    """No `created` in a model (DeepSeek, Gemini's bridge)."""
    for model in [*listed(document), obj(document)]:
        model.pop("created", None)
    return document


@fault(Stage.CHUNKS, caught_by=["contract.observed"])
def deltas_have_null_function_calls(chunks: list[Json], asked: Asked) -> list[Json]:
    """`function_call: null` in each delta (vLLM-family servers, Together)."""
    for chunk in chunks:
        for part in parts(chunk):
            part["function_call"] = None
    return chunks
