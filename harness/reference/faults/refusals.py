"""Errors that are wrong in other ways than the first that comes to mind."""

from __future__ import annotations

import json
from dataclasses import replace

from harness.model import Json, Reply
from harness.reading import get, obj
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault


@fault(Stage.ERROR, caught_by=["errors.message-is-no-json"], field=["error-message-string"])
def error_message_is_json(document: Json, asked: Asked) -> Json:
    """`message` is the whole error of the server behind, as JSON text (gateways)."""
    obj(obj(document)["error"])["message"] = json.dumps({"error": obj(document)["error"]})
    return document


@fault(Stage.ERROR, caught_by=["errors.type-is-known"], field=["error-type-param-types"])
def error_type_is_of_the_framework(document: Json, asked: Asked) -> Json:
    """`type` is the framework's own word (`value_error`: FastAPI; `BadRequestError`: vLLM)."""
    obj(obj(document)["error"])["type"] = "value_error"
    return document


@fault(Stage.ERROR, caught_by=["errors.is-json-object"], field=["error-envelope"])
def errors_are_in_a_list(document: Json, asked: Asked) -> Json:
    """`[{"error": {…}}]` (Gemini's compatible endpoint)."""
    return [document]


@fault(Stage.ERROR, caught_by=["errors.error-is-an-object"], field=["error-not-string", "error-envelope"])
def error_is_a_text_beside_a_code(document: Json, asked: Asked) -> Json:
    """`{"code": "…", "error": "…"}` (xAI)."""
    return {"code": get(document, "error", "code"), "error": get(document, "error", "message")}


@fault(Stage.ERROR, caught_by=["contract.observed", "errors.message-is-text"], field=["error-envelope"])
def error_is_within_an_error(document: Json, asked: Asked) -> Json:
    """`{"error": {"error": {…}}}`: an envelope in an envelope (gateways)."""
    return {"error": document}


@fault(Stage.COMPLETION, caught_by=["errors.not-with-200"], field=["resp-200-with-error"])
def answers_and_errs(document: Json, asked: Asked) -> Json:
    """Status 200, what was said so far, and an `error` beside it (OpenRouter, where a provider fails late)."""
    obj(document)["error"] = {"message": "The provider failed.", "type": "server_error", "param": None, "code": None}
    return document


@fault(Stage.REPLY, caught_by=["errors.not-with-200"], field=["resp-200-with-error", "http-head-get-chat"])
def wrong_methods_are_200(replied: Reply, asked: Asked) -> Reply:
    """The error is right, and the status 200, for a method that the path does not have (handlers that forget the status)."""
    return replace(replied, status=200) if replied.status == 405 else replied
