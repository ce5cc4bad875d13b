"""What messages a request may have, and in what order."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from harness.model import Json
from harness.reading import arr, get, obj, objects, text
from harness.reference.picture import is_picture
from harness.reference.refusal import Refusal, wrong_type, wrong_value
from harness.reference.shapes import (
    Check,
    anything,
    array,
    mapping,
    nullable,
    one_of,
    record,
    short_string,
    string,
    tagged,
)

ROLES: Final = ("system", "assistant", "user", "function", "tool", "developer")
_IMAGES = ("image/png", "image/jpeg", "image/webp", "image/gif")


def image_address(value: Json, path: str) -> None:
    string(value, path)
    address = text(value)
    if address.startswith(("http://", "https://")):  # nothing is fetched here, so there is never a picture
        said = f"Error while downloading the picture at {address[:200]}."
        raise Refusal(said, param=path, code="invalid_image_url")
    head, comma, data = address.partition(",")
    media_type, _, encoding = head.removeprefix("data:").partition(";")
    if not head.startswith("data:") or not comma or encoding != "base64":
        said = "Invalid image URL: it must be an http(s) address or a base64 data URL."
        raise Refusal(said, param=path, code="invalid_image_url")
    if media_type not in _IMAGES:
        said = f"Unsupported image type '{media_type}': use png, jpeg, webp or gif."
        raise Refusal(said, param=path, code="invalid_image_format")
    try:
        decoded = base64.b64decode(data, validate=True)
    except binascii.Error:
        raise Refusal("Invalid base64 in an image URL.", param=path, code="invalid_base64") from None
    if not is_picture(decoded):
        raise Refusal("The data of an image URL is no picture.", param=path, code="invalid_image_format")


_TEXT = record({"text": string}, required=("text",))
_PARTS: Final[dict[str, Check]] = {
    "text": _TEXT,
    "refusal": record({"refusal": string}, required=("refusal",)),
    "image_url": record(
        {"image_url": record({"url": image_address, "detail": one_of("auto", "low", "high", "original")}, required=("url",))},
        required=("image_url",),
    ),
    "input_audio": record(
        {"input_audio": record({"data": string, "format": one_of("wav", "mp3")}, required=("data", "format"))},
        required=("input_audio",),
    ),
    "file": record({"file": record({"filename": string, "file_data": string, "file_id": string})}, required=("file",)),
}


def _content(*kinds: str) -> Check:
    parts = array(tagged({kind: _PARTS[kind] for kind in kinds}), at_least=1)

    def checked(value: Json, path: str) -> None:
        if isinstance(value, list):
            parts(value, path)
        elif not isinstance(value, str):
            raise wrong_type(path, "a string or an array of content parts", value)

    return checked


_CALL = tagged(
    {
        "function": record(
            {"id": string, "function": record({"name": string, "arguments": string}, required=("name", "arguments"))},
            required=("id", "function"),
        ),
        "custom": record(
            {"id": string, "custom": record({"name": string, "input": string}, required=("name", "input"))},
            required=("id", "custom"),
        ),
    }
)
_INSTRUCTION = record({"content": _content("text"), "name": short_string(64)}, required=("content",))
_MESSAGES: Final[dict[str, Check]] = {
    "system": _INSTRUCTION,
    "developer": _INSTRUCTION,
    "user": record(
        {"content": _content("text", "image_url", "input_audio", "file"), "name": short_string(64)}, required=("content",)
    ),
    "assistant": record(
        {
            "content": nullable(_content("text", "refusal")),
            "refusal": nullable(string),
            "name": short_string(64),
            "audio": nullable(record({"id": string}, required=("id",))),
            "tool_calls": array(_CALL, at_least=1, at_most=128),
            "function_call": nullable(record({"name": string, "arguments": string}, required=("name", "arguments"))),
        }
    ),
    "tool": record({"content": _content("text"), "tool_call_id": string}, required=("content", "tool_call_id")),
    "function": record({"content": nullable(string), "name": string}, required=("content", "name")),
}


def _message(value: Json, path: str) -> None:
    mapping(anything)(value, path)
    record({"role": one_of(*ROLES)}, required=("role",))(value, path)
    role = text(get(value, "role"))
    _MESSAGES[role](value, path)
    message = obj(value)
    said = message.get("content") is not None or message.get("tool_calls") or message.get("function_call")
    if role == "assistant" and not said and not message.get("refusal") and not message.get("audio"):
        raise wrong_type(f"{path}.content", "a string or an array of content parts", message.get("content"))


def messages(value: Json, path: str) -> None:
    """The list of messages: each for itself, then that every result has its call and every call its result."""
    array(_message, at_least=1)(value, path)
    waiting: set[str] = set()
    for position, message in objects(value):
        place = f"{path}[{position}]"
        if message.get("role") == "tool":
            if text(message.get("tool_call_id")) not in waiting:
                said = "messages with role 'tool' must answer a preceding message with 'tool_calls'"
                raise wrong_value(f"{place}.role", said)
            waiting.discard(text(message.get("tool_call_id")))
            continue
        if waiting:
            raise wrong_value(place, f"the calls {sorted(waiting)} of the message before have no result", "invalid_value")
        waiting = {text(get(call, "id")) for call in arr(message.get("tool_calls"))}
    if waiting:
        raise wrong_value(path, f"the calls {sorted(waiting)} of the last message have no result", "invalid_value")


def texts(message: Mapping[str, Json]) -> list[str]:
    """The texts of a message, a list of one where its content is no list of parts."""
    content = message.get("content")
    return [content] if isinstance(content, str) else [text(part.get("text")) for _, part in objects(content) if part.get("text")]


def pictures(message: Mapping[str, Json]) -> list[str]:
    """The addresses of the pictures in a message, in order."""
    return [text(get(part, "image_url", "url")) for _, part in objects(message.get("content")) if part.get("type") == "image_url"]
