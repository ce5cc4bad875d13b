"""How long pytest takes for 500 trials against a server that answers after 50 ms: through the plugin, to the engine alone,
and to plain pytest with 8 workers, where each request is a test of its own with a pooled client.

The engine counts with its own wall time, as a part of a process that is up already; pytest with the whole command, workers
and interpreter included, but for plugins that neither needs. By turns in one run; the best turn counts, so that the first,
in which Python compiles what it imports, does not.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import Sheet
from slow_server import SECONDS, slow_server

from harness import session
from harness.engine import Mode

CASES = 500
CONCURRENCY = 32
TURNS = 3

SUITE = """
suite: benchmark
title: Benchmark
features:
  ok: {title: It answers}
cases:
"""
CASE = """
  - id: case-%d
    title: It says OK
    needs: [ok]
    request: {messages: [{role: user, content: "Say OK, for the %dth time."}]}
    effect: {body: {/choices/0/message/content: {type: string, pattern: OK}}}
    expect: {body: {/choices/0/finish_reason: {const: stop}}}
"""
PROFILE = """
name: slow
title: Slow
base_url: %s
model: reference-1
thinks: false
token_field: max_tokens
limits: {concurrency: %d}
"""
PLAIN = """
import httpx
import pytest

@pytest.fixture(scope="session")
def client():
    with httpx.Client(base_url="%s", trust_env=False) as client:
        yield client

@pytest.mark.parametrize("number", range(%d))
def test_ok(client, number):
    body = {"model": "reference-1", "messages": [{"role": "user", "content": f"Say OK, for the {number}th time."}]}
    choice = client.post("/chat/completions", json=body).json()["choices"][0]
    assert "OK" in choice["message"]["content"]
    assert choice["finish_reason"] == "stop"
"""


def main() -> None:
    sheet = Sheet()
    with slow_server() as base_url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "benchmark.yaml").write_text(SUITE + "".join(CASE % (n, n) for n in range(CASES)), encoding="utf-8")
        (folder / "slow.yaml").write_text(PROFILE % (base_url, CONCURRENCY), encoding="utf-8")
        (folder / "test_plain.py").write_text(PLAIN % (base_url, CASES), encoding="utf-8")
        plugin = ["benchmark.yaml", "--chatcompat-endpoint=slow.yaml", f"--chatcompat-concurrency={CONCURRENCY}"]
        best = {"engine": float("inf"), "plugin": float("inf"), "plain": float("inf")}
        for _ in range(TURNS):
            best["engine"] = min(best["engine"], _engine(folder))
            best["plugin"] = min(best["plugin"], _pytest(folder, *plugin))
            best["plain"] = min(best["plain"], _pytest(folder, "test_plain.py", "-n8"))
    sheet.line(f"{CASES} trials, {CONCURRENCY} at once, as the server allows", CASES / CONCURRENCY * SECONDS, "s")
    sheet.line("the engine", best["engine"], "s")
    sheet.line("pytest with the plugin", best["plugin"], "s")
    sheet.line("plain pytest -n 8, a request a test", best["plain"], "s")
    sheet.line("the plugin to the engine", best["plugin"] / best["engine"], "x", at_most=2)
    sheet.line("the plugin to plain pytest -n 8", best["plugin"] / best["plain"], "x", at_most=1 / 3)
    sheet.finish()


def _engine(folder: Path) -> float:
    """Seconds that the engine takes, from the file of the suite to the report."""
    started = time.perf_counter()
    opened = session.opened([str(folder / "slow.yaml")], mode=Mode.LIVE, cassettes=folder, environ={})
    planned = opened.plan(only=[str(folder / "benchmark.yaml")])
    document = asyncio.run(opened.judged(planned, concurrency=CONCURRENCY))
    taken = time.perf_counter() - started
    assert document["counts"]["pass"] == CASES, document["counts"]
    return taken


def _pytest(folder: Path, *arguments: str) -> float:
    """Seconds that a whole command takes in which every test passes."""
    others = [f"-pno:{name}" for name in ("hypothesispytest", "benchmark", "anyio", "cacheprovider")]
    command = [sys.executable, "-m", "pytest", "-q", *others, *arguments]
    compiled = {"PYTHONPYCACHEPREFIX": str(folder / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
    started = time.perf_counter()
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **compiled})
    taken = time.perf_counter() - started
    assert f"{CASES} passed" in ended.stdout, ended.stdout[-2000:]
    return taken


if __name__ == "__main__":
    main()
