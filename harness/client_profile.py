"""What a client's profile says: what a program needs of an endpoint, and how it is set up for one.

A need is a rule or a case without which the program does not work, with how it breaks and where that is known from. What
only some of its users need is an optional use. A setting has a value for each of a few measured outcomes, in order; the
first whose cases and rules all hold is taken. There is no other expression.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from harness.document import Document, Place, did_you_mean
from harness.profile import day, link
from harness.reading import brief

NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
DRIVEN: Final = "driven"
"""The source of a need that was seen by driving the real client: tests/client_proof.json."""

_SETTING: Final = re.compile(r"[a-z][a-z0-9_]*")
_REPORT: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+#[0-9]+")
_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_GIVEN: Final = ("base_url", "model")
"""Placeholders of a snippet that are no settings."""
_KEYS: Final = (
    "client", "title", "version", "checked", "docs", "proved", "like", "streams", "meets", "needs", "optional", "settings",
    "snippet", "notes",
)  # fmt: skip
_WAYS: Final[Mapping[str, tuple[bool, ...]]] = {"never": (False,), "always": (True,), "both": (False, True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Rules and cases, each of which must hold. `stream`: only in answers that are streamed, or are not; None: in both.

    `refused`: a case is broken only where its request was refused; what came of it otherwise does not matter.
    """

    ids: tuple[str, ...]  # of rules (`stream.ends-with-done`) and cases (`basic/answer`)
    because: str
    sources: tuple[str, ...]
    stream: bool | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Something that a client does with an endpoint. `meets` are the features of the cases whose exchanges it would have."""

    id: str
    title: str
    meets: tuple[str, ...]
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value of a setting, where all of these rules and cases hold. None: its lines are left out; `""`: nothing in its place."""

    value: str | None
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    name: str
    says: str
    choices: tuple[Choice, ...]  # the last one holds always


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """Settings to paste. `{name}` stands for a setting, `{base_url}` or `{model}`; a line with a setting left out is left out."""

    language: str
    text: str
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientProfile:
    """A program, what it needs, and how it is set up. `like` is the client that it is built on, whose needs it shares."""

    name: str
    title: str
    version: str
    checked: str
    docs: str
    core: Use
    optional: tuple[Use, ...] = ()
    settings: tuple[Setting, ...] = ()
    snippet: Snippet | None = None
    proved: bool = False
    like: str | None = None
    streams: tuple[bool, ...] = (False, True)
    notes: str = ""

    @property
    def uses(self) -> tuple[Use, ...]:
        """What it does with every endpoint, then what only some of its users do."""
        return (self.core, *self.optional)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What ids of needs and settings may name."""

    rules: Collection[str]
    cases: Collection[str]
    features: Collection[str]
    clients: Collection[str] = field(default_factory=tuple)


def client(document: Document, known: Known | None = None) -> ClientProfile:
    """The client; slips are noted in the document. With `known`, ids of nothing are slips too."""
    root = document.root()
    keys = root.keys(_KEYS, ("client", "title", "version", "checked", "docs", "meets", "needs"))
    name = keys["client"].text() if "client" in keys else ""
    if name and not NAME.fullmatch(name):
        keys["client"].say(f"`client` must be made of a-z, 0-9 and `-`, and is {brief(name)}")
    found = ClientProfile(
        name=name,
        title=keys["title"].text() if "title" in keys else name,
        version=keys["version"].text() if "version" in keys else "",
        checked=day(keys["checked"]) if "checked" in keys else "",
        docs=link(keys["docs"]) if "docs" in keys else "",
        core=Use(
            id="chat",
            title="Chat",
            meets=_features(keys.get("meets"), known),
            needs=_needs(keys.get("needs"), known),
        ),
        optional=tuple(_uses(keys.get("optional"), known)),
        settings=tuple(_settings(keys.get("settings"), known)),
        snippet=_snippet(keys["snippet"]) if "snippet" in keys else None,
        proved=keys["proved"].truth() if "proved" in keys else False,
        like=_like(keys["like"], known) if "like" in keys else None,
        streams=_streams(keys["streams"]) if "streams" in keys else (False, True),
        notes=keys["notes"].text() if "notes" in keys else "",
    )
    if found.snippet is not None:
        _placeholders(keys["snippet"], found)
    if not found.proved:
        for part in _sources(root):
            if part.value == DRIVEN:
                part.say(f"`{DRIVEN}` is a source where the profile says `proved: true`, of a client that was driven")
    return found


def with_what_it_is_built_on(clients: Iterable[ClientProfile]) -> dict[str, ClientProfile]:
    """The clients by name, each with the needs of those that it is built on: of chat, and of the uses that both have."""
    found = {one.name: one for one in clients}
    return {name: _grown(one, found, ()) for name, one in found.items()}


def _grown(one: ClientProfile, found: Mapping[str, ClientProfile], above: tuple[str, ...]) -> ClientProfile:
    if one.like is None or one.like not in found or one.like in above:
        return one
    below = _grown(found[one.like], found, (*above, one.name))
    inherited = {use.id: use.needs for use in below.uses}
    core, *optional = (replace(use, needs=(*use.needs, *_not_yet(use, inherited.get(use.id, ())))) for use in one.uses)
    return replace(one, core=core, optional=tuple(optional))


def _not_yet(use: Use, inherited: Iterable[Need]) -> Iterator[Need]:
    """The needs that this use does not name itself, perhaps for a reason of its own."""
    own = {id for need in use.needs for id in need.ids}
    for need in inherited:
        if ids := tuple(id for id in need.ids if id not in own):
            yield replace(need, ids=ids)


# ---------------------------------------------------------------- the parts of a profile


def _features(place: Place | None, known: Known | None) -> tuple[str, ...]:
    names = []
    for part in place.items() if place is not None else ():
        name = part.text()
        if name and known is not None and name not in known.features:
            part.say(f"there is no feature `{name}`{did_you_mean(name, known.features, listed=False)}")
        names.append(name)
    return tuple(names)


def _needs(place: Place | None, known: Known | None) -> tuple[Need, ...]:
    found = tuple(_need(part, known) for part in (place.items() if place is not None else ()))
    if place is not None and isinstance(place.value, list) and not any("/" in id for need in found for id in need.ids):
        place.say("no case is needed here, so nothing shows that it was tried; name one under `cases`")
    return found


def _need(place: Place, known: Known | None) -> Need:
    keys = place.keys(("rules", "cases", "stream", "refused", "because", "source"), ("because", "source"))
    ids = (
        *_ids(keys.get("rules"), known.rules if known else None, "rule"),
        *_ids(keys.get("cases"), known.cases if known else None, "case"),
    )
    if not ids and isinstance(place.value, dict) and not {"rules", "cases"} & set(place.value):
        place.say("a need names `rules` or `cases`")
    sources = [_source(part) for part in keys["source"].items()] if "source" in keys else []
    return Need(
        ids=ids,
        because=keys["because"].text() if "because" in keys else "",
        sources=tuple(sources),
        stream=keys["stream"].truth() if "stream" in keys else None,
        refused=keys["refused"].truth() if "refused" in keys else False,
    )


def _ids(place: Place | None, known: Collection[str] | None, what: str) -> Iterator[str]:
    for part in place.items() if place is not None else ():
        if id := part.text():
            _is_known(part, id, known, what)
            yield id


def _is_known(place: Place, id: str, known: Collection[str] | None, what: str) -> None:
    if known is not None and id not in known:
        place.say(f"there is no {what} `{id}`{did_you_mean(id, known, listed=False)}; `chatcompat list {what}s` names them")


def _source(place: Place) -> str:
    source = place.text()
    if source and source != DRIVEN and not source.startswith("https://") and not _REPORT.fullmatch(source):
        place.say(f"a source is owner/repository#number, a link or `{DRIVEN}`, and not {brief(source)}")
    return source


def _sources(root: Place) -> Iterator[Place]:
    """Where sources stand, of needs that are written as they should be."""
    optional = root.value.get("optional") if isinstance(root.value, dict) else None
    places = [
        ((), root.value),
        *((("optional", name), use) for name, use in (optional if isinstance(optional, dict) else {}).items()),
    ]
    for steps, use in places:
        needs = use.get("needs") if isinstance(use, dict) else None
        for position, need in enumerate(needs if isinstance(needs, list) else ()):
            listed = need.get("source") if isinstance(need, dict) else None
            for number in range(len(listed) if isinstance(listed, list) else 0):
                yield root.at(*steps, "needs", position, "source", number)


def _uses(place: Place | None, known: Known | None) -> Iterator[Use]:
    for name, part in (place.parts() if place is not None else {}).items():
        if not NAME.fullmatch(name):
            part.say(f"a use is named with a-z, 0-9 and `-`, not {brief(name)}")
        keys = part.keys(("title", "meets", "needs"), ("title", "meets", "needs"))
        yield Use(
            id=name,
            title=keys["title"].text() if "title" in keys else name,
            meets=_features(keys.get("meets"), known),
            needs=_needs(keys.get("needs"), known),
        )


def _settings(place: Place | None, known: Known | None) -> Iterator[Setting]:
    for name, part in (place.parts() if place is not None else {}).items():
        if not _SETTING.fullmatch(name) or name in _GIVEN:
            part.say(f"a setting is named with a-z, 0-9 and `_`, and not {' or '.join(_GIVEN)}; {brief(name)} is not")
        keys = part.keys(("says", "first"), ("says", "first"))
        choices = [_choice(one, known) for one in keys["first"].items()] if "first" in keys else []
        if "first" in keys and choices and (choices[-1].holds or not all(one.holds for one in choices[:-1])):
            keys["first"].say("the last value, and it alone, has no `holds`: it is for every other outcome")
        yield Setting(name=name, says=keys["says"].text() if "says" in keys else "", choices=tuple(choices))


def _choice(place: Place, known: Known | None) -> Choice:
    keys = place.keys(("value", "holds"), ("value",))
    value = keys["value"].text() if "value" in keys and keys["value"].value not in (None, "") else None
    if "value" in keys and keys["value"].value == "":
        value = ""
    holds = []
    for part in keys["holds"].items() if "holds" in keys else ():
        id = part.text()
        _is_known(part, id, (*known.rules, *known.cases) if known else None, "case" if "/" in id else "rule")
        holds.append(id)
    return Choice(value=value, holds=tuple(holds))


def _snippet(place: Place) -> Snippet:
    keys = place.keys(("language", "text", "where"), ("language", "text"))
    text = keys["text"].value if "text" in keys else ""
    if not isinstance(text, str) or not text.strip() or "```" in text:
        place.say("`text` must be a text (write `text: |`) without three backticks")
        text = ""
    return Snippet(
        language=keys["language"].text() if "language" in keys else "",
        text=text,
        where=keys["where"].text() if "where" in keys else "",
    )


def placeholders(line: str) -> list[str]:
    """What stands in braces in a line of a snippet."""
    return _PLACEHOLDER.findall(line)


def _placeholders(place: Place, found: ClientProfile) -> None:
    names = [*_GIVEN, *(setting.name for setting in found.settings)]
    for name in placeholders(found.snippet.text if found.snippet else ""):
        if name not in names:
            place.say(f"there is no setting `{name}` for {{{name}}}{did_you_mean(name, names)}")
    used = placeholders(found.snippet.text if found.snippet else "")
    for setting in found.settings:
        if setting.name not in used:
            place.say(f"the setting `{setting.name}` stands nowhere in the snippet; write {{{setting.name}}}")


def _like(place: Place, known: Known | None) -> str:
    name = place.text()
    if name and known is not None and known.clients and name not in known.clients:
        place.say(f"there is no client `{name}`{did_you_mean(name, known.clients)}")
    return name


def _streams(place: Place) -> tuple[bool, ...]:
    word = place.text()
    if word and word not in _WAYS:
        place.say(f"`streams` is never, always or both, and not {brief(word)}{did_you_mean(word, _WAYS)}")
    return _WAYS.get(word, (False, True))
