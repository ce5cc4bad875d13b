"""Log probabilities of tokens, where an answer has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness import asked
from harness.choices import answers, parts, whole
from harness.model import ChatCompleted, ChatStreamed, Evidence, Json
from harness.reading import arr, brief, get, integer, obj, objects, text
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, should

_AT = "/choices/*/logprobs"
_EACH = [f"{_AT}/content/*{key}" for key in ("", "/token", "/logprob", "/bytes", "/top_logprobs")]


@should(
    "abetlen/llama-cpp-python#1787, vllm-project/vllm#3179, vllm-project/vllm#5008, SillyTavern/SillyTavern#2122",
    instead_of=[_AT, f"{_AT}/content", f"{_AT}/refusal", *_EACH],
)
def have_the_shape_of_chat(x: ChatCompleted | ChatStreamed) -> Problems:
    """`logprobs` is `{"content": [{"token", "logprob", "bytes", "top_logprobs"}, …]}`.

    The form of the old completions (`tokens`, `token_logprobs`) leaves SillyTavern's token view empty, and typed SDKs refuse it.

    Clients: SillyTavern's token view shows nothing; openai-python and openai-dotnet find no `content` and lose the list.
    Servers: llama-cpp-python and vLLM in 2024, InfermaticAI; text-generation-webui leaves out `refusal`.
    Fix: Build the objects of chat (`token`, `logprob`, `bytes`, `top_logprobs`) for this path, in place of the parallel
    arrays of /completions.
    """
    for choice in parts(x):
        logprobs = choice.said.get("logprobs")
        if logprobs is None:
            continue
        content = obj(logprobs).get("content")
        if not isinstance(logprobs, dict) or "content" not in logprobs or not isinstance(content, list | None):
            yield Problem(f"logprobs is {brief(logprobs)}", f"{choice.at}/logprobs")
        for position, item in enumerate(arr(content)):
            if not _is_shaped(item):
                yield Problem(f"an item is {brief(item)}", f"{choice.at}/logprobs/content/{position}")


@should(f"{DOCUMENT}, ChatCompletionTokenLogprob; {RECORDED}")
def are_not_positive(x: ChatCompleted | ChatStreamed) -> Problems:
    """A log probability is 0 or less.

    Programs compute `exp(logprob)`, a probability: a server that sends probabilities themselves shows each as certain.

    Clients: Confidence scores computed as exp(logprob) leave the range of 0 to 1, and perplexities turn out below 1;
    silent, so unreported.
    Servers: Not seen in recordings; a server that returns softmax values has this error.
    Fix: Return the natural logarithm of the probability after the softmax, and send 0 for a certain token, never a small
    positive rounding error.
    """
    for at, item in _items(x):
        for where, each in (
            (at, item),
            *((f"{at}/top_logprobs/{place}", top) for place, top in objects(item.get("top_logprobs"))),
        ):
            logprob = each.get("logprob")
            if isinstance(logprob, int | float) and logprob > 1e-4:
                yield Problem(f"logprob is {brief(logprob)}", f"{where}/logprob")


@should(f"{DOCUMENT}, top_logprobs (0 to 20, as many as asked for); {RECORDED}", needs=[Evidence.REQUEST])
def are_as_many_as_asked(x: ChatCompleted | ChatStreamed) -> Problems:
    """A token has no more alternatives than `top_logprobs` asked for.

    Tables of a fixed width overflow, and traffic grows with what nobody wanted.

    Clients: Programs that read alternatives by position into a table drop or misplace the surplus. No client is known to
    fail.
    Servers: Nobody in the recordings, few of which have log probabilities.
    Fix: Cut the list to `top_logprobs`; the sampled token has its own place beside it.
    """
    wanted = integer(get(x.request.body, "top_logprobs")) or 0
    for at, item in _items(x):
        if len(arr(item.get("top_logprobs"))) > wanted:
            yield Problem(f"{len(arr(item['top_logprobs']))} alternatives, and {wanted} asked for", f"{at}/top_logprobs")


@should(f"{DOCUMENT}, logprobs (of each output token returned in the content of message); {RECORDED}", needs=[Evidence.REQUEST])
def spell_the_content(x: ChatCompleted | ChatStreamed) -> Problems:
    """The tokens, joined, are the content.

    Programs colour the text by its tokens, and measure an answer by their sum: missing, shifted or raw tokens
    ("Ġhello") spoil both.

    Clients: Token views colour the wrong words, and scorers that align answers by characters are shifted from there on. No
    single report is known.
    Servers: Not seen; servers that return entries of the vocabulary ("Ġhello", "▁the") do this.
    Fix: Decode each token to text and put its raw bytes into `bytes`, leave out control tokens, and cut the list where the
    text was cut.
    """
    if not whole(x) or get(x.request.body, "logprobs") is not True or asked.stops(x.request):
        return
    spelled: dict[int, list[bytes]] = {}
    for choice in parts(x):
        for _, item in objects(get(choice.said, "logprobs", "content")):
            spelled.setdefault(choice.index, []).append(_spelling(item))
    for choice in answers(x):
        content = text(choice.message.get("content")).encode("utf-8", "replace")
        tokens = b"".join(spelled.get(choice.index, []))
        if content and tokens and tokens != content:
            yield Problem(
                f"tokens {brief(tokens.decode('utf-8', 'replace'))} for content {brief(choice.message['content'])}",
                f"{choice.at}/logprobs/content",
            )


def _items(x: ChatCompleted | ChatStreamed) -> Iterator[tuple[str, dict[str, Json]]]:
    for choice in parts(x):
        for position, item in objects(get(choice.said, "logprobs", "content")):
            yield f"{choice.at}/logprobs/content/{position}", item


def _is_shaped(item: Any) -> bool:
    tops = obj(item).get("top_logprobs")
    return _is_token(item) and isinstance(tops, list) and all(_is_token(top) for top in tops)


def _is_token(item: Any) -> bool:
    token = obj(item)
    logprob, spelling = token.get("logprob"), token.get("bytes", False)
    return (
        isinstance(token.get("token"), str)
        and isinstance(logprob, int | float)
        and not isinstance(logprob, bool)
        and isinstance(spelling, list | None)
    )


def _spelling(item: dict[str, Json]) -> bytes:
    """The bytes of a token where they are given, since a token may be a part of a character."""
    given = [integer(value) for value in arr(item.get("bytes"))]
    if given and all(value is not None and 0 <= value < 256 for value in given):
        return bytes(value for value in given if value is not None)
    return text(item.get("token")).encode("utf-8", "replace")
