"""Texts that are told twice, in halves or in garbage."""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.model import Json
from harness.reading import obj, parse, text
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.inside import choices, finishing, parts

_DATA = b"data: "


@fault(Stage.CHUNKS, caught_by=["texts.deltas-are-new"], field=["stream-delta-present"])
def each_delta_is_the_text_so_far(chunks: list[Json], asked: Asked) -> list[Json]:
    """`content` of each delta is all that was said so far (some paths of DashScope, bridges to other programs)."""
    said: dict[object, str] = {}
    for chunk in chunks if _is_plain(asked) else ():
        for choice in choices(chunk):
            delta = obj(choice["delta"])
            if delta.get("content"):
                said[choice["index"]] = said.get(choice["index"], "") + text(delta["content"])
                delta["content"] = said[choice["index"]]
    return chunks


@fault(Stage.CHUNKS, caught_by=["texts.deltas-are-new"])
def the_whole_text_comes_once_more(chunks: list[Json], asked: Asked) -> list[Json]:
    """Before its finish a choice says the whole text once more (streams that end with a full message)."""
    said: dict[object, str] = {}
    fuller: list[Json] = []
    for chunk in chunks:
        for choice in choices(chunk):
            so_far = said.get(choice["index"], "")
            said[choice["index"]] = so_far + text(obj(choice["delta"]).get("content"))
            if finishing(chunk) and so_far and _is_plain(asked):
                fuller.append({**obj(chunk), "choices": [{**choice, "delta": {"content": so_far}, "finish_reason": None}]})
        fuller.append(chunk)
    return fuller


@fault(Stage.EVENTS, caught_by=["texts.has-no-half-characters"], field=["sse-utf8-integrity"])
def characters_come_in_halves(events: list[bytes], asked: Asked) -> list[bytes]:
    """An emoji is two chunks, half of its surrogate pair in each (servers that count in UTF-16)."""
    return [piece for event in events for piece in _halved(event)] if _is_plain(asked) else events


def _halved(event: bytes) -> Iterator[bytes]:
    document = parse(event.removeprefix(_DATA))
    said = next((text(part.get("content")) for part in parts(document)), "") if isinstance(document, dict) else ""
    if said.isascii() or max(said) < "\U00010000":
        yield event
        return
    units = said.encode("utf-16-be", "surrogatepass")
    for start in range(0, len(units), 2):
        for part in parts(document):  # type: ignore[arg-type]
            part["content"] = units[start : start + 2].decode("utf-16-be", "surrogatepass")
        yield _DATA + json.dumps(document).encode() + b"\n\n"


@fault(Stage.EVENTS, caught_by=["texts.is-not-garbled"], field=["sse-utf8-integrity"])
def streams_are_encoded_twice(events: list[bytes], asked: Asked) -> list[bytes]:
    """UTF-8 read as Latin-1 and written as UTF-8 again ("cafÃ©": bridges that read without a charset)."""
    return [event.decode("latin-1").encode() for event in events] if _is_plain(asked) else events


def _is_plain(asked: Asked) -> bool:
    """Is a text wanted, and nothing that has a form of its own?"""
    return not any(asked.body.get(key) for key in ("response_format", "logprobs", "tools", "functions"))
