"""Parameters of the service: refused though every framework sends them, or taken and without effect."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json
from harness.reading import arr, get, obj, objects, text
from harness.reference.answer import Answer, Asked
from harness.reference.fault import Stage, fault
from harness.reference.inside import without
from harness.reference.refusal import Refusal


def _without(body: dict[str, Json], *names: str) -> dict[str, Json]:
    return {name: value for name, value in body.items() if name not in names}


def _refuse(body: dict[str, Json], *names: str) -> dict[str, Json]:
    for name in names:
        if name in body:
            raise Refusal(f"Extra inputs are not permitted: {name}", param=name)
    return body


@fault(Stage.ASKED, caught_by=["parameters/user"], field=["unknown-params"])
def refuses_user(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `user` (Mistral)."""
    return _refuse(body, "user")


@fault(Stage.ASKED, caught_by=["parameters/metadata"], field=["unknown-params"])
def refuses_metadata(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `metadata` (servers whose schema is of 2024)."""
    return _refuse(body, "metadata")


@fault(
    Stage.ASKED,
    caught_by=["parameters/cache-options", "parameters/cache-retention", "parameters/identifiers"],
    field=["unknown-params"],
)
def refuses_what_came_in_2025(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for the parameters of the prompt's cache and of safety (Azure's older versions, Groq)."""
    return _refuse(body, "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options")


@fault(Stage.ASKED, caught_by=["parameters/cache-options", "parameters/cache-retention"])
def refuses_settings_of_the_cache(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for how long a prompt is cached, where the identifiers are taken (OpenAI's older models)."""
    return _refuse(body, "prompt_cache_retention", "prompt_cache_options")


@fault(Stage.ASKED, caught_by=["parameters/cache-options"])
def refuses_cache_options(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `prompt_cache_options` (OpenAI's models before gpt-5.6)."""
    return _refuse(body, "prompt_cache_options")


@fault(Stage.ASKED, caught_by=["parameters/service-tier", "parameters/unknown-tier"], field=["unknown-params"])
def refuses_tiers(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for `service_tier`, whatever it says (a bridge that hands it on)."""
    if "service_tier" in body:
        raise Refusal("unexpected keyword argument 'service_tier'", status=500, kind="server_error")
    return body


@fault(Stage.ASKED, caught_by=["parameters/unknown-tier"])
def takes_any_tier(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A tier that does not exist is the default (servers without tiers)."""
    return _without(body, "service_tier")


@fault(Stage.ASKED, caught_by=["parameters/verbosity"])
def ignores_verbosity(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`verbosity` has no effect (bridges to models without it)."""
    return _without(body, "verbosity")


@fault(Stage.ASKED, caught_by=["parameters/prediction"])
def ignores_predictions(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`prediction` has no effect (servers that do not guess)."""
    return _without(body, "prediction")


@fault(Stage.ASKED, caught_by=["parameters/audio", "parameters/text-modality"])
def refuses_modalities(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for `modalities`, even for text alone (servers that look for another processor)."""
    if "modalities" in body:
        raise Refusal("no processor for modalities", status=500, kind="server_error")
    return body


@fault(Stage.ASKED, caught_by=["parameters/audio"])
def answers_in_writing(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A text where a spoken answer was asked for (servers that pass `audio` over)."""
    return _without(body, "audio", "modalities")


@fault(Stage.ASKED, caught_by=["parameters/web-search"])
def searches_nothing(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`web_search_options` has no effect (servers without the web)."""
    return _without(body, "web_search_options")


@fault(Stage.ASKED, caught_by=["parameters/moderation"])
def moderates_nothing(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`moderation` has no effect (every server but OpenAI's)."""
    return _without(body, "moderation")


@fault(Stage.ASKED, caught_by=["streaming/no-obfuscation"])
def pads_every_chunk(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`include_obfuscation: false` has no effect (gateways that pad by themselves)."""
    options = obj(body.get("stream_options"))
    return {**body, "stream_options": _without(options, "include_obfuscation")} if options else body


@fault(Stage.ASKED, caught_by=["functions/called", "functions/named", "functions/result"])
def refuses_functions(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for what tools were called in 2023 (servers that were written later)."""
    return _refuse(body, "functions", "function_call")


@fault(Stage.ASKED, caught_by=["functions/named"])
def ignores_the_named_function(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A `function_call` that names a function counts as `auto` (bridges)."""
    return {**body, "function_call": "auto"} if isinstance(body.get("function_call"), dict) else body


@fault(Stage.ASKED, caught_by=["functions/result"])
def drops_results_of_functions(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Messages of the role `function` are passed over (templates that know four roles)."""
    messages = [message for message in arr(body.get("messages")) if get(message, "role") != "function"]
    return {**body, "messages": messages} if messages else body


@fault(Stage.COMPLETION, caught_by=["functions/called", "functions/named"])
def functions_are_answered_with_tools(document: Json, asked: Asked) -> Json:
    """`tool_calls` where `functions` were offered (gateways that translate one way)."""
    for _, choice in objects(obj(document).get("choices")):
        message = obj(choice.get("message"))
        call = message.get("function_call")
        if call:
            message["tool_calls"] = [{"id": "call_0123456789abcdefghijklmn", "type": "function", "function": call}]
            without(message, "function_call")
            choice["finish_reason"] = "tool_calls"
    return document


@fault(Stage.ASKED, caught_by=["tools/custom"])
def refuses_custom_tools(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a tool that is no function (every server but OpenAI's)."""
    for _, tool in objects(body.get("tools")):
        if tool.get("type") == "custom":
            raise Refusal("Input should be 'function'", param="tools[0].type")
    return body


@fault(Stage.ASKED, caught_by=["tools/allowed"])
def allows_every_tool(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`allowed_tools` counts as its mode, and any tool may be called (servers that know three words there)."""
    choice = obj(body.get("tool_choice"))
    if choice.get("type") != "allowed_tools":
        return body
    return {**body, "tool_choice": text(get(choice, "allowed_tools", "mode"))}


@fault(Stage.ANSWER, caught_by=["tools/none"])
def swallows_the_text_where_calls_are_forbidden(answer: Answer, asked: Asked) -> Answer:
    """An empty text with `tool_choice: "none"`: the parser of calls keeps it (servers whose parser runs all the same)."""
    if asked.body.get("tool_choice") != "none":
        return answer
    return replace(answer, turns=tuple(replace(turn, tokens=()) for turn in answer.turns))
