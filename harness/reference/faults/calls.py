"""Tool calls that are wrong in other ways than the first that comes to mind."""

from __future__ import annotations

import json
from dataclasses import replace

from harness.model import Json
from harness.reading import arr, obj
from harness.reference.answer import Answer, Asked, Call
from harness.reference.fault import Stage, fault
from harness.reference.inside import calls, functions, parts


@fault(Stage.COMPLETION, caught_by=["tools.call-has-a-name"])
def calls_have_no_name(document: Json, asked: Asked) -> Json:
    """`name` is "" in a message's calls (parsers that begin before the name is known)."""
    for call in calls(document):
        for kind in ("function", "custom"):
            if kind in call:
                obj(call[kind])["name"] = ""
    return document


@fault(Stage.COMPLETION, caught_by=["tools.name-is-as-offered"])
def names_are_written_otherwise(document: Json, asked: Asked) -> Json:
    """`GetWeather` for `get_weather` (bridges to languages with habits of their own)."""
    for function in functions(document):
        function["name"] = str(function["name"]).title().replace("_", "").replace("-", "")
    return document


@fault(Stage.ANSWER, caught_by=["tools.call-is-not-in-the-content"], field=["tool-call-not-in-content"])
def calls_are_json_in_the_text(answer: Answer, asked: Asked) -> Answer:
    """The call is JSON in a fence in the content (oMLX, Ollama with models that it has no parser for)."""

    def written(call: Call) -> str:
        return "```json\n" + json.dumps({"name": call.name, "arguments": {"as": call.text}}) + "\n```"

    turns = (
        replace(turn, tokens=(written(turn.calls[0]),), calls=(), finish="stop") if turn.calls and not turn.legacy else turn
        for turn in answer.turns
    )
    return replace(answer, turns=tuple(turns))


@fault(Stage.COMPLETION, caught_by=["tools.call-is-not-in-the-content"], field=["tool-call-not-in-content"])
def arguments_are_in_the_text_too(document: Json, asked: Asked) -> Json:
    """`content` repeats the arguments of the calls beside it (parsers that pass on what they have parsed)."""
    for part in parts(document):
        if part.get("tool_calls"):
            part["content"] = "\n".join(str(obj(obj(call).get("function")).get("arguments")) for call in arr(part["tool_calls"]))
    return document


@fault(Stage.CHUNKS, caught_by=["tools.arguments-are-text"], field=["tool-args-is-string", "tool-args-empty-object"])
def streamed_arguments_are_an_object(chunks: list[Json], asked: Asked) -> list[Json]:
    """The last fragment of the arguments is an object (bridges to APIs whose arguments are objects)."""
    return [_with_object(chunk) for chunk in chunks]


def _with_object(chunk: Json) -> Json:
    for function in functions(chunk):
        if "name" not in function:
            function["arguments"] = {}
    return chunk


@fault(
    Stage.COMPLETION,
    caught_by=["asked.strict-arguments-follow-the-schema", "tools.arguments-are-json"],
    field=["tool-args-is-string"],
)
def arguments_are_json_of_json(document: Json, asked: Asked) -> Json:
    """`arguments` is JSON of a text that holds JSON: encoded twice (bridges)."""
    for function in functions(document):
        function["arguments"] = json.dumps(function["arguments"])
    return document


@fault(Stage.CHUNKS, caught_by=["stream.tool-delta-index"], field=["tool-delta-index-present"])
def indexes_of_calls_are_texts(chunks: list[Json], asked: Asked) -> list[Json]:
    """`index` is "0" (servers that take it from a header or a map)."""
    for chunk in chunks:
        for call in calls(chunk):
            call["index"] = str(call["index"])
    return chunks


@fault(Stage.CHUNKS, caught_by=["tools.index-is-of-one-call"], field=["tool-delta-id-first", "tool-id-nonempty-unique"])
def a_new_id_in_each_delta(chunks: list[Json], asked: Asked) -> list[Json]:
    """Each delta of a call has another id (servers that make one whenever none is there)."""
    place = 0
    for chunk in chunks:
        for call in calls(chunk):
            place += 1
            call["id"] = f"call_{place}"
    return chunks


@fault(Stage.ANSWER, caught_by=["tools/parallel", "tools/parallel-off"], field=["parallel-tool-calls-supported"])
def never_calls_twice(answer: Answer, asked: Asked) -> Answer:
    """One tool call in an answer at most (templates that end with the first): no verdict on the endpoint."""
    return replace(answer, turns=tuple(replace(turn, calls=turn.calls[:1]) for turn in answer.turns))
