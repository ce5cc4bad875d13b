"""The pytest plugin: it collects, selects and tells as pytest does, and what comes out is what the command says."""

from __future__ import annotations

import importlib.util
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml
from proxies import proxy

import harness
import harness.contract
import harness.pytest_plugin.shell
from harness.asgi import served
from harness.reference import faults_named

pytest_plugins = ["pytester"]
LOADED = (yaml, harness.contract, harness.pytest_plugin.shell)
"""A run of pytest in this process forgets what it imports, which parts that are written in C do not take well."""

SUITE = """
suite: mine
title: What my client needs
features:
  answers: {title: It answers}
  limits: {title: A limit holds}
  odd-temperature: {title: Any temperature will do, optional: true}
  after-limits: {title: Something that needs limits}
cases:
  - id: answer
    title: It says the word
    needs: [answers]
    stream: [false, true]
    request: &say {messages: [{role: user, content: "Reply with only this word: heron"}]}
    expect: {body: {/choices/0/message/content: {type: string, pattern: heron}}}
  - id: liked
    title: It says the word with a full stop
    needs: [answers]
    request: *say
    prefer: {body: {/choices/0/message/content: {type: string, pattern: "heron[.]$"}}}
  - id: other
    title: It says another word
    needs: [answers]
    request: *say
    expect: {body: {/choices/0/message/content: {type: string, pattern: badger}}}
  - id: given
    title: What is given does not hold
    needs: [answers]
    request: *say
    given: {body: {/choices/0/message/content: {type: string, pattern: badger}}}
  - id: cut
    title: It is cut short though nothing says so
    needs: [limits]
    request: *say
    effect: {body: {/choices/0/finish_reason: {const: length}}}
  - id: later
    title: What needs the limit
    needs: [limits, after-limits]
    request: *say
  - id: hot
    title: A temperature of 99
    needs: [odd-temperature]
    request: {messages: [{role: user, content: "Say OK."}], temperature: 99}
  - id: model
    title: A model that is not there
    needs: [answers]
    request: {model: nobody, messages: [{role: user, content: "Say OK."}]}
"""
VERDICTS = {
    "mine/answer": "pass",
    "mine/liked": "warn",
    "mine/other": "fail",
    "mine/given": "inconclusive",
    "mine/cut": "ignored",
    "mine/later": "skipped",
    "mine/hot": "unsupported",
    "mine/model": "error",
}

PROFILE = """
name: {name}
title: A server of mine
base_url: {url}
model: reference-1
thinks: false
token_field: max_tokens
"""


@contextmanager
def _endpoint(pytester: pytest.Pytester, app: object, name: str = "mine", more: str = "") -> Iterator[str]:
    """The option that names the profile of an application which is served."""
    with served(app) as address:
        file = pytester.path / f"{name}.yaml"
        file.write_text(PROFILE.format(name=name, url=f"http://{address}/v1") + more, encoding="utf-8")
        yield f"--chatcompat-endpoint={file}"


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Path:
    path = pytester.path / "suites" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(SUITE, encoding="utf-8")
    return path


def _verdicts(document: object) -> dict[str, str]:
    assert isinstance(document, dict)
    return {result["case"]: result["verdict"] for result in document["results"]}


def _chats(requests: list[bytes]) -> int:
    return sum(b'"messages"' in body for body in requests)


# ---------------------------------------------------------------- nobody asked


