"""What a tool call looks like where it was left in the text: the markup of a template, bare JSON, or a copy of the arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness import asked
from harness.model import Json, Request
from harness.reading import ABSENT, arr, get, obj, parse, text

_MARKUP = re.compile(
    r"<tool_calls?>|<function=|<\|tool_call|\[TOOL_(?:CALLS|REQUEST)\]|<｜tool▁calls▁begin｜>|<\|python_tag\|>|<function_calls?>"
    r"|<invoke name=|<｜DSML｜|```tool_code|\bto=functions\."
)
_FENCE = re.compile(r"\A\s*```\w*\n(.*)\n```\s*\Z", re.DOTALL)
_COPY = 8  # characters: shorter arguments may stand in a text by chance


def found(request: Request, message: dict[str, Json]) -> Iterator[str]:
    """What of a message's content is a call, or the arguments of one of its calls, and not the user's own words."""
    content = text(message.get("content"))
    raw = _MARKUP.search(content)
    if raw and not asked.mentions(request, raw[0]):
        yield raw[0]
    elif _is_call(content, asked.names(request)) and not get(request.body, "response_format"):
        yield content
    else:
        for call in arr(message.get("tool_calls")):
            arguments = text(get(call, "function", "arguments")).strip()
            if len(arguments) >= _COPY and arguments in content and not asked.mentions(request, arguments):
                yield arguments


def _is_call(content: str, offered: set[str]) -> bool:
    """Is it, fenced or not, nothing but JSON that names an offered tool and its arguments?"""
    fenced = _FENCE.match(content)
    written = (fenced[1] if fenced else content).strip()
    if not written.startswith(("{", "[")):
        return False
    document = parse(written)
    calls = document if isinstance(document, list) else [] if document is ABSENT else [document]
    return any(_calls(obj(call), offered) for call in calls)


def _calls(call: dict[str, Json], offered: set[str]) -> bool:
    called = obj(call.get("function")) or call
    return text(called.get("name")) in offered and ("arguments" in called or "parameters" in called)
