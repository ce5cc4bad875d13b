"""What CI systems are given to read: the action and its script, the GitLab job, the pre-commit hook."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from harness import resources
from harness.cli import chatcompat

ROOT = Path(__file__).parent.parent
ACTION = ROOT / ".github" / "actions" / "chatcompat"
NEEDS_BASH = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


def read(path: Path) -> Any:
    """A YAML file of others' formats."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# ---------------------------------------------------------------- the script of the action


@pytest.fixture
def cassettes(tmp_path: Path) -> Path:
    """A few cassettes of the reference server; a folder that a test may spoil."""
    folder = tmp_path / "cassettes"
    source = resources.CASSETTES / "reference"
    for part in ("endpoint.yaml", "models", "probe"):
        if (source / part).is_dir():
            shutil.copytree(source / part, folder / "reference" / part)
        elif (source / part).exists():
            (folder / "reference").mkdir(parents=True, exist_ok=True)
            shutil.copy(source / part, folder / "reference" / part)
    return folder


def spoil(cassettes: Path) -> None:
    """The list of models is none any more."""
    path = cassettes / "reference" / "models" / "list.yaml"
    content = path.read_text(encoding="utf-8")
    assert '"object": "list"' in content
    path.write_text(content.replace('"object": "list"', '"object": "lost"'), encoding="utf-8")


