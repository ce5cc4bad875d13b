"""What the cases of the suites send: each path of a request, and each value that is a word or a switch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from harness.model import Case, Json, Step, Suite
from harness.reading import obj, parse

_CHAT = "/chat/completions"
_DEEPEST = 8


def valued(path: str, value: Json) -> str:
    """A path with its value: `stream=true`, `tool_choice=auto`."""
    return f"{path}={str(value).lower() if isinstance(value, bool) else value}"


def by_cases(suites: Sequence[Suite]) -> dict[str, set[str]]:
    """Path (`tools[].function.name`), with and without its value → the cases that send it."""
    found: dict[str, set[str]] = defaultdict(set)
    for suite in suites:
        for case in suite.cases:
            for step in case.steps:
                for path in _sent(case, step):
                    found[path].add(case.path)
    return found


def _sent(case: Case, step: Step) -> Iterator[str]:
    body = step.request
    if step.http is not None and step.http.path == _CHAT:
        body = obj(step.http.body) or (obj(parse(step.http.raw)) if step.http.raw is not None else {})
    elif step.request is not None and "stream" not in step.request:
        yield from ("stream", *(valued("stream", mode) for mode in case.stream))
    for key, value in (body or {}).items():
        yield from _paths(key, value)


def _paths(path: str, value: Json, depth: int = 0) -> Iterator[str]:
    yield path
    if isinstance(value, str | bool):
        yield valued(path, value)
    elif depth < _DEEPEST and isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(f"{path}.{key}", item, depth + 1)
    elif depth < _DEEPEST and isinstance(value, list):
        for item in value:
            yield from _paths(f"{path}[]", item, depth + 1)
