"""`harness.run`: the same results as the command's, of whatever can be named, and of an application in this process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from proxies import proxy
from starlette.applications import Starlette

import harness
from harness.errors import BadInput, Unusable
from harness.model import Endpoint
from harness.reference import faults_named
from harness.reference.server import running

SOME = ["tools/named", "usage/streamed", "basic/answer"]


def _verdicts(report: harness.Report) -> dict[tuple[str, bool], str]:
    return {(result["case"], result["stream"]): result["verdict"] for result in report.results}


def test_an_application_that_is_as_it_should_be_passes_streamed_and_not() -> None:
    report = harness.run(app=proxy(), model="reference-1", only=SOME)
    assert report.ok, report
    assert {"pass"} == set(_verdicts(report).values())
    assert {False, True} == {result["stream"] for result in report.results}


def test_an_application_with_a_fault_does_not_pass() -> None:
    report = harness.run(app=proxy(faults_named(["never-says-done"])), model="reference-1", only=SOME)
    assert not report.ok
    assert {True} == {result["stream"] for result in report.failures}
    assert "stream.ends-with-done" in {finding["rule"] for result in report.failures for finding in result["findings"]}


def test_the_lifespan_of_an_application_is_run_and_its_thread_ends() -> None:
    told: list[str] = []
    harness.run(app=proxy(lifespan=told), model="reference-1", only=["basic/answer"])
    assert ["started", "stopped"] == told
    assert [] == [thread.name for thread in threading.enumerate() if thread.name.startswith("chatcompat")]


def test_an_application_is_judged_where_an_event_loop_runs() -> None:
    async def test_of_a_user() -> harness.Report:
        return harness.run(app=proxy(), model="reference-1", only=["basic/answer"])

    assert asyncio.run(test_of_a_user()).ok


def test_an_application_that_does_not_start_is_unusable() -> None:
    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    with pytest.raises(Unusable, match="did not start"):
        harness.run(app=Starlette(lifespan=life), model="m", only=["basic/answer"])


def test_a_profile_given_with_an_application_says_everything_but_the_address() -> None:
    profile = Endpoint(name="mine", title="Mine", base_url="https://nobody.invalid/v1", model="reference-1")
    report = harness.run(profile, app=proxy(), only=["basic/answer"])
    assert report.ok
    assert ["mine"] == list(report.document["endpoints"])


def test_a_url_is_judged_as_the_command_judges_it(tmp_path: Path) -> None:
    with running() as url:
        report = harness.run(url, model="reference-1", only=SOME)
        command = [sys.executable, "-m", "harness.cli", "run", *SOME, "--endpoint", url, "--model", "reference-1", "-q"]
        subprocess.run([*command, "--out", str(tmp_path)], check=True)
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {(r["case"], r["stream"]): r["verdict"] for r in written["results"]} == _verdicts(report)
    assert list(written["endpoints"]) == list(report.document["endpoints"])


def test_a_report_is_written_and_read_in_every_format(tmp_path: Path) -> None:
    report = harness.run(app=proxy(), model="reference-1", only=["basic/answer"])
    written = report.write(tmp_path, ["json", "junit"])
    assert {"report.json", "junit.xml"} == {file.name for file in written}
    assert written[0].read_text(encoding="utf-8") == report.text("json")
    assert "3 of 3 trials judged" in str(report)
    with pytest.raises(BadInput, match="no such format"):
        report.text("docx")


def test_a_key_is_in_no_report() -> None:
    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        assert scope["type"] == "http", "this application has no lifespan"
        headers = dict(scope["headers"])  # type: ignore[call-overload]
        body = json.dumps({"error": {"message": f"you sent {headers.get(b'authorization', b'').decode()}"}}).encode()
        await send({"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"application/json")]})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": body})  # type: ignore[operator]

    secret = "sk-this-is-the-key-0123456789"
    report = harness.run(app=app, model="m", key_env="MY_KEY", environ={"MY_KEY": secret}, only=["basic/answer"])
    assert "you sent" in report.text("json")
    assert secret not in report.text("json")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "name whom to judge"),
        ({"app": object(), "mode": "replay"}, "in a replay"),
        ({"endpoint": "http://127.0.0.1:1/v1", "mode": "record"}, "the folder to record into"),
    ],
)
def test_what_cannot_be_meant_is_told(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        harness.run(**arguments)  # type: ignore[arg-type]


def test_without_uvicorn_the_extra_is_named() -> None:
    code = "import sys; sys.modules['uvicorn'] = None; import harness; harness.run(app=object(), model='m')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'chatcompat[asgi]'" in ended.stderr


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, harness; print(sorted({'httpx', 'uvicorn', 'click', 'asyncio', 'yaml'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == ended.stdout.strip()
