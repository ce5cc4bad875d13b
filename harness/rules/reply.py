"""The reply as HTTP delivers it: whole, and of the form that was asked for."""

from __future__ import annotations

import codecs

from harness import asked
from harness.choices import cut
from harness.model import Completed, Ending, Evidence, Exchange, Garbled, Refused, Streamed
from harness.reading import brief
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, may, must, should

_HOW = {
    Ending.CUT: "the connection broke before the body was complete",
    Ending.TIMED_OUT: "the body did not come to its end in time",
    Ending.TOO_LARGE: "the body is larger than the limits allow",
}


@must(f"RFC 9112, section 8 (incomplete messages); {RECORDED}: every reply of api.openai.com is whole")
def complete(x: Exchange) -> Problems:
    """The body arrives whole and in time, and does not go on for ever.

    A broken connection raises in every SDK (`RemoteProtocolError`, `APIConnectionError`), and what had arrived is lost.
    A body that hangs holds the user until a timeout, which is ten minutes in the OpenAI SDKs; one without end fills memory.

    Clients: httpx raises RemoteProtocolError, the SDKs a connection error; what arrived of a stream before it is shown
    without its end, or thrown away.
    Servers: LM Studio ends the stream when the context overflows; recorders drop such replies, so none is among the
    recordings.
    Fix: Catch failures of the generation loop and end the stream with an error event and `[DONE]`; let the framework set
    `content-length`, and raise the read timeout of a proxy.
    """
    if cut(x):
        size = sum(len(frame.data) for frame in x.reply.frames)
        yield f"{_HOW.get(x.reply.ended, 'the stream has more events than the limits allow')}, after {size} bytes"


@must("zh-plus/openlrc#36, foundation-model-stack/fms-guardrails-orchestrator#143")
def not_html(x: Garbled) -> Problems:
    """A 2xx reply is never a web page.

    A wrong path under a server with a web interface answers 200 with its start page. The OpenAI SDKs then return a `str`
    and the program dies later at `'str' object has no attribute 'choices'`.

    Clients: openai-python hands the page on as `str`: "'str' object has no attribute 'usage'" was what openlrc's users saw.
    Servers: new-api and one-api, whose web page answers every unknown path.
    Fix: Exclude `/v1` from the fallback route of the single-page application, and answer 404 with an error object there.
    Sources: RooCodeInc/Roo-Code#9426, cline/cline#375, harry0703/MoneyPrinterTurbo#57,
    ITSpecialist111/ai_automation_suggester#122, BadgerHobbs/OpenAI-API-Gateway#1, father-bot/chatgpt_telegram_bot#419
    """
    if not cut(x) and _is_html(x):
        yield f"status {x.reply.status} with an HTML page: {brief(_start(x))}"


@must("tinyhumansai/tinyagents#56, Zen4-bit/Proxima#45, cloudflare/ai#396", needs=[Evidence.REQUEST])
def streams_when_asked(x: Garbled) -> Problems:
    """`stream: true` is answered by an event stream.

    A client that streams reads no event from one JSON document, and shows an empty answer without any error.

    Clients: tinyagents and others show an empty message, because no line begins with `data:`.
    Servers: Proxima-type wrappers, Cloudflare's REST path with GPT-OSS and Kimi.
    Fix: Where a model cannot stream, send the finished text as one chunk, a finish chunk, and `[DONE]`: a valid stream
    costs four lines.
    """
    if asked.streamed(x.request) and not cut(x) and isinstance(x.body, dict) and not x.body.get("error"):
        yield f"a stream was asked for, and one JSON document came: {brief(_start(x))}"


@must("sgl-project/mini-sglang#51, unslothai/unsloth#6570, kaito-project/kaito#1880", needs=[Evidence.REQUEST])
def one_document_when_asked(x: Garbled) -> Problems:
    """Without `stream: true` the answer is one JSON document.

    `response.json()` raises on an event stream.

    Clients: `response.json()` raises JSONDecodeError on "data:"; the AI SDK's generateText reports an invalid response.
    Servers: mini-sglang, Unsloth Studio, KAITO.
    Fix: Read `stream` with false as its default, and collect the chunks into one document where it is absent, null or
    false.
    """
    if not asked.streamed(x.request) and not cut(x) and _is_event_stream(x):
        yield f"no stream was asked for, and one came: {brief(_start(x))}"


