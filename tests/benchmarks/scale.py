"""What many endpoints cost: replays of more and more of them, in parts that run apart and are merged.

Each endpoint is the reference server's shipped cassettes under a name of its own. The figures are CPU seconds and the most
memory of one process: those of a part (which grow with what it holds, since a report holds all results), and those of the
merging. With as many trials to a part as before, memory is flat and CPU time is linear. A part is some of the endpoints, or
with `--by cases` a shard: of some cases, and of the prerequisites of these once more.

    python tests/benchmarks/scale.py                   5, 10, 20 and 40 endpoints, 10 to a part
    python tests/benchmarks/scale.py 1000 --to-a-part 20 --at-once 2
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
TO_A_PART = 10
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
    parser.add_argument("--to-a-part", type=int, default=TO_A_PART, metavar="ENDPOINTS")
    parser.add_argument("--at-once", type=int, default=1, metavar="PARTS")
    parser.add_argument("--by", choices=["endpoints", "cases"], default="endpoints")
    given = parser.parse_args()
    sheet = Sheet()
    costs = {}
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        for size in given.sizes:
            costs[size] = measured(sheet, Path(folder), size, given.to_a_part, given.at_once, given.by)
    first, last = min(costs), max(costs)
    if first != last:
        (one, trials_of_one), (other, trials_of_other) = costs[first], costs[last]
        grown = (other.cpu / one.cpu) / (trials_of_other / trials_of_one)
        sheet.line(f"CPU time a trial, {last} endpoints to {first}: linear is 1", grown, "", at_most=1.3)
    sheet.finish()


def measured(sheet: Sheet, folder: Path, size: int, to_a_part: int, at_once: int, by: str) -> tuple[Cost, int]:
    """Runs and merges so many endpoints, and writes down what it took; also the number of trials."""
    cassettes, cases = made(folder / f"cassettes-{size}", size)
    out = folder / f"out-{size}"
    run = [sys.executable, "-m", "harness.cli", "run", *cases, "--mode", "replay", "--cassettes", str(cassettes), "-q"]
    names = sorted(path.name for path in cassettes.iterdir())
    count = -(-size // to_a_part)
    if by == "cases":
        parts = [["--shard", f"{one}/{count}"] for one in range(1, count + 1)]
    else:
        parts = [[f"--endpoint={name}" for name in names[at : at + to_a_part]] for at in range(0, size, to_a_part)]
    folders = [str(out / str(number)) for number in range(len(parts))]
    commands = [[*run, "--format", "json", "--out", into, *part] for part, into in zip(parts, folders, strict=True)]
    ran = taken(commands, at_once)
    merge = [sys.executable, "-m", "harness.cli", "merge", *folders, "--format", "json", "--out", str(out / "whole")]
    merged = taken([merge], 1)
    trials = (out / "whole" / "report.json").read_bytes().count(b'"tries": ')
    what = f"{size} endpoints, {trials} trials, {len(parts)} part{'' if len(parts) == 1 else 's'}"
    sheet.line(f"{what}: CPU for 10,000 trials", ran.cpu / trials * 10_000, "s")
    sheet.line(f"{what}: wall, {at_once} at once", ran.wall, "s")
    sheet.line(f"{what}: most memory of a part", ran.memory, "MiB")
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
