"""A profile from a URL: what the endpoint answered, as a file that loads and judges; or no file at all."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import serving
from patients import KEY, MODEL, conformant, document, only
from test_cli import Shell, shell

from harness import load
from harness.doctor import Facts, written
from harness.model import Endpoint, Learned
from harness.reference import server

__all__ = ["shell"]


@pytest.fixture(scope="module")
def reference() -> Iterator[str]:
    with server.running() as url:
        yield url


def test_a_profile_is_written_that_loads_and_judges(shell: Shell, reference: str) -> None:
    ended = shell("init", reference, "--model", MODEL, "--out", "mine.yaml")
    assert 0 == ended.code
    assert "written: mine.yaml; judge it: chatcompat run --endpoint mine.yaml" in ended.out
    assert 0 == shell("check", "mine.yaml").code
    endpoint = load.endpoint(Path("mine.yaml"))
    assert (reference, MODEL, "max_tokens", False) == (
        endpoint.base_url,
        endpoint.model,
        endpoint.token_field,
        endpoint.thinks,
    )
    assert 0 == shell("run", "--endpoint", "mine.yaml", "basic", "-q").code
    assert {"pass"} == {result["verdict"] for result in shell.report()["results"]}


def test_the_right_path_is_taken_over_and_said(shell: Shell, reference: str) -> None:
    assert 0 == shell("init", reference.removesuffix("/v1"), "--model", MODEL, "--out", "mine.yaml").code
    assert reference == load.endpoint(Path("mine.yaml")).base_url
    assert "# found: /chat/completions answers there" in Path("mine.yaml").read_text(encoding="utf-8")


def test_the_file_is_named_by_host_and_port(shell: Shell, reference: str) -> None:
    assert 0 == shell("init", reference, "--model", MODEL).code
    port = reference.rpartition(":")[2].removesuffix("/v1")
    assert [f"127.0.0.1-{port}.yaml"] == sorted(file.name for file in shell.folder.iterdir())


def test_a_model_that_thinks_and_its_limit_are_written_down(shell: Shell, reference: str) -> None:
    assert 0 == shell("init", reference, "--model", "reference-thinks", "--out", "mine.yaml").code
    endpoint = load.endpoint(Path("mine.yaml"))
    assert (True, "max_completion_tokens") == (endpoint.thinks, endpoint.token_field)


def test_the_header_of_the_key_is_taken_over_and_the_key_stays_out(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    ended = _served(shell, conformant(header="x-api-key"), "--model", MODEL, "--key-env", "MY_KEY", "--out", "mine.yaml")
    assert 0 == ended.code
    assert {"x-api-key": "${MY_KEY}"} == load.endpoint(Path("mine.yaml")).headers
    assert KEY not in Path("mine.yaml").read_text(encoding="utf-8") + ended.out + ended.err


def test_that_there_is_no_list_of_models_is_written_down(shell: Shell) -> None:
    ended = _served(shell, conformant(only("/models", document({}, 404))), "--model", MODEL, "--out", "mine.yaml")
    assert 0 == ended.code
    assert load.endpoint(Path("mine.yaml")).models_path is None


def test_the_only_model_is_written_down(shell: Shell) -> None:
    alone = conformant(only("/models", document({"data": [{"id": MODEL}]})))
    assert 0 == _served(shell, alone, "--out", "mine.yaml").code
    assert MODEL == load.endpoint(Path("mine.yaml")).model
    assert f"model: {MODEL} # found: the only one that it lists" in Path("mine.yaml").read_text(encoding="utf-8")


def _served(shell: Shell, answer: object, *words: str):  # type: ignore[no-untyped-def]
    """`init` of a server that runs in another thread."""

    async def held() -> object:
        async with serving(answer) as running:  # type: ignore[arg-type]
            return await asyncio.to_thread(shell, "init", running.url, *words)

    return asyncio.run(held())


# ---------------------------------------------------------------- nothing is written


def test_without_a_reachable_endpoint_nothing_is_written(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ended = shell("init", f"http://127.0.0.1:{taken.getsockname()[1]}/v1", "--out", "mine.yaml")
    assert 3 == ended.code
    assert "nothing was written" in ended.err
    assert [] == list(shell.folder.iterdir())


def test_of_several_models_none_is_guessed(shell: Shell, reference: str) -> None:
    ended = shell("init", reference, "--out", "mine.yaml")
    assert 2 == ended.code
    assert "do: choose one with --model: reference-1, reference-2, reference-thinks" in ended.out
    assert [] == list(shell.folder.iterdir())


def test_a_file_that_is_there_is_kept_but_for_force(shell: Shell, reference: str) -> None:
    file = shell.folder / "mine.yaml"
    file.write_text("mine", encoding="utf-8")
    ended = shell("init", reference, "--model", MODEL, "--out", "mine.yaml")
    assert 2 == ended.code
    assert "mine.yaml is there already" in ended.err
    assert "mine" == file.read_text(encoding="utf-8")
    assert 2 == shell("init", "http://127.0.0.1:1/v1", "--out", "mine.yaml").code  # nobody is asked in vain
    assert 0 == shell("init", reference, "--model", MODEL, "--out", "mine.yaml", "--force").code
    assert MODEL == load.endpoint(file).model


def test_what_no_profile_can_hold_leaves_no_file(shell: Shell) -> None:
    ended = shell("init", "http://127.0.0.1:1/v1", "--offline", "--model", "a\x07b", "--out", "mine.yaml")
    assert 2 == ended.code
    assert "mine.yaml is not written" in ended.err
    assert [] == list(shell.folder.iterdir())


@pytest.mark.parametrize(
    ("words", "said"), [(["groq"], "has a profile already"), (["127.0.0.1:80/v1"], "http://127.0.0.1:80/v1")]
)
def test_only_a_url_is_taken(shell: Shell, words: list[str], said: str) -> None:
    ended = shell("init", *words)
    assert 2 == ended.code
    assert said in ended.err


def test_offline_a_template_is_written_of_what_is_given(shell: Shell) -> None:
    ended = shell("init", "https://api.groq.com/openai/v1", "--offline", "--key-env", "MY_KEY", "--out", "mine.yaml")
    assert 0 == ended.code
    assert "--endpoint groq" in ended.err
    endpoint = load.endpoint(Path("mine.yaml"))
    assert ({"authorization": "Bearer ${MY_KEY}"}, None) == (endpoint.headers, endpoint.model)


# ---------------------------------------------------------------- doctor, as somebody types it


def test_the_doctor_s_last_line_is_the_one_thing_to_do(shell: Shell, reference: str) -> None:
    ended = shell("doctor", reference.removesuffix("/v1"), "--model", MODEL)
    assert (1, f"do: use {reference}") == (ended.code, ended.out.splitlines()[-1])
    healthy = shell("doctor", reference, "--model", MODEL)
    assert 0 == healthy.code
    assert f"healthy; judge it: chatcompat run --endpoint {reference} --model {MODEL}" == healthy.out.splitlines()[-1]


def test_the_doctor_s_json_is_all_that_is_on_stdout(shell: Shell, reference: str) -> None:
    import json

    found = json.loads(shell("doctor", reference, "--model", MODEL, "--json").out)
    assert (True, 0, None, 11) == (found["healthy"], found["exit_code"], found["do"], len(found["steps"]))


@pytest.mark.parametrize("words", [["doctor"], ["doctor", "nosuch"], ["doctor", "ftp://x"], ["doctor", "http://h/v1?key=1"]])
def test_wrong_usage_is_2(shell: Shell, words: list[str]) -> None:
    assert 2 == shell(*words).code


def test_a_person_is_asked_which_model_it_is_to_be(reference: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "harness.cli", "init", reference, "--out", "mine.yaml"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, cwd=tmp_path) as running:
        os.close(theirs)
        shown = b""
        while b"number or name" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, b"9\n2\n")
        assert running.stdout is not None
        running.stdout.read()
    os.close(ours)
    assert b"1  reference-1" in shown
    assert (0, "reference-2") == (running.returncode, load.endpoint(tmp_path / "mine.yaml").model)


# ---------------------------------------------------------------- the text


def test_a_slow_endpoint_far_away_gets_time_and_one_nearby_as_well() -> None:
    far = Endpoint(name="far", title="Far", base_url="https://api.example.com/v1", model="m")
    assert "limits" not in written.profile(Facts(endpoint=far, slow_s=1.0), file="f", seen=True)
    assert "first_byte_s: 120" in written.profile(Facts(endpoint=far, slow_s=20.0), file="f", seen=True)
    near = Endpoint(name="near", title="Near", base_url="http://192.168.1.5:8080/v1", model="m")
    assert "first_byte_s: 120" in written.profile(Facts(endpoint=near), file="f", seen=True)


@pytest.mark.parametrize("model", ["no", "1", "a: b", "a # b", "null", "org/model:tag", "é", '"quoted"', "012"])
def test_any_model_s_name_is_read_back(tmp_path: Path, model: str) -> None:
    learned = {model: Learned(thinks=True, token_field="max_tokens")}
    endpoint = Endpoint(name="e", title="E", base_url="http://h/v1", model=model, learned=learned)
    file = tmp_path / "e.yaml"
    file.write_text(written.profile(Facts(endpoint=endpoint), file="e.yaml", seen=True), encoding="utf-8")
    assert (model, True) == (load.endpoint(file).model, load.endpoint(file).thinks)
