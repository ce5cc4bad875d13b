"""What a run has judged so far, kept on the disk while it goes on, so that a run that was killed can go on from there.

`journal.jsonl` lies where the report will: a line that says whom the run asks and what, then a line for each trial that has
ended, with its result and all that a report counts of it. A line that was cut off is no line. Nothing in it is a key.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final

from harness import __version__, judge
from harness.cost import Spent
from harness.errors import BadInput
from harness.model import (
    Attempt,
    Case,
    Exchange,
    Finding,
    Judged,
    Kind,
    Learned,
    Level,
    Looked,
    Other,
    Outcome,
    Repeat,
    Reply,
    Request,
    Silence,
    Trial,
    Unanswered,
    Verdict,
)
from harness.plan import Plan
from harness.reading import brief

FILE: Final = "journal.jsonl"
SYNCED_S: Final = 1.0
"""How much of a run a power cut may cost, in seconds; a killed process costs nothing that had ended."""

_FORMAT: Final = 1
_MOST_BYTES: Final = 2 * 1024**3

Key = tuple[str, str, str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What was judged before, of a plan: outcomes as a report counts them, with their results; and all that was spent."""

    started: str
    outcomes: Mapping[Key, Outcome] = field(default_factory=dict)
    results: Mapping[Key, dict[str, Any]] = field(default_factory=dict)
    spent: Mapping[Key, Spent] = field(default_factory=dict)
    size: int = 0  # of the file, without a line that was cut off


# ---------------------------------------------------------------- writing


