"""What is said, character by character: nothing twice, nothing garbled, nothing in halves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness import asked
from harness.choices import answers, parts, pieces
from harness.model import ChatCompleted, ChatStreamed, Evidence, Json, Request
from harness.reading import brief, get, objects, text
from harness.rule import RECORDED, Problem, Problems, must

_MANY = 12  # characters: no token repeats as much of what was said before by chance
_FOREIGN = re.compile(r"[^\x00-\x7f]{1,40}")
_HALF = re.compile(r"[\ud800-\udfff]")
_MOST_WORDS = 200
_DECODED_AS = ("latin-1", "cp1252")


@must("QwenLM/qwen-code#3896, swuecho/chat#687, abundantbeing/hermes-browser-extension#11")
def deltas_are_new(x: ChatStreamed) -> Problems:
    """A delta adds to the text: it does not tell again what was said before.

    What comes is put behind what is there, so that a text told again from its start stands there twice, or in each of its
    stages.

    Clients: Every program shows the answer over and over, growing; JSON that was asked for does not parse. Qwen Code keeps
    a table of what it has seen to undo it.
    Servers: Some paths of DashScope, bridges to programs whose own streams tell the text so far, and servers that end with
    the whole text once more.
    Fix: Send the part behind what was sent last, and in the last delta nothing.
    """
    said: dict[int, list[str]] = {}
    length: dict[int, int] = {}  # summed up once: the chunks may be many
    for piece in pieces(x):
        content = text(piece.delta.get("content"))
        before = said.setdefault(piece.index, [])
        whole_again = len(content) == length.get(piece.index, 0) and len(before) > 1 and content == "".join(before)
        if len(content) >= _MANY and (whole_again or _grows(content, before)):
            yield Problem(f"content {brief(content)} begins with all that was said before", f"{piece.at}/delta/content")
        if content:
            before.append(content)
            length[piece.index] = length.get(piece.index, 0) + len(content)


def _grows(content: str, before: list[str]) -> bool:
    """Is it the third in a row that begins with the one before and goes on?"""
    if len(before) < 2 or not len(content) > len(before[-1]) > len(before[-2]):
        return False
    return content.startswith(before[-1]) and before[-1].startswith(before[-2])


@must("elie222/rakazo#416, Kohaku-Lab/KohakuTerrarium#48, elizaOS/eliza#30904; RFC 8259, section 8.2")
def has_no_half_characters(x: ChatCompleted | ChatStreamed) -> Problems:
    """No text has half of a character: one code unit of a surrogate pair without the other.

    Emoji and rare letters are two units of UTF-16. `\"\\ud83d\"` in one chunk and `\"\\ude00\"` in the next are legal JSON,
    and no text.

    Clients: Python raises UnicodeEncodeError ("surrogates not allowed") where the text is printed or saved, PostgreSQL
    refuses it ("low surrogate must follow"), Go and Rust put U+FFFD in its place.
    Servers: Some models behind OpenRouter; servers in JavaScript and Java that cut texts by their length.
    Fix: Keep the first half back until the second has come, and cut texts between characters.
    """
    for choice in parts(x):
        part = "message" if "message" in choice.said else "delta"
        for at, said in _texts((choice.message or choice.delta), f"{choice.at}/{part}"):
            if _HALF.search(said):
                yield Problem(f"{brief(said.encode('ascii', 'backslashreplace').decode())}", at)


@must(f"mozilla-ai/llamafile#727, ggml-org/llama.cpp#4036; {RECORDED}: never by api.openai.com", needs=[Evidence.REQUEST])
def is_not_garbled(x: ChatCompleted | ChatStreamed) -> Problems:
    """Words beyond ASCII come back as they were sent, not as their UTF-8 bytes read in another encoding.

    "café" as "cafÃ©": somewhere on the way bytes were decoded as Latin-1 or Windows-1252, and encoded again.

    Clients: Nothing raises. Users read garbage in every language but English, and what is saved stays so.
    Servers: Bridges on Windows, and servers that read a body whose label names no charset as Latin-1 (old Java and .NET).
    Fix: Decode requests and write replies as UTF-8 whatever the label says: JSON is UTF-8.
    """
    garbled = _garbled(x.request)
    if garbled:
        for choice in answers(x):
            content = text(choice.message.get("content"))
            for broken, word in garbled:
                if broken in content and not asked.mentions(x.request, broken):
                    yield Problem(f"content has {brief(broken)} for {brief(word)}", f"{choice.at}/message/content")
                    break


def _texts(part: dict[str, Json], at: str) -> Iterator[tuple[str, str]]:
    for key in ("content", "refusal", "reasoning_content", "reasoning"):
        if isinstance(part.get(key), str):
            yield f"{at}/{key}", text(part[key])
    for place, call in objects(part.get("tool_calls")):
        yield f"{at}/tool_calls/{place}/function/arguments", text(get(call, "function", "arguments"))


def _garbled(request: Request) -> list[tuple[str, str]]:
    """The words beyond ASCII of a request as they look when they are decoded wrongly, and as they are."""
    said = " ".join(asked.texts(request))
    if said.isascii():
        return []
    found: dict[str, str] = {}
    for word in _FOREIGN.findall(said)[:_MOST_WORDS]:
        for encoding in _DECODED_AS:
            try:
                found.setdefault(word.encode("utf-8").decode(encoding), word)
            except UnicodeError:
                continue
    return list(found.items())
