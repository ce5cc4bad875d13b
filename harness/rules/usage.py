"""What was counted: costs, limits and context windows are computed from it."""

from __future__ import annotations

from collections.abc import Iterator

from harness import asked
from harness.choices import answers, chunks, whole
from harness.model import ChatCompleted, ChatStreamed, Evidence, Json
from harness.reading import arr, brief, get, integer, obj, text
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, may, must, should

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


@must(
    "langchain-ai/langchain#7907, lhenault/simpleAI#18, rowboatlabs/rowboat#113; Cloudflare in recordings", instead_of=["/usage"]
)
def is_there(x: ChatCompleted) -> Problems:
    """An answer has `usage`.

    LangChain and many small programs read `usage["total_tokens"]` without asking: KeyError, or an attribute of None.

    Clients: LangChain raised KeyError or AttributeError, and code with the agents SDK "NoneType has no attribute
    total_tokens".
    Servers: Cloudflare (each recorded body), servers for ChatGLM, simpleAI; TabbyAPI unless `include_usage` is sent.
    Fix: Return the three counts in each whole answer; they need no option there.
    Sources: langchain-ai/langchain#14493
    """
    body = obj(x.body)
    if not isinstance(body.get("usage"), dict) and not body.get("error"):
        yield Problem(f"usage is {brief(body.get('usage'))}", "/usage")


@must(
    f"{DOCUMENT}, CompletionUsage; langchain-ai/langchain#14493; Databricks sends null in recordings",
    instead_of=[f"/usage/{count}" for count in _COUNTS],
)
def counts_are_integers(x: ChatCompleted | ChatStreamed) -> Problems:
    """`prompt_tokens`, `completion_tokens` and `total_tokens` are there, integers and not negative.

    Programs add them up: null raises, and a missing count makes the sum NaN.

    Clients: `sum()` over null raises TypeError in Python and gives NaN in JavaScript.
    Servers: Databricks (`completion_tokens: null` in each chunk), LiteLLM under the agents SDK.
    Fix: Leave `usage` out, or null, until the three counts are known; then send all of them as whole numbers.
    Sources: langchain-ai/langchain#7907, lhenault/simpleAI#18, rowboatlabs/rowboat#113
    """
    for at, usage in _usages(x):
        for count in _COUNTS:
            value = integer(usage.get(count))
            if value is None or value < 0:
                yield Problem(f"{count} is {brief(usage.get(count))}", f"{at}/{count}")


@should(f"{RECORDED}: always at api.openai.com; not at xAI (120), Gemini and Mistral with audio")
def adds_up(x: ChatCompleted | ChatStreamed) -> Problems:
    """`total_tokens` is the sum of the other two.

    Programs that compute costs from two of the three disagree with those that use the third; reasoning that is counted in
    the total alone is paid, and never shown.

    Clients: Cost dashboards show different sums for one answer, depending on the fields they read; nothing crashes.
    Servers: xAI (120 mismatches), Gemini's bridge with thinking, Mistral with audio (4), Azure AI Foundry with grok (27).
    Fix: Count reasoning into `completion_tokens`, and compute the total from the two parts.
    """
    for at, usage in _usages(x):
        prompt, completion, total = (integer(usage.get(count)) for count in _COUNTS)
        if prompt is not None and completion is not None and total is not None and prompt + completion != total:
            yield Problem(f"{prompt} + {completion} is not {total}", f"{at}/total_tokens")


@should("tashfeenahmed/freellmapi#845, janhq/cortex.llamacpp#265")
def counts_what_was_said(x: ChatCompleted | ChatStreamed) -> Problems:
    """A prompt, and an answer with text, count at least one token.

    Zeros in place of an unknown count make every answer free, and a conversation never too long.

    Clients: Dashboards disagree with the bill (1 against 3,263 tokens in one report), and compaction that waits for a full
    context never starts.
    Servers: Proxies that estimate (freellmapi), cortex.
    Fix: Take the counts from the tokenizer that ran; where a proxy does not know them, leave `usage` null rather than 0.
    """
    if not whole(x):
        return
    last = list(_usages(x))[-1:]
    said = any(text(choice.message.get("content")) for choice in answers(x))
    for at, usage in last:
        for count, expected in (("prompt_tokens", True), ("completion_tokens", said)):
            if expected and usage.get(count) == 0 and usage.get(count) is not False:
                yield Problem(f"{count} is 0", f"{at}/{count}")


