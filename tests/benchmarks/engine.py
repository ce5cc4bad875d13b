"""How long the engine takes for 500 cases against a server that answers after 50 ms, to a bare httpx loop.

The bare loop has as many clients as the engine holds conversations at once, each with a connection of its own (one pool
of 32 is slower), and only looks whether there is a choice. What either needs once, whatever the number of cases, is
measured apart: the first run of the engine with one case.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import httpx
from measure import Sheet
from slow_server import SECONDS, slow_server

from harness import judge
from harness.engine import Mode, run
from harness.model import Case, Claims, Endpoint, Feature, Json, Kind, Limits, Step, Suite, Trial, Verdict
from harness.plan import Plan

CASES = 500
CONCURRENCY = 32
TURNS = 5


def main() -> None:
    sheet = Sheet()
    with slow_server() as base_url:
        once = _wall(lambda: _held(base_url, 1))
        best = {"bare": float("inf"), "engine": float("inf")}
        for _ in range(TURNS):
            best["bare"] = min(best["bare"], _wall(lambda: _bare(base_url)))
            best["engine"] = min(best["engine"], _wall(lambda: _held(base_url, CASES)))
    sheet.line("the first case alone: rules found, contract compiled", once, "s")
    sheet.line(f"{CASES} cases, {CONCURRENCY} at once, as the server allows", CASES / CONCURRENCY * SECONDS, "s")
    sheet.line("a bare httpx loop", best["bare"], "s")
    sheet.line("the engine, judging all", best["engine"], "s")
    sheet.line("the engine to the bare loop", best["engine"] / best["bare"], "x", at_most=1.3)
    sheet.finish()


def _wall(held: Callable[[], Awaitable[None]]) -> float:
    """Seconds. The loop's own start and end count for both alike."""

    async def whole() -> float:
        started = time.perf_counter()
        await held()
        return time.perf_counter() - started

    return asyncio.run(whole())


def _body(number: int) -> dict[str, Json]:
    return {"model": "reference-1", "messages": [{"role": "user", "content": f"Say OK, for the {number}th time."}]}


async def _bare(base_url: str) -> None:
    waiting = iter(range(CASES))
    context = httpx.create_ssl_context()  # made once: 32 of them take longer than everything else

    async def client_of_its_own() -> None:
        async with httpx.AsyncClient(trust_env=False, verify=context) as client:
            for number in waiting:
                reply = await client.post(f"{base_url}/chat/completions", json=_body(number))
                assert reply.json()["choices"]

    await asyncio.gather(*(client_of_its_own() for _ in range(CONCURRENCY)))


async def _held(base_url: str, cases: int) -> None:
    plan = _plan(base_url, cases)
    outcomes = await run(plan, mode=Mode.LIVE, environ={}, cassettes=Path("unused"), concurrency=CONCURRENCY)
    verdicts = {judge.verdict(outcome) for outcome in outcomes}
    assert len(outcomes) == cases
    assert verdicts == {Verdict.PASS}, (verdicts, judge.findings(outcomes[0]), judge.reason(outcomes[0]))


def _plan(base_url: str, cases: int) -> Plan:
    endpoint = Endpoint(
        name="slow", title="Slow", base_url=base_url, model="reference-1", limits=replace(Limits(), concurrency=CONCURRENCY)
    )
    suite = Suite(
        id="benchmark",
        title="Benchmark",
        features=(Feature(id="chat", title="It answers"),),
        cases=tuple(_case(number) for number in range(cases)),
    )
    trials = tuple(Trial(endpoint=endpoint, case=case, stream=False) for case in suite.cases)
    return Plan(endpoints=(endpoint,), suites=(suite,), trials=trials)


def _case(number: int) -> Case:
    claims = {
        Kind.EFFECT: Claims(body={"/choices/0/message/content": {"type": "string", "pattern": "OK"}}),
        Kind.EXPECT: Claims(body={"/choices/0/finish_reason": {"const": "stop"}}),
    }
    step = Step(id="ask", request=_body(number), claims=claims)
    return Case(suite="benchmark", id=f"case-{number}", title="It says OK", needs=("chat",), steps=(step,))


if __name__ == "__main__":
    main()
