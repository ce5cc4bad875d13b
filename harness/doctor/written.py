"""An endpoint's profile from what was learned of it, as YAML; each key says where it comes from. Pure."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from harness.cassette import scalars
from harness.doctor.diagnosis import Facts
from harness.wire.network import is_loopback

_SLOW_S: Final = 10.0
_OF_ONES_OWN: Final = {"concurrency": 2, "first_byte_s": 120, "idle_s": 60, "timeout_s": 300}
_GIVEN: Final = "as given"


def profile(facts: Facts, *, file: str, seen: bool) -> str:
    """The text of a profile; `seen` is false where the endpoint was not asked. `file` is what it will be called."""
    return "\n".join(_lines(facts, file, seen)) + "\n"


def _lines(facts: Facts, file: str, seen: bool) -> Iterator[str]:
    endpoint, sources = facts.endpoint, facts.sources
    how = "from what it answered" if seen else "without asking it (--offline): check each line"
    yield f"# Written by `chatcompat init`, {how}."
    yield f"# Judge it: chatcompat run --endpoint {file}"
    yield f"name: {scalars.text(endpoint.name)} # of its host and port; it names a folder where it is recorded"
    yield f"title: {scalars.text(endpoint.title)}"
    yield f"base_url: {scalars.text(endpoint.base_url)} # {sources.get('base_url', _GIVEN)}"
    if endpoint.dialect != "openai":
        yield f"dialect: {endpoint.dialect}"
    if endpoint.model is None:
        yield "# model: which one? without it, the only one that /models lists is taken"
    else:
        yield f"model: {scalars.text(endpoint.model)} # {sources.get('model', _GIVEN)}"
    if endpoint.models_path is None:
        yield f"models_path: null # {sources.get('models_path', 'there is no list')}"
    if endpoint.headers:
        yield f"headers: # {sources.get('headers', _GIVEN)}; a key stays in the environment"
        yield from (f"  {scalars.text(name)}: {scalars.text(value)}" for name, value in endpoint.headers.items())
    learned = endpoint.learned.get(endpoint.model or "")
    if learned is not None and learned.token_field is not None:
        yield f"token_field: {learned.token_field} # found: a request with it was answered"
    if learned is not None and learned.thinks is not None:
        does = "it thinks before it answers, so limits get headroom" if learned.thinks else "it answers at once"
        yield f"thinks: {'true' if learned.thinks else 'false'} # found: {does}"
    limits, why = _limits(facts)
    if limits:
        yield f"limits: # {why}"
        yield from (f"  {name}: {value}" for name, value in limits.items())


def _limits(facts: Facts) -> tuple[Mapping[str, int], str]:
    """Limits that differ from what holds for all, and why."""
    if _is_near(urlsplit(facts.endpoint.base_url).hostname or ""):
        return _OF_ONES_OWN, "for a server of one's own, which may have one graphics card, or none"
    if facts.slow_s is not None and facts.slow_s > _SLOW_S:
        first_s = math.ceil(facts.slow_s * 6)
        limits = {"first_byte_s": first_s, "timeout_s": max(120, 2 * first_s)}
        return limits, f"found: one short answer took {facts.slow_s:.0f} s"
    return {}, ""


def _is_near(host: str) -> bool:
    if is_loopback(host) or host.endswith(".local"):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False