@should(f"{DOCUMENT}, CompletionUsage (the details are a breakdown); {RECORDED}; xAI counts reasoning apart")
def details_are_part_of_it(x: ChatCompleted | ChatStreamed) -> Problems:
    """Cached tokens are part of `prompt_tokens`, and reasoning tokens part of `completion_tokens`.

    Programs subtract: costs become negative.

    Clients: Price tables that subtract the cached or the reasoning share from its count show negative costs, silently: no
    report is known.
    Servers: xAI, where reasoning is counted beside the completion.
    Fix: Report details as a breakdown of the two counts: first add the share to the count, then name it.
    """
    for at, usage in _usages(x):
        for whole_count, details, part in (
            ("prompt_tokens", "prompt_tokens_details", "cached_tokens"),
            ("completion_tokens", "completion_tokens_details", "reasoning_tokens"),
        ):
            total, share = integer(usage.get(whole_count)), integer(get(usage, details, part))
            if total is not None and share is not None and share > total:
                yield Problem(f"{part} {share} of {whole_count} {total}", f"{at}/{details}/{part}")


@must(
    f"vercel/ai#1651, janhq/cortex.llamacpp#265, openvinotoolkit/model_server#2640; {RECORDED}: 763 of 763 whole streams",
    needs=[Evidence.REQUEST],
)
def comes_when_asked(x: ChatStreamed) -> Problems:
    """With `stream_options.include_usage` the stream tells the usage.

    Who asks counts on it: the AI SDK shows NaN, budgets stay at zero.

    Clients: The AI SDK shows NaN, Zed and tools like Cline count zero, and budgets are never spent.
    Servers: Groq of 2024 (`x_groq.usage` alone), old Ollama (15 streams), cortex, OVMS, freellmapi, llama-cpp-python
    (measured).
    Fix: Pass the option on to the engine, count what you sent yourself where it cannot, and close with the usage chunk.
    Sources: tashfeenahmed/freellmapi#845, router-for-me/CLIProxyAPI#2111, zed-industries/zed#45812
    """
    finished = any(event.data == "[DONE]" for event in x.events) or b"[DONE]" in x.framing.tail
    if asked.usage_in_stream(x.request) and whole(x) and finished and not _telling(x):
        yield "no chunk has a usage"


@should(
    f"{RECORDED}: no key `usage` unless asked for; XSpoonAi/spoon-core#179, gradio-app/gradio#11729", needs=[Evidence.REQUEST]
)
def comes_only_when_asked(x: ChatStreamed) -> Problems:
    """Without `stream_options.include_usage` no chunk has a usage.

    Clients that did not ask do not expect a chunk without choices, and read `choices[0]`.

    Clients: gradio and spoon-core, which never asked, read `choices[0]` of the chunk with the counts: IndexError.
    Servers: Mistral, Together, Groq, Cohere, Fireworks, Databricks, OpenRouter, MLflow (measured).
    Fix: Look at `stream_options.include_usage`, and with false, null or nothing leave the key out of all chunks.
    """
    if not asked.usage_in_stream(x.request):
        for position, _ in _telling(x):
            yield Problem("usage was not asked for", f"chunks/{position}/usage")


@should("open-webui/open-webui#29064, ogx-ai/ogx#5122, mudler/LocalAI#1194; Perplexity and Databricks in recordings")
def comes_once(x: ChatStreamed) -> Problems:
    """One chunk has a usage, and all others null or nothing.

    Open WebUI and others add up what they see, and count too much.

    Clients: Open WebUI, ogx and Effect add up each usage that they see, and report several times the cost.
    Servers: Gemini's bridge, Perplexity, Databricks, Hyperbolic, xAI, LocalAI (zeros), vLLM with continuous_usage_stats.
    Fix: Keep running counts to yourself, send `usage: null` on the way, and the totals one time at the end.
    Sources: alfredapp/openai-workflow#52
    """
    telling = _telling(x)
    if len(telling) > 1:
        yield Problem(f"{len(telling)} chunks have a usage", f"chunks/{telling[1][0]}/usage")


