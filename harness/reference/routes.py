"""The reference server without its socket: a request and a serial number in, the reply out, the same whenever asked.

It behaves as api.openai.com does, but for a small model that follows plain instructions and for its key: no key (or a
word that clients send for none) and `Bearer reference` are taken, any other is refused. At `/messages` it speaks
Anthropic's Messages API as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote

from harness.model import Frame, Json, Reply, Request
from harness.reading import ABSENT, integer, obj, parse
from harness.reference import fields, messages_api, validate, write
from harness.reference.answer import ALONE, Around, Asked
from harness.reference.fault import Change, Stage
from harness.reference.refusal import Refusal, unknown_model
from harness.reference.speak import FIRST_DAY, answer

KEY: Final = "reference"
NO_KEY: Final = ("", "undefined", "null", "sk-no-key-required")
"""What clients send where the user gave no key."""

MODELS: Final = ("reference-1", "reference-2", validate.THINKER)
DONE: Final = b"[DONE]"

_DATED: Final = "-2026-09-22"
"""What is added to the name of the model that was asked for: the API names the snapshot that answered."""

_FIRST_BYTE_MS: Final = 120.0
_EVENT_MS: Final = 12.0
_TOKEN_MS: Final = 1.0  # of an answer that comes as a whole
_DOCUMENT_MS: Final = 4.0
_CHAT: Final = "/chat/completions"
_METHODS: Final = {_CHAT: ("POST",), messages_api.PATH: ("POST",), "/models": ("GET",)}


def reply(request: Request, serial: int, faults: Sequence[Change] = (), around: Around = ALONE) -> Reply:
    """The reply to a request whose path is relative to the base URL; `serial` tells requests apart, and dates them.

    What goes on `around` it makes a difference to some faults, and to nothing else.
    """
    arrived = Asked(request=request, body={}, serial=serial, around=around)
    asked = replace(arrived, request=_through(Stage.REQUEST, request, arrived, faults))
    try:
        made = _routed(asked, faults)
    except Refusal as refusal:
        if messages_api.is_asked(asked.request):
            made = messages_api.refused(refusal, asked, faults, _through)
        else:
            made = _refused(refusal, asked, faults)
    if asked.request.method == "HEAD":
        made = Reply(status=made.status, headers=made.headers)
    changed: Reply = _through(Stage.REPLY, made, asked, faults)
    return changed


def elsewhere(request: Request, serial: int, faults: Sequence[Change] = ()) -> Reply:
    """The reply to a request whose path is not under the base URL at all."""
    asked = Asked(request=request, body={}, serial=serial)
    return _refused(_no_such_path(request), asked, faults)


def _through(stage: Stage, made: Any, asked: Asked, faults: Iterable[Change]) -> Any:
    for fault in faults:
        if fault.stage is stage:
            made = fault.change(made, asked)
    return made


# ---------------------------------------------------------------- routes


def _routed(asked: Asked, faults: Sequence[Change]) -> Reply:
    request = asked.request
    path = re.sub(r"/{2,}", "/", request.path.partition("?")[0]).rstrip("/") or "/"
    known = path if path in _METHODS else "/models" if path.startswith("/models/") else None
    if request.method == "OPTIONS" and known:
        return Reply(status=200, headers=fields.preflight(request, asked.serial))
    native = messages_api.is_asked(request)
    if native:
        messages_api.authorised(request, (KEY, *NO_KEY))
    else:
        _authorised(request)
    if known is None:
        raise _no_such_path(request)
    if request.method not in _METHODS[known]:
        raise Refusal(
            f"Not allowed to {request.method} on {path}. Perhaps another HTTP method was meant?",
            status=405,
            code="method_not_supported",
            gateway=True,
        )
    if path == _CHAT:
        return _chat(asked, faults)
    if path == messages_api.PATH:
        return messages_api.reply(asked, faults, _through, MODELS)
    document: Json = {"object": "list", "data": [_model(name) for name in MODELS]}
    if path != "/models":
        name = unquote(path.removeprefix("/models/"))
        if name not in MODELS:
            raise unknown_model(name)
        document = _model(name)
    if native:
        return messages_api.document_reply(asked, messages_api.listed(None if path == "/models" else name, MODELS))
    return _one_document(_through(Stage.MODELS, document, asked, faults), asked, faults, after_ms=_DOCUMENT_MS)


def _no_such_path(request: Request) -> Refusal:
    return Refusal(f"Invalid URL ({request.method} {request.path})", status=404, gateway=True)


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": FIRST_DAY - 86_400, "owned_by": "chatcompat"}


def _authorised(request: Request) -> None:
    given = next((value for name, value in request.headers if name == "authorization"), None)
    if given is None:
        return
    scheme, _, key = given.partition(" ")
    key = key.strip()
    if scheme.lower() == "bearer" and key in NO_KEY:
        return
    if scheme.lower() != "bearer":
        said = "No API key was provided: send it in the Authorization header, as Bearer auth (Authorization: Bearer KEY)."
        raise Refusal(said, status=401, gateway=True)
    if key != KEY:
        shown = f"{key[:4]}{'*' * 8}{key[-3:]}" if len(key) > 12 else "*" * len(key)
        raise Refusal(f"Incorrect API key provided: {shown}.", status=401, code="invalid_api_key", gateway=True)


# ---------------------------------------------------------------- chat


def _chat(asked: Asked, faults: Sequence[Change]) -> Reply:
    body = parse(asked.request.content or b"")
    if body is ABSENT or not isinstance(body, dict):
        said = "The body of the request is not a JSON object."
        raise Refusal(said, gateway=True)
    body = _through(Stage.ASKED, body, asked, faults)
    asked = replace(asked, body=obj(body))
    model = _model_of(asked.body)
    validate.request(asked.body)
    said = _through(Stage.ANSWER, answer(asked, f"{model}{_DATED}"), asked, faults)
    thought_ms = _FIRST_BYTE_MS + 0.5 * (integer(said.usage.reasoning) or 0)
    if not asked.streamed:
        document = _through(Stage.DOCUMENT, write.completion(said), asked, faults)
        document = _through(Stage.COMPLETION, document, asked, faults)
        after_ms = thought_ms + _EVENT_MS + _TOKEN_MS * said.usage.completion
        return _one_document(document, asked, faults, after_ms=after_ms)
    chunks = [_through(Stage.DOCUMENT, chunk, asked, faults) for chunk in write.chunks(said, asked)]
    chunks = _through(Stage.CHUNKS, chunks, asked, faults)
    events = [b"data: " + data + b"\n\n" for data in (*map(write.compact, chunks), DONE)]
    events = _through(Stage.EVENTS, events, asked, faults)
    frames = tuple(Frame(at_ms=thought_ms + _EVENT_MS * place, data=data) for place, data in enumerate(events))
    return Reply(status=200, headers=fields.stream(asked.request, asked.serial, thought_ms), frames=frames)


def _model_of(body: Mapping[str, Json]) -> str:
    model = body.get("model")
    if model is None:
        raise Refusal("you must provide a model parameter", gateway=True)
    if not isinstance(model, str):
        raise Refusal("the model parameter must be a string", param="model", code="invalid_type")
    if model not in MODELS:
        raise unknown_model(model)
    return model


# ---------------------------------------------------------------- replies of one document


def _one_document(document: Json, asked: Asked, faults: Sequence[Change], *, after_ms: float) -> Reply:
    content = _through(Stage.BODY, write.pretty(document), asked, faults)
    headers = fields.document(asked.request, asked.serial, after_ms, len(content))
    return Reply(status=200, headers=headers, frames=(Frame(at_ms=after_ms, data=content),))


def _refused(refusal: Refusal, asked: Asked, faults: Sequence[Change]) -> Reply:
    refusal = _through(Stage.REFUSAL, refusal, asked, faults)
    document = _through(Stage.ERROR, refusal.document(), asked, faults)
    content = _through(Stage.BODY, write.pretty(document), asked, faults)
    headers = fields.error(asked.request, asked.serial, _DOCUMENT_MS, len(content), gateway=refusal.gateway)
    return Reply(status=refusal.status, headers=headers, frames=(Frame(at_ms=_DOCUMENT_MS, data=content),))
