"""Tool calls that clients cannot put together, run or send back."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json
from harness.reading import arr, obj, objects
from harness.reference.answer import Answer, Asked, Call, Turn
from harness.reference.fault import Stage, fault
from harness.reference.inside import calls, choices, functions, parts


def _calls_changed(answer: Answer, **fields: object) -> Answer:
    return replace(answer, turns=tuple(_turn(turn, fields) for turn in answer.turns))


def _turn(turn: Turn, fields: dict[str, object]) -> Turn:
    return replace(turn, calls=tuple(replace(call, **fields) for call in turn.calls))  # type: ignore[arg-type]


@fault(Stage.DOCUMENT, caught_by=["tools.none-is-no-key"], field=["tool-calls-absent-when-none"])
def no_calls_are_an_empty_list(document: Json, asked: Asked) -> Json:
    """`tool_calls: []` where nothing is called (vLLM, Foundry Local)."""
    for part in parts(document):
        part.setdefault("tool_calls", [])
    return document


@fault(Stage.COMPLETION, caught_by=["tools.call-has-an-id"], field=["tool-id-nonempty-unique"])
def calls_have_an_empty_id(document: Json, asked: Asked) -> Json:
    """`id: ""` in the calls of a whole answer (Gemini's bridge, LM Studio)."""
    for call in calls(document):
        call["id"] = ""
    return document


@fault(Stage.ANSWER, caught_by=["tools.ids-differ"], field=["tool-id-nonempty-unique"])
def calls_share_an_id(answer: Answer, asked: Asked) -> Answer:
    """All calls of an answer have one id (LM Studio, llama.cpp of 2025)."""
    return _calls_changed(answer, id="call_000000000000000000000000")


@fault(Stage.CHUNKS, caught_by=["stream.tool-delta-index"], field=["tool-delta-index-present"])
def call_deltas_have_no_index(chunks: list[Json], asked: Asked) -> list[Json]:
    """No `index` in a call's deltas (Gemini's bridge, Mistral, old Ollama)."""
    for chunk in chunks:
        for call in calls(chunk):
            call.pop("index", None)
    return chunks


@fault(Stage.CHUNKS, caught_by=["tools.index-is-of-one-call"], field=["tool-delta-index-distinct"])
def every_call_has_index_0(chunks: list[Json], asked: Asked) -> list[Json]:
    """Parallel calls all have index 0 (Dynamo, Gemini bridges)."""
    for chunk in chunks:
        for call in calls(chunk):
            call["index"] = 0
    return chunks


@fault(Stage.CHUNKS, caught_by=["tools.indexes-count-from-zero"], field=["tool-delta-index-distinct"])
def indexes_of_calls_begin_at_1(chunks: list[Json], asked: Asked) -> list[Json]:
    """The first call has index 1 (OpenRouter in 13 recorded streams)."""
    for chunk in chunks:
        for call in calls(chunk):
            call["index"] = int(str(call["index"])) + 1
    return chunks


@fault(Stage.CHUNKS, caught_by=["tools.first-delta-has-the-id"], field=["tool-delta-id-first"])
def streamed_calls_have_no_id(chunks: list[Json], asked: Asked) -> list[Json]:
    """No id in the first delta of a call (StepFun, Ollama with gpt-oss)."""
    for chunk in chunks:
        for call in calls(chunk):
            call.pop("id", None)
    return chunks


@fault(Stage.CHUNKS, caught_by=["tools.first-delta-has-the-name"], field=["tool-delta-id-first"])
def the_name_comes_late(chunks: list[Json], asked: Asked) -> list[Json]:
    """The name of what is called in the second delta, not in the first (parsers that read on)."""
    names: dict[tuple[Json, Json], Json] = {}
    for chunk in chunks:
        for choice in choices(chunk):
            for _, call in objects(obj(choice["delta"]).get("tool_calls")):
                key = (choice["index"], call["index"])
                if key in names and names[key] is not None:
                    obj(call["function"])["name"] = names[key]
                    names[key] = None
                elif key not in names:
                    names[key] = obj(call["function"]).pop("name")
    return chunks


@fault(Stage.CHUNKS, caught_by=["tools.first-delta-has-the-type"])
def streamed_calls_have_no_type(chunks: list[Json], asked: Asked) -> list[Json]:
    """No `type` in the first delta of a call (Mistral in 62 of 67 recorded streams)."""
    for chunk in chunks:
        for call in calls(chunk):
            call.pop("type", None)
    return chunks


@fault(Stage.CHUNKS, caught_by=["tools.name-comes-once"], field=["tool-delta-no-repeat-metadata"])
def repeats_the_name_of_the_call(chunks: list[Json], asked: Asked) -> list[Json]:
    """The whole name in each delta of a call (llama-cpp-python)."""
    names: dict[Json, Json] = {}
    for chunk in chunks:
        for call in calls(chunk):
            function = obj(call.get("function"))
            function["name"] = names.setdefault(call["index"], function.get("name"))
    return chunks


@fault(Stage.CHUNKS, caught_by=["tools.later-deltas-add-arguments-alone"], field=["tool-delta-no-repeat-metadata"])
def later_deltas_have_null_ids(chunks: list[Json], asked: Asked) -> list[Json]:
    """`id: null` and `type: null` in the later deltas of a call (OpenRouter in 278)."""
    for chunk in chunks:
        for call in calls(chunk):
            call.setdefault("id", None)
            call.setdefault("type", None)
    return chunks


@fault(Stage.COMPLETION, caught_by=["tools.arguments-are-text"], field=["tool-args-is-string"])
def arguments_are_an_object(document: Json, asked: Asked) -> Json:
    """The arguments as JSON, not as a text that holds it (old TGI, llama.cpp of March 2026)."""
    for function in functions(document):
        function["arguments"] = {"city": "Paris"}
    return document


@fault(Stage.CHUNKS, caught_by=["tools.arguments-are-json"], field=["tool-delta-args-fragments"])
def arguments_come_twice(chunks: list[Json], asked: Asked) -> list[Json]:
    """The whole arguments once more behind their pieces (elizaOS, vLLM in its last chunk)."""
    last: dict[Json, tuple[dict[str, Json], str]] = {}
    for chunk in chunks:
        for call in calls(chunk):
            function = obj(call.get("function"))
            so_far = last[call["index"]][1] if call["index"] in last else ""
            last[call["index"]] = (function, so_far + str(function.get("arguments") or ""))
    for function, whole in last.values():
        function["arguments"] = f"{function.get('arguments')}{whole}"
    return chunks


@fault(Stage.ANSWER, caught_by=["tools.arguments-are-not-empty"], field=["tool-args-empty-object"])
def no_arguments_are_an_empty_text(answer: Answer, asked: Asked) -> Answer:
    """`arguments: ""` for a tool without parameters (OpenRouter in 79 calls, Databricks)."""

    def emptied(call: Call) -> Call:
        return replace(call, tokens=()) if call.text == "{}" else call

    return replace(answer, turns=tuple(replace(turn, calls=tuple(map(emptied, turn.calls))) for turn in answer.turns))


@fault(Stage.ANSWER, caught_by=["tools.name-is-as-offered"])
def names_have_the_template_s_prefix(answer: Answer, asked: Asked) -> Answer:
    """`functions.` before the name of the tool (templates that write it so)."""
    renamed = tuple(
        replace(turn, calls=tuple(replace(call, name=f"functions.{call.name}") for call in turn.calls)) for turn in answer.turns
    )
    return replace(answer, turns=renamed)


@fault(Stage.COMPLETION, caught_by=["tools.content-is-there-beside-calls"], field=["tool-content-null-with-calls"])
def no_content_beside_calls(document: Json, asked: Asked) -> Json:
    """No key `content` in a message with calls (Groq, Gemini's bridge, Cerebras)."""
    for part in parts(document):
        if part.get("tool_calls"):
            part.pop("content", None)
    return document


@fault(Stage.ANSWER, caught_by=["tools.call-is-not-in-the-content"], field=["tool-call-not-in-content"])
def calls_are_left_in_the_text(answer: Answer, asked: Asked) -> Answer:
    """The call as the model's template writes it, in the text (LM Studio, vLLM without a parser)."""
    turns = []
    for turn in answer.turns:
        if turn.calls:
            raw = "".join(f'<tool_call>{{"name": "{call.name}", "arguments": {call.text}}}</tool_call>' for call in turn.calls)
            turn = replace(turn, tokens=(raw,), calls=(), finish="stop")
        turns.append(turn)
    return replace(answer, turns=tuple(turns))


@fault(Stage.ANSWER, caught_by=["asked.nothing-is-called-when-forbidden"], field=["tool-choice-none"])
def calls_though_forbidden(answer: Answer, asked: Asked) -> Answer:
    """`tool_choice: "none"` is not looked at (mlx-vlm)."""
    if asked.body.get("tool_choice") != "none":
        return answer
    name = str(obj(obj(arr(asked.body.get("tools"))[0]).get("function")).get("name"))
    called = Call(id="call_000000000000000000000001", kind="function", name=name, tokens=("{", '"city"', ':"Paris"', "}"))
    return replace(answer, turns=tuple(replace(turn, tokens=None, calls=(called,), finish="tool_calls") for turn in answer.turns))


@fault(Stage.ASKED, caught_by=["asked.one-call-at-a-time"])
def ignores_parallel_tool_calls(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`parallel_tool_calls: false` has no effect (local servers)."""
    return {key: value for key, value in body.items() if key != "parallel_tool_calls"}


@fault(Stage.ANSWER, caught_by=["asked.strict-arguments-follow-the-schema"], field=["tool-strict-flag"])
def strict_arguments_miss_a_key(answer: Answer, asked: Asked) -> Answer:
    """`strict: true` is not enforced: an object without its keys (prompt-only implementations)."""
    strict = {
        str(obj(tool.get("function")).get("name"))
        for _, tool in objects(asked.body.get("tools"))
        if obj(tool.get("function")).get("strict") is True
    }
    turns = tuple(
        replace(turn, calls=tuple(replace(call, tokens=("{", "}")) if call.name in strict else call for call in turn.calls))
        for turn in answer.turns
    )
    return replace(answer, turns=turns)


@fault(
    Stage.ASKED,
    caught_by=[
        "tools/allowed",
        "tools/custom",
        "tools/named",
        "tools/no-parameters",
        "tools/strict",
        "tools/undeclared",
        "unicode/tool-keys",
        "unicode/tool-values",
    ],
    field=["tool-choice-named-object"],
)
def ignores_the_named_tool(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A `tool_choice` that names a tool counts as `auto` (workers-ai-provider, old TGI)."""
    return {**body, "tool_choice": "auto"} if isinstance(body.get("tool_choice"), dict) else body


@fault(Stage.ASKED, caught_by=["reasoning/required-tool", "tools/required"], field=["tool-choice-required"])
def ignores_that_a_tool_is_required(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`tool_choice: "required"` counts as `auto` (LiteRT-LM, LM Studio)."""
    return {**body, "tool_choice": "auto"} if body.get("tool_choice") == "required" else body


@fault(
    Stage.ASKED,
    caught_by=[
        "reasoning/dropped-with-call",
        "reasoning/required-tool",
        "reasoning/returned-with-call",
        "tools/allowed",
        "tools/called",
        "tools/choice-without-tools",
        "tools/custom",
        "tools/named",
        "tools/no-parameters",
        "tools/parallel",
        "tools/parallel-off",
        "tools/replay",
        "tools/required",
        "tools/strict",
        "tools/undeclared",
        "unicode/tool-keys",
        "unicode/tool-values",
    ],
)
def ignores_tools(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Tools are taken, and never called (servers without a tool template)."""
    return {key: value for key, value in body.items() if key not in ("tools", "tool_choice", "parallel_tool_calls")}


@fault(Stage.ANSWER, caught_by=["asked.strict-arguments-follow-the-schema"])
def arguments_are_made_up(answer: Answer, asked: Asked) -> Answer:
    """Arguments that have nothing to do with the parameters: `{"properties": …}` (small models without a grammar)."""
    return _calls_changed(answer, tokens=("{", '"properties"', ":", "{}", "}"))