@must(f"{DOCUMENT}, responses of createChatCompletion and listModels; UKGovernmentBEIS/inspect_ai#3687")
def is_json(x: Garbled) -> Problems:
    """A 2xx reply holds a JSON object, or the event stream that was asked for.

    An empty body, plain text, broken JSON or a bare value: `JSONDecodeError` in every client, or a `str` for an answer.

    Clients: openai-python returns text instead of an object or raises JSONDecodeError; inspect_ai failed on it.
    Servers: A test service of pydantic's in the recordings; hand-written servers that print a dict.
    Fix: Serialize with a JSON library (never a language's own representation of a value), and answer a failure with a
    status of 4xx or 5xx.
    """
    told_elsewhere = cut(x) or _is_html(x) or isinstance(x.body, dict)
    if not told_elsewhere and not (_is_event_stream(x) and not asked.streamed(x.request)):
        yield f"{x.why}: {brief(_start(x))}"


@should(f"{RECORDED}: 200 for every answer of api.openai.com; {DOCUMENT}: 200 is the only success of both operations")
def status_200(x: Completed | Streamed) -> Problems:
    """Success is status 200.

    Many small clients compare with 200 (`if response.status != 200`) and report 201 or 206 as a failure.

    Clients: Programs that test `== 200` treat the answer as a failure and throw it away; the SDKs accept any 2xx. No report
    is known.
    Servers: Nobody in the recordings; frameworks that answer a POST with 201 by default (NestJS) do it.
    Fix: Set the status explicitly on the handler (in NestJS `@HttpCode(200)`).
    """
    if x.reply.status != 200:
        yield f"status {x.reply.status}"


@must("father-bot/chatgpt_telegram_bot#419; RFC 9110, section 15.4")
def not_redirected(x: Refused) -> Problems:
    """A request is answered where it was sent, without a redirect.

    After 301, 302 or 303 clients repeat a POST as GET and without its body; after any redirect to another host they drop
    the key. Slashes at the end of a path (FastAPI) and plain http before a proxy are the usual causes.

    Clients: Clients repeat a 301 or 302 as GET without the body, and the server then says 405; a Telegram bot of
    father-bot's lost its requests so.
    Servers: FastAPI applications, which redirect a slash at the end by default.
    Fix: Serve both spellings of the path, or answer 404; keep to 308 if a redirect cannot be avoided.
    """
    if 300 <= x.reply.status < 400:
        yield f"status {x.reply.status} to {brief(x.reply.header('location'))}"


@must("RFC 8259, section 8.1; RFC 3629", needs=[Evidence.BYTES])
def plain_utf_8(x: Completed | Refused) -> Problems:
    """A JSON document is UTF-8 without a byte order mark.

    Go, Rust and Java parsers refuse the mark ("invalid character 'ï'"), and any other encoding as a whole.

    Clients: Go ("invalid character 'ï'"), serde in Rust and Jackson in Java refuse the document; JavaScript's
    `response.json()` does not mind.
    Servers: Not seen in recordings; .NET and Windows tools write the mark by default.
    Fix: Encode as UTF-8 without a signature, in error pages too.
    """
    content = x.reply.content
    if not isinstance(x.body, dict | list):
        return
    if content.startswith(codecs.BOM_UTF8):
        yield Problem("the document begins with a byte order mark", "bytes 0-3")
    elif b"\0" in content[:4]:
        yield Problem("the document is UTF-16 or UTF-32", "bytes 0-4")


@may(f"{RECORDED}: api.openai.com never; OpenRouter in 1,996 of 2,144 bodies, DeepSeek in 7 of 691", needs=[Evidence.BYTES])
def begins_at_once(x: Completed | Refused) -> Problems:
    """A JSON document begins with its first byte, without blanks or line feeds before it.

    Gateways send them to keep a connection alive while the model works. JSON allows it, so this is a note.

    Clients: JSON parsers skip blanks. Programs that look at the first character to tell JSON from a page of HTML see
    neither; no report is known.
    Servers: OpenRouter, DeepSeek when it is busy.
    Fix: Nothing has to change. A stream with comments keeps the connection alive without padding.
    """
    content = x.reply.content
    padding = len(content) - len(content.lstrip(b" \t\r\n"))
    if padding and isinstance(x.body, dict | list):
        yield Problem(f"{padding} bytes of blanks before the document", f"bytes 0-{padding}")


def _start(x: Garbled) -> str:
    return x.reply.content[:160].decode("utf-8", "replace")


def _is_html(x: Garbled) -> bool:
    return x.reply.content[:512].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _is_event_stream(x: Garbled) -> bool:
    media_type = (x.reply.header("content-type") or "").partition(";")[0].strip().lower()
    begins = x.reply.content[:512].removeprefix(codecs.BOM_UTF8).lstrip()
    return x.body is None and (media_type == "text/event-stream" or begins.startswith((b"data:", b"event:", b"id:", b":")))
