"""What is looked at in answers: by the claims of cases, and by the rules and the contract, which is tried out.

A field is tried out by spoiling it, in every way that JSON knows, in answers of the reference server, of which nothing is
found otherwise: what reports the spoiled answer looks at the field.
"""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

from harness import judge, resources
from harness.answer import exchange
from harness.model import Claims, Frame, Json, Reply, Request, Step, Suite
from harness.reading import arr, obj, objects, text
from harness.reference import MODELS, reply

KINDS: Final = ("completion", "chunk", "error", "models", "model")
"""The documents of the contract (schemas/openai), by which fields are named: `completion/choices/*/index`."""

_GONE: Final = object()
_NO_WORD: Final = "no such word"
_SPOILED: Final[tuple[Any, ...]] = (_GONE, None, -1, "", _NO_WORD, [], {})
_DONE: Final = b"data: [DONE]\n\n"
_PARAMETERS: Final[Json] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_FUNCTION: Final[Json] = {"name": "get_weather", "description": "The weather in a city", "parameters": _PARAMETERS}
_ASKED: Final[tuple[dict[str, Json], ...]] = (
    {"logprobs": True, "top_logprobs": 1, "web_search_options": {}, "max_completion_tokens": 2},
    {"moderation": {"model": "omni-moderation-latest"}, "max_completion_tokens": 2},
    {"tools": [{"type": "function", "function": _FUNCTION}]},
    {"tools": [{"type": "custom", "custom": {"name": "weather"}}]},  # streamed it is noted: the document knows no such chunk
    {"functions": [_FUNCTION]},
)
"""What is asked of the reference server for answers to spoil: together they have nearly every field."""


# ---------------------------------------------------------------- which fields there are


@functools.cache
def fields() -> tuple[str, ...]:
    """Every field of the five documents, and with `=` each word that is listed for it."""
    found: dict[str, None] = {}
    for kind in KINDS:
        for file in ("ecosystem", "observed", "published"):
            for name in _walked(_schema(file)["$defs"][kind], file, kind):
                found[name] = None
    return tuple(found)


@functools.cache
def _schema(file: str) -> dict[str, Any]:
    return dict(json.loads((resources.SCHEMAS / "openai" / f"{file}.json").read_text(encoding="utf-8")))


def _walked(schema: Any, file: str, at: str) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    target = text(schema.get("$ref"))
    if target.startswith("#/$defs/"):
        yield from _walked(_schema(file)["$defs"][target.removeprefix("#/$defs/")], file, at)
    for word in (*arr(schema.get("enum")), schema.get("const")):
        if isinstance(word, str) and word:
            yield f"{at}={word}"
    for key in ("if", "then", "else"):
        yield from _walked(schema.get(key), file, at)
    for each in arr(schema.get("allOf")):
        yield from _walked(each, file, at)
    if isinstance(schema.get("items"), dict):
        yield from _walked(schema["items"], file, f"{at}/*")
    for key, value in obj(schema.get("properties")).items():
        yield f"{at}/{key}"
        yield from _walked(value, file, f"{at}/{key}")


# ---------------------------------------------------------------- what cases claim


def by_claims(suites: Sequence[Suite]) -> dict[str, set[str]]:
    """Field, field with value, or `status/400` → the cases that claim something of it."""
    found: dict[str, set[str]] = defaultdict(set)
    for suite in suites:
        for case in suite.cases:
            for step in case.steps:
                for claims in step.claims.values():
                    for name in _claimed(step, claims):
                        found[name].add(case.path)
    return found


def _claimed(step: Step, claims: Claims) -> Iterator[str]:
    status = claims.status if isinstance(claims.status, dict) else {}
    for code in (*arr(status.get("enum")), status.get("const")):
        if code is not None:
            yield f"status/{code}"
    for pointer, fragment in claims.body.items():
        kind = "error" if pointer.startswith("/error") else _kind(step)
        yield from _said(kind + _general(pointer), fragment)
    for pointer, fragment in claims.chunks.items():
        yield from _said("chunk" + _general(pointer).removeprefix("/*"), fragment)


def _kind(step: Step) -> str:
    path = "" if step.http is None else step.http.path.partition("?")[0].rstrip("/")
    return "models" if path == "/models" else "model" if path.startswith("/models/") else "completion"


def _general(pointer: str) -> str:
    return "".join(f"/{'*' if part.isdigit() else part}" for part in pointer.split("/")[1:])


def _said(at: str, fragment: Any) -> Iterator[str]:
    yield at
    if not isinstance(fragment, dict):
        return
    for word in (*arr(fragment.get("enum")), fragment.get("const")):
        if isinstance(word, str):
            yield f"{at}={word}"
    for key in ("items", "contains"):
        yield from _said(f"{at}/*", fragment[key]) if key in fragment else ()
    for key, value in obj(fragment.get("properties")).items():
        yield from _said(f"{at}/{key}", value)


# ---------------------------------------------------------------- what rules look at