def test_a_bare_pytest_collects_no_suite_and_imports_nothing(pytester: pytest.Pytester, suite: Path) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_mine():
            assert not {"httpx", "yaml", "harness.engine", "harness.pytest_plugin.shell"} & set(sys.modules)
        """
    )
    done = pytester.runpytest_subprocess()
    done.assert_outcomes(passed=1)


def test_a_fixture_without_an_endpoint_is_skipped(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_mine(chatcompat_endpoint): raise AssertionError")
    pytester.runpytest("-rs").assert_outcomes(skipped=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--chatcompat-mode=live"], "name the endpoint with --chatcompat-endpoint"),
        (["--chatcompat-mode=record", "--chatcompat-endpoint=reference"], "--chatcompat-cassettes"),
        (["--chatcompat-endpoint=lamacpp"], "did you mean"),
        (["--chatcompat-endpoint=127.0.0.1:8080"], "write http://127.0.0.1:8080"),
        (["--chatcompat-mode=replay", "-n2", "--dist=loadfile"], "--dist loadgroup"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(pytester: pytest.Pytester, options: list[str], said: str) -> None:
    done = pytester.runpytest(*options)
    assert pytest.ExitCode.USAGE_ERROR == done.ret
    done.stderr.fnmatch_lines([f"*{said}*"])


# ---------------------------------------------------------------- items


def test_without_a_suite_the_shipped_ones_are_collected_and_nothing_is_sent(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_mine(): pass")
    done = pytester.runpytest("--collect-only", "-q", "--strict-markers", "--chatcompat-endpoint=http://127.0.0.1:9/v1")
    assert pytest.ExitCode.OK == done.ret
    done.stdout.fnmatch_lines(["suites/tools.yaml::named@127.0.0.1-9", "suites/tools.yaml::named:stream@127.0.0.1-9"])
    done.stdout.no_fnmatch_line("*test_mine*")


def test_a_named_folder_gives_its_suites_and_its_tests(pytester: pytest.Pytester, suite: Path) -> None:
    (suite.parent / "compose.yaml").write_text("services: {}", encoding="utf-8")
    (suite.parent / "broken.yaml").write_text("[", encoding="utf-8")
    (suite.parent / "test_mine.py").write_text("def test_mine(): pass", encoding="utf-8")
    done = pytester.runpytest("--collect-only", "-q", "suites", "--chatcompat-endpoint=http://127.0.0.1:9/v1")
    done.stdout.fnmatch_lines(["suites/mine.yaml::answer@127.0.0.1-9", "suites/test_mine.py::test_mine"])
    assert pytest.ExitCode.OK == done.ret


def test_a_slip_in_a_named_suite_is_told_with_its_line(pytester: pytest.Pytester, suite: Path) -> None:
    suite.write_text(SUITE.replace("needs: [limits]", "need: [limits]"), encoding="utf-8")
    done = pytester.runpytest("suites/mine.yaml", "--chatcompat-endpoint=http://127.0.0.1:9/v1")
    done.stdout.fnmatch_lines(["*mine.yaml:*need*"])
    done.stdout.no_fnmatch_line("*Traceback*")
    assert pytest.ExitCode.INTERRUPTED == done.ret


def test_every_verdict_is_told_in_a_word_of_its_own(pytester: pytest.Pytester, suite: Path) -> None:
    with _endpoint(pytester, proxy()) as endpoint:
        done = pytester.runpytest("-v", "--strict-markers", str(suite), endpoint, "--chatcompat-out=out", "--junitxml=j.xml")
    done.stdout.fnmatch_lines_random(
        [
            "*mine.yaml::answer@mine PASSED*",
            "*mine.yaml::answer:stream@mine PASSED*",
            "*mine.yaml::liked@mine WARN*",
            "*mine.yaml::other@mine FAILED*",
            "*mine.yaml::given@mine INCONCLUSIVE*",
            "*mine.yaml::cut@mine IGNORED*",
            "*mine.yaml::later@mine SKIPPED*",
            "*mine.yaml::hot@mine UNSUPPORTED*",
            "*mine.yaml::model@mine ERROR*",
            "mine: 2 pass, 1 warn, 1 ignored, 1 unsupported, 1 fail, 1 inconclusive, 1 skipped, 1 error",
            "*2 failed, 2 passed, 1 skipped, 1 error, *",
        ]
    )
    document = json.loads((pytester.path / "out" / "report.json").read_text(encoding="utf-8"))
    assert VERDICTS == _verdicts(document)
    assert 'name="chatcompat.verdict" value="inconclusive"' in (pytester.path / "j.xml").read_text(encoding="utf-8")


def test_a_failure_shows_findings_and_a_curl_line_and_no_traceback(pytester: pytest.Pytester, suite: Path) -> None:
    with _endpoint(pytester, proxy()) as endpoint:
        done = pytester.runpytest("suites/mine.yaml", endpoint, "-k", "other")
    done.stdout.fnmatch_lines(["fail: It says another word*", "*MUST*mine/other:expect at /choices/0/*", "$ curl *heron*"])
    done.stdout.no_fnmatch_line("*runtest*")
    done.stdout.no_fnmatch_line("*Traceback*")


def test_a_failure_that_is_known_is_expected(pytester: pytest.Pytester, suite: Path) -> None:
    known = "known: {mine/other: {issue: https://example.com/1}}\n"
    with _endpoint(pytester, proxy(), more=known) as endpoint:
        done = pytester.runpytest(str(suite), endpoint, "-k", "other")
    done.assert_outcomes(xfailed=1)


def test_an_endpoint_that_cannot_be_asked_for_its_model_is_an_error_of_each_item(pytester: pytest.Pytester, suite: Path) -> None:
    done = pytester.runpytest_subprocess(str(suite), "--chatcompat-endpoint=http://127.0.0.1:9/v1", "-k", "mine/answer")
    done.stdout.fnmatch_lines(["error: *127.0.0.1:9*"])
    assert {"errors": 2, "deselected": 7} == done.parseoutcomes()


# ---------------------------------------------------------------- selection


def test_what_is_deselected_is_not_sent_but_for_what_others_need(pytester: pytest.Pytester, suite: Path) -> None:
    requests: list[bytes] = []
    with _endpoint(pytester, proxy(requests=requests)) as endpoint:
        done = pytester.runpytest(str(suite), endpoint, "-m", "after-limits")
    assert {"skipped": 1, "deselected": 8} == done.parseoutcomes()
    assert 1 == _chats(requests)  # mine/cut, which shows the limits that it needs


@pytest.mark.parametrize(
    ("options", "held"),
    [
        (["-k", "stream"], 1),
        (["-m", "limits"], 2),
        (["-m", "should"], 1),
        (["-m", "optional or after-limits"], 2),
        (["-k", "mine/hot"], 1),
    ],
)
def test_names_and_marks_select(pytester: pytest.Pytester, suite: Path, options: list[str], held: int) -> None:
    done = pytester.runpytest("--collect-only", str(suite), "--chatcompat-endpoint=http://127.0.0.1:9/v1", *options)
    done.stdout.fnmatch_lines([f"*{held}/9 tests collected*"])


def test_the_last_failed_are_held_again(pytester: pytest.Pytester, suite: Path) -> None:
    with _endpoint(pytester, proxy()) as endpoint:
        pytester.runpytest(str(suite), endpoint, "-m", "answers")
        done = pytester.runpytest(str(suite), endpoint, "-m", "answers", "--lf", "-v")
    done.stdout.fnmatch_lines(["*mine.yaml::other@mine FAILED*", "*mine.yaml::model@mine ERROR*"])
    done.stdout.no_fnmatch_line("*answer@mine*")


# ---------------------------------------------------------------- an early end


def _many(path: Path, cases: int) -> None:
    """A suite of as many cases, of which the first fails."""
    case = "  - {id: c%d, title: T, needs: [f], request: {messages: [{role: user, content: 'Say OK %d.'}]}, %s}\n"
    failing = "expect: {body: {/choices/0/message/content: {const: never}}}"
    written = "".join(case % (n, n, failing if n == 0 else "expect: {body: {/choices: true}}") for n in range(cases))
    path.write_text(f"suite: mine\ntitle: T\nfeatures: {{f: {{title: F}}}}\ncases:\n{written}", encoding="utf-8")


def test_after_the_first_failure_nothing_new_is_sent(pytester: pytest.Pytester, suite: Path) -> None:
    _many(suite, 100)
    requests: list[bytes] = []
    with _endpoint(pytester, proxy(requests=requests, seconds=0.1)) as endpoint:
        done = pytester.runpytest(str(suite), endpoint, "-x", "--chatcompat-out=out")
        sent = _chats(requests)
        time.sleep(0.5)
        assert sent == _chats(requests)
    done.assert_outcomes(failed=1)
    assert sent < 50
    document = json.loads((pytester.path / "out" / "report.json").read_text(encoding="utf-8"))
    assert document["partial"]
    assert 100 == len(document["results"])


def test_a_ceiling_is_kept(pytester: pytest.Pytester, suite: Path) -> None:
    _many(suite, 20)
    requests: list[bytes] = []
    with _endpoint(pytester, proxy(requests=requests)) as endpoint:
        done = pytester.runpytest(str(suite), endpoint, "--chatcompat-max-requests=5")
    assert {"failed": 1, "passed": 4, "skipped": 15} == done.parseoutcomes()
    assert 5 == len(requests)
    done.stdout.fnmatch_lines(["only a part: *"])


def test_after_ctrl_c_nothing_new_is_sent_and_the_report_says_so(pytester: pytest.Pytester, suite: Path) -> None:
    _many(suite, 100)
    requests: list[bytes] = []
    with _endpoint(pytester, proxy(requests=requests, seconds=0.1)) as endpoint:
        command = [sys.executable, "-m", "pytest", str(suite), endpoint, "--chatcompat-out=out"]
        with subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            while _chats(requests) < 4 and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
    assert pytest.ExitCode.INTERRUPTED == process.returncode
    assert _chats(requests) < 50
    document = json.loads((pytester.path / "out" / "report.json").read_text(encoding="utf-8"))
    assert "skipped" in _verdicts(document).values()


# ---------------------------------------------------------------- the same as the command, on however many workers


def test_what_comes_out_is_what_python_and_the_command_say(pytester: pytest.Pytester, suite: Path) -> None:
    app = proxy(faults_named(["never-says-done"]))
    with _endpoint(pytester, app) as endpoint:
        pytester.runpytest(str(suite), endpoint, "--chatcompat-out=out")
        report = harness.run(pytester.path / "mine.yaml", only=[str(suite)])
    document = json.loads((pytester.path / "out" / "report.json").read_text(encoding="utf-8"))
    told = [(one["case"], one["stream"], one["verdict"], [f["rule"] for f in one["findings"]]) for one in document["results"]]
    said = [(one["case"], one["stream"], one["verdict"], [f["rule"] for f in one["findings"]]) for one in report.results]
    assert said == told


@pytest.fixture
def recorded(pytester: pytest.Pytester, suite: Path) -> Path:
    """Recordings of three endpoints, two of them with a fault."""
    folder = pytester.path / "recorded"
    for name, faults in (("one", ["never-says-done"]), ("two", []), ("three", ["no-blank-line-at-the-end"])):
        with _endpoint(pytester, proxy(faults_named(faults)), name):
            harness.run(pytester.path / f"{name}.yaml", only=[str(suite)], mode="record", cassettes=folder)
    return folder


def test_a_replay_gives_the_same_report_on_any_number_of_workers(pytester: pytest.Pytester, suite: Path, recorded: Path) -> None:
    common = [str(suite), "--chatcompat-mode=replay", f"--chatcompat-cassettes={recorded}"]
    here = pytester.runpytest(*common, "--chatcompat-out=zero")
    spread = pytester.runpytest_subprocess(*common, "--chatcompat-out=three", "-n3")
    assert here.parseoutcomes() == spread.parseoutcomes()
    command = [sys.executable, "-m", "harness.cli", "run", str(suite), "--mode", "replay", "--cassettes", str(recorded)]
    subprocess.run([*command, "--out", str(pytester.path / "command"), "-q"], check=False, cwd=pytester.path)
    written = [(pytester.path / name / "report.json").read_bytes() for name in ("command", "zero", "three")]
    assert written[0] == written[1]
    assert written[0] == written[2]
    assert 3 == len(json.loads(written[0])["endpoints"])


def test_a_replay_gives_the_same_report_on_workers_that_are_reached_by_sockets(
    pytester: pytest.Pytester, suite: Path, recorded: Path
) -> None:
    common = [str(suite), "--chatcompat-mode=replay", f"--chatcompat-cassettes={recorded}"]
    pytester.runpytest(*common, "--chatcompat-out=zero")
    with _socket_server(pytester.mkdir("a")) as first, _socket_server(pytester.mkdir("b")) as second:
        workers = [f"--tx=socket={first}", f"--tx=socket={second}", "--rsyncdir=suites"]
        allowed = "-Wignore:The --rsyncdir command line argument:DeprecationWarning"
        done = pytester.runpytest_subprocess(*common, "--chatcompat-out=two", "-d", *workers, allowed)
    done.stdout.fnmatch_lines(["*2 workers*", "one: *", "three: *", "two: *"])
    written = [(pytester.path / name / "report.json").read_bytes() for name in ("zero", "two")]
    assert written[0] == written[1]


@contextmanager
def _socket_server(folder: Path) -> Iterator[str]:
    """execnet's own server of workers on loopback, once; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = importlib.util.find_spec("execnet.script.socketserver")
    assert script is not None
    assert script.origin is not None
    command = [sys.executable, script.origin, f"127.0.0.1:{port}"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.02)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def test_with_workers_each_request_is_sent_once(pytester: pytest.Pytester, suite: Path) -> None:
    _many(suite, 12)
    requests: list[bytes] = []
    with _endpoint(pytester, proxy(requests=requests)) as endpoint:
        done = pytester.runpytest_subprocess(str(suite), endpoint, "-n3")
    assert {"failed": 1, "passed": 11} == done.parseoutcomes()
    assert 12 == len(requests)


