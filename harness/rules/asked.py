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


@should(
    "lm-sys/FastChat#3883, ggml-org/llama.cpp#15007, mzau/mlx-knife#68, jundot/omlx#2386",
    needs=[Evidence.REQUEST],
    translated=True,
)
def stop_is_not_in_the_text(x: ChatCompleted | ChatStreamed) -> Problems:
    """The text never contains a stop sequence.

    Roleplay clients show "\\nUser:" and the model's invention of what the user says next; code editors insert garbage.

    Clients: SillyTavern shows the next speaker's name at the end of each message; fill-in-the-middle editors insert the
    marker into the file.
    Servers: FastChat, llama.cpp's chat stream in 2025, mlx-knife, oMLX, TGI and old mlx-vlm: the text or its beginning
    leaks, or a sequence of several tokens is never recognised.
    Fix: Compare on decoded text, not on tokens, and hold back as many characters as the longest stop sequence has less one
    before sending a delta. Take one string as well as a list.
    Sources: jundot/omlx#1054, huggingface/text-generation-inference#1254, Blaizzy/mlx-vlm#1069, Luce-Org/lucebox#251,
    lvyufeng/PocketLLM#245
    """
    for choice in answers(x):
        content = text(choice.message.get("content"))
        for stop in asked.stops(x.request):
            if stop in content:
                yield Problem(f"content has the stop sequence {brief(stop)}", f"{choice.at}/message/content")


@should(
    "abetlen/llama-cpp-python#1907, ikawrakow/ik_llama.cpp#2321, voideditor/void#128", needs=[Evidence.REQUEST], translated=True
)
def tokens_are_limited(x: ChatCompleted | ChatStreamed) -> Problems:
    """An answer has no more tokens than `max_completion_tokens` or `max_tokens` allows.

    Where the limit is dropped, an answer of five tokens becomes forty thousand, and somebody pays for them.

    Clients: The AI SDK, pi and today's openai libraries send `max_completion_tokens` alone; with a server that reads only
    the old name one question ran to 40,000 tokens.
    Servers: llama-cpp-python (still in 0.3.36, measured), old ik_llama.cpp, Tokasaurus.
    Fix: Read `max_completion_tokens` and `max_tokens` as one setting, and count reasoning into it.
    Sources: Gitlawb/openclaude#739, ScalingIntelligence/tokasaurus#7, editor-code-assistant/eca#231, Gitlawb/openclaude#85,
    devnullvoid/dms-ai-assistant#12, HKUDS/nanobot#2468
    """
    limit = asked.most_tokens(x.request) if not get(x.request.body, "prediction") else None  # rejected guesses count too
    used = integer(get(x.body, "usage", "completion_tokens"))
    if limit is not None and used is not None and used > limit * asked.choices(x.request):
        yield Problem(f"{used} tokens, and {limit} were allowed", "/usage/completion_tokens")


@should("Blaizzy/mlx-vlm#1070, google-ai-edge/LiteRT-LM#2471", needs=[Evidence.REQUEST], translated=True)
def nothing_is_called_when_forbidden(x: ChatCompleted | ChatStreamed) -> Problems:
    """With `tool_choice: "none"` no tool is called.

    Agents ask so for a final answer, and turn in a circle.

    Clients: Agents that ask for a closing summary with `none` get one more call, run it, ask again and never come to an
    end.
    Servers: Old mlx-vlm and LiteRT-LM ignored the parameter.
    Fix: Leave the tools in the prompt if the template needs them, but turn the parser of calls off, or forbid the opening
    token of a call, when `tool_choice` is "none".
    """
    if asked.forbids_tools(x.request):
        for choice in answers(x):
            if arr(choice.message.get("tool_calls")) or choice.message.get("function_call"):
                yield Problem(f"called {brief(choice.message.get('tool_calls'))}", f"{choice.at}/message/tool_calls")