@functools.cache
def by_rules() -> dict[str, set[str]]:
    """Field, with and without a listed value → the rules that report it when it is spoiled."""
    found: dict[str, set[str]] = defaultdict(set)
    spoilable = [(*sample, found_in(sample[1], sample[2], sample[0])) for sample in samples()]
    for name in fields():
        field, _, word = name.partition("=")
        kind, *path = field.split("/")
        for sample_kind, request, answer, noted in spoilable:
            if sample_kind == kind:
                found[name] |= _reported(kind, path, request, answer, [_NO_WORD] if word else _SPOILED) - noted
    return found


def codes_by_rules(codes: Iterable[str]) -> Iterator[tuple[str, set[str]]]:
    """Each `error.code` → the rules that report it with a status that no code goes with."""
    for code in codes:
        error: Json = {"error": {"message": "It cannot be.", "type": "invalid_request_error", "param": None, "code": code}}
        yield f"error/error/code={code}", found_in(_request({}), [error], "error", status=418)


def _reported(kind: str, path: Sequence[str], request: Request, answer: list[Json], spoiled: Iterable[Any]) -> set[str]:
    found: set[str] = set()
    for value in spoiled:
        for place, document in enumerate(answer):
            spoiled_one = deepcopy(document)
            if _put(spoiled_one, path, value):  # the first that has such a field is enough
                found |= found_in(request, [*answer[:place], spoiled_one, *answer[place + 1 :]], kind)
                break
    return found


def _put(document: Any, path: Sequence[str], value: Any) -> bool:
    """Puts a value wherever the path leads, where the objects around it are there; says whether there was such a place."""
    first, *rest = path
    if first == "*":
        if not rest and isinstance(document, list):
            document[:] = [] if value is _GONE else [value for _ in document]
            return True
        return max((_put(item, rest, value) for item in document), default=False) if isinstance(document, list) else False
    if not isinstance(document, dict):
        return False
    if rest:
        return first in document and _put(document[first], rest, value)
    if value is _GONE:
        return document.pop(first, _GONE) is not _GONE
    document[first] = value
    return True


def found_in(request: Request, answer: list[Json], kind: str, status: int = 0) -> set[str]:
    """The rules that report an answer: a document, or the chunks of a stream."""
    status = status or (404 if kind == "error" else 200)
    if kind == "chunk":
        content = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in answer) + _DONE
    else:
        content = json.dumps(answer[0]).encode()
    label = "text/event-stream" if kind == "chunk" else "application/json"
    headers = (("content-type", label), ("x-request-id", "req_1"))
    said = exchange(request, Reply(status=status, headers=headers, frames=(Frame(at_ms=1.0, data=content),)))
    return {finding.rule for finding in judge.standing(said)[0]}


# ---------------------------------------------------------------- answers to spoil


def samples() -> Iterator[tuple[str, Request, list[Json]]]:
    """Kind, request and answer: documents of which nothing is found. The reference server's, with what it never says put in."""
    for asked in _ASKED:
        plain = _request(asked)
        completion = json.loads(reply(plain, 1).content)
        yield "completion", plain, [completion]
        streamed = _request({**asked, "stream": True, "stream_options": {"include_usage": True}})
        events = reply(streamed, 1).content.decode().split("\n\n")
        chunks = [json.loads(event.removeprefix("data: ")) for event in events if event.startswith("data: {")]
        yield "chunk", streamed, chunks
        if asked.get("max_completion_tokens"):
            yield "completion", plain, [_with_the_rest(completion)]
            yield "chunk", streamed, [_with_the_rest(chunk) for chunk in chunks]
    unknown = _request({"model": "no-such-model"})
    yield "error", unknown, [json.loads(reply(unknown, 1).content)]
    for kind, path in (("models", "/models"), ("model", f"/models/{MODELS[0]}")):
        request = Request(method="GET", path=path)
        yield kind, request, [json.loads(reply(request, 1).content)]


def _with_the_rest(document: Json) -> Json:
    """With sound, a refusal's log probabilities, and a moderation that failed: legal, and not the reference server's to say."""
    changed = deepcopy(obj(document))
    for _, choice in objects(changed.get("choices")):
        if "message" in choice:
            obj(choice["message"])["audio"] = {"id": "audio_1", "expires_at": 1_800_000_000, "data": "", "transcript": "Hello."}
        logprobs = obj(choice.get("logprobs"))
        if logprobs:
            logprobs["refusal"] = deepcopy(logprobs.get("content"))
    if changed.get("moderation"):
        failed: Json = {"type": "error", "code": "server_error", "message": "It failed."}
        changed["moderation"] = {"input": failed, "output": failed}
    return changed


def _request(more: dict[str, Json]) -> Request:
    body: dict[str, Json] = {
        "model": MODELS[0],
        "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
        **more,
    }
    written = json.dumps(body).encode()
    return replace(Request(method="POST", path="/chat/completions"), body=body, content=written)
