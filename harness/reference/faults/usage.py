"""Counts that are missing, wrong or in the wrong place."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json
from harness.reading import obj
from harness.reference.answer import Answer, Asked
from harness.reference.fault import Stage, fault
from harness.reference.inside import positions


@fault(Stage.COMPLETION, caught_by=["usage.is-there"], field=["usage-nonstream-present"])
def answers_without_usage(document: Json, asked: Asked) -> Json:
    """No `usage` in a whole answer (Cloudflare)."""
    obj(document).pop("usage")
    return document


@fault(Stage.COMPLETION, caught_by=["usage.counts-are-integers"], field=["usage-nonstream-present"])
def counts_are_null(document: Json, asked: Asked) -> Json:
    """`completion_tokens: null` (Databricks)."""
    obj(obj(document)["usage"])["completion_tokens"] = None
    return document


@fault(Stage.DOCUMENT, caught_by=["usage.adds-up"])
def the_total_is_more_than_its_parts(document: Json, asked: Asked) -> Json:
    """Reasoning is counted in the total alone (xAI, Gemini)."""
    usage = obj(obj(document).get("usage"))
    if usage:
        usage["total_tokens"] = int(str(usage["total_tokens"])) + 100
    return document


@fault(
    Stage.ANSWER,
    caught_by=["usage.counts-what-was-said"],
    field=["usage-stream-equals-nonstream"],
)
def counts_are_zero(answer: Answer, asked: Asked) -> Answer:
    """Zeros for what was not counted (proxies)."""
    return replace(answer, usage=replace(answer.usage, prompt=0, completion=0, reasoning=0))


@fault(Stage.ANSWER, caught_by=["usage.details-are-part-of-it"])
def reasoning_is_counted_apart(answer: Answer, asked: Asked) -> Answer:
    """More reasoning tokens than completion tokens (xAI)."""
    return replace(answer, usage=replace(answer.usage, reasoning=answer.usage.completion + 200))


@fault(Stage.CHUNKS, caught_by=["usage.comes-when-asked"], field=["usage-stream-opt-in-chunk"])
def never_tells_the_usage_of_streams(chunks: list[Json], asked: Asked) -> list[Json]:
    """`include_usage` has no effect (old Ollama, llama-cpp-python)."""
    for place in reversed(positions(chunks, "usage")):
        del chunks[place]
    return chunks


@fault(Stage.CHUNKS, caught_by=["usage.comes-only-when-asked"])
def tells_the_usage_unasked(chunks: list[Json], asked: Asked) -> list[Json]:
    """A usage chunk that nobody asked for (OpenRouter, Mistral, MLflow)."""
    if asked.usage_chunk:
        return chunks
    counts: Json = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    return [*chunks, {**obj(chunks[-1]), "choices": [], "usage": counts}]


@fault(Stage.CHUNKS, caught_by=["usage.comes-once"], field=["usage-not-on-every-chunk"])
def tells_the_usage_in_every_chunk(chunks: list[Json], asked: Asked) -> list[Json]:
    """The counts so far in every chunk, where they were asked for (Perplexity, Databricks, Hyperbolic)."""
    if asked.usage_chunk:
        for chunk in chunks:
            obj(chunk)["usage"] = obj(chunks[-1])["usage"]
    return chunks


@fault(Stage.CHUNKS, caught_by=["usage.stands-alone"], field=["usage-chunk-empty-choices"])
def tells_the_usage_with_the_finish(chunks: list[Json], asked: Asked) -> list[Json]:
    """The usage in the chunk with the finish (DeepSeek, Mistral, OpenRouter)."""
    told = positions(chunks, "usage")
    if told:
        obj(chunks[told[0] - 1])["usage"] = obj(chunks.pop(told[0]))["usage"]
    return chunks


@fault(Stage.CHUNKS, caught_by=["usage.comes-last"])
def tells_the_usage_before_the_finish(chunks: list[Json], asked: Asked) -> list[Json]:
    """The usage chunk before the last choice (translators from APIs that count first)."""
    told = positions(chunks, "usage")
    if told:
        chunks.insert(told[0] - 1, chunks.pop(told[0]))
    return chunks


@fault(Stage.ANSWER, caught_by=["usage/streamed-equals-plain"], field=["usage-stream-equals-nonstream"])
def estimates_the_prompt_of_streams(answer: Answer, asked: Asked) -> Answer:
    """Prompts of streams are counted in another way (proxies that estimate)."""
    if not asked.streamed:
        return answer
    return replace(answer, usage=replace(answer.usage, prompt=answer.usage.prompt + 3))


@fault(
    Stage.ANSWER,
    caught_by=[
        "usage/prompt-grows",
        "vision/detail",
        "vision/gif",
        "vision/jpeg",
        "vision/png",
        "vision/two",
        "vision/webp",
    ],
)
def every_prompt_counts_the_same(answer: Answer, asked: Asked) -> Answer:
    """A constant in place of the prompt's tokens (servers that make it up)."""
    return replace(answer, usage=replace(answer.usage, prompt=10))
