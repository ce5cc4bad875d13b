"""Refusals: `{"error": {"message", "type", "param", "code"}}` and the status that fits."""

from __future__ import annotations

from harness.choices import cut
from harness.model import ChatStreamed, Completed, Garbled, Json, MessagesRefused, Other, Refused
from harness.reading import brief, get, obj, parse, text
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, may, must, should

_NOTHING = ("None", "null", "undefined", "nil", "")
"""What becomes of null where it is made a text by accident."""

_TYPES = {
    "invalid_request_error", "authentication_error", "permission_error", "not_found_error", "insufficient_quota",
    "insufficient_quota_error", "rate_limit_error", "rate_limit_exceeded", "requests", "tokens", "server_error", "model_error",
    "service_unavailable_error", "internal_error", "image_generation_user_error",
}  # fmt: skip

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
def not_with_200(x: Completed | Garbled | Other) -> Problems:
    """A failed request is never status 200.

    SDKs look at the status alone: they build an answer whose every field is None, and the program crashes later at
    `choices[0]`, with the reason lost. Retries never happen.

    Clients: pydantic-ai and inspect_ai fail on missing fields long after the cause; retry logic of the SDKs is not reached,
    since it reads only the status.
    Servers: OpenRouter in bodies and streams, Azure once in a recording (`status: 400` inside), LM Studio.
    Fix: Choose the status before the first byte is written. Where a provider behind you fails later, repeat its status, or
    502 if it has none.
    Sources: UKGovernmentBEIS/inspect_ai#3687
    """
    error = obj(x.body).get("error")
    if error and x.reply.status < 400:
        yield Problem(f"status {x.reply.status} with error {brief(error)}", "/error")


@must(
    "zh-plus/openlrc#36, foundation-model-stack/fms-guardrails-orchestrator#143, tenstorrent/tt-inference-server#2771",
    instead_of=[""],
)
def is_json_object(x: Refused) -> Problems:
    """A refused request (4xx) gets a JSON object, whatever the path and the reason.

    Clients show the raw page, or fail in their own error handler and hide the cause. Statuses of 500 and more are left
    out: there even api.openai.com lets a gateway answer in plain text or with nothing.

    Clients: openai-python has only the bytes of a page for its message; openlrc and the fms orchestrator failed on `str`
    where an object was expected.
    Servers: GitHub Models (429 in plain text, labelled JSON), DeepSeek and TGI (422 in plain text), nginx and Cloudflare
    pages before a server, MLflow (unknown model as text, measured).
    Fix: Register handlers for 404, 405, 413, 422 and 429 that write the error object, and give the proxy in front the same
    error pages.
    """
    if _is_refusal(x) and not cut(x) and not isinstance(x.body, dict):
        yield f"status {x.reply.status} with {brief(x.body) if x.body else 'no body'}"


@must(f"{DOCUMENT}, ErrorResponse; ray-project/ray#64833, open-webui/open-webui#11906, ogx-ai/ogx#2990", instead_of=["/error"])
def under_error(x: Refused) -> Problems:
    """What went wrong stands under the key `error`.

    FastAPI's `{"detail": …}` and flat forms such as `{"object": "error", "message": …}` reach the user as a raw dump or as
    "Bad request": the SDKs, SillyTavern, and every program that retries or shortens a conversation look under `error`.

    Clients: SillyTavern prints "Bad request", Open WebUI and void a raw dump; agents that shorten a conversation on
    `context_length_exceeded` never find the code.
    Servers: FastAPI servers (`detail`), Mistral and vLLM of 2024 (flat), Cerebras and Hyperbolic in recordings,
    llama-cpp-python (401, measured), Ray Serve, llama-stack.
    Fix: Wrap what you send today: `{"error": {"message": …, "type": …, "param": null, "code": null}}`, for validation and
    for authentication too.
    Sources: voideditor/void#128, mistralai/platform-docs-public#7, tenstorrent/tt-inference-server#2771
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

    Clients: openai-python shows the raw body and no code; aia (Ruby) raises NoMethodError-like failures on `dig`; the AI
    SDK reports a response that it cannot parse.
    Servers: xAI (`{"code", "error": "text"}`), Hugging Face's API and router, LM Studio as reported.
    Fix: Put the text into `error.message`, and add `type`, `param` and `code`, each of them null where nothing is known.
    """
    error = _error(x)
    if error is not None and not isinstance(error, dict):
        yield Problem(f"error is {brief(error)}", "/error")


@must("ayunis-core/ayunis-core#705, partITech/php-mistral#76", instead_of=["/error/message"])
def message_is_text(x: Refused) -> Problems:
    """`error.message` is a text that says something.

    An array of validation results shows as "[object Object]"; without a message the user learns nothing at all.

    Clients: Browser interfaces concatenate it and print "[object Object]"; php-mistral and ayunis-core lost the text
    altogether.
    Servers: Servers on NestJS (an array), Mistral (JSON within the text, or an array).
    Fix: Join validation results into one sentence that names the parameter; send lists under a key of your own beside it.
    """
    error = _error(x)
    if isinstance(error, dict) and not text(error.get("message")).strip():
        yield Problem(f"error.message is {brief(error.get('message'))}", "/error/message")


@should(f"{RECORDED}: never in 38 errors of api.openai.com; mistralai/platform-docs-public#7, diegosouzapw/OmniRoute#3044")
def message_is_no_json(x: Refused) -> Problems:
    """`error.message` is a sentence, not another JSON document as text.

    A gateway that passes on what went wrong behind it puts the whole error into the message of its own.

    Clients: Chat windows show braces and backslashes to their users; programs that look for words such as "context length"
    in the message still find them, and those that read `code` find the gateway's.
    Servers: Gateways before several providers; Mistral for validation results.
    Fix: Take message, type, param and code out of the inner error and send them as your own.
    """
    message = text(get(_error(x), "message")).strip()
    if message.startswith(("{", "[")) and isinstance(parse(message), dict | list):
        yield Problem(f"error.message is {brief(message)}", "/error/message")


