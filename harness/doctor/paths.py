"""Where else the base URL may be, and the commands that say so. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

MOST: Final = 6
"""As many other paths are tried."""

_DOUBLED: Final = re.compile(r"((?:/v\d+\w*))\1+(?=/|$)")
_VERSION: Final = re.compile(r"/v\d+\w*$")
_COMMON: Final = ("/v1", "/api/v1", "/openai/v1", "/api", "")


def origin(base_url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}"


def others(base_url: str) -> tuple[str, ...]:
    """Base URLs of the same host that may be meant instead: a version once that is there twice, with a version where there is
    none, without one, and where others have it."""
    path = urlsplit(base_url).path.rstrip("/")
    tried = [_DOUBLED.sub(r"\1", path)]
    tried.append(_VERSION.sub("", path) if _VERSION.search(path) else f"{path}/v1")
    return tuple(origin(base_url) + one for one in dict.fromkeys([*tried, *_COMMON]) if one != path)[:MOST]


def difference(given: str, right: str) -> str:
    """What is wrong with the path of the first, in words."""
    before, after = urlsplit(given).path.rstrip("/"), urlsplit(right).path.rstrip("/")
    if _DOUBLED.search(before) and _DOUBLED.sub(r"\1", before) == after:
        return f"{_DOUBLED.search(before)[1]} is there twice"  # type: ignore[index]
    if after == f"{before}/v1":
        return "/v1 is missing"
    if before.startswith(after) and after != before:
        return f"{before[len(after) :]} is too much"
    return f"the path is {after or '/'}"
