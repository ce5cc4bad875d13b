"""Why an answer ended: clients decide by it whether to run tools, to go on, or to warn."""

from __future__ import annotations

from harness import asked
from harness.choices import Choice, answers, parts, pieces, whole
from harness.model import ChatCompleted, ChatStreamed, Evidence, Json
from harness.reading import arr, brief, obj, objects, text
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, must, should

_KNOWN = ("stop", "length", "tool_calls", "content_filter", "function_call")


@must("pydantic/pydantic-ai#2323, OpenRouterTeam/python-sdk#44", instead_of=["/choices/*/finish_reason"])
def is_given(x: ChatCompleted) -> Problems:
    """Each choice of a whole answer has a `finish_reason` that is not null.

    Typed clients refuse null; the others cannot tell a whole answer from one that was cut, and agents wait for more.

    Clients: pydantic-ai and OpenRouter's own SDK raise a validation error; agents that continue "until a reason comes" ask
    again.
    Servers: OpenRouter (null in one recorded body, missing in another), LocalAI of 2023, gpt4all's API.
    Fix: Map whatever ended the generation to one of the five words before the document is written; "stop" where nothing
    else is known.
    Sources: pydantic/pydantic-ai#3994, mudler/LocalAI#788, nomic-ai/gpt4all#1317
    """
    for choice in answers(x):
        if choice.said.get("finish_reason") is None and "finish_details" not in choice.said:  # gpt-4-1106-vision, 2023
            yield Problem(f"finish_reason is {_said(choice)}", f"{choice.at}/finish_reason")


@must("microsoft/foundry-local#423, openai/openai-node#1292, openai/openai-node#499, vaadin/flow-components#9195")
def arrives(x: ChatStreamed) -> Problems:
    """Each choice of a stream gets a `finish_reason` before the end.

    openai-node throws "missing finish_reason for choice 0", others never resolve or repeat the request three times.

    Clients: openai-node's ChatCompletionStream throws; the Copilot SDK waits for ever; pi repeats three times; Vaadin takes
    it for an empty answer.
    Servers: Snowflake and a LiteLLM proxy in recordings, Foundry Local, new-api, Nebius with DeepSeek, LM Studio when the
    context overflowed.
    Fix: Send a last chunk with `delta: {}` and a reason on every way out of the generation loop: end, limit, context full,
    filter, tool call.
    Sources: microsoft/foundry-local#299, QuantumNous/new-api#1480, earendil-works/pi#8473, HEXUXIU/M365-Copilot2API#6
    """
    if not whole(x) or b"finish_reason" in x.framing.tail:  # framing.blank-line-at-end speaks of that
        return
    places: dict[int, str] = {}
    finished: set[int] = set()
    for piece in pieces(x):
        places.setdefault(piece.index, piece.at)
        places[piece.index] = piece.at
        reason = piece.said.get("finish_reason", piece.said.get("finish_details"))  # the latter: gpt-4-1106-vision, 2023
        if reason is not None:  # "" is told by finish.is-not-empty
            finished.add(piece.index)
    for index in sorted(places.keys() - finished):
        yield Problem(f"choice {index} never finished", f"{places[index]}/finish_reason")


@must("RayBytes/ChatMock#114, BerriAI/litellm#376; OpenRouter in 137 recorded streams")
def comes_once(x: ChatStreamed) -> Problems:
    """A choice finishes once.

    Where `stop` follows `tool_calls`, clients that keep the last value never run the tools.

    Clients: Clients that keep the last value see "stop" after "tool_calls" and run nothing; Open Interpreter stopped at the
    first while text was still coming.
    Servers: OpenRouter (137 recorded streams), Z.ai, Avian, ChatMock, old LiteLLM.
    Fix: When you relay another stream, drop its finish if you send your own, and keep the usage chunk free of choices.
    """
    finished: set[int] = set()
    for piece in pieces(x):
        if piece.said.get("finish_reason") not in (None, ""):
            if piece.index in finished:
                yield Problem(f"finish_reason {_said(piece)} again", f"{piece.at}/finish_reason")
            finished.add(piece.index)


