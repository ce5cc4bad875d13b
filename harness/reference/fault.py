"""What a fault is: one named thing that a real server does wrong, done to one stage of an answer.

    @fault(Stage.CHUNKS, caught_by=["stream.ends-with-done"], field=["stream-done-terminator"])
    def never_says_done(events: list[bytes], asked: Asked) -> list[bytes]:
        \"\"\"Ends a stream without `[DONE]` (Perplexity, GPUStack).\"\"\"

Faults are found by their place in `harness/reference/faults/`; the id is the function's name with hyphens. A fault takes
what a stage has made and gives it back changed; it may change it in place, and may raise Refusal before the answer.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from harness.errors import BadInput
from harness.reference.answer import Asked


class Stage(StrEnum):
    """Where in the making of a reply a fault sits, in this order, and what it is handed."""

    REQUEST = "request"  # Request: as it arrived
    ASKED = "asked"  # dict: the body of a chat request, before it is looked at
    ANSWER = "answer"  # Answer: what the model says
    DOCUMENT = "document"  # dict: the completion, and each chunk
    COMPLETION = "completion"  # dict: the completion
    CHUNKS = "chunks"  # list of dicts: the chunks of a stream
    EVENTS = "events"  # list of bytes: the events of a stream, `[DONE]` among them
    MODELS = "models"  # dict: the list of models, or one
    REFUSAL = "refusal"  # Refusal: why a request is refused
    ERROR = "error"  # dict: the body of an error
    BODY = "body"  # bytes: a JSON body, of a completion, an error or models
    REPLY = "reply"  # Reply: the whole
    MESSAGE_ASKED = "message-asked"  # dict: the body of a request to /messages, before it is looked at
    MESSAGE = "message"  # dict: the message, not streamed
    MESSAGE_EVENTS = "message-events"  # list of dicts: the data of its events
    MESSAGE_BYTES = "message-bytes"  # list of bytes: the events as they are written
    MESSAGE_ERROR = "message-error"  # dict: the body of an error of this API
    MESSAGE_REPLY = "message-reply"  # Reply: the whole, of a message or a refusal

    @property
    def of_messages(self) -> bool:
        """Is it a stage of the Messages API (`/messages`)?"""
        return self.value.startswith("message-") or self is Stage.MESSAGE


class Change(Protocol):
    """What is done to one stage of a reply: a fault, or a look-alike of one (`harness.reference.lookalike`)."""

    @property
    def id(self) -> str: ...

    @property
    def stage(self) -> Stage: ...

    @property
    def change(self) -> Callable[[Any, Asked], Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault and what is said about it.

    `caught_by` are the ids of all rules that report it in any case of the shipped suites, or, where no rule can see it, of
    the cases that do. `field` are the kinds of failure seen in the field that it stands for.
    """

    id: str
    stage: Stage
    summary: str
    doc: str
    caught_by: frozenset[str]
    field: tuple[str, ...]
    change: Callable[[Any, Asked], Any]


_Change = TypeVar("_Change", bound=Callable[[Any, Asked], Any])
_Changing = TypeVar("_Changing", bound=Change)


def fault(stage: Stage, *, caught_by: Iterable[str], field: Iterable[str] = ()) -> Callable[[_Change], _Change]:
    """Make a function a fault."""

    def mark(change: _Change) -> _Change:
        change._fault = (stage, frozenset(caught_by), tuple(field))  # type: ignore[attr-defined]
        return change

    return mark


@functools.cache
def all_faults() -> tuple[Fault, ...]:
    """Every marked function of every module in `harness/reference/faults/`, by id."""
    found = [_fault(function) for function in marked("harness.reference.faults", "_fault")]
    return tuple(sorted(found, key=lambda one: one.id))


def marked(package: str, mark: str) -> Iterator[Callable[[Any, Asked], Any]]:
    """The functions of a package's modules that have a mark, each where it is written."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        name = f"{package}.{module.name}"
        for function in vars(importlib.import_module(name)).values():
            if hasattr(function, mark) and function.__module__ == name:
                yield function


def _fault(function: Callable[[Any, Asked], Any]) -> Fault:
    stage, caught_by, field = function._fault  # type: ignore[attr-defined]
    summary, _, doc = inspect.cleandoc(function.__doc__ or "").partition("\n")
    return Fault(
        id=function.__name__.replace("_", "-"),
        stage=stage,
        summary=summary,
        doc=doc.strip(),
        caught_by=caught_by,
        field=field,
        change=function,
    )


def faults_named(ids: Sequence[str]) -> tuple[Fault, ...]:
    """The faults of these ids, in the order of `ids`. Raises BadInput for an unknown one, with those that look like it."""
    return named(ids, all_faults(), "fault")


def named(ids: Sequence[str], among: Sequence[_Changing], kind: str) -> tuple[_Changing, ...]:
    """Those of `among` that have these ids. `kind` is what they are called. Raises BadInput."""
    known = {one.id: one for one in among}
    for identifier in ids:
        if identifier not in known:
            near = difflib.get_close_matches(identifier, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"`chatcompat list {kind}s` shows those that there are"
            raise BadInput(f"unknown {kind} {identifier!r}: {hint}")
    return tuple(known[identifier] for identifier in ids)
