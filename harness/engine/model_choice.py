"""The model of an endpoint that nobody named: the only one that it lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.errors import Unusable
from harness.model import Endpoint, Request, Unanswered
from harness.reading import brief, get, objects, parse, text
from harness.wire import Network, Wire
from harness.wire.network import Pool

LISTED = 10
"""As many models are named in a message."""


async def with_model(endpoint: Endpoint, environ: Mapping[str, str], pool: Pool | None = None) -> Endpoint:
    """The endpoint with its model: as it is where it names one, else the only one of its `/models`.

    Raises Unusable where it cannot be asked, refuses, or lists none or several.
    """
    if endpoint.model is not None:
        return endpoint
    network = Network(endpoint, environ, pool)
    try:
        reply = await Wire(endpoint, network).send(Request(method="GET", path="/models"))
    finally:
        await network.aclose()
    where = f"{endpoint.base_url}/models"
    if isinstance(reply, Unanswered):
        raise Unusable(reply.message)
    document = parse(reply.content)
    if not 200 <= reply.status < 300:
        said = text(get(document, "error", "message"))
        refusal = f": {brief(said, 200)[1:-1]}" if said else ""
        raise Unusable(f"{where} answered {reply.status}{refusal}; name the model with --model, or a key with --key-env")
    models = [text(model.get("id")) for _, model in objects(get(document, "data")) if text(model.get("id"))]
    if len(models) == 1:
        return replace(endpoint, model=models[0])
    if not models:
        raise Unusable(f"{where} lists no model; name one with --model")
    shown = ", ".join(brief(model)[1:-1] for model in models[:LISTED])
    more = f" and {len(models) - LISTED} more" if len(models) > LISTED else ""
    raise Unusable(f"{where} lists {len(models)} models; choose one with --model: {shown}{more}")
