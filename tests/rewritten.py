"""The suites with every content word replaced by a made-up one: what a server that knows them by heart could not answer.

Kept are the words of the instructions (`Repeat exactly:`), those of the protocol (`content`, `tool_calls`) and numbers.
A word is replaced by the same one everywhere in a case: in what is asked and in what is claimed of the answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from harness.model import Case, Claims, Http, Step, Suite

_WORD: Final = re.compile(r"[^\W\d_]{2,}")

_INSTRUCTIONS: Final = frozenset(
    _WORD.findall(
        "repeat exactly say reply with only this word count from to the is what in and json always answer end every"
        " of colour picture"
    )
)
_PROTOCOL: Final = frozenset(
    _WORD.findall("""
    application bearer basic call calls choices code completion content created delta error event false finish function
    id index invalid key length list logprobs max message messages min model models name not null object param python
    reason refusal role schema status stop stream string system text tag tool tokens total true type usage user
    """)
)
_ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
_PARTS: Final = ("text", "image_url", "input_audio", "file", "refusal")
_FORMATS: Final = ("text", "json_object", "json_schema")
_NO_KEYS: Final = ("Bearer undefined", "Bearer sk-no-key-required")  # what clients send where there is none
_INVENTED: Final = ("no_such_parameter_xyz",)  # parameters of no server at all
_LETTERS: Final = "bcdfghjklmnpqrstvwxz"
_FOREIGN: Final = "水火山石木林馬鳥魚雨ßäöüñçøåжщ"


class Words:
    """Which made-up word stands for which, in one case."""

    def __init__(self, seed: object) -> None:
        self._random = random.Random(repr(seed))
        self._known: dict[str, str] = {}

    def learn(self, text: str) -> str:
        """The text with each of its content words replaced; they are known from then on."""
        return _WORD.sub(lambda found: self._for(found[0]), text)

    def _for(self, word: str) -> str:
        plain = word.casefold()
        if plain in _INSTRUCTIONS or plain in _PROTOCOL:
            return word
        if plain not in self._known:
            letters = _LETTERS if plain.isascii() else _FOREIGN
            made = "".join(self._random.choice(letters) for _ in plain)
            while made in self._known.values() or made in self._known:
                made = "".join(self._random.choice(letters) for _ in plain)
            self._known[plain] = made
        return _in_the_case_of(word, self._known[plain])

    def apply(self, text: str) -> str:
        """The text with the words replaced that are known, those in the form `[Pp]elican` too."""
        for word, made in self._known.items():
            if len(word) > 1:
                text = text.replace(f"[{word[0].upper()}{word[0]}]{word[1:]}", f"[{made[0].upper()}{made[0]}]{made[1:]}")
        return _WORD.sub(lambda found: self._known_for(found[0]), text)

    def _known_for(self, word: str) -> str:
        made = self._known.get(word.casefold())
        return word if made is None else _in_the_case_of(word, made)


def _in_the_case_of(word: str, made: str) -> str:
    if word.isupper() and len(word) > 1:
        return made.upper()
    return made.capitalize() if word[:1].isupper() else made


def rewritten(suite: Suite, seed: int) -> Suite:
    """The suite with other words."""
    return replace(suite, cases=tuple(_case(case, seed) for case in suite.cases))


def _case(case: Case, seed: int) -> Case:
    words = Words((seed, case.path))
    asked = [_asked(step, words) for step in case.steps]
    return replace(case, steps=tuple(_claimed(step, words) for step in asked))


def _asked(step: Step, words: Words) -> Step:
    if step.request is not None:
        return replace(step, request=_request(step.request, words))
    assert step.http is not None
    return replace(step, http=_http(step.http, words))


def _http(http: Http, words: Words) -> Http:
    path = http.path
    known = path.partition("?")[0].strip("/") in ("chat/completions", "models")
    if not known and "{model}" not in path:
        path = "/models/" + words.learn(path[8:]) if path.startswith("/models/") else words.learn(path)
    headers = {
        name: words.learn(value) if name == "authorization" and isinstance(value, str) and value not in _NO_KEYS else value
        for name, value in http.headers.items()
    }
    body = _request(http.body, words) if isinstance(http.body, dict) else http.body
    return replace(http, path=path, headers=headers, body=body)


# ---------------------------------------------------------------- requests


def _request(request: Mapping[str, Any], words: Words) -> dict[str, Any]:
    change: dict[str, Callable[[Any], Any]] = {
        "messages": lambda messages: _each(messages, lambda message: _message(message, words)),
        "model": lambda model: model if "{" in model else words.learn(model),
        "tools": lambda tools: [{**tool, tool["type"]: _function(tool[tool["type"]], words)} for tool in tools],
        "tool_choice": lambda choice: _texts(choice, words, ("name",)),
        "functions": lambda functions: [_function(function, words) for function in functions],
        "function_call": lambda choice: _texts(choice, words, ("name",)),
        "prediction": lambda predicted: _texts(predicted, words, ("content",)),
        "response_format": lambda form: _format(form, words),
        "stop": lambda stop: _texts(stop, words),
        "user": words.learn,
    }
    return {
        (words.learn(name) if name in _INVENTED else name): change[name](value) if name in change and value else value
        for name, value in request.items()
    }


def _each(items: Any, change: Callable[[Any], Any]) -> Any:
    return [change(item) for item in items] if isinstance(items, list) else items


def _texts(value: Any, words: Words, keys: tuple[str, ...] | None = None) -> Any:
    """Every text of a value; with `keys`, only those under one of these."""
    match value:
        case str():
            return words.learn(value) if keys is None else value
        case list():
            return [_texts(item, words, keys) for item in value]
        case dict() if "$from" not in value:
            return {key: _texts(item, words, None if keys and key in keys else keys) for key, item in value.items()}
        case _:
            return value


def _message(message: dict[str, Any], words: Words) -> dict[str, Any]:
    changed = dict(message)
    if isinstance(message.get("role"), str) and message["role"] not in _ROLES:
        changed["role"] = words.learn(message["role"])
    if isinstance(message.get("content"), str):
        changed["content"] = words.learn(message["content"])
    if isinstance(message.get("content"), dict) and "$repeat" in message["content"]:
        said = message["content"]["$repeat"]
        changed["content"] = {"$repeat": _texts(said, words, ("before", "text", "after"))}
    if isinstance(message.get("content"), list):
        changed["content"] = [_part(part, words) for part in message["content"]]
    if isinstance(message.get("tool_call_id"), str):
        changed["tool_call_id"] = words.learn(message["tool_call_id"])
    if isinstance(message.get("tool_calls"), list):
        changed["tool_calls"] = _texts(message["tool_calls"], words, ("id", "name", "arguments"))
    if isinstance(message.get("function_call"), dict):
        changed["function_call"] = _texts(message["function_call"], words, ("name", "arguments"))
    if isinstance(message.get("name"), str):
        changed["name"] = words.learn(message["name"])
    return changed


def _part(part: dict[str, Any], words: Words) -> dict[str, Any]:
    if part["type"] in _PARTS:
        return _texts(part, words, ("text",))
    return {words.learn(key) if key == part["type"] else key: _texts(value, words) for key, value in part.items()}


def _function(function: dict[str, Any], words: Words) -> dict[str, Any]:
    changed = _texts(function, words, ("name", "description")) if "parameters" not in function else dict(function)
    for key in ("name", "description"):
        if key in function:
            changed[key] = words.learn(function[key])
    if "parameters" in function:
        changed["parameters"] = _schema(function["parameters"], words.learn)
    return changed


def _format(form: dict[str, Any], words: Words) -> dict[str, Any]:
    if form["type"] not in _FORMATS:
        return {**form, "type": words.learn(form["type"])}
    if "json_schema" not in form:
        return form
    wanted = form["json_schema"]
    named = {"name": words.learn(wanted["name"])} if "name" in wanted else {}
    return {**form, "json_schema": {**wanted, **named, "schema": _schema(wanted["schema"], words.learn)}}


def _schema(schema: Any, change: Callable[[str], str]) -> Any:
    """A JSON Schema with its property names, constants and patterns changed, and none of its keywords."""
    if not isinstance(schema, dict):
        return schema
    changed: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            changed[key] = {change(name): _schema(inner, change) for name, inner in value.items()}
        elif key in ("required", "enum"):
            changed[key] = [change(item) if isinstance(item, str) else item for item in value]
        elif key in ("const", "pattern", "description") and isinstance(value, str):
            changed[key] = change(value)
        elif key in ("anyOf", "allOf", "oneOf"):
            changed[key] = [_schema(item, change) for item in value]
        else:
            changed[key] = _schema(value, change)
    return changed


# ---------------------------------------------------------------- claims


def _claimed(step: Step, words: Words) -> Step:
    return replace(step, claims={kind: _claims(claims, words) for kind, claims in step.claims.items()})


def _claims(claims: Claims, words: Words) -> Claims:
    return replace(
        claims,
        **{
            name: {key: _schema(fragment, words.apply) for key, fragment in getattr(claims, name).items()}
            for name in ("headers", "body", "chunks")
        },
    )
