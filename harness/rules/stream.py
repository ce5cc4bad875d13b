"""What the chunks of a stream are, one by one and together."""

from __future__ import annotations

from collections.abc import Iterator

from harness.choices import chunks, cut, pieces, whole
from harness.model import ChatStreamed, Ending, Evidence, Json
from harness.reading import arr, brief, integer, obj, text
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, may, must, should

_MANY = 30  # chunks with text: enough to say whether they came one by one
_SLOW_MS = 1000.0  # a wait in which a stream could have begun
_PER_CHUNK_MS = 0.1  # ten thousand tokens a second: no model is that fast, a buffer is


@must("ikawrakow/ik_llama.cpp#467, mudler/LocalAI#340, diegosouzapw/OmniRoute#6777; Perplexity and GPUStack in recordings")
def ends_with_done(x: ChatStreamed) -> Problems:
    """The last event is `[DONE]`, and no other is.

    Clients stop reading there. Without it they wait until the connection closes, or report an answer that broke off;
    whatever follows the first is lost.

    Clients: The OpenAI SDKs end silently, OpenCode reports a truncated answer, and tools that act on the terminator never
    do.
    Servers: Perplexity (41 of 41), GPUStack (74 of 78), Groq after an error, old TGI, MLflow (measured), ik_llama.cpp, old
    LocalAI.
    Fix: Write `data: [DONE]\\n\\n` once at the very end, after the usage chunk, and also after an error event.
    Sources: tashfeenahmed/freellmapi#1087
    """
    done = [position for position, event in enumerate(x.events) if event.data == "[DONE]"]
    unfinished = b"[DONE]" in x.framing.tail  # framing.blank-line-at-end speaks of that
    if x.events and not cut(x) and not unfinished and done != [len(x.events) - 1]:
        where = ", ".join(str(position + 1) for position in done[:3])
        said = f"[DONE] is event {where} of {len(x.events)}" if done else f"no [DONE] after {len(x.events)} events"
        yield Problem(said, f"bytes {x.events[-1].start}-{x.events[-1].end}")


@must("ikawrakow/ik_llama.cpp#467, tashfeenahmed/freellmapi#1087")
def closes_after_done(x: ChatStreamed) -> Problems:
    """The body ends soon after `[DONE]`.

    Clients that read to the end of the body, as every plain HTTP client does, hang with the whole answer in hand.

    Clients: Plain readers to the end of the body (curl, fetch's `text()`) hang until a timeout; OpenCode was reported to
    stall.
    Servers: ik_llama.cpp, freellmapi's upstreams.
    Fix: Close the body right after the terminator: return from the generator, write the last chunk of the transfer
    encoding, and keep the connection alive for the next request alone.
    Sources: mudler/LocalAI#340, diegosouzapw/OmniRoute#6777
    """
    if x.reply.ended is Ending.HELD_OPEN:
        yield "the connection stayed open after [DONE]"


@must("BerriAI/litellm#40578, vaadin/flow-components#9195, microsoft/foundry-local#423")
def says_something(x: ChatStreamed) -> Problems:
    """A stream that does not fail has at least one chunk with a choice.

    Proxies turn a failure upstream into a stream of nothing but `[DONE]`: an empty answer that looks like success.

    Clients: Chat windows show an empty bubble, and agents read "the model said nothing" where it was unreachable; Vaadin's
    users reported it.
    Servers: LiteLLM and other gateways that swallow a failure upstream.
    Fix: If nothing has been sent yet when the model fails, answer with an error status; later, with an error event.
    Sources: pydantic/pydantic-ai#2323, lmstudio-ai/lmstudio-bug-tracker#266, UKGovernmentBEIS/inspect_ai#3687
    """
    broken = any("choices" in chunk and not isinstance(chunk["choices"], list) for _, chunk in chunks(x))
    if whole(x) and not broken and not any(arr(chunk.get("choices")) for _, chunk in chunks(x)):
        yield f"{len(x.events)} events, and none has a choice"


