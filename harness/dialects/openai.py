"""Chat Completions as it is: what is canonical is what goes on the wire."""

from __future__ import annotations

import re
from typing import Final

from harness.model import Reply, Request

TERMINATOR: Final = re.compile(rb"[\r\n]data: ?\[DONE\]")


def outgoing(request: Request) -> Request:
    """The request itself."""
    return request


def incoming(request: Request, reply: Reply) -> Reply:
    """The reply itself."""
    del request
    return reply
