"""Which cases go to which endpoints, in what order, and what that will send.

What is selected brings its prerequisites along: a verdict must not depend on what else was selected. Prerequisites come
first; a case whose prerequisite did not pass is skipped by the engine. Before all of them goes the probe of each model that
a case asks, where the endpoint's profile does not say what it would find.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from harness import load, prepare, probe
from harness.dialects import NoEquivalent, dialect
from harness.document import did_you_mean, some
from harness.errors import BadInput
from harness.model import Case, Endpoint, Feature, Request, Step, Suite, Trial
from harness.reading import brief

_NO_MODEL: Final = "MODEL"  # stands in a draft for the model that the endpoint will be asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A request that would be sent. `{"$from": "step#/pointer"}` in it stands for a value that an earlier step will bring."""

    trial: Trial
    step: Step
    request: Request | NoEquivalent  # as it goes on the wire; or what the endpoint's API has no form for


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will do. `trials` are in the order of holding; `brought` are those that only others' `needs` brought in."""

    endpoints: tuple[Endpoint, ...]
    suites: tuple[Suite, ...]  # every suite that is known, whether selected or not: here base cases are looked for
    trials: tuple[Trial, ...]
    brought: frozenset[tuple[str, str, str, bool]] = frozenset()  # keys of trials
    probes: Mapping[tuple[str, str, str, bool], Trial] = field(default_factory=dict)  # key of a trial → what is held before it
    _bases: Mapping[tuple[str, bool], tuple[Case, bool]] = field(default_factory=dict, repr=False)

    @property
    def optional(self) -> dict[str, bool]:
        """Feature → may an endpoint refuse it?"""
        return {feature.id: feature.optional for suite in self.suites for feature in suite.features}

    @property
    def features(self) -> dict[str, Feature]:
        """Every feature by its id, in the order of the suites."""
        return {feature.id: feature for suite in self.suites for feature in suite.features}

    def base_case(self, feature: str, stream: bool) -> tuple[Case, bool] | None:
        """The case, and whether streamed, that shows whether an endpoint has a feature.

        It is the first in the order of the suites that tests it; in the other mode where it does not have this one.
        """
        return self._bases.get((feature, stream))

    def prerequisites(self, trial: Trial) -> tuple[Trial, ...]:
        """The base trials of the features that a trial needs besides the one under test, with the same endpoint."""
        return tuple(_prerequisites(trial, self._bases))

    def narrowed(self, wanted: Collection[tuple[str, str, str, bool]]) -> Plan:
        """The plan of only these trials, by their keys, and of what has to be held before them."""
        kept: set[tuple[str, str, str, bool]] = set()
        waiting = [trial for trial in self.trials if trial.key in wanted]
        while waiting:
            trial = waiting.pop()
            if trial.key in kept:
                continue
            kept.add(trial.key)
            before = self.probes.get(trial.key)
            waiting += [*self.prerequisites(trial), *([] if before is None else [before])]
        return replace(
            self,
            trials=tuple(trial for trial in self.trials if trial.key in kept),
            brought=frozenset(kept - set(wanted)),
            probes={key: before for key, before in self.probes.items() if key in kept},
        )

    def requests(self, endpoint: Endpoint) -> tuple[Planned, ...]:
        """Every request of one try of every trial with an endpoint, in order."""
        modelled = endpoint if endpoint.model is not None else replace(endpoint, model=_NO_MODEL)
        return tuple(
            Planned(trial=trial, step=step, request=_outgoing(prepare.draft(replace(trial, endpoint=modelled), step), endpoint))
            for trial in self.trials
            if trial.endpoint.name == endpoint.name
            for step in trial.case.steps
        )

    def counts(self, endpoint: Endpoint) -> tuple[int, int]:
        """How many requests go to an endpoint: at most where each first try decides, and at most where none does."""
        cases = [trial.case for trial in self.trials if trial.endpoint.name == endpoint.name]
        # A probe whose limit is refused is asked again with the other name of the limit.
        again = sum(case.suite == probe.SUITE for case in cases) if endpoint.token_field is None else 0
        return sum(len(case.steps) for case in cases), sum(len(case.steps) * case.tries for case in cases) + again

    def text(self) -> str:
        """What would be sent, in words and as it goes out: how much to each endpoint, and each request's line and body."""
        return "\n".join(line for endpoint in self.endpoints for line in self._lines(endpoint))

    def _lines(self, endpoint: Endpoint) -> Iterator[str]:
        requests = self.requests(endpoint)
        least, most = self.counts(endpoint)
        trials = sum(trial.endpoint.name == endpoint.name for trial in self.trials)
        brought = sum(key[0] == endpoint.name for key in self.brought)
        yield f"{endpoint.name}: {_number(least, 'request')} in {_number(trials, 'trial')} to {endpoint.base_url}" + (
            f", at most {most} with every repeated try" if most > least else ""
        )
        for name, value in {**endpoint.headers, **endpoint.optional_headers}.items():
            if "${" in value:
                yield f"  {name}: {value}{'  (where set)' if name not in endpoint.headers else ''}"
        if endpoint.model is None:
            yield f"  {_NO_MODEL} stands for the one model that it lists"
        if brought:
            yield f"  {_number(brought, 'trial')} of them only as a prerequisite of others"
        if any(key[0] == endpoint.name for key in self.probes):
            yield "  the probe comes first: by what it finds, limits get another name, and room for a model that thinks"
        last: Trial | None = None
        for planned in requests:
            if planned.trial != last:
                last = planned.trial
                yield f"\n  {last.case.path}{', streamed' if last.stream else ''}: {last.case.title}"
            request = planned.request
            if isinstance(request, NoEquivalent):
                yield f"    nothing: this API has no equivalent of {request.parameter}"
                continue
            left_out = f"  (without {', '.join(request.without)})" if request.without else ""
            yield f"    {request.method} {request.path}{left_out}"
            if request.content is not None:
                yield f"      {_shown(request.content)}"
        yield ""


