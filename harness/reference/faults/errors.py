"""Errors that are told in another way than `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from harness.model import Json
from harness.reading import get, obj
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal


def _said(document: Json) -> Json:
    return get(document, "error", "message")


@fault(Stage.ERROR, caught_by=["errors.under-error"], field=["error-envelope"])
def errors_are_details(document: Json, asked: Asked) -> Json:
    """`{"detail": …}` (FastAPI servers: llama-cpp-python, TabbyAPI, Ray)."""
    return {"detail": _said(document)}


@fault(Stage.ERROR, caught_by=["errors.under-error"], field=["error-envelope"])
def errors_are_flat(document: Json, asked: Asked) -> Json:
    """`{"object": "error", "message": …}` (Mistral, vLLM of 2024)."""
    return {"object": "error", **obj(get(document, "error"))}


@fault(Stage.ERROR, caught_by=["errors.error-is-an-object"], field=["error-not-string"])
def error_is_a_text(document: Json, asked: Asked) -> Json:
    """`{"error": "…"}` (LM Studio, xAI)."""
    return {"error": _said(document)}


@fault(Stage.ERROR, caught_by=["errors.message-is-text"], field=["error-message-string"])
def error_message_is_a_list(document: Json, asked: Asked) -> Json:
    """The validator's list of slips as `message` (servers on pydantic)."""
    obj(obj(document)["error"])["message"] = [{"loc": ["body"], "msg": _said(document)}]
    return document


@fault(Stage.ERROR, caught_by=["errors.code-is-text"], field=["error-code-string"])
def error_code_is_the_status(document: Json, asked: Asked) -> Json:
    """The HTTP status as a number under `code` (llama.cpp, OpenRouter, vLLM)."""
    obj(obj(document)["error"])["code"] = 400
    return document


@fault(Stage.ERROR, caught_by=["errors.type-and-param-are-text"], field=["error-type-param-types"])
def error_type_is_a_number(document: Json, asked: Asked) -> Json:
    """A number as `type` (servers that number their errors)."""
    obj(obj(document)["error"])["type"] = 3
    return document


@fault(Stage.REFUSAL, caught_by=["errors.status-fits-code"], field=["error-unknown-model"])
def unknown_model_is_400(refusal: Refusal, asked: Asked) -> Refusal:
    """400 for a model that does not exist, with the code `model_not_found` (gateways)."""
    if refusal.code == "model_not_found":
        refusal.status = 400
    return refusal


@fault(Stage.REFUSAL, caught_by=["errors.malformed-is-400"], field=["error-status-400-validation"])
def malformed_is_422(refusal: Refusal, asked: Asked) -> Refusal:
    """422 for whatever is wrong with a request (FastAPI, Mistral, DeepSeek)."""
    if refusal.status == 400:
        refusal.status = 422
        refusal.code = None
    return refusal


@fault(
    Stage.REFUSAL,
    caught_by=[
        "choices/none",
        "concurrency/beside-a-mistake",
        "context-overflow/conversation",
        "context-overflow/one-message",
        "context-overflow/streamed",
        "conversation/null-assistant",
        "errors/bad-json",
        "errors/empty-messages",
        "errors/messages-text",
        "errors/no-messages",
        "errors/no-model",
        "errors/temperature-too-high",
        "errors/unknown-part",
        "errors/unknown-role",
        "errors/wrong-type",
        "extras/control",
        "extras/extra-body",
        "extras/local-samplers",
        "extras/min-p",
        "extras/repetition-penalty",
        "extras/top-k",
        "limits/both-names",
        "limits/negative",
        "limits/too-large",
        "limits/zero",
        "logprobs/alternatives-without",
        "logprobs/too-many",
        "parameters/audio",
        "parameters/unknown-tier",
        "reasoning/unknown-effort",
        "second-turn/empty-keys",
        "stop/empty-list",
        "stop/five",
        "streaming/options-without-stream",
        "structured-output/loose-schema",
        "structured-output/no-name",
        "structured-output/no-word-of-json",
        "structured-output/unknown-type",
        "tools/choice-without-tools",
        "tools/parallel-without-tools",
        "tools/undeclared",
        "transport/empty",
        "vision/broken",
        "vision/tool-result",
        "vision/unreachable",
    ],
    field=["error-bad-json-400", "error-status-400-validation", "empty-messages-400"],
)
def malformed_is_500(refusal: Refusal, asked: Asked) -> Refusal:
    """500 for whatever is wrong with a request (Portkey, llama-cpp-python): SDKs take it for an outage, and try again."""
    if refusal.status == 400:
        refusal.status = 500
        refusal.code = None
    return refusal


@fault(Stage.REFUSAL, caught_by=["errors.not-with-200"], field=["resp-200-with-error"])
def fails_with_200(refusal: Refusal, asked: Asked) -> Refusal:
    """Status 200 for every error (Azure once in its recordings, OpenRouter)."""
    refusal.status = 200
    return refusal


@fault(Stage.BODY, caught_by=["errors.is-json-object"], field=["error-json-not-html", "http-head-get-chat"])
def errors_are_plain_text(content: bytes, asked: Asked) -> bytes:
    """An error as a line of text (nginx, Go's http.Error, MLflow)."""
    return b"Bad Request\n" if content.startswith(b'{\n  "error"') else content


@fault(Stage.ERROR, caught_by=["auth/wrong-key"], field=["auth-bad-key-401"])
def repeats_the_wrong_key(document: Json, asked: Asked) -> Json:
    """A 401 that shows the whole key (LiteLLM showed its hash), which then stands in logs."""
    if get(document, "error", "code") == "invalid_api_key":
        key = next((value for name, value in asked.request.headers if name == "authorization"), "")
        obj(obj(document)["error"])["message"] = f"Invalid key: {key}"
    return document


@fault(Stage.REFUSAL, caught_by=["errors.status-fits-code"], field=["auth-bad-key-401"])
def wrong_key_is_403(refusal: Refusal, asked: Asked) -> Refusal:
    """403 for a wrong key (gateways of cloud vendors)."""
    if refusal.code == "invalid_api_key":
        refusal.status = 403
    return refusal


@fault(Stage.REFUSAL, caught_by=["auth/bad-scheme", "auth/wrong-key", "auth/wrong-key-streamed"], field=["auth-bad-key-401"])
def wrong_key_is_500(refusal: Refusal, asked: Asked) -> Refusal:
    """500 for a wrong key (llama-stack)."""
    if refusal.status == 401:
        refusal.status = 500
        refusal.code = None
    return refusal
