"""The map of the API: each request parameter, response field, value and framing rule, and what of the suites and rules covers it.

What covers a point is worked out, never written down: the request side from what the cases send, the answers from what cases
claim and from what the rules say of answers of the reference server with this one field spoiled, the framing from what
catches the faults that break it. What the API has is listed in schemas/openai/surface.yaml and the contract; why a point is
not covered stands in schemas/openai/uncovered.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness import resources
from harness.coverage import answered, requested
from harness.load import yaml_document
from harness.model import Json, Suite
from harness.reading import arr, obj, objects, text
from harness.reference import faults_named

SURFACE: Final = "surface.yaml"
UNCOVERED: Final = "uncovered.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A piece of the API. `covered_by` are rule and case ids; `reason` says why there is none."""

    id: str
    cases: tuple[str, ...]
    rules: tuple[str, ...]
    reason: str = ""


def points(suites: Sequence[Suite]) -> tuple[Point, ...]:
    """Every piece of the API, in the order in which a reader would look for it."""
    surface, reasons = obj(document(SURFACE)), reasons_given()
    cases = dict(_requested(surface, suites)) | dict(_answered(surface, suites))
    rules = dict(answered.by_rules()) | dict(answered.codes_by_rules(_names(surface["codes"]))) | dict(_caught(surface))
    return tuple(
        Point(
            id=name,
            cases=tuple(sorted(found for found in cases.get(name, set()) | rules.get(name, set()) if "/" in found)),
            rules=tuple(sorted(found for found in rules.get(name, set()) if "/" not in found)),
            reason=reasons.get(name, ""),
        )
        for name in dict.fromkeys([*cases, *rules])
    )


def reasons_given() -> dict[str, str]:
    """Point → why nothing covers it."""
    groups = [group for _, group in objects(document(UNCOVERED))]
    return {point: text(group.get("reason")) for group in groups for point in _names(group.get("points"))}


def document(file: str) -> Json:
    """One of the two files of this map."""
    where = resources.SCHEMAS / "openai" / file
    return yaml_document(where.read_text(encoding="utf-8"), file)


def _requested(surface: Mapping[str, Json], suites: Sequence[Suite]) -> Iterator[tuple[str, set[str]]]:
    sent = requested.by_cases(suites)
    for path, values in obj(surface["parameters"]).items():
        yield f"request/{path}", sent.get(path, set())
        for value in arr(values):
            named = requested.valued(path, value)
            yield f"request/{named}", sent.get(named, set())


def _answered(surface: Mapping[str, Json], suites: Sequence[Suite]) -> Iterator[tuple[str, set[str]]]:
    claimed = answered.by_claims(suites)
    for name in answered.fields():
        yield name, claimed.get(name, set())
    for status in arr(surface["statuses"]):
        yield f"status/{status}", claimed.get(f"status/{status}", set())
    for code in _names(surface["codes"]):
        yield f"error/error/code={code}", claimed.get(f"error/error/code={code}", set())


def _caught(surface: Mapping[str, Json]) -> Iterator[tuple[str, set[str]]]:
    for section in ("framing", "sequence"):
        for name, faults in obj(surface[section]).items():
            yield f"{section}/{name}", {found for fault in faults_named(_names(faults)) for found in fault.caught_by}


def _names(value: Any) -> list[str]:
    return [text(name) for name in arr(value)]
