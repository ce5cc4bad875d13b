"""What requests cost: an estimate before they are sent, and what was spent after.

The rough rule: a token of input for each four bytes of the request's body; output up to the request's limit, once for each of
`n` choices (`UNLIMITED` where it has no limit, never more than `MOST_OUTPUT`). Only what generates text costs tokens.
What a reply says of its usage takes the estimate's place. A refused request costs no tokens unless it says so; one that was
answered without `usage`, hung up on, or not answered at all costs its estimate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.model import Endpoint, Json, Prices, Reply, Request, Unanswered
from harness.reading import get, integer

BYTES_A_TOKEN: Final = 4
UNLIMITED: Final = 512
MOST_OUTPUT: Final = 8192

_GENERATES: Final = re.compile(r"/(chat/completions|completions|messages|responses)$")
_LIMITS: Final = ("max_completion_tokens", "max_tokens")
_MOST_LINES: Final = 64  # of a stream that are looked at for usage, from its end and its beginning

Key = tuple[str, str, str, bool]
"""A trial: endpoint, suite, case, streamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was spent, or would be. `estimated` are those of the tokens that no reply counted."""

    requests: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: int = 0

    @property
    def tokens(self) -> int:
        """Of both kinds."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Spent) -> Spent:
        return Spent(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    def __sub__(self, other: Spent) -> Spent:
        return Spent(**{name: getattr(self, name) - getattr(other, name) for name in self.__slots__})


def total(spent: Iterable[Spent]) -> Spent:
    """All of these."""
    return sum(spent, Spent())


# ---------------------------------------------------------------- before


def estimate(request: Request) -> Spent:
    """What a request costs at most, by the rough rule."""
    if request.method != "POST" or not _GENERATES.search(request.path):
        return Spent(requests=1)
    prompt = -(-len((request.content or b"").strip()) // BYTES_A_TOKEN)  # blanks around JSON are none of a prompt
    completion = _output(request.body)
    return Spent(requests=1, prompt_tokens=prompt, completion_tokens=completion, estimated=prompt + completion)


def _output(body: Json) -> int:
    limits = [limit for name in _LIMITS if (limit := integer(get(body, name))) is not None and limit >= 0]
    choices = integer(get(body, "n")) or 1
    return min(limits[0] if limits else UNLIMITED, MOST_OUTPUT) * min(max(choices, 1), 16)


def money(prices: Prices | None, spent: Spent) -> dict[str, Any] | None:
    """What tokens cost, in the currency of the prices; None where these are not known."""
    if prices is None:
        return None
    amount = (spent.prompt_tokens * prices.input + spent.completion_tokens * prices.output) / prices.per
    return {"amount": round(amount, 6), "currency": prices.currency}


# ---------------------------------------------------------------- after


def counted(request: Request, seen: Reply | Unanswered) -> Spent:
    """What a request cost: as its reply counts it, else by the estimate; nothing where it was refused."""
    if isinstance(seen, Reply):
        if usage := _usage(seen):
            return Spent(requests=1, prompt_tokens=usage[0], completion_tokens=usage[1])
        if not 200 <= seen.status < 300 and seen.status != 499:
            return Spent(requests=1)
    return estimate(request)


def _usage(reply: Reply) -> tuple[int, int] | None:
    """Tokens of input and output, as the reply says; of a stream the most that any event says."""
    prompts: list[int] = []
    completions: list[int] = []
    for document in _documents(reply.content):
        for usage in (get(document, "usage"), get(document, "message", "usage")):
            for found, names in (
                (prompts, ("prompt_tokens", "input_tokens")),
                (completions, ("completion_tokens", "output_tokens")),
            ):
                found += [count for name in names if (count := integer(get(usage, name))) is not None and 0 <= count < 10**9]
    return (max(prompts, default=0), max(completions, default=0)) if prompts or completions else None


def _documents(content: bytes) -> Iterator[Json]:
    if b'"usage"' not in content:
        return
    if content.lstrip()[:1] == b"{":
        yield from _parsed(content)
        return
    lines = [line[5:] for line in content.splitlines() if line.startswith(b"data:") and b'"usage"' in line]
    for line in lines if len(lines) <= 2 * _MOST_LINES else lines[:_MOST_LINES] + lines[-_MOST_LINES:]:
        yield from _parsed(line)


def _parsed(content: bytes) -> Iterator[Json]:
    try:
        yield json.loads(content)
    except (ValueError, RecursionError):
        return


# ---------------------------------------------------------------- ceilings


@dataclass(slots=True)
class Purse:
    """What a run may spend, and what it did, by trial. `before` was spent earlier, of the same ceilings."""

    max_requests: int | None = None
    max_tokens: int | None = None
    before: Spent = field(default_factory=Spent)
    by_trial: dict[Key, Spent] = field(default_factory=dict)
    full: str = ""  # which ceiling kept a request from being sent
    _all: Spent = field(default_factory=Spent)

    def take(self, key: Key, request: Request, *, again: bool = False) -> bool:
        """Takes what a request is estimated to cost, before it is sent. False: it would pass a ceiling, and is not sent."""
        asked = estimate(request)
        held = self.before + self._all
        if self.max_requests is not None and held.requests + 1 > self.max_requests:
            self.full = f"the ceiling of {self.max_requests} requests is reached (--max-requests)"
            return False
        if self.max_tokens is not None and asked.tokens and held.tokens + asked.tokens > self.max_tokens:
            self.full = f"the ceiling of {self.max_tokens} tokens could be passed (--max-tokens)"
            return False
        self._add(key, asked + Spent(retries=int(again)))
        return True

    def settle(self, key: Key, request: Request, seen: Reply | Unanswered) -> None:
        """Puts what a request really cost in place of what was taken for it."""
        self._add(key, counted(request, seen) - estimate(request))

    def of(self, endpoint: str) -> Spent:
        """What was spent with an endpoint."""
        return total(spent for key, spent in self.by_trial.items() if key[0] == endpoint)

    def _add(self, key: Key, spent: Spent) -> None:
        self.by_trial[key] = self.by_trial.get(key, Spent()) + spent
        self._all += spent


def shown(endpoint: Endpoint, spent: Spent) -> Mapping[str, Any]:
    """What was spent, as a report has it."""
    return {**{name: getattr(spent, name) for name in Spent.__slots__}, "money": money(endpoint.prices, spent)}
