"""The choices of an answer, whether it came whole or in chunks, each with the place where it stands."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from harness.model import ChatCompleted, ChatStreamed, Ending, Exchange, Json, Streamed
from harness.reading import get, integer, obj, objects

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Choice:
    """An object of a `choices` array. `at` is its place; `index` what it says it is, or 0 where it does not say."""

    at: str
    index: int
    said: dict[str, Json]
    chunk: int = 0

    @property
    def message(self) -> dict[str, Json]:
        """Its message, or an empty object."""
        return obj(self.said.get("message"))

    @property
    def delta(self) -> dict[str, Json]:
        """Its delta, or an empty object."""
        return obj(self.said.get("delta"))

    @property
    def calls(self) -> Iterator[tuple[str, dict[str, Json]]]:
        """The tool calls of its message or delta, with their places."""
        part = "message" if "message" in self.said else "delta"
        for position, call in objects(get(self.said, part, "tool_calls")):
            yield f"{self.at}/{part}/tool_calls/{position}", call


@dataclass(frozen=True, slots=True)
class Call:
    """What the deltas of one tool call add up to: the deltas of one choice that have one `index`."""

    choice: int
    index: int
    deltas: list[tuple[str, dict[str, Json]]]


def cut(x: Exchange) -> bool:
    """Is the end of the reply missing?"""
    return x.reply.ended in (Ending.CUT, Ending.TIMED_OUT, Ending.TOO_LARGE) or (
        isinstance(x, Streamed) and x.framing.stopped_at is not None
    )


def whole(x: Exchange) -> bool:
    """Did the answer come to its own end: neither cut, nor given up with an error in the stream?"""
    return not cut(x) and not (isinstance(x, Streamed) and x.failed_at is not None)


def _worked_out_once(work: Callable[[ChatStreamed], Iterable[_Item]]) -> Callable[[ChatStreamed], tuple[_Item, ...]]:
    """What it yields, kept for the stream that was asked about last: dozens of rules ask the same of one stream in turn."""
    latest: tuple[ChatStreamed | None, tuple[_Item, ...]] = (None, ())

    @functools.wraps(work)
    def kept(x: ChatStreamed) -> tuple[_Item, ...]:
        nonlocal latest
        of, result = latest
        if of is not x:
            result = tuple(work(x))
            latest = (x, result)  # in one assignment, so that no other thread sees half of it
        return result

    return kept


@_worked_out_once
def chunks(x: ChatStreamed) -> Iterator[tuple[int, dict[str, Json]]]:
    """The chunks that are objects, up to an in-band error, with their positions."""
    for position, chunk in enumerate(x.chunks[: x.failed_at]):
        if isinstance(chunk.body, dict):
            yield position, chunk.body


@_worked_out_once
def pieces(x: ChatStreamed) -> Iterator[Choice]:
    """Every choice of every chunk, up to an in-band error."""
    for position, chunk in chunks(x):
        for place, choice in objects(chunk.get("choices")):
            yield Choice(f"chunks/{position}/choices/{place}", integer(choice.get("index")) or 0, choice, position)


def answers(x: ChatCompleted | ChatStreamed) -> Iterator[Choice]:
    """The choices of the answer: of the document, or of what the chunks add up to."""
    for place, choice in objects(get(x.body, "choices")):
        yield Choice(f"/choices/{place}", integer(choice.get("index")) or 0, choice)


def parts(x: ChatCompleted | ChatStreamed) -> Iterable[Choice]:
    """The choices as they were sent: of the document, or of every chunk."""
    return pieces(x) if isinstance(x, ChatStreamed) else answers(x)


@_worked_out_once
def calls(x: ChatStreamed) -> Iterable[Call]:
    """The tool calls of a stream by choice and index, in the order in which they begin. A delta without index is left out."""
    found: dict[tuple[int, int], Call] = {}
    for piece in pieces(x):
        for at, delta in piece.calls:
            index = integer(delta.get("index"))
            if index is not None:
                call = found.setdefault((piece.index, index), Call(piece.index, index, []))
                call.deltas.append((at, delta))
    return found.values()
