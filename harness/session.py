"""One run, whichever shell asks for it: the same endpoints, plan, engine and report for the command, Python and pytest.

    opened = session.opened(["http://127.0.0.1:8080/v1"], mode=Mode.LIVE, cassettes=folder, environ=os.environ)
    opened = await opened.with_models()
    document = await opened.judged(opened.plan())

Nothing here decides what an answer is worth: that is `harness.judge`, called by the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import engine, load, plan, report, thrift
from harness.cassette import endpoints as recorded_endpoints
from harness.catalogue import OF_THE_JUDGE
from harness.cost import Purse, Spent, total
from harness.engine import Mode, Observer
from harness.errors import BadInput, ChatcompatError
from harness.journal import Earlier, Journal
from harness.model import Endpoint, Judged, Outcome, Suite
from harness.plan import Plan
from harness.report.outcomes import Results
from harness.rule import all_rules
from harness.wire import credentials, with_optional_headers

Key = tuple[str, str, str, bool]
"""What tells a trial from every other: endpoint, suite, case, streamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Whom to judge, and how. `environ` is where keys come from; they are nowhere else."""

    mode: Mode
    cassettes: Path
    endpoints: tuple[Endpoint, ...]
    environ: Mapping[str, str] = field(repr=False)
    suites: tuple[Suite, ...]
    recorded: tuple[Endpoint, ...] = ()  # of a replay: what the cassettes are of

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values of the variables that the endpoints name in headers and query, longest first: what no report may hold.

        What an endpoint sends back of them, in however many pieces, may add up to the whole again in an assembled answer.
        """
        named = {name for endpoint in self.endpoints for name in credentials(endpoint)}
        return tuple(sorted((value for name in named if len(value := self.environ.get(name, "")) >= 8), key=len, reverse=True))

    def plan(self, *, only: Sequence[str] = (), needs: Collection[str] = (), shard: str | None = None) -> Plan:
        """What to do, as `harness.plan` selects it. Raises BadInput, also for a name in a profile that nothing has."""
        planned = plan.plan(self.endpoints, self.suites, only=only, needs=needs, shard=shard)
        rules = (*(rule.id for rule in all_rules()), *OF_THE_JUDGE)
        plan.check_names([endpoint for endpoint in self.endpoints if endpoint not in self.recorded], planned.suites, rules)
        return planned

    async def with_models(self) -> Session:
        """The same, ready to be asked; a replay asks nobody.

        Every endpoint has its model: the only one that it lists, where none is named; and those headers that its profile
        has for what is set in the environment. Raises BadInput where it lists several, Unusable where it cannot be asked.
        """
        if self.mode is Mode.REPLAY:
            return self
        ready = [with_optional_headers(endpoint, self.environ) for endpoint in self.endpoints]
        asked = await asyncio.gather(*(engine.with_model(endpoint, self.environ) for endpoint in ready))
        return replace(self, endpoints=tuple(asked))

    async def unlisted(self, tell: Callable[[str], None]) -> None:
        """Tells where an endpoint does not list its model."""

        async def look(endpoint: Endpoint) -> None:
            try:
                said = await engine.unlisted(endpoint, self.environ)
            except ChatcompatError:
                return  # the run will tell
            if said is not None:
                tell(f"{endpoint.name}: {said}")

        await asyncio.gather(*map(look, self.endpoints))

    async def judged(
        self,
        planned: Plan,
        *,
        observer: Observer | None = None,
        tell_unlisted: Callable[[str], None] | None = None,
        without: frozenset[Key] = frozenset(),
        finished: Callable[[Outcome, dict[str, Any]], None] | None = None,
        max_requests: int | None = None,
        max_tokens: int | None = None,
        repeat: int = 1,
        journal: Journal | None = None,
        earlier: Earlier | None = None,
        **limits: Any,
    ) -> dict[str, Any]:
        """The report's document of a run that is held now. Cancelled, it is that of what was held so far.

        `without` are trials that are held and not reported: of a shard, those that are only a prerequisite here, so that
        each trial is in the report of one shard. `tell_unlisted` is told, while the run goes on, where an endpoint does not
        list its model. `finished` gets each outcome with its result as soon as there is one. `limits` are what
        `engine.run` takes: `concurrency`, `missing`, `pool`. With a ceiling (`max_requests`, `max_tokens`) the most basic and
        the cheapest trials come first; `repeat` is how often each is held. `journal` keeps each trial as it ends; `earlier` is
        what one kept of this plan, which is not held again, and of which this is the report too.
        """
        kept_in = self.cassettes if self.mode is Mode.REPLAY else None
        started = None if self.mode is Mode.REPLAY else datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        results = Results(kept_in)
        purse = Purse(max_requests=max_requests, max_tokens=max_tokens)
        if earlier is not None:
            started = earlier.started
            results.known(earlier.results)
            purse.before = total(earlier.spent.values())
        if journal is not None:
            journal.begin(planned, str(self.mode), started or "", earlier, repeat=repeat)
        if max_requests is not None or max_tokens is not None:
            planned = thrift.cheapest_first(planned)

        def keep(outcome: Outcome) -> Outcome:
            kept = results.keep(outcome)
            if journal is not None:
                journal.keep(kept, results.of(kept), purse.by_trial.get(kept.trial.key, Spent()))
            if finished is not None:
                finished(kept, results.of(kept))
            return kept

        def spent(endpoint: str) -> Spent:
            before = earlier.spent.items() if earlier is not None else ()
            return purse.of(endpoint) + total(one for key, one in before if key[0] == endpoint)

        looking = None if tell_unlisted is None else asyncio.create_task(self.unlisted(tell_unlisted))
        task = asyncio.current_task()
        try:
            outcomes = await engine.run(
                planned,
                mode=self.mode,
                environ=self.environ,
                cassettes=self.cassettes,
                observer=observer,
                keep=keep,
                purse=purse,
                repeat=repeat,
                before=earlier.outcomes if earlier is not None else None,
                **limits,
            )
            if looking is not None and task is not None and not task.cancelling():
                await asyncio.wait([looking])  # a short run may end before it, and it does not take long
        finally:
            if looking is not None:
                looking.cancel()
        if journal is not None:
            ended = {outcome.trial.key for outcome in outcomes if isinstance(outcome, Judged)}
            journal.left({key: spent for key, spent in purse.by_trial.items() if key not in ended})
        known = earlier.outcomes.values() if earlier is not None else ()
        return report.document(
            [outcome for outcome in (*known, *outcomes) if outcome.trial.key not in without],
            mode=str(self.mode),
            suites=planned.suites,
            endpoints=planned.endpoints,
            started=started,
            cassettes=kept_in,
            results=results,
            spent=None if self.mode is Mode.REPLAY else spent,
        )


