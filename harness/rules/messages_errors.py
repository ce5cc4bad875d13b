"""Refusals of Anthropic's Messages API: `{"type": "error", "error": {"type", "message"}}` and the status that fits."""

from __future__ import annotations

from harness.model import Json, MessagesRefused
from harness.reading import brief, get, obj, text
from harness.rule import Problem, Problems, must, should
from harness.rules.messages import PUBLISHED, SEEN

_STATUSES = {
    "invalid_request_error": {400, 405, 409, 415, 422},
    "authentication_error": {401},
    "billing_error": {402, 403},
    "permission_error": {403},
    "not_found_error": {404, 405},
    "request_too_large": {413},
    "rate_limit_error": {429},
    "api_error": {500, 501, 502, 503},
    "timeout_error": {408, 504},
    "overloaded_error": {529, 503},
}


@must(f"{PUBLISHED}, ErrorResponse; {SEEN}; BerriAI/litellm#30385", instead_of=["/error", "/type"])
def error_is_an_object(x: MessagesRefused) -> Problems:
    """What went wrong stands under `error`, an object.

    FastAPI's `{"detail": …}`, a text, or the flat form of another API say nothing to a client.

    Clients: The SDKs of Anthropic put the raw body into the exception, the AI SDK shows the words of the status alone, and
    programs that decide by `error.type` take every refusal for a passing failure.
    Servers: Adapters on FastAPI (`{"detail": …}`) whose own checks refuse before the API's handler is asked.
    Fix: One handler for every exception that writes the API's own envelope, also for 404, 405 and 422.
    Sources: api7/aisix#351
    """
    if _is_json(x) and not isinstance(_error(x), dict):
        yield Problem(f"status {x.reply.status} with {brief(x.body)}", "/error")


@must("BerriAI/litellm#39037, api7/aisix#352; the AI SDK checks the literal", instead_of=["/type"])
def says_that_it_is_an_error(x: MessagesRefused) -> Problems:
    """The document has `type: error` beside its `error`.

    By it clients tell this API's envelope from that of chat, which has `error` too.

    Clients: The AI SDK fails its schema and loses the message; generated clients (Go, Java, C#) find no variant that fits.
    Servers: llama.cpp 2026.10, LiteLLM until 2026-08 and api7's gateway until 2026-05 send the envelope of chat.
    Fix: `{"type": "error", "error": {"type": "invalid_request_error", "message": "…"}, "request_id": "…"}`.
    Sources: BerriAI/litellm#30385, nikships/droidproxy#4
    """
    kind = obj(x.body).get("type")
    if isinstance(_error(x), dict) and kind != "error":
        yield Problem(f"type is {brief(kind)}", "/type")


@must(f"{PUBLISHED}, ErrorResponse; {SEEN}", instead_of=["/error/message"])
def message_is_text(x: MessagesRefused) -> Problems:
    """`error.message` is a text that says something.

    It is all that a user learns of what to change.

    Clients: Claude Code and the SDKs print it; a list of validation results shows as "[object Object]", null as nothing.
    Servers: Adapters that pass on FastAPI's list of validation errors.
    Fix: One sentence: which parameter, what is wrong with it.
    """
    error = _error(x)
    if isinstance(error, dict) and not text(error.get("message")).strip():
        yield Problem(f"error.message is {brief(error.get('message'))}", "/error/message")


@must(f"{PUBLISHED}, ErrorResponse; {SEEN}; the AI SDK wants it", instead_of=["/error/type"])
def error_has_a_type(x: MessagesRefused) -> Problems:
    """`error.type` is a text.

    Clients go by it: which failure passes, which needs another key, which a shorter conversation.

    Clients: The AI SDK fails its schema without it; Claude Code cannot tell `overloaded_error` from a real failure.
    Servers: Gateways that write null or a number there.
    Fix: Derive it from the status: 400 invalid_request_error, 401 authentication_error, 404 not_found_error, 500 api_error.
    """
    error = _error(x)
    if isinstance(error, dict) and not text(error.get("type")):
        yield Problem(f"error.type is {brief(error.get('type'))}", "/error/type")


@should(f"{PUBLISHED}, ErrorResponse; {SEEN}; BerriAI/litellm#30385")
def type_is_known(x: MessagesRefused) -> Problems:
    """`error.type` is one of the API's own words.

    Nobody has a branch for the words of another API.

    Clients: Typed SDKs give an unknown error; what could be retried is not, and the reverse.
    Servers: LiteLLM ("None"), DroidProxy ("server_error"), adapters that pass on types of chat.
    Fix: Translate by the status, as above all: invalid_request_error, authentication_error, permission_error,
    not_found_error, request_too_large, rate_limit_error, api_error, overloaded_error.
    """
    kind = text(get(_error(x), "type"))
    if kind and kind not in _STATUSES:
        yield Problem(f"error.type is {brief(kind)}", "/error/type")


@should(f"{PUBLISHED}, errors by status; {SEEN}: 400, 401, 404, 429, 529 each with its own type")
def status_fits_type(x: MessagesRefused) -> Problems:
    """The status is that of the type: 401 `authentication_error`, 404 `not_found_error`, 400 `invalid_request_error`.

    Some clients go by the status, and others by the type.

    Clients: The SDKs choose the class of the exception by the status, Claude Code its advice by the type: told two things,
    the user is sent to look for a new key over a misspelt model.
    Servers: DroidProxy (500 for a missing key), LiteLLM (400 for an unknown model).
    Fix: One table from type to status, used for both.
    Sources: nikships/droidproxy#4
    """
    kind = text(get(_error(x), "type"))
    fitting = _STATUSES.get(kind, {x.reply.status})
    if x.reply.status >= 400 and x.reply.status not in fitting:
        yield Problem(f"{kind} with status {x.reply.status}, not {min(fitting)}", "/error/type")


def _is_json(x: MessagesRefused) -> bool:
    """Is it an error with a document of its own? (errors.is-json-object speaks of what is none.)"""
    return x.reply.status >= 400 and isinstance(x.body, dict)


def _error(x: MessagesRefused) -> Json:
    return obj(x.body).get("error") if _is_json(x) else None
