"""A trial held several times over, to one outcome: how often it passes is a fact about the endpoint too.

What is kept of each repeat is little; of one of them, the worst that says something, everything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from harness import judge
from harness.model import Judged, Level, Repeat, Verdict
from harness.wire import Spent

_WORST_FIRST: Final = (
    Verdict.FAIL,
    Verdict.IGNORED,
    Verdict.UNSUPPORTED,
    Verdict.WARN,
    Verdict.PASS,
    Verdict.INCONCLUSIVE,
    Verdict.ERROR,
    Verdict.SKIPPED,
)
_MOST_RULES: Final = 20


async def repeated(times: int, hold: Callable[[], Awaitable[Judged]]) -> Judged:
    """The outcome of a trial that is held so many times, with all its repeats.

    Raises what `hold` raises; but where a ceiling ends it after some repeats, these are the outcome, and a skipped one.
    """
    shown: Judged | None = None
    repeats: list[Repeat] = []
    while len(repeats) < times:
        try:
            held = await hold()
        except Spent:
            if shown is None:
                raise
            repeats.append(Repeat(verdict=Verdict.SKIPPED, claims_verdict=Verdict.SKIPPED))
            break
        repeats.append(_of(held))
        if shown is None or _rank(held) < _rank(shown):
            shown = held
    assert shown is not None  # it is held once at least
    return replace(shown, repeats=tuple(repeats)) if times > 1 else shown


def _rank(held: Judged) -> int:
    return _WORST_FIRST.index(judge.verdict(held))


def _of(held: Judged) -> Repeat:
    found = {one.rule for one in judge.findings(held) if one.level in (Level.MUST, Level.SHOULD) or one.kind is not None}
    return Repeat(
        verdict=judge.verdict(held),
        claims_verdict=judge.verdict(held, of_claims=True),
        rules=tuple(sorted(found)[:_MOST_RULES]),
        elapsed_ms=held.elapsed_ms,
    )
