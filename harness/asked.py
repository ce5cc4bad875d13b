"""What a request asks for: rules and claims decide from it whether they apply, and never trust it either."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model import Json, Request
from harness.reading import arr, get, integer, obj, objects, text


def streamed(request: Request) -> bool:
    """Does it ask for a stream?"""
    return get(request.body, "stream") is True


def usage_in_stream(request: Request) -> bool:
    """Does it ask for the usage chunk?"""
    return get(request.body, "stream_options", "include_usage") is True


def choices(request: Request) -> int:
    """How many choices: `n`, or 1."""
    n = integer(get(request.body, "n"))
    return n if n is not None and n > 0 else 1


def functions(request: Request) -> dict[str, dict[str, Json]]:
    """The functions it offers (name, parameters, strict) by name, of `tools` and of the legacy `functions`."""
    described = [obj(tool.get("function")) for _, tool in objects(get(request.body, "tools"))]
    described += [function for _, function in objects(get(request.body, "functions"))]
    return {text(function.get("name")): function for function in described if text(function.get("name"))}


def names(request: Request) -> set[str]:
    """The names of everything it offers to call, custom tools too."""
    custom = {text(get(tool, "custom", "name")) for _, tool in objects(get(request.body, "tools"))}
    return (custom | functions(request).keys()) - {""}


def offers_tools(request: Request) -> bool:
    """Does it offer anything to call?"""
    return bool(arr(get(request.body, "tools")) or arr(get(request.body, "functions")))


def forces_one_function(request: Request) -> bool:
    """Does it name the function or custom tool that must be called?"""
    choice = obj(get(request.body, "tool_choice"))
    return choice.get("type") in ("function", "custom") or "name" in obj(get(request.body, "function_call"))


def forbids_tools(request: Request) -> bool:
    """Does it say that nothing may be called?"""
    return get(request.body, "tool_choice") == "none" or get(request.body, "function_call") == "none"


def stops(request: Request) -> list[str]:
    """Its stop sequences, without empty ones."""
    stop = get(request.body, "stop")
    return [word for word in ([stop] if isinstance(stop, str) else arr(stop)) if isinstance(word, str) and word]


def most_tokens(request: Request) -> int | None:
    """How many tokens each choice may have, by either name of the parameter."""
    limits = [integer(get(request.body, name)) for name in ("max_completion_tokens", "max_tokens")]
    return max((limit for limit in limits if limit is not None and limit > 0), default=None)


def mentions(request: Request, word: str) -> bool:
    """Does the word stand in the text of its messages? Then an answer may well repeat it."""
    return any(word in said for said in texts(request))


def texts(request: Request) -> Iterator[str]:
    """What its messages say."""
    for _, message in objects(get(request.body, "messages")):
        yield from _texts(message.get("content"))


def _texts(content: Json) -> list[str]:
    return [content] if isinstance(content, str) else [text(part.get("text")) for _, part in objects(content)]
