"""A step and an endpoint to the request that goes out: canonical, before its dialect and without credentials.

`model` is filled in, `$max_tokens` becomes the field that the endpoint takes, with room to think for a model that does
(`$max_tokens_exactly` without), a streamed trial sets `stream: true`, and `$from` is replaced by what earlier steps were
answered. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from harness.answer import CHAT
from harness.claims import REFERENCE, Dangling, answered, resolved, settled
from harness.errors import BadInput
from harness.folding import padding, unfolded
from harness.model import Case, Endpoint, Exchange, Http, Json, Learned, Request, Step, Trial
from harness.reading import ABSENT, parse

MOST_TOKENS: Final = "$max_tokens"
EXACTLY: Final = "$max_tokens_exactly"
TOKEN_FIELDS: Final = ("max_tokens", "max_completion_tokens")
"""The names of the limit; where nothing is known the first is sent, since servers that do not know the other overlook it."""

MODEL: Final = "{model}"
JSON_TYPE: Final = ("content-type", "application/json")
_IN_PATH: Final = "/:@"  # what a path may hold as it is, and clients send so in the id of a model


def model_for(endpoint: Endpoint, case: Case) -> str:
    """The model for a case: that of the last feature it needs which has one of its own, else the endpoint's.

    Raises BadInput where there is none.
    """
    model = next((endpoint.models[need] for need in reversed(case.needs) if need in endpoint.models), endpoint.model)
    if model is None:
        raise BadInput(f"the endpoint {endpoint.name} has no model: give it with --model, or as `model` in its profile")
    return model


def token_field(endpoint: Endpoint, model: str | None) -> str:
    """What `$max_tokens` becomes: what the profile says, else what the probe of the model found, else `max_tokens`."""
    return endpoint.token_field or endpoint.learned.get(model or "", Learned()).token_field or TOKEN_FIELDS[0]


def thinks(endpoint: Endpoint, model: str | None) -> bool | None:
    """Does the model think before it answers: what the profile says, else what the probe found; None: nobody knows."""
    return endpoint.thinks if endpoint.thinks is not None else endpoint.learned.get(model or "", Learned()).thinks


def request(trial: Trial, step: Step, answers: Mapping[str, Exchange]) -> Request:
    """The request of a step. Raises claims.Dangling where a `$from` leads nowhere, or to what cannot be sent."""
    documents = {name: answered(exchange) for name, exchange in answers.items()}
    return _request(trial, step, lambda value: resolved(value, documents))


def draft(trial: Trial, step: Step) -> Request:
    """The request of a step before anything is sent: each `{"$from": "step#/pointer"}` stands there for the value to come."""
    return _request(trial, step, lambda value: value)


def claimed(step: Step, answers: Mapping[str, Exchange]) -> Step:
    """The step with each `$from` of its claims replaced, as far as they lead somewhere: see `claims.settled`."""
    return settled(step, answers)


def _request(trial: Trial, step: Step, resolve: Callable[[Json], Json]) -> Request:
    if step.http is None:
        whole = unfolded(step.request)
        document = _chat(resolve(whole), trial)
        return Request(
            method="POST",
            path=CHAT,
            headers=(JSON_TYPE,),
            content=padding(step.request) + _written(document, step),
            body=document,
            folded=None if whole is step.request else _chat(resolve(step.request), trial),
            hang_up=step.hang_up,
        )
    http = step.http
    content, document = _content(trial, step, http, resolve)
    headers = dict([JSON_TYPE] if content is not None else [])
    for name, value in http.headers.items():
        if value is None:
            headers.pop(name, None)
        else:
            headers[name] = _header(resolve(value), value)
    return Request(
        method=http.method,
        path=_path(trial, http.path),
        headers=tuple(headers.items()),
        content=content,
        body=document,
        without=tuple(name for name, value in http.headers.items() if value is None),
        hang_up=step.hang_up,
    )


def _chat(document: Json, trial: Trial) -> Json:
    """The canonical body: `_named`, and `stream` where the trial is streamed and the body does not say it itself."""
    named = _named(document if isinstance(document, dict) else {}, trial)
    if trial.stream and "stream" not in named:
        named["stream"] = True
    return named


def _named(body: dict[str, Json], trial: Trial) -> dict[str, Json]:
    """The body with its model (first, unless it has its own; `{model}` is the endpoint's) and its token limit."""
    filled: dict[str, Json] = {} if "model" in body else {"model": model_for(trial.endpoint, trial.case)}
    for key, value in body.items():
        if key not in (MOST_TOKENS, EXACTLY):
            filled[key] = value
            continue
        model = model_for(trial.endpoint, trial.case)
        room = trial.endpoint.headroom if key == MOST_TOKENS and thinks(trial.endpoint, model) else 0
        filled[token_field(trial.endpoint, model)] = value + room if isinstance(value, int) else value
    if filled["model"] == MODEL:
        filled["model"] = model_for(trial.endpoint, trial.case)
    return filled


def _content(trial: Trial, step: Step, http: Http, resolve: Callable[[Json], Json]) -> tuple[bytes | None, Json]:
    """An HTTP step's body and the JSON document that it is. Only `raw` goes out as it stands, without a model."""
    if http.raw is not None:
        parsed = parse(http.raw.encode())  # as a cassette will
        return http.raw.encode(), None if parsed is ABSENT else parsed  # type: ignore[return-value]
    if http.body is None:
        return None, None
    document = resolve(http.body)
    if isinstance(document, dict):
        document = _named(document, trial)
    content = _written(document, step)
    return content if http.encoding is None else _escaped(content), document


def _escaped(content: bytes) -> bytes:
    """The same JSON in ASCII."""
    return json.dumps(json.loads(content), separators=(",", ":")).encode()


def _path(trial: Trial, path: str) -> str:
    return path.replace(MODEL, quote(model_for(trial.endpoint, trial.case), safe=_IN_PATH)) if MODEL in path else path


def _written(document: Json, step: Step) -> bytes:
    """Compact JSON in UTF-8; in ASCII where half a surrogate pair, which an answer may hold, could not be written else."""
    try:
        try:
            return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        except UnicodeEncodeError:
            return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError):  # an infinite number, or nested too deep: only an answer brings such
        said = step.request if step.request is not None else step.http.body if step.http is not None else None
        raise Dangling(_first_reference(said), "leads to a value that cannot be sent as JSON") from None


def _header(value: Json, said: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if not (text.isascii() and text.isprintable()):
        raise Dangling(_first_reference(said), "leads to a value that cannot be sent in a header")
    return text


def _first_reference(value: Json) -> str:
    if isinstance(value, dict) and isinstance(value.get(REFERENCE), str):
        return str(value[REFERENCE])
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, map(_first_reference, inside)), "")
