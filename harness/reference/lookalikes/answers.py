"""Answers with keys more or less, and values that are as good."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

from harness.model import Json
from harness.reading import ABSENT, get, obj, parse
from harness.reference.answer import Answer, Asked, Call, letters
from harness.reference.fault import Stage
from harness.reference.inside import calls, choices, parts, scores, without
from harness.reference.lookalike import lookalike


@lookalike(Stage.ANSWER)
def the_id_is_a_uuid(answer: Answer, asked: Asked) -> Answer:
    """`id` is a UUID (api.openai.com with its search models, DeepSeek, xAI)."""
    return replace(answer, id=str(uuid.uuid5(uuid.NAMESPACE_OID, answer.id)))


@lookalike(Stage.ANSWER)
def the_model_is_named_as_asked(answer: Answer, asked: Asked) -> Answer:
    """`model` is the name that the request gave, not that of a dated snapshot."""
    return replace(answer, model=str(asked.body.get("model")))


@lookalike(Stage.DOCUMENT)
def the_fingerprint_is_null(document: Json, asked: Asked) -> Json:
    """`system_fingerprint` is null (api.openai.com with gpt-3.5 and gpt-5): the document says text."""
    obj(document)["system_fingerprint"] = None
    return document


@lookalike(Stage.DOCUMENT)
def no_fingerprint_and_no_tier(document: Json, asked: Asked) -> Json:
    """Neither `system_fingerprint` nor `service_tier` (api.openai.com with its search models; nearly all others)."""
    return (
        without(document, "system_fingerprint")
        if "service_tier" in asked.body
        else without(document, "system_fingerprint", "service_tier")
    )


@lookalike(Stage.DOCUMENT)
def the_tier_is_null(document: Json, asked: Asked) -> Json:
    """`service_tier` is null where none was asked for."""
    if "service_tier" not in asked.body:
        obj(document)["service_tier"] = None
    return document


@lookalike(Stage.DOCUMENT)
def no_logprobs_key(document: Json, asked: Asked) -> Json:
    """No key `logprobs` where none were asked for (api.openai.com with reasoning models, in 84 of 182 answers)."""
    for choice in choices(document):
        if choice.get("logprobs") is None:
            without(choice, "logprobs")
    return document


@lookalike(Stage.DOCUMENT)
def no_refusal_and_no_annotations(document: Json, asked: Asked) -> Json:
    """Neither `refusal` nor `annotations` where there are none (api.openai.com before 2024-08 and 2025-03)."""
    for part in parts(document):
        for key in ("refusal", "annotations"):
            if not part.get(key):
                part.pop(key, None)
    return document


@lookalike(Stage.COMPLETION)
def audio_is_null(document: Json, asked: Asked) -> Json:
    """`audio: null` in a message without sound, which the document allows (vLLM)."""
    for part in parts(document):
        part["audio"] = None
    return document


@lookalike(Stage.COMPLETION)
def cites_a_page(document: Json, asked: Asked) -> Json:
    """A text has an annotation of the type `url_citation`, asked for or not (search models)."""
    for part in parts(document):
        if part.get("content") and not part.get("annotations"):
            place: Json = {"start_index": 0, "end_index": 1, "url": "https://example.org/", "title": "An example"}
            part["annotations"] = [{"type": "url_citation", "url_citation": place}]
    return document


@lookalike(Stage.DOCUMENT)
def usage_has_no_details(document: Json, asked: Asked) -> Json:
    """`usage` has the three counts alone (api.openai.com before the end of 2024; most servers)."""
    if obj(document).get("usage") and not asked.body.get("prediction"):
        without(obj(document)["usage"], "prompt_tokens_details", "completion_tokens_details")
    return document


@lookalike(Stage.DOCUMENT)
def usage_has_more_details(document: Json, asked: Asked) -> Json:
    """More kinds of tokens in the details (`text_tokens`, `image_tokens`, `cache_write_tokens`: audio models, gpt-5.6)."""
    usage = obj(obj(document).get("usage"))
    if usage:
        prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
        obj(usage["prompt_tokens_details"]).update({"text_tokens": prompt, "image_tokens": 0, "cache_write_tokens": 0})
        obj(usage["completion_tokens_details"])["text_tokens"] = completion
    return document


@lookalike(Stage.DOCUMENT)
def the_prompt_was_cached(document: Json, asked: Asked) -> Json:
    """The whole prompt counts as cached: a part of `prompt_tokens`."""
    usage = obj(obj(document).get("usage"))
    if usage:
        obj(usage["prompt_tokens_details"])["cached_tokens"] = usage["prompt_tokens"]
    return document


@lookalike(Stage.DOCUMENT)
def extra_fields_everywhere(document: Json, asked: Asked) -> Json:
    """Keys that nobody asked for, at every level (`x_groq`, `provider`, `timings`, `stop_reason`, `usage.cost`)."""
    extra: dict[str, Json] = {"provider": "Example", "x_example": {"region": "eu"}, "timings": {"prompt_ms": 1.5}}
    obj(document).update(extra)
    for choice in choices(document):
        choice |= {"native_finish_reason": "stop", "stop_reason": None, "content_filter_results": {}}
    for part in parts(document):
        part["extra_content"] = {"signature": "4f2a"}
    for call in calls(document):
        call["extra_content"] = {"signature": "4f2a"}
    usage = obj(obj(document).get("usage"))
    if usage:
        usage |= {"cost": 0.00021, "queue_time": 0.017, "num_sources_used": 0}
    return document


@lookalike(Stage.COMPLETION, field=["reasoning-field-name"])
def tells_what_it_thought(document: Json, asked: Asked) -> Json:
    """The message has the thoughts under `reasoning_content` and `reasoning`, beside the answer (DeepSeek, OpenRouter)."""
    for part in parts(document) if asked.body.get("reasoning_effort") != "none" else ():
        part |= {"reasoning_content": "Hm, let me see.", "reasoning": "Hm, let me see."}
    return document


@lookalike(Stage.DOCUMENT)
def tokens_without_bytes(document: Json, asked: Asked) -> Json:
    """`bytes` is null in log probabilities, which the document allows for tokens that have none."""
    for item in scores(document):
        item["bytes"] = None
    return document


@lookalike(Stage.DOCUMENT)
def sure_tokens_are_zero(document: Json, asked: Asked) -> Json:
    """A log probability is the integer 0, that of the unlikeliest -9999.0 (a token that nothing stands against)."""
    for item in scores(document):
        item["logprob"] = 0
    return document


# ---------------------------------------------------------------- tool calls


@lookalike(Stage.ANSWER, field=["tool-finish-reason-named"])
def a_forced_call_finishes_with_tool_calls(answer: Answer, asked: Asked) -> Answer:
    """`tool_calls` after a function that the request named: api.openai.com says `stop` there (443 of 450) or this (7)."""
    return _with_turns(answer, lambda turn: replace(turn, finish="tool_calls") if _called(turn) else turn)


@lookalike(Stage.ANSWER)
def short_call_ids(answer: Answer, asked: Asked) -> Answer:
    """A call's id has nine letters and digits (Mistral)."""
    return _with_calls(answer, lambda call: replace(call, id=letters(9, call.id)))


