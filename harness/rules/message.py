"""What the model says: the message of a choice, whole or in deltas."""

from __future__ import annotations

from harness import asked
from harness.choices import answers, parts, whole
from harness.model import ChatCompleted, ChatStreamed, Json, Streamed
from harness.reading import arr, brief, text
from harness.rule import RECORDED, Problem, Problems, must, should

_TEMPLATE_WORDS = (
    "<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|start_header_id|>", "<|endoftext|>", "<|end_of_text|>", "<end_of_turn>",
    "<|channel|>", "<｜end▁of▁sentence｜>", "</s>", "[/INST]",
)  # fmt: skip
_THINKING_TAGS = ("<think>", "<thinking>", "</think>", "[THINK]", "◁think▷", "<seed:think>")


@must(
    "pydantic/pydantic-ai#2323; pydantic-ai, the AI SDK and LangChain check or switch by it",
    instead_of=["/choices/*/message/role"],
)
def role_is_assistant(x: ChatCompleted) -> Problems:
    """The message has the role `assistant`.

    Typed clients refuse any other, LangChain makes a message of another kind of it, and sent back it is refused.

    Clients: pydantic-ai raises; LangChain makes a ChatMessage of an unknown role, which the next request carries back and
    the server refuses.
    Servers: OpenRouter with null fields after a failure; other words were not seen in recordings.
    Fix: Write the constant; names of characters or bots belong into the text or into `name`.
    """
    for choice in answers(x):
        if choice.message and choice.message.get("role") != "assistant":
            yield Problem(f"role is {brief(choice.message.get('role'))}", f"{choice.at}/message/role")


@must(
    "vercel/ai#17779; Mistral (47 bodies with a list) and Cloudflare (3 of 3 with an object) in recordings",
    instead_of=["/choices/*/message/content", "/choices/*/delta/content"],
)
def content_is_text(x: ChatCompleted | ChatStreamed) -> Problems:
    """`content` is a text or null.

    A list of parts or an object raises where a client joins texts ("expected string, received array"), or shows as
    "[object Object]".

    Clients: The AI SDK's compatible provider stops with a type error, LangChain's string joins fail, chat windows print
    "[object Object]".
    Servers: Mistral's reasoning models (47 bodies, 18,132 chunks), Cloudflare Workers AI for every json_schema answer (3 of
    3).
    Fix: Serialize a structured answer to a string, and move thinking parts to `reasoning_content`; lists of parts are for
    requests only.
    """
    for choice in parts(x):
        part = "message" if "message" in choice.said else "delta"
        content = (choice.message or choice.delta).get("content")
        if content is not None and not isinstance(content, str):
            yield Problem(f"content is {brief(content)}", f"{choice.at}/{part}/content")


@must("ml-explore/mlx-lm#1738, raullenchai/Rapid-MLX#467", instead_of=["/choices/*/message/content"])
def content_is_there(x: ChatCompleted) -> Problems:
    """The message has the key `content`.

    `message["content"]` is the first line of every example: KeyError. (With tool calls: tools.content-is-there-beside-calls.)

    Clients: Everything that subscripts a parsed dict raises KeyError; LangChain and code in the style of the AI SDK were
    reported.
    Servers: mlx-lm when reasoning is cut by the limit, Rapid-MLX (serializers with `exclude_none`).
    Fix: Write the key always: null beside calls, "" for an answer without text.
    """
    for choice in answers(x):
        if choice.message and "content" not in choice.message and not _calls(choice.message):
            yield Problem("no content", f"{choice.at}/message/content")


@must("ggml-org/llama.cpp#4036, ggml-org/llama.cpp#28926, mozilla-ai/llamafile#727", translated=True)
def has_no_replacement_characters(x: ChatCompleted | ChatStreamed) -> Problems:
    """No U+FFFD takes the place of a character.

    Tokens that end within a character are decoded one by one: Chinese, Japanese and emoji come out as "��". An answer
    that was cut at its limit may end so.

    Clients: Readers of Chinese, Japanese, Korean and emoji see boxes; JSON in tool arguments is spoiled for good.
    Servers: llama.cpp (old, and a regression in 2026), llamafile, StackFlow.
    Fix: Detokenize incrementally: hold bytes back until they form a character, and never decode with errors="replace" token
    by token.
    Sources: ggml-org/llama.cpp#28724, m5stack/StackFlow#7, xberg-io/liter-llm#152
    """
    wire = x.on_the_wire
    if isinstance(wire, Streamed) and wire.framing.invalid_utf8:
        return  # the decoder put it there: framing.utf-8 speaks of that
    for choice in answers(x):
        content = text(choice.message.get("content"))
        if choice.said.get("finish_reason") == "length":
            content = content.rstrip("\ufffd")
        if "\ufffd" in content and not asked.mentions(x.request, "\ufffd"):
            at = content.index("\ufffd")
            yield Problem(f"content has U+FFFD in {brief(content[max(0, at - 20) : at + 20])}", f"{choice.at}/message/content")