class Journal:
    """Keeps each trial as it ends. Where that cannot be written, says so once, and the run goes on without."""

    def __init__(self, folder: Path, *, tell: Callable[[str], None], masked: Callable[[str], str] = lambda text: text) -> None:
        """`tell` is told what the person who runs it should know; `masked` takes keys out of a line."""
        self.path = folder / FILE
        self._tell = tell
        self._masked = masked
        self._file: IO[bytes] | None = None
        self._synced = 0.0
        self.kept = 0  # trials, since it began

    def begin(self, plan: Plan, mode: str, started: str, earlier: Earlier | None, *, repeat: int = 1) -> None:
        """Begins anew, or goes on after what was read."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if earlier is None:
                self._file = self.path.open("wb")
                self._write(_header(plan, mode, started, repeat))
            else:
                self._file = self.path.open("r+b")
                self._file.truncate(earlier.size)
                self._file.seek(earlier.size)
            self._sync()
        except OSError as error:
            self._give_up(error)

    def keep(self, outcome: Outcome, result: Mapping[str, Any], spent: Spent) -> None:
        """A trial has ended. What was not held is not kept: it is held when the run goes on."""
        if self._file is None or not isinstance(outcome, Judged):
            return
        try:
            self._write(_line(outcome, result, spent))
            self.kept += 1
            if time.monotonic() - self._synced >= SYNCED_S:
                self._sync()
        except OSError as error:
            self._give_up(error)

    def left(self, spent: Mapping[Key, Spent]) -> None:
        """What was spent on trials that did not end, since the run was stopped."""
        try:
            for key, one in spent.items():
                self._write({"left": list(key), "spent": asdict(one)})
        except OSError as error:
            self._give_up(error)

    def close(self, *, whole: bool) -> None:
        """The report is written: of a whole run the journal is not needed any more."""
        if self._file is not None:
            try:
                self._sync()
                self._file.close()
            except OSError:
                pass  # the report that it would serve is written, or that failed and was told
            self._file = None
        if whole:
            with suppress(OSError):  # what is left of it does no harm: the next run begins anew
                self.path.unlink()

    def _write(self, document: Mapping[str, Any]) -> None:
        if self._file is not None:
            line = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
            self._file.write(self._masked(line).encode() + b"\n")
            self._file.flush()

    def _sync(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def _give_up(self, error: OSError) -> None:
        self._tell(
            f"{self.path}: cannot be written: {error.strerror or error}; the run goes on, and could not be resumed from here"
        )
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        self._file = None


def _header(plan: Plan, mode: str, started: str, repeat: int) -> dict[str, Any]:
    return {
        "journal": _FORMAT,
        "version": __version__,
        "mode": mode,
        "started": started,
        "repeat": repeat,
        "endpoints": {
            endpoint.name: {
                "model": endpoint.model,
                "models": dict(endpoint.models),
                "dialect": endpoint.dialect,
                "base_url": endpoint.base_url,
            }
            for endpoint in plan.endpoints
        },
        "cases": {path: _digest(case) for path, case in sorted({trial.case.path: trial.case for trial in plan.trials}.items())},
    }


def _digest(case: Case) -> str:
    """A word that is another where anything about a case is, but for the lines that it stands in."""
    return hashlib.sha256(re.sub(r"\bline=\d+", "", repr(case)).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _line(outcome: Judged, result: Mapping[str, Any], spent: Spent) -> dict[str, Any]:
    learned = outcome.trial.endpoint.learned
    return {
        "trial": list(outcome.trial.key),
        "result": result,
        "spent": asdict(spent),
        "recorded": outcome.recorded,
        "elapsed_ms": outcome.elapsed_ms,
        "attempts": [[_looked(looked) for looked in attempt.steps] for attempt in outcome.attempts],
        **({"repeats": [asdict(one) for one in outcome.repeats]} if outcome.repeats else {}),
        **({"learned": {model: asdict(one) for model, one in learned.items()}} if learned else {}),
    }


def _looked(looked: Looked) -> dict[str, Any]:
    seen = looked.seen
    request = {"method": seen.request.method, "path": seen.request.path}
    found: dict[str, Any] = {
        "step": looked.step,
        "verdict": looked.verdict,
        "claims": looked.claims_verdict,
        "applied": sorted(looked.applied),
        "documents": sorted(looked.documents),
        "reason": looked.reason,
        "findings": [asdict(finding) for finding in looked.findings],
        "request": request,
    }
    if isinstance(seen, Exchange):
        return {**found, "status": seen.reply.status}
    return {**found, "silence": {"silence": seen.silence, "message": seen.message, "alone": seen.alone}}


# ---------------------------------------------------------------- reading


def read(folder: Path, plan: Plan, mode: str, *, repeat: int = 1) -> Earlier:
    """What an earlier run of the same plan has judged. Raises BadInput where there is none, or it was another run."""
    path = folder / FILE
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{path}: is too large to be read; delete it, and run without --resume")
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(
            f"--resume: there is no {path}: no run was stopped there; run without --resume, or name its --out"
        ) from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from None
    lines = list(_lines(content))
    if not lines or lines[0][0].get("journal") != _FORMAT:
        raise BadInput(f"{path}: is no journal of this version; run without --resume")
    header = lines[0][0]
    now = json.loads(json.dumps(_header(plan, mode, "", repeat)))
    if differences := list(_differences(header, now)):
        raise BadInput(f"{path}: is of another run: {'; '.join(differences)}; run without --resume, or with the same options")
    try:
        return _earlier(header, [line for line, _ in lines[1:]], lines[-1][1], plan)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{path}: is damaged ({brief(str(error), 80)}); run without --resume") from None


def _lines(content: bytes) -> Iterator[tuple[dict[str, Any], int]]:
    """Each whole line with where it ends, up to the first that was cut off or damaged."""
    at = 0
    while (end := content.find(b"\n", at)) >= 0:
        try:
            line = json.loads(content[at:end])
        except ValueError:
            return
        if not isinstance(line, dict):
            return
        at = end + 1
        yield line, at


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in ("version", "mode", "repeat"):
        if then.get(key) != now[key]:
            yield f"its {key} was {brief(then.get(key))}, and is {brief(now[key])}"
    before: Mapping[str, Any] = then.get("endpoints") or {}
    if before.keys() != now["endpoints"].keys():
        yield f"its endpoints were {', '.join(before)}, and are {', '.join(now['endpoints'])}"
        return
    for name, about in now["endpoints"].items():
        for key in about:
            if before[name].get(key) != about[key]:
                yield f"the {key} of {name} was {brief(before[name].get(key))}, and is {brief(about[key])}"
    cases: Mapping[str, Any] = then.get("cases") or {}
    if gone := sorted(cases.keys() - now["cases"].keys()):
        yield f"it held {_some(gone)}, which this one does not plan"
    if changed := sorted(path for path in cases.keys() & now["cases"].keys() if cases[path] != now["cases"][path]):
        yield f"{_some(changed)} changed since"


def _some(paths: Sequence[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _earlier(header: Mapping[str, Any], lines: Iterable[Mapping[str, Any]], size: int, plan: Plan) -> Earlier:
    trials = {trial.key: trial for trial in plan.trials}
    outcomes: dict[Key, Outcome] = {}
    results: dict[Key, dict[str, Any]] = {}
    spent: dict[Key, Spent] = {}
    for line in lines:
        endpoint, suite, case, stream = line["trial"] if "trial" in line else line["left"]
        key = (str(endpoint), str(suite), str(case), bool(stream))
        spent[key] = spent.get(key, Spent()) + Spent(**line["spent"])
        if "trial" not in line or key not in trials:
            continue
        outcome = _judged(trials[key], line)
        if judge.verdict(outcome) is Verdict.ERROR:
            continue  # nothing was learned of the endpoint: it is asked again
        if not isinstance(line["result"], dict):
            raise ValueError(f"the result of {suite}/{case} is no object")
        outcomes[key], results[key] = outcome, line["result"]
    return Earlier(started=str(header["started"]), outcomes=outcomes, results=results, spent=spent, size=size)


def _judged(trial: Trial, line: Mapping[str, Any]) -> Judged:
    learned = {model: Learned(**one) for model, one in line.get("learned", {}).items()}
    return Judged(
        trial=replace(trial, endpoint=replace(trial.endpoint, learned=learned)) if learned else trial,
        attempts=tuple(Attempt(steps=tuple(map(_seen, steps))) for steps in line["attempts"]),
        repeats=tuple(map(_repeat, line.get("repeats", ()))),
        recorded=line["recorded"],
        elapsed_ms=float(line["elapsed_ms"]),
    )


def _repeat(found: Mapping[str, Any]) -> Repeat:
    verdicts = {key: Verdict(found[key]) for key in ("verdict", "claims_verdict")}
    return Repeat(**{**found, **verdicts, "rules": tuple(found["rules"])})


def _seen(found: Mapping[str, Any]) -> Looked:
    request = Request(**found["request"])
    seen: Exchange | Unanswered
    if "silence" in found:
        seen = Unanswered(request=request, **{**found["silence"], "silence": Silence(found["silence"]["silence"])})
    else:
        seen = Other(request=request, reply=Reply(status=found["status"]))
    return Looked(
        step=found["step"],
        seen=seen,
        verdict=Verdict(found["verdict"]),
        claims_verdict=Verdict(found["claims"]),
        findings=tuple(map(_finding, found["findings"])),
        applied=frozenset(found["applied"]),
        documents=frozenset(found["documents"]),
        reason=found["reason"],
    )


def _finding(found: Mapping[str, Any]) -> Finding:
    return Finding(
        rule=found["rule"],
        level=None if found["level"] is None else Level(found["level"]),
        message=found["message"],
        at=found["at"],
        kind=None if found["kind"] is None else Kind(found["kind"]),
    )
