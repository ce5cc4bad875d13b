"""Lists of models that fill no picker."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json, Request
from harness.reading import arr, obj
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.inside import listed
from harness.reference.refusal import Refusal


@fault(Stage.MODELS, caught_by=["models.are-under-data"], field=["models-list-shape"])
def models_are_a_bare_list(document: Json, asked: Asked) -> Json:
    """A bare array (Together)."""
    return obj(document).get("data", document)


@fault(Stage.MODELS, caught_by=["models.each-has-an-id"], field=["models-list-shape"])
def models_have_names_for_ids(document: Json, asked: Asked) -> Json:
    """`name` in place of `id` (servers with an API of their own beneath)."""
    for model in listed(document):
        model["name"] = model.pop("id")
    return document


@fault(Stage.MODELS, caught_by=["models.ids-differ"])
def lists_a_model_twice(document: Json, asked: Asked) -> Json:
    """One model twice in the list (routers with several servers of one model)."""
    models = arr(obj(document).get("data"))
    models.extend(models[:1])
    return document


@fault(Stage.MODELS, caught_by=["models.retrieved-is-the-one-asked-for"])
def retrieves_another_model(document: Json, asked: Asked) -> Json:
    """Looking up any model gives the one that is loaded, under its own name (one-model servers)."""
    if obj(document).get("object") == "model":
        obj(document)["id"] = "loaded.gguf"
    return document


@fault(Stage.REFUSAL, caught_by=["models/unknown"], field=["models-retrieve"])
def cannot_look_up_a_model(refusal: Refusal, asked: Asked) -> Refusal:
    """Looking up a model that does not exist is a crash (500)."""
    if asked.request.path.startswith("/models/"):
        refusal.status = 500
        refusal.code = None
    return refusal


@fault(Stage.MODELS, caught_by=["models/list", "models/retrieve-listed"], field=["models-exists"])
def lists_no_models(document: Json, asked: Asked) -> Json:
    """An empty list (servers that load a model at the first request)."""
    if "data" in obj(document):
        obj(document)["data"] = []
    return document


@fault(Stage.REQUEST, caught_by=["models/retrieve", "models/retrieve-listed"], field=["models-retrieve"])
def cannot_look_up_its_own_model(request: Request, asked: Asked) -> Request:
    """404 for the id of the very model that it serves (llama.cpp)."""
    return replace(request, path=f"{request.path}/none") if request.path.startswith("/models/") else request


@fault(
    Stage.REQUEST,
    caught_by=[
        "auth/models-undefined-key",
        "cors/models",
        "models/list",
        "models/retrieve-listed",
    ],
    field=["models-exists"],
)
def has_no_list_of_models(request: Request, asked: Asked) -> Request:
    """404 for `GET /models` (MLflow)."""
    return replace(request, path="/none") if request.path == "/models" else request
