"""Replies that are wrong as HTTP, or no answer of this API at all."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Ending, Frame, Headers, Json, Reply
from harness.reading import obj
from harness.reference import write
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.inside import choices

_PAGE = b"<!doctype html><html><head><title>Chat</title></head><body>Welcome</body></html>"


@fault(Stage.REPLY, caught_by=["reply.complete"])
def breaks_off_in_the_middle(replied: Reply, asked: Asked) -> Reply:
    """The connection breaks after half of a long body (a worker that dies)."""
    if len(replied.content) < 4000:
        return replied
    return replace(replied, frames=_half(replied), ended=Ending.CUT)


@fault(Stage.REPLY, caught_by=["reply.complete"])
def hangs_in_the_middle(replied: Reply, asked: Asked) -> Reply:
    """Half of a long body comes, and then nothing more (a deadlock)."""
    if len(replied.content) < 4000:
        return replied
    return replace(replied, frames=_half(replied), ended=Ending.TIMED_OUT)


@fault(Stage.REPLY, caught_by=["reply.complete"])
def says_a_length_that_it_does_not_keep(replied: Reply, asked: Asked) -> Reply:
    """`content-length` counts characters, not bytes, or the body before it was changed (proxies that rewrite bodies)."""
    if replied.header("content-length") is None or replied.status != 200 or not replied.frames:
        return replied
    return replace(replied, headers=_with(replied.headers, "content-length", str(len(replied.content) + 7)), ended=Ending.CUT)


@fault(Stage.REPLY, caught_by=["reply.comes"])
def never_answers_streams(replied: Reply, asked: Asked) -> Reply:
    """Not one byte, where a stream was asked for (a queue that is full)."""
    if not (replied.header("content-type") or "").startswith("text/event-stream"):
        return replied
    return replace(replied, frames=(), ended=Ending.TIMED_OUT)


@fault(Stage.REPLY, caught_by=["reply.not-html"], field=["error-json-not-html", "base-url-v1"])
def unknown_paths_show_the_web_page(replied: Reply, asked: Asked) -> Reply:
    """Status 200 and the start page of the web interface for paths that it does not know (new-api, one-api)."""
    if replied.status != 404 or asked.request.path.startswith("/chat"):
        return replied
    page = (Frame(at_ms=4.0, data=_PAGE),)
    return replace(replied, status=200, headers=_labelled(replied.headers, "text/html", len(_PAGE)), frames=page)


@fault(Stage.REPLY, caught_by=["errors.is-json-object"], field=["http-head-get-chat", "error-json-not-html"])
def wrong_methods_show_a_page(replied: Reply, asked: Asked) -> Reply:
    """A web page for a method that a path does not have (web frameworks)."""
    if replied.status != 405 or not replied.frames:
        return replied
    return replace(replied, headers=_labelled(replied.headers, "text/html", len(_PAGE)), frames=(Frame(at_ms=4.0, data=_PAGE),))


@fault(Stage.REPLY, caught_by=["reply.streams-when-asked"], field=["stream-true-honoured"])
def never_streams(replied: Reply, asked: Asked) -> Reply:
    """One JSON document, whatever `stream` says (Workers AI)."""
    if not (replied.header("content-type") or "").startswith("text/event-stream"):
        return replied
    document: Json = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"message": {"content": "hi"}}]}
    content = write.pretty(document)
    return replace(
        replied,
        headers=_labelled(replied.headers, "application/json", len(content)),
        frames=(Frame(at_ms=replied.frames[0].at_ms, data=content),),
    )


@fault(Stage.REPLY, caught_by=["reply.one-document-when-asked"], field=["stream-flag-false-honoured"])
def always_streams(replied: Reply, asked: Asked) -> Reply:
    """An event stream, whatever `stream` says (mini-sglang, Kaito)."""
    if replied.status != 200 or not replied.content.startswith(b'{\n  "id": "chatcmpl'):
        return replied
    content = b"data: " + b" ".join(replied.content.split()) + b"\n\ndata: [DONE]\n\n"
    headers = _labelled(replied.headers, "text/event-stream", len(content))
    return replace(replied, headers=headers, frames=(Frame(at_ms=replied.frames[0].at_ms, data=content),))


@fault(Stage.BODY, caught_by=["reply.is-json"])
def writes_single_quotes(content: bytes, asked: Asked) -> bytes:
    """An answer as Python prints it, which is no JSON (`str(response)` in small servers)."""
    return content.replace(b'"', b"'") if b'"chat.completion"' in content else content


@fault(Stage.REPLY, caught_by=["reply.status-200"])
def says_201(replied: Reply, asked: Asked) -> Reply:
    """201 Created for an answer (frameworks whose POST defaults to it, such as NestJS)."""
    return replace(replied, status=201) if replied.status == 200 and asked.request.method == "POST" else replied


@fault(Stage.REPLY, caught_by=["reply.not-redirected"], field=["trailing-slash"])
def redirects_to_a_slash(replied: Reply, asked: Asked) -> Reply:
    """307 to the same path with a slash behind it (FastAPI)."""
    if asked.request.path != "/models":
        return replied
    headers = (*_with(replied.headers, "content-length", "0"), ("location", "/v1/models/"))
    return Reply(status=307, headers=headers)


@fault(Stage.BODY, caught_by=["reply.plain-utf-8"])
def bodies_begin_with_a_byte_order_mark(content: bytes, asked: Asked) -> bytes:
    """A byte order mark before the JSON (a .NET text writer)."""
    return b"\xef\xbb\xbf" + content


@fault(Stage.COMPLETION, caught_by=["choices.there-is-one"], field=["resp-200-with-error", "image-on-text-model"])
def answers_without_a_choice(document: Json, asked: Asked) -> Json:
    """`choices: []` with status 200 (LM Studio when the model fails)."""
    obj(document)["choices"] = []
    return document


@fault(Stage.DOCUMENT, caught_by=["choices.index-is-an-integer"], field=["stream-choice-index-present"])
def the_only_choice_has_no_index(document: Json, asked: Asked) -> Json:
    """No `index` where there is one choice (Foundry Local)."""
    for choice in choices(document):
        if asked.body.get("n") is None:
            del choice["index"]
    return document


@fault(Stage.DOCUMENT, caught_by=["choices.index-is-within-n"])
def the_only_choice_has_index_1(document: Json, asked: Asked) -> Json:
    """Choices are counted from 1 (hand-written servers)."""
    for choice in choices(document):
        if asked.body.get("n") is None:
            choice["index"] = 1
    return document


@fault(
    Stage.CHUNKS,
    caught_by=[
        "choices.index-is-within-n",
        "finish.arrives",
        "finish.tool-calls-has-calls",
        "stream.role-comes-first",
        "tools.arguments-are-json",
        "tools.arguments-are-not-empty",
        "tools.first-delta-has-the-id",
        "tools.first-delta-has-the-name",
        "tools.first-delta-has-the-type",
        "tools.indexes-count-from-zero",
    ],
    field=["stream-choice-index-present"],
)
def index_counts_the_chunks(chunks: list[Json], asked: Asked) -> list[Json]:
    """The `index` of a choice is that of its chunk: 0, 1, 2 … 198 (Workers AI of 2024), so that clients see 199 choices."""
    for place, chunk in enumerate(chunks):
        for choice in choices(chunk):
            choice["index"] = place
    return chunks


@fault(Stage.COMPLETION, caught_by=["choices.indexes-differ"], field=["n-stream-indexes"])
def every_choice_is_the_first(document: Json, asked: Asked) -> Json:
    """With `n` every choice of a whole answer has index 0 (loops over single answers)."""
    for choice in choices(document):
        choice["index"], choice["logprobs"] = 0, None
    return document


def _half(replied: Reply) -> tuple[Frame, ...]:
    frames = replied.frames
    if len(frames) > 1:
        return frames[: len(frames) // 2]
    return tuple(Frame(at_ms=frame.at_ms, data=frame.data[: len(frame.data) // 2]) for frame in frames)


def _with(headers: Headers, name: str, value: str) -> Headers:
    return tuple((key, value if key == name else old) for key, old in headers)


def _labelled(headers: Headers, media_type: str, length: int) -> Headers:
    kept = tuple(field for field in headers if field[0] not in ("content-type", "content-length", "transfer-encoding"))
    return (*kept, ("content-type", media_type), ("content-length", str(length)))
