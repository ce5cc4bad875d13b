"""How canonical requests go over the wire, one module for each dialect; the module's name is the dialect's.

Modules whose names begin with an underscore are parts of one.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from dataclasses import dataclass
from typing import Protocol, cast

from harness.errors import BadInput
from harness.model import Endpoint, Exchange, Reply, Request
from harness.reading import brief


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEquivalent:
    """What a request asks for, as a path in it (`logprobs`, `messages[].name`), has no form in the dialect's API."""

    parameter: str


class Dialect(Protocol):
    """What a module of this package has."""

    TERMINATOR: re.Pattern[bytes]
    """Finds what ends an event stream, with the end of the line before it: after that, the connection should close."""

    def outgoing(self, request: Request, endpoint: Endpoint) -> Request | NoEquivalent:
        """The request as it goes on the wire; or what in it cannot be said there, and so is not sent."""

    def incoming(self, request: Request, sent: Request, reply: Reply) -> Exchange:
        """The exchange of the canonical request, and of what was `sent` in its place."""


def names() -> tuple[str, ...]:
    """The dialects that there are."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


@functools.cache
def dialect(name: str) -> Dialect:
    """The dialect of that name. Raises BadInput where there is none."""
    if name not in names():
        raise BadInput(f"there is no dialect {brief(name)}; there are: {', '.join(names())}")
    return cast(Dialect, importlib.import_module(f"{__name__}.{name}"))