@should(
    "LM Studio, TGI (`</s>` in 14 recorded streams), lmstudio-ai/lmstudio-bug-tracker#2115; never by api.openai.com",
    translated=True,
)
def has_no_template_words(x: ChatCompleted | ChatStreamed) -> Problems:
    """The content has no control words of a chat template.

    A server with the wrong template, or one that does not skip special tokens, shows users `<|im_end|>` and `</s>`; sent
    back, they end the conversation's turn in the wrong place.

    Clients: Chat windows show the markers, and the next turn carries them back into the prompt, where they close it too
    early. Nothing crashes.
    Servers: Old TGI (`</s>` in 14 recorded streams), a vLLM of 2024 on a local port, LM Studio.
    Fix: Skip special tokens when decoding, add the template's end-of-turn token to the stop tokens, and use the chat
    template that belongs to the model.
    """
    for choice in answers(x):
        content = text(choice.message.get("content"))
        for word in _TEMPLATE_WORDS:
            struck_out = word == "</s>" and "<s>" in content  # HTML
            if word in content and not struck_out and not asked.mentions(x.request, word):
                yield Problem(f"content has {word}", f"{choice.at}/message/content")


@should(f"lmstudio-ai/lmstudio-bug-tracker#1773, SillyTavern/SillyTavern#2122; {RECORDED}", translated=True)
def answer_is_not_all_reasoning(x: ChatCompleted | ChatStreamed) -> Problems:
    """An answer that came to its end is in `content`, not in the reasoning alone.

    Clients show an empty answer, and JSON that was asked for is not found.

    Clients: Parsers of structured output see ""; SillyTavern 1.18 was reported to show the reply inside the reasoning
    block.
    Servers: LM Studio with Qwen 3.5, whose JSON stands in `reasoning_content`.
    Fix: When generation ends inside the reasoning block, hand what follows the last marker, or all of it, over as content,
    and keep a constrained answer out of the block.
    """
    for choice in answers(x):
        message = choice.message
        reasoning = text(message.get("reasoning_content")) or text(message.get("reasoning"))
        spoken = message.get("content") or message.get("refusal") or message.get("audio") or _calls(message)
        if whole(x) and choice.said.get("finish_reason") == "stop" and reasoning and not spoken:
            yield Problem(
                f"content is {brief(message.get('content'))}, reasoning {brief(reasoning)}", f"{choice.at}/message/content"
            )


def _calls(message: dict[str, Json]) -> bool:
    return bool(arr(message.get("tool_calls")) or message.get("function_call"))


@should(
    f"models of DeepSeek and Qwen write `<think>`, servers without a parser pass it on; {RECORDED}: never api.openai.com",
    translated=True,
)
def thinking_is_kept_apart(x: ChatCompleted | ChatStreamed) -> Problems:
    """The content does not begin with the model's thinking between tags.

    What a model thinks is no part of its answer: shown to users, parsed as JSON or sent back with the next turn it does
    harm in each place.

    Clients: Chat windows without a parser of their own print the thoughts; JSON parsers and agents stop at `<think>`; the
    next turn pays for the thoughts again.
    Servers: Local servers whose reasoning parser is off or is another model's.
    Fix: Turn on the reasoning parser of the model's family, so that thoughts go to `reasoning_content` or `reasoning`.
    """
    for choice in answers(x):
        content = text(choice.message.get("content")).lstrip()
        tag = next((tag for tag in _THINKING_TAGS if content.startswith(tag)), None)
        if tag is not None and not asked.mentions(x.request, tag):
            yield Problem(f"content begins with {tag}: {brief(content, 60)}", f"{choice.at}/message/content")
