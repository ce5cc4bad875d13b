"""What an answer says of itself: id, object, model, created, and what it adds to the standard."""

from __future__ import annotations

from collections.abc import Iterator

from harness.choices import answers, chunks, pieces
from harness.model import ChatCompleted, ChatStreamed, Json
from harness.reading import brief, integer, obj
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, may, must, should

_TOP = {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"}
_TOP |= {"metadata", "moderation", "obfuscation", "error"}
_CHOICE = {"index", "finish_reason", "finish_details", "logprobs"}
_MESSAGE = {"role", "content", "refusal", "tool_calls", "function_call", "annotations", "audio"}
_CALL = {"id", "type", "function", "custom"}
_CALLED = {"name", "arguments", "input"}


@must(
    "sgl-project/mini-sglang#51, pydantic/pydantic-ai#2323; pydantic-ai and the AI SDK check the literal", instead_of=["/object"]
)
def object_is_named(x: ChatCompleted) -> Problems:
    """`object` is `chat.completion` where it is given.

    Clients with literal types refuse the answer; others take it for that of another operation ("text_completion").

    Clients: pydantic models with a literal raise ValidationError; the AI SDK had to drop its check because of Perplexity.
    Servers: mini-sglang, InfermaticAI, and old TGI on Hugging Face's hosts ("text_completion").
    Fix: Send the constant "chat.completion"; a server with one code path for both operations must choose the name by the
    path of the request.
    Sources: SillyTavern/SillyTavern#2122
    """
    body = obj(x.body)
    if "object" in body and body["object"] != "chat.completion":
        yield Problem(f"object is {brief(body['object'])}", "/object")


@should(f"{RECORDED}: `chatcmpl-` and 29 characters; microsoft/foundry-local#144")
def id_is_not_empty(x: ChatCompleted | ChatStreamed) -> Problems:
    """`id` says something.

    Programs store and look up answers by it: all that are "" become one.

    Clients: Whoever stores answers under their id keeps only the last one, and a database with the id as key refuses the
    second. No report names a client.
    Servers: Old TGI behind Hugging Face's API, several providers behind its router, Snowflake.
    Fix: Make an id for each answer, `chatcmpl-` and some random characters, and use the same in all chunks of a stream.
    Sources: pydantic/pydantic-ai#2323, pydantic/pydantic-ai#3994, OpenRouterTeam/python-sdk#44, mudler/LocalAI#788,
    nomic-ai/gpt4all#1317
    """
    for at, body in _documents(x):
        if body.get("id") == "" and body.get("choices") != []:
            yield Problem("id is empty", f"{at}/id")


@should("microsoft/foundry-local#144, ddalcu/mlx-serve#257")
def model_is_not_empty(x: ChatCompleted | ChatStreamed) -> Problems:
    """`model` names the model that answered.

    Cost tables and logs are kept by this name.

    Clients: Tables of prices, which are looked up by the name that comes back, miss the answer and count it as free; no
    crash is reported.
    Servers: Snowflake in a recorded body; Foundry Local sent null; mlx-serve echoed an unknown name.
    Fix: Return the name of the model that really ran, also where the request named an alias or nothing.
    """
    for at, body in _documents(x):
        if body.get("model") == "" and body.get("choices") != []:
            yield Problem("model is empty", f"{at}/model")


@should(f"{DOCUMENT}, CreateChatCompletionResponse (Unix time in seconds); {RECORDED}")
def created_is_in_seconds(x: ChatCompleted | ChatStreamed) -> Problems:
    """`created` is a time of this century, in seconds.

    Zero shows as 1970, and milliseconds as the year 58000: some date types cannot hold them.

    Clients: Logs that sort by it put the answer at one end of the list, and date types of a small range fail on
    milliseconds. No report is known.
    Servers: Snowflake and a gateway on a local port sent 0 in recorded answers.
    Fix: Take the clock's whole seconds once when the request arrives, and keep that value for each chunk.
    """
    for at, body in _documents(x):
        created = integer(body.get("created"))
        if created is not None and not 1_500_000_000 <= created < 4_102_444_800 and body.get("choices") != []:
            yield Problem(f"created is {created}", f"{at}/created")


@may(f"{DOCUMENT}; vercel/ai#1651, foundation-model-stack/fms-guardrails-orchestrator#452, vllm-project/vllm#27752")
def has_only_known_fields(x: ChatCompleted | ChatStreamed) -> Problems:
    """There are no fields beyond the standard's.

    Clients pass over what they do not know, so extras do no harm. This notes which there are, and by which name
    reasoning is returned (`reasoning_content` or `reasoning`), since clients look for it under one of them.

    Clients: The fms orchestrator answered 500 to vLLM's integer `stop_reason`; Dify, Witsy and llama-stack lost reasoning
    when its field was renamed. Others do not mind.
    Servers: OpenRouter (`provider`, `native_finish_reason`), Groq (`x_groq`), llama.cpp (`timings`), vLLM (`stop_reason`,
    `token_ids`), DeepSeek, xAI, Azure and most others.
    Fix: Nothing has to change. Keep extras at the top level or under one object of your own, keep their types stable, and
    say in your documentation which name carries reasoning.
    Sources: vllm-project/vllm#27755, vllm-project/vllm#50624, langgenius/dify-official-plugins#2740,
    langgenius/dify-official-plugins#1154, Blaizzy/mlx-vlm#1408, vllm-project/router#115, SillyTavern/SillyTavern#5719,
    nbonamy/multi-llm-ts#25
    """
    unknown: dict[str, str] = {}
    for at, body in _documents(x):
        for key in body.keys() - _TOP:
            unknown.setdefault(key, at)
    streamed = isinstance(x, ChatStreamed)
    for choice in pieces(x) if isinstance(x, ChatStreamed) else answers(x):
        for part, value, known in (
            ("", choice.said, _CHOICE | {"delta", "message"} if streamed else _CHOICE | {"message"}),  # stream.no-message
            ("message.", choice.message, _MESSAGE),
            ("delta.", choice.delta, _MESSAGE),
        ):
            for key in value.keys() - known:
                unknown.setdefault(part + key, choice.at)
        for at, call in choice.calls:
            for key in call.keys() - _CALL - ({"index"} if streamed else set()):
                unknown.setdefault("tool_calls." + key, at)
            for part in ("function", "custom"):
                for key in obj(call.get(part)).keys() - _CALLED:
                    unknown.setdefault(f"tool_calls.{part}.{key}", at)
    if unknown:
        yield Problem(f"also {brief(sorted(unknown), 300)}", unknown[min(unknown)] or None)


def _documents(x: ChatCompleted | ChatStreamed) -> Iterator[tuple[str, dict[str, Json]]]:
    """The document, or every chunk, with its place."""
    if isinstance(x, ChatStreamed):
        for position, chunk in chunks(x):
            yield f"chunks/{position}", chunk
    else:
        yield "", obj(x.body)
