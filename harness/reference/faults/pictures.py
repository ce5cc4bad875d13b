"""Pictures that are refused in a form that clients send, or dropped before the model sees them."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator

from harness.model import Json
from harness.reading import arr, get, obj, objects, text
from harness.reference.answer import Asked
from harness.reference.conversation import pictures
from harness.reference.fault import Stage, fault
from harness.reference.picture import colour
from harness.reference.refusal import Refusal, wrong_type


def _messages(body: dict[str, Json]) -> list[dict[str, Json]]:
    return [message for _, message in objects(body.get("messages"))]


def _images(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    for message in _messages(body):
        for _, part in objects(arr(message.get("content"))):
            if part.get("type") == "image_url":
                yield part


def _kept(body: dict[str, Json], keep: Callable[[int, int], bool]) -> dict[str, Json]:
    """The body with those pictures whose message and place among its pictures are to be kept."""
    changed: list[Json] = []
    for place, message in enumerate(_messages(body)):
        parts: list[Json] = []
        seen = 0
        for part in arr(message.get("content")):
            if get(part, "type") == "image_url":
                seen += 1
                if not keep(place, seen - 1):
                    continue
            parts.append(part)
        changed.append({**message, "content": parts} if seen else message)
    return {**body, "messages": changed} if any(True for _ in _images(body)) else body


def _refuses(body: dict[str, Json], *media_types: str) -> dict[str, Json]:
    for image in _images(body):
        url = text(get(image, "image_url", "url"))
        if any(url.startswith(f"data:{media_type};") for media_type in media_types):
            raise Refusal("'url' field must be a base64 encoded image.", param="messages")
    return body


@fault(
    Stage.ASKED,
    caught_by=[
        "vision/colours",
        "vision/detail",
        "vision/earlier",
        "vision/png",
        "vision/two",
    ],
    field=["image-data-url-png"],
)
def refuses_png(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a PNG as a data URL: "'url' field must be a base64 encoded image" (LM Studio)."""
    return _refuses(body, "image/png")


@fault(Stage.ASKED, caught_by=["vision/webp"], field=["image-data-url-webp"])
def refuses_webp(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a WebP (LM Studio)."""
    return _refuses(body, "image/webp")


@fault(Stage.ASKED, caught_by=["vision/gif", "vision/webp"], field=["image-data-url-webp"])
def takes_jpeg_and_png_alone(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for anything but JPEG and PNG (xAI)."""
    return _refuses(body, "image/webp", "image/gif")


@fault(
    Stage.ASKED,
    caught_by=[
        "vision/colours",
        "vision/detail",
        "vision/earlier",
        "vision/gif",
        "vision/jpeg",
        "vision/png",
        "vision/two",
        "vision/webp",
    ],
    field=["image-url-object-form"],
)
def wants_the_picture_as_a_text(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `image_url` as an object: the address itself is wanted there (Mistral's older form)."""
    for image in _images(body):
        if isinstance(image.get("image_url"), dict):
            raise wrong_type("messages", "a string as image_url", image["image_url"])
    return body


@fault(Stage.ASKED, caught_by=["vision/detail"], field=["image-url-object-form"])
def refuses_detail(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `detail`: "Extra inputs are not permitted" (bridges)."""
    for image in _images(body):
        if "detail" in obj(image.get("image_url")):
            raise Refusal("Extra inputs are not permitted: image_url.detail", param="messages")
    return body


@fault(
    Stage.ASKED,
    caught_by=[
        "vision/broken",
        "vision/colours",
        "vision/detail",
        "vision/earlier",
        "vision/gif",
        "vision/jpeg",
        "vision/png",
        "vision/two",
        "vision/unreachable",
        "vision/webp",
    ],
)
def drops_pictures(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Pictures are taken out before the model is asked (gateways before a model of text alone)."""
    return _kept(body, lambda message, picture: False)


@fault(Stage.ASKED, caught_by=["vision/two"])
def shows_the_first_picture_alone(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Of several pictures in a message the first is shown (servers of models for one picture)."""
    return _kept(body, lambda message, picture: picture == 0)


@fault(Stage.ASKED, caught_by=["vision/earlier"])
def shows_the_newest_message_s_pictures_alone(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Pictures of earlier turns are dropped (bridges that keep the history as text)."""
    last = len(_messages(body)) - 1
    return _kept(body, lambda message, picture: message == last)


@fault(Stage.ASKED, caught_by=["vision/colours", "vision/earlier"])
def every_picture_is_the_same(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Whatever is shown, the model sees the picture that came first, which was cached (a key made of the prompt's text)."""
    red = _one_colour(0xFF, 0, 0)
    for image in _images(body):
        if colour(text(get(image, "image_url", "url"))):
            obj(image["image_url"])["url"] = red
    return body


def _one_colour(red: int, green: int, blue: int) -> str:
    """A PNG of one point, but for its checksums, as a data URL."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    whole = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes([0, red, green, blue]))) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + whole).decode()


@fault(Stage.ASKED, caught_by=["vision/unreachable"], field=["image-http-url"])
def crashes_where_a_picture_is_not_found(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for an address that cannot be fetched (`aiohttp.ClientConnectorError` in local servers)."""
    for image in _images(body):
        if text(get(image, "image_url", "url")).startswith("http"):
            raise Refusal("Cannot connect to host", status=500, kind="server_error")
    return body


@fault(Stage.ASKED, caught_by=["vision/broken"])
def crashes_on_a_broken_picture(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for data that is no picture: "cannot identify image file" (servers on Pillow)."""
    for image in _images(body):
        if len(text(get(image, "image_url", "url"))) < 60 and "base64" in text(get(image, "image_url", "url")):
            raise Refusal("cannot identify image file <_io.BytesIO object>", status=500, kind="server_error")
    return body


@fault(Stage.ASKED, caught_by=["vision/tool-result"], field=["tool-image-parts"])
def crashes_on_pictures_of_tools(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for a picture in the result of a tool (templates that join a list of parts)."""
    if any(message.get("role") == "tool" and pictures(message) for message in _messages(body)):
        raise Refusal('can only concatenate str (not "dict") to str', status=500, kind="server_error")
    return body
