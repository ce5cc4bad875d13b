"""What a claim may look like: `status`, `headers`, `body` and `chunks` of a step's answer, held against strict fragments.

A claim that cannot bite is a slip: it passes whatever an endpoint sends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from harness import fragment
from harness.document import Place, did_you_mean
from harness.model import Claims, Fragment, Json, Kind
from harness.profile import HEADER
from harness.reading import brief, integer, tokens

KINDS: Final = tuple(kind.value for kind in Kind)
_PARTS: Final = ("status", "headers", "body", "chunks", "took_ms")


def claims(place: Place, streams: bool) -> Claims:
    keys = place.keys(_PARTS)
    if place.value == {}:
        place.say(f"`{place.name}` claims nothing; it may hold `status`, `headers`, `body`, `chunks` and `took_ms`")
    for part in _PARTS:
        if part in keys and keys[part].value == {}:
            keys[part].say(f"`{part}` claims nothing")
    if "chunks" in keys and not streams:
        keys["chunks"].say("`chunks` claims nothing here: the step is never streamed; use `body`, or `stream: true`")
    return Claims(
        status=_status(keys["status"]) if "status" in keys else None,
        headers=dict(_headers(keys["headers"])) if "headers" in keys else {},
        body=dict(_pointers(keys["body"])) if "body" in keys else {},
        chunks=dict(_pointers(keys["chunks"], chunks=True)) if "chunks" in keys else {},
        took_ms=_took_ms(keys["took_ms"]) if "took_ms" in keys else None,
    )


def _status(place: Place) -> Fragment:
    codes: list[Json] = place.value if isinstance(place.value, list) else [place.value]
    if codes and all((code := integer(one)) is not None and 100 <= code <= 599 for one in codes):
        return {"type": "integer", "enum": codes} if isinstance(place.value, list) else {"type": "integer", "const": codes[0]}
    if not isinstance(place.value, dict):
        place.say(f"`status` is a number from 100 to 599, a list of them, or a fragment on one, not {brief(place.value)}")
        return False
    _fragment(place)
    if not {"integer", "number"} & _types(place.value):
        place.say("`status` is a number: this is never so; write `type: integer`")
    return place.value


def _took_ms(place: Place) -> Fragment:
    if not isinstance(place.value, dict):
        place.say(f"`took_ms` is a fragment on the milliseconds: `{{type: number, maximum: 15000}}`, not {brief(place.value)}")
        return False
    _fragment(place)
    if "number" not in _types(place.value):
        place.say("`took_ms` is a number, and seldom a whole one: write `type: number`")
    return place.value


def _headers(place: Place) -> Iterator[tuple[str, Fragment]]:
    for name, part in place.parts().items():
        header_name(name, part)
        claimed = _claim(part)
        if isinstance(claimed, dict) and "string" not in _types(claimed):
            part.say(f"`{name}` is a header, so a text: this is never so; write `type: string`")
        yield name, claimed


def _pointers(place: Place, *, chunks: bool = False) -> Iterator[tuple[str, Fragment]]:
    for pointer, part in place.parts().items():
        wrong = fragment.bad_pointer(pointer)
        if wrong:
            part.say(wrong)
        elif pointer == "" and isinstance(part.value, bool):
            part.say(f'`"": {str(part.value).lower()}` asserts nothing: the whole is always there; claim a part of it')
        elif chunks and pointer and not re.fullmatch(r"-?[0-9]+", tokens(pointer)[0]):
            part.say(f"{brief(pointer)}: a pointer into the chunks begins with a position: /0 the first, /-1 the last")
        yield pointer, _claim(part)


def _claim(place: Place) -> Fragment:
    if isinstance(place.value, bool):
        return place.value
    _fragment(place)
    return place.value if isinstance(place.value, dict) else True


def _fragment(place: Place) -> None:
    if not isinstance(place.value, dict):
        instead = "" if isinstance(place.value, list) else f"; write {{const: {brief(place.value, 30)}}}"
        place.say(f"a claim is true (there), false (not there) or a mapping of keywords, not {brief(place.value)}{instead}")
        return
    for steps, said in fragment.slips(place.value):
        Place(place.document, (*place.steps, *steps), None).say(said)


def _types(claimed: Mapping[str, Json]) -> frozenset[str]:
    """The types that a fragment lets pass, as far as `type`, `const` and `enum` say it; all where they say nothing."""
    declared = claimed.get("type")
    if isinstance(declared, str):
        return frozenset({declared})
    if isinstance(declared, list):
        return frozenset(str(name) for name in declared)
    values = [claimed["const"]] if "const" in claimed else claimed.get("enum")
    names: dict[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", type(None): "null"}
    if isinstance(values, list) and values and not any(isinstance(value, dict) for value in values):
        return frozenset(names[type(value)] for value in values)
    return frozenset(fragment.TYPES)


def check_idle(keys: Mapping[str, Place]) -> None:
    """Claims that an earlier kind of the same step has settled already: they can never be unmet."""
    status = [kind for kind in KINDS if kind in keys and has(keys[kind], "status")]
    if "prefer" in status and "expect" not in status:
        keys["prefer"].at("status").say(
            "`prefer: status` needs an `expect: status` beside it: without one, anything but 2xx fails"
        )
    settled: dict[tuple[str, str], tuple[Json, Place]] = {}
    for kind in (kind for kind in KINDS if kind in keys):
        for part in _PARTS:
            for where, claim in _by_place(keys[kind], part):
                before = settled.get((part, where))
                if before is None:
                    settled[part, where] = (claim.value, claim)
                elif before[0] == claim.value or (claim.value is True and before[0] is not False):
                    claim.say(f"this can never be unmet: line {before[1].line} claims it already, before it; leave it out")


def _by_place(place: Place, part: str) -> Iterator[tuple[str, Place]]:
    if not has(place, part):
        return
    claim = place.at(part)
    if part in ("status", "took_ms"):
        yield "", claim
    elif isinstance(claim.value, dict):
        yield from claim.parts().items()


# ---------------------------------------------------------------- names and references


def header_name(name: str, place: Place) -> None:
    if not HEADER.fullmatch(name):
        lower = name.lower()
        instead = f"; write `{lower}`" if HEADER.fullmatch(lower) else ""
        place.say(f"{brief(name)} is no name of a header in lower case{instead}")


def check_references(place: Place, earlier: tuple[str, ...]) -> None:
    """Every `{$from: …}` in a part of a step has the right form and names a step before it."""
    if isinstance(place.value, list):
        for part in place.items():
            check_references(part, earlier)
    elif isinstance(place.value, dict):
        if "$from" not in place.value:
            for part in place.parts().values():
                check_references(part, earlier)
            return
        wrong = list(fragment.reference(place.value, ()))
        for _, said in wrong:
            place.at("$from").say(said)
        source = place.value["$from"]
        if not wrong and isinstance(source, str) and (step := source.partition("#")[0]) not in earlier:
            there = did_you_mean(step, earlier) if earlier else "; there is none before the first step"
            place.at("$from").say(f"`$from` names the step {brief(step)}, which is not one before this{there}")


def has(place: Place, key: str) -> bool:
    return isinstance(place.value, dict) and key in place.value