@must(
    "vercel/ai#15879, SillyTavern/SillyTavern#2122, sgl-project/mini-sglang#51; Perplexity in recordings", instead_of=["/object"]
)
def object_is_named(x: ChatStreamed) -> Problems:
    """`object` is `chat.completion.chunk` in each chunk that names it.

    Clients with literal types refuse the chunk (AI SDK, pydantic), others take the stream for that of another operation.

    Clients: The AI SDK and pydantic's literals reject the chunk, and so the stream.
    Servers: Perplexity ("chat.completion" in 1,048 chunks), old TGI ("text_completion"), mini-sglang, InfermaticAI.
    Fix: Use the constant "chat.completion.chunk" in each chunk, the usage chunk included.
    """
    for position, chunk in chunks(x):
        opening = chunk.get("object") == "" and chunk.get("choices") == []  # stream.opens-with-a-choice speaks of that
        if "object" in chunk and chunk["object"] != "chat.completion.chunk" and not opening:
            yield Problem(f"object is {brief(chunk['object'])}", f"chunks/{position}/object")


@must("pydantic/pydantic-ai#5170, vercel/ai#7417, anomalyco/opencode#1298, langchain-ai/langchain#35236", instead_of=["/choices"])
def choices_is_an_array(x: ChatStreamed) -> Problems:
    """Each chunk has an array `choices`, which may be empty.

    Chunks of a vendor's own (usage, metadata, citations) without it kill the stream: `AI_TypeValidationError`, TypeError in
    pydantic-ai, "null value for choices" in LangChain.

    Clients: pydantic-ai raises TypeError, the AI SDK ends the stream with a validation error, LangChain reports "null value
    for choices", SillyTavern failed on `data.choices[0]`.
    Servers: vLLM on its multimodal error path, v0's API, zukijourney, OpenRouter.
    Fix: Give each of your own events `"choices": []`, or send it under a key of a regular chunk.
    """
    for position, chunk in chunks(x):
        if not isinstance(chunk.get("choices"), list):
            yield Problem(f"choices is {brief(chunk.get('choices'))}", f"chunks/{position}/choices")


@must(
    "gradio-app/gradio#11729, XSpoonAi/spoon-core#179, ruc-datalab/DeepAnalyze#25; Azure in 72 of 79 recorded streams",
    instead_of=["/object"],
)
def opens_with_a_choice(x: ChatStreamed) -> Problems:
    """The first chunk has a choice.

    Clients that read `choices[0]` raise at the very start when a chunk of filter results, with no id and no model, comes first.

    Clients: gradio, DeepAnalyze, Langfuse, LlamaIndex and Logfire each crashed on the very first chunk and had to add a
    guard.
    Servers: Azure OpenAI (72 of 79 streams), Azure AI Foundry (54), GitHub Models (46 of 46).
    Fix: Hang the results of the prompt's filter on the first real chunk, whose choice carries the role.
    """
    first = next(iter(chunks(x)), None)
    more = any(arr(chunk.get("choices")) for _, chunk in chunks(x))
    if first and more and first[1].get("choices") == []:
        yield Problem(f"the first chunk is {brief(first[1])}", f"chunks/{first[0]}/choices")


@must("microsoft/autogen#6465, openai/openai-node#1982, uezo/aiavatarkit#124", instead_of=["/choices/*/delta"])
def delta_is_an_object(x: ChatStreamed) -> Problems:
    """Each choice of each chunk has an object `delta`, which may be empty.

    `choice.delta.content` raises without it.

    Clients: autogen failed with AttributeError on NoneType, openai-node's runner and aiavatarkit likewise.
    Servers: Azure's asynchronous content filter, whose annotation chunks have none; Foundry Local.
    Fix: Send `"delta": {}` where there is nothing to say, and hang results of a filter beside it.
    """
    for piece in pieces(x):
        if not isinstance(piece.said.get("delta"), dict):
            yield Problem(f"delta is {brief(piece.said.get('delta'))}", f"{piece.at}/delta")


