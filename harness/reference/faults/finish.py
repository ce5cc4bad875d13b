"""Wrong ends of an answer."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json
from harness.reading import obj
from harness.reference.answer import Answer, Asked
from harness.reference.fault import Stage, fault
from harness.reference.inside import choices, finishing, parts, positions


@fault(Stage.ANSWER, caught_by=["finish.is-known"], field=["finish-enum"])
def finishes_with_eos(answer: Answer, asked: Asked) -> Answer:
    """`eos` for an answer that ended by itself (Together, TGI)."""
    return replace(answer, turns=tuple(replace(turn, finish="eos") if turn.finish == "stop" else turn for turn in answer.turns))


@fault(Stage.CHUNKS, caught_by=["finish.is-not-empty"], field=["stream-finish-reason-null-not-empty"])
def finish_reason_is_an_empty_text(chunks: list[Json], asked: Asked) -> list[Json]:
    """`finish_reason` is "" until the end (SGLang 0.4, LocalAI 2.26, old Ollama)."""
    for chunk in chunks:
        for choice in choices(chunk):
            if choice["finish_reason"] is None:
                choice["finish_reason"] = ""
    return chunks


@fault(Stage.CHUNKS, caught_by=["finish.arrives"], field=["stream-final-finish-reason"])
def never_finishes(chunks: list[Json], asked: Asked) -> list[Json]:
    """A stream without any `finish_reason` (Foundry Local, LM Studio on a full context)."""
    return [chunk for chunk in chunks if not finishing(chunk)]


@fault(Stage.COMPLETION, caught_by=["finish.is-given"], field=["resp-required-fields"])
def finish_reason_is_null(document: Json, asked: Asked) -> Json:
    """A whole answer that does not say why it ended (OpenRouter, once in its recordings)."""
    for choice in choices(document):
        choice["finish_reason"] = None
    return document


@fault(Stage.CHUNKS, caught_by=["finish.comes-once"], field=["stream-single-finish-reason"])
def finishes_twice(chunks: list[Json], asked: Asked) -> list[Json]:
    """The last chunk of a choice comes twice (OpenRouter in 137 recorded streams)."""
    return [again for chunk in chunks for again in ([chunk, chunk] if finishing(chunk) else [chunk])]


@fault(Stage.CHUNKS, caught_by=["finish.nothing-follows"], field=["stream-single-finish-reason"])
def talks_after_its_end(chunks: list[Json], asked: Asked) -> list[Json]:
    """The finish comes before the last piece of text (ChatMock)."""
    ends, texts = positions(chunks, "finish"), positions(chunks, "text")
    if len(ends) == 1 and texts:
        chunks.insert(texts[-1], chunks.pop(ends[0]))
    return chunks


@fault(Stage.CHUNKS, caught_by=["finish.last-delta-is-empty"])
def last_word_comes_with_the_finish(chunks: list[Json], asked: Asked) -> list[Json]:
    """The chunk with the finish has the last piece of text in it (old vLLM, TGI)."""
    ends, texts = positions(chunks, "finish"), positions(chunks, "text")
    if len(ends) == 1 and texts:
        (last,) = choices(chunks.pop(texts[-1]))
        for choice in choices(chunks[ends[0] - 1]):
            choice["delta"] = last["delta"]
            choice["logprobs"] = last["logprobs"]
    return chunks


@fault(Stage.ANSWER, caught_by=["finish.tool-calls-finish-so"], field=["tool-finish-reason-auto-required"])
def calls_and_says_stop(answer: Answer, asked: Asked) -> Answer:
    """`stop` for an answer with tool calls (Ollama in streams, vLLM with `required`)."""
    return replace(
        answer, turns=tuple(replace(turn, finish="stop") if turn.finish == "tool_calls" else turn for turn in answer.turns)
    )


@fault(Stage.ANSWER, caught_by=["finish.tool-calls-has-calls"])
def says_tool_calls_without_any(answer: Answer, asked: Asked) -> Answer:
    """`tool_calls` for a text, where tools were offered (a gateway that looks at the request alone)."""
    if not asked.body.get("tools"):
        return answer
    return replace(
        answer,
        turns=tuple(
            replace(turn, finish="tool_calls") if turn.finish == "stop" and not turn.calls else turn for turn in answer.turns
        ),
    )


@fault(Stage.DOCUMENT, caught_by=["finish.function-call-finishes-so"])
def calls_as_in_2023(document: Json, asked: Asked) -> Json:
    """A tool call comes as the legacy `function_call`, with `stop` (bridges from before `tools`)."""
    for choice in choices(document):
        if choice.get("finish_reason") == "tool_calls":
            choice["finish_reason"] = "stop"
    for part in parts(document):
        calls = part.pop("tool_calls", None)
        if isinstance(calls, list) and obj(calls[0]).get("index", 0) == 0 and obj(calls[0]).get("type") != "custom":
            part["function_call"] = obj(calls[0]).get("function")
    return document


@fault(Stage.ANSWER, caught_by=["choices/each-cut", "limits/cut"], field=["finish-length"])
def cut_and_says_stop(answer: Answer, asked: Asked) -> Answer:
    """`stop` for an answer that was cut at the limit (llama.cpp of 2024, many bridges)."""
    return replace(
        answer, turns=tuple(replace(turn, finish="stop") if turn.finish == "length" else turn for turn in answer.turns)
    )


@fault(
    Stage.ANSWER,
    caught_by=[
        "limits/no-limit",
        "stop/list",
        "stop/phrase",
        "stop/word",
        "structured-output/json-object",
        "structured-output/json-schema",
        "structured-output/nested",
        "structured-output/numbers",
        "unicode/schema",
        "unicode/stop",
    ],
    field=["finish-length"],
)
def always_says_length(answer: Answer, asked: Asked) -> Answer:
    """`length` for an answer that ended by itself (a server that compares with its own default)."""
    return replace(
        answer,
        turns=tuple(
            replace(turn, finish="length") if turn.finish == "stop" and not turn.calls else turn for turn in answer.turns
        ),
    )
