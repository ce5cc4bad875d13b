"""Two reports held against each other: what got worse, what got better, and whether the endpoint changed or the checks did.

The cause of a change is read off what was exchanged. The same request and the same answer with another verdict: the rules or
the case's claims changed. The same request and another answer: the endpoint did. Another request: the case did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from harness.model import Level, Verdict
from harness.report import Document

Result: TypeAlias = "Mapping[str, Any]"
Key: TypeAlias = tuple[str, str, bool]

NOT_JUDGED: Final = frozenset({Verdict.INCONCLUSIVE, Verdict.SKIPPED, Verdict.ERROR})

_RANK: Final = {Verdict.PASS: 0, Verdict.WARN: 1, Verdict.UNSUPPORTED: 2, Verdict.IGNORED: 3, Verdict.FAIL: 4}
"""How bad a verdict is, of those that say something of the endpoint."""


class Course(StrEnum):
    """Which way a trial went between two reports."""

    BROKEN = "newly broken"  # a worse verdict, or another counted finding with the same
    FIXED = "fixed"  # a better verdict, or fewer counted findings with the same
    LOST = "no longer judged"  # skipped, inconclusive or error where there was a verdict
    GAINED = "judged now"
    APPEARED = "appeared"  # only in the new report
    VANISHED = "vanished"  # only in the old one


class Cause(StrEnum):
    """Why a verdict is another one."""

    ENDPOINT = "the endpoint answers otherwise"
    CHECKS = "the same answer is judged otherwise: a rule or claim changed"
    CASE = "the case asks otherwise"
    UNKNOWN = "one of the reports does not say what was exchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A trial that is not as it was. `more` and `fewer` are the ids of counted rules and claims found only now, or only then."""

    endpoint: str
    case: str
    stream: bool
    course: Course
    before: Verdict | None
    after: Verdict | None
    cause: Cause | None  # None where it is in one report only
    more: tuple[str, ...] = ()
    fewer: tuple[str, ...] = ()
    message: str | None = None  # of the first new finding, or the reason why it was not judged

    @property
    def trial(self) -> str:
        """`suite/case`, with `:stream` for a streamed one."""
        return f"{self.case}:stream" if self.stream else self.case


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed from the one report to the other. `checks` says how the rules themselves differ, a sentence each."""

    changes: tuple[Change, ...]
    unchanged: int
    checks: tuple[str, ...]
    endpoints_appeared: tuple[str, ...] = ()
    endpoints_vanished: tuple[str, ...] = ()
    partial: tuple[str, ...] = field(default=())  # "old", "new": a report that says of itself that it is not whole

    def of(self, course: Course) -> tuple[Change, ...]:
        """The changes that went this way."""
        return tuple(change for change in self.changes if change.course is course)

    @property
    def regressed(self) -> bool:
        """Is anything newly broken?"""
        return bool(self.of(Course.BROKEN))


def compare(old: Document, new: Document, *, level: Level = Level.SHOULD) -> Comparison:
    """What changed from `old` to `new`. Findings below `level` do not count, and with `must` neither does `warn`."""
    old = _under_one_name(old, new)
    before, after = _by_key(old), _by_key(new)
    changes = [
        change
        for key in sorted(before.keys() | after.keys())
        if (change := _change(key, before.get(key), after.get(key), level)) is not None
    ]
    both = len(before.keys() & after.keys())
    return Comparison(
        changes=tuple(changes),
        unchanged=both - sum(change.course not in (Course.APPEARED, Course.VANISHED) for change in changes),
        checks=tuple(_checks(old, new)),
        endpoints_appeared=tuple(sorted(new["endpoints"].keys() - old["endpoints"].keys())),
        endpoints_vanished=tuple(sorted(old["endpoints"].keys() - new["endpoints"].keys())),
        partial=tuple(name for name, document in (("old", old), ("new", new)) if document["partial"]),
    )


def _under_one_name(old: Document, new: Document) -> Document:
    """The old report, its endpoint under the name that it has now: where each report is of one, they are meant to be the same."""
    if len(old["endpoints"]) != 1 or len(new["endpoints"]) != 1:
        return old
    (before,), (after,) = old["endpoints"], new["endpoints"]
    return {
        **old,
        "endpoints": {after: old["endpoints"][before]},
        "results": [{**result, "endpoint": after} for result in old["results"]],
    }


def _by_key(document: Document) -> dict[Key, Result]:
    return {(result["endpoint"], result["case"], result["stream"]): result for result in document["results"]}


def _change(key: Key, old: Result | None, new: Result | None, level: Level) -> Change | None:
    if old is None or new is None:
        only = old or new
        assert only is not None
        verdict = Verdict(only["verdict"])
        return _made(
            key,
            Course.VANISHED if new is None else Course.APPEARED,
            before=verdict if new is None else None,
            after=None if new is None else verdict,
        )
    before, after = _verdict(old, level), _verdict(new, level)
    counted_before, counted_after = _counted(old, level), _counted(new, level)
    more = tuple(rule for rule in counted_after if rule not in counted_before)
    fewer = tuple(rule for rule in counted_before if rule not in counted_after)
    course = _course(before, after, bool(more), bool(fewer))
    if course is None:
        return None
    message = next((counted_after[rule] for rule in more), None) or (_why_not(new) if after in NOT_JUDGED else None)
    return _made(key, course, before=before, after=after, cause=_cause(old, new), more=more, fewer=fewer, message=message)


def _made(key: Key, course: Course, *, before: Verdict | None, after: Verdict | None, **rest: Any) -> Change:
    endpoint, case, stream = key
    known = {"cause": None, **rest}
    return Change(endpoint=endpoint, case=case, stream=stream, course=course, before=before, after=after, **known)


def _verdict(result: Result, level: Level) -> Verdict:
    verdict = Verdict(result["verdict"])
    return Verdict.PASS if level is Level.MUST and verdict is Verdict.WARN else verdict


def _counted(result: Result, level: Level) -> dict[str, str]:
    """The rules and claims that count here, each with its first message."""
    counted: dict[str, str] = {}
    levels = {Level.MUST.value} | ({Level.SHOULD.value} if level is not Level.MUST else set())
    for finding in result["findings"]:
        if finding["level"] in levels or finding["kind"] == "effect":
            counted.setdefault(finding["rule"], finding["message"])
    return counted


def _why_not(result: Result) -> str | None:
    """The reason of a result that says nothing, or what it took as given and did not get."""
    unmet = next((finding["message"] for finding in result["findings"] if finding["kind"] == "given"), None)
    return result["reason"] or unmet


def _course(before: Verdict, after: Verdict, more: bool, fewer: bool) -> Course | None:
    if before in NOT_JUDGED or after in NOT_JUDGED:
        if before in NOT_JUDGED and after in NOT_JUDGED:
            return None
        if after in NOT_JUDGED:
            return Course.LOST
        return Course.BROKEN if _RANK[after] >= _RANK[Verdict.IGNORED] else Course.GAINED
    if before is not after:
        return Course.BROKEN if _RANK[after] > _RANK[before] else Course.FIXED
    return Course.BROKEN if more else Course.FIXED if fewer else None


def _cause(old: Result, new: Result) -> Cause:
    asked = (old.get("asked"), new.get("asked"))
    answered = (old.get("answered"), new.get("answered"))
    if None in asked or None in answered:
        return Cause.UNKNOWN
    if asked[0] != asked[1]:
        # What was asked may differ because an earlier answer of the conversation did; the tries may differ in number
        return Cause.CASE if old["tries"] == new["tries"] and len(old["exchanges"]) == len(new["exchanges"]) else Cause.ENDPOINT
    return Cause.CHECKS if answered[0] == answered[1] else Cause.ENDPOINT


def _checks(old: Document, new: Document) -> Iterator[str]:
    """How the rules of the two reports differ."""
    before, after = old["rules"], new["rules"]
    if old["harness"]["version"] != new["harness"]["version"]:
        yield f"chatcompat {old['harness']['version']} → {new['harness']['version']}"
    yield from _named("new rules", after.keys() - before.keys())
    yield from _named("rules that are gone", before.keys() - after.keys())
    for rule in sorted(before.keys() & after.keys()):
        if before[rule]["level"] != after[rule]["level"]:
            yield f"{rule}: {before[rule]['level'].upper()} → {after[rule]['level'].upper()}"


def _named(what: str, rules: Iterable[str]) -> Iterator[str]:
    names = sorted(rules)
    if names:
        yield f"{what}: {', '.join(names)}"
