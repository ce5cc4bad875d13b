"""One request of a test of the user's own, judged by the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import judge, resources
from harness.api import waited_for
from harness.commands._writing import masked
from harness.engine import Mode, conduct
from harness.model import Case, Endpoint, Exchange, Finding, Level, Step, Trial, Unanswered, Verdict
from harness.report.matrix import line
from harness.session import Session
from harness.wire import Network, Wire

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of a request. `str()` of it says what was found."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    exchange: Exchange | Unanswered
    _secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """It was answered with 2xx, and no rule at MUST is broken."""
        return self.verdict in judge.GOES_ON

    @property
    def body(self) -> Any:
        """The completion as JSON; of a stream, what its chunks add up to. None where there is none."""
        return getattr(self.exchange, "body", None)

    def __str__(self) -> str:
        counted = [one for one in self.findings if one.level is not Level.MAY]
        silent = [self.exchange.message] if isinstance(self.exchange, Unanswered) else []
        said = [f"{self.verdict.value}", *silent, *(f"{one.rule} at {one.at}: {line(one.message)}" for one in counted)]
        return masked("\n".join(said), self._secrets)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedEndpoint:
    """An endpoint that a test can ask."""

    endpoint: Endpoint
    _session: Session = field(repr=False)

    def judge(self, request: Mapping[str, Any], stream: bool = False) -> Asked:
        """Sends a Chat Completions request (`model` is filled in where it has none), and judges the answer.

        It may be called where an event loop runs. Raises `harness.errors.Unusable` where the key's variable is not set.
        """
        step = Step(id="request", request=dict(request))
        case = Case(suite="own", id="request", title="A request of a test", needs=("chat",), steps=(step,), stream=(stream,))
        trial = Trial(endpoint=self.endpoint, case=case, stream=stream)

        async def held() -> Asked:
            network = Network(self.endpoint, self._session.environ)
            try:
                outcome = await conduct(trial, Wire(self.endpoint, network))
            finally:
                await network.aclose()
            looked = outcome.attempts[0].steps[0]
            return Asked(
                verdict=judge.verdict(outcome), findings=looked.findings, exchange=looked.seen, _secrets=self._session.secrets
            )

        return waited_for(held)


def asked(config: pytest.Config, word: str) -> AskedEndpoint:
    """The endpoint of a word of `--chatcompat-endpoint`, with its model. Raises ChatcompatError."""
    from harness.pytest_plugin.shell import opened

    folder = Path(config.option.chatcompat_cassettes) if config.option.chatcompat_cassettes else resources.CASSETTES
    found = opened(config, [word], Mode.LIVE, folder)
    ready = waited_for(found.with_models)
    return AskedEndpoint(endpoint=ready.endpoints[0], _session=ready)