# ---------------------------------------------------------------- keys, and tests of one's own


def test_a_key_is_shown_nowhere(pytester: pytest.Pytester, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        assert scope["type"] == "http", "this application has no lifespan"
        headers = dict(scope["headers"])  # type: ignore[call-overload]
        body = json.dumps({"error": {"message": f"you sent {headers.get(b'authorization', b'').decode()}"}}).encode()
        await send({"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"application/json")]})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": body})  # type: ignore[operator]

    secret = "sk-this-is-the-key-0123456789"
    monkeypatch.setenv("MY_KEY", secret)
    with _endpoint(pytester, app) as endpoint:
        options = ["--chatcompat-key-env=MY_KEY", "--chatcompat-out=out", "--junitxml=junit.xml"]
        done = pytester.runpytest(str(suite), endpoint, *options)
    assert "you sent" in done.stdout.str()
    shown = [done.stdout.str(), *(file.read_text(encoding="utf-8") for file in pytester.path.rglob("out/*"))]
    shown.append((pytester.path / "junit.xml").read_text(encoding="utf-8"))
    assert not [text for text in shown if secret in text]


OWN = """
import asyncio

ASK = {"messages": [{"role": "user", "content": "Reply with only this word: heron"}]}

def test_plain(chatcompat_endpoint):
    judged = chatcompat_endpoint.judge(ASK)
    assert judged.ok, judged
    assert judged.body["choices"][0]["message"]["content"] == "heron"

def test_streamed_in_a_loop(chatcompat_endpoint):
    async def whole():
        return chatcompat_endpoint.judge(ASK, stream=True)

    judged = asyncio.run(whole())
    assert judged.ok, judged
    assert judged.body["choices"][0]["message"]["content"] == "heron"
"""


def test_a_test_of_ones_own_asks_with_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(OWN)
    with _endpoint(pytester, proxy()) as endpoint:
        pytester.runpytest(pytester.path, endpoint).assert_outcomes(passed=2)


def test_the_fixture_tells_what_is_broken(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(OWN)
    with _endpoint(pytester, proxy(faults_named(["never-says-done"]))) as endpoint:
        done = pytester.runpytest(pytester.path, endpoint)
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*stream.ends-with-done*"])