@should(
    "vercel/ai#7417, Routstr/routstr-core#543; OpenRouter, Mistral, DeepSeek put it on the last choice in recordings",
    needs=[Evidence.REQUEST],
)
def stands_alone(x: ChatStreamed) -> Problems:
    """The chunk with the usage has `choices: []`.

    Clients that take such a chunk for the counts alone lose the text or the finish that came with it.

    Clients: The AI SDK fails where the counts come without `choices`; routers that take a chunk with usage for the counts
    alone drop its text (Routstr).
    Servers: OpenRouter (848 of 945 streams), DeepSeek (328 of 329), Mistral, Gemini's bridge, xAI, Z.ai, LiteLLM's proxy
    (measured), v0, zukijourney.
    Fix: Send the finish with `usage: null`, and then a chunk of its own with `"choices": []` and the counts.
    Sources: gradio-app/gradio#11729, XSpoonAi/spoon-core#179, ruc-datalab/DeepAnalyze#25
    """
    telling = _telling(x)
    if asked.usage_in_stream(x.request) and telling and arr(telling[-1][1].get("choices")):
        position, chunk = telling[-1]
        yield Problem(f"choices is {brief(chunk['choices'])} beside the usage", f"chunks/{position}/choices")


@should(f"{RECORDED}: 763 of 763; BerriAI/litellm#376", needs=[Evidence.REQUEST])
def comes_last(x: ChatStreamed) -> Problems:
    """No choice follows the chunk with the usage that was asked for.

    Clients that close the answer with the counts never see what follows.

    Clients: Readers that stop at the counts miss the end; LiteLLM's old versions closed there.
    Servers: LiteLLM's proxy, which sends an extra empty choice behind it.
    Fix: Send the finish chunk first, then the usage chunk with `choices: []`, then `[DONE]`.
    """
    telling = _telling(x)
    if asked.usage_in_stream(x.request) and telling:
        for position, chunk in chunks(x):
            if position > telling[-1][0] and arr(chunk.get("choices")):
                yield Problem(f"choices {brief(chunk['choices'])} after the usage", f"chunks/{position}/choices")


def _telling(x: ChatStreamed) -> list[tuple[int, dict[str, Json]]]:
    """The chunks with a usage."""
    return [(position, chunk) for position, chunk in chunks(x) if isinstance(chunk.get("usage"), dict)]


def _usages(x: ChatCompleted | ChatStreamed) -> Iterator[tuple[str, dict[str, Json]]]:
    """Every usage that is told, with its place."""
    if isinstance(x, ChatStreamed):
        for position, chunk in _telling(x):
            yield f"chunks/{position}/usage", obj(chunk["usage"])
    elif isinstance(obj(x.body).get("usage"), dict):
        yield "/usage", obj(obj(x.body)["usage"])


@may("azrtydxb/Fastllm-proxy#23; api.openai.com counts what it does not even show")
def thinking_is_counted(x: ChatCompleted | ChatStreamed) -> Problems:
    """Where thinking is shown, `reasoning_tokens` is more than nothing.

    Only by it can thoughts, which are paid for, be told from what was answered.

    Clients: Cost tables and context meters count all of it as the answer, silently.
    Servers: Most local servers and many proxies, which leave the details out or null.
    Fix: Count the tokens up to the end of the thinking, and report them in `completion_tokens_details.reasoning_tokens`.
    """
    thought = any(choice.message.get(key) for choice in answers(x) for key in ("reasoning_content", "reasoning"))
    for at, usage in list(_usages(x))[-1:]:
        counted = get(usage, "completion_tokens_details", "reasoning_tokens")
        if thought and not counted:
            yield Problem(f"thinking is shown, and reasoning_tokens is {brief(counted)}", f"{at}/completion_tokens_details")
