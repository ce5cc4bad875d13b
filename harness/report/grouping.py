"""Results by endpoint, gone through once: a report may be of a thousand endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

Result = TypeVar("Result", bound=Mapping[str, Any])


def by_endpoint(results: Iterable[Result]) -> dict[str, list[Result]]:
    """The results of each endpoint that has any, in their order."""
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result["endpoint"], []).append(result)
    return found
