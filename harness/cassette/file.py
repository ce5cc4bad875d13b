"""A cassette's file: vcrpy's format, with what it does not know in keys of `response` and in `metadata`."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from harness.cassette import scalars
from harness.errors import BadFile
from harness.model import Ending, Frame, Headers, Json, Reply, Request, Trial
from harness.reading import ABSENT, brief, obj, parse, text
from harness.wire.tape import NOWHERE

_KEPT: Final = re.compile(
    "accept|accept-ranges|access-control-.+|age|allow|anthropic-ratelimit-.+|apim-request-id|cache-control|connection"
    "|content-encoding|content-language|content-length|content-type|date|keep-alive|location|openai-processing-ms|openai-version"
    "|origin|request-id|retry-after|retry-after-ms|server|transfer-encoding|vary|via|www-authenticate|x-accel-buffering"
    "|x-content-type-options|x-powered-by|x-ratelimit-.+|x-request-id|x-should-retry"
)
"""The header fields that may be written. Whatever is not named here (keys, cookies, organisations) stays out."""


def kept(headers: Headers) -> Headers:
    """The header fields that may be written."""
    return tuple((name, value) for name, value in headers if _KEPT.fullmatch(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """A request and its reply. `retried`: it was asked again; `decoded`: the content encoding that was undone."""

    request: Request
    reply: Reply
    retried: bool = False
    decoded: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cassette:
    """The conversation of one case, in the order of sending. `metadata`: recorded (ISO 8601), server, harness, elapsed_ms."""

    interactions: tuple[Interaction, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def recorded(self) -> str | None:
        """When, ISO 8601."""
        return self.metadata.get("recorded")

    @property
    def elapsed_ms(self) -> float:
        """How long the whole conversation took."""
        try:
            return float(self.metadata.get("elapsed_ms", "0"))
        except ValueError:
            return 0.0


def in_folder(folder: Path, trial: Trial) -> Path:
    """Where the cassette of a trial is: the path is the identity."""
    name = f"{trial.case.id}.stream.yaml" if trial.stream else f"{trial.case.id}.yaml"
    return folder / trial.endpoint.name / trial.case.suite / name


# ---------------------------------------------------------------- writing


def written(cassette: Cassette) -> str:
    """The file's text."""
    lines = ["version: 1", "interactions:"]
    for interaction in cassette.interactions:
        lines += _interaction(interaction)
    lines.append("metadata:")
    lines += [f"  {key}: {scalars.text(value)}" for key, value in cassette.metadata.items()]
    return "\n".join(lines) + "\n"


def _interaction(interaction: Interaction) -> Iterator[str]:
    request, reply = interaction.request, interaction.reply
    yield "- request:"
    yield f"    method: {scalars.text(request.method)}"
    yield f"    uri: {scalars.quoted(NOWHERE + request.path)}"
    content = request.content if request.folded is None else _compact(request.folded)
    yield f"    body: {'null' if content is None else scalars.body(content, 6)}"
    yield from _headers(request.headers)
    yield "  response:"
    yield f"    status: {{code: {reply.status}, message: {scalars.quoted(_phrase(reply.status))}}}"
    headers = reply.headers
    if interaction.decoded is not None:
        # Other readers would decompress what no longer is compressed.
        headers = tuple((name, value) for name, value in headers if name != "content-encoding")
    yield from _headers(headers)
    yield "    body:"
    yield f"      string: {scalars.body(reply.content, 8)}"
    yield "    frames:"
    yield f'      sizes: "{" ".join(str(len(frame.data)) for frame in reply.frames)}"'
    yield f'      at_ms: "{" ".join(f"{frame.at_ms:.1f}" for frame in reply.frames)}"'
    if reply.ended is not Ending.CLOSED:
        yield f"    ended: {reply.ended}"
    if interaction.retried:
        yield "    retried: true"
    if interaction.decoded is not None:
        yield f"    decoded: {scalars.text(interaction.decoded)}"


