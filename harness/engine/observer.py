"""Who is told how a run goes on."""

from __future__ import annotations

from typing import Protocol

from harness.model import Endpoint, Outcome, Trial


class Observer(Protocol):
    """Who is told how a run goes on. The outcomes are what `run` returns."""

    def started(self, trial: Trial) -> None:
        """A trial is being held."""

    def finished(self, outcome: Outcome) -> None:
        """A trial has come to its end."""

    def waiting(self, endpoint: Endpoint, seconds: float, why: str) -> None:
        """A request to an endpoint waits."""


class Unobserved:
    """Tells nobody."""

    def started(self, trial: Trial) -> None:
        """Nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Nothing."""

    def waiting(self, endpoint: Endpoint, seconds: float, why: str) -> None:
        """Nothing."""
