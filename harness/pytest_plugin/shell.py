"""The plugin once it is asked for: collects suites, tells verdicts in pytest's words, and writes the report."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from harness import load, resources, session
from harness.api import FORMATS
from harness.commands import _endpoints, _writing
from harness.engine import Mode
from harness.errors import BadInput, ChatcompatError
from harness.model import Trial, Verdict
from harness.plan import Plan
from harness.pytest_plugin.items import PROPERTY, SuiteFile, TrialItem, marks
from harness.pytest_plugin.together import Together
from harness.report.marks import MARKS
from harness.report.matrix import not_held, plain
from harness.report.merging import merged

_OUTPUT: Final = "chatcompat"
_STATUS: Final[dict[Verdict, tuple[str, str, tuple[str, dict[str, bool]]]]] = {
    Verdict.WARN: ("warn", "w", ("WARN", {"yellow": True})),
    Verdict.IGNORED: ("failed", "I", ("IGNORED", {"red": True})),
    Verdict.UNSUPPORTED: ("unsupported", "u", ("UNSUPPORTED", {"cyan": True})),
    Verdict.INCONCLUSIVE: ("inconclusive", "?", ("INCONCLUSIVE", {"blue": True})),
    Verdict.ERROR: ("error", "E", ("ERROR", {"red": True})),
}
"""How a verdict that pytest does not know is counted, and its letter and word. What is ignored counts as failed."""


class Shell:
    """The hooks. It translates, and decides nothing."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        self._config = config
        how = Mode(option.chatcompat_mode or "live")
        folder = Path(option.chatcompat_cassettes) if option.chatcompat_cassettes else resources.CASSETTES
        with _usage():
            if how is Mode.RECORD and not option.chatcompat_cassettes:
                raise pytest.UsageError("--chatcompat-mode record: name the folder with --chatcompat-cassettes")
            if how is not Mode.REPLAY and not option.chatcompat_endpoint:
                raise pytest.UsageError(f"--chatcompat-mode {how}: name the endpoint with --chatcompat-endpoint")
            self.opened = opened(config, option.chatcompat_endpoint, how, folder)
        self.mode = str(how)
        limits = {"concurrency": max(1, option.chatcompat_concurrency), "max_requests": option.chatcompat_max_requests}
        self.together = Together(limits)
        self._shipped = config.args_source is not pytest.Config.ArgsSource.ARGS
        self._features = {feature.id: feature for suite in self.opened.suites for feature in suite.features}
        self._whole: Plan | None = None
        self._files: dict[str, str] = {}  # suite → its file
        self._named = {Path(os.path.abspath(config.invocation_params.dir / word.partition("::")[0])) for word in config.args}
        self._declared: set[str] = set()
        self._parts: dict[str, str] = {}
        self._said: list[str] = []

    # ------------------------------------------------------------ collecting

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Where nothing is named to collect, the shipped suites are, and nothing else."""
        report = yield
        if self._shipped and isinstance(collector, pytest.Session) and report.passed:
            files = sorted(resources.SUITES.glob("*.yaml"))
            report.result = [self._file(collector, file, nodeid=f"suites/{file.name}") for file in files]
        return report

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
        """A YAML file that was named, or one in a named folder that is a suite."""
        if self._shipped or file_path.suffix not in load.SUFFIXES:
            return None
        if file_path not in self._named and not _is_suite(file_path):
            return None
        return self._file(parent, file_path)

    def _file(self, parent: pytest.Collector, path: Path, **more: Any) -> SuiteFile:
        file: SuiteFile = SuiteFile.from_parent(parent, path=path, **more)
        file.shell = self
        return file

    def trials(self, path: Path) -> tuple[Trial, ...]:
        """The trials of a suite's file with every endpoint. Raises ChatcompatError."""
        if self._shipped:
            if self._whole is None:
                self._whole = self.opened.plan()
            planned, suite = self._whole, path.stem  # a suite's name is its file's
        else:
            read = load.suite(path)
            suite, known = read.id, {one.id: one for one in self.opened.suites}
            if self._files.setdefault(suite, read.file) != read.file:
                raise BadInput(f"{read.file}: the suite {suite} is in {self._files[suite]} too; give one of them another name")
            self.opened = replace(self.opened, suites=tuple({**known, suite: read}.values()))  # read once, and known from now
            planned = self.opened.plan(only=[suite])
        self._features.update(planned.features)
        trials = [one for one in planned.trials if one.case.suite == suite and one.key not in planned.brought]
        order = {case.id: place for place, case in enumerate(one.case for one in trials)}
        return tuple(sorted(trials, key=lambda one: (order[one.case.id], one.stream, one.endpoint.name)))

    def declare(self, mark: str, meaning: str) -> None:
        """Makes a mark known, so that `--strict-markers` takes it."""
        if mark not in self._declared:
            self._declared.add(mark)
            self._config.addinivalue_line("markers", f"{mark}: {meaning}")

    def marks(self, trial: Trial) -> Iterator[tuple[str, str]]:
        """The marks of a trial, each with what it means."""
        return marks(trial, self._features)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """What is left after `-k`, `-m` and `--lf` is what will be held."""
        keys = [item.trial.key for item in session.items if isinstance(item, TrialItem)]
        self.together.want(self.opened, keys, self._files)

    # ------------------------------------------------------------ telling

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        """Letters and words of the verdicts that pytest does not know."""
        verdict = _verdict(report)
        if verdict is None or report.when != "call" or hasattr(report, "wasxfail"):
            return None
        return _STATUS.get(verdict)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The verdicts of each endpoint, and what the report is only a part of."""
        counted: dict[str, Counter[Verdict]] = {}
        for reports in terminalreporter.stats.values():
            for report in reports:
                verdict = _verdict(report) if isinstance(report, pytest.TestReport) and report.when == "call" else None
                if verdict is not None:
                    counted.setdefault(report.nodeid.rpartition("@")[2], Counter())[verdict] += 1
        if not counted and not self._said:
            return
        terminalreporter.section("chatcompat")
        for name, verdicts in sorted(counted.items()):
            written = ", ".join(f"{verdicts[verdict]} {MARKS[verdict].word}" for verdict in Verdict if verdicts[verdict])
            terminalreporter.line(f"{plain(name)}: {written}")
        for said in self._said:
            terminalreporter.line(said)

    # ------------------------------------------------------------ the end, and the way home from a worker

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Ends what is still under way; then the report, or what a worker has of it to the one that writes it."""
        self.together.stop()
        self._parts.update(self.together.documents)
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = dict(self._parts)
        else:
            self._write()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """What a worker of pytest-xdist has judged."""
        self._parts.update(getattr(node, "workeroutput", {}).get(_OUTPUT, {}))

    def _write(self) -> None:
        folder = self._config.option.chatcompat_out
        if not self._parts:
            return
        try:
            document = merged([(name, json.loads(self._parts[name])) for name in sorted(self._parts)])
            self._said += [f"only a part: {said}" for said in not_held(document)]
            if folder is not None:
                written = _writing.write(document, Path(folder), FORMATS, self.opened.secrets)
                self._said.append(f"report: {', '.join(load.shown(path) for path in written)}")
        except ChatcompatError as error:
            self._said.append(f"no report: {error}")


def opened(config: pytest.Config, words: list[str], how: Mode, folder: Path) -> session.Session:
    """The endpoints that the options name. Raises ChatcompatError."""
    for word in words if how is not Mode.REPLAY else ():
        _endpoints.check(word, load.endpoint_names(), [path.parent.name for path in folder.glob("*/endpoint.yaml")], folder)
    return session.opened(
        words,
        mode=how,
        cassettes=folder,
        environ=dict(os.environ),
        model=config.option.chatcompat_model,
        key_env=config.option.chatcompat_key_env,
    )


class _usage:  # noqa: N801
    """Turns what is wrong with an option or a file into what pytest shows without a traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ChatcompatError):
            raise pytest.UsageError(str(error)) from None


def _is_suite(path: Path) -> bool:
    try:
        return load.kind(path) == "suite"
    except ChatcompatError:
        return False


def _verdict(report: Any) -> Verdict | None:
    found = next((value for name, value in getattr(report, "user_properties", ()) if name == PROPERTY), None)
    return None if found is None else Verdict(found)
