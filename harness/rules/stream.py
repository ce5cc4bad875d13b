"""What the chunks of a stream are, one by one and together."""

from __future__ import annotations

from collections.abc import Iterator

from harness.choices import chunks, cut, pieces, whole
from harness.model import ChatStreamed, Ending, Evidence, Json
from harness.reading import arr, brief, obj, text
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, may, must, should

_MANY = 30  # chunks with text: enough to say whether they came one by one
_SLOW_MS = 1000.0  # a wait in which a stream could have begun
_PER_CHUNK_MS = 0.1  # ten thousand tokens a second: no model is that fast, a buffer is


@must("ikawrakow/ik_llama.cpp#467, mudler/LocalAI#340, diegosouzapw/OmniRoute#6777; Perplexity and GPUStack in recordings")
def ends_with_done(x: ChatStreamed) -> Problems:
    """The last event is `[DONE]`, and no other is.

    Clients stop reading there. Without it they wait until the connection closes, or report an answer that broke off;
    whatever follows the first is lost.
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
    """
    if x.reply.ended is Ending.HELD_OPEN:
        yield "the connection stayed open after [DONE]"


@must("BerriAI/litellm#40578, vaadin/flow-components#9195, microsoft/foundry-local#423")
def says_something(x: ChatStreamed) -> Problems:
    """A stream that does not fail has at least one chunk with a choice.

    Proxies turn a failure upstream into a stream of nothing but `[DONE]`: an empty answer that looks like success.
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
    """
    first = next(iter(chunks(x)), None)
    more = any(arr(chunk.get("choices")) for _, chunk in chunks(x))
    if first and more and first[1].get("choices") == []:
        yield Problem(f"the first chunk is {brief(first[1])}", f"chunks/{first[0]}/choices")


@must("microsoft/autogen#6465, openai/openai-node#1982, uezo/aiavatarkit#124", instead_of=["/choices/*/delta"])
def delta_is_an_object(x: ChatStreamed) -> Problems:
    """Each choice of each chunk has an object `delta`, which may be empty.

    `choice.delta.content` raises without it.
    """
    for piece in pieces(x):
        if not isinstance(piece.said.get("delta"), dict):
            yield Problem(f"delta is {brief(piece.said.get('delta'))}", f"{piece.at}/delta")


@should(f"openai/openai-node#1982; {RECORDED}: Perplexity repeats the whole message in each chunk")
def no_message(x: ChatStreamed) -> Problems:
    """No choice of a chunk has a `message`.

    Clients that take `message` where there is one put the text so far behind the text so far.
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
    """
    seen: set[int] = set()
    for piece in pieces(x):
        if piece.index in seen and piece.delta.get("role") is not None:
            yield Problem(f"role {brief(piece.delta['role'])} again", f"{piece.at}/delta/role")
        seen.add(piece.index)


@must("microsoft/foundry-local#221, ggml-org/llama.cpp#5876, BerriAI/litellm#1571")
def one_id(x: ChatStreamed) -> Problems:
    """All chunks have one id.

    A new id is a new completion to openai-node, and an error to the accumulator of openai-go.
    """
    yield from _one(x, "id")


@should(f"{DOCUMENT}, CreateChatCompletionStreamResponse; {RECORDED}: one model in every stream; microsoft/foundry-local#144")
def one_model(x: ChatStreamed) -> Problems:
    """All chunks name one model.

    Cost tables and logs take the first name or the last: they must not differ.
    """
    yield from _one(x, "model")


@may(f"{DOCUMENT}, CreateChatCompletionStreamResponse (each chunk has the same timestamp); llama.cpp, xAI, Ollama in recordings")
def one_created(x: ChatStreamed) -> Problems:
    """All chunks have one `created`.

    Only the document asks for it. No client is known to mind.
    """
    yield from _one(x, "created")


@should(
    "mudler/LocalAI#1744, TabbyML/tabby#3871, danny-avila/LibreChat#5563; xAI and LiteLLM in recordings",
    instead_of=["/choices/*/finish_reason"],
)
def finish_reason_is_always_there(x: ChatStreamed) -> Problems:
    """Each choice of each chunk has the key `finish_reason`, null until the end.

    Typed clients (async-openai in Rust, Tabby) fail with "missing field `finish_reason`".
    """
    for piece in pieces(x):
        if "finish_reason" not in piece.said:
            yield Problem("no finish_reason", f"{piece.at}/finish_reason")


@should(f"{RECORDED}: never two choices in one chunk, n > 1 included; SillyTavern, public/scripts/openai.js (reads choices[0])")
def one_choice_per_chunk(x: ChatStreamed) -> Problems:
    """A chunk has one choice at most.

    With `n` greater than 1 many clients read `choices[0]` of each chunk and sort by its index: the others are lost.
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
    """
    if x.failed_at is not None:
        error = obj(x.chunks[x.failed_at].body).get("error")
        if not text(obj(error).get("message")).strip():
            yield Problem(f"error is {brief(error)}", f"chunks/{x.failed_at}/error")


@should(
    "ggml-org/llama.cpp#20872, Kludex/starlette#2753, gin-gonic/gin#1589, blinkk/rootjs#1209",
    needs=[Evidence.TIMES, Evidence.FRAMES],
)
def arrives_bit_by_bit(x: ChatStreamed) -> Problems:
    """Chunks are sent as they are made.

    Buffers and compression in a proxy keep the whole answer back: the user looks at a still screen, and clients time out.
    Judged only where it shows: many chunks at once after a long wait.
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
