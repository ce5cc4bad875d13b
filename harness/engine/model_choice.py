"""The models that an endpoint lists: the only one is taken where nobody named one, and one that is not listed is told."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from harness.document import did_you_mean
from harness.errors import BadInput, Unusable
from harness.model import Endpoint, Reply, Request, Retry, Unanswered
from harness.reading import brief, get, objects, parse, text
from harness.wire import Network, Wire
from harness.wire.network import Pool

LISTED: Final = 10
"""As many models are named in a message."""

PATIENCE_S: Final = 10.0
"""How long a list is waited for that only a warning depends on."""

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


async def with_model(endpoint: Endpoint, environ: Mapping[str, str], pool: Pool | None = None) -> Endpoint:
    """The endpoint with its model: the one that it names (`${NAME}` filled in), else the only one that it lists.

    Raises BadInput where it lists several, or has no list; Unusable where it cannot be asked, refuses, or lists none.
    """
    if endpoint.model is not None:
        return _with_variables(endpoint, environ)
    if endpoint.models_path is None:
        raise BadInput(f"endpoint {endpoint.name} lists no models: name one with --model")
    reply = await _reply(endpoint, environ, pool)
    where = _where(endpoint)
    if isinstance(reply, Unanswered):
        raise Unusable(reply.message)
    if not _ok(reply):
        said = text(get(parse(reply.content), "error", "message"))
        refusal = f": {brief(said, 200)[1:-1]}" if said else ""
        raise Unusable(f"{where} answered {reply.status}{refusal}; name the model with --model, or a key with --key-env")
    listed = _listed(reply)
    if not listed:
        raise Unusable(f"{where} lists no model; name one with --model")
    if len(listed) > 1:
        raise BadInput(f"{where} lists {len(listed)} models; choose one with --model: {_some(listed)}")
    return _with_variables(replace(endpoint, model=listed[0]), environ)


async def unlisted(endpoint: Endpoint, environ: Mapping[str, str], pool: Pool | None = None) -> str | None:
    """A warning where the endpoint does not list the model that it is going to be asked for, as most clients would tell.

    No error, since it may answer all the same; and None where there is no list: that is for the cases to judge.
    """
    if endpoint.models_path is None:
        return None
    first_byte_s, idle_s = (min(PATIENCE_S, limit) for limit in (endpoint.limits.first_byte_s, endpoint.limits.idle_s))
    limits = replace(endpoint.limits, first_byte_s=first_byte_s, idle_s=idle_s, timeout_s=PATIENCE_S)
    reply = await _reply(replace(endpoint, limits=limits, retry=Retry(at_most=0)), environ, pool)
    if isinstance(reply, Unanswered) or not _ok(reply):
        return None
    listed = _listed(reply)
    wanted = dict.fromkeys([endpoint.model, *endpoint.models.values()])
    missing = [model for model in wanted if model and not _holds(listed, model)]
    if not missing or not listed:
        return None
    close = did_you_mean(missing[0], [brief(model)[1:-1] for model in listed], listed=False)
    others = close or f"; it lists {_some(listed)}"
    return f"{_where(endpoint)} does not list {brief(missing[0])}{others} (the run goes on with it; --skip-models: do not look)"


def _with_variables(endpoint: Endpoint, environ: Mapping[str, str]) -> Endpoint:
    if not any(_VARIABLE.search(model) for model in (endpoint.model or "", *endpoint.models.values())):
        return endpoint
    models = {feature: _named(endpoint, model, environ) for feature, model in endpoint.models.items()}
    return replace(endpoint, model=endpoint.model and _named(endpoint, endpoint.model, environ), models=models)


def _named(endpoint: Endpoint, model: str, environ: Mapping[str, str]) -> str:
    for name in _VARIABLE.findall(model):
        if not environ.get(name):
            raise Unusable(
                f"endpoint {endpoint.name}: {name} is not set, which names its model; `export {name}=…`, or use --model"
            )
    return _VARIABLE.sub(lambda found: environ[found[1]], model)


async def _reply(endpoint: Endpoint, environ: Mapping[str, str], pool: Pool | None) -> Reply | Unanswered:
    network = Network(endpoint, environ, pool)
    try:
        return await Wire(endpoint, network).send(Request(method="GET", path=endpoint.models_path or ""))
    finally:
        await network.aclose()


def _where(endpoint: Endpoint) -> str:
    return f"{endpoint.base_url}{endpoint.models_path}"


def _ok(reply: Reply) -> bool:
    return 200 <= reply.status < 300


def _listed(reply: Reply) -> list[str]:
    """The ids of a list of models, as far as there are any. Some send the bare array."""
    document = parse(reply.content)
    items = document if isinstance(document, list) else get(document, "data")
    ids = (text(model.get("id")) for _, model in objects(items))
    return [model for model in ids if model and "${" not in model]  # which would be a variable of ours, were it kept


def _holds(listed: Collection[str], model: str) -> bool:
    """Is it listed, as it is or as Gemini lists its own (`models/NAME`)?"""
    return model in listed or f"models/{model}" in listed


def _some(models: list[str]) -> str:
    shown = ", ".join(brief(model)[1:-1] for model in models[:LISTED])
    return shown + (f" and {len(models) - LISTED} more" if len(models) > LISTED else "")
