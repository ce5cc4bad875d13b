"""What the reference model wants to say: it follows instructions of a few plain forms, whatever the words in them.

    Repeat exactly: W        Say W.                    What is the K?      (told before: "The K is W.")
    Count from N to M.       Reply with only this word: W                  Reply in JSON: W

System and developer messages may say `Always answer with the word W.` and `End every answer with the word W.`; a tool
whose name or description shares a word with the question is called. A picture tells "the colour of the picture". Anything
else gets a short text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.model import Json
from harness.reading import arr, get, obj, objects, text
from harness.reference.answer import fraction
from harness.reference.conversation import pictures, texts
from harness.reference.instance import instance
from harness.reference.pattern import matching
from harness.reference.picture import colour

_REPEAT = re.compile(r"Repeat exactly:[ \n]?(.+)", re.DOTALL)
_ONLY = re.compile(r"Reply with only this word:\s*(\S+)")
_SAY = re.compile(r"^Say (.+?)[.!]?$", re.MULTILINE)
_COUNT = re.compile(r"Count from (\d{1,9}) to (\d{1,9})")
_JSON = re.compile(r"Reply in JSON:\s*(.+)", re.DOTALL)
_FACT = re.compile(r"\bThe ([^.?!\n]+?) is ([^\n]+?)[.!](?=\s|$)")
_QUESTION = re.compile(r"\bWhat is the ([^.?!\n]+)\?")
_ALWAYS = re.compile(r"Always answer with the word (.+?)\.(?=\s|$)")
_END = re.compile(r"End every answer with the word (.+?)\.(?=\s|$)")
_NAMES = re.compile(r"\bin ([^.?!\n]+)")
_MOST_NUMBERS: Final = 100_000

_SMALL_WORDS: Final = frozenset(
    re.findall(
        r"\w+", "a an and are at by for from get in is it me my of on or please set that the this to what which with you your"
    )
)
"""Words that a question and a description share without being about the same thing."""

_ANIMALS: Final = ("otter", "heron", "badger", "newt", "lynx", "puffin", "marten", "beaver", "stork", "hedgehog", "vole")
_TRAITS: Final = ("quiet", "patient", "curious", "nimble", "shy", "bold", "playful", "stubborn", "gentle", "clever")
_PLACES: Final = ("by the river", "in the reeds", "under old trees", "near the coast", "on the moor", "at the edge of a field")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a choice is to be: a text, or calls as kind, name and text each."""

    said: str | None
    calls: tuple[tuple[str, str, str], ...] = ()
    legacy: bool = False
    forced: bool = False


def wish(body: Mapping[str, Json], chance: object) -> Wish:
    """What the model wants to say to a request; of the many possible texts, `chance` picks one."""
    calls = _calls(body)
    if calls is not None:
        return calls
    return Wish(_text(body, chance))


# ---------------------------------------------------------------- texts


def _text(body: Mapping[str, Json], chance: object) -> str:
    conversation = [message for _, message in objects(body.get("messages"))]
    form = obj(body.get("response_format"))
    prompt = _last(conversation, "user")
    if form.get("type") == "json_schema":
        return _json(instance(obj(form.get("json_schema")).get("schema") or {}, _json_words(prompt)))
    if form.get("type") == "json_object":
        return _json({"answer": _json_words(prompt)[0]})
    plain = _obeyed(conversation) or _result(conversation) or _reply(prompt, conversation, chance, body.get("verbosity"))
    ending = next((found[1] for said in _instructions(conversation) if (found := _END.search(said))), None)
    return f"{plain} {ending}" if ending else plain


def _last(conversation: Sequence[Mapping[str, Json]], role: str) -> str:
    """The text of the last message of a role; its parts are lines."""
    return next(("\n".join(texts(message)) for message in reversed(conversation) if message.get("role") == role), "")


