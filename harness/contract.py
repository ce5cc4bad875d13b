"""What JSON must look like: the shipped contract of three levels, and schemas of our own files and claims.

Every document and every chunk is validated. jsonschema-rs is the gate, since it is fast; jsonschema finds the words, and only
where the gate does not open. A document is broken where both say so.

The files of the contract build on each other: `published` demands more than `observed`, and that more than `ecosystem`.
So one look with `published` finds everything, and the level of a finding is the file whose sentence it breaks.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from harness.errors import BadInput
from harness.model import Json, Level
from harness.reading import ABSENT, brief, obj, parse, text
from harness.resources import SCHEMAS
from harness.wording import Path, pointer, said

if TYPE_CHECKING:
    import jsonschema_rs
    from jsonschema.protocols import Validator

Kind: TypeAlias = Literal[
    "completion", "chunk", "error", "models", "model",
    "message", "event", "message_error", "message_models", "message_model",
]  # fmt: skip

_OF_MESSAGES: Final = frozenset({"message", "event", "message_error", "message_models", "message_model"})
"""The documents of Anthropic's Messages API; the others are those of Chat Completions."""

_APIS: Final = ("openai", "anthropic")

LEVELS: Final = {"ecosystem": Level.MUST, "observed": Level.SHOULD, "published": Level.MAY}
"""The files of the contract, from what breaks real clients to what only the document says."""

AT_MOST: Final = 50
"""Errors told of one document. The most severe come first."""

