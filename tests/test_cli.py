"""The commands, as somebody types them: what they print where, what they write, and what they end with."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import __version__, report
from harness.cli import main
from harness.commands.run import FORMATS
from harness.reference import faults_named
from harness.reference.server import running

MODEL = ("--model", "reference-1")
COMMANDS = ("run", "explain", "list", "render", "serve", "show")


class Ended:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


class Shell:
    """Types commands in an empty folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: object) -> Ended:
        self._monkeypatch.setattr(sys, "argv", ["chatcompat", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        assert "Traceback" not in err
        return Ended(int(ended.value.code or 0), out, err)

    def report(self, folder: str = "chatcompat-report") -> dict[str, Any]:
        """What a run wrote."""
        loaded: dict[str, Any] = json.loads((self.folder / folder / "report.json").read_text(encoding="utf-8"))
        return loaded


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Shell(monkeypatch, capsys, tmp_path)


@pytest.fixture(scope="module")
def reference() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture(scope="module")
def never_done() -> Iterator[str]:
    with running(faults_named(["never-says-done"])) as url:
        yield url


def profile(shell: Shell, url: str, **more: str) -> Path:
    """A profile in the folder."""
    file = shell.folder / "endpoint.yaml"
    fields = {"name": "mine", "title": "Mine", "base_url": url, "model": "reference-1", **more}
    lines = [f"{key}: {value}" for key, value in fields.items()]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


# ---------------------------------------------------------------- help, and what there is


def test_the_version_is_that_of_the_package(shell: Shell) -> None:
    assert f"chatcompat {__version__}\n" == shell("--version").out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_examples(shell: Shell, command: str) -> None:
    said = shell(command, "--help")
    assert 0 == said.code
    assert re.search(rf"^ +chatcompat {command}", said.out, re.MULTILINE)


def test_a_wrong_command_is_told_the_right_one(shell: Shell) -> None:
    said = shell("explian", "fail")
    assert (2, "") == (said.code, said.out)
    assert "did you mean `explain`?" in said.err


@pytest.mark.parametrize(
    ("what", "keys"),
    [
        ("rules", {"id", "level", "summary", "doc"}),
        ("suites", {"id", "title"}),
        ("cases", {"id", "title", "features", "stream"}),
        ("features", {"id", "title", "optional", "suite"}),
        ("endpoints", {"id", "title"}),
        ("faults", {"id", "caught_by", "field"}),
        ("formats", {"id", "file"}),
    ],
)
def test_what_there_is_is_listed_for_people_and_for_programs(shell: Shell, what: str, keys: set[str]) -> None:
    items = json.loads(shell("list", what, "--json").out)
    assert items
    assert all(item.keys() >= keys for item in items)
    lines = shell("list", what).out.splitlines()
    assert [item["id"] for item in items] == [line.split()[0] for line in lines]


def test_lists_are_the_same_in_every_process() -> None:
    listed = {
        subprocess.run(
            [sys.executable, "-m", "harness.cli", "list", "faults", "--json"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert 1 == len(listed)


def test_a_slip_in_what_to_list_is_told_the_right_one(shell: Shell) -> None:
    said = shell("list", "sutes")
    assert 2 == said.code
    assert "did you mean `suites`?" in said.err


def test_a_list_does_not_wait_for_what_only_runs_need() -> None:
    code = (
        "import sys; from harness.cli import chatcompat; chatcompat.main(['list', 'suites'], standalone_mode=False);"
        "print(sorted({'httpx', 'vcr', 'jsonschema', 'tabulate', 'h11', 'asyncio'} & sys.modules.keys()), file=sys.stderr)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == said.stderr.strip()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ignored", "had no effect"),
        ("stream.ends-with-done", "never-says-done"),
        ("contract.ecosystem", "ecosystem.json"),
        ("tools/named", "tools, tool-choice-named"),
        ("tools/named:stream", "tools, tool-choice-named"),
        ("tools/named:effect", "tools, tool-choice-named"),
        ("tool-choice-named", "a clean refusal is `unsupported`"),
        ("never-says-done", "stream.ends-with-done"),
    ],
)
def test_any_id_can_be_explained(shell: Shell, name: str, said: str) -> None:
    explained = shell("explain", name)
    assert 0 == explained.code
    assert said in explained.out


def test_an_unknown_id_is_told_the_nearest(shell: Shell) -> None:
    said = shell("explain", "stream.end-with-done")
    assert (2, "") == (said.code, said.out)
    assert "did you mean `stream.ends-with-done`?" in said.err


# ---------------------------------------------------------------- run


def test_a_live_run_of_a_server_that_conforms_ends_with_0_and_writes_every_format(shell: Shell, reference: str) -> None:
    said = shell("run", "basic", "streaming", "--endpoint", reference, *MODEL)
    assert 0 == said.code
    assert {"pass"} == {result["verdict"] for result in shell.report()["results"]}
    files = {format_.FILE for name, format_ in report.formats().items() if name in FORMATS}
    assert files == {path.name for path in (shell.folder / "chatcompat-report").iterdir()}
    assert "\x1b" not in said.out + said.err


def test_what_is_unexpected_ends_with_1(shell: Shell, never_done: str) -> None:
    said = shell("run", "basic/answer", "--endpoint", never_done, *MODEL)
    assert 1 == said.code
    assert "stream.ends-with-done" in said.out + said.err
    assert 0 == shell("run", "basic/answer", "--endpoint", never_done, *MODEL, "--fail-on", "ignored").code


def test_an_accepted_failure_is_expected_until_its_day(shell: Shell, never_done: str) -> None:
    issue = "https://example.invalid/1"
    good = profile(shell, never_done, known=f"{{stream.ends-with-done: {{issue: '{issue}', until: '2999-01-01'}}}}")
    assert 0 == shell("run", "basic/answer", "--endpoint", good, "-q").code
    late = profile(shell, never_done, known=f"{{stream.ends-with-done: {{issue: '{issue}', until: '2020-01-01'}}}}")
    assert 1 == shell("run", "basic/answer", "--endpoint", late, "-q").code


def test_an_accepted_failure_that_no_longer_fails_is_stale(shell: Shell, reference: str) -> None:
    stale = profile(shell, reference, known="{basic/answer: {issue: 'https://example.invalid/1'}}")
    said = shell("run", "basic/answer", "--endpoint", stale, "-q")
    assert 1 == said.code
    assert "basic/answer" in said.err


def test_with_json_the_report_and_nothing_else_is_on_stdout(shell: Shell, reference: str) -> None:
    said = shell("run", "basic/answer", "--endpoint", reference, *MODEL, "--json")
    assert shell.report() == json.loads(said.out)


def test_quiet_is_quiet(shell: Shell, reference: str) -> None:
    said = shell("run", "basic/answer", "--endpoint", reference, *MODEL, "--quiet")
    assert (0, "", "") == (said.code, said.out, said.err)


def test_a_plan_sends_nothing_and_writes_nothing(shell: Shell) -> None:
    said = shell("run", "basic/answer", "--endpoint", "http://127.0.0.1:9/v1", "--model", "m", "--plan")
    assert 0 == said.code
    assert "POST /chat/completions" in said.out
    assert [] == list(shell.folder.iterdir())


def test_what_was_recorded_replays_the_same_without_the_server(shell: Shell) -> None:
    with running(faults_named(["never-says-done"])) as url:
        recorded = profile(shell, url)
        assert 1 == shell("run", "streaming", "--endpoint", recorded, "--mode", "record", "--cassettes", "kept", "-q").code
    live = shell.report()
    assert 1 == shell("run", "streaming", "--cassettes", "kept", "--out", "again", "-q").code
    again = shell.report("again")

    def said(found: dict[str, Any]) -> list[Any]:
        return [(one["case"], one["stream"], one["verdict"], one["findings"]) for one in found["results"]]

    assert said(live) == said(again)
    assert 1 == shell("run", "streaming", "--cassettes", "kept", "--out", "twice", "--concurrency", "1", "-q").code
    for file in (shell.folder / "again").iterdir():
        assert file.read_bytes() == (shell.folder / "twice" / file.name).read_bytes()


def test_a_run_that_is_stopped_writes_what_it_has_and_says_so(tmp_path: Path) -> None:
    async def stopped() -> tuple[int, str]:
        asked = asyncio.Event()

        async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.set()
            await reader.read()
            writer.close()

        silent = await asyncio.start_server(never_answers, "127.0.0.1", 0)
        async with silent:
            url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/v1"
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "harness.cli", "run", "--endpoint", url, "--model", "reference-1", "--concurrency", "1"),
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            await asyncio.wait_for(asked.wait(), 60)
            process.send_signal(signal.SIGINT)
            _, err = await asyncio.wait_for(process.communicate(), 60)
            return process.returncode or 0, err.decode()

    code, err = asyncio.run(stopped())
    assert "Traceback" not in err
    assert 130 == code
    assert json.loads((tmp_path / "chatcompat-report" / "report.json").read_text(encoding="utf-8"))["partial"]


def test_without_an_endpoint_the_shipped_report_is_what_is_expected(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(faults_named(["never-says-done"])) as url:
        endpoint = profile(shell, url)
        shell("run", "streaming", "--endpoint", endpoint, "--mode", "record", "--cassettes", "kept", "-q")
    shell("run", "streaming", "--cassettes", "kept", "--out", "shipped", "-q")
    monkeypatch.setattr("harness.resources.CASSETTES", shell.folder / "kept")
    monkeypatch.setattr("harness.resources.REPORTS", shell.folder / "shipped")
    assert 0 == shell("run", "streaming/pieces", "-q").code
    found = shell.report("shipped")
    for result in found["results"]:
        result["verdict"] = "pass"
    (shell.folder / "shipped" / "report.json").write_text(json.dumps(found), encoding="utf-8")
    said = shell("run", "streaming/pieces", "-q")
    assert 1 == said.code
    assert "mine streaming/pieces (stream): was pass, is fail" in said.err


@pytest.fixture
def shipped(shell: Shell, never_done: str, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """With one case in the suites, shipped recordings of it, and the shipped report."""
    suite = yaml_of_one_case()
    (shell.folder / "suites").mkdir()
    (shell.folder / "suites" / "mine.yaml").write_text(suite, encoding="utf-8")
    for name, folder in (("SUITES", "suites"), ("CASSETTES", "kept"), ("REPORTS", "shipped")):
        monkeypatch.setattr(f"harness.resources.{name}", shell.folder / folder)
    monkeypatch.setattr("harness.load.suites.__defaults__", (shell.folder / "suites",))
    shell("run", "--endpoint", profile(shell, never_done), "--mode", "record", "--cassettes", "kept", "-q")
    shell("run", "-q")
    return shell


def yaml_of_one_case() -> str:
    """A suite."""
    lines = ["suite: mine", "title: Mine", "features: {mine: {title: Mine}}", "cases:", "  - id: one", "    title: One"]
    lines += ["    needs: [mine]", "    stream: [false, true]", "    request: {messages: [{role: user, content: Say hi.}]}"]
    lines += ["    expect: {body: {/choices/0/message/content: {type: string}}}"]
    return "\n".join(lines) + "\n"


def spoil(shipped: Shell) -> bytes:
    """Makes the shipped report say that all passes."""
    found = shipped.report("shipped")
    for result in found["results"]:
        result["verdict"] = "pass"
    file = shipped.folder / "shipped" / "report.json"
    file.write_text(json.dumps(found), encoding="utf-8")
    return file.read_bytes()


def test_a_run_that_differs_leaves_the_shipped_report_and_says_so_each_time(shipped: Shell) -> None:
    assert 0 == shipped("run", "-q").code
    before = spoil(shipped)
    for _ in range(2):
        said = shipped("run", "-q")
        assert 1 == said.code
        assert "mine mine/one (stream): was pass, is fail" in said.err
        assert "--accept" in said.err
        assert before == (shipped.folder / "shipped" / "report.json").read_bytes()
    assert "fail" in {result["verdict"] for result in shipped.report()["results"]}


def test_what_differs_is_expected_once_it_was_accepted(shipped: Shell) -> None:
    spoil(shipped)
    said = shipped("run", "-q", "--accept")
    assert 0 == said.code
    assert "was pass, is fail" in said.err
    again = shipped("run", "-q")
    assert (0, "") == (again.code, again.err)


def test_a_replay_of_which_some_is_not_recorded_ends_with_3_and_says_how_to_record_it(shell: Shell, reference: str) -> None:
    shell("run", "basic/answer", "--endpoint", profile(shell, reference), "--mode", "record", "--cassettes", "kept", "-q")
    assert 0 == shell("run", "basic/answer", "--cassettes", "kept", "-q").code
    said = shell("run", "basic", "--cassettes", "kept", "-q")
    assert 3 == said.code
    missing = sum(one["count"] for one in shell.report()["not_held"])
    assert missing
    assert f"only a part: {missing} trials not held: not recorded" in said.err
    assert "chatcompat run basic --endpoint PROFILE --mode record --missing --cassettes kept" in said.err


def test_a_ceiling_of_ones_own_is_no_error_and_is_marked_in_every_report(shell: Shell, reference: str) -> None:
    said = shell("run", "basic/answer", "--endpoint", reference, *MODEL, "--max-requests", "1")
    assert 0 == said.code
    assert re.search("only a part: [0-9]+ trials? not held: the ceiling of --max-requests was reached", said.err)
    assert "Only a part" in said.out
    for name in ("README.md", "index.html", "junit.xml"):
        assert "the ceiling of --max-requests was reached" in (shell.folder / "chatcompat-report" / name).read_text("utf-8")
    assert "in part" in (shell.folder / "chatcompat-report" / "badge.json").read_text("utf-8")


def test_a_base_url_without_its_version_is_told_so(shell: Shell, reference: str) -> None:
    bare = reference.removesuffix("/v1")
    for more in ([], MODEL):
        said = shell("run", "basic/answer", "--endpoint", bare, *more, "-q")
        assert 3 == said.code
        assert f"is it {reference}?" in said.err


def test_the_name_of_recordings_is_no_server(shell: Shell, reference: str) -> None:
    shell("run", "basic/answer", "--endpoint", profile(shell, reference), "--mode", "record", "--cassettes", "kept", "-q")
    said = shell("run", "basic/answer", "--endpoint", "mine", "--cassettes", "kept", "-q")
    assert 2 == said.code
    assert "--mode replay" in one_message(said)


# ---------------------------------------------------------------- what is wrong with what was typed


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def one_message(said: Ended) -> str:
    """The message of an end that is our own: on stderr, and no more than that."""
    assert "" == said.out
    assert said.err.startswith("chatcompat: ")
    return said.err


def test_a_closed_port_ends_with_3_and_names_the_address(shell: Shell) -> None:
    port = free_port()
    said = shell("run", "basic/answer", "--endpoint", f"http://127.0.0.1:{port}/v1", "--model", "m", "-q")
    assert 3 == said.code
    assert f"127.0.0.1:{port}" in one_message(said)


def test_a_key_that_is_not_set_ends_with_3_and_names_the_variable(shell: Shell, reference: str) -> None:
    said = shell("run", "basic/answer", "--endpoint", reference, *MODEL, "--key-env", "NO_SUCH_KEY_HERE")
    assert 3 == said.code
    assert "NO_SUCH_KEY_HERE" in one_message(said)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "--endpoint", "refrence"], "did you mean `reference`?"),
        (["run", "tolls"], "did you mean `tools`?"),
        (["run", "tools/nmaed"], "did you mean `named`?"),
        (["run", "--needs", "tols"], "did you mean `tools`?"),
        (["run", "--format", "htlm"], "did you mean `html`?"),
        (["run", "--fail-on", "fial"], "did you mean `fail`?"),
        (["run", "--shard", "3/2"], "3/2"),
        (["run", "--mode", "record"], "--endpoint"),
        (["run", "--cassettes", "nowhere"], "nowhere"),
        (["run", "--endpoint", "127.0.0.1:8080/v1"], "write http://127.0.0.1:8080/v1"),
        (["run", "--endpoint", "api.example.com/v1"], "write https://api.example.com/v1"),
        (["run", "--accept", "basic"], "--accept"),
        (["run", "nowhere.yaml"], "nowhere.yaml"),
        (["serve", "--fault", "never-say-done"], "never-says-done"),
        (["serve", "--lookalike", "no-obfuscations"], "no-obfuscation"),
        (["render", "nowhere.json", "--format", "md"], "nowhere.json"),
        (["show", "nowhere.json", "tools/named"], "nowhere.json"),
    ],
)
def test_a_slip_on_the_command_line_is_one_message_with_the_way_out(shell: Shell, words: list[str], says: str) -> None:
    said = shell(*words)
    assert 2 == said.code
    assert says in one_message(said)
    assert not (shell.folder / "chatcompat-report").exists()


