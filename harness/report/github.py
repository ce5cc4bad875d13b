"""annotations.txt: GitHub's workflow commands, an annotation for each thing that is wrong; for the job's output.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions. A runner shows no more than ten errors, ten
warnings and ten notices of a step, so a defect is told once for all endpoints that have it, the worst first. Nothing that
an endpoint said begins a line or ends a command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.model import Verdict
from harness.report import Document, chance, matrix
from harness.report.accepted import accepted_trials, entries, known
from harness.report.defects import Defect, defects
from harness.report.matrix import number, plain

FILE: Final = "annotations.txt"

MOST: Final = 10
"""Of errors, of warnings and of notices: what a runner shows of a step."""

_MOST_CHARACTERS: Final = 600
_MOST_ENDPOINTS: Final = 4
_RANK: Final = {"must": 0, None: 1, "should": 2}
_KINDS: Final = ("error", "warning", "notice")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Annotation:
    kind: str
    title: str
    message: str

    @property
    def line(self) -> str:
        """The command."""
        return f"::{self.kind} title={_property(_short(self.title, 120))}::{_data(_short(self.message, _MOST_CHARACTERS))}"


def text(document: Document) -> str:
    """The commands, a line each, and a line for people."""
    told = [*_untested(document), *_partial(document), *_flaky(document), *_defects(document), *_accepted(document)]
    lines = []
    for kind in _KINDS:
        mine = [one for one in told if one.kind == kind]
        if len(mine) > MOST:
            left = len(mine) - (MOST - 1)
            more = _Annotation(kind=kind, title=f"and {left} more", message=f"{number(left, kind)} more; the report has all")
            mine = [*mine[: MOST - 1], more]
        lines += [one.line for one in mine]
    counted = ", ".join(f"{count} {mark.word}" for mark, count in matrix.tally(document))
    return "\n".join([*lines, f"chatcompat: {matrix.headline(document)}: {counted or 'nothing was held'}"]) + "\n"


def _untested(document: Document) -> Iterator[_Annotation]:
    for name, profile in document["endpoints"].items():
        if profile["judged"] == 0:
            own = [one for one in document["results"] if one["endpoint"] == name and one["reason"]]
            reasons = [str(one["reason"]) for one in [one for one in own if one["verdict"] == Verdict.ERROR] or own]
            why = max(reasons, key=reasons.count) if reasons else "no trial was held"
            yield _Annotation(kind="error", title=f"{name}: nothing could be judged", message=why)


def _partial(document: Document) -> Iterator[_Annotation]:
    if found := matrix.not_held(document):
        yield _Annotation(kind="warning", title="this report is only a part", message="; ".join(found))


def _flaky(document: Document) -> Iterator[_Annotation]:
    found = [one for one in document["results"] if chance.flaky(one)]
    if found:
        shown = [f"{one['endpoint']} {matrix.trial(one)}: {chance.in_short(one)}" for one in found[:_MOST_ENDPOINTS]]
        more = f"; and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
        yield _Annotation(kind="warning", title=f"{number(len(found), 'trial')} flaky", message="; ".join(shown) + more)


def _defects(document: Document) -> list[_Annotation]:
    """Every defect that counts and is not accepted, once for all who have it."""
    grouped: dict[tuple[bool, str, str | None, str | None], dict[str, Defect]] = {}
    for name in document["endpoints"]:
        fine, rules = accepted_trials(document, name), entries(document, name)
        for one in defects(document, name):
            known_by_case = one.cases and fine.issuperset(one.cases)
            if one.level != "may" and one.rule not in rules and not known_by_case:
                grouped.setdefault((one.standing, one.rule, one.place, one.level), {}).setdefault(name, one)
    ordered = sorted(grouped.items(), key=lambda item: (_RANK[item[0][3]], -len(item[1])))  # within these, as they came
    return [_annotation(level, list(found.items())) for (_, _, _, level), found in ordered]


def _annotation(level: str | None, found: Sequence[tuple[str, Defect]]) -> _Annotation:
    first = found[0][1]
    where = f" at {first.place}" if first.place else ""
    whose = found[0][0] if len(found) == 1 else number(len(found), "endpoint")
    counted = [
        f"{name}: in {one.broken} of {number(one.of, 'exchange' if one.standing else 'trial')}{_example(one)}"
        for name, one in found[:_MOST_ENDPOINTS]
    ]
    more = f"; and {len(found) - _MOST_ENDPOINTS} more" if len(found) > _MOST_ENDPOINTS else ""
    return _Annotation(
        kind="warning" if level == "should" else "error",
        title=f"{whose}: {first.rule}{where}",
        message=f"{_short(first.message, _MOST_CHARACTERS // 2)} ({'; '.join(counted)}{more})",
    )


def _example(defect: Defect) -> str:
    return f", such as {defect.cases[0]}" if defect.cases else ""


def _accepted(document: Document) -> Iterator[_Annotation]:
    for one in known(document):
        shown = ", ".join(one.trials[:_MOST_ENDPOINTS])
        title = f"{one.endpoint}: {len(one.trials)} {one.verdict}, known"
        yield _Annotation(kind="notice", title=title, message=f"{one.why} ({shown})")


def _short(said: str, most: int) -> str:
    safe = plain(said)
    return safe if len(safe) <= most else safe[: most - 1] + "…"


def _data(said: str) -> str:
    """The text of a command, as the runner reads it back."""
    return said.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(said: str) -> str:
    """The value of a command's property, as the runner reads it back."""
    return _data(said).replace(":", "%3A").replace(",", "%2C")
