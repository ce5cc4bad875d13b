"""How soon a command answers, and how much memory the main replay takes at most."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import Sheet, cpu_ms

from harness import load

TURNS = 7
COMMAND = Path(sys.executable).with_name("chatcompat")


def main() -> None:
    sheet = Sheet()
    bare, _ = _best(sys.executable, "-c", "pass")
    click, _ = _best(sys.executable, "-c", "import click")
    listed, _ = _best(str(COMMAND), "list", "suites")
    sheet.line("python, doing nothing", bare, "s")
    sheet.line("python, importing click", click, "s")
    sheet.line("chatcompat list suites", listed, "s", at_most=0.35)
    sheet.line("chatcompat list suites, to importing click", listed / click, "x", at_most=4)
    sheet.line("reading every shipped suite", cpu_ms({"suites": load.suites}, TURNS)["suites"], "ms", at_most=200)

    with tempfile.TemporaryDirectory() as folder:
        seconds, mebibytes = _run(str(COMMAND), "run", "--out", folder)
    sheet.line("chatcompat run, replaying every shipped cassette", seconds, "s")
    sheet.line("chatcompat run, most memory at once", mebibytes, "MiB", at_most=200)
    sheet.finish()


def _best(*command: str) -> tuple[float, float]:
    """The least wall time in seconds of several runs, and the least peak memory in MiB."""
    runs = [_run(*command) for _ in range(TURNS)]
    return min(seconds for seconds, _ in runs), min(mebibytes for _, mebibytes in runs)


def _run(*command: str) -> tuple[float, float]:
    """Wall time in seconds and peak memory in MiB of one run. Exit code 1 is a run too: it found something."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    kibibytes = used.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return seconds, kibibytes / 1024


if __name__ == "__main__":
    main()
