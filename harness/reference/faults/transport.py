"""What servers, and what stands before them, do to requests that are not as they expect: header fields, paths, bodies."""

from __future__ import annotations

import gzip
from dataclasses import replace

from harness.model import Frame, Headers, Json, Reply
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal

_TOO_LARGE = b"<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>\r\n"
_MOST_BYTES = 1024 * 1024


@fault(Stage.ASKED, caught_by=["transport/charset"], field=["content-type-request-charset"])
def compares_the_whole_content_type(body: Json, asked: Asked) -> Json:
    """415 for `application/json; charset=utf-8` (parsers that compare the text)."""
    if (_field(asked, "content-type") or "").startswith("application/json;"):
        raise Refusal("Unsupported Media Type", status=415)
    return body


@fault(Stage.ASKED, caught_by=["transport/no-accept"])
def wants_an_accept_field(body: Json, asked: Asked) -> Json:
    """406 where the client does not say what it accepts (content negotiation without a default)."""
    if _field(asked, "accept") is None:
        raise Refusal("Not Acceptable", status=406)
    return body


@fault(Stage.ASKED, caught_by=["transport/accept-stream"])
def gives_only_json_to_who_accepts_json(body: Json, asked: Asked) -> Json:
    """406 for `accept: text/event-stream`, though a stream is asked for (routers that know one type for a path)."""
    if _field(asked, "accept") == "text/event-stream":
        raise Refusal("Not Acceptable", status=406)
    return body


@fault(Stage.ASKED, caught_by=["transport/sdk-headers"])
def a_firewall_knows_the_sdk(body: Json, asked: Asked) -> Json:
    """403 for the user agent of the OpenAI SDK, and for no other (Cloudflare's rules against robots)."""
    if "OpenAI/" in (_field(asked, "user-agent") or ""):
        raise Refusal("Your request was blocked.", status=403)
    return body


@fault(Stage.REPLY, caught_by=["reply.is-json"])
def packs_and_does_not_say_so(replied: Reply, asked: Asked) -> Reply:
    """Answers are packed with gzip where that is taken, and the label is lost (proxies that drop `content-encoding`)."""
    return replied if _is_stream(replied) or replied.status != 200 else _packed(replied, asked)


@fault(Stage.REPLY, caught_by=["framing.line-feeds-only", "framing.no-stray-lines", "framing.utf-8", "stream.says-something"])
def packs_streams_and_does_not_say_so(replied: Reply, asked: Asked) -> Reply:
    """The same, done to streams."""
    return _packed(replied, asked) if _is_stream(replied) else replied


@fault(Stage.ASKED, caught_by=["transport/query"])
def knows_no_path_with_a_query(body: Json, asked: Asked) -> Json:
    """404 where a query is added to the path (routers that compare the whole target)."""
    if "?" in asked.request.path:
        raise Refusal(f"Cannot POST {asked.request.path}", status=404)
    return body


@fault(Stage.REPLY, caught_by=["reply.not-redirected"], field=["trailing-slash"])
def redirects_two_slashes_to_one(replied: Reply, asked: Asked) -> Reply:
    """301 from `/v1//chat/completions`, so that the POST becomes a GET (Go's standard router)."""
    return _redirected("/v1/chat/completions") if asked.request.path.startswith("//") else replied


@fault(Stage.REPLY, caught_by=["reply.not-redirected"], field=["trailing-slash"])
def redirects_away_from_a_slash(replied: Reply, asked: Asked) -> Reply:
    """307 from a path with a slash behind it to the one without (FastAPI, Next.js)."""
    return _redirected(f"/v1{asked.request.path[:-1]}", 307) if asked.request.path.endswith("/") else replied


@fault(Stage.REPLY, caught_by=["transport/head"], field=["http-head-get-chat"])
def knows_no_head(replied: Reply, asked: Asked) -> Reply:
    """501 for HEAD (Python's http.server)."""
    return replace(replied, status=501) if asked.request.method == "HEAD" else replied


@fault(Stage.REPLY, caught_by=["errors.is-json-object"], field=["long-prompt-body", "error-json-not-html"])
def a_proxy_takes_a_megabyte(replied: Reply, asked: Asked) -> Reply:
    """413 and a page for a body of more than 1 MB (nginx as it comes)."""
    if len(asked.request.content or b"") <= _MOST_BYTES:
        return replied
    headers: Headers = (("content-type", "text/html"), ("content-length", str(len(_TOO_LARGE))), ("x-request-id", "req_0"))
    return Reply(status=413, headers=headers, frames=(Frame(at_ms=4.0, data=_TOO_LARGE),))


@fault(Stage.REPLY, caught_by=["transport/large"], field=["long-prompt-body"])
def breaks_on_a_large_body(replied: Reply, asked: Asked) -> Reply:
    """500 for a body of more than 1 MB (body parsers whose error nobody handles)."""
    return replace(_error(asked), status=500) if len(asked.request.content or b"") > _MOST_BYTES else replied


@fault(Stage.REPLY, caught_by=["transport/empty"])
def breaks_on_an_empty_body(replied: Reply, asked: Asked) -> Reply:
    """500 for a body of no bytes (`None` where an object was expected)."""
    return _error(asked) if asked.request.method == "POST" and not asked.request.content else replied


@fault(Stage.REPLY, caught_by=["transport/byte-order-mark"])
def breaks_on_a_byte_order_mark(replied: Reply, asked: Asked) -> Reply:
    """500 for a body that begins with a byte order mark (`JSONDecodeError: Unexpected UTF-8 BOM`)."""
    return _error(asked) if (asked.request.content or b"").startswith(b"\xef\xbb\xbf") else replied


@fault(Stage.REPLY, caught_by=["transport/labelled-text"])
def breaks_on_text(replied: Reply, asked: Asked) -> Reply:
    """500 for JSON that is labelled as text (`req.body` is undefined)."""
    return _error(asked) if (_field(asked, "content-type") or "").startswith("text/") else replied


def _field(asked: Asked, name: str) -> str | None:
    return next((value for key, value in asked.request.headers if key == name), None)


def _is_stream(replied: Reply) -> bool:
    return (replied.header("content-type") or "").startswith("text/event-stream")


def _packed(replied: Reply, asked: Asked) -> Reply:
    if "gzip" not in (_field(asked, "accept-encoding") or ""):
        return replied
    packed = gzip.compress(replied.content, mtime=0)
    headers = tuple((key, str(len(packed)) if key == "content-length" else value) for key, value in replied.headers)
    at_ms = replied.frames[-1].at_ms if replied.frames else 0.0
    return replace(replied, headers=headers, frames=(Frame(at_ms=at_ms, data=packed),))


def _redirected(to: str, status: int = 301) -> Reply:
    return Reply(status=status, headers=(("location", to), ("content-length", "0"), ("x-request-id", "req_0")))


def _error(asked: Asked) -> Reply:
    content = b'{"error": {"message": "Internal Server Error", "type": "server_error", "param": null, "code": null}}'
    headers: Headers = (
        ("content-type", "application/json"),
        ("content-length", str(len(content))),
        ("x-request-id", f"req_{asked.serial}"),
        ("access-control-allow-origin", "*"),
    )
    return Reply(status=500, headers=headers, frames=(Frame(at_ms=4.0, data=content),))
