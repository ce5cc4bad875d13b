"""Chunks that are cut or filled otherwise, and add up to the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.model import Json
from harness.reading import arr, obj, text
from harness.reference.answer import Answer, Asked
from harness.reference.fault import Stage
from harness.reference.inside import begins, choices, finishing, functions, parts, positions, without
from harness.reference.lookalike import lookalike
from harness.reference.moderation import moderated


@lookalike(Stage.CHUNKS)
def no_obfuscation(chunks: list[Json], asked: Asked) -> list[Json]:
    """No `obfuscation` (api.openai.com before August 2025, and everybody else)."""
    return [without(chunk, "obfuscation") for chunk in chunks]


@lookalike(Stage.CHUNKS)
def obfuscation_of_any_length(chunks: list[Json], asked: Asked) -> list[Json]:
    """`obfuscation` in each chunk where it was not declined, empty or long (api.openai.com since August 2025)."""
    if obj(asked.body.get("stream_options")).get("include_obfuscation") is False:
        return chunks
    for place, chunk in enumerate(chunks):
        obj(chunk)["obfuscation"] = "x7Qp" * (place % 5)
    return chunks


@lookalike(Stage.CHUNKS)
def padded_chunks(chunks: list[Json], asked: Asked) -> list[Json]:
    """A padding of the vendor's own in some chunks (`p`, Mistral)."""
    for chunk in chunks[::3]:
        obj(chunk)["p"] = "abcdefghijklmnopqrstuvwxyz"
    return chunks


@lookalike(Stage.CHUNKS)
def several_tokens_in_a_chunk(chunks: list[Json], asked: Asked) -> list[Json]:
    """Two tokens in each chunk with text (servers that decode in steps, speculative decoding)."""
    merged: list[Json] = []
    for chunk in chunks:
        if merged and _joins(merged[-1], chunk):
            before, now = next(choices(merged[-1])), next(choices(chunk))
            obj(before["delta"])["content"] = text(obj(before["delta"])["content"]) + text(obj(now["delta"])["content"])
            arr(obj(before.get("logprobs")).get("content")).extend(arr(obj(now.get("logprobs")).get("content")))
            obj(merged[-1])["merged"] = True
        else:
            merged.append(chunk)
    return [without(chunk, "merged") for chunk in merged]


def _joins(before: Json, now: Json) -> bool:
    """Are both plain text of one choice, and is the one before not joined yet?"""
    one, other = list(choices(before)), list(choices(now))
    if len(one) != 1 or len(other) != 1 or one[0]["index"] != other[0]["index"] or "merged" in obj(before):
        return False
    return all(list(obj(choice["delta"])) == ["content"] for choice in (one[0], other[0]))


@lookalike(Stage.CHUNKS)
def empty_deltas_in_between(chunks: list[Json], asked: Asked) -> list[Json]:
    """Deltas of nothing, `{}` and `{"content": ""}`, between those that say something (tokens that are held back)."""
    fuller: list[Json] = []
    for place, chunk in enumerate(chunks):
        fuller.append(chunk)
        for choice in choices(chunk):
            if not finishing(chunk) and obj(choice["delta"]).get("content"):
                nothing: Json = {} if place % 2 else {"content": ""}
                fuller.append({**obj(chunk), "choices": [{**choice, "delta": nothing, "logprobs": None}]})
    return fuller


@lookalike(Stage.CHUNKS)
def the_role_comes_alone(chunks: list[Json], asked: Asked) -> list[Json]:
    """The first delta is `{"role": "assistant"}` and nothing else (api.openai.com in 2023)."""
    for chunk in chunks:
        for part in parts(chunk):
            if begins(part) and not part.get("tool_calls") and not part.get("function_call"):
                without(part, "content", "refusal")
    return chunks


@lookalike(Stage.CHUNKS)
def the_first_content_is_null(chunks: list[Json], asked: Asked) -> list[Json]:
    """The first delta has `content: null` before a text too (llama.cpp)."""
    for chunk in chunks:
        for part in parts(chunk):
            if begins(part):
                part["content"] = None
    return chunks


@lookalike(Stage.CHUNKS)
def the_role_comes_with_the_first_word(chunks: list[Json], asked: Asked) -> list[Json]:
    """The first delta has the role and the first piece of text (Mistral, Groq in part)."""
    merged: list[Json] = []
    for chunk in chunks:
        said = list(parts(chunk))
        before = list(parts(merged[-1])) if merged else []
        first = bool(before and said) and begins(before[0]) and before[0].get("content") == "" and bool(said[0].get("content"))
        if first and next(choices(chunk))["index"] == next(choices(merged[-1]))["index"]:
            merged[-1] = {**obj(chunk), "choices": [{**next(choices(chunk)), "delta": {**before[0], **said[0]}}]}
        else:
            merged.append(chunk)
    return merged


@lookalike(Stage.CHUNKS, field=["reasoning-content-first-chunk"])
def an_empty_thought_comes_first(chunks: list[Json], asked: Asked) -> list[Json]:
    """The first delta has the role and an empty `reasoning_content` (DeepSeek)."""
    for chunk in chunks:
        for part in parts(chunk):
            if begins(part):
                part["reasoning_content"] = ""
    return chunks


