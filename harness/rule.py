"""What a standing rule is: one function of an exchange, found by its place in `harness/rules/`.

    @must(DOCUMENT)
    def ends_with_done(x: ChatStreamed) -> Problems:
        \"\"\"The last event is `[DONE]`, and no other is.

        Why, in prose.

        Clients: which break, and how.
        Servers: which were seen doing it.
        Fix: what the server's author changes.
        Sources: owner/repository#1, owner/repository#2
        \"\"\"

The id of a rule is its module and its function: `stream.ends-with-done`. The type of its parameter says which exchanges
it looks at. It yields problems, a message each or a `Problem` with its place; silence is a pass. A rule is total: any
JSON in, problems out, never an exception.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from harness.model import Evidence, Exchange, Finding, Level


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule found, and where: see `harness.model.Finding.at`."""

    message: str
    at: str | None = None


DOCUMENT: Final = "openai/openai-openapi f85dbe2, 2026-08-21"
"""Where a source is the published document: add the component."""
RECORDED: Final = "21,944 recorded exchanges, 2026-11"
"""Where a source is what api.openai.com was seen to do: add the count, and add who does otherwise."""

Problems: TypeAlias = Iterable[str | Problem]
_Check = TypeVar("_Check", bound=Callable[[Any], Problems])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule and what is said about it. `instead_of` are contract places it answers for: `/choices/*/index`.

    `source` is what it rests on; `sources` are further reports of the same failure, as `owner/repository#number`.
    `translated`: it asks what an answer means, and so judges what another API said too, told in the form of chat.
    """

    id: str
    level: Level
    summary: str
    doc: str
    clients: str = ""
    servers: str = ""
    fix: str = ""
    source: str
    sources: tuple[str, ...] = ()
    looks_at: tuple[type[Exchange], ...]
    needs: frozenset[Evidence]
    instead_of: tuple[str, ...]
    check: Callable[[Any], Problems]
    translated: bool = False

    def applies(self, exchange: Exchange) -> bool:
        """Is the exchange of the kind it looks at, and is the evidence that it needs there?"""
        return isinstance(exchange, self.looks_at) and not self.needs & exchange.reply.lost

    def findings(self, exchange: Exchange) -> Iterator[Finding]:
        """Its problem with an exchange that it applies to: one finding, the first place and how many there are.

        A stream of 500 chunks with one defect in each has one defect.
        """
        found = 0
        for problem in self.check(exchange):
            found += 1
            if found == 1:
                first = Problem(problem) if isinstance(problem, str) else problem
        if found:
            message = first.message if found == 1 else f"{first.message} (the first of {found} places)"
            yield Finding(rule=self.id, level=self.level, message=message, at=first.at)


def must(source: str, **how: Any) -> Callable[[_Check], _Check]:
    """A rule whose breach breaks real clients. `source`: the document, recording or issue that it rests on.

    Keywords: `needs`, the Evidence without which it does not apply; `instead_of`, contract places it answers for;
    `translated`, it judges what another API's answer means too.
    """
    return _marked(Level.MUST, source, **how)


def should(source: str, **how: Any) -> Callable[[_Check], _Check]:
    """A rule that api.openai.com always keeps and some clients mind."""
    return _marked(Level.SHOULD, source, **how)


def may(source: str, **how: Any) -> Callable[[_Check], _Check]:
    """A note: an extension, or something that only the published document forbids."""
    return _marked(Level.MAY, source, **how)


def _marked(
    level: Level, source: str, *, needs: Iterable[Evidence] = (), instead_of: Iterable[str] = (), translated: bool = False
) -> Callable[[_Check], _Check]:
    def mark(check: _Check) -> _Check:
        check._rule = (level, source, frozenset(needs), tuple(instead_of), translated)  # type: ignore[attr-defined]
        return check

    return mark


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """Every marked function of every module in `harness/rules/`, by id."""
    package = importlib.import_module("harness.rules")
    found = [
        _rule(module.name, function)
        for module in pkgutil.iter_modules(package.__path__)
        for function in vars(importlib.import_module(f"harness.rules.{module.name}")).values()
        if hasattr(function, "_rule") and function.__module__ == f"harness.rules.{module.name}"
    ]
    return tuple(sorted(found, key=lambda rule: rule.id))


_SECTIONS: Final = ("Clients", "Servers", "Fix", "Sources")


def explained(docstring: str) -> dict[str, str]:
    """What a rule's docstring says: `Summary`, `Why`, and each of its sections on one line; "" where there is none.

    A section begins with a line `Name: …` and goes on until the next one.
    """
    summary, _, rest = inspect.cleandoc(docstring).partition("\n")
    found: dict[str, list[str]] = {name: [] for name in ("Why", *_SECTIONS)}
    current = "Why"
    for line in rest.splitlines():
        name, colon, begin = line.partition(":")
        if colon and name in _SECTIONS:
            current, line = name, begin
        found[current].append(line if current == "Why" else line.strip())
    why = "\n".join(found.pop("Why")).strip()
    return {"Summary": summary, "Why": why, **{name: " ".join(filter(None, lines)) for name, lines in found.items()}}


def _rule(module: str, function: Callable[[Any], Problems]) -> Rule:
    level, source, needs, instead_of, translated = function._rule  # type: ignore[attr-defined]
    said = explained(function.__doc__ or "")
    (parameter,) = [hint for name, hint in typing.get_type_hints(function).items() if name != "return"]
    union = isinstance(parameter, types.UnionType) or typing.get_origin(parameter) is typing.Union
    return Rule(
        id=f"{module}.{function.__name__}".replace("_", "-"),
        level=level,
        summary=said["Summary"],
        doc=said["Why"],
        clients=said["Clients"],
        servers=said["Servers"],
        fix=said["Fix"],
        source=source,
        sources=tuple(said["Sources"].split(", ")) if said["Sources"] else (),
        looks_at=typing.get_args(parameter) if union else (parameter,),
        needs=needs,
        instead_of=instead_of,
        check=function,
        translated=translated,
    )
