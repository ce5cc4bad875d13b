"""What the request asked for and any answer must respect.

These are SHOULD, although users suffer, so that a case can say `ignored` of a feature that has no effect: a MUST finding
would turn that into `fail`.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness import asked, contract
from harness.choices import answers, whole
from harness.errors import BadInput
from harness.model import ChatCompleted, ChatStreamed, Evidence, Json
from harness.reading import ABSENT, arr, brief, get, integer, obj, parse, text
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, should


@should("lm-sys/FastChat#3883, ggml-org/llama.cpp#15007, mzau/mlx-knife#68, jundot/omlx#2386", needs=[Evidence.REQUEST])
def stop_is_not_in_the_text(x: ChatCompleted | ChatStreamed) -> Problems:
    """The text never contains a stop sequence.

    Roleplay clients show "\\nUser:" and the model's invention of what the user says next; code editors insert garbage.
    """
    for choice in answers(x):
        content = text(choice.message.get("content"))
        for stop in asked.stops(x.request):
            if stop in content:
                yield Problem(f"content has the stop sequence {brief(stop)}", f"{choice.at}/message/content")


@should("abetlen/llama-cpp-python#1907, ikawrakow/ik_llama.cpp#2321, voideditor/void#128", needs=[Evidence.REQUEST])
def tokens_are_limited(x: ChatCompleted | ChatStreamed) -> Problems:
    """An answer has no more tokens than `max_completion_tokens` or `max_tokens` allows.

    Where the limit is dropped, an answer of five tokens becomes forty thousand, and somebody pays for them.
    """
    limit = asked.most_tokens(x.request) if not get(x.request.body, "prediction") else None  # rejected guesses count too
    used = integer(get(x.body, "usage", "completion_tokens"))
    if limit is not None and used is not None and used > limit * asked.choices(x.request):
        yield Problem(f"{used} tokens, and {limit} were allowed", "/usage/completion_tokens")


@should("Blaizzy/mlx-vlm#1070, google-ai-edge/LiteRT-LM#2471", needs=[Evidence.REQUEST])
def nothing_is_called_when_forbidden(x: ChatCompleted | ChatStreamed) -> Problems:
    """With `tool_choice: "none"` no tool is called.

    Agents ask so for a final answer, and turn in a circle.
    """
    if asked.forbids_tools(x.request):
        for choice in answers(x):
            if arr(choice.message.get("tool_calls")) or choice.message.get("function_call"):
                yield Problem(f"called {brief(choice.message.get('tool_calls'))}", f"{choice.at}/message/tool_calls")


@should(f"{DOCUMENT}, parallel_tool_calls; {RECORDED}", needs=[Evidence.REQUEST])
def one_call_at_a_time(x: ChatCompleted | ChatStreamed) -> Problems:
    """With `parallel_tool_calls: false` an answer has one tool call at most.

    Programs that cannot run two say so, and run the first alone; the next turn is refused for the missing result.
    """
    if get(x.request.body, "parallel_tool_calls") is False:
        for choice in answers(x):
            count = len(arr(choice.message.get("tool_calls")))
            if count > 1:
                yield Problem(f"{count} tool calls", f"{choice.at}/message/tool_calls/1")


@should(
    "lmstudio-ai/lmstudio-bug-tracker#189, lmstudio-ai/lmstudio-bug-tracker#2403, lfnovo/esperanto#46", needs=[Evidence.REQUEST]
)
def json_is_json(x: ChatCompleted | ChatStreamed) -> Problems:
    """With `response_format` `json_object` or a strict `json_schema` the content is JSON and nothing else.

    `json.loads` raises on a Markdown fence, or on a sentence before it.
    """
    kind = get(x.request.body, "response_format", "type")
    strict = get(x.request.body, "response_format", "json_schema", "strict") is True
    if (kind == "json_object" or (kind == "json_schema" and strict)) and whole(x):
        for choice in answers(x):
            content = choice.message.get("content")
            if choice.said.get("finish_reason") == "stop" and isinstance(content, str) and not _elsewhere(choice.message):
                document = parse(content)
                if document is ABSENT or (kind == "json_object" and not isinstance(document, dict)):
                    yield Problem(f"content is {brief(content)}", f"{choice.at}/message/content")


@should("ggml-org/llama.cpp#24097, jundot/omlx#1241, raullenchai/Rapid-MLX#801, kekzl/imp#1567", needs=[Evidence.REQUEST])
def strict_schema_is_followed(x: ChatCompleted | ChatStreamed) -> Problems:
    """With a strict `json_schema` the content follows the schema.

    `.parse()` of the SDKs, instructor and the AI SDK build typed values of it: they raise, or hold wrong values in silence.
    """
    wanted = obj(get(x.request.body, "response_format", "json_schema"))
    if wanted.get("strict") is True and "schema" in wanted and whole(x):
        for choice in answers(x):
            if choice.said.get("finish_reason") == "stop" and not _elsewhere(choice.message):
                yield from _broken(wanted["schema"], choice.message.get("content"), f"{choice.at}/message/content")


@should(
    f"{DOCUMENT}, FunctionObject (strict); instructor, the AI SDK and pydantic-ai build typed values of them",
    needs=[Evidence.REQUEST],
)
def strict_arguments_follow_the_schema(x: ChatCompleted | ChatStreamed) -> Problems:
    """The arguments of a call to a function with `strict: true` follow its schema.

    Programs that asked for it call the function without looking again. OpenAI promises it for one call at a time only.
    """
    offered = asked.functions(x.request)
    if not whole(x):
        return
    for choice in answers(x):
        made = list(choice.calls)
        for at, call in made if len(made) == 1 else []:
            function = obj(offered.get(text(get(call, "function", "name"))))
            if function.get("strict") is True and choice.said.get("finish_reason") in ("stop", "tool_calls"):
                yield from _broken(function.get("parameters"), get(call, "function", "arguments"), f"{at}/function/arguments")


def _broken(schema: Json, said: Json, at: str) -> Iterator[Problem]:
    """Where a text that is JSON breaks a schema; nothing where either is none, which others tell."""
    document = parse(said) if isinstance(said, str) else ABSENT
    if document is ABSENT or not isinstance(schema, dict):
        return
    try:
        errors = contract.compiled(schema).errors(document)  # type: ignore[arg-type]
    except (BadInput, RecursionError):  # the request's own schema is none: the endpoint's to refuse, not ours to judge
        return
    for error in errors:
        yield Problem(f"{error.at or 'it'}: {error.message}", at)


def _elsewhere(message: dict[str, Json]) -> bool:
    """Is the answer a refusal or a call, so that its text is not what the format speaks of?"""
    return bool(message.get("refusal") or arr(message.get("tool_calls")) or obj(message.get("function_call")))
