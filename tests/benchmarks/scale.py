"""What many endpoints cost: replays of more and more of them, in shards that run by turns and are merged.

Each endpoint is the reference server's shipped cassettes under a name of its own. The figures are CPU seconds and the most
memory of one process at a time: those of each shard (which grow with what it holds, since a report holds all results), and
those of the merging. With as many endpoints to a shard as before, memory is flat and CPU time is linear.

    python tests/benchmarks/scale.py                     5, 10, 20 and 40 endpoints, 10 to a shard
    python tests/benchmarks/scale.py 1000 --to-a-shard 20  so many
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import Sheet

from harness import load, resources
from harness.plan import plan

SIZES = (5, 10, 20, 40)
TO_A_SHARD = 10
MOST_TRIALS = 200  # of an endpoint
SOURCE = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What some processes took: CPU seconds in all, wall seconds in all, and the most memory of one, in MiB."""

    cpu: float
    wall: float
    memory: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, metavar="ENDPOINTS")
    parser.add_argument("--to-a-shard", type=int, default=TO_A_SHARD, metavar="ENDPOINTS")
    parser.add_argument("--at-once", type=int, default=1, metavar="SHARDS")
    given = parser.parse_args()
    sheet = Sheet()
    costs = {}
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        for size in given.sizes:
            costs[size] = measured(sheet, Path(folder), size, given.to_a_shard, given.at_once)
    first, last = min(costs), max(costs)
    if first != last:
        (one, trials_of_one), (other, trials_of_other) = costs[first], costs[last]
        grown = (other.cpu / one.cpu) / (trials_of_other / trials_of_one)
        sheet.line(f"CPU time a trial, {last} endpoints to {first}: linear is 1", grown, "", at_most=1.3)
    sheet.finish()


def measured(sheet: Sheet, folder: Path, size: int, to_a_shard: int, at_once: int) -> tuple[Cost, int]:
    """Runs and merges so many endpoints, and writes down what it took; also the number of trials."""
    cassettes, cases = made(folder / f"cassettes-{size}", size)
    shards = -(-size // to_a_shard)
    out = folder / f"out-{size}"
    run = [sys.executable, "-m", "harness.cli", "run", *cases, "--mode", "replay", "--cassettes", str(cassettes), "-q"]
    commands = [
        [*run, "--format", "json", "--out", str(out / str(one)), *(["--shard", f"{one}/{shards}"] if shards > 1 else [])]
        for one in range(1, shards + 1)
    ]
    ran = taken(commands, at_once)
    parts = [str(out / str(one)) for one in range(1, shards + 1)]
    merge = [sys.executable, "-m", "harness.cli", "merge", *parts, "--format", "json", "--out", str(out / "whole")]
    merged = taken([merge], 1)
    trials = (out / "whole" / "report.json").read_bytes().count(b'"tries": ')
    what = f"{size} endpoints, {trials} trials, {shards} shard{'' if shards == 1 else 's'}"
    sheet.line(f"{what}: CPU for 10,000 trials", ran.cpu / trials * 10_000, "s")
    sheet.line(f"{what}: wall, {at_once} at once", ran.wall, "s")
    sheet.line(f"{what}: most memory of a shard", ran.memory, "MiB")
    sheet.line(f"{what}: CPU of merging, for 10,000 trials", merged.cpu / trials * 10_000, "s")
    sheet.line(f"{what}: memory of merging", merged.memory, "MiB")
    sheet.line(f"{what}: the report", (out / "whole" / "report.json").stat().st_size / 2**20, "MiB")
    shutil.rmtree(cassettes)
    shutil.rmtree(out)
    return Cost(cpu=ran.cpu + merged.cpu, wall=ran.wall + merged.wall, memory=max(ran.memory, merged.memory)), trials


def made(folder: Path, size: int) -> tuple[Path, list[str]]:
    """So many endpoints, whose cassettes are second names of the shipped ones, and cases of about 200 trials."""
    source = resources.CASSETTES / SOURCE
    profile = (source / "endpoint.yaml").read_text(encoding="utf-8")
    endpoint = load.endpoint(source / "endpoint.yaml")
    recorded = {path.relative_to(source).as_posix() for path in source.glob("*/*.yaml")}
    cases, trials = [], 0
    for trial in plan([endpoint], load.suites()).trials:
        case = trial.case
        names = {f"{case.path}{'.stream' if stream else ''}.yaml" for stream in case.stream}
        if trials < MOST_TRIALS and case.path not in cases and names <= recorded:
            cases.append(case.path)
            trials += len(names)
    for number in range(size):
        into = folder / f"endpoint-{number:04}"
        shutil.copytree(source, into, copy_function=os.link, ignore=shutil.ignore_patterns("endpoint.yaml"))
        (into / "endpoint.yaml").write_text(profile.replace(f"name: {SOURCE}", f"name: {into.name}", 1), encoding="utf-8")
    return folder, cases


def taken(commands: Sequence[Sequence[str]], at_once: int) -> Cost:
    """What these commands take, so many at a time."""
    began = time.perf_counter()
    cpu, memory = 0.0, 0.0
    waiting, running = list(commands), 0
    while waiting or running:
        while waiting and running < at_once:
            subprocess.Popen(waiting.pop(0), stdout=subprocess.DEVNULL)
            running += 1
        _, status, used = os.wait3(0)
        running -= 1
        if os.waitstatus_to_exitcode(status) not in (0, 1):
            raise SystemExit("a run ended with an error; see above")
        cpu += used.ru_utime + used.ru_stime
        memory = max(memory, used.ru_maxrss / 1024)
    return Cost(cpu=cpu, wall=time.perf_counter() - began, memory=memory)


if __name__ == "__main__":
    main()