_STEPS: Final = 300_000  # keywords looked at to find the words, so that a huge document costs about a second at most
_TOLD_AT_MOST: Final = 250  # documents that differ in what is wrong with them, remembered at once
_SIGNED_AT_MOST: Final = 4_000  # characters of what the gate says of one
_SMALL: Final = 250  # values in one
_FOUND: Final = 500  # errors looked at, before what is one defect is told once


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A place where a document breaks the contract. A key that is missing is at its own pointer."""

    level: Level
    at: str  # JSON Pointer
    place: str  # the same with `*` for array positions
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaError:
    """A place where a document breaks a schema. `at`: JSON Pointer; a key that is missing is at its own pointer."""

    at: str
    message: str


# ---------------------------------------------------------------- the contract


def violations(kind: Kind, document: Json) -> tuple[Violation, ...]:
    """Where a document breaks the contract: each defect once, at the most severe level that it breaks, at most AT_MOST."""
    checker = _contract(kind)
    if checker.open(document):
        return ()
    alike = checker.signature(document)
    if alike is None:
        return _told(kind, document)
    if (kind, alike) not in _TOLD:
        if len(_TOLD) >= _TOLD_AT_MOST:
            _TOLD.clear()
        _TOLD[kind, alike] = _told(kind, document)
    return _TOLD[kind, alike]


_Signature: TypeAlias = "tuple[tuple[str, tuple[str | int, ...], str], ...]"
_TOLD: Final[dict[tuple[Kind, _Signature], tuple[Violation, ...]]] = {}
"""What was told of documents that break the contract alike: the chunks of a stream mostly do, and words are slow."""


def _told(kind: Kind, document: Json) -> tuple[Violation, ...]:
    found: dict[Path, Violation] = {}
    for path, message, schema in _contract(kind).words(document):
        if path not in found:  # in each file `$ref` stands first, so the most severe sentence is the first
            level = _sentences().get(id(schema)) or _severest(kind, document)
            found[path] = Violation(level=level, at=pointer(path), place=pointer(path, positions=False), message=message)
    return tuple(found.values())[:AT_MOST]


@functools.cache
def _contract(kind: Kind, file: str = "published") -> Checker:
    api = "anthropic" if kind in _OF_MESSAGES else "openai"
    return Checker({"$ref": f"urn:chatcompat:{api}:{file}#/$defs/{kind}"})


@functools.cache
def _sentences() -> dict[int, Level]:
    """Which level each subschema of the contract belongs to, by its identity: errors carry the very object they come from."""
    return {
        id(sentence): level
        for file, level in LEVELS.items()
        for api in _APIS
        for sentence in _subschemas(_shipped(f"urn:chatcompat:{api}:{file}"))
    }


def _severest(kind: Kind, document: Json) -> Level:
    """The level of a document where no sentence can be named: it is too large, or too deep."""
    return next((level for file, level in LEVELS.items() if not _contract(kind, file).open(document)), Level.MAY)


# ---------------------------------------------------------------- any schema


def compiled(schema: bool | dict[str, Json]) -> Checker:
    """The checker of a JSON Schema 2020-12, made once for equal schemas. Raises BadInput where it is no such schema.

    `contentMediaType: application/json` and `contentSchema` assert; `format` does not. A `$ref` leads into the schema itself
    or to a shipped one (`urn:chatcompat:openai:observed` is `schemas/openai/observed.json`); nothing is ever fetched. A
    `contentSchema` is a schema for itself: its references begin at its own root, as in the request that sent it.
    """
    return _compiled(json.dumps(schema, sort_keys=True))


@functools.lru_cache(maxsize=2048)
def _compiled(schema: str) -> Checker:
    return Checker(json.loads(schema))


class Checker:
    """A JSON Schema 2020-12, compiled."""

    def __init__(self, schema: bool | dict[str, Json]) -> None:
        self._schema = schema
        self._gate = _gate(schema)
        self._asserts_content = False  # the gate only annotates the content keywords
        for part in _subschemas(schema):
            self._asserts_content |= "contentMediaType" in part
            if "contentSchema" in part:
                compiled(part["contentSchema"])  # type: ignore[arg-type]  # raises where it is no schema

    def errors(self, document: Json) -> tuple[SchemaError, ...]:
        """Where the document breaks the schema, at most AT_MOST, in the order of the schema. Empty: it does not."""
        if not self._asserts_content and self.open(document):
            return ()
        found = {(path, message): None for path, message, _ in self.words(document)}
        deeper = {path for path, message in found if not message.startswith(_UNKNOWN)}
        told = [
            SchemaError(at=pointer(path), message=message)
            for path, message in found  # what is known depends on the rest being right: mend that first
            if not (message.startswith(_UNKNOWN) and any(other[: len(path)] == path for other in deeper))
        ]
        return tuple(told[:AT_MOST])

    def open(self, document: Json) -> bool:
        """Does the gate let the document through? False where it cannot say."""
        try:
            return self._gate.is_valid(document)
        except (ValueError, TypeError, OverflowError):  # a lone surrogate in a key
            return False

    def signature(self, document: Json) -> _Signature | None:
        """What the gate objects to: sentence, place, and value or missing key. Documents with equal ones are told of alike.

        None where the document is too large to ask: the gate finds every error before it gives the first.
        """
        if not _is_small(document):
            return None
        try:
            found = tuple(
                (error.absolute_keyword_location or "", tuple(error.instance_path), _objected(error, document))
                for error in self._gate.iter_errors(document)
            )
        except (ValueError, TypeError, OverflowError):  # as in `open`
            return None
        return found if sum(len(said) for _, _, said in found) <= _SIGNED_AT_MOST else None

    def words(self, document: Json) -> list[tuple[Path, str, Any]]:
        """Every error, bounded: path, message, and the subschema it breaks (None: the document is too large to tell)."""
        told: list[tuple[Path, str, Any]] = []
        outermost = _steps.get() is None  # JSON in a string of a document has no steps of its own
        if outermost:
            _steps.set([_STEPS])
        try:
            for error in islice(self._validator.iter_errors(document), _FOUND):
                told.extend(said(error))
        except _TooManySteps:
            if not told and not self.open(document):
                told.append(((), "breaks its schema, beyond the part that is small enough to be searched for the place", None))
        finally:
            if outermost:
                _steps.set(None)
        return told

    @functools.cached_property
    def _validator(self) -> Validator:
        return _validator(self._schema)


_UNKNOWN: Final = "has keys that are not known here"


_BY_NAME: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_NO_SCHEMA: Final = frozenset({"const", "enum", "default", "examples", "contentSchema"})


def _subschemas(schema: Json) -> Iterator[dict[str, Json]]:
    """The schema and those in it, but for what a `contentSchema` holds."""
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword, value in schema.items():
        if keyword in _BY_NAME:
            inside = list(obj(value).values())
        else:
            inside = [] if keyword in _NO_SCHEMA else value if isinstance(value, list) else [value]
        for part in inside:
            yield from _subschemas(part)


def _objected(error: jsonschema_rs.ValidationError, document: Any) -> str:
    """The key that is missing, or the value that is wrong: as it is in the document, since the gate takes infinity for null."""
    if error.kind.name == "required":
        return error.message
    for key in error.instance_path:
        document = document[str(key)] if isinstance(document, dict) else document[key]  # a key "0" is called 0 by the gate
    return json.dumps(document)


def _is_small(document: Json) -> bool:
    """Has it few values? Looks at no more than it has to."""
    waiting = [document]
    seen = 0
    while waiting:
        part = waiting.pop()
        seen += 1
        if isinstance(part, dict | list):
            if seen + len(waiting) + len(part) > _SMALL:
                return False
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return True


# ---------------------------------------------------------------- where a $ref may lead


def _shipped(uri: str) -> dict[str, Json]:
    """A shipped schema by its `$id`, which is its path (`urn:chatcompat:openai:observed`). LookupError for anything else."""
    return _file(uri.partition("#")[0])


@functools.cache
def _file(urn: str) -> dict[str, Json]:
    named = re.fullmatch(r"urn:chatcompat:([a-z]+):([a-z]+)|https://chatcompat\.invalid/schemas/([a-z]+)/([a-z]+)\.json", urn)
    folder, name = [part for part in named.groups() if part] if named else ("", "")
    file = SCHEMAS / folder / f"{name}.json"
    if not named or not file.is_file():
        raise LookupError(f"{urn} is no schema of chatcompat, and none is fetched")
    return json.loads(file.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


# ---------------------------------------------------------------- the gate: jsonschema-rs


def _gate(schema: bool | dict[str, Json]) -> jsonschema_rs.Draft202012Validator:
    import jsonschema_rs

    try:
        return jsonschema_rs.Draft202012Validator(schema, validate_formats=False, retriever=_shipped)
    except (ValueError, TypeError, jsonschema_rs.ReferencingError) as wrong:
        where = pointer(getattr(wrong, "instance_path", ()))
        raise BadInput(f"not a JSON Schema 2020-12{f', at {where}' if where else ''}: {str(wrong).splitlines()[0]}") from None


# ---------------------------------------------------------------- the words: jsonschema


class _TooManySteps(Exception):
    """The document is too large to find the words."""


_steps: ContextVar[list[int] | None] = ContextVar("steps left", default=None)


def _validator(schema: bool | dict[str, Json]) -> Validator:
    from referencing import Registry, Resource

    def shipped(urn: str) -> Resource[Any]:
        return Resource.from_contents(_shipped(urn))

    known = ((urn, shipped(urn)) for urn in sorted(_needed(schema)))  # what is not known is looked for anew each time
    registry: Any = Registry(retrieve=shipped).with_resources(known).crawl()  # type: ignore[call-arg]
    return _validator_class()(schema, registry=registry)


def _needed(schema: Json) -> set[str]:
    """The shipped schemas that the references of a schema lead to, at once or through others."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        for part in _subschemas(waiting.pop()):
            urn = text(part.get("$ref")).partition("#")[0]
            if urn.startswith("urn:") and urn not in found:
                found.add(urn)
                waiting.append(_shipped(urn))
    return found