@should(f"{DOCUMENT}, parallel_tool_calls; {RECORDED}", needs=[Evidence.REQUEST], translated=True)
def one_call_at_a_time(x: ChatCompleted | ChatStreamed) -> Problems:
    """With `parallel_tool_calls: false` an answer has one tool call at most.

    Programs that cannot run two say so, and run the first alone; the next turn is refused for the missing result.

    Clients: Agents that can run one call a turn send false, and leave what comes beyond the first unanswered. No client is
    reported to crash.
    Servers: Nobody was seen ignoring it; Cerebras answers 400 for the parameter instead, which is honest.
    Fix: Stop the generation after the first complete call where the parameter is false; do not cut the list afterwards, or
    the tokens of the dropped calls are still paid.
    """
    if get(x.request.body, "parallel_tool_calls") is False:
        for choice in answers(x):
            count = len(arr(choice.message.get("tool_calls")))
            if count > 1:
                yield Problem(f"{count} tool calls", f"{choice.at}/message/tool_calls/1")


@should(
    "lmstudio-ai/lmstudio-bug-tracker#189, lmstudio-ai/lmstudio-bug-tracker#2403, lfnovo/esperanto#46",
    needs=[Evidence.REQUEST],
    translated=True,
)
def json_is_json(x: ChatCompleted | ChatStreamed) -> Problems:
    """With `response_format` `json_object` or a strict `json_schema` the content is JSON and nothing else.

    `json.loads` raises on a Markdown fence, or on a sentence before it.

    Clients: Khoj, Open Notebook, SuggestArr and n8n hard-code `json_object` and parse what comes: `json.loads` fails at the
    first backtick, and the user sees no answer at all.
    Servers: LM Studio fenced the JSON or left it in the reasoning; text-generation-webui drops `response_format`, TabbyAPI
    takes `json_object` without effect, and Anthropic's compatible layer documents that it ignores it.
    Fix: Constrain the sampling with a grammar of JSON. A server that cannot do so answers 400 for `response_format`, so
    that the client can fall back to a prompt of its own.
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


@should(
    "ggml-org/llama.cpp#24097, jundot/omlx#1241, raullenchai/Rapid-MLX#801, kekzl/imp#1567",
    needs=[Evidence.REQUEST],
    translated=True,
)
def strict_schema_is_followed(x: ChatCompleted | ChatStreamed) -> Problems:
    """With a strict `json_schema` the content follows the schema.

    `.parse()` of the SDKs, instructor and the AI SDK build typed values of it: they raise, or hold wrong values in silence.

    Clients: The AI SDK's generateObject, instructor and `.parse()` of openai-python validate against the schema; loosely
    typed programs keep a number where they declared an enum.
    Servers: llama.cpp (report of build 9272), oMLX, Rapid-MLX and imp enforce none or only some keywords, mostly dropping
    `minimum`, `maximum` and patterns; Anthropic's layer ignores the format.
    Fix: Enforce every keyword of the strict subset while sampling, and answer 400 for one that the grammar cannot express,
    rather than leave it out.
    Sources: tetherto/qvac#1768
    """
    wanted = obj(get(x.request.body, "response_format", "json_schema"))
    if wanted.get("strict") is True and "schema" in wanted and whole(x):
        for choice in answers(x):
            if choice.said.get("finish_reason") == "stop" and not _elsewhere(choice.message):
                yield from _broken(wanted["schema"], choice.message.get("content"), f"{choice.at}/message/content")


@should(
    f"{DOCUMENT}, FunctionObject (strict); instructor, the AI SDK and pydantic-ai build typed values of them",
    needs=[Evidence.REQUEST],
    translated=True,
)
def strict_arguments_follow_the_schema(x: ChatCompleted | ChatStreamed) -> Problems:
    """The arguments of a call to a function with `strict: true` follow its schema.

    Programs that asked for it call the function without looking again. OpenAI promises it for one call at a time only.

    Clients: pydantic-ai and instructor raise a validation error and pay for another try; programs without validation call
    their function with keys missing.
    Servers: Anthropic's compatible layer documents that it ignores `strict`; servers that only prompt with the schema do
    the same without saying so.
    Fix: Compile the parameters of a strict function into the grammar that constrains the arguments, or refuse `strict:
    true` with 400.
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
