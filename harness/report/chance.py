"""How often a trial passes, where it was held several times: pass@k, pass^k, and how sure that is.

With n repeats that say something of the endpoint, c of them passed:

* pass@k, that at least one of k passes: 1 - C(n-c, k) / C(n, k). The unbiased estimator of Chen et al., Evaluating Large
  Language Models Trained on Code, 2021 (arXiv:2107.03374), section 2.1.
* pass^k, that all of k pass: C(c, k) / C(n, k). The unbiased estimator of Yao et al., τ-bench, 2024 (arXiv:2406.12045),
  section 3.
* The interval is that of the rate c / n: Wilson's score interval of 95 % (Wilson 1927, JASA 22:209). A rate p gives
  1 - (1-p)^k and p^k, both growing with p, so its two ends give the ends of the other two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import comb, sqrt
from typing import Any, Final

from harness.model import Verdict

FLAKY: Final = "flaky"
"""The look of a trial that passed in some repeats and not in others: neither passed nor failed."""

_Z: Final = 1.959963984540054  # of the standard normal distribution, for 95 %
_PASSED: Final = (Verdict.PASS, Verdict.WARN)
_SAYS_NOTHING: Final = (Verdict.INCONCLUSIVE, Verdict.SKIPPED, Verdict.ERROR)
_SHOWN: Final = (1, 2, 3, 5, 10, 20, 50, 100)


def at_least_one(passed: int, of: int, k: int) -> float:
    """pass@k: how likely at least one of k repeats passes. `k` from 1 to `of`."""
    return 1.0 - comb(of - passed, k) / comb(of, k)


def every_one(passed: int, of: int, k: int) -> float:
    """pass^k: how likely all of k repeats pass. `k` from 1 to `of`."""
    return comb(passed, k) / comb(of, k)


def interval(passed: int, of: int) -> tuple[float, float]:
    """Where the rate lies with a confidence of 95 %: Wilson's score interval."""
    if of == 0:
        return (0.0, 1.0)
    rate, z2 = passed / of, _Z * _Z
    middle = (rate + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * sqrt(rate * (1 - rate) / of + z2 / (4 * of * of))
    return (max(0.0, middle - half), min(1.0, middle + half))


def passed(verdicts: Sequence[str]) -> dict[str, Any]:
    """How many of the repeats passed, of those that say something, and what that makes likely, by k."""
    judged = [verdict for verdict in verdicts if verdict not in _SAYS_NOTHING]
    count, of = sum(verdict in _PASSED for verdict in judged), len(judged)
    low, high = interval(count, of)
    return {
        "count": count,
        "of": of,
        "interval": [round(low, 4), round(high, 4)],
        "at": {
            str(k): {
                "one": round(at_least_one(count, of, k), 4),
                "one_interval": [round(1 - (1 - low) ** k, 4), round(1 - (1 - high) ** k, 4)],
                "all": round(every_one(count, of, k), 4),
                "all_interval": [round(low**k, 4), round(high**k, 4)],
            }
            for k in sorted({*(one for one in _SHOWN if one <= of), *([of] if of else [])})
        },
    }


def flaky(result: Mapping[str, Any]) -> bool:
    """Did the trial pass in some of its repeats, and not in others?"""
    found = result.get("passed")
    return found is not None and 0 < found["count"] < found["of"]


def in_short(result: Mapping[str, Any]) -> str:
    """How often a trial passed, and what that makes likely, with the intervals of 95 %; nothing where it was not repeated."""
    found = result.get("passed")
    if not found or not found["of"]:
        return ""
    k = found["of"]
    at = found["at"][str(k)]
    one, every = (f"{at[name]:.0%} ({_range(at[f'{name}_interval'])})" for name in ("one", "all"))
    rate = f"{found['count']} of {k} passed ({_range(found['interval'])})"
    return f"{rate}; at least one of {k}: {one}, all {k}: {every}"


def _range(ends: Sequence[float]) -> str:
    return f"{ends[0]:.0%} to {ends[1]:.0%}"


def said(results: Iterable[Mapping[str, Any]]) -> str:
    """Of all trials that were repeated, on average: how many pass, at least once of k, and each time; nothing where none was."""
    repeated = [one["passed"] for one in results if one.get("passed") and one["passed"]["of"]]
    if not repeated:
        return ""
    rate = sum(found["count"] / found["of"] for found in repeated) / len(repeated)
    line = f"of {len(repeated)} repeated trials {rate:.1%} pass (pass@1)"
    k = min(found["of"] for found in repeated)
    shared = [found["at"][str(k)] for found in repeated if str(k) in found["at"]]
    if k > 1 and len(shared) == len(repeated):
        one, every = (sum(at[name] for at in shared) / len(shared) for name in ("one", "all"))
        line += f", {one:.1%} at least once of {k} (pass@{k}), {every:.1%} all {k} times (pass^{k})"
    return line