@must("openai/openai-python#3531, openai/openai-dotnet#669, sgl-project/sglang#32808", instead_of=["/error/code"])
def code_is_text(x: Refused | ChatStreamed) -> Problems:
    """`error.code` is a text or null, never the HTTP status as a number, also where a stream fails.

    openai-java raises `OpenAIInvalidDataException` inside the handler of the error, openai-dotnet likewise.

    Clients: openai-java and openai-dotnet refuse the number while they handle the error, and openai-python typed it wrongly
    until September 2026, so the real reason is hidden by a second failure.
    Servers: vLLM, SGLang, llama.cpp (measured), OpenRouter, LocalAI, Gemini's bridge, Hyperbolic.
    Fix: Send a word such as "model_not_found" or null; the number is in the status line already.
    Sources: openai/openai-python#3532, xyOz-dev/Saturn#46
    """
    if isinstance(x, ChatStreamed):
        at = f"chunks/{x.failed_at}"
        error = obj(x.chunks[x.failed_at].body).get("error") if x.failed_at is not None else None
    else:
        at, error = "", _error(x)
    code = get(error, "code")
    if code is not None and not isinstance(code, str):
        yield Problem(f"error.code is {brief(code)}", f"{at}/error/code")


@should(f"{DOCUMENT}, Error; ray-project/ray#64833", instead_of=["/error/type", "/error/param"])
def type_and_param_are_text(x: Refused) -> Problems:
    """`error.type` is a text, and `error.param` a text or null; neither is the word for nothing of some language.

    Typed SDKs fail on the offending value itself as `param`, or on a number as `type`.

    Clients: Typed SDKs (Java, .NET, Go) read both as strings and fail to decode the error; scripts print a Python
    representation in its place.
    Servers: Ray Serve LLM (pydantic's code as `type`, the value itself as `param`), LiteLLM (`type: "None"`, a text made of
    nothing).
    Fix: Send the JSON path of what is wrong as `param`, or null, and one of the known kinds as `type`, such as
    "invalid_request_error".
    """
    for key in ("type", "param"):
        value = get(_error(x), key)
        if (value is not None and not isinstance(value, str)) or value in _NOTHING:
            yield Problem(f"error.{key} is {brief(value)}", f"/error/{key}")


@may(f"{RECORDED}: the types of 38 errors and 7 failures in streams; {DOCUMENT}; guide-level values of the error guide")
def type_is_known(x: Refused) -> Problems:
    """`error.type` is one of OpenAI's words: `invalid_request_error`, `server_error`, `tokens` and so on.

    The list is open and the document names no values, so this is a note.

    Clients: Few look at it: those that do compare with `invalid_request_error` and take the rest for a failure to try again.
    Servers: Ollama (`api_error`), vLLM (`BadRequestError`), FastAPI servers (`value_error.missing`).
    Fix: Say `invalid_request_error` for what the client can mend, and `server_error` for what it cannot.
    """
    said = text(get(_error(x), "type"))
    if said and said not in _TYPES and said not in _NOTHING:
        yield Problem(f"error.type is {brief(said)}", "/error/type")


@should(f"{RECORDED}: all 38 errors of api.openai.com; lmstudio-ai/lmstudio-bug-tracker#266")
def status_fits_code(x: Refused) -> Problems:
    """A well-known `error.code` comes with the status that belongs to it.

    Some clients branch on the status and others on the code: retries (429 and 5xx only), asking for another key (401),
    shortening the conversation (400 `context_length_exceeded`). Where the two disagree, one half does the wrong thing.

    Clients: SDKs choose the exception by the status, agents compare `code`: a key dialog that waits for 401 stays shut, a
    retry that waits for 429 never happens. Reported as "server error" after a wrong key.
    Servers: LocalAI (400 for an unknown model, as documented), llama-stack (500 for a wrong key).
    Fix: Keep one table of code and status, as the published error guide has it, and let every refusal go through it.
    Sources: ddalcu/mlx-serve#257, ddalcu/mlx-serve#258, unslothai/unsloth#8376, ray-project/ray#64833, shobrook/wut#14,
    ogx-ai/ogx#2990, BerriAI/litellm#39787
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

    Clients: Handlers of `BadRequestError` in openai-python let `UnprocessableEntityError` pass; PentAGI met it as an
    unknown failure.
    Servers: Mistral, DeepSeek, Hyperbolic, Hugging Face's hosts; any FastAPI server without a handler of its own.
    Fix: In FastAPI, add an exception handler for `RequestValidationError` that answers 400 with `type:
    "invalid_request_error"` and the field's path as `param`.
    Sources: eclipse-theia/theia#17104
    """
    if x.reply.status == 422:
        yield f"status 422 with {brief(x.body)}"


def _is_error(x: Refused) -> bool:
    """The Messages API has an envelope of its own: see `messages_errors`."""
    return x.reply.status >= 400 and x.request.method not in ("HEAD", "OPTIONS") and not isinstance(x, MessagesRefused)


def _is_refusal(x: Refused) -> bool:
    return 400 <= x.reply.status < 500 and x.request.method not in ("HEAD", "OPTIONS")


def _error(x: Refused) -> Json:
    return obj(x.body).get("error") if _is_error(x) else None
