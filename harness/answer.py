"""What a reply means: the exchange that it completes, and what the chunks of a stream add up to.

The operation is known from the request's method and path, and whether a stream was asked for from its body. Nothing is
judged here: whatever can be read is read, as the most tolerant client would.
"""

from __future__ import annotations

from urllib.parse import unquote

from harness import messages, reading, sse
from harness.model import (
    ChatCompleted,
    ChatStreamed,
    Chunk,
    Completed,
    Ending,
    Event,
    Exchange,
    Garbled,
    Json,
    MessagesCompleted,
    MessagesModelRetrieved,
    MessagesModelsListed,
    MessagesRefused,
    MessagesStreamed,
    ModelRetrieved,
    ModelsListed,
    Other,
    Refused,
    Reply,
    Request,
)

DONE = "[DONE]"
"""The data of the event that ends a stream."""

CHAT = "/chat/completions"
MODELS = "/models"


def exchange(request: Request, reply: Reply, *, messages_api: bool | None = None) -> Exchange:
    """The exchange that a reply completes; total over any bytes.

    `messages_api`: is it the Messages API that was asked? Where nobody knows, path and header fields of the request tell.
    """
    if reply.ended is Ending.HUNG_UP:
        return Other(request=request, reply=reply)  # nobody knows what the whole would have been
    native = is_of_messages_api(request) if messages_api is None else messages_api
    if not 200 <= reply.status < 300:
        refused = MessagesRefused if native else Refused
        return refused(request=request, reply=reply, body=_document_or_text(reply.content))
    operation = _operation(request, native)
    if operation is None:
        return Other(request=request, reply=reply, body=_document_or_text(reply.content))
    if operation in (ChatCompleted, MessagesCompleted) and reading.get(request.body, "stream") is True:
        return _streamed(request, reply, native)
    return _completed(request, reply, operation)


def is_of_messages_api(request: Request) -> bool:
    """Is a request one to the Messages API, by its path or by the header field that names the API's version?"""
    path = _path(request)
    if path == messages.PATH or path.endswith((f"/v1{messages.PATH}", f"{messages.PATH}/count_tokens")):
        return True
    return any(name == messages.VERSION_HEADER for name, _ in request.headers)


def _path(request: Request) -> str:
    return request.path.split("?", 1)[0].rstrip("/")


def _operation(request: Request, native: bool) -> type[Completed] | None:
    path = _path(request)
    if request.method == "POST" and native and path.endswith(messages.PATH):
        return MessagesCompleted
    if request.method == "POST" and path.endswith(CHAT):
        return ChatCompleted
    if request.method == "GET" and path.endswith(MODELS):
        return MessagesModelsListed if native else ModelsListed
    if request.method == "GET" and unquote(path).rpartition(f"{MODELS}/")[1]:
        return MessagesModelRetrieved if native else ModelRetrieved
    return None


def _completed(request: Request, reply: Reply, operation: type[Completed]) -> Exchange:
    content = reply.content
    document = reading.parse(content)
    if not isinstance(document, reading._Absent):
        return operation(request=request, reply=reply, body=document)
    if _looks_like_events(reply, content):
        return Garbled(request=request, reply=reply, why="an event stream, though no stream was asked for")
    return Garbled(request=request, reply=reply, why=_no_json(content))


def _streamed(request: Request, reply: Reply, native: bool) -> Exchange:
    content = reply.content
    if not _looks_like_events(reply, content):
        document = reading.parse(content)
        if isinstance(document, reading._Absent):
            return Garbled(request=request, reply=reply, why=f"no event stream, though one was asked for: {_no_json(content)}")
        why = "one JSON document, though a stream was asked for"
        return Garbled(request=request, reply=reply, why=why, body=document)
    events, framing = sse.decode(reply.frames)
    chunks = tuple(
        Chunk(body=document, event=position)
        for position, event in enumerate(events)
        if not isinstance(document := reading.parse(event.data), reading._Absent)
    )
    streamed, add_up = (MessagesStreamed, messages.assembled) if native else (ChatStreamed, assembled)
    return streamed(
        request=request,
        reply=reply,
        events=events,
        framing=framing,
        chunks=chunks,
        body=add_up([chunk.body for chunk in chunks]),
        failed_at=next((place for place, chunk in enumerate(chunks) if _is_error(events[chunk.event], chunk.body, native)), None),
    )


def _is_error(event: Event, document: Json, native: bool) -> bool:
    """An in-band error: `event: error`, an `error` that is not null, or of the Messages API the type `error`."""
    said = reading.obj(document)
    return event.event == "error" or said.get("error") is not None or (native and said.get("type") == "error")


def _looks_like_events(reply: Reply, content: bytes) -> bool:
    """By its content type; where that says something else, by how the body begins."""
    media_type = (reply.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type == "text/event-stream":
        return True
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:6]
    return start.startswith((b"data:", b"event:", b"id:", b"retry:", b":"))


def _no_json(content: bytes) -> str:
    if not content.strip():
        return "an empty body"
    start = content.lstrip()[:60].decode("utf-8", "replace")
    kind = "an HTML page" if start.lower().startswith(("<!doctype", "<html")) else "no JSON"
    return f"{kind}: {reading.brief(start, 60)}"


def _document_or_text(content: bytes) -> Json:
    document = reading.parse(content)
    return content.decode("utf-8", "replace") if isinstance(document, reading._Absent) else document


# ---------------------------------------------------------------- what chunks add up to


