"""Header fields that clients decide by."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from harness.model import (
    Completed,
    Evidence,
    Exchange,
    MessagesCompleted,
    MessagesModelRetrieved,
    MessagesModelsListed,
    MessagesRefused,
    MessagesStreamed,
    Refused,
    Streamed,
)
from harness.reading import brief
from harness.rule import RECORDED, Problems, may, must, should

_JSON = ("application/json",)
_OF_MESSAGES = (MessagesCompleted, MessagesStreamed, MessagesRefused, MessagesModelsListed, MessagesModelRetrieved)


@must(
    f"{RECORDED}: 4,419 of 4,419 bodies; openai-python 3.54, _response.py (a body of another type is returned as str)",
    needs=[Evidence.HEADERS],
)
def json_content_type(x: Completed) -> Problems:
    """A JSON answer is labelled `application/json`.

    The OpenAI SDKs look at the label, not at the bytes: with another one they hand the raw text to the program.

    Clients: openai-python returns a `str` in place of a ChatCompletion, so the program stops at an attribute that a text
    does not have.
    Servers: Nobody in the recordings that kept enough headers.
    Fix: Label the completion `application/json` by hand wherever the body is written as text; a framework's default is
    often `text/plain`.
    """
    if _media_type(x) not in _JSON:
        yield f"content-type is {brief(x.reply.header('content-type'))}"


@must("ktorio/ktor#5836, agentscope-ai/QwenPaw#468, florimondmanca/httpx-sse#13", needs=[Evidence.HEADERS])
def event_stream_content_type(x: Streamed) -> Problems:
    """A stream is labelled `text/event-stream`.

    EventSource in browsers, ktor and httpx-sse refuse the response otherwise, and proxies buffer it.

    Clients: ktor's SSE client and httpx-sse raise on any other type; EventSource closes the connection.
    Servers: QwenPaw and gateways of the same kind, per reports; none in the recordings.
    Fix: Send `content-type: text/event-stream; charset=utf-8` with the first byte, and `cache-control: no-cache` beside it.
    """
    if _media_type(x) != "text/event-stream":
        yield f"content-type is {brief(x.reply.header('content-type'))}"


@should(
    f"{RECORDED}: all JSON errors of api.openai.com; DeepSeek labels some `application/octet-stream`", needs=[Evidence.HEADERS]
)
def error_content_type(x: Refused) -> Problems:
    """A JSON error is labelled `application/json`.

    Clients that look at the label show the raw text in place of the message.

    Clients: The AI SDK and browser code that branch on the type print the whole JSON as text; no crash is reported.
    Servers: DeepSeek labelled two recorded 400s `application/octet-stream`.
    Fix: Set `application/json` where the error object is written, not in the success path alone.
    """
    if isinstance(x.body, dict) and _media_type(x) not in _JSON:
        yield f"content-type is {brief(x.reply.header('content-type'))}"


@may("microsoft/semantic-kernel#1817; systems: most local servers send none", needs=[Evidence.HEADERS])
def request_id(x: Completed | Streamed | Refused) -> Problems:
    """Every reply carries `x-request-id` (in the Messages API: `request-id`).

    The OpenAI SDKs show it as `_request_id`; without it a report to the vendor cannot name the request.

    Clients: openai-python and openai-node put it into exceptions as `request_id`, which stays None. Nothing breaks; support
    is harder.
    Servers: Most local servers, Mistral, xAI, OpenRouter, Cloudflare and DeepSeek in recordings.
    Fix: Make a random id for each request, log it, and return it as `x-request-id`; keep the one a proxy has set.
    """
    name = "request-id" if isinstance(x, _OF_MESSAGES) else "x-request-id"
    if not x.reply.header(name):
        yield f"no {name}"


@should("RFC 9110, section 10.2.3; openai-python 3.54, _base_client.py (retry-after-ms, retry-after, x-should-retry)")
def retry_advice_is_readable(x: Exchange) -> Problems:
    """`retry-after` is a number of seconds or a date, `retry-after-ms` a number, `x-should-retry` true or false.

    Anything else is ignored, so that clients hammer an endpoint which asked them to wait.

    Clients: openai-python falls back to its own backoff of half a second to eight, which is often too early; no report
    names a server.
    Servers: Not seen in recordings, which rarely hold a 429.
    Fix: Send whole seconds (`retry-after: 20`), or an HTTP date in GMT. Units such as "20s" belong to the x-ratelimit-reset
    headers.
    """
    for reply in (*x.reply.earlier, x.reply):
        for name, value in reply.headers:
            if name in _READABLE and not _READABLE[name](value):
                yield f"{name}: {brief(value)}"


@should("dphnAI/sonar#434, vllm-project/vllm#4862, NousResearch/hermes-agent#104104", needs=[Evidence.HEADERS])
def allows_the_origin(x: Exchange) -> Problems:
    """A request with an `Origin` gets `Access-Control-Allow-Origin`, errors included.

    A browser hides the whole reply from the page otherwise, so that even a wrong key looks like a network failure.

    Clients: Kobold Lite, Open WebUI's direct connections, BetterChatGPT and Obsidian Copilot cannot connect at all, while
    curl works.
    Servers: vLLM, Aphrodite and Ollama in 2024, llama.cpp in 2023, 9router, canopy, BricksLLM; Azure hides `Retry-After`.
    Fix: Answer the header on every status, also from the handlers of errors and of OPTIONS, which in most frameworks run
    outside the CORS middleware.
    Sources: Azure/azure-rest-api-specs#24904, ollama/ollama#4001, ggml-org/llama.cpp#4511, decolua/9router#3659,
    bricks-cloud/BricksLLM#45, pinecone-io/canopy#284, chand1012/openai-cf-workers-ai#3, logancyang/obsidian-copilot#2877
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