@should(f"openai/openai-node#1982; {RECORDED}: Perplexity repeats the whole message in each chunk")
def no_message(x: ChatStreamed) -> Problems:
    """No choice of a chunk has a `message`.

    Clients that take `message` where there is one put the text so far behind the text so far.

    Clients: openai-node's runner crashed on it until 2026; clients that prefer `message` show each word many times over.
    Servers: Perplexity (the text so far in each chunk), Foundry Local.
    Fix: Send increments under `delta` and nothing else; the whole message is for answers that are not streamed.
    Sources: microsoft/autogen#6465, uezo/aiavatarkit#124
    """
    for piece in pieces(x):
        if "message" in piece.said:
            yield Problem(f"message is {brief(piece.said['message'])}", f"{piece.at}/message")


@must(
    "langchain-ai/langchainjs#11157, diegosouzapw/OmniRoute#3911, lemonade-sdk/lemonade#350", instead_of=["/choices/*/delta/role"]
)
def role_comes_first(x: ChatStreamed) -> Problems:
    """The first delta of each choice has the role `assistant`.

    LangChain.js makes a generic message of a chunk without it and loses its tool calls, so that n8n answers with nothing.

    Clients: LangChain.js cannot tell the kind of the message, drops its tool calls, and n8n returns an empty output.
    Servers: GPUStack (74 of 78 streams), Cloudflare, OmniRoute's and agentgateway's bridges, Lemonade with thinking models;
    TabbyAPI never sends it.
    Fix: Begin each choice with `{"role": "assistant", "content": ""}`, also when the first thing said is a call or
    reasoning.
    Sources: agentgateway/agentgateway#3005
    """
    seen: set[int] = set()
    for piece in pieces(x):
        if piece.index not in seen and isinstance(piece.said.get("delta"), dict):
            seen.add(piece.index)
            if piece.delta.get("role") != "assistant":
                yield Problem(f"the first delta of choice {piece.index} is {brief(piece.delta)}", f"{piece.at}/delta/role")


@should("BerriAI/litellm#9986, ollama/ollama#17166, ai-dynamo/dynamo#12741; OpenRouter repeats it in all 945 recorded streams")
def role_comes_once(x: ChatStreamed) -> Problems:
    """Only the first delta of a choice has a role.

    Clients that join what deltas say, as the helper of openai-python did, get the role "assistantassistant…".

    Clients: The merge of deltas in early openai-python and in Open Interpreter adds strings up and sends the result back as
    a role.
    Servers: OpenRouter (945 of 945), Ollama, Z.ai, Together, Databricks, SambaNova, LiteLLM for Bedrock, Dynamo.
    Fix: Remember for each choice that the role has gone out, and leave the key away afterwards.
    Sources: mudler/LocalAI#340, openinterpreter/openinterpreter#244, theopenco/llmgateway#317
    """
    seen: set[int] = set()
    for piece in pieces(x):
        if piece.index in seen and piece.delta.get("role") is not None:
            yield Problem(f"role {brief(piece.delta['role'])} again", f"{piece.at}/delta/role")
        seen.add(piece.index)


@must(
    "openai/openai-python#3246, ollama/ollama#7881, open-webui/open-webui#27190, vercel/ai#15879",
    instead_of=["/choices/*/delta/tool_calls/*/index"],
)
def tool_delta_index(x: ChatStreamed) -> Problems:
    """Each tool call of a delta has an integer `index`.

    It says which call the fragment belongs to. openai-python raises TypeError, the AI SDK refuses the chunk, and Open WebUI
    never runs the tool.

    Clients: openai-python's stream helper raises TypeError, the AI SDK fails its validation, Open WebUI waits for ever, and
    AstrBot loses the arguments.
    Servers: Gemini's bridge (6 of 6 streams), Mistral (17 calls of 2024 and 2025), Ollama up to 0.4, GPUStack (12 of 12),
    mistral.rs, grok2api.
    Fix: Number the calls of an answer 0, 1, 2 as they begin, and write that number into each of their deltas, even where a
    whole call goes out at once.
    Sources: EricLBuehler/mistral.rs#1507, chenyme/grok2api#239, AstrBotDevs/AstrBot#6692, SamSaffron/term-llm#314
    """
    for piece in pieces(x):
        for at, delta in piece.calls:
            if integer(delta.get("index")) is None:
                yield Problem(f"index is {brief(delta.get('index'))}", f"{at}/index")


