"""A comparison of two reports for readers: as text, as Markdown and as JSON. Alike changes are one entry with their trials."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.report.comparison import Cause, Change, Comparison, Course
from harness.report.matrix import number, plain
from harness.report.md import code, words

_MOST_TRIALS: Final = 6
_WORST_FIRST: Final = (Course.BROKEN, Course.LOST, Course.FIXED, Course.GAINED, Course.APPEARED, Course.VANISHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Changes of one endpoint that went the same way for the same reason."""

    course: Course
    endpoint: str
    what: str  # the rules or claims, or the verdicts
    cause: Cause | None
    changes: tuple[Change, ...]

    @property
    def message(self) -> str | None:
        """What the first of them says."""
        return self.changes[0].message


def groups(comparison: Comparison) -> tuple[Group, ...]:
    """All changes, the worst first; within a course by endpoint, the largest group first."""
    found: dict[tuple[Course, str, str, Cause | None], list[Change]] = {}
    for change in comparison.changes:
        found.setdefault((change.course, change.endpoint, _what(change), change.cause), []).append(change)
    made = [
        Group(course=course, endpoint=endpoint, what=what, cause=cause, changes=tuple(changes))
        for (course, endpoint, what, cause), changes in found.items()
    ]
    return tuple(sorted(made, key=lambda one: (_WORST_FIRST.index(one.course), one.endpoint, -len(one.changes), one.what)))


def _what(change: Change) -> str:
    rules = change.more if change.course is Course.BROKEN else change.fewer if change.course is Course.FIXED else ()
    if rules:
        return ", ".join(rules)
    before, after = (verdict.value if verdict else None for verdict in (change.before, change.after))
    return f"{before} → {after}" if before and after else before or after or ""


def text(comparison: Comparison) -> str:
    """For a terminal."""
    lines = [_summary(comparison)]
    last: Course | None = None
    for group in groups(comparison):
        if group.course is not last:
            last = group.course
            lines += ["", f"{last.value}: {number(len(comparison.of(last)), 'trial')}"]
        lines.append(f"  {plain(group.endpoint)}: {plain(group.what)}")
        lines.append(f"    {_trials(group.changes)}")
        if group.message:
            lines.append(f"    {plain(group.message)}")
        if group.cause is not None:
            lines.append(f"    {group.cause.value}")
    notes = list(_notes(comparison))
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def markdown(comparison: Comparison) -> str:
    """For a comment on a change, or a job's summary."""
    lines = ["## What changed", "", f"{_summary(comparison)}."]
    last: Course | None = None
    for group in groups(comparison):
        if group.course is not last:
            last = group.course
            lines += ["", f"### {last.value[0].upper()}{last.value[1:]}: {number(len(comparison.of(last)), 'trial')}", ""]
            lines += ["| endpoint | what | trials | cause |", "| --- | --- | --- | --- |"]
        message = f"<br>{words(group.message)}" if group.message else ""
        cells = [words(group.endpoint), f"`{code(group.what)}`{message}", words(_trials(group.changes))]
        lines.append(f"| {' | '.join([*cells, group.cause.value if group.cause else ''])} |")
    notes = list(_notes(comparison))
    return "\n".join([*lines, *([""] if notes else []), *(f"* {words(note)}" for note in notes)]) + "\n"


def document(comparison: Comparison) -> Mapping[str, Any]:
    """As data: how many of each course, every change, and how the rules differ."""
    return {
        "regressed": comparison.regressed,
        "counts": {course.name.lower(): len(comparison.of(course)) for course in Course} | {"unchanged": comparison.unchanged},
        "changes": [
            {
                "endpoint": change.endpoint,
                "case": change.case,
                "stream": change.stream,
                "course": change.course.name.lower(),
                "before": change.before,
                "after": change.after,
                "cause": change.cause.name.lower() if change.cause else None,
                "more": list(change.more),
                "fewer": list(change.fewer),
                "message": change.message,
            }
            for change in comparison.changes
        ],
        "checks": list(comparison.checks),
        "endpoints": {"appeared": list(comparison.endpoints_appeared), "vanished": list(comparison.endpoints_vanished)},
        "partial": list(comparison.partial),
    }


def as_json(comparison: Comparison) -> str:
    """`document`, written."""
    return json.dumps(document(comparison), ensure_ascii=False, indent=1) + "\n"


def _summary(comparison: Comparison) -> str:
    parts = [f"{len(found)} {course.value}" for course in _WORST_FIRST if (found := comparison.of(course))]
    return ", ".join([*parts, f"{comparison.unchanged} as before"])


def _trials(changes: Sequence[Change]) -> str:
    names = [change.trial for change in changes]
    more = f", and {len(names) - _MOST_TRIALS} more" if len(names) > _MOST_TRIALS else ""
    return plain(f"{number(len(names), 'trial')}: {', '.join(names[:_MOST_TRIALS])}{more}")


def _notes(comparison: Comparison) -> Iterator[str]:
    yield from comparison.checks
    for name, endpoints in (("new", comparison.endpoints_appeared), ("old", comparison.endpoints_vanished)):
        if endpoints:
            yield f"only in the {name} report: {', '.join(endpoints)}"
    for name in comparison.partial:
        yield f"the {name} report is partial: what it lacks counts as {'appeared' if name == 'old' else 'vanished'}"
