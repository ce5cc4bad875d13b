"""What a look-alike is: an oddity that is legal, done to one stage of an answer, and that nothing may be held against.

    @lookalike(Stage.EVENTS, field=["sse-comments-legal"])
    def comments_keep_it_alive(events: list[bytes], asked: Asked) -> list[bytes]:
        \"\"\"Comment lines before the first event and between events (OpenRouter).\"\"\"

The stages and the form are those of faults. Look-alikes are found by their place in `harness/reference/lookalikes/`; the
id is the function's name with hyphens. With any of them the reference server passes every case, and no rule and no
contract finds more than a note (MAY): they guard against false alarms, as faults guard against blindness.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.reference.answer import Asked
from harness.reference.fault import Stage, marked, named


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookalike:
    """A look-alike and what is said about it: who does it. `field` are the reports from the field that it answers."""

    id: str
    stage: Stage
    summary: str
    doc: str
    field: tuple[str, ...]
    change: Callable[[Any, Asked], Any]


_Change = TypeVar("_Change", bound=Callable[[Any, Asked], Any])


def lookalike(stage: Stage, *, field: Iterable[str] = ()) -> Callable[[_Change], _Change]:
    """Make a function a look-alike."""

    def mark(change: _Change) -> _Change:
        change._lookalike = (stage, tuple(field))  # type: ignore[attr-defined]
        return change

    return mark


@functools.cache
def all_lookalikes() -> tuple[Lookalike, ...]:
    """Every marked function of every module in `harness/reference/lookalikes/`, by id."""
    found = [_lookalike(function) for function in marked("harness.reference.lookalikes", "_lookalike")]
    return tuple(sorted(found, key=lambda one: one.id))


def _lookalike(function: Callable[[Any, Asked], Any]) -> Lookalike:
    stage, field = function._lookalike  # type: ignore[attr-defined]
    summary, _, doc = inspect.cleandoc(function.__doc__ or "").partition("\n")
    name = function.__name__.replace("_", "-")
    return Lookalike(id=name, stage=stage, summary=summary, doc=doc.strip(), field=field, change=function)


def lookalikes_named(ids: Sequence[str]) -> tuple[Lookalike, ...]:
    """The look-alikes of these ids, in the order of `ids`. Raises BadInput for an unknown one."""
    return named(ids, all_lookalikes(), "lookalike")