@lookalike(Stage.CHUNKS, field=["reasoning-field-name"])
def thinks_aloud(chunks: list[Json], asked: Asked) -> list[Json]:
    """Chunks with `reasoning_content`, and `content: null` beside it, before the answer (DeepSeek, llama.cpp)."""
    fuller: list[Json] = []
    for chunk in chunks:
        fuller.append(chunk)
        for choice in choices(chunk):
            if begins(obj(choice["delta"])):
                thought: Json = {"content": None, "reasoning_content": "Hm, let me see."}
                if not obj(choice["delta"]).get("tool_calls"):
                    fuller.append({**obj(chunk), "choices": [{**choice, "delta": thought}]})
    return fuller


@lookalike(Stage.CHUNKS)
def choices_come_one_after_the_other(chunks: list[Json], asked: Asked) -> list[Json]:
    """With `n` the second choice begins when the first has ended (servers that generate one at a time)."""

    def index(chunk: Json) -> Any:
        return next((choice["index"] for choice in choices(chunk)), 1000)

    return sorted(chunks, key=index)


@lookalike(Stage.CHUNKS)
def no_null_usage(chunks: list[Json], asked: Asked) -> list[Json]:
    """No key `usage` but in the chunk that has one (vLLM, llama.cpp)."""
    return [chunk if obj(chunk).get("usage") else without(chunk, "usage") for chunk in chunks]


@lookalike(Stage.CHUNKS, field=["usage-chunk-empty-choices"])
def a_moderation_chunk_after_the_usage(chunks: list[Json], asked: Asked) -> list[Json]:
    """Behind the usage comes one more chunk, with `moderation` and `choices: []` (api.openai.com in 2026)."""
    for place in positions(chunks, "usage"):
        after: Json = {**obj(chunks[place]), "usage": None, "moderation": moderated({"model": "omni-moderation-latest"}, ["it"])}
        return [*chunks[: place + 1], after, *chunks[place + 1 :]]
    return chunks


@lookalike(Stage.CHUNKS, field=["tool-delta-args-fragments"])
def a_whole_call_in_a_delta(chunks: list[Json], asked: Asked) -> list[Json]:
    """A tool call comes in one delta, with all its arguments (Ollama, Groq, xAI, Mistral in nearly all recordings)."""
    begun: dict[Any, dict[str, Json]] = {}
    kept: list[Json] = []
    for chunk in chunks:
        keep = True
        for choice in choices(chunk):
            for call in arr(obj(choice["delta"]).get("tool_calls")):
                key = (choice["index"], obj(call)["index"])
                kind = "custom" if "custom" in obj(call) else "function"
                said = obj(obj(call).get(kind))
                written = "input" if kind == "custom" else "arguments"
                if key in begun:
                    begun[key][written] = text(begun[key].get(written)) + text(said.get(written))
                    keep = False
                else:
                    begun[key] = said
        if keep:
            kept.append(chunk)
    return kept


@lookalike(Stage.CHUNKS)
def the_role_comes_before_the_only_call(chunks: list[Json], asked: Asked) -> list[Json]:
    """A chunk with the role alone before a single call, as before several (vLLM, llama.cpp)."""
    fuller: list[Json] = []
    for chunk in chunks:
        for choice in choices(chunk):
            delta = obj(choice["delta"])
            if begins(delta) and delta.get("tool_calls"):
                fuller.append({**obj(chunk), "choices": [{**choice, "delta": {"role": "assistant", "content": None}}]})
                choice["delta"] = {"tool_calls": delta["tool_calls"]}
        fuller.append(chunk)
    return fuller


@lookalike(Stage.CHUNKS)
def the_first_arguments_are_left_out(chunks: list[Json], asked: Asked) -> list[Json]:
    """The first delta of a call has its name and no key `arguments` yet (llama.cpp, bridges)."""
    for chunk in chunks:
        for function in functions(chunk):
            if "name" in function and function.get("arguments") == "":
                del function["arguments"]
    return chunks


@lookalike(Stage.ANSWER)
def created_when_it_began(answer: Answer, asked: Asked) -> Answer:
    """`created` is older than the date of the reply, by the minutes that it was waited for."""
    return replace(answer, created=answer.created - 600)


@lookalike(Stage.CHUNKS)
def parallel_calls_come_in_one_delta(chunks: list[Json], asked: Asked) -> list[Json]:
    """The calls of an answer come whole and together, each with its own index (Ollama, Gemini)."""
    merged: list[Json] = []
    for chunk in a_whole_call_in_a_delta(chunks, asked):
        now = next(parts(chunk), {})
        before = next(parts(merged[-1]), {}) if merged else {}
        if now.get("tool_calls") and before.get("tool_calls"):
            arr(before["tool_calls"]).extend(arr(now["tool_calls"]))
        else:
            merged.append(chunk)
    return merged