def _outgoing(request: Request, endpoint: Endpoint) -> Request | NoEquivalent:
    return dialect(endpoint.dialect).outgoing(request, endpoint)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _shown(content: bytes) -> str:
    """A body on one line; a raw one may hold anything."""
    text = content.decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


# ---------------------------------------------------------------- planning


def plan(
    endpoints: Sequence[Endpoint],
    suites: Sequence[Suite],
    *,
    only: Sequence[str] = (),
    needs: Collection[str] = (),
    shard: str | None = None,
) -> Plan:
    """The plan for these endpoints.

    `only` selects by SUITE, SUITE/CASE or PATH (a suite's file of the user's own, or a folder of such); `needs`, cases that
    need one of these features; `shard`, `I/N`, the I-th of N parts. A part is a matter of each case alone, so that added cases
    move no other. Raises BadInput for a word that selects nothing, and where nothing is left.
    """
    _unique_names(endpoints)
    known, selected = _selected(suites, only)
    _check_needs(known, needs)
    if needs:
        selected = [case for case in selected if set(needs) & set(case.needs)]
        if not selected:
            raise BadInput(f"no selected case needs {' or '.join(some(needs))}; leave --needs out, or select other suites")
    if shard is not None:
        selected = _shard(selected, shard)
    bases = _bases(known)
    wanted = {
        trial.key: trial
        for endpoint in endpoints
        for case in selected
        for trial in (Trial(endpoint=endpoint, case=case, stream=stream) for stream in case.stream)
    }
    named = any(word.partition("/")[0] == probe.SUITE for word in only)
    wanted = {
        key: trial
        for key, trial in wanted.items()
        if named or trial.case.suite != probe.SUITE or not probe.settled(trial.endpoint)
    }
    ordered = _ordered(wanted.values(), bases)
    probes = _probes(ordered, known)
    first = {before.key: before for before in (*probes.values(), *(one for one in ordered if one.case.suite == probe.SUITE))}
    ordered = [*first.values(), *(trial for trial in ordered if trial.key not in first)]
    if not ordered:
        raise BadInput(
            "nothing is planned: there is no endpoint" if not endpoints else "nothing is planned: the suites hold no case"
        )
    return Plan(
        endpoints=tuple(endpoints),
        suites=tuple(known),
        trials=tuple(ordered),
        brought=frozenset(trial.key for trial in ordered if trial.key not in wanted),
        probes=probes,
        _bases=bases,
    )


def _probes(trials: Iterable[Trial], suites: Iterable[Suite]) -> dict[tuple[str, str, str, bool], Trial]:
    """The probe that each trial waits for: none where its profile says it all, and none where there is no limit in it."""
    case = probe.case_of(suites)
    if case is None:
        return {}
    return {
        trial.key: probe.trial(trial.endpoint, trial.case, case)
        for trial in trials
        if trial.case.suite != probe.SUITE and not probe.settled(trial.endpoint) and probe.limits(trial.case)
    }


def _unique_names(endpoints: Sequence[Endpoint]) -> None:
    seen: set[str] = set()
    for endpoint in endpoints:
        if endpoint.name in seen:
            raise BadInput(f"two endpoints are called {endpoint.name}; give one of them another `name` in a profile of its own")
        seen.add(endpoint.name)


def _ordered(trials: Iterable[Trial], bases: Mapping[tuple[str, bool], tuple[Case, bool]]) -> list[Trial]:
    """The trials and their prerequisites, those first."""
    ordered: dict[tuple[str, str, str, bool], Trial] = {}

    def add(trial: Trial, needed_by: tuple[Trial, ...]) -> None:
        if trial.key in ordered:
            return
        if trial in needed_by:
            ring = " needs ".join(one.case.path for one in (*needed_by[needed_by.index(trial) :], trial))
            raise BadInput(f"the prerequisites go round in a ring, so none could be first: {ring}")
        for before in _prerequisites(trial, bases):
            add(before, (*needed_by, trial))
        ordered[trial.key] = trial

    for trial in trials:
        add(trial, ())
    return list(ordered.values())


def _prerequisites(trial: Trial, bases: Mapping[tuple[str, bool], tuple[Case, bool]]) -> Iterator[Trial]:
    for feature in trial.case.needs[:-1] if trial.case.suite != probe.SUITE else ():
        base = bases.get((feature, trial.stream))
        if base is not None:
            yield Trial(endpoint=trial.endpoint, case=base[0], stream=base[1])


