"""A step and an endpoint to the request that goes out: canonical, before its dialect and without credentials.

`model` is filled in, `$max_tokens` becomes the field that the endpoint takes, a streamed trial sets `stream: true`, and
`$from` is replaced by what earlier steps were answered. Pure.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from urllib.parse import quote

from harness.answer import CHAT
from harness.claims import answered, resolved
from harness.model import Claims, Endpoint, Exchange, Json, Request, Step, Trial
from harness.reading import ABSENT, parse

MOST_TOKENS = "$max_tokens"
MODEL = "{model}"
JSON_TYPE = ("content-type", "application/json")


def model_for(endpoint: Endpoint, feature: str) -> str | None:
    """The model an endpoint uses for a feature."""
    return endpoint.models.get(feature, endpoint.model)


def request(trial: Trial, step: Step, answers: Mapping[str, Exchange]) -> Request:
    """The request of a step. Raises claims.Dangling where a `$from` leads nowhere."""
    bodies = {name: answered(exchange) for name, exchange in answers.items()}
    model = model_for(trial.endpoint, trial.case.feature)
    if step.http is None:
        document = _chat(resolved(step.request, bodies), trial, model)
        return Request(method="POST", path=CHAT, headers=(JSON_TYPE,), content=_written(document), body=document)
    http = step.http
    content: bytes | None = None
    document = None
    headers: dict[str, str] = {}
    if http.raw is not None:
        content = http.raw.encode()
        parsed = parse(content)
        document = None if parsed is ABSENT else parsed  # type: ignore[assignment]
    elif http.body is not None:
        document = _in_model(resolved(http.body, bodies), model)
        content = _written(document)
    if content is not None:
        headers[JSON_TYPE[0]] = JSON_TYPE[1]
    for name, value in http.headers.items():
        if value is not None:
            headers[name] = _text(resolved(value, bodies))
    return Request(
        method=http.method,
        path=http.path.replace(MODEL, quote(model or "", safe="/")),
        headers=tuple(headers.items()),
        content=content,
        body=document,
        without=tuple(name for name, value in http.headers.items() if value is None),
    )


def claimed(step: Step, answers: Mapping[str, Exchange]) -> Step:
    """The step with each `$from` of its claims replaced. Raises claims.Dangling."""
    bodies = {name: answered(exchange) for name, exchange in answers.items()}
    return dataclasses.replace(step, claims={kind: _claims(claims, bodies) for kind, claims in step.claims.items()})


def _claims(claims: Claims, bodies: Mapping[str, Json]) -> Claims:
    def replaced(fragments: Mapping[str, object]) -> dict[str, Json]:
        return {place: resolved(fragment, bodies) for place, fragment in fragments.items()}  # type: ignore[arg-type]

    return Claims(
        status=None if claims.status is None else resolved(claims.status, bodies),  # type: ignore[arg-type]
        headers=replaced(claims.headers),  # type: ignore[arg-type]
        body=replaced(claims.body),  # type: ignore[arg-type]
        chunks=replaced(claims.chunks),  # type: ignore[arg-type]
    )


def _chat(document: Json, trial: Trial, model: str | None) -> Json:
    if not isinstance(document, dict):
        return document
    named = _named(document, trial, model)
    if trial.stream and isinstance(named, dict) and "stream" not in named:
        named["stream"] = True
    return named


def _named(document: Json, trial: Trial, model: str | None) -> Json:
    """The body with its model and its token limit; one that names its own model keeps it, null leaves it out."""
    if not isinstance(document, dict):
        return document
    filled: dict[str, Json] = {} if model is None or "model" in document else {"model": model}
    for key, value in document.items():
        filled[trial.endpoint.token_field if key == MOST_TOKENS else key] = value
    return filled


def _in_model(value: Json, model: str | None) -> Json:
    """The same with `{model}`, where it is a whole string, replaced by the model's id."""
    if value == MODEL:
        return model
    if isinstance(value, dict):
        return {key: _in_model(inner, model) for key, inner in value.items()}
    return [_in_model(inner, model) for inner in value] if isinstance(value, list) else value


def _written(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
