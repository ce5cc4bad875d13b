"""The route `/messages` of the reference server: Anthropic's Messages API, spoken by the same model.

Its key comes as `x-api-key` or as Bearer; none is needed. What has the header field `anthropic-version` is answered in this
form on every path, models and refusals among them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from harness.model import Frame, Headers, Json, Reply, Request
from harness.reading import ABSENT, arr, get, parse, text
from harness.reference import fields, messages_write
from harness.reference.answer import Answer, Asked
from harness.reference.fault import Change, Stage
from harness.reference.messages_request import as_chat, check
from harness.reference.refusal import Refusal, unknown_model
from harness.reference.speak import FIRST_DAY, answer
from harness.reference.write import compact

PATH: Final = "/messages"
VERSION_HEADER: Final = "anthropic-version"

_KINDS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
KEYLESS: Final = ""
_FIRST_BYTE_MS: Final = 120.0
_EVENT_MS: Final = 12.0
_DOCUMENT_MS: Final = 4.0
_NOT_OF_THIS_API: Final = ("openai-", "x-ratelimit-")

Through = Callable[[Stage, Any, Asked, Sequence[Change]], Any]
"""Has faults change what a stage has made."""


def is_asked(request: Request) -> bool:
    """Is it this API that a request wants an answer of?"""
    path = request.path.partition("?")[0].rstrip("/")
    return path == PATH or any(name == VERSION_HEADER for name, _ in request.headers)


def reply(asked: Asked, faults: Sequence[Change], through: Through, models: Sequence[str]) -> Reply:
    """The reply to a request for a message. Raises Refusal."""
    body = parse(asked.request.content or b"")
    if body is ABSENT or not isinstance(body, dict):
        raise Refusal("The body of the request is not a JSON object.")
    body = through(Stage.MESSAGE_ASKED, body, asked, faults)
    check(body)
    model = text(body.get("model"))
    if model not in models:
        raise unknown_model(model)
    chat = replace(asked, body=as_chat(body))
    said = answer(chat, model)
    stopped_by = _stopped_by(chat, said)
    aloud = get(body, "thinking", "type") in ("adaptive", "enabled") and get(body, "thinking", "display") != "omitted"
    if body.get("stream") is not True:
        document = through(Stage.MESSAGE, messages_write.message(said, stopped_by, thinks_aloud=aloud), asked, faults)
        return through(Stage.MESSAGE_REPLY, document_reply(asked, document, _FIRST_BYTE_MS), asked, faults)  # type: ignore[no-any-return]
    events = through(Stage.MESSAGE_EVENTS, messages_write.events(said, stopped_by, thinks_aloud=aloud), asked, faults)
    written = through(Stage.MESSAGE_BYTES, [_event(event) for event in events], asked, faults)
    frames = tuple(Frame(at_ms=_FIRST_BYTE_MS + _EVENT_MS * place, data=data) for place, data in enumerate(written))
    headers = _of_this_api(fields.stream(asked.request, asked.serial, _FIRST_BYTE_MS))
    return through(Stage.MESSAGE_REPLY, Reply(status=200, headers=headers, frames=frames), asked, faults)  # type: ignore[no-any-return]


def _event(event: Json) -> bytes:
    return b"event: " + text(get(event, "type")).encode() + b"\ndata: " + compact(event) + b"\n\n"


def _stopped_by(chat: Asked, said: Answer) -> str | None:
    """The stop sequence that ended an answer: that with which the rest would have begun."""
    stops = [text(word) for word in arr(chat.body.get("stop"))]
    spoken = said.turns[0].text
    if not stops or spoken is None or said.turns[0].finish != "stop":
        return None
    rest = {key: value for key, value in chat.body.items() if key not in ("stop", "max_completion_tokens")}
    whole = answer(replace(chat, body=rest), said.model).turns[0].text or ""
    return next((word for word in stops if whole[len(spoken) :].startswith(word)), None)


# ---------------------------------------------------------------- other replies


def document_reply(asked: Asked, document: Json, after_ms: float = _DOCUMENT_MS) -> Reply:
    """A reply of one JSON document."""
    content = compact(document)
    headers = _of_this_api(fields.document(asked.request, asked.serial, after_ms, len(content)))
    return Reply(status=200, headers=headers, frames=(Frame(at_ms=after_ms, data=content),))


def refused(refusal: Refusal, asked: Asked, faults: Sequence[Change], through: Through) -> Reply:
    """A refusal in the form of this API."""
    said = f"prompt is too long: {refusal.message}" if refusal.code == "context_length_exceeded" else refusal.message
    headers = fields.error(asked.request, asked.serial, _DOCUMENT_MS, 0, gateway=True)
    request_id = next((value for name, value in headers if name == "x-request-id"), "")
    document = messages_write.error(_KINDS.get(refusal.status, "api_error"), said, request_id)
    document = through(Stage.MESSAGE_ERROR, document, asked, faults)
    content = compact(document)
    headers = fields.error(asked.request, asked.serial, _DOCUMENT_MS, len(content), gateway=True)
    made = Reply(status=refusal.status, headers=_of_this_api(headers), frames=(Frame(at_ms=_DOCUMENT_MS, data=content),))
    return through(Stage.MESSAGE_REPLY, made, asked, faults)  # type: ignore[no-any-return]


def listed(name: str | None, names: Sequence[str]) -> Json:
    """The list of models; or the one of that name."""
    day = datetime.fromtimestamp(FIRST_DAY - 86_400, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if name is not None:
        return messages_write.model(name, day)
    return messages_write.models([messages_write.model(one, day) for one in names])


def authorised(request: Request, keys: Collection[str]) -> None:
    """Raise Refusal where a key is given that is none of these, or the version of the API is not named."""
    given: Mapping[str, str] = dict(request.headers)
    if given.get("x-api-key", KEYLESS) not in (KEYLESS, *keys):
        raise Refusal("invalid x-api-key", status=401)
    scheme, _, token = given.get("authorization", "bearer ").partition(" ")
    if scheme.lower() != "bearer" or (token.strip() and token.strip() not in keys):
        raise Refusal("Invalid bearer token", status=401)
    if VERSION_HEADER not in given:
        raise Refusal("anthropic-version: header is required")


def _of_this_api(headers: Headers) -> Headers:
    return tuple(
        ("request-id" if name == "x-request-id" else name, value)
        for name, value in headers
        if not name.startswith(_NOT_OF_THIS_API)
    )