def _compact(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _headers(headers: Headers) -> Iterator[str]:
    fields: dict[str, list[str]] = {}
    for name, value in kept(headers):
        fields.setdefault(name, []).append(scalars.quoted(value))
    if not fields:
        yield "    headers: {}"
        return
    yield "    headers:"
    for name, values in fields.items():
        yield f"      {name}: [{', '.join(values)}]"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def write(path: Path, cassette: Cassette) -> None:
    """Replaces the file at once, or leaves it as it was."""
    replace_file(path, written(cassette))


def replace_file(path: Path, text: str) -> None:
    """Writes a file beside, and puts it in the place of the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    try:
        with open(descriptor, "wb") as opened:
            opened.write(text.encode())
        Path(beside).chmod(0o644)  # mkstemp's own 0600 is for secrets, and there are none in it
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


# ---------------------------------------------------------------- reading


def read(path: Path) -> Cassette:
    """The cassette in a file. Raises BadFile where it is none, and FileNotFoundError."""
    import yaml

    try:
        content = path.read_text(encoding="utf-8")
        # The scalars are bodies, as they came: `harness.load` refuses what a hostile server may send.
        document: Any = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # a safe loader, both
        return Cassette(
            interactions=tuple(_interaction_of(one) for one in document["interactions"]),
            metadata={key: str(value) for key, value in obj(document.get("metadata")).items()},
        )
    except FileNotFoundError:
        raise
    except (yaml.YAMLError, OSError, UnicodeError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        said = (
            brief(str(error).partition("\n")[0], 120)[1:-1]
            if isinstance(error, yaml.YAMLError)
            else brief(repr(error), 120)[1:-1]
        )
        slip = f"no cassette that can be read ({said}); restore it, or record it again with --mode record"
        raise BadFile([(str(path), None if line is None else line + 1, slip)]) from None


def metadata(path: Path) -> dict[str, str]:
    """What is known of a recording, without reading the conversation; nothing where the file is none of ours, or damaged."""
    import yaml

    try:
        content = path.read_text(encoding="utf-8")
        start = content.rfind("\nmetadata:\n")  # what is recorded stands further in
        document: Any = yaml.load(content[start:], Loader=yaml.SafeLoader) if start >= 0 else None
        return {key: str(value) for key, value in obj(obj(document).get("metadata")).items()}
    except (yaml.YAMLError, OSError, UnicodeError, ValueError, RecursionError):
        return {}


def _interaction_of(document: Any) -> Interaction:
    asked, answered = document["request"], document["response"]
    content = _bytes(asked["body"])
    body = None if content is None else parse(content)
    reply = Reply(
        status=int(answered["status"]["code"]),
        headers=_fields(answered["headers"]),
        frames=_frames(_bytes(answered["body"]["string"]) or b"", answered.get("frames")),
        ended=Ending(answered.get("ended", "closed")),
    )
    decoded = text(answered.get("decoded")) or None
    if decoded is not None:
        reply = replace(reply, headers=(*reply.headers, ("content-encoding", decoded)))
    return Interaction(
        request=Request(
            method=str(asked["method"]),
            path=str(asked["uri"]).removeprefix(NOWHERE),
            headers=_fields(asked["headers"]),
            content=content,
            body=None if body is ABSENT else body,  # type: ignore[arg-type]
        ),
        reply=reply,
        retried=answered.get("retried") is True,
        decoded=decoded,
    )


def _bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError(f"a body is {type(value).__name__}")
    return value.encode()


def _fields(value: Any) -> Headers:
    return tuple((name, one) for name, values in value.items() for one in values)


def _frames(content: bytes, cut: Any) -> tuple[Frame, ...]:
    sizes = [int(size) for size in cut["sizes"].split()]
    times = [float(at_ms) for at_ms in cut["at_ms"].split()]
    if sum(sizes) != len(content) or len(sizes) != len(times):
        raise ValueError(f"the frames are of {sum(sizes)} bytes, the body of {len(content)}")
    found = []
    start = 0
    for size, at_ms in zip(sizes, times, strict=True):
        found.append(Frame(at_ms=at_ms, data=content[start : start + size]))
        start += size
    return tuple(found)
