"""Replies with other header fields, other bytes for the same JSON, and more in errors and lists of models."""

from __future__ import annotations

import json
from dataclasses import replace

from harness.model import Frame, Headers, Json, Reply
from harness.reading import ABSENT, get, obj, parse
from harness.reference.answer import Asked
from harness.reference.fault import Stage
from harness.reference.inside import listed
from harness.reference.lookalike import lookalike


@lookalike(Stage.BODY)
def bodies_begin_with_blanks(content: bytes, asked: Asked) -> bytes:
    """Line ends and blanks before the JSON, sent while one waits (OpenRouter in 1,996 of 2,144 bodies, DeepSeek)."""
    return b"\n         \n" * 40 + content


@lookalike(Stage.BODY)
def bodies_are_compact(content: bytes, asked: Asked) -> bytes:
    """JSON without a blank or a line end (old gateways of api.openai.com, most servers)."""
    return _written(content, separators=(",", ":"))


@lookalike(Stage.BODY)
def bodies_are_indented_by_four(content: bytes, asked: Asked) -> bytes:
    """JSON indented by four blanks, and line ends behind it (the gateway of api.openai.com)."""
    return _written(content, indent=4) + b"\n\n"


@lookalike(Stage.BODY)
def bodies_are_escaped(content: bytes, asked: Asked) -> bytes:
    """Letters beyond ASCII and slashes are escaped (Python's `json.dumps`, PHP)."""
    return _written(content, ensure_ascii=True).replace(b"/", b"\\/")


@lookalike(Stage.BODY)
def body_keys_in_another_order(content: bytes, asked: Asked) -> bytes:
    """The keys of every object in the order of the alphabet (Go's maps)."""
    return _written(content, sort_keys=True)


@lookalike(Stage.REPLY)
def labels_with_a_charset(replied: Reply, asked: Asked) -> Reply:
    """`application/json;charset=UTF-8` and the same for streams, in capitals and without the blank (Z.ai, Java)."""
    label = (replied.header("content-type") or "").partition(";")[0]
    return _headed(replied, ("content-type", f"{label};charset=UTF-8")) if label else replied


@lookalike(Stage.REPLY)
def labels_without_a_charset(replied: Reply, asked: Asked) -> Reply:
    """`text/event-stream` without a charset (api.openai.com before May 2024)."""
    label = (replied.header("content-type") or "").partition(";")[0]
    return _headed(replied, ("content-type", label)) if label else replied


@lookalike(Stage.REPLY, field=["request-id-header"])
def hardly_any_headers(replied: Reply, asked: Asked) -> Reply:
    """What HTTP and browsers need, and none of OpenAI's own fields (most local servers): no request id is a note."""
    kept = ("content-type", "content-length", "transfer-encoding", "date", "vary")
    return replace(
        replied,
        headers=tuple((name, value) for name, value in replied.headers if name in kept or name.startswith("access-control-")),
    )


@lookalike(Stage.REPLY)
def many_headers(replied: Reply, asked: Asked) -> Reply:
    """Fields of proxies and networks in between, some of them twice (Cloudflare, Envoy before api.openai.com)."""
    more = (
        ("cf-cache-status", "DYNAMIC"),
        ("cf-ray", "8c1d2e3f4a5b6c7d-FRA"),
        ("alt-svc", 'h3=":443"; ma=86400'),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
        ("x-envoy-upstream-service-time", "212"),
        ("set-cookie", "__cf_bm=abc; path=/; HttpOnly"),
        ("set-cookie", "_cfuvid=def; path=/; HttpOnly"),
        ("via", "1.1 proxy"),
        ("x-should-retry", "false"),
        ("openai-organization", "example"),
    )
    return replace(replied, headers=(*replied.headers, *more))