_Keyword: TypeAlias = "Callable[[Any, Any, Any, Any], Iterator[Any] | None]"


@functools.cache
def _validator_class() -> type[Validator]:
    from jsonschema import Draft202012Validator, validators

    keywords = {**Draft202012Validator.VALIDATORS, "contentMediaType": _content, "properties": _properties}
    bounded = {name: _bounded(name, check) for name, check in keywords.items()}
    made: type[Validator] = validators.extend(Draft202012Validator, bounded)  # type: ignore[no-untyped-call]
    return made


def _bounded(name: str, check: _Keyword) -> _Keyword:
    """The keyword with a limit on its work, and total: the library writes values into messages, and some cannot be written."""
    from jsonschema import ValidationError

    def bounded(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        left = _steps.get() or [1]
        left[0] -= 1
        if left[0] < 0:
            raise _TooManySteps
        try:
            yield from check(validator, value, instance, schema) or ()
        except (RecursionError, ValueError, OverflowError, re.error):
            yield ValidationError("is nested too deeply, or too large a number, to be checked", validator=name)

    return bounded


def _properties(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """The stock keyword, which forgets where it is when it comes to `false`."""
    from jsonschema import Draft202012Validator, ValidationError

    for key, part in properties.items():
        if part is False and isinstance(instance, dict) and key in instance:
            yield ValidationError("must not be there", validator="not", validator_value={}, path=(key,))
    others = {key: part for key, part in properties.items() if part is not False}
    yield from Draft202012Validator.VALIDATORS["properties"](validator, others, instance, schema)


def _content(validator: Any, media_type: Any, written: Any, schema: Any) -> Iterator[Any]:
    """`contentMediaType: application/json` and, beside it, `contentSchema`: a string must be JSON, and that must be valid."""
    from jsonschema import ValidationError

    if media_type != "application/json" or not isinstance(written, str):
        return
    document: Any = parse(written)
    if document is ABSENT:
        yield ValidationError(f"is {brief(written, 60)}, which is not JSON", validator="contentMediaType")
        return
    for error in compiled(schema.get("contentSchema", True)).errors(document):
        which = f"whose {error.at}" if error.at else "that"
        yield ValidationError(f"holds JSON {which} {error.message}", validator="contentSchema")
