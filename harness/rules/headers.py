"""Header fields that clients decide by."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from harness.model import ChatStreamed, Completed, Evidence, Exchange, Refused
from harness.reading import brief
from harness.rule import RECORDED, Problems, may, must, should

_JSON = ("application/json",)


@must(
    f"{RECORDED}: 4,419 of 4,419 bodies; openai-python 3.54, _response.py (a body of another type is returned as str)",
    needs=[Evidence.HEADERS],
)
def json_content_type(x: Completed) -> Problems:
    """A JSON answer is labelled `application/json`.

    The OpenAI SDKs look at the label, not at the bytes: with another one they hand the raw text to the program.
    """
    if _media_type(x) not in _JSON:
        yield f"content-type is {brief(x.reply.header('content-type'))}"


@must("ktorio/ktor#5836, agentscope-ai/QwenPaw#468, florimondmanca/httpx-sse#13", needs=[Evidence.HEADERS])
def event_stream_content_type(x: ChatStreamed) -> Problems:
    """A stream is labelled `text/event-stream`.

    EventSource in browsers, ktor and httpx-sse refuse the response otherwise, and proxies buffer it.
    """
    if _media_type(x) != "text/event-stream":
        yield f"content-type is {brief(x.reply.header('content-type'))}"


@should(
    f"{RECORDED}: all JSON errors of api.openai.com; DeepSeek labels some `application/octet-stream`", needs=[Evidence.HEADERS]
)
def error_content_type(x: Refused) -> Problems:
    """A JSON error is labelled `application/json`.

    Clients that look at the label show the raw text in place of the message.
    """
    if isinstance(x.body, dict) and _media_type(x) not in _JSON:
        yield f"content-type is {brief(x.reply.header('content-type'))}"


@may("microsoft/semantic-kernel#1817; systems: most local servers send none", needs=[Evidence.HEADERS])
def request_id(x: Completed | ChatStreamed | Refused) -> Problems:
    """Every reply carries `x-request-id`.

    The OpenAI SDKs show it as `_request_id`; without it a report to the vendor cannot name the request.
    """
    if not x.reply.header("x-request-id"):
        yield "no x-request-id"


@should("RFC 9110, section 10.2.3; openai-python 3.54, _base_client.py (retry-after-ms, retry-after, x-should-retry)")
def retry_advice_is_readable(x: Exchange) -> Problems:
    """`retry-after` is a number of seconds or a date, `retry-after-ms` a number, `x-should-retry` true or false.

    Anything else is ignored, so that clients hammer an endpoint which asked them to wait.
    """
    for reply in (*x.reply.earlier, x.reply):
        for name, value in reply.headers:
            if name in _READABLE and not _READABLE[name](value):
                yield f"{name}: {brief(value)}"


@should("dphnAI/sonar#434, vllm-project/vllm#4862, NousResearch/hermes-agent#104104", needs=[Evidence.HEADERS])
def allows_the_origin(x: Exchange) -> Problems:
    """A request with an `Origin` gets `Access-Control-Allow-Origin`, errors included.

    A browser hides the whole reply from the page otherwise, so that even a wrong key looks like a network failure.
    """
    origin = next((value for name, value in x.request.headers if name == "origin"), None)
    allowed = x.reply.header("access-control-allow-origin")
    if origin is not None and allowed not in ("*", origin):
        yield f"origin {brief(origin)}, access-control-allow-origin {brief(allowed)}"


def _media_type(x: Exchange) -> str:
    return (x.reply.header("content-type") or "").partition(";")[0].strip().lower()


def _is_number(value: str) -> bool:
    return value.isascii() and value.replace(".", "", 1).isdigit()


def _is_date(value: str) -> bool:
    try:
        parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return False
    return True


def _is_flag(value: str) -> bool:
    return value in ("true", "false")


def _is_number_or_date(value: str) -> bool:
    return _is_number(value) or _is_date(value)


_READABLE = {"retry-after": _is_number_or_date, "retry-after-ms": _is_number, "x-should-retry": _is_flag}
