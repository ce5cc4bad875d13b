"""Refusals: `{"error": {"message", "type", "param", "code"}}` and the status that fits."""

from __future__ import annotations

from harness.choices import cut
from harness.model import ChatCompleted, Completed, Garbled, Json, Refused
from harness.reading import arr, brief, get, obj, text
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, must, should

_OTHER_APIS = ("/messages", "/messages/count_tokens")
"""Anthropic's own operations, in traffic that somebody recorded: they have an envelope of their own."""

_STATUS_OF = {
    "invalid_api_key": {401},
    "model_not_found": {403, 404},
    "rate_limit_exceeded": {429},
    "insufficient_quota": {429},
    "context_length_exceeded": {400},
    "unsupported_parameter": {400},
    "unknown_parameter": {400},
    "missing_required_parameter": {400},
    "invalid_value": {400},
    "invalid_type": {400},
}


@must("pydantic/pydantic-ai#2323, lmstudio-ai/lmstudio-bug-tracker#266; Azure answered an error with 200 in a recording")
def not_with_200(x: Completed | Garbled) -> Problems:
    """A failed request is never status 200.

    SDKs look at the status alone: they build an answer whose every field is None, and the program crashes later at
    `choices[0]`, with the reason lost. Retries never happen.
    """
    error = obj(x.body).get("error")
    if error and not (isinstance(x, ChatCompleted) and arr(obj(x.body).get("choices"))):
        yield Problem(f"status {x.reply.status} with error {brief(error)}", "/error")


@must(
    "zh-plus/openlrc#36, foundation-model-stack/fms-guardrails-orchestrator#143, tenstorrent/tt-inference-server#2771",
    instead_of=[""],
)
def is_json_object(x: Refused) -> Problems:
    """A refused request (4xx) gets a JSON object, whatever the path and the reason.

    Clients show the raw page, or fail in their own error handler and hide the cause. Statuses of 500 and more are left
    out: there even api.openai.com lets a gateway answer in plain text or with nothing.
    """
    if _is_refusal(x) and not cut(x) and not isinstance(x.body, dict):
        yield f"status {x.reply.status} with {brief(x.body) if x.body else 'no body'}"


@must(f"{DOCUMENT}, ErrorResponse; ray-project/ray#64833, open-webui/open-webui#11906, ogx-ai/ogx#2990", instead_of=["/error"])
def under_error(x: Refused) -> Problems:
    """What went wrong stands under the key `error`.

    FastAPI's `{"detail": …}` and flat forms such as `{"object": "error", "message": …}` reach the user as a raw dump or as
    "Bad request": the SDKs, SillyTavern, and every program that retries or shortens a conversation look under `error`.
    """
    body = obj(x.body)
    if _is_error(x) and isinstance(x.body, dict) and body.get("error") is None:
        yield Problem(f"status {x.reply.status} with {brief(body)}", "/error")


@must(
    "antropia-studio/linguito#21, t59688/arboris-novel#23, MadBomber/aia#117, experientiallabs/experiential#964",
    instead_of=["/error"],
)
def error_is_an_object(x: Refused) -> Problems:
    """`error` is an object.

    With a string in its place openai-python loses message and type, Ruby clients raise ("String does not have #dig"), and
    the AI SDK fails its schema.
    """
    error = _error(x)
    if error is not None and not isinstance(error, dict):
        yield Problem(f"error is {brief(error)}", "/error")


@must("ayunis-core/ayunis-core#705, partITech/php-mistral#76", instead_of=["/error/message"])
def message_is_text(x: Refused) -> Problems:
    """`error.message` is a text that says something.

    An array of validation results shows as "[object Object]"; without a message the user learns nothing at all.
    """
    error = _error(x)
    if isinstance(error, dict) and not text(error.get("message")).strip():
        yield Problem(f"error.message is {brief(error.get('message'))}", "/error/message")


@must("openai/openai-python#3531, openai/openai-dotnet#669, sgl-project/sglang#32808", instead_of=["/error/code"])
def code_is_text(x: Refused) -> Problems:
    """`error.code` is a text or null, never the HTTP status as a number.

    openai-java raises `OpenAIInvalidDataException` inside the handler of the error, openai-dotnet likewise.
    """
    code = get(_error(x), "code")
    if code is not None and not isinstance(code, str):
        yield Problem(f"error.code is {brief(code)}", "/error/code")


@should(f"{DOCUMENT}, Error; ray-project/ray#64833", instead_of=["/error/type", "/error/param"])
def type_and_param_are_text(x: Refused) -> Problems:
    """`error.type` is a text, and `error.param` a text or null.

    Typed SDKs fail on the offending value itself as `param`, or on a number as `type`.
    """
    for key in ("type", "param"):
        value = get(_error(x), key)
        if value is not None and not isinstance(value, str):
            yield Problem(f"error.{key} is {brief(value)}", f"/error/{key}")


@should(f"{RECORDED}: all 38 errors of api.openai.com; lmstudio-ai/lmstudio-bug-tracker#266")
def status_fits_code(x: Refused) -> Problems:
    """A well-known `error.code` comes with the status that belongs to it.

    Some clients branch on the status and others on the code: retries (429 and 5xx only), asking for another key (401),
    shortening the conversation (400 `context_length_exceeded`). Where the two disagree, one half does the wrong thing.
    """
    code = text(get(_error(x), "code"))
    if x.reply.status not in _STATUS_OF.get(code, {x.reply.status}):
        fitting = " or ".join(str(status) for status in sorted(_STATUS_OF[code]))
        yield Problem(f"code {brief(code)} with status {x.reply.status}, not {fitting}", "/error/code")


@should(f"{RECORDED}: api.openai.com answers 400; deepseek-ai/awesome-deepseek-integration#57, vxcontrol/pentagi#97")
def malformed_is_400(x: Refused) -> Problems:
    """What is wrong with a request is told with 400, not 422.

    422 is what FastAPI says by itself. SDKs raise another class for it (`UnprocessableEntityError`), which handlers of bad
    requests do not catch.
    """
    if x.reply.status == 422:
        yield f"status 422 with {brief(x.body)}"


def _is_error(x: Refused) -> bool:
    return x.reply.status >= 400 and x.request.method not in ("HEAD", "OPTIONS") and not x.request.path.endswith(_OTHER_APIS)


def _is_refusal(x: Refused) -> bool:
    return _is_error(x) and x.reply.status < 500


def _error(x: Refused) -> Json:
    return obj(x.body).get("error") if _is_error(x) else None
