"""The list of models, from which programs fill their pickers and by which they check a key."""

from __future__ import annotations

from urllib.parse import unquote

from harness.model import ModelRetrieved, ModelsListed
from harness.reading import arr, brief, obj, objects, text
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, must, should


@must(
    "songquanpeng/one-api#128, inferencerlabs/inferencer-feedback#42, abdulmominsakib/localmind#11; GPUStack in recordings",
    instead_of=["", "/data"],
)
def are_under_data(x: ModelsListed) -> Problems:
    """The list is an object with an array `data`.

    A bare array, or the models under another key: pickers stay empty, and SillyTavern shows no model.
    """
    if not isinstance(obj(x.body).get("data"), list) and not obj(x.body).get("error"):
        yield Problem(f"data is {brief(obj(x.body).get('data'))} in {brief(x.body)}", "/data")


@must("webai-at-home/webai-at-home#208, inferencerlabs/inferencer-feedback#42", instead_of=["/data/*", "/data/*/id"])
def each_has_an_id(x: ModelsListed) -> Problems:
    """Each model has an `id` that is a text and not empty.

    It is what a request must name; `name` in its place leaves the picker with blank lines.
    """
    for position, model in enumerate(arr(obj(x.body).get("data"))):
        if not text(obj(model).get("id")):
            yield Problem(f"model {brief(model)}", f"/data/{position}/id")


@should(f"{DOCUMENT}, Model; {RECORDED}")
def ids_differ(x: ModelsListed) -> Problems:
    """No two models have one `id`.

    User interfaces use it as a key: React warns, and drops one of the two.
    """
    seen: set[str] = set()
    for position, model in objects(obj(x.body).get("data")):
        name = text(model.get("id"))
        if name and name in seen:
            yield Problem(f"id {brief(name)} again", f"/data/{position}/id")
        seen.add(name)


@should("remsky/Kokoro-FastAPI#144; ids with `/` must work")
def retrieved_is_the_one_asked_for(x: ModelRetrieved) -> Problems:
    """`GET /models/{id}` answers with the model of this id.

    Programs check by it whether a model exists.
    """
    wanted = unquote(x.request.path.partition("/models/")[2])
    if text(obj(x.body).get("id")) != wanted and not obj(x.body).get("error"):
        yield Problem(f"id is {brief(obj(x.body).get('id'))}, and {brief(wanted)} was asked for", "/id")