@lookalike(Stage.REPLY)
def bodies_come_in_pieces(replied: Reply, asked: Asked) -> Reply:
    """A JSON body is sent chunked and in several frames, cut anywhere, with no `content-length` (nginx, Node.js)."""
    if replied.header("content-length") in (None, "0"):
        return replied
    headers = tuple(
        ("transfer-encoding", "chunked") if name == "content-length" else (name, value) for name, value in replied.headers
    )
    content = replied.content
    frames = tuple(Frame(at_ms=5.0 + start, data=content[start : start + 97]) for start in range(0, len(content), 97))
    return replace(replied, headers=headers, frames=frames)


@lookalike(Stage.REPLY)
def every_origin_may_read(replied: Reply, asked: Asked) -> Reply:
    """`access-control-allow-origin: *` for every page (most local servers)."""
    return _headed(replied, ("access-control-allow-origin", "*"))


@lookalike(Stage.REPLY)
def preflight_is_204(replied: Reply, asked: Asked) -> Reply:
    """204 and no content for a browser that asks beforehand, in place of 200 (Express, nginx)."""
    if asked.request.method != "OPTIONS" or replied.status != 200:
        return replied
    return replace(replied, status=204, headers=tuple(field for field in replied.headers if field[0] != "content-length"))


# ---------------------------------------------------------------- errors


@lookalike(Stage.ERROR)
def errors_in_another_order(document: Json, asked: Asked) -> Json:
    """`code, message, param, type`: the other of the two orders that api.openai.com has."""
    error = obj(obj(document)["error"])
    return {"error": {key: error[key] for key in ("code", "message", "param", "type")}}


@lookalike(Stage.ERROR)
def errors_say_more(document: Json, asked: Asked) -> Json:
    """More keys beside and within `error` (`request_id`, `details`, `metadata`, `user_id`: Azure, OpenRouter)."""
    error: Json = {**obj(obj(document)["error"]), "details": [], "metadata": {"provider_name": None}, "innererror": {"code": "x"}}
    return {"error": error, "request_id": "req_1", "user_id": None}


@lookalike(Stage.ERROR)
def errors_in_other_words(document: Json, asked: Asked) -> Json:
    """Another sentence for every error, of several lines and in another language, with the parameter named in it."""
    error = obj(obj(document)["error"])
    error["message"] = f"Ungültige Anfrage ⚠️\n  → {get(error, 'message')}\n(Siehe https://example.org/fehler.)"
    return document


# ---------------------------------------------------------------- models


@lookalike(Stage.MODELS, field=["models-no-capabilities"])
def models_tell_more(document: Json, asked: Asked) -> Json:
    """Each model tells what it can, costs and holds, which the standard has no keys for (OpenRouter, Groq, llama.cpp)."""
    for model in listed(document) or [obj(document)]:
        model |= {"context_window": 8192, "active": True, "permission": [], "root": "x", "parent": None, "meta": {"n_ctx": 1}}
    return document


@lookalike(Stage.MODELS)
def models_have_a_last_day(document: Json, asked: Asked) -> Json:
    """`shutdown_date`, null or a date (api.openai.com in 2026)."""
    for place, model in enumerate(listed(document) or [obj(document)]):
        model["shutdown_date"] = None if place % 2 else "2027-01-31"
    return document


@lookalike(Stage.MODELS)
def hundreds_of_models(document: Json, asked: Asked) -> Json:
    """Four hundred models more, with slashes, colons and dots in their ids (OpenRouter)."""
    if "data" in obj(document):
        data = obj(document)["data"]
        like = listed(document)[0]
        obj(document)["data"] = [*data, *({**like, "id": f"vendor-{n % 20}/model.{n}:free"} for n in range(400))]  # type: ignore[misc]
    return document


def _written(content: bytes, *, ensure_ascii: bool = False, **how: object) -> bytes:
    document = parse(content)
    if document is ABSENT:
        return content
    return json.dumps(document, ensure_ascii=ensure_ascii, **how).encode("utf-8", "replace")  # type: ignore[arg-type]


def _headed(replied: Reply, field: tuple[str, str]) -> Reply:
    headers: Headers = tuple(field if name == field[0] else (name, value) for name, value in replied.headers)
    return replace(replied, headers=headers)
