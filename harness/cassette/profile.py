"""The profile that an endpoint was recorded with, kept beside its cassettes, so that a replay needs no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from harness import load
from harness.cassette import scalars
from harness.cassette.file import replace_file
from harness.model import HEADROOM, Endpoint, Limits, Retry, Statement
from harness.wire.network import holds_literal_credential

FILE: Final = "endpoint.yaml"
REDACTED: Final = "REDACTED"


def endpoints(folder: Path) -> tuple[Endpoint, ...]:
    """The endpoints that there are cassettes of, by name. Raises BadFile with every slip of a profile."""
    return tuple(load.endpoint(file) for file in sorted(folder.glob(f"*/{FILE}")))


def write_profile(folder: Path, endpoint: Endpoint, recorded: Mapping[str, str]) -> None:
    """Writes the profile that cassettes in `folder` were recorded with. `recorded`: server, version, date."""
    replace_file(folder / endpoint.name / FILE, profile_text(endpoint, recorded))


def profile_text(endpoint: Endpoint, recorded: Mapping[str, str]) -> str:
    """The profile as it was loaded: variables stay `${NAME}`, and what may be a key is left out."""
    parts = urlsplit(endpoint.base_url)
    public = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    document: dict[str, object] = {
        "name": endpoint.name,
        "title": endpoint.title,
        "base_url": public,
        "dialect": endpoint.dialect,
        "model": endpoint.model,
        "models": endpoint.models,
        "token_field": endpoint.token_field,
        "thinks": endpoint.thinks,
        "headroom": endpoint.headroom if endpoint.headroom != HEADROOM else None,
        "headers": {name: _public(name, value) for name, value in endpoint.headers.items()},
        "optional_headers": {name: _public(name, value) for name, value in endpoint.optional_headers.items()},
        "query": {name: _public(name, value) for name, value in endpoint.query.items()},
        "context": endpoint.context,
        "has": {feature: _statement(said) for feature, said in endpoint.has.items()},
        "lacks": {feature: _statement(said) for feature, said in endpoint.lacks.items()},
        "known": {
            name: {"issue": accepted.issue, **({"until": accepted.until} if accepted.until else {})}
            for name, accepted in endpoint.known.items()
        },
        "retry": _changed(endpoint.retry, Retry()),
        "limits": _changed(endpoint.limits, Limits()),
        "notes": endpoint.notes,
        "recorded": recorded,
    }
    shown = {key: value for key, value in document.items() if value not in (None, "", {})}
    return "\n".join(_lines(shown, "")) + "\n"


def _public(name: str, value: str) -> str:
    return REDACTED if holds_literal_credential(name, value) else value


def _statement(said: Statement) -> object:
    if not said.says and said.checked is None:
        return said.link
    written = {"says": said.link, "checked": said.checked, "how": said.says}
    return {key: value for key, value in written.items() if value}


def _changed(value: Retry | Limits, default: Retry | Limits) -> dict[str, object]:
    names = [field.name for field in fields(value)]
    return {name: getattr(value, name) for name in names if getattr(value, name) != getattr(default, name)}


def _lines(document: Mapping[str, object], blanks: str) -> Iterator[str]:
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield f"{blanks}{scalars.text(key)}:"
            yield from _lines(value, f"{blanks}  ")
        elif isinstance(value, tuple):
            yield f"{blanks}{scalars.text(key)}: [{', '.join(str(one) for one in value)}]"
        elif isinstance(value, bool):
            yield f"{blanks}{scalars.text(key)}: {'true' if value else 'false'}"
        elif isinstance(value, int | float):
            yield f"{blanks}{scalars.text(key)}: {value}"
        else:
            yield f"{blanks}{scalars.text(key)}: {scalars.text(str(value))}"