def _bases(suites: Iterable[Suite]) -> dict[tuple[str, bool], tuple[Case, bool]]:
    first: dict[str, Case] = {}
    for suite in suites:
        for case in suite.cases:
            first.setdefault(case.feature, case)
    return {
        (feature, stream): (case, stream if stream in case.stream else not stream)
        for feature, case in first.items()
        for stream in (False, True)
    }


# ---------------------------------------------------------------- selection


def _selected(suites: Sequence[Suite], only: Sequence[str]) -> tuple[list[Suite], list[Case]]:
    """The suites that are known then (a file of the user's goes before a shipped suite of its name), and the cases."""
    known = {suite.id: suite for suite in suites}
    if not only:
        return list(known.values()), [case for suite in suites for case in suite.cases]
    chosen: dict[str, Case] = {}
    for word in only:
        read = _from_path(word, known)
        known.update((suite.id, suite) for suite in read)
        cases = [case for suite in read for case in suite.cases] or _named(word, known)
        chosen.update((case.path, case) for case in cases)
    _one_home_a_feature(known.values())
    order = {case.path: position for position, case in enumerate(case for suite in known.values() for case in suite.cases)}
    return list(known.values()), sorted(chosen.values(), key=lambda case: order[case.path])


def _from_path(word: str, known: Mapping[str, Suite]) -> tuple[Suite, ...]:
    """The suites of a file or folder, where the word means one."""
    path = Path(word)
    if word.endswith(load.SUFFIXES):
        return load.suites(path)
    suite, slash, case = word.partition("/")
    if suite in known and (not slash or any(one.id == case for one in known[suite].cases)):
        return ()
    return load.suites(path) if path.is_dir() else ()


def _named(word: str, known: Mapping[str, Suite]) -> list[Case]:
    suite, slash, name = word.partition("/")
    if suite not in known:
        paths = [case.path for one in known.values() for case in one.cases]
        close = did_you_mean(word, paths if slash else known, listed=False)
        raise BadInput(f"there is no suite {brief(suite)}, and no such file{close or f'; there are {_list(known)}'}")
    cases = [case for case in known[suite].cases if not slash or case.id == name]
    if not cases:
        names = [case.id for case in known[suite].cases]
        close = did_you_mean(name, names, listed=False)
        raise BadInput(f"there is no case {brief(name)} in the suite {suite}{close or f'; there are {_list(names)}'}")
    return cases


def _list(names: Collection[str]) -> str:
    return ", ".join(some(names, 40))


def _one_home_a_feature(suites: Iterable[Suite]) -> None:
    homes: dict[str, Suite] = {}
    for suite in suites:
        for feature in suite.features:
            home = homes.setdefault(feature.id, suite)
            if home is not suite:
                raise BadInput(
                    f"the feature `{feature.id}` is declared by {home.file or home.id} and by {suite.file or suite.id};"
                    " a feature is one row: give yours another name"
                )


def _check_needs(suites: Iterable[Suite], needs: Collection[str]) -> None:
    known = [feature.id for suite in suites for feature in suite.features]
    for feature in needs:
        if feature not in known:
            close = did_you_mean(feature, known, listed=False)
            raise BadInput(f"no suite declares the feature {brief(feature)}{close or f'; there are {_list(known)}'}")


def check_names(endpoints: Iterable[Endpoint], suites: Sequence[Suite], rules: Iterable[str]) -> None:
    """Raises BadInput where a profile names a feature that no suite declares, or accepts failures of no case and no rule.

    `rules` are the ids of all rules. What was recorded need not be checked: its profile may be older than the suites.
    """
    features = [feature.id for suite in suites for feature in suite.features]
    failures = [*(case.path for suite in suites for case in suite.cases), *rules]
    for endpoint in endpoints:
        for key, named in (("models", endpoint.models), ("has", endpoint.has), ("lacks", endpoint.lacks)):
            for feature in named:
                if feature not in features:
                    close = did_you_mean(feature, features, listed=False) or "; select the suite that declares it, or take it out"
                    raise BadInput(f"endpoint {endpoint.name}: `{key}` names {brief(feature)}, which no suite declares{close}")
        for name in endpoint.known:
            if name.partition(":")[0] not in failures:
                close = did_you_mean(name, failures, listed=False) or "; take it out"
                raise BadInput(f"endpoint {endpoint.name}: `known` names {brief(name)}, which is no case and no rule{close}")


def _shard(cases: Sequence[Case], shard: str) -> list[Case]:
    written = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", shard)
    part, parts = (int(written[1]), int(written[2])) if written else (0, 0)
    if not 1 <= part <= parts:
        raise BadInput(f"a shard is written I/N, I from 1 to N, such as 2/3; not {brief(shard)}")
    held = [case for case in cases if _place(case.path) % parts == part - 1]
    if not held:
        raise BadInput(f"nothing is planned: shard {part}/{parts} holds none of the {len(cases)} cases; use fewer shards")
    return held


@functools.cache
def _place(path: str) -> int:
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big")
