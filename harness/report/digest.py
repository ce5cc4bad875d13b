"""What was asked and what was answered, each in one word: so two reports can be compared without the exchanges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from harness.model import Exchange


def digests(exchanges: Sequence[Exchange]) -> dict[str, str | None]:
    """`asked` of the requests and `answered` of the replies of a trial, in order; null where nothing was exchanged.

    Equal words: the same bytes. Headers and times are left out: no two replies have the same.
    """
    if not exchanges:
        return {"asked": None, "answered": None}
    return {
        "asked": _digest(part for one in exchanges for part in (_line(one), one.request.content or b"")),
        "answered": _digest(part for one in exchanges for part in (str(one.reply.status).encode(), one.reply.content)),
    }


def _line(exchange: Exchange) -> bytes:
    return f"{exchange.request.method} {exchange.request.path}".encode()


def _digest(parts: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()[:16]
