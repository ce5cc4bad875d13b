"""What `chatcompat lint` takes for 10,000 exchanges, and how that grows from 1,000: memory must not, time no more than they."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from exchanges import ASK, ASK_STREAM_TOOLS, ASK_USAGE, CALL_CHUNKS, TEXT, USAGE_CHUNKS, events
from measure import Sheet

FEW, MANY = 1_000, 10_000
_KINDS: Final[list[tuple[Any, str]]] = [
    (ASK, json.dumps(TEXT)),
    (ASK_USAGE, events([*USAGE_CHUNKS[:1], *USAGE_CHUNKS[1:2] * 60, *USAGE_CHUNKS[2:]]).decode()),
    (ASK_STREAM_TOOLS, events(CALL_CHUNKS).decode()),
    (ASK, json.dumps({**TEXT, "object": "text_completion"})),
]


def exchanges(count: int) -> Iterator[tuple[str, Any, str, str]]:
    """URL, request, media type and body of so many exchanges with forty hosts, one in four of them not conformant."""
    for number in range(count):
        asked, body = _KINDS[number % len(_KINDS)]
        media_type = "text/event-stream" if body.startswith("data:") else "application/json"
        yield f"https://host-{number % 40}.example.com/v1/chat/completions", asked, media_type, body


def json_lines(path: Path, count: int) -> None:
    """JSON Lines, packed."""
    with gzip.open(path.with_suffix(".jsonl.gz"), "wt", encoding="utf-8") as file:
        for url, asked, media_type, body in exchanges(count):
            record = {"method": "POST", "url": url, "request_body": asked, "status": 200}
            print(json.dumps({**record, "response_headers": {"content-type": media_type}, "response_body": body}), file=file)


def har(path: Path, count: int) -> None:
    """One HAR."""
    with path.with_suffix(".har").open("w", encoding="utf-8") as file:
        file.write('{"log": {"version": "1.2", "entries": [')
        for number, (url, asked, media_type, body) in enumerate(exchanges(count)):
            request = {"method": "POST", "url": url, "headers": [], "postData": {"text": json.dumps(asked)}}
            headers = [{"name": "content-type", "value": media_type}]
            response = {"status": 200, "headers": headers, "content": {"mimeType": media_type, "text": body}}
            file.write(("," if number else "") + json.dumps({"request": request, "response": response}))
        file.write("]}}")


def cassettes(path: Path, count: int) -> None:
    """vcrpy's cassettes in JSON, a hundred interactions each."""
    path.mkdir()
    found = list(exchanges(count))
    for begin in range(0, count, 100):
        interactions = [
            {
                "request": {"method": "POST", "uri": url, "body": json.dumps(asked), "headers": {}},
                "response": {"status": {"code": 200}, "headers": {"content-type": [media_type]}, "body": {"string": body}},
            }
            for url, asked, media_type, body in found[begin : begin + 100]
        ]
        (path / f"{begin:06}.json").write_text(json.dumps({"version": 1, "interactions": interactions}), encoding="utf-8")


def measured(folder: Path) -> tuple[float, float]:
    """CPU seconds, and the most memory in MiB, of a lint of a folder."""
    process = subprocess.Popen([sys.executable, "-m", "harness.cli", "lint", str(folder), "--quiet"])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 1:
        raise SystemExit(f"lint found nothing: exit code {process.returncode}")
    kibibytes = used.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return used.ru_utime + used.ru_stime, kibibytes / 1024


def main() -> None:
    """Three figures for each form."""
    sheet = Sheet()
    forms: list[Callable[[Path, int], None]] = [json_lines, har, cassettes]
    for write in forms:
        figures = []
        for count in (FEW, MANY):
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder) / "traffic", count)
                figures.append(measured(Path(folder)))
        (few_cpu, few_memory), (many_cpu, many_memory) = figures
        sheet.line(f"{write.__name__}: CPU time of {MANY:,} exchanges", many_cpu, "s", 60)
        sheet.line(f"{write.__name__}: that to {FEW:,}", many_cpu / few_cpu, "", 12)
        sheet.line(f"{write.__name__}: most memory", many_memory, "MiB", 80)
        sheet.line(f"{write.__name__}: that to {FEW:,}", many_memory / few_memory, "", 1.1)
    sheet.finish()


if __name__ == "__main__":
    main()
