"""Chat Completions as it is: what is canonical is what goes on the wire."""

from __future__ import annotations

import re
from typing import Final

from harness import answer
from harness.model import Endpoint, Exchange, Reply, Request

TERMINATOR: Final = re.compile(rb"[\r\n]data: ?\[DONE\]")


def outgoing(request: Request, endpoint: Endpoint) -> Request:
    """The request itself."""
    del endpoint
    return request


def incoming(request: Request, sent: Request, reply: Reply) -> Exchange:
    """What the reply makes of the request."""
    del sent
    return answer.exchange(request, reply)
