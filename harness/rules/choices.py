"""The array of choices: that it is there, and which choice is which."""

from __future__ import annotations

from harness import asked
from harness.choices import answers, parts
from harness.model import ChatCompleted, ChatStreamed, Evidence
from harness.reading import arr, brief, get, integer, obj
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, must


@must("UKGovernmentBEIS/inspect_ai#3687, lmstudio-ai/lmstudio-bug-tracker#266", instead_of=["/choices"])
def there_is_one(x: ChatCompleted) -> Problems:
    """An answer has at least one choice.

    Every client reads `choices[0]`, and raises there.

    Clients: openai-python builds a ChatCompletion whose `choices` is empty or None; inspect_ai, and every script after the
    quick start, stops with IndexError or TypeError.
    Servers: OpenRouter when a provider failed, LM Studio for an image without a vision adapter.
    Fix: Answer a failure of the model with a 4xx or 5xx error object. A blocked or empty answer is still one choice, with
    `finish_reason` and content "".
    Sources: pydantic/pydantic-ai#2323, unslothai/unsloth#8376
    """
    body = obj(x.body)
    if not arr(body.get("choices")) and not body.get("error"):
        yield Problem(f"choices is {brief(body.get('choices'))}", "/choices")


@must("vercel/ai#4031, microsoft/foundry-local#144; SillyTavern, public/scripts/tool-calling.js", instead_of=["/choices/*/index"])
def index_is_an_integer(x: ChatCompleted | ChatStreamed) -> Problems:
    """Each choice has an integer `index`.

    The AI SDK refuses the document without it, and SillyTavern drops the tool calls.

    Clients: The AI SDK fails its schema; SillyTavern's parseToolCalls looks calls up by it and finds none.
    Servers: Cloudflare Workers AI in 2024, Foundry Local.
    Fix: Write `"index": 0` into the only choice, and count up for `n`; never leave it out because a serializer skips zeros.
    """
    for choice in parts(x):
        index = integer(choice.said.get("index"))
        if index is None or index < 0:
            yield Problem(f"index is {brief(choice.said.get('index'))}", f"{choice.at}/index")


@must("microsoft/foundry-local#144, InternLM/lmdeploy#4419; SillyTavern, public/scripts/openai.js", needs=[Evidence.REQUEST])
def index_is_within_n(x: ChatCompleted | ChatStreamed) -> Problems:
    """With `n` choices asked for, indexes go from 0 to n - 1; without `n` each is 0.

    SillyTavern shows a text with a higher index as an alternative, so that the answer looks empty.

    Clients: SillyTavern's streamData() files everything above index 0 under "swipes" and leaves the message itself blank.
    Servers: Foundry Local counted the chunks in it, 0 to 198; lmdeploy mixed up several choices.
    Fix: Use the number of the alternative, which stays the same for all chunks of one choice; a counter of chunks belongs
    nowhere in the protocol.
    """
    n = asked.choices(x.request)
    for choice in parts(x):
        if choice.index >= n:
            yield Problem(f"index is {choice.index}, and {n} was asked for", f"{choice.at}/index")


@must(f"{DOCUMENT}, CreateChatCompletionResponse (the index of the choice in the list); {RECORDED}: all with n > 1")
def indexes_differ(x: ChatCompleted) -> Problems:
    """No two choices have one index.

    Clients sort alternatives by index: one overwrites the other.

    Clients: best-of-n scripts and SillyTavern's swipes store alternatives by their index and keep the last one; no crash is
    reported.
    Servers: lmdeploy, in streams, gave index 0 to every alternative; whole answers of this kind were not seen.
    Fix: Number the alternatives where the list is put together, after the workers' results have been collected.
    Sources: InternLM/lmdeploy#4419
    """
    seen: set[int] = set()
    for choice in answers(x):
        index = integer(get(choice.said, "index"))
        if index is not None and index in seen:
            yield Problem(f"index {index} again", f"{choice.at}/index")
        seen |= {index} if index is not None else set()
