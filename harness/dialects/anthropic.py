"""Anthropic's Messages API: canonical requests go to `/messages`, and what comes back is told in the form of chat.

The exchange that comes back has both: what it means, for the cases, and what was on the wire, for the rules and schemas of
the Messages API. What that API has no form for is not sent. What is wrong in a request stays wrong: it is for the endpoint to
refuse.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from harness import answer
from harness.dialects import NoEquivalent
from harness.dialects._anthropic_answer import chunks, completion, error, model, models
from harness.dialects._anthropic_request import Untranslatable, message_request, written
from harness.folding import PADDING
from harness.messages import PATH, VERSION_HEADER
from harness.model import (
    Completed,
    Endpoint,
    Evidence,
    Exchange,
    Frame,
    Garbled,
    Json,
    MessagesCompleted,
    MessagesModelRetrieved,
    MessagesModelsListed,
    MessagesRefused,
    MessagesStreamed,
    Other,
    Reply,
    Request,
)

TERMINATOR: Final = re.compile(rb"[\r\n]event: ?message_stop")

VERSION: Final = "2023-06-01"
KEY_HEADER: Final = "x-api-key"
_BEARER: Final = re.compile(r"^bearer\b\s*", re.IGNORECASE)


def outgoing(request: Request, endpoint: Endpoint) -> Request | NoEquivalent:
    """The request to the Messages API that asks for the same; or the parameter which that API has no form for."""
    known = {name for names in (endpoint.headers, endpoint.optional_headers) for name in names}
    headers = request.headers if VERSION_HEADER in known else (*request.headers, (VERSION_HEADER, VERSION))
    request = _with_key_of(replace(request, headers=headers), known)
    path, question, query = request.path.partition("?")
    if not path.rstrip("/").endswith(answer.CHAT):
        return request
    request = replace(request, path=path.rstrip("/").removesuffix(answer.CHAT) + PATH + question + query)
    if not isinstance(request.body, dict):
        return request  # malformed on purpose
    try:
        body = message_request(request.body, structured="json-schema" not in endpoint.lacks)
    except Untranslatable as what:
        return NoEquivalent(parameter=str(what))
    content = request.content or b""
    padding = content[: len(content) - len(content.lstrip())]
    folded = {**body, PADDING: len(padding)} if padding else None
    return replace(request, body=body, content=padding + written(body), folded=folded)


def _with_key_of(request: Request, known: set[str]) -> Request:
    """A key that a step sets or leaves out itself, in the header field in which the endpoint takes keys."""
    if KEY_HEADER not in known:
        return request
    headers = tuple(
        (KEY_HEADER, _BEARER.sub("", value)) if name == "authorization" else (name, value) for name, value in request.headers
    )
    without = (*request.without, KEY_HEADER) if "authorization" in request.without else request.without
    return replace(request, headers=headers, without=without)


# ---------------------------------------------------------------- what comes back


def incoming(request: Request, sent: Request, reply: Reply) -> Exchange:
    """The exchange of the canonical request; in its `wire`, that of what was sent."""
    native = answer.exchange(sent, reply, messages_api=True)
    match native:
        case MessagesStreamed():
            return replace(answer.exchange(request, _as_chunks(request, native)), wire=native)
        case MessagesCompleted():
            return _document(request, native, completion(native.body, _day(reply)))
        case MessagesModelsListed():
            return _document(request, native, models(native.body))
        case MessagesModelRetrieved():
            return _document(request, native, model(native.body))
        case MessagesRefused():
            return _document(request, native, error(native.body))
        case Garbled():
            return replace(native, request=request, wire=native)
        case Other():
            return replace(native, request=request, wire=native)
        case _:  # pragma: no cover  the family is closed, and no other is of the Messages API
            raise AssertionError(type(native))


def _document(request: Request, native: Completed | MessagesRefused, document: Json) -> Exchange:
    """What a reply of one document means. Where the wire's was no JSON, neither is this."""
    try:
        content = document.encode("utf-8", "replace") if isinstance(document, str) else written(document)
    except (ValueError, RecursionError):  # infinite numbers, or nested too deep to be written again
        content = native.reply.content
    return replace(answer.exchange(request, _translated(native.reply, (_frame(native.reply, content),))), wire=native)


def _frame(reply: Reply, content: bytes) -> Frame:
    return Frame(at_ms=reply.frames[-1].at_ms if reply.frames else 0.0, data=content)


def _as_chunks(request: Request, native: MessagesStreamed) -> Reply:
    """The reply that a stream of chat would have been: each chunk when its event came."""
    frames = [
        Frame(at_ms=native.events[position].at_ms, data=b"data: " + data + b"\n\n")
        for position, data in chunks(native, request.body, _day(native.reply))
    ]
    return _translated(native.reply, tuple(frames))


def _translated(reply: Reply, frames: tuple[Frame, ...]) -> Reply:
    return replace(reply, frames=frames, lost=reply.lost | {Evidence.BYTES})


def _day(reply: Reply) -> int:
    """`created`, which the Messages API does not tell: when the reply was sent, by its `date`; a fixed day without one."""
    from email.utils import parsedate_to_datetime

    try:
        return int(parsedate_to_datetime(reply.header("date") or "").timestamp())
    except (ValueError, TypeError, OverflowError, IndexError):
        return _SOME_DAY


_SOME_DAY: Final = 1_700_000_000