def test_a_slip_in_a_suite_is_told_with_its_line_and_the_way_out(shell: Shell, reference: str) -> None:
    lines = ["suite: mine", "title: Mine", "features: {mine: {title: Mine}}", "cases:", "  - id: one", "    title: One"]
    lines += ["    request: {messages: [{role: user, content: Say hi.}]}", "    expcet: {body: {/id: true}}"]
    (shell.folder / "mine.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = shell("run", "mine.yaml", "--endpoint", reference, *MODEL)
    assert 2 == said.code
    assert "mine.yaml:8: " in one_message(said)
    assert "did you mean `expect`?" in said.err


def test_a_suite_of_the_user_is_judged_like_any_other(shell: Shell, reference: str) -> None:
    lines = ["suite: mine", "title: Mine", "features: {mine: {title: Mine}}", "cases:", "  - id: one", "    title: One"]
    lines += ["    request: {messages: [{role: user, content: Say hi.}]}", "    expect: {body: {/id: true}}"]
    (shell.folder / "mine.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert 0 == shell("run", "mine.yaml", "--endpoint", reference, *MODEL, "-q").code
    assert [("mine/one", "pass")] == [(one["case"], one["verdict"]) for one in shell.report()["results"]]


# ---------------------------------------------------------------- render and show


@pytest.fixture
def kept(shell: Shell, never_done: str) -> Shell:
    """With the report of a server that never says that it is done, and its recordings."""
    endpoint = profile(shell, never_done)
    shell("run", "basic/answer", "streaming", "--endpoint", endpoint, "--mode", "record", "--cassettes", "kept", "-q")
    shell("run", "basic/answer", "streaming", "--cassettes", "kept", "-q")
    return shell


@pytest.mark.parametrize("name", ["md", "html", "junit", "badge", "json"])
def test_a_format_is_rendered_again_as_it_was_written(kept: Shell, name: str) -> None:
    file = report.formats()[name].FILE
    assert file is not None
    written = (kept.folder / "chatcompat-report" / file).read_text(encoding="utf-8")
    assert written == kept("render", "chatcompat-report/report.json", "--format", name).out
    assert 0 == kept("render", "chatcompat-report", "--format", name, "--out", "site").code
    assert written == (kept.folder / "site" / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("spoilt", ["", "[]", "{", '{"harness": 1}', "\x00"])
def test_what_is_no_report_is_said_to_be_none(shell: Shell, spoilt: str) -> None:
    (shell.folder / "report.json").write_text(spoilt, encoding="utf-8")
    said = shell("render", "report.json", "--format", "md")
    assert 2 == said.code
    assert "report.json" in one_message(said)


def test_a_report_whose_names_lead_nowhere_is_said_to_be_none(kept: Shell) -> None:
    found = kept.report()
    found["results"][0]["endpoint"] = "nobody"
    (kept.folder / "spoilt.json").write_text(json.dumps(found), encoding="utf-8")
    said = kept("render", "spoilt.json", "--format", "html")
    assert 2 == said.code
    assert "nobody" in one_message(said)


def test_the_exchange_of_a_finding_is_shown_with_its_place_marked_and_a_curl_line(kept: Shell) -> None:
    said = kept("show", "chatcompat-report/report.json", "basic/answer:stream")
    assert 0 == said.code
    assert "stream.ends-with-done" in said.out
    assert re.search(r"»data: .*«|»data: ", said.out)
    assert "$ curl -sS -i -N http://127.0.0.1:" in said.out


def test_the_exchange_of_a_trial_without_findings_comes_from_its_cassette(kept: Shell) -> None:
    (plain,) = [one for one in kept.report()["results"] if one["case"] == "basic/answer" and not one["stream"]]
    assert ["mine/basic/answer.yaml"] == [one["cassette"] for one in plain["exchanges"]]
    said = kept("show", "chatcompat-report/report.json", "basic/answer", "--no-stream", "--cassettes", "kept")
    assert 0 == said.code
    assert '"object": "chat.completion"' in said.out


def test_what_decides_is_shown_before_the_notes(kept: Shell) -> None:
    found = kept.report()
    (one,) = [one for one in found["results"] if (one["case"], one["stream"]) == ("basic/answer", True)]
    one["findings"].insert(0, {**one["findings"][0], "level": "may"})
    (kept.folder / "noted.json").write_text(json.dumps(found), encoding="utf-8")
    said = kept("show", "noted.json", "basic/answer:stream").out
    levels = re.findall(r"^  (MUST|SHOULD|MAY) ", said, re.MULTILINE)
    assert {"MUST", "MAY"} <= set(levels)
    assert levels == sorted(levels, key=["MUST", "SHOULD", "MAY"].index)


def test_the_matrix_is_rendered_for_this_terminal(kept: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    assert 70 >= max(map(len, kept("render", "chatcompat-report", "--format", "term").out.splitlines()))


def test_a_case_or_endpoint_that_a_report_has_not_is_told_the_nearest(kept: Shell) -> None:
    said = kept("show", "chatcompat-report", "basic/anwser")
    assert 2 == said.code
    assert "did you mean `basic/answer`?" in one_message(said)
    said = kept("show", "chatcompat-report", "basic/answer", "--endpoint", "mien")
    assert 2 == said.code
    assert "mine" in one_message(said)


# ---------------------------------------------------------------- serve


def test_the_server_says_how_to_judge_it_and_stops_cleanly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "serve", "--port", "0", "--fault", "never-says-done"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert re.search(r"chatcompat run --endpoint http://127\.0\.0\.1:\d+/v1 --model reference-1$", line.strip())
    assert (0, "") == (process.returncode, err)


def test_a_key_that_comes_back_in_pieces_is_in_no_report(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-made-up-0123456789abcdef"
    monkeypatch.setenv("LEAKED_KEY", key)
    pieces = "".join(
        "data: "
        + json.dumps(
            {
                "id": "a",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "m",
                "choices": [{"index": 0, "delta": {"role": "assistant", "content": part}, "finish_reason": None}],
            }
        )
        + "\n\n"
        for part in (key[:9], key[9:])
    )

    async def judged() -> int:
        async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
            writer.write((head + pieces).encode())
            writer.close()

        server = await asyncio.start_server(echoes, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            command = ["run", "stop/word", "--endpoint", url, "--model", "m", "--key-env", "LEAKED_KEY", "--out", "leak"]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "harness.cli", *command, cwd=shell.folder, stdout=-1, stderr=-1
            )
            out, err = await asyncio.wait_for(process.communicate(), 60)
            assert key not in (out + err).decode()
            return process.returncode or 0

    assert 1 == asyncio.run(judged())
    written = {path.name: path.read_text(encoding="utf-8") for path in (shell.folder / "leak").iterdir()}
    assert [] == [name for name, text in written.items() if key in text]
    assert key[:9] in written["report.json"], "the pieces did come"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--model", "m"), "--model"), (("--key-env", "K"), "--key-env"), (("--missing",), "--missing")],
)
def test_an_option_that_would_do_nothing_is_refused(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    found = shell("run", *arguments)
    assert (2, True) == (found.code, said in found.err)