@must("microsoft/foundry-local#221, ggml-org/llama.cpp#5876, BerriAI/litellm#1571")
def one_id(x: ChatStreamed) -> Problems:
    """All chunks have one id.

    A new id is a new completion to openai-node, and an error to the accumulator of openai-go.

    Clients: openai-go's accumulator rejects the chunk, openai-node begins a new completion, openai-dotnet failed.
    Servers: Foundry Local (a suffix that counts up), old llama.cpp, LiteLLM for other providers, Groq's compound systems,
    Avian.
    Fix: Make the id before the first chunk, and pass it down to the function that writes them.
    Sources: microsoft/foundry-local#144, BerriAI/litellm#14429, openai/openai-node#1982
    """
    yield from _one(x, "id")


@should(f"{DOCUMENT}, CreateChatCompletionStreamResponse; {RECORDED}: one model in every stream; microsoft/foundry-local#144")
def one_model(x: ChatStreamed) -> Problems:
    """All chunks name one model.

    Cost tables and logs take the first name or the last: they must not differ.

    Clients: Dashboards keyed by the name split one answer into two; nothing is known to crash.
    Servers: Azure's first chunk has "" (which is passed over here); a second name was not seen.
    Fix: Resolve aliases and fallbacks before streaming, and write the resolved name into each chunk.
    """
    yield from _one(x, "model")


@may(f"{DOCUMENT}, CreateChatCompletionStreamResponse (each chunk has the same timestamp); llama.cpp, xAI, Ollama in recordings")
def one_created(x: ChatStreamed) -> Problems:
    """All chunks have one `created`.

    Only the document asks for it. No client is known to mind.

    Clients: openai-go's accumulator and others keep the first value. None is reported to fail.
    Servers: llama.cpp, Ollama, xAI, Groq, old TGI, GPUStack.
    Fix: Note the time when the request arrives, and copy it into all chunks.
    """
    yield from _one(x, "created")


@may(f"{DOCUMENT}, system_fingerprint (the configuration that the model runs with); OpenRouter in 154 recorded streams")
def one_fingerprint(x: ChatStreamed) -> Problems:
    """All chunks that have a `system_fingerprint` have the same.

    It names the configuration behind one answer, which does not change in its midst.

    Clients: Programs that compare runs with one `seed` log it to tell a changed backend; no one is known to fail.
    Servers: OpenRouter, whose providers change or leave it out from chunk to chunk.
    Fix: Nothing has to change for clients; send the value of the first chunk in all of them, or null in all.
    """
    yield from _one(x, "system_fingerprint")


@should(
    "mudler/LocalAI#1744, TabbyML/tabby#3871, danny-avila/LibreChat#5563; xAI and LiteLLM in recordings",
    instead_of=["/choices/*/finish_reason"],
)
def finish_reason_is_always_there(x: ChatStreamed) -> Problems:
    """Each choice of each chunk has the key `finish_reason`, null until the end.

    Typed clients (async-openai in Rust, Tabby) fail with "missing field `finish_reason`".

    Clients: async-openai and Tabby (Rust) fail to decode the chunk; LibreChat had to add the key itself, and Mattermost's
    plugin reads nothing.
    Servers: xAI, Z.ai, Perplexity, Cerebras, Cloudflare, LiteLLM's proxy (measured, and 96 % of recorded chunks), LocalAI,
    Gemini.
    Fix: Turn off whatever drops null values (`exclude_none`, `omitempty`) for this key.
    Sources: mudler/LocalAI#1194
    """
    for piece in pieces(x):
        if "finish_reason" not in piece.said and "finish_details" not in piece.said:  # gpt-4-1106-vision, 2023
            yield Problem("no finish_reason", f"{piece.at}/finish_reason")