@lookalike(Stage.ANSWER)
def long_call_ids(answer: Answer, asked: Asked) -> Answer:
    """A call's id has hundreds of characters, with signs of every kind (bridges that keep a signature there)."""
    return _with_calls(answer, lambda call: replace(call, id=f"call_{letters(600, call.id)}/+=:.-|{call.name}"))


@lookalike(Stage.ANSWER)
def arguments_are_pretty_printed(answer: Answer, asked: Asked) -> Answer:
    """The arguments are JSON with blanks and line ends (many models write them so)."""
    return _with_calls(answer, _pretty_printed)


@lookalike(Stage.COMPLETION)
def an_empty_text_beside_calls(document: Json, asked: Asked) -> Json:
    """`content` is "" and not null beside tool calls (3 of 888 at api.openai.com are texts; xAI, llama.cpp)."""
    for part in parts(document):
        if part.get("tool_calls") or part.get("function_call"):
            part["content"] = ""
    return document


@lookalike(Stage.COMPLETION)
def speaks_while_it_calls(document: Json, asked: Asked) -> Json:
    """A sentence beside tool calls ("Let me look that up.": Claude, GPT-4 at times)."""
    for part in parts(document):
        if part.get("tool_calls"):
            part["content"] = "Let me look that up."
    return document


@lookalike(Stage.CHUNKS)
def speaks_before_it_calls(chunks: list[Json], asked: Asked) -> list[Json]:
    """In a stream, a sentence before the tool calls (Claude, GPT-4 at times)."""
    for place, chunk in enumerate(chunks):
        for choice in choices(chunk):
            delta = obj(choice["delta"])
            if "role" in delta and delta.get("tool_calls"):
                calling = {"tool_calls": delta.pop("tool_calls")}
                spoken: Json = {**choice, "delta": {**delta, "content": "Let me look that up."}}
                choice["delta"] = calling
                return [*chunks[:place], {**obj(chunk), "choices": [spoken]}, *chunks[place:]]
    return chunks


@lookalike(Stage.ANSWER)
def json_answers_are_indented(answer: Answer, asked: Asked) -> Answer:
    """JSON that was asked for comes with line ends and blanks (most models write it so)."""
    if get(asked.body, "response_format", "type") not in ("json_object", "json_schema") or asked.body.get("logprobs"):
        return answer

    def indented(turn: Any) -> Any:
        document = parse(turn.text or "")
        return turn if document is ABSENT else replace(turn, tokens=_split(json.dumps(document, ensure_ascii=False, indent=2)))

    return _with_turns(answer, indented)


def _pretty_printed(call: Call) -> Call:
    arguments = parse(call.text)
    if call.kind != "function" or arguments is ABSENT:
        return call
    return replace(call, tokens=_split(json.dumps(arguments, ensure_ascii=False, indent=2)))


def _split(said: str) -> tuple[str, ...]:
    return tuple(said[start : start + 5] for start in range(0, len(said), 5))


def _called(turn: Any) -> bool:
    return bool(turn.calls) and not turn.legacy and turn.finish == "stop"


def _with_turns(answer: Answer, change: Any) -> Answer:
    return replace(answer, turns=tuple(change(turn) for turn in answer.turns))


def _with_calls(answer: Answer, change: Any) -> Answer:
    return _with_turns(answer, lambda turn: replace(turn, calls=tuple(change(call) for call in turn.calls)))
