"""What a word after `--endpoint` may have been meant for, where it names no endpoint; and a base URL that lacks its /v1."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from harness.errors import BadInput

_HOST: Final = re.compile(r"(?P<host>\[[0-9a-f:]+\]|[a-z0-9-]+(\.[a-z0-9-]+)*)(?P<port>:\d+)?(/\S*)?", re.IGNORECASE)
_LOCAL: Final = re.compile(r"localhost|\d+\.\d+\.\d+\.\d+|\[.*\]")


def check(word: str, profiles: Collection[str], recorded: Collection[str], cassettes: Path) -> None:
    """Raises BadInput for a URL without its scheme, and for the name of recordings where a server is to be asked."""
    if word in profiles or "://" in word:
        return
    if word in recorded:
        raise BadInput(
            f"--endpoint {word}: is recorded, but no profile of that name is shipped; replay the recordings with --mode replay,"
            f" or name the profile they were made with: --endpoint {cassettes / word / 'endpoint.yaml'}"
        )
    found = _HOST.fullmatch(word)
    if found and (found["port"] or ("/" in word and ("." in found["host"] or found["host"] == "localhost"))):
        if word.endswith((".yaml", ".yml", ".json")) or Path(word).exists():
            return
        scheme = "http" if found["port"] or _LOCAL.fullmatch(found["host"]) else "https"
        raise BadInput(f"--endpoint {word}: a URL begins with http:// or https://; write {scheme}://{word}")


def without_version(base_url: str, said: str) -> str:
    """`said`, with a hint where it tells of a 404 and the base URL ends without the `/v1` that most have."""
    if not re.search(r"\banswered 404\b", said) or re.search(r"/v\d", urlsplit(base_url).path):
        return said
    url = base_url.rstrip("/")
    return f"{said}; is it {url}/v1? `chatcompat doctor {url}` tells"
