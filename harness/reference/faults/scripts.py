"""Text that does not arrive as it was sent, because it is of another script or has characters that mean something somewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain

from harness.model import Json, Request
from harness.reading import arr, get, objects, text
from harness.reference import tokens
from harness.reference.answer import Answer, Asked, Call, Turn
from harness.reference.conversation import texts
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal


def _crash(said: str) -> Refusal:
    return Refusal(said, status=500, kind="server_error")


def _said(body: dict[str, Json]) -> str:
    return "\n".join(chain.from_iterable(texts(message) for _, message in objects(body.get("messages"))))


def _misread(said: str) -> str:
    """UTF-8 that was read as Latin-1."""
    return said.encode("utf-8", "replace").decode("latin-1")


@fault(Stage.ANSWER, caught_by=["texts.is-not-garbled"])
def text_is_read_as_latin_1(answer: Answer, asked: Asked) -> Answer:
    """`Ã©` for `é`: bytes of UTF-8 that were read as Latin-1 (proxies on `requests`, where a header names no charset)."""
    if asked.body.get("response_format"):
        return answer
    return replace(answer, turns=tuple(map(_misread_turn, answer.turns)))


def _misread_turn(turn: Turn) -> Turn:
    if turn.text is None or turn.text.isascii():
        return turn
    return replace(turn, tokens=tuple(tokens.split(_misread(turn.text))), scores=None)


@fault(Stage.ANSWER, caught_by=["asked.strict-arguments-follow-the-schema"])
def arguments_are_read_as_latin_1(answer: Answer, asked: Asked) -> Answer:
    """The same in the arguments of calls alone, which another piece of code writes (bridges)."""

    def misread(call: Call) -> Call:
        return replace(call, tokens=tuple(tokens.split(_misread(call.text))))

    return replace(answer, turns=tuple(replace(turn, calls=tuple(map(misread, turn.calls))) for turn in answer.turns))


@fault(Stage.REQUEST, caught_by=["unicode/escaped"])
def pairs_of_escapes_are_lost(request: Request, asked: Asked) -> Request:
    """Each half of a pair of escapes becomes a question mark (JSON parsers that know no surrogates)."""
    content = re.sub(rb"\\ud[89a-f][0-9a-f]{2}", b"?", request.content or b"")
    return request if request.content is None else replace(request, content=content)


@fault(Stage.EVENTS, caught_by=["framing.data-is-json", "framing.no-stray-lines"], field=["sse-utf8-integrity"])
def events_end_at_any_line_separator(events: list[bytes], asked: Asked) -> list[bytes]:
    """A stream that was taken apart at U+2028, U+2029 and U+0085 and put together at line feeds (`splitlines()` in proxies)."""
    return [re.sub("[\u2028\u2029\u0085]", "\n", event.decode()).encode() for event in events]


@fault(Stage.BODY, caught_by=["reply.is-json"])
def control_characters_stand_raw(content: bytes, asked: Asked) -> bytes:
    """Tabs and escapes as they are within the texts of a JSON document (JSON that is put together by hand)."""
    return content.replace(b"\\t", b"\t").replace(b"\\u001b", b"\x1b")


@fault(Stage.ASKED, caught_by=["unicode/long-word"])
def crashes_on_long_words(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for a word of more than a thousand letters (tokenizers with a limit)."""
    if re.search(r"\w{1000}", _said(body)):
        raise _crash("Token sequence is longer than max_input_chars_per_word")
    return body


@fault(Stage.ASKED, caught_by=["unicode/special-tokens"])
def crashes_on_special_tokens(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for the name of a special token in a text: "disallowed special token" (gateways that count with tiktoken)."""
    if "<|endoftext|>" in _said(body):
        raise _crash("Encountered text corresponding to disallowed special token '<|endoftext|>'.")
    return body


@fault(Stage.ASKED, caught_by=["asked.stop-is-not-in-the-text"])
def stops_at_ascii_alone(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A stop sequence beyond ASCII is never met: single tokens are compared (local servers)."""
    stop = body.get("stop")
    if not isinstance(stop, list):
        return body
    return {**body, "stop": [word for word in stop if text(word).isascii()] or None}


@fault(Stage.ASKED, caught_by=["unicode/tool-keys"])
def refuses_keys_beyond_ascii(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a property of a tool whose name is not of `a-zA-Z0-9_.-` (Anthropic's API behind bridges)."""
    for tool in arr(body.get("tools")):
        names = get(tool, "function", "parameters", "properties")
        if isinstance(names, dict) and not all(name.isascii() for name in names):
            raise Refusal("Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'", param="tools")
    return body


@fault(Stage.ASKED, caught_by=["unicode/schema"])
def grammars_are_of_ascii(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a schema with a key beyond ASCII (grammar compilers that read bytes)."""
    names = get(body.get("response_format"), "json_schema", "schema", "properties")
    if isinstance(names, dict) and not all(name.isascii() for name in names):
        raise Refusal("Failed to compile the grammar", param="response_format")
    return body