@must(
    "RayBytes/ChatMock#114; Open Interpreter and others stop reading there",
)
def nothing_follows(x: ChatStreamed) -> Problems:
    """After its `finish_reason` a choice says nothing more.

    Clients stop at the finish: text and calls that come later are lost.

    Clients: Open Interpreter and others close the stream there; LiteLLM's older versions lost the calls that came behind.
    Servers: ChatMock, LiteLLM of 2023.
    Fix: Decide on the reason only when the decoder has been emptied, including text held back for stop sequences and calls
    that are still being parsed.
    Sources: BerriAI/litellm#376
    """
    finished: set[int] = set()
    for piece in pieces(x):
        if piece.index in finished and _says(piece.delta):
            yield Problem(f"delta {brief(piece.delta)} after the finish", f"{piece.at}/delta")
        if piece.said.get("finish_reason") not in (None, ""):
            finished.add(piece.index)


@should(f"{RECORDED}: no chunk with choices after the finish in all 631 streams of 2025 and 2026; OpenRouter in 721, LiteLLM")
def no_choice_follows(x: ChatStreamed) -> Problems:
    """After its `finish_reason` a choice does not come again, not even empty.

    A chunk with usage has no choices by then. (Where more is said: finish.nothing-follows, finish.comes-once.)

    Clients: Those that copy the last chunk's fields over what they had end with `finish_reason: null`, and take the answer
    for unfinished. No report names one.
    Servers: LiteLLM's proxy (an extra `{"index": 0, "delta": {}}`), OpenRouter beside the usage.
    Fix: Close each choice when its reason goes out, and give whatever still has to be sent `"choices": []`.
    """
    finished: set[int] = set()
    again: list[Choice] = []
    for piece in pieces(x):
        if piece.index in finished and not _tells_usage(x, piece):
            again.append(piece)
        if piece.said.get("finish_reason") not in (None, ""):
            finished.add(piece.index)
    told = {piece.index for piece in again if _says(piece.delta) or piece.said.get("finish_reason") not in (None, "")}
    for piece in again:
        if piece.index not in told:
            yield Problem(f"choice {piece.index} comes again after its finish", piece.at)


@should(f"{RECORDED}: the last delta is {{}} in all 631 streams of 2025 and 2026; old vLLM puts text there")
def last_delta_is_empty(x: ChatStreamed) -> Problems:
    """The chunk with the `finish_reason` says nothing else.

    Clients that look at the finish first lose the last word, or a whole tool call.

    Clients: Small clients that test the reason before the text lose the final word. None is reported; the big SDKs add
    both.
    Servers: Mistral, Together, Gemini's bridge, vLLM of 2024, Novita, xAI and old TGI in recordings (TGI even with `</s>`).
    Fix: Send the rest of the text in a chunk with a null reason, and then one more chunk whose delta is empty.
    """
    for piece in pieces(x):
        if piece.said.get("finish_reason") not in (None, "") and _says(piece.delta):
            yield Problem(f"delta {brief(piece.delta)} with finish_reason {_said(piece)}", f"{piece.at}/delta")


@must(
    "sgl-project/sglang#3912, ollama/ollama#4357, mudler/LocalAI#5102, spring-projects/spring-ai#1358",
    instead_of=["/choices/*/finish_reason"],
)
def is_not_empty(x: ChatCompleted | ChatStreamed) -> Problems:
    """`finish_reason` is null until the end, never "".

    openai-dotnet and Spring AI raise on the unknown value; clients that ask "is it null?" stop at the first chunk.

    Clients: openai-dotnet and Spring AI fail on an enum value that does not exist; loops of the form `if reason is not
    None: break` end with the first word.
    Servers: SGLang 0.4, old Ollama, LocalAI 2.26, Snowflake in recordings, proxies for Claude on Bedrock.
    Fix: Use a nullable field: in Go a pointer without `omitempty`, so that "nothing yet" is written as null.
    """
    for choice in parts(x):
        if choice.said.get("finish_reason") == "":
            yield Problem('finish_reason is ""', f"{choice.at}/finish_reason")


@must("openai/openai-dotnet#267, vespa-engine/vespa#33327, pydantic/pydantic-ai#2844", instead_of=["/choices/*/finish_reason"])
def is_known(x: ChatCompleted | ChatStreamed) -> Problems:
    """`finish_reason` is `stop`, `length`, `tool_calls`, `content_filter` or `function_call`.

    openai-dotnet, Semantic Kernel and pydantic-ai raise on "eos", "end_turn", "error" or upper case.

    Clients: openai-dotnet and Semantic Kernel throw ArgumentOutOfRange, pydantic-ai `literal_error`, Vespa fails to decode.
    Servers: Together and TGI ("eos", "eos_token"), OpenRouter ("error"), Mistral ("model_length"), SGLang ("abort"),
    InfermaticAI.
    Fix: Translate at the edge: eos and stop words to "stop", a full context to "length", a filter to "content_filter"; keep
    the native word under a key of its own.
    Sources: openai/openai-dotnet#340, SillyTavern/SillyTavern#2122
    """
    for choice in parts(x):
        reason = choice.said.get("finish_reason")
        if reason not in (None, "") and reason not in _KNOWN:
            yield Problem(f"finish_reason is {brief(reason)}", f"{choice.at}/finish_reason")