def assembled(chunks: list[Json]) -> Json:
    """The completion that chunks add up to; a key that no chunk carried is not there, one that was only null is null."""
    body: dict[str, Json] = {}
    choices: dict[int, dict[str, Json]] = {}
    for chunk in map(reading.obj, chunks):
        for key in ("id", "object", "created", "model", "service_tier", "system_fingerprint", "usage", "moderation", "error"):
            if key in chunk and (body.get(key) in (None, "", 0) or (key == "usage" and chunk[key] is not None)):
                body[key] = chunk[key]
        for _, choice in reading.objects(chunk.get("choices")):
            _add_choice(choices, choice)
    if body.get("object") == "chat.completion.chunk":
        body["object"] = "chat.completion"
    if chunks:
        body["choices"] = [_closed(choices[index]) for index in sorted(choices)]
    return body


def _add_choice(choices: dict[int, dict[str, Json]], choice: dict[str, Json]) -> None:
    index = reading.integer(choice.get("index")) or 0
    into = choices.setdefault(index, {"index": index, "message": {}})
    message = reading.obj(into["message"])
    delta = reading.obj(choice.get("delta"))
    for key, value in delta.items():
        if key == "tool_calls":
            _add_calls(message, value)
        elif key == "function_call" and isinstance(value, dict):
            _add_call(reading.obj(message.setdefault("function_call", {})), value)
        elif key == "role":
            message["role"] = message.get("role") or value
        elif isinstance(value, str) and isinstance(message.get(key), str):
            _append(message, key, value)
        elif message.get(key) is None:
            message[key] = list(value) if isinstance(value, list) else value  # it grows, and the chunk must not
        elif isinstance(value, list) and isinstance(message[key], list):
            reading.arr(message[key]).extend(value)
    if choice.get("finish_reason") is not None or ("finish_reason" not in into and "finish_reason" in choice):
        into["finish_reason"] = choice["finish_reason"]
    if "logprobs" in choice:
        _add_logprobs(into, choice["logprobs"])


def _append(into: dict[str, Json], key: str, more: str) -> None:
    """Strings grow in a list of pieces: joining them once keeps a stream of n chunks linear in n."""
    pieces = into.setdefault(f"\0{key}", [into[key]])
    reading.arr(pieces).append(more)


def _closed(value: dict[str, Json]) -> dict[str, Json]:
    """The same with the pieces of its strings joined, all the way down."""
    joined = {key[1:]: "".join(map(reading.text, reading.arr(item))) for key, item in value.items() if key.startswith("\0")}
    closed: dict[str, Json] = {}
    for key, item in value.items():
        if key.startswith(("\0", "\1")):
            continue
        if key in joined:
            closed[key] = joined[key]
        elif key in ("message", "function", "function_call", "custom") and isinstance(item, dict):
            closed[key] = _closed(item)
        elif key == "tool_calls" and isinstance(item, list):
            closed[key] = [_closed(call) if isinstance(call, dict) else call for call in item]
        else:
            closed[key] = item
    return closed


def _add_calls(message: dict[str, Json], deltas: Json) -> None:
    if not isinstance(deltas, list):
        message.setdefault("tool_calls", deltas)
        return
    if not isinstance(message.get("tool_calls"), list):
        message["tool_calls"] = []
    calls = reading.arr(message["tool_calls"])
    places = reading.obj(message.setdefault("\1places", {}))
    ids = reading.obj(message.setdefault("\1ids", {}))  # looked up, since a stream may have as many calls as chunks
    for _, delta in reading.objects(deltas):
        index = reading.integer(delta.get("index"))
        if index is None:  # no index: a new id begins a new call, anything else continues the last one
            new = bool(delta.get("id")) and repr(delta["id"]) not in ids
            place = len(calls) if new or not calls else len(calls) - 1
        else:
            place = reading.integer(places.setdefault(str(index), len(calls))) or 0
        if place >= len(calls):
            calls.append({})
        _add_call(reading.obj(calls[place]), {key: value for key, value in delta.items() if key != "index"})
        ids[repr(reading.get(calls, place, "id"))] = True


def _add_call(call: dict[str, Json], delta: dict[str, Json]) -> None:
    """What the most used clients do: `id`, `type` are taken once, and the strings of function and custom are glued."""
    for key, value in delta.items():
        if key in ("function", "custom") and isinstance(value, dict):
            _add_call(reading.obj(call.setdefault(key, {})), value)
        elif key in ("arguments", "input", "name") and isinstance(value, str) and isinstance(call.get(key), str):
            _append(call, key, value)
        elif call.get(key) in (None, ""):
            call[key] = value


def _add_logprobs(into: dict[str, Json], logprobs: Json) -> None:
    if not isinstance(logprobs, dict) or not isinstance(into.get("logprobs"), dict):
        if into.get("logprobs") is None:
            into["logprobs"] = (
                {key: list(value) if isinstance(value, list) else value for key, value in logprobs.items()}
                if isinstance(logprobs, dict)
                else logprobs
            )
        return
    whole = reading.obj(into["logprobs"])
    for key, more in logprobs.items():
        if isinstance(more, list):
            so_far = whole.get(key)
            if isinstance(so_far, list) and so_far is not more:
                so_far.extend(more)
            else:
                whole[key] = list(more)


def is_whole(reply: Reply) -> bool:
    """Did the body come to its own end? A stream that stays open after its terminator did."""
    return reply.ended in (Ending.CLOSED, Ending.HELD_OPEN)
