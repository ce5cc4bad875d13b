"""Evidence for people: the bytes around a finding's place, the whole exchange as text, and a curl line to see it again."""

from __future__ import annotations

import base64
import itertools
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from harness.reading import ABSENT, parse
from harness.report import Document

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of a body. `marked`: a finding is about it; `note`: not of the body, said by us (what was left out)."""

    text: str
    marked: bool = False
    note: bool = False


def body(reply: Mapping[str, Any]) -> list[tuple[int, bytes | int]]:
    """What is kept of a body: offset and bytes, or offset and the number of bytes that were left out."""
    found: list[tuple[int, bytes | int]] = []
    at = 0
    for frame in reply["frames"]:
        kept = _bytes(frame)
        if kept is None:
            found.append((at, frame["omitted"]))
            at += frame["omitted"]
            continue
        if found and isinstance(last := found[-1][1], bytes):
            found[-1] = (found[-1][0], last + kept)
        else:
            found.append((at, kept))
        at += len(kept)
    return found


def _bytes(frame: Mapping[str, Any]) -> bytes | None:
    if "text" in frame:
        return str(frame["text"]).encode("utf-8", "surrogatepass")
    return base64.b64decode(frame["base64"]) if "base64" in frame else None


def pieces(reply: Mapping[str, Any], marks: Sequence[tuple[int, int]] = (), most: int | None = None) -> list[Piece]:
    """A reply's body with the places of findings marked; of a long one, `most` bytes: around the first mark, or the start."""
    stretches = body(reply)
    size = int(reply["bytes"])
    start, end = 0, size
    if most is not None and size > most:
        about = marks[0][0] if marks else 0
        start = max(0, min(about - most // 3, size - most))
        end = start + most
    found: list[Piece] = []
    if start > 0:
        found.append(_left_out(start))
    for at, kept in stretches:
        if isinstance(kept, int):
            if start <= at < end:
                found.append(_left_out(kept))
            continue
        found.extend(_marked(kept, at, max(start, at), min(end, at + len(kept)), marks))
    if end < size:
        found.append(_left_out(size - end))
    if reply["ended"] != "closed":
        found.append(Piece(text=f"[{_ENDINGS.get(reply['ended'], reply['ended'])}]", note=True))
    return found


_ENDINGS: Final = {
    "cut": "the connection broke here",
    "timed-out": "nothing more came, and we stopped waiting",
    "held-open": "the connection stayed open after this",
    "too-large": "more than the limits allow; we stopped reading",
    "hung-up": "we left here, as the step says",
}


def _left_out(count: int) -> Piece:
    return Piece(text=f"[{count:,} bytes left out]", note=True)


def _marked(kept: bytes, at: int, start: int, end: int, marks: Sequence[tuple[int, int]]) -> list[Piece]:
    """The bytes from `start` to `end`, which are in `kept` (it begins at `at`), cut where marks begin and end."""
    edges = {start, end}
    for begins, stops in marks:
        edges.update(edge for edge in (begins, stops) if start < edge < end)
    ordered = sorted(edges)
    found = []
    for left, right in itertools.pairwise(ordered):
        inside = any(begins <= left and right <= stops for begins, stops in marks)
        found.append(Piece(text=kept[left - at : right - at].decode("utf-8", "backslashreplace"), marked=inside))
    return found


def marks(result: Mapping[str, Any], exchange: int) -> list[tuple[int, int]]:
    """The byte ranges that the findings of an exchange are about, notes left out; an empty one is widened to be seen."""
    return [
        (one["bytes"][0], max(one["bytes"][1], one["bytes"][0] + 1))
        for one in result["findings"]
        if one["exchange"] == exchange and one["bytes"] and one["level"] != "may"
    ]


def request_text(request: Mapping[str, Any]) -> str:
    """What was sent, as text: the JSON on one line, or the bytes as they were."""
    if "body" in request:
        return json.dumps(request["body"], ensure_ascii=False)
    return "".join(
        f"[{piece['omitted']:,} bytes left out]"
        if "omitted" in piece
        else (_bytes(piece) or b"").decode("utf-8", "backslashreplace")
        for piece in request.get("pieces", ())
    )


def request_lines(request: Mapping[str, Any]) -> str:
    """What was sent, for reading: JSON indented, short values on one line."""
    said = request_text(request)
    document = request["body"] if "body" in request else parse(said)
    if document is ABSENT:
        return said
    from harness.report.json_ import readable

    return readable(document, width=100)


def curl(document: Document, endpoint: str, request: Mapping[str, Any]) -> str:
    """A command that sends the same again. Keys stand in it by the names of their variables, never by value."""
    profile = document["endpoints"][endpoint]
    own = {name for name, _ in request["headers"]} | set(request.get("without", ()))
    words = ["curl", "-sS", "-i"]
    content = request_text(request)
    if "bytes" in request and '"stream": true' in content:
        words.append("-N")
    if request["method"] != ("POST" if "bytes" in request else "GET"):
        words += ["-X", shlex.quote(request["method"])]
    words.append(_quoted(profile["base_url"].rstrip("/") + request["path"] + _query(profile, request["path"])))
    fields = [*request["headers"], *([name, value] for name, value in profile["headers"].items() if name not in own)]
    if "bytes" in request and not any(name == "content-type" for name, _ in fields):
        fields.insert(0, ["content-type", "application/json"])
    for name, value in fields:
        words += ["-H", _quoted(f"{name}: {_named(value)}")]
    if "bytes" in request:
        words += ["--data-binary", shlex.quote(content)]
    return " ".join(words)


def _query(profile: Mapping[str, Any], path: str) -> str:
    """The query fields of a profile, as the wire adds them."""
    fields = [f"{quote(name, safe='')}={quote(_named(value), safe='${}')}" for name, value in profile.get("query", {}).items()]
    return ("&" if "?" in path else "?") + "&".join(fields) if fields else ""


def _named(value: str) -> str:
    """A value of a profile that may be a credential and has no variable: a variable to fill in."""
    return "${KEY}" if value == "…" else value


def _quoted(text: str) -> str:
    """Quoted for a shell, so that `${NAME}` in it, and only that, is replaced."""
    if not _VARIABLE.search(text):
        return shlex.quote(text)
    parts = _VARIABLE.split(text)
    written = re.sub(r'(["\\$`])', r"\\\1", parts[0])
    for name, after in zip(parts[1::2], parts[2::2], strict=True):
        ends = re.match(r"\w", after) is None
        written += (f"${name}" if ends else f"${{{name}}}") + re.sub(r'(["\\$`])', r"\\\1", after)
    return f'"{written}"'
