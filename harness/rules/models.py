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

    Clients: chatbot-ui and localmind showed no model; SillyTavern leaves its list empty unless `data` is an array.
    Servers: Together (a bare array), GPUStack (`items`), Cohere and Gemini on their native paths (`models`), GitHub Models'
    catalogue, one-api of 2023.
    Fix: Answer `{"object": "list", "data": […]}` on the compatible path, also when nothing is loaded: an empty array then.
    Sources: webai-at-home/webai-at-home#208, oobabooga/textgen#7089
    """
    if not isinstance(obj(x.body).get("data"), list) and not obj(x.body).get("error"):
        yield Problem(f"data is {brief(obj(x.body).get('data'))} in {brief(x.body)}", "/data")


@must("webai-at-home/webai-at-home#208, inferencerlabs/inferencer-feedback#42", instead_of=["/data/*", "/data/*/id"])
def each_has_an_id(x: ModelsListed) -> Problems:
    """Each model has an `id` that is a text and not empty.

    It is what a request must name; `name` in its place leaves the picker with blank lines.

    Clients: Pickers show blank lines and then send `model: undefined`; webai-at-home and Inferencer's users reported it.
    Servers: Inferencer; servers that list `name` or `path` in its place.
    Fix: Put into `id` exactly the text that a request has to name, one entry a model.
    Sources: songquanpeng/one-api#128, abdulmominsakib/localmind#11, oobabooga/textgen#7089
    """
    for position, model in enumerate(arr(obj(x.body).get("data"))):
        if not text(obj(model).get("id")):
            yield Problem(f"model {brief(model)}", f"/data/{position}/id")


@should(f"{DOCUMENT}, Model; {RECORDED}")
def ids_differ(x: ModelsListed) -> Problems:
    """No two models have one `id`.

    User interfaces use it as a key: React warns, and drops one of the two.

    Clients: React interfaces warn about equal keys and drop a row, and a map by id keeps one of the two. No crash is
    reported.
    Servers: Mistral's list in a recording: aliases repeat as entries of their own.
    Fix: List aliases under the model that they stand for, and remove duplicates before writing.
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

    Clients: Health checks take any 200 for "the model is there" and fail at the first real request; openai-python's
    `models.retrieve` returns the wrong card.
    Servers: text-generation-webui answers 200 for every name; llama.cpp answers 404 for the very id that it serves
    (measured).
    Fix: Decode `%2F` in the path, look the id up in the same table as a chat request does, and answer 404 `model_not_found`
    otherwise.
    """
    wanted = unquote(x.request.path.partition("/models/")[2])
    if text(obj(x.body).get("id")) != wanted and not obj(x.body).get("error"):
        yield Problem(f"id is {brief(obj(x.body).get('id'))}, and {brief(wanted)} was asked for", "/id")
