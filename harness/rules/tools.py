"""Tool calls: whole in a message, or in deltas that a client must be able to put together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness import asked
from harness.choices import Choice, answers, calls, parts, whole
from harness.model import ChatCompleted, ChatStreamed, Evidence, Json
from harness.reading import arr, brief, get, obj, parse, text
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, must, should
from harness.rules import raw_call

_MESSAGE = "/choices/*/message/tool_calls"
_DELTA = "/choices/*/delta/tool_calls"


@should(
    "inferencerlabs/inferencer-feedback#42, microsoft/foundry-local#144; vLLM, Mistral, Together in recordings",
    instead_of=[_MESSAGE, _DELTA],
)
def none_is_no_key(x: ChatCompleted | ChatStreamed) -> Problems:
    """Without a tool call there is no key `tool_calls`: neither null nor an empty array.

    Clients that ask whether the key is there go on to run nothing, and strict servers refuse `[]` when it is sent back.

    Clients: Programs that test `"tool_calls" in message` take the branch for tools; sent back as `[]`, the message is
    refused by strict servers.
    Servers: vLLM of 2024, Mistral (551 bodies with null), Together, Nebius, LiteLLM's proxy, Foundry Local, Inferencer.
    Fix: Leave the key out while the list is empty, in deltas too.
    Sources: jekalmin/extended_openai_conversation#456
    """
    for choice in parts(x):
        part, said = _part(choice)
        if "tool_calls" in said and said["tool_calls"] in (None, []):
            yield Problem(f"tool_calls is {brief(said['tool_calls'])}", f"{choice.at}/{part}/tool_calls")


@must("openai/openai-dotnet#428, openai/openai-node#1946, ggml-org/llama.cpp#11992", instead_of=[_MESSAGE + "/*/id"])
def call_has_an_id(x: ChatCompleted) -> Problems:
    """Each tool call of a message has an `id` that is a text and not empty.

    The tool's result must name it: the next turn is refused (400) without.

    Clients: openai-dotnet cannot send the call back, and openai-node's runTools gets 400 on the next turn.
    Servers: Gemini's bridge (""), LM Studio, llama.cpp of February 2025, old TGI (a number).
    Fix: Make one when the model gives none, `call_` and 24 random characters, and keep it the same when the conversation
    comes back.
    Sources: lmstudio-ai/lmstudio-bug-tracker#830
    """
    for choice in answers(x):
        for at, call in choice.calls:
            if not text(call.get("id")):
                yield Problem(f"id is {brief(call.get('id'))}", f"{at}/id")


@must(f"{DOCUMENT}, ChatCompletionMessageToolCall; continuedev/continue#13235", instead_of=[_MESSAGE + "/*/function/name"])
def call_has_a_name(x: ChatCompleted) -> Problems:
    """Each tool call of a message has the name of what is called, a text and not empty.

    Without it there is nothing to run. (In streams: tools.first-delta-has-the-name.)

    Clients: Agents look the name up in their table of tools and raise KeyError, or answer the model that "" does not exist.
    Servers: Snowflake in two recorded bodies (""), and parsers that begin before the name is known.
    Fix: Put the name into `function.name`, or `custom.name`, and send no call whose name is not known.
    """
    for choice in answers(x):
        for at, call in choice.calls:
            kind = "custom" if "custom" in call else "function"
            if isinstance(call.get(kind), dict) and not text(get(call, kind, "name")):
                yield Problem(f"name is {brief(get(call, kind, 'name'))}", f"{at}/{kind}/name")


@must("lmstudio-ai/lmstudio-bug-tracker#830, openai/openai-dotnet#428, openai/openai-node#1946", translated=True)
def ids_differ(x: ChatCompleted | ChatStreamed) -> Problems:
    """No two tool calls of an answer have one `id`.

    Results are matched by it: one result goes to both calls, or the next turn is refused.

    Clients: Results are stored by id, so both calls get one of them, and openai-node is refused on the next turn.
    Servers: LM Studio, llama.cpp of 2025.
    Fix: Take random ids rather than a hash of the name or a constant, and make one per call, not one per answer.
    Sources: ggml-org/llama.cpp#11992
    """
    seen: set[tuple[int, str]] = set()
    for choice, at, call in _begun(x):
        name = text(call.get("id"))
        if name and (choice, name) in seen:
            yield Problem(f"id {brief(name)} again", f"{at}/id")
        seen.add((choice, name))


@must("ai-dynamo/dynamo#4723, su-kaka/gcli2api#406, huggingface/smolagents#1958, camel-ai/camel#3662")
def index_is_of_one_call(x: ChatStreamed) -> Problems:
    """One `index` is one call: parallel calls have different ones.

    Clients join what has the same index: arguments `{…}{…}` and names glued together.

    Clients: smolagents, Unsloth Studio and Home Assistant's local_openai fail with "Extra data" on the arguments of two
    calls in a row.
    Servers: Bridges to Gemini (gcli2api, iHub), Dynamo, LiteLLM's Responses bridge, Plexus, Ollama.
    Fix: Count over the whole answer and not within a chunk: the second call has index 1 even if each chunk holds only one.
    Sources: unslothai/unsloth#10059, mcowger/plexus#691, intrafind/ihub-apps#1722, skye-harris/hass_local_openai_llm#12
    """
    for call in calls(x):
        first = ""
        for at, delta in call.deltas:
            name = text(delta.get("id"))
            if name and first and name != first:
                yield Problem(f"index {call.index} is call {brief(first)} and call {brief(name)}", f"{at}/index")
            first = first or name


@should(f"{RECORDED}: indexes are 0, 1, 2 in turn; OpenRouter began at 1 in 13; openai-node fills the gap with undefined")
def indexes_count_from_zero(x: ChatStreamed) -> Problems:
    """The tool calls of a choice have the indexes 0, 1, 2 in turn.

    Clients use the index as the position in an array, and raise on the hole.

    Clients: openai-node writes to `tool_calls[1]` and leaves `undefined` in front; code that walks over the array stops
    there.
    Servers: OpenRouter, in 13 recorded streams.
    Fix: When text or reasoning takes a block of its own in the format you translate from, do not number it along with the
    calls.
    Sources: ai-dynamo/dynamo#4723, su-kaka/gcli2api#406, huggingface/smolagents#1958, unslothai/unsloth#10059,
    mcowger/plexus#691, intrafind/ihub-apps#1722, skye-harris/hass_local_openai_llm#12, camel-ai/camel#3662
    """
    next_of: dict[int, int] = {}
    for call in calls(x):
        expected = next_of.get(call.choice, 0)
        if call.index != expected:
            yield Problem(f"index {call.index} where {expected} is next", f"{call.deltas[0][0]}/index")
        next_of[call.choice] = call.index + 1


@must("continuedev/continue#13235, iOfficeAI/aionrs#99, unslothai/unsloth#10059")
def first_delta_has_the_id(x: ChatStreamed) -> Problems:
    """The first delta of a call has its `id`.

    Clients open the call with it: Continue printed the arguments as text, and the next turn is refused (400).

    Clients: Continue printed the arguments as text, and aionrs and others get 400 "tool_calls.id required" when they
    answer.
    Servers: Ollama with gpt-oss, StepFun, some vLLM parsers.
    Fix: Make the id before the first fragment is sent; do not wait for the parser to see the end of the call.
    """
    for call in calls(x):
        at, delta = call.deltas[0]
        if not text(delta.get("id")):
            yield Problem(f"the first delta of call {call.index} is {brief(delta)}", f"{at}/id")


@must("continuedev/continue#13235, unslothai/unsloth#10059")
def first_delta_has_the_name(x: ChatStreamed) -> Problems:
    """The first delta of a call has the name of what is called.

    The AI SDK refuses the chunk ("Expected 'function.name' to be a string"), others open a call of nothing.

    Clients: The AI SDK rejects the chunk, and so the whole answer; whoever goes on has opened a call that cannot be
    dispatched.
    Servers: Not in the recordings; parsers that stream arguments before they know the name.
    Fix: Hold the call back until its name is known, then send id, type, name and `"arguments": ""` in one delta.
    Sources: iOfficeAI/aionrs#99
    """
    for call in calls(x):
        at, delta = call.deltas[0]
        if not text(get(delta, "function", "name")) and not text(get(delta, "custom", "name")):
            yield Problem(f"the first delta of call {call.index} is {brief(delta)}", f"{at}/function/name")


@should(f"{RECORDED}: in all first deltas of api.openai.com; Mistral leaves it out", instead_of=[_DELTA + "/*/type"])
def first_delta_has_the_type(x: ChatStreamed) -> Problems:
    """The first delta of a call has its `type`.

    Clients that send the call back with what they got are refused: the type is required there.

    Clients: A client that replays the delta as it came sends a call without `type`, and strict servers answer 400; no crash
    is reported on reading.
    Servers: Mistral (62 of 67 recorded streams), and 91 % of its whole calls.
    Fix: Add `"type": "function"` to the delta that opens the call.
    """
    for call in calls(x):
        at, delta = call.deltas[0]
        if not text(delta.get("type")):
            yield Problem(f"type is {brief(delta.get('type'))} in the first delta of call {call.index}", f"{at}/type")


@must("SillyTavern, public/scripts/tool-calling.js (applyToolCallDelta); BerriAI/litellm#11407, vllm-project/vllm#31438")
def name_comes_once(x: ChatStreamed) -> Problems:
    """Only the first delta of a call has a name.

    Clients join texts: "get_weatherget_weather" is no tool they know.

    Clients: The OpenAI SDK for Python reads "get_weatherget_weather…" (measured with llama-cpp-python), and SillyTavern the
    same.
    Servers: llama-cpp-python (each delta), LiteLLM, vLLM's finish chunk.
    Fix: Send the name with the id in the opening delta, and clear it from the object that you fill for the next ones.
    """
    for call in calls(x):
        named = False
        first = text(call.deltas[0][1].get("id"))
        for at, delta in call.deltas:
            name = text(get(delta, "function", "name"))
            another = text(delta.get("id")) not in ("", first)  # tools.index-is-of-one-call
            if name and named and not another:
                yield Problem(f"name {brief(name)} again", f"{at}/function/name")
            named = named or bool(name)


@should(
    "SillyTavern, public/scripts/tool-calling.js (applyToolCallDelta); OpenRouter sends null in 278 recorded deltas",
    instead_of=[f"{_DELTA}/*/{key}" for key in ("id", "type", "function/name")],
)
def later_deltas_add_arguments_alone(x: ChatStreamed) -> Problems:
    """After its first delta a call's deltas have `index` and arguments, and repeat neither `id` nor `type`, not even as null.

    SillyTavern makes "call_1call_1" of a repeated id, and forgets the id where null follows. (A name that is repeated:
    tools.name-comes-once.)

    Clients: SillyTavern's applyToolCallDelta joins repeated texts and lets null wipe out what was there.
    Servers: OpenRouter (null ids in 278 deltas), Azure AI Foundry, vLLM in its finish chunk, LiteLLM (`type` in each
    delta), llama-cpp-python (measured).
    Fix: Build continuation deltas from `index` and `function.arguments` alone, with no key for what has been said already.
    Sources: BerriAI/litellm#11407, vllm-project/vllm#31438
    """
    for call in calls(x):
        for at, delta in call.deltas[1:]:
            function = obj(delta.get("function"))
            again: list[str] = [key for key in ("id", "type") if key in delta]
            if text(delta.get("id")) and text(delta.get("id")) != text(call.deltas[0][1].get("id")):
                continue  # another call: tools.index-is-of-one-call
            if "name" in function and not function["name"]:
                again.append("function.name")
            if again:
                yield Problem(f"{', '.join(again)} again: {brief(delta)}", at)


@must(
    "ggml-org/llama.cpp#20198, sipeed/picoclaw#1292; old TGI in recordings",
    instead_of=[_MESSAGE + "/*/function/arguments", _DELTA + "/*/function/arguments"],
)
def arguments_are_text(x: ChatCompleted | ChatStreamed) -> Problems:
    """`function.arguments` is a text that holds JSON, not the JSON itself.

    Typed SDKs refuse an object; others run the tool with `{}`.

    Clients: openai-dotnet and other typed SDKs refuse the object; claudette ran its tools with `{}`, and picoclaw lost what
    was in it.
    Servers: llama.cpp (March 2026), old TGI, OpenRouter in a recording, leaks of Ollama's native format.
    Fix: Serialize the object once more before it goes into the call: `"arguments": "{\\"city\\": \\"Paris\\"}"`.
    Sources: ggml-org/llama.cpp#20202, sipeed/picoclaw#1379, mrdushidush/claudette#238
    """
    for choice in parts(x):
        for at, call in choice.calls:
            function = call.get("function")
            arguments = obj(function).get("arguments")
            absent = isinstance(x, ChatStreamed) and arguments is None
            if isinstance(function, dict) and not absent and not isinstance(arguments, str):
                yield Problem(f"arguments is {brief(arguments)}", f"{at}/function/arguments")


@must("elizaOS/eliza#16973, lidge-jun/opencodex#361, vllm-project/vllm#31438, ggml-org/llama.cpp#20202")
def arguments_are_json(x: ChatCompleted | ChatStreamed) -> Problems:
    """The arguments of a function, in one piece or joined from the deltas, are one JSON object.

    Streams that send the whole arguments once more at the end, or two calls as one, give `{…}{…}`: every call fails, and
    only when streaming.

    Clients: elizaOS and OpenCodex lost every call, only in streams: the joined text is "{…}{…}" and json.loads says "Extra
    data".
    Servers: vLLM (the whole arguments again in the finish chunk), elizaOS cloud, OpenCodex, llama.cpp in 2026.
    Fix: Send only what has not been sent yet, give parallel calls indexes of their own, and do not flush the parser's
    buffer twice.
    """
    for at, arguments in _arguments(x):
        if arguments.strip() and not isinstance(parse(arguments), dict):
            yield Problem(f"arguments is {brief(arguments)}", at)


@must(
    "vllm-project/vllm#21365, ar-jan/llm-venice#41, pydantic/pydantic-ai#822; OpenRouter (79 calls) and Databricks in recordings"
)
def arguments_are_not_empty(x: ChatCompleted | ChatStreamed) -> Problems:
    """A call without arguments has `"{}"`, not "".

    `json.loads("")` raises in every program that runs the tool: the user sees a crash, and only with tools without parameters.

    Clients: Simon Willison's llm stops with a JSON decode error, pydantic-ai with a validation error on None.
    Servers: OpenRouter (79 calls and 48 streams), Databricks, vLLM's Hermes parser, Venice.
    Fix: Where a model produced no arguments, write the two characters `{}`, in a stream as the one fragment of the call.
    Sources: vllm-project/vllm#28806
    """
    for at, arguments in _arguments(x):
        if not arguments.strip():
            yield Problem(f"arguments is {brief(arguments)}", at)


@should(
    "huggingface/smolagents#1958, vllm-project/vllm#31438; names with a template's prefix or rest",
    needs=[Evidence.REQUEST],
    translated=True,
)
def name_is_as_offered(x: ChatCompleted | ChatStreamed) -> Problems:
    """A call has the very name that the request offered, and there is none where nothing was offered.

    Nobody can run "functions.get_weather", "get_weatherget_weather" or half a name: agents raise KeyError. A name that is
    like none that was offered is the model's own invention, and not the endpoint's fault.

    Clients: smolagents and agents with a table of tools raise KeyError, or tell the model that its tool does not exist, and
    it tries once more.
    Servers: Templates that prefix "functions." and parsers that glue or cut names (vLLM reported).
    Fix: Strip the template's namespace, match against the names in the request, and never send a part of a name.
    """
    offered = asked.names(x.request)
    for _, at, call in _begun(x):
        kind = "custom" if "custom" in call else "function"
        name = text(get(call, kind, "name"))
        plain = _plain(name)
        spoiled = not offered or any(one in plain or plain in one for one in map(_plain, offered) if one and plain)
        if name and name not in offered and spoiled:
            yield Problem(f"calls {brief(name)}, and {brief(sorted(offered))} were offered", f"{at}/{kind}/name")


@should(
    "ml-explore/mlx-lm#1738, langchain-ai/langchain#34268; Groq, Gemini and Cerebras leave it out in recordings",
    instead_of=["/choices/*/message/content"],
)
def content_is_there_beside_calls(x: ChatCompleted) -> Problems:
    """A message with tool calls has the key `content`, null or a text.

    Programs that keep the conversation read `message["content"]` first, whatever else is there: KeyError.

    Clients: Code in the manner of LangChain subscripts `message["content"]` and raises KeyError; promptfoo stumbled over
    null as well.
    Servers: Groq (43 answers), Gemini's bridge, Cerebras, mlx-lm, Rapid-MLX, old TGI.
    Fix: Exempt this key from the filter that drops null: `"content": null` is what an answer with calls has.
    Sources: raullenchai/Rapid-MLX#467, promptfoo/promptfoo#8162
    """
    for choice in answers(x):
        message = choice.message
        if (arr(message.get("tool_calls")) or message.get("function_call")) and "content" not in message:
            yield Problem("no content", f"{choice.at}/message/content")


@should(
    "lmstudio-ai/lmstudio-bug-tracker#2115, ollama/ollama#13519, jundot/omlx#2565, youssofal/MTPLX#249, vllm-project/vllm#25560",
    needs=[Evidence.REQUEST],
    translated=True,
)
def call_is_not_in_the_content(x: ChatCompleted | ChatStreamed) -> Problems:
    """A tool call is in `tool_calls`, not in the text: neither as the model's template writes it, nor as JSON, nor a copy.

    The program sees no call, and shows `<tool_call>{…}` to the user.

    Clients: The AI SDK's `toolCalls` is empty and the program prints markup or JSON to its user.
    Servers: LM Studio, old Ollama in streams, MTPLX, oMLX, Cloudflare Workers AI, vLLM without a tool parser.
    Fix: Choose the parser that belongs to the model's template (in vLLM `--tool-call-parser`), and hold the text back from
    the opening marker on.
    """
    if asked.offers_tools(x.request):
        for choice in answers(x):
            for raw in raw_call.found(x.request, choice.message):
                yield Problem(f"content has {brief(raw)}", f"{choice.at}/message/content")


def _plain(name: str) -> str:
    """A name without what differs between ways of writing it: letter case, `_`, `-` and `.`."""
    return re.sub(r"[\W_]", "", name).casefold()


def _part(choice: Choice) -> tuple[str, dict[str, Json]]:
    return ("message", choice.message) if "message" in choice.said else ("delta", choice.delta)


def _begun(x: ChatCompleted | ChatStreamed) -> Iterator[tuple[int, str, dict[str, Json]]]:
    """Each tool call, in a stream its first delta, with its choice and its place."""
    if isinstance(x, ChatStreamed):
        for begun in calls(x):
            yield begun.choice, *begun.deltas[0]
    else:
        for choice in answers(x):
            for at, call in choice.calls:
                yield choice.index, at, call


def _arguments(x: ChatCompleted | ChatStreamed) -> Iterator[tuple[str, str]]:
    """Place and arguments of the function calls that came to their end, where the arguments are texts.

    In a stream the deltas are joined; where two calls have one index, that is told by tools.index-is-of-one-call.
    """
    if not whole(x):
        return
    unfinished = {choice.index for choice in answers(x) if choice.said.get("finish_reason") in ("length", "content_filter")}
    if isinstance(x, ChatStreamed):
        for begun in calls(x):
            ids = {text(delta.get("id")) for _, delta in begun.deltas} - {""}
            functions = [delta["function"] for _, delta in begun.deltas if isinstance(delta.get("function"), dict)]
            said = [arguments for function in functions if (arguments := obj(function).get("arguments")) is not None]
            if begun.choice not in unfinished and len(ids) < 2 and functions and all(isinstance(one, str) for one in said):
                yield f"{begun.deltas[-1][0]}/function/arguments", "".join(map(text, said))
    else:
        for choice in answers(x):
            for at, call in choice.calls:
                arguments = get(call, "function", "arguments")
                if choice.index not in unfinished and isinstance(arguments, str):
                    yield f"{at}/function/arguments", arguments