@should(f"{RECORDED}: never two choices in one chunk, n > 1 included; SillyTavern, public/scripts/openai.js (reads choices[0])")
def one_choice_per_chunk(x: ChatStreamed) -> Problems:
    """A chunk has one choice at most.

    With `n` greater than 1 many clients read `choices[0]` of each chunk and sort by its index: the others are lost.

    Clients: SillyTavern and many small clients look at the first element only, so alternatives come out with holes. No
    report is known.
    Servers: Nobody in the recordings, where n above 1 is rare.
    Fix: Write one chunk for each alternative that has something new, in the order in which the tokens come.
    """
    for position, chunk in chunks(x):
        if len(arr(chunk.get("choices"))) > 1:
            yield Problem(f"{len(arr(chunk['choices']))} choices in one chunk", f"chunks/{position}/choices/1")


@must(
    f"BerriAI/litellm#25505, vercel/ai#17279; {RECORDED}: 7 failures of api.openai.com in mid-stream",
    instead_of=["/error", "/error/message"],
)
def error_in_band_has_a_message(x: ChatStreamed) -> Problems:
    """A failure after the stream began is an event `{"error": {"message": …}}`.

    The SDKs raise what stands there. In another shape the failure shows as "unknown error", or as the end of the answer.

    Clients: LiteLLM returned an empty success, Goose a "Stream decode error"; the AI SDK lost the code, a Java dashboard
    showed nothing.
    Servers: llama.cpp, SGLang, vLLM, exo and gateways of several kinds; TabbyAPI sends a message, but no `[DONE]`.
    Fix: Send `data: {"error": {"message", "type", "param", "code"}}` as the next event, then `[DONE]`, and no finish reason
    that would look like success.
    Sources: BerriAI/litellm#40578, vercel/ai#13506, exo-explore/exo#1758, apache/rocketmq-dashboard#2178,
    ggml-org/llama.cpp#14566, fr0ster/llm-agent#22
    """
    if x.failed_at is not None:
        error = obj(x.chunks[x.failed_at].body).get("error")
        if not text(obj(error).get("message")).strip():
            yield Problem(f"error is {brief(error)}", f"chunks/{x.failed_at}/error")


@should(
    "ggml-org/llama.cpp#20872, Kludex/starlette#2753, gin-gonic/gin#1589, blinkk/rootjs#1209",
    needs=[Evidence.TIMES, Evidence.FRAMES],
    translated=True,
)
def arrives_bit_by_bit(x: ChatStreamed) -> Problems:
    """Chunks are sent as they are made.

    Buffers and compression in a proxy keep the whole answer back: the user looks at a still screen, and clients time out.
    Judged only where it shows: many chunks at once after a long wait.

    Clients: The window stands still on "processing", and clients with a timeout between reads give up although the model
    works.
    Servers: llama.cpp behind nginx, FastAPI with GZip middleware, Express with compression, any buffering proxy; Ollama and
    Dynamo when tools are declared.
    Fix: Switch buffering off for this route (`X-Accel-Buffering: no`, `proxy_buffering off`), exclude text/event-stream
    from compression, and flush after each event.
    """
    came = [
        x.events[x.chunks[piece.chunk].event].at_ms
        for piece in pieces(x)
        if piece.delta.get("content") and x.chunks[piece.chunk].event < len(x.events)
    ]
    if len(came) >= _MANY and came[0] >= _SLOW_MS and came[-1] - came[0] < _PER_CHUNK_MS * len(came):
        yield f"{len(came)} chunks within {came[-1] - came[0]:.1f} ms, after {came[0]:.0f} ms of silence"


def _one(x: ChatStreamed, key: str) -> Iterator[Problem]:
    """The chunks whose value differs from the first; those before the first choice may leave it empty (Azure)."""
    said: list[Json] = []
    shown = ""  # written once: it may be huge, and the chunks many
    for position, chunk in chunks(x):
        if chunk.get(key) is None or (chunk.get("choices") == [] and chunk[key] in ("", 0)):
            continue
        if said and chunk[key] != said[0]:
            yield Problem(f"{key} {brief(chunk[key])} after {shown}", f"chunks/{position}/{key}")
        elif not said:
            said, shown = [chunk[key]], brief(chunk[key])