def opened(
    named: Iterable[str | Endpoint] = (),
    *,
    mode: Mode,
    cassettes: Path,
    environ: Mapping[str, str],
    model: str | None = None,
    key_env: str | None = None,
    headers: Sequence[str] = (),
    base_url: str | None = None,
    suites: Sequence[Suite] | None = None,
) -> Session:
    """A run with these endpoints: NAME, FILE.yaml, URL, or the value itself. None named: a replay of all that is recorded.

    Of a replay, a name is that of what was recorded. Raises BadInput for a word that names none, and for none named where
    somebody is to be asked.
    """
    recorded = tuple(map(load.with_shipped_statements, recorded_endpoints(cassettes))) if mode is Mode.REPLAY else ()
    known = {endpoint.name: endpoint for endpoint in recorded}
    asked = tuple(
        (known[word] if word in known else load.endpoint_of(word, model, key_env, headers, base_url))
        if isinstance(word, str)
        else load.with_given(word, model, key_env, headers, base_url)
        for word in named
    )
    if not asked and mode is not Mode.REPLAY:
        raise BadInput(f"--mode {mode}: name the endpoint with --endpoint")
    if not asked and not recorded:
        raise BadInput(f"{cassettes} holds no recordings: there is no */endpoint.yaml; record some with --mode record")
    return Session(
        mode=mode,
        cassettes=cassettes,
        endpoints=asked or recorded,
        environ=environ,
        suites=tuple(load.suites() if suites is None else suites),
        recorded=recorded,
    )
