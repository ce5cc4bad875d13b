"""Parameters beyond OpenAI's that are taken and do nothing, or that nobody expected."""

from __future__ import annotations

from harness.model import Json
from harness.reading import arr, objects
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal
from harness.reference.validate import PARAMETERS


def _without(body: dict[str, Json], *names: str) -> dict[str, Json]:
    return {name: value for name, value in body.items() if name not in names}


def _crash(said: str) -> Refusal:
    return Refusal(said, status=500, kind="server_error")


@fault(
    Stage.ASKED,
    caught_by=[
        "extras/control",
        "extras/extra-body",
        "extras/local-samplers",
        "extras/min-p",
        "extras/repetition-penalty",
        "extras/top-k",
    ],
    field=["sampler-extras-tolerated", "unknown-params"],
)
def crashes_on_unknown_parameters(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for a parameter that it does not know (`TypeError: unexpected keyword argument`)."""
    for name in body:
        if name not in PARAMETERS:
            raise _crash(f"unexpected keyword argument '{name}'")
    return body


@fault(Stage.ASKED, caught_by=["extras/control"])
def refuses_what_it_does_not_name(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a parameter that it does not know, without its name: nobody finds out which of twenty it was (gateways)."""
    if body.keys() - PARAMETERS.keys():
        raise Refusal("Bad request: schema validation failed")
    return body


@fault(Stage.ASKED, caught_by=["extras/extra-body"])
def crashes_on_extra_body(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for `extra_body`, which it hands to an SDK as a keyword of its own (gateways on the Python SDK)."""
    if "extra_body" in body:
        raise _crash("create() got multiple values for keyword argument 'extra_body'")
    return body


@fault(Stage.ASKED, caught_by=["extras/top-k"], field=["unknown-params"])
def takes_top_k_and_does_nothing(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`top_k` is taken and has no effect (gateways before models that lack it)."""
    return _without(body, "top_k")


@fault(Stage.ASKED, caught_by=["extras/min-p"], field=["unknown-params"])
def takes_min_p_and_does_nothing(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`min_p` is taken and has no effect (OpenRouter for providers that lack it)."""
    return _without(body, "min_p")


@fault(Stage.ASKED, caught_by=["extras/repetition-penalty"], field=["unknown-params"])
def takes_repetition_penalty_and_does_nothing(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`repetition_penalty` is taken and has no effect (llama.cpp, which calls it `repeat_penalty`)."""
    return _without(body, "repetition_penalty")


@fault(Stage.ASKED, caught_by=["extras/cache-control"])
def crashes_on_cache_control(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for a part with `cache_control` (templates that expect `type` and `text` alone)."""
    for _, message in objects(body.get("messages")):
        if any("cache_control" in part for _, part in objects(arr(message.get("content")))):
            raise _crash("Error rendering prompt: unexpected key 'cache_control'")
    return body