def judge(folder: Path, **variables: str) -> tuple[int, str, str]:
    """The exit code of the script, what it prints, and the job's summary."""
    summary = folder / "step-summary.md"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {"PATH": path, "HOME": str(folder), "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_ACTIONS": "true", **variables}
    ended = subprocess.run(
        ["bash", str(ACTION / "judge.sh")], cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    return ended.returncode, ended.stdout, summary.read_text(encoding="utf-8") if summary.exists() else ""


REPLAY = {"CASSETTES": "cassettes", "ENDPOINT": "reference", "SELECT": "models", "FORMATS": "json,junit"}


@NEEDS_BASH
def test_a_run_leaves_its_report_and_a_summary(tmp_path: Path, cassettes: Path) -> None:
    code, said, summary = judge(tmp_path, **REPLAY)
    assert 0 == code
    assert summary.startswith("## chatcompat: 1 endpoint")
    assert "::error" not in said
    assert ["junit.xml", "report.json"] == sorted(path.name for path in (tmp_path / "chatcompat-report").iterdir())


@NEEDS_BASH
def test_a_failure_is_annotated_and_fails_the_step(tmp_path: Path, cassettes: Path) -> None:
    spoil(cassettes)
    code, said, summary = judge(tmp_path, **REPLAY)
    assert 1 == code
    assert "::error title=reference%3A" in said
    assert "### What is wrong" in summary


@NEEDS_BASH
def test_with_a_report_to_compare_with_only_what_got_worse_fails_the_step(tmp_path: Path, cassettes: Path) -> None:
    judge(tmp_path, **REPLAY)
    compare = {**REPLAY, "COMPARE_WITH": "chatcompat-report/report.json"}  # which the run writes over
    assert 0 == judge(tmp_path, **compare)[0]
    spoil(cassettes)
    code, _, summary = judge(tmp_path, **compare)
    assert 1 == code
    assert "## What changed" in summary
    assert "### Newly broken" in summary
    assert 0 == judge(tmp_path, **compare)[0]  # it was broken before


@NEEDS_BASH
def test_what_is_printed_of_an_endpoint_is_no_command_of_the_runner(tmp_path: Path, cassettes: Path) -> None:
    lines = judge(tmp_path, **REPLAY)[1].splitlines()
    begun = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", lines[0])
    assert begun is not None
    ended = lines.index(f"::{begun[1]}::")
    assert any("reference" in line for line in lines[1:ended])  # the matrix
    assert 1 == len(lines[ended + 1 :])  # nothing is wrong, so what follows is the line for people


@NEEDS_BASH
def test_no_input_is_read_as_shell(tmp_path: Path, cassettes: Path) -> None:
    nasty = "$(touch pwned) `touch pwned`; touch pwned; *"
    names = ("ENDPOINT", "MODEL", "KEY_ENV", "SELECT", "CASSETTES", "BASELINE", "ARGS", "FORMATS", "BASE_URL")
    assert 2 == judge(tmp_path, **dict.fromkeys(names, nasty))[0]
    assert 2 == judge(tmp_path, **{**REPLAY, "COMPARE_WITH": nasty})[0]
    assert 0 == judge(tmp_path, **{**REPLAY, "OUT": nasty, "MODEL": nasty, "KEY_ENV": "", "ARGS": "--quiet"})[0]
    assert (tmp_path / nasty / "report.json").exists()
    assert not (tmp_path / "pwned").exists()


@NEEDS_BASH
def test_a_report_of_before_is_not_shown_for_one_of_now(tmp_path: Path, cassettes: Path) -> None:
    judge(tmp_path, **REPLAY)
    (tmp_path / "step-summary.md").unlink()
    code, _, summary = judge(tmp_path, **{**REPLAY, "SELECT": "no-such-suite"})
    assert (2, "") == (code, summary)
    assert not (tmp_path / "chatcompat-report" / "report.json").exists()


@NEEDS_BASH
def test_options_and_selections_may_stand_on_lines_of_their_own(tmp_path: Path, cassettes: Path) -> None:
    code, said, _ = judge(tmp_path, **{**REPLAY, "SELECT": "models/list\nmodels/retrieve\n", "ARGS": "--quiet\n--level must\n"})
    assert 0 == code
    assert 3 == len(said.splitlines())


# ---------------------------------------------------------------- the files


def test_the_action_gives_its_inputs_to_the_script_by_the_environment_alone() -> None:
    action = read(ACTION / "action.yml")
    steps = action["runs"]["steps"]
    assert [] == [step["run"] for step in steps if "${{" in step.get("run", "")]
    (given,) = [step["env"] for step in steps if "env" in step]
    inputs = set(action["inputs"]) - {"python-version"}
    assert {f"${{{{ inputs.{name} }}}}" for name in inputs} == set(given.values())
    script = (ACTION / "judge.sh").read_text(encoding="utf-8")
    assert set(given) == set(re.findall(r"\$\{([A-Z_]+):-", script)) - {"GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"}


def test_every_option_that_ci_files_give_is_one_of_the_command() -> None:
    files = [ACTION / "judge.sh", ROOT / ".gitlab" / "chatcompat.gitlab-ci.yml", ROOT / ".pre-commit-hooks.yaml"]
    used = {option for file in files for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", file.read_text(encoding="utf-8"))}
    context = click.Context(chatcompat)
    commands = [chatcompat.get_command(context, name) for name in chatcompat.list_commands(context)]
    known = {option for command in commands if command for one in command.params for option in one.opts}
    assert set() == used - known


def test_the_job_for_gitlab_keeps_its_report_when_it_fails() -> None:
    (job,) = [part for part in read(ROOT / ".gitlab" / "chatcompat.gitlab-ci.yml").values() if "script" in part]
    (run,) = [line for line in job["script"] if line.startswith("chatcompat")]
    assert "--key-env" in run
    assert "always" == job["artifacts"]["when"]
    assert "chatcompat-report/junit.xml" == job["artifacts"]["reports"]["junit"]


def test_the_hook_runs_a_command_that_there_is_on_the_files_that_it_is_for() -> None:
    (hook,) = read(ROOT / ".pre-commit-hooks.yaml")
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "suites").glob("*.yaml")]
    for folder in ("endpoints", "clients"):
        files += [path.relative_to(ROOT).as_posix() for path in (ROOT / "harness" / folder).glob("*.yaml")]
    assert len(files) > 40
    assert [] == [file for file in files if not re.search(hook["files"], file)]
    others = ["cassettes/reference/endpoint.yaml", "suites/README.md", ".github/workflows/ci.yml", "mysuites/x.yaml"]
    assert [] == [file for file in others if re.search(hook["files"], file)]
    name, *arguments = hook["entry"].split()
    assert "chatcompat" == name
    result = CliRunner().invoke(chatcompat, [*arguments, str(ROOT / "suites" / "basic.yaml")])
    assert (0, "") == (result.exit_code, result.output)
