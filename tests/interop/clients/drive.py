"""Drives real clients against the reference server with each of its faults, and writes down what came of it.

    python tests/interop/clients/drive.py FOLDER [--fault ID]... [--client NAME]...

FOLDER gets the clients: a virtual environment `py` and a folder `js`; what is there already is used as it is. The outcome
goes to tests/client_proof.json, which tests/test_clients.py compares with what the profiles of the clients say. A task came out
`ok` where a program gets the same from a client as without the fault; else the file says what it got.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness.reference import all_faults, faults_named
from harness.reference.server import running

HERE = Path(__file__).parent
PROOF = HERE.parent.parent / "client_proof.json"
PYTHON = ("openai==3.54.0", "langchain-openai==1.7.3")
NODE = ("openai@6.49.0", "ai@6.0.326", "@ai-sdk/openai-compatible@2.0.91", "zod")
AT_ONCE = 30


def installed(folder: Path) -> dict[str, list[str]]:
    """The command of each driver; the clients are installed where they are missing."""
    python = folder / "py" / "bin" / "python"
    if not python.exists():
        venv.create(folder / "py", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PYTHON], check=True)
    if not (folder / "js" / "node_modules").is_dir():
        (folder / "js").mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", folder / "js", *NODE], check=True)
    return {
        "openai-python": [str(python), str(HERE / "openai_python.py")],
        "langchain": [str(python), str(HERE / "langchain_openai_.py")],
        "openai-node": ["node", str(HERE / "openai_node.mjs"), str(folder / "js")],
        "ai-sdk": ["node", str(HERE / "ai_sdk.mjs"), str(folder / "js")],
    }


def driven(command: Sequence[str], servers: Sequence[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """Fault → task → what came."""
    ran = subprocess.run(command, input=json.dumps(servers), capture_output=True, text=True, check=False, cwd=HERE)
    found = {line["fault"]: line["came"] for line in map(json.loads, ran.stdout.splitlines())}
    if set(found) != {fault for fault, _ in servers}:
        raise SystemExit(f"{' '.join(command)} ended early:\n{ran.stderr[-2000:]}")
    return found


def in_words(came: dict[str, Any], expected: dict[str, Any]) -> str:
    if "error" in came:
        return str(came["error"])
    return "ok" if came == expected else f"got {json.dumps(came['value'], ensure_ascii=False)[:100]}"


def all_driven(commands: dict[str, list[str]], ids: Sequence[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Client, fault and what came, a batch of servers at a time. `none` is the server without a fault."""
    everything = ["none", *ids]
    for start in range(0, len(everything), AT_ONCE):
        batch = everything[start : start + AT_ONCE]
        with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
            servers = [(one, stack.enter_context(running(faults_named([one] if one != "none" else [])))) for one in batch]
            ran = {client: pool.submit(driven, command, servers) for client, command in commands.items()}
            for client, future in ran.items():
                yield from ((client, fault, came) for fault, came in future.result().items())
        print(f"{batch[-1]} …", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--client", action="append", default=[])
    options = parser.parse_args()
    commands = installed(options.folder.resolve())
    commands = {name: command for name, command in commands.items() if not options.client or name in options.client}
    ids = options.fault or [fault.id for fault in all_faults() if not fault.stage.of_messages]
    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in commands}
    for client, fault, came in all_driven(commands, ids):
        found[client][fault] = came
    proof = json.loads(PROOF.read_text()) if PROOF.exists() else {}
    for client, faults in found.items():
        expected = faults.pop("none")
        if slips := [f"{task}: {came['error']}" for task, came in expected.items() if "error" in came]:
            raise SystemExit(f"{client} breaks without any fault: {slips}")
        known = proof.setdefault(client, {"tasks": [], "broken": {}, "whole": []})
        known["tasks"] = list(expected)
        broken = {
            fault: {task: said for task, one in came.items() if (said := in_words(one, expected[task])) != "ok"}
            for fault, came in faults.items()
        }
        known["broken"] = {fault: tasks for fault, tasks in sorted({**known["broken"], **broken}.items()) if tasks}
        known["whole"] = sorted({*known["whole"], *broken} - set(known["broken"]))
    PROOF.write_text(json.dumps(proof, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
