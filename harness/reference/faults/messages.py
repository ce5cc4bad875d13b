"""What the model says, spoiled on its way to the client."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json
from harness.reading import obj
from harness.reference import tokens
from harness.reference.answer import Answer, Asked, Turn
from harness.reference.fault import Stage, fault
from harness.reference.inside import choices, parts


def _said(answer: Answer, turn: Turn, text: str) -> Turn:
    return replace(turn, tokens=tuple(tokens.split(text)), scores=None if turn.scores is None else ())


@fault(Stage.COMPLETION, caught_by=["message.role-is-assistant"])
def the_role_is_bot(document: Json, asked: Asked) -> Json:
    """The role `bot` in a whole answer (chat servers with roles of their own)."""
    for part in parts(document):
        part["role"] = "bot"
    return document


@fault(Stage.COMPLETION, caught_by=["message.content-is-text"], field=["resp-message-content-string"])
def content_is_a_list_of_parts(document: Json, asked: Asked) -> Json:
    """`content` as a list of parts (Mistral's reasoning models)."""
    for part in parts(document):
        if isinstance(part.get("content"), str):
            part["content"] = [{"type": "text", "text": part["content"]}]
    return document


@fault(Stage.COMPLETION, caught_by=["message.content-is-there"], field=["resp-content-key-present"])
def a_short_answer_has_no_content(document: Json, asked: Asked) -> Json:
    """The key `content` is dropped where there is little in it (mlx-lm, `exclude_none`)."""
    for part in parts(document):
        if isinstance(part.get("content"), str) and len(str(part["content"])) < 4:
            del part["content"]
    return document


@fault(Stage.ANSWER, caught_by=["message.has-no-replacement-characters"], field=["sse-utf8-integrity"])
def tears_characters(answer: Answer, asked: Asked) -> Answer:
    """A character of several bytes is torn in two, and both halves replaced (llama.cpp of 2023)."""

    def torn(token: str) -> str:
        return "".join("\ufffd\ufffd" if len(character.encode()) > 3 else character for character in token)

    if asked.body.get("response_format"):  # those have a grammar of characters
        return answer
    turns = tuple(replace(turn, tokens=None if turn.tokens is None else tuple(map(torn, turn.tokens))) for turn in answer.turns)
    return replace(answer, turns=turns)


@fault(Stage.ANSWER, caught_by=["message.has-no-template-words"])
def shows_the_end_of_the_turn(answer: Answer, asked: Asked) -> Answer:
    """`<|im_end|>` behind the text (LM Studio and llama.cpp with a wrong template)."""
    return replace(
        answer,
        turns=tuple(
            turn
            if turn.tokens is None or turn.scores is not None or turn.finish != "stop" or asked.body.get("response_format")
            else replace(turn, tokens=(*turn.tokens, "<|im_end|>"))
            for turn in answer.turns
        ),
    )


@fault(
    Stage.DOCUMENT,
    caught_by=["document.has-only-known-fields", "message.answer-is-not-all-reasoning", "usage.thinking-is-counted"],
)
def answers_in_its_reasoning(document: Json, asked: Asked) -> Json:
    """The answer itself stands in `reasoning_content` (LM Studio, parsers that wait for the end of a thought)."""
    return document if asked.body.get("response_format") else _all_thought(document)


@fault(
    Stage.DOCUMENT,
    caught_by=[
        "asked.json-is-json",
        "document.has-only-known-fields",
        "message.answer-is-not-all-reasoning",
        "usage.thinking-is-counted",
    ],
    field=["rf-json-schema-reasoning"],
)
def json_in_its_reasoning(document: Json, asked: Asked) -> Json:
    """JSON that was asked for stands in `reasoning_content`, and `content` is empty (LM Studio)."""
    return _all_thought(document) if asked.body.get("response_format") else document


def _all_thought(document: Json) -> Json:
    for part in parts(document):
        if part.get("content"):
            part["reasoning_content"], part["content"] = part["content"], ""
    return document


@fault(Stage.DOCUMENT, caught_by=["document.has-only-known-fields"], field=["resp-extra-fields", "reasoning-field-name"])
def has_fields_of_its_own(document: Json, asked: Asked) -> Json:
    """`timings` in the document, `stop_reason` in a choice (llama.cpp, vLLM): a note, since nobody minds."""
    obj(document)["timings"] = {"prompt_ms": 12.5}
    for choice in choices(document):
        choice["stop_reason"] = None
    return document


@fault(Stage.COMPLETION, caught_by=["document.object-is-named"], field=["resp-object-literal"])
def answers_are_called_text_completions(document: Json, asked: Asked) -> Json:
    """`object: "text_completion"` (old TGI)."""
    obj(document)["object"] = "text_completion"
    return document


@fault(Stage.DOCUMENT, caught_by=["document.id-is-not-empty"], field=["resp-required-fields"])
def ids_are_empty(document: Json, asked: Asked) -> Json:
    """`id: ""` (TGI, bridges)."""
    obj(document)["id"] = ""
    return document


@fault(Stage.DOCUMENT, caught_by=["basic/own-ids", "concurrency/own-ids"])
def ids_are_all_the_same(document: Json, asked: Asked) -> Json:
    """`id: "chatcmpl-1"` for every answer (Ollama counts to 999, small servers not even that far)."""
    obj(document)["id"] = "chatcmpl-1"
    return document


@fault(Stage.DOCUMENT, caught_by=["document.model-is-not-empty"], field=["resp-model-echo"])
def models_are_empty(document: Json, asked: Asked) -> Json:
    """`model: ""` (Foundry Local)."""
    obj(document)["model"] = ""
    return document


@fault(Stage.DOCUMENT, caught_by=["document.created-is-in-seconds"])
def created_is_in_milliseconds(document: Json, asked: Asked) -> Json:
    """`created` in milliseconds (servers in JavaScript)."""
    obj(document)["created"] = int(str(obj(document)["created"])) * 1000
    return document


@fault(Stage.ANSWER, caught_by=["asked.json-is-json"])
def answers_with_nothing(answer: Answer, asked: Asked) -> Answer:
    """An empty text with `stop` (a model that is still loading)."""
    return replace(answer, turns=tuple(turn if turn.tokens is None else _said(answer, turn, "") for turn in answer.turns))


@fault(Stage.ANSWER, caught_by=["asked.json-is-json"], field=["rf-json-schema-no-fence"])
def json_in_a_fence(answer: Answer, asked: Asked) -> Answer:
    """JSON inside a Markdown fence (models behind servers that pass the format on as a wish)."""
    if asked.body.get("response_format") in (None, {"type": "text"}):
        return answer
    return replace(
        answer,
        turns=tuple(turn if turn.text is None else _said(answer, turn, f"```json\n{turn.text}\n```") for turn in answer.turns),
    )


@fault(Stage.ASKED, caught_by=["asked.strict-schema-is-followed"], field=["rf-json-schema-enforced"])
def ignores_the_schema(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`json_schema` counts as `json_object` (gateways in front of servers that know no grammar)."""
    form = obj(body.get("response_format"))
    if form.get("type") != "json_schema":
        return body
    hint: list[Json] = [{"role": "system", "content": "Answer in JSON."}, *_messages(body)]
    return {**body, "messages": hint, "response_format": {"type": "json_object"}}


@fault(Stage.ASKED, caught_by=["asked.json-is-json", "asked.strict-schema-is-followed"], field=["rf-json-object"])
def ignores_the_response_format(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`response_format` has no effect at all (small servers)."""
    return {key: value for key, value in body.items() if key != "response_format"}


def _messages(body: dict[str, Json]) -> list[Json]:
    messages = body.get("messages")
    return messages if isinstance(messages, list) else []
