"""How canonical requests go over the wire, one module for each dialect; the module's name is the dialect's."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from typing import Protocol, cast

from harness.errors import BadInput
from harness.model import Reply, Request
from harness.reading import brief


class Dialect(Protocol):
    """What a module of this package has."""

    TERMINATOR: re.Pattern[bytes]
    """Finds what ends an event stream, with the end of the line before it: after that, the connection should close."""

    def outgoing(self, request: Request) -> Request:
        """The request as it goes on the wire."""

    def incoming(self, request: Request, reply: Reply) -> Reply:
        """The reply as the canonical request's would be. `request` is the canonical one."""


def names() -> tuple[str, ...]:
    """The dialects that there are."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


@functools.cache
def dialect(name: str) -> Dialect:
    """The dialect of that name. Raises BadInput where there is none."""
    if name not in names():
        raise BadInput(f"there is no dialect {brief(name)}; there are: {', '.join(names())}")
    return cast(Dialect, importlib.import_module(f"{__name__}.{name}"))