@must(
    f"vllm-project/vllm#25054, ollama/ollama#7963, BerriAI/litellm#12862; {RECORDED}: 951 bodies and 285 streams",
    needs=[Evidence.REQUEST],
)
def tool_calls_finish_so(x: ChatCompleted | ChatStreamed) -> Problems:
    """An answer with tool calls ends with `tool_calls`, not with `stop`, unless the request named the function.

    Agents look for `tool_calls` and never run the tool otherwise. With a named function api.openai.com itself says `stop`
    (443 of 450), so both are right there.

    Clients: cursor-byok ends the turn with a failure, Open WebUI turns in a loop, and agents after the quick start print an
    empty message.
    Servers: vLLM before September 2025 (with "required"), Ollama in streams, LiteLLM for o1-pro, Cohere and Gemini,
    mlx-vlm, SGLang, Gemini's own bridge.
    Fix: Set the reason after parsing: "tool_calls" as soon as the answer has a call, whatever token ended it.
    Sources: Blaizzy/mlx-vlm#990, Blaizzy/mlx-vlm#964, leookun/cursor-byok#391, sgl-project/sglang#2877
    """
    if whole(x) and not asked.forces_one_function(x.request):
        for choice in answers(x):
            if arr(choice.message.get("tool_calls")) and choice.said.get("finish_reason") in ("stop", "function_call"):
                yield Problem(f"finish_reason is {_said(choice)} with tool calls", f"{choice.at}/finish_reason")


@should(f"{DOCUMENT}, finish_reason; {RECORDED}: legacy functions give function_call", needs=[Evidence.REQUEST])
def function_call_finishes_so(x: ChatCompleted | ChatStreamed) -> Problems:
    """An answer with the legacy `function_call` ends with `function_call`, unless the request named the function.

    Programs that still use `functions` look for it.

    Clients: Programs written for `functions` in 2023 test for "function_call" and print the empty content instead. Nothing
    newer is known to mind.
    Servers: Snowflake, with empty objects in place of nothing; nobody else in the recordings.
    Fix: Remember by which parameter the functions were offered, and answer in the same language: `functions` with
    "function_call", `tools` with "tool_calls".
    """
    if whole(x) and not asked.forces_one_function(x.request):
        for choice in answers(x):
            if choice.message.get("function_call") and choice.said.get("finish_reason") in ("stop", "tool_calls"):
                yield Problem(f"finish_reason is {_said(choice)} with a function_call", f"{choice.at}/finish_reason")


@must("leookun/cursor-byok#391, QuantumNous/new-api#1480")
def tool_calls_has_calls(x: ChatCompleted | ChatStreamed) -> Problems:
    """`tool_calls` is said only where there are tool calls.

    Agents run no tool, ask again, and so turn in a circle, or raise on the missing list.

    Clients: cursor-byok and new-api's users saw agents that wait for a call, or index an empty list.
    Servers: Relays that translate between formats (new-api, cursor-byok's upstream); not in the recordings.
    Fix: Derive the word from the list of calls that is really sent, not from what the model or the provider before you
    reported.
    """
    if whole(x):
        for choice in answers(x):
            message = choice.message
            if (
                choice.said.get("finish_reason") == "tool_calls"
                and not message.get("tool_calls")
                and not message.get("function_call")
            ):
                yield Problem("finish_reason is tool_calls, and there are none", f"{choice.at}/finish_reason")


def _says(delta: dict[str, Json]) -> bool:
    reasoning = delta.get("reasoning_content") or delta.get("reasoning")
    return bool(delta.get("content") or delta.get("refusal") or reasoning or list(objects(delta.get("tool_calls"))))


def _tells_usage(x: ChatStreamed, piece: Choice) -> bool:
    """Is it beside a usage? usage.stands-alone and usage.comes-only-when-asked speak of that."""
    return isinstance(obj(x.chunks[piece.chunk].body).get("usage"), dict)


def _said(choice: Choice) -> str:
    return brief(text(choice.said.get("finish_reason")) or choice.said.get("finish_reason"))
