"""What pytest collects: a suite's file, and in it an item for each trial."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from harness import report
from harness.commands import _verdicts, _writing
from harness.errors import ChatcompatError
from harness.model import Kind, Level, Trial, Verdict
from harness.report import excerpt
from harness.report.marks import MARKS
from harness.report.matrix import line, plain

if TYPE_CHECKING:
    from harness.pytest_plugin.shell import Shell

PROPERTY: Final = "chatcompat.verdict"
"""The property of an item's report that holds the verdict; JUnit files have it too."""

UNWANTED: Final = frozenset({Verdict.FAIL.value, Verdict.IGNORED.value})
_UNSAFE: Final = re.compile(r"[^\w.:-]+|::+")
_ORDER: Final = ("must", "effect", "expect", "given", "should", "prefer", "may")  # what decides comes first
_MOST_FINDINGS: Final = 12
_MOST_CURL: Final = 4000  # characters: an image in a request is no help


class Broken(Exception):
    """A trial that failed, or of which nothing can be said; told as findings, without a traceback."""


class SuiteFile(pytest.File):
    """A YAML file of cases."""

    shell: Shell

    def collect(self) -> Iterable[TrialItem]:
        """An item for each trial of its cases."""
        try:
            trials = self.shell.trials(self.path)
        except ChatcompatError as error:
            raise self.CollectError(str(error)) from None
        for trial in trials:
            yield TrialItem.of(self, trial)


class TrialItem(pytest.Item):
    """A case, streamed or not, with an endpoint: `suites/tools.yaml::named:stream@endpoint`.

    The endpoint stands at the end behind an `@`, which is how pytest-xdist writes and reads the group that an item is of: all
    items of an endpoint go to one worker, and have the same name with and without it. No brackets: pytest takes what is
    between the first and the end for parameters.
    """

    trial: Trial
    shell: Shell

    @classmethod
    def of(cls, parent: SuiteFile, trial: Trial) -> TrialItem:
        """The item of a trial."""
        streamed = ":stream" if trial.stream else ""
        item: TrialItem = cls.from_parent(parent, name=f"{trial.case.id}{streamed}@{_UNSAFE.sub('-', trial.endpoint.name)}")
        item.trial, item.shell = trial, parent.shell
        for name, meaning in parent.shell.marks(trial):
            parent.shell.declare(name, meaning)
            item.add_marker(name)
        item.extra_keyword_matches.update((trial.endpoint.name, trial.case.path))
        return item

    def runtest(self) -> None:
        """Waits for its outcome, and says it as pytest does."""
        try:
            result = self.shell.together.result(self.trial.key)
        except ChatcompatError as error:
            self._verdict(Verdict.ERROR)
            raise Broken(f"error: {plain(error)}") from None
        verdict = Verdict(result["verdict"])
        self._verdict(verdict)
        reason = line(result["reason"] or next((one["message"] for one in result["findings"]), verdict.value))
        match verdict:
            case Verdict.PASS | Verdict.WARN:
                return
            case Verdict.UNSUPPORTED | Verdict.INCONCLUSIVE | Verdict.SKIPPED:
                pytest.skip(f"{verdict.value}: {reason}")
            case Verdict.ERROR:
                raise Broken(f"error: {reason}")
            case Verdict.FAIL | Verdict.IGNORED:
                about = report.document([], mode=self.shell.mode, suites=(), endpoints=(self.trial.endpoint,))
                known = {name: asdict(one) for name, one in self.trial.endpoint.known.items()}
                about["endpoints"][self.trial.endpoint.name]["known"] = known
                document = {**about, "results": [result]}
                if not _verdicts.unexpected(document, UNWANTED, "should", binding=False).results:
                    pytest.xfail(f"known: {reason}")
                told = "\n".join(_told(document, result))
                raise Broken(_writing.masked(told, self.shell.opened.secrets))

    def _verdict(self, verdict: Verdict) -> None:
        self.user_properties.append((PROPERTY, verdict.value))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **options: Any) -> Any:
        """Findings and the way to see it again; a traceback only for a fault of ours."""
        if isinstance(excinfo.value, Broken):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args, **options)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where its case stands."""
        return self.path, (self.trial.case.line - 1 if self.trial.case.line else None), self.name


def marks(trial: Trial, features: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The marks of a trial, each with what it means: features, the level of what it claims, and whether it may be refused."""
    yield "chatcompat", "a trial of a chatcompat suite"
    for name in trial.case.needs:
        yield name, getattr(features.get(name), "title", "") or "a feature"
    kinds = {kind for step in trial.case.steps for kind, claims in step.claims.items() if claims}
    severe = kinds & {Kind.EXPECT, Kind.EFFECT} or not kinds & {Kind.PREFER}
    level = Level.MUST if severe else Level.SHOULD
    yield level.value, {Level.MUST: "fails or is ignored where its claims do not hold"}.get(level, "only warns of its claims")
    if getattr(features.get(trial.case.feature), "optional", False):
        yield "optional", "an endpoint may refuse it"


def _told(document: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[str]:
    """What was found, the worst first, and the request that shows it."""
    mark = MARKS[result["verdict"]]
    yield f"{mark.word}: {plain(result['title'])} ({mark.meaning})"
    if result["reason"]:
        yield line(result["reason"])
    found = sorted(result["findings"], key=lambda one: _ORDER.index(one["level"] or one["kind"]))
    for one in found[:_MOST_FINDINGS]:
        level = (one["level"] or one["kind"] or "").upper()
        where = f" at {plain(one['at'])}" if one["at"] else ""
        yield f"  {level:<6} {plain(one['rule'])}{where}, step {plain(one['step'])}, try {one['try']}"
        yield f"         {line(one['message'])}"
    if len(found) > _MOST_FINDINGS:
        yield f"  and {len(found) - _MOST_FINDINGS} more"
    exchanges = [one for one in result["exchanges"] if "request" in one]
    if exchanges:
        first = found[0]["exchange"] if found and found[0]["exchange"] < len(exchanges) else -1
        curl = plain(excerpt.curl(document, result["endpoint"], exchanges[first]["request"]))
        yield f"$ {curl[:_MOST_CURL]}{'…' if len(curl) > _MOST_CURL else ''}"
