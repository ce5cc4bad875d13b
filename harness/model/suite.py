"""What is asked and claimed: suites, cases, steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from harness.model.exchange import HangUp, Json
from harness.model.verdict import Kind

Fragment: TypeAlias = "bool | dict[str, Json]"
"""A JSON Schema 2020-12 fragment; true: it is there; false: it is not there. May hold `{"$from": "step#/pointer"}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a step claims of its answer, all with one consequence."""

    status: Fragment | None = None
    headers: Mapping[str, Fragment] = field(default_factory=dict)
    body: Mapping[str, Fragment] = field(default_factory=dict)  # JSON Pointer → fragment
    chunks: Mapping[str, Fragment] = field(default_factory=dict)  # the same, into the array of chunks
    took_ms: Fragment | None = None  # from the request's being sent to the last byte of its answer, in milliseconds

    def __bool__(self) -> bool:
        return self.status is not None or self.took_ms is not None or bool(self.headers or self.body or self.chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """A step that is not a plain chat request. `body` (JSON) and `raw` (text as is) exclude each other.

    `encoding` is how `body` is written: `ascii`, with an escape for each character beyond it; None: in UTF-8.
    """

    method: str
    path: str
    headers: Mapping[str, str | dict[str, Json] | None] = field(default_factory=dict)
    """Lower-case name → text or `$from`; null: leave this header of the endpoint's out."""
    body: Json = None
    raw: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request of a case and what it claims. Exactly one of `request` and `http` is set.

    `together`: it is sent at the same time as the step before it.
    """

    id: str
    request: dict[str, Json] | None = None
    http: Http | None = None
    together: bool = False
    hang_up: HangUp | None = None
    claims: Mapping[Kind, Claims] = field(default_factory=dict)
    line: int = 0  # in the suite's file, from 1

    @property
    def claims_status(self) -> bool:
        """Does any claim name `status`? If none does, the step claims 2xx."""
        return any(claims.status is not None for claims in self.claims.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to try: a conversation of one or more steps."""

    suite: str
    id: str
    title: str
    needs: tuple[str, ...]  # features: the last is under test, those before are prerequisites
    steps: tuple[Step, ...]
    stream: tuple[bool, ...] = (False,)
    tries: int = 1
    line: int = 0

    @property
    def path(self) -> str:
        """`suite/case`, the identity of a case."""
        return f"{self.suite}/{self.id}"

    @property
    def feature(self) -> str:
        """The feature under test: the row of the matrix."""
        return self.needs[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    id: str
    title: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A YAML file of cases."""

    id: str
    title: str
    features: tuple[Feature, ...]
    cases: tuple[Case, ...]
    file: str = ""
