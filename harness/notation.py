"""The case notation: a suite's document to a `Suite`, with a slip for everything that would not do what it seems to.

What a slip costs otherwise is a case that passes whatever an endpoint sends, so claims that cannot bite are refused
as well as keys that nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Final

from harness.claim_notation import KINDS, check_idle, check_references, claims, has, header_name
from harness.document import Document, Place, did_you_mean
from harness.folding import PADDING, REPEAT
from harness.model import Case, Feature, HangUp, Http, Json, Kind, Step, Suite
from harness.reading import brief

IDENTIFIER: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
ENCODINGS: Final = ("ascii",)
ONLY_STEP: Final = "ask"
"""What the one step of a case without `steps` is called."""

_MOST_REPEATED: Final = 16_000_000
"""Characters of a text that is repeated, and blanks before a body."""

_SUITE: Final = ("suite", "title", "features", "shared", "cases")
_ASKING: Final = ("request", "http")
_CASE: Final = ("id", "title", "needs", "stream", "tries", "steps", *_ASKING, *KINDS)
_STEP: Final = ("id", "together", "hang_up", *_ASKING, *KINDS)
_PLACEHOLDERS: Final = ("$max_tokens", "$max_tokens_exactly", PADDING, "$from")


def suites(documents: Sequence[Document], features_around: Callable[[], frozenset[str]]) -> tuple[Suite, ...]:
    """The suites of these documents; slips are noted in them, those between files too.

    `features_around` says what features other suites declare; it is asked only where one is not declared in these.
    """
    found = [suite(document) for document in documents]
    files: dict[str, str] = {}
    homes: dict[str, str] = {}
    for document, read in zip(documents, found, strict=True):
        if read.id in files:
            document.root().say(f"there is a suite `{read.id}` already, in {files[read.id]}")
        files.setdefault(read.id, document.file)
        for feature in read.features:
            if feature.id in homes:
                said = f"the feature `{feature.id}` is declared already, in {homes[feature.id]}; a feature is one row"
                document.root().at("features", feature.id).say(said)
            homes.setdefault(feature.id, document.file)
    known: frozenset[str] = frozenset(homes)
    for document in documents:
        for need in _needs_of(document.root()):
            if need.value not in known:
                known |= features_around()
            if need.value not in known:
                need.say(f"no suite declares the feature {brief(need.value)}{did_you_mean(str(need.value), known)}")
    return tuple(found)


def declared(document: Document) -> tuple[str, ...]:
    """The features that a document declares, whatever else is wrong with it."""
    data = document.data
    features = data.get("features") if isinstance(data, dict) else None
    return tuple(features) if isinstance(features, dict) else ()


def _needs_of(root: Place) -> Iterator[Place]:
    cases = root.value.get("cases") if isinstance(root.value, dict) else None
    for position, case in enumerate(cases if isinstance(cases, list) else []):
        needs = case.get("needs") if isinstance(case, dict) else None
        for index, need in enumerate(needs if isinstance(needs, list) else []):
            if isinstance(need, str):
                yield root.at("cases", position, "needs", index)


def suite(document: Document) -> Suite:
    """The suite; what a slip spoils has a default. What other files must say is left to `suites`."""
    root = document.root()
    keys = root.keys(_SUITE, ("suite", "title", "features", "cases"))
    stem = PurePath(document.file).stem
    name = _identifier(keys["suite"]) if "suite" in keys else stem
    if name and name != stem:
        keys["suite"].say(f"a suite is called as its file: `suite: {stem}`, or rename the file to {name}.yaml")
    features = tuple(_features(keys["features"])) if "features" in keys else ()
    cases = [_case(place, name, features) for place in keys["cases"].items()] if "cases" in keys else []
    if "cases" in keys and keys["cases"].value == []:
        keys["cases"].say("there are no cases")
    _unique([place.at("id") for place in (keys["cases"].items() if cases else ()) if has(place, "id")], "case")
    tested = {case.feature for case in cases}
    for feature in features:
        if feature.id not in tested:
            said = f"no case tests the feature `{feature.id}`: in no `needs` it is the last; add a case, or take it out"
            keys["features"].at(feature.id).say(said)
    title = keys["title"].text() if "title" in keys else name
    return Suite(id=name, title=title, features=features, cases=tuple(cases), file=document.file)


def _features(place: Place) -> Iterator[Feature]:
    parts = place.parts()
    if place.value == {}:
        place.say("no feature is declared; a suite has at least one: `name: {title: …}`")
    for name, part in parts.items():
        if not IDENTIFIER.fullmatch(name):
            part.say(f"a feature's name is made of a-z, 0-9 and `-`; {brief(name)} is not")
        keys = part.keys(("title", "optional"), ("title",))
        title = keys["title"].text() if "title" in keys else name
        yield Feature(id=name, title=title, optional=keys["optional"].truth() if "optional" in keys else False)


# ---------------------------------------------------------------- cases and steps


def _case(place: Place, suite_id: str, features: Sequence[Feature]) -> Case:
    keys = place.keys(_CASE, ("id", "title"))
    stream = _stream(keys["stream"]) if "stream" in keys else (False,)
    if "steps" in keys:
        for key in (*_ASKING, *KINDS):
            if key in keys:
                keys[key].say(f"`{key}` stands beside `steps`; put it into a step")
        steps = _steps(keys["steps"], stream)
    else:
        steps = (_step(place, keys, stream, ()),)
    if True in stream and not any(_takes_stream(step) for step in steps) and "stream" in keys:
        keys["stream"].say("`stream: true` changes nothing here: no step is a `request` that leaves `stream` open")
    return Case(
        suite=suite_id,
        id=_identifier(keys["id"]) if "id" in keys else "",
        title=keys["title"].text() if "title" in keys else "",
        needs=_needs(place, keys.get("needs"), features),
        steps=steps,
        stream=stream,
        tries=keys["tries"].whole(1, 10) if "tries" in keys else 1,
        line=place.line,
    )


def _needs(case: Place, place: Place | None, features: Sequence[Feature]) -> tuple[str, ...]:
    if place is None:
        if len(features) != 1:
            names = ", ".join(f"`{feature.id}`" for feature in features)
            case.say("`needs` is missing" + (f", and the suite has several features to choose from: {names}" if names else ""))
            return ("",)
        return (features[0].id,)
    needs = [part.text() for part in place.items()]
    if place.value == []:
        place.say("`needs` is empty; the last feature in it is the one that the case tests")
    if len(set(needs)) != len(needs):
        place.say("a feature stands in `needs` twice")
    return tuple(needs) or ("",)


def _stream(place: Place) -> tuple[bool, ...]:
    match place.value:
        case bool(mode):
            return (mode,)
        case [bool(first)]:
            return (first,)
        case [bool(first), bool(second)] if first != second:
            return (False, True)
        case _:
            place.say(f"`stream` must be false, true or [false, true], and is {brief(place.value)}")
            return (False,)


def _steps(place: Place, stream: tuple[bool, ...]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for part in place.items():
        keys = part.keys(_STEP, ("id",))
        names = tuple(step.id for step in steps)
        beside = next((place for place, step in reversed(list(enumerate(steps))) if not step.together), 0)
        together = "together" in keys and keys["together"].value is True
        steps.append(_step(part, keys, stream, names, names[:beside] if together else names))
    if place.value == []:
        place.say("there are no steps")
    _unique([part.at("id") for part in (place.items() if steps else ()) if has(part, "id")], "step")
    return tuple(steps)


def _step(
    place: Place, keys: Mapping[str, Place], stream: tuple[bool, ...], earlier: tuple[str, ...], answered: tuple[str, ...] = ()
) -> Step:
    """A step. `earlier` are the steps before it, `answered` those of them whose answers are there when it is sent."""
    name = ONLY_STEP
    if "steps" in place.steps:
        name = _identifier(keys["id"]) if "id" in keys else ""
    if "request" in keys and "http" in keys:
        keys["http"].say("`request` and `http` exclude each other; a step is one request")
    elif "request" not in keys and "http" not in keys:
        place.say(f"there is no `request` (nor `http`{'' if 'steps' in place.steps else ', nor `steps`'})")
    request = _request(keys["request"]) if "request" in keys else None
    http = _http(keys["http"]) if "http" in keys and "request" not in keys else None
    together = keys["together"].truth() if "together" in keys else False
    if together and not earlier:
        keys["together"].say("`together` sends a step at the same time as the one before it, and there is none")
    hang_up = _hang_up(keys["hang_up"]) if "hang_up" in keys else None
    step = Step(id=name, request=request, http=http, line=place.line)
    claimed = {Kind(kind): claims(keys[kind], _streams(step, stream)) for kind in KINDS if kind in keys}
    for key in (*_ASKING, *KINDS):
        if key in keys:
            check_references(keys[key], answered if key in _ASKING else earlier)
    check_idle(keys)
    return Step(id=name, request=request, http=http, together=together, hang_up=hang_up, claims=claimed, line=place.line)


def _takes_stream(step: Step) -> bool:
    return step.request is not None and "stream" not in step.request


def _streams(step: Step, stream: tuple[bool, ...]) -> bool:
    """Can the answer to this step be a stream?"""
    if _takes_stream(step):
        return True in stream
    body = step.request if step.request is not None else step.http.body if step.http is not None else None
    return (isinstance(body, dict) and body.get("stream") is True) or (step.http is not None and step.http.raw is not None)


def _hang_up(place: Place) -> HangUp:
    keys = place.keys(("after_events", "after_ms"))
    if len(keys) != 1:
        place.say("`hang_up` says when: `{after_events: 3}` of a stream, or `{after_ms: 300}`")
    return HangUp(
        after_events=keys["after_events"].whole(1, 1000) if "after_events" in keys else None,
        after_ms=keys["after_ms"].whole(1, 60_000) if "after_ms" in keys else None,
    )


def _request(place: Place) -> dict[str, Json]:
    if not isinstance(place.value, dict):
        place.parts()
        return {}
    for key, part in place.parts().items():
        if key.startswith("$") and key not in _PLACEHOLDERS:
            part.say(f"unknown placeholder `{key}`{did_you_mean(key, _PLACEHOLDERS)}")
    if PADDING in place.value:
        place.at(PADDING).whole(1, _MOST_REPEATED)
    _check_repeats(place)
    limits = [key for key in ("$max_tokens", "$max_tokens_exactly") if key in place.value]
    for key in limits:
        place.at(key).whole(1, 1_000_000)
    if len(limits) > 1:
        place.at(limits[1]).say("`$max_tokens` and `$max_tokens_exactly` exclude each other; a request has one limit")
    return place.value


def _check_repeats(place: Place) -> None:
    """Every `{$repeat: …}` in a request says what is repeated, and how often."""
    if isinstance(place.value, list):
        for part in place.items():
            _check_repeats(part)
    elif isinstance(place.value, dict) and REPEAT in place.value:
        keys = place.at(REPEAT).keys(("before", "text", "times", "after"), ("text", "times"))
        times = keys["times"].whole(1, _MOST_REPEATED) if "times" in keys else 1
        for name in ("before", "text", "after"):
            if name in keys and not isinstance(keys[name].value, str):
                keys[name].say(f"`{name}` must be a text, and is {brief(keys[name].value)}")
        if "text" in keys and isinstance(keys["text"].value, str) and len(keys["text"].value) * times > _MOST_REPEATED:
            place.say(f"more than {_MOST_REPEATED} characters; say it with fewer `times`")
        if len(place.value) > 1:
            place.say("`$repeat` stands alone in its mapping")
    elif isinstance(place.value, dict):
        for part in place.parts().values():
            _check_repeats(part)


def _http(place: Place) -> Http:
    keys = place.keys(("method", "path", "headers", "body", "raw", "encoding"), ("method", "path"))
    if "body" in keys and "raw" in keys:
        keys["raw"].say("`body` (JSON) and `raw` (text as it is) exclude each other")
    if "body" in keys and keys["body"].value is None:
        keys["body"].say('`body: null` sends nothing; leave it out, or write `raw: "null"` for that text')
    if "raw" in keys and not isinstance(keys["raw"].value, str):
        keys["raw"].say(f"`raw` must be a text, and is {brief(keys['raw'].value)}; use `body` for JSON")
    return Http(
        method=_method(keys["method"]) if "method" in keys else "GET",
        path=_path(keys["path"]) if "path" in keys else "/",
        headers=_header_fields(keys["headers"]) if "headers" in keys else {},
        body=keys["body"].value if "body" in keys else None,
        raw=raw if "raw" in keys and isinstance(raw := keys["raw"].value, str) else None,
        encoding=_encoding(keys) if "encoding" in keys else None,
    )


def _encoding(keys: Mapping[str, Place]) -> str:
    encoding = keys["encoding"].text()
    if encoding and encoding not in ENCODINGS:
        keys["encoding"].say(
            f"`encoding` must be {' or '.join(ENCODINGS)}, and is {brief(encoding)}{did_you_mean(encoding, ENCODINGS)}"
        )
    if "body" not in keys:
        keys["encoding"].say("`encoding` says how `body` is written, and there is none; a `raw` text always goes out in UTF-8")
    return encoding


def _method(place: Place) -> str:
    method = place.text()
    if method and not re.fullmatch(r"[A-Z]+", method):
        place.say(f"`method` must be one in capitals, such as GET or POST, and is {brief(method)}")
    return method


def _path(place: Place) -> str:
    path = place.text()
    rest = path.replace("{model}", "")
    if path and not re.fullmatch(r"/[!-~]*", rest):
        place.say(f"`path` goes on from the base URL and begins with `/`, as /models does; {brief(path)} does not")
    elif re.search(r"[{}]", rest):
        place.say(f"in {brief(path)} only {{model}} is replaced")
    return path


def _header_fields(place: Place) -> dict[str, str | dict[str, Json] | None]:
    fields: dict[str, str | dict[str, Json] | None] = {}
    for name, part in place.parts().items():
        header_name(name, part)
        match part.value:
            case str(value) if value.isprintable():
                fields[name] = value
            case None:
                fields[name] = None
            case dict(value) if "$from" in value:
                fields[name] = value
            case _:
                part.say(f"a header is a text of one line (null: leave out the profile's), and `{name}` is {brief(part.value)}")
    return fields


# ---------------------------------------------------------------- identifiers


def _identifier(place: Place) -> str:
    name = place.text()
    if name and not IDENTIFIER.fullmatch(name):
        place.say(f"`{place.name}` is made of a-z, 0-9 and single `-`; {brief(name)} is not")
    return name


def _unique(places: Sequence[Place], what: str) -> None:
    first: dict[str, Place] = {}
    for place in places:
        name = place.value
        if isinstance(name, str) and name in first:
            place.say(f"there is a {what} {brief(name)} already, in line {first[name].line}")
        elif isinstance(name, str):
            first[name] = place
