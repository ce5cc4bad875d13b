"""What recorded traffic shows of hosts and no other module has: oddities of single gateways."""

from __future__ import annotations

from copy import deepcopy

from harness.model import Json
from harness.reading import obj
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.inside import choices


@fault(Stage.CHUNKS, caught_by=["finish.no-choice-follows"])
def an_empty_choice_after_the_end(chunks: list[Json], asked: Asked) -> list[Json]:
    """One more chunk with an empty delta after the finish (LiteLLM's proxy)."""
    for number, chunk in enumerate(chunks):
        if any(choice.get("finish_reason") for choice in choices(chunk)):
            again = deepcopy(chunk)
            for choice in choices(again):
                choice |= {"delta": {}, "finish_reason": None}
            return [*chunks[: number + 1], again, *chunks[number + 1 :]]
    return chunks


@fault(Stage.CHUNKS, caught_by=["stream.one-fingerprint"])
def fingerprints_vary(chunks: list[Json], asked: Asked) -> list[Json]:
    """Chunks of one stream have different fingerprints (OpenRouter)."""
    for number, chunk in enumerate(chunks):
        obj(chunk)["system_fingerprint"] = f"fp_{number}"
    return chunks


@fault(Stage.BODY, caught_by=["reply.begins-at-once"])
def pads_its_documents(body: bytes, asked: Asked) -> bytes:
    """Blanks and line feeds before a JSON document (OpenRouter, DeepSeek)."""
    return b"\n         \n" + body


@fault(Stage.ERROR, caught_by=["errors.type-and-param-are-text"], field=["error-type-param-types"])
def error_types_are_none(error: Json, asked: Asked) -> Json:
    """`type: "None"` in errors, a text made of nothing (LiteLLM)."""
    obj(obj(error).get("error"))["type"] = "None"
    return error