def _instructions(conversation: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    """What system and developer say, the newest first."""
    for message in reversed(conversation):
        if message.get("role") in ("system", "developer"):
            yield "\n".join(texts(message))


def _obeyed(conversation: Sequence[Mapping[str, Json]]) -> str | None:
    return next((found[1] for said in _instructions(conversation) if (found := _ALWAYS.search(said))), None)


def _result(conversation: Sequence[Mapping[str, Json]]) -> str | None:
    """What the tools said, where they spoke last."""
    said: list[str] = []
    for message in reversed(conversation):
        if message.get("role") not in ("tool", "function"):
            break
        said.append(" ".join(texts(message)))
    return "Here is what I found: " + " ".join(reversed(said)) if said else None


def _reply(prompt: str, conversation: Sequence[Mapping[str, Json]], chance: object, verbosity: Json) -> str:
    if found := _REPEAT.search(prompt):
        return found[1]
    if found := _ONLY.search(prompt):
        return found[1]
    if found := _COUNT.search(prompt):
        first, last = int(found[1]), int(found[2])
        step = 1 if last >= first else -1
        numbers = range(first, last + step, step)[:_MOST_NUMBERS]
        return ", ".join(map(str, numbers))
    if found := _JSON.search(prompt):
        return _json({"answer": found[1]})
    if asked := _QUESTION.findall(prompt):
        return _recalled(asked[-1], conversation)
    if found := _SAY.search(prompt):
        return found[1]
    return _invented(prompt, chance, verbosity)


def _recalled(topic: str, conversation: Sequence[Mapping[str, Json]]) -> str:
    """The newest fact about the topic, with or without its last words (`weather in Paris`)."""
    facts = [fact for message in conversation for fact in _facts(message)]
    for asked in (topic, topic.partition(" in ")[0]):
        for about, what in reversed(facts):
            if about.casefold() == asked.casefold():
                return f"The {about} is {what}."
    return f"I do not know the {topic}."


def _facts(message: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """What a message tells: about what, and what of it."""
    for url in pictures(message):
        if seen := colour(url):
            yield "colour of the picture", seen
    for said in texts(message):
        yield from _FACT.findall(said)


def _invented(prompt: str, chance: object, verbosity: Json) -> str:
    """A short text: one of 660 sentences, fewer words of it or one more sentence by `verbosity`."""

    def one(of: Sequence[str]) -> str:
        return of[int(fraction(prompt, chance, of) * len(of))]

    if verbosity == "low":
        return f"The {one(_TRAITS)} {one(_ANIMALS)} {one(_PLACES)}."
    more = " It is seldom seen by day, and leaves small tracks in the mud." if verbosity == "high" else ""
    return f"I am thinking of a {one(_TRAITS)} {one(_ANIMALS)} that lives {one(_PLACES)}.{more}"


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _json_words(prompt: str) -> list[str]:
    found = _JSON.search(prompt)
    topic = (found[1] if found else prompt).strip() or "text"
    return [topic, *topic.split()]


# ---------------------------------------------------------------- calls


def _calls(body: Mapping[str, Json]) -> Wish | None:
    """The calls that the request wants or the question suggests; None for a text."""
    legacy = not arr(body.get("tools")) and bool(arr(body.get("functions")))
    tools = [("function", function) for _, function in objects(body.get("functions"))] if legacy else list(_tools(body))
    choice = body.get("function_call") if legacy else body.get("tool_choice")
    if not tools or choice == "none":
        return None
    forced = _forced(choice)
    if forced:
        tools = [(kind, tool) for kind, tool in tools if text(tool.get("name")) == forced]
    conversation = [message for _, message in objects(body.get("messages"))]
    prompt = _last(conversation, "user")
    required = choice == "required" or get(choice, "allowed_tools", "mode") == "required"
    spoken = bool(conversation) and conversation[-1].get("role") == "user"
    matching_tool = _matching(prompt, tools) if spoken else None
    if not tools or not (forced or required or matching_tool):
        return None
    kind, tool = matching_tool or tools[0]
    names = _names(prompt) or [""]
    alone = bool(forced) or legacy or body.get("parallel_tool_calls") is False
    written = [(kind, text(tool.get("name")), _written(kind, tool, name, prompt)) for name in (names[:1] if alone else names)]
    return Wish(None, tuple(written), legacy=legacy, forced=bool(forced))


def _tools(body: Mapping[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    """Kind and description of each tool that may be called."""
    allowed = get(body.get("tool_choice"), "allowed_tools", "tools")
    names = {text(get(tool, text(get(tool, "type")), "name")) for tool in arr(allowed)}
    for _, tool in objects(body.get("tools")):
        kind = text(tool.get("type"))
        described = obj(tool.get(kind))
        if not names or described.get("name") in names:
            yield kind, described


def _forced(choice: Json) -> str:
    """The name of the one tool that must be called, or nothing."""
    choice = obj(choice)
    return text(choice.get("name")) or text(get(choice, text(choice.get("type")), "name"))


def _matching(prompt: str, tools: Sequence[tuple[str, dict[str, Json]]]) -> tuple[str, dict[str, Json]] | None:
    """The tool that has most words in common with the question, the first of those; None where no tool has any."""
    asked = _words(prompt)
    shared = [len(asked & _words(f"{tool.get('name')} {tool.get('description') or ''}")) for _, tool in tools]
    best = max(shared, default=0)
    return tools[shared.index(best)] if best else None


def _words(said: str) -> set[str]:
    return {word for word in re.findall(r"[^\W\d_]+", said.casefold()) if word not in _SMALL_WORDS}


def _names(prompt: str) -> list[str]:
    """The capitalised names after "in": Paris, Rome and Oslo."""
    for found in _NAMES.findall(prompt):
        listed = [name.strip() for name in re.split(r",|\band\b", found)]
        names = [name for name in listed if name[:1].isupper()]
        if names:
            return names
    return []


def _written(kind: str, tool: Mapping[str, Json], name: str, prompt: str) -> str:
    if kind == "custom":
        grammar = obj(get(tool, "format", "grammar"))
        written = matching(text(grammar.get("definition"))) if grammar.get("syntax") == "regex" else None
        return written if written is not None else name or prompt
    schema = tool.get("parameters")
    words: list[str] = [name] if name else re.findall(r"[^\W_]+", prompt) or ["text"]
    return _json(instance(schema, words) if obj(schema) else {})
