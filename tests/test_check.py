"""`chatcompat check`: what is well written is named, and every slip of every file is, with its line."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from harness import resources
from harness.commands import check
from harness.errors import BadFile

SUITE = """
suite: mine
title: What my client needs
features:
  short: {title: Answers can be cut short}
cases:
  - id: cut
    title: The answer is cut
    needs: [short]
    request: {messages: [{role: user, content: Count from 1 to 200.}], max_tokens: 8}
    effect: {body: {/choices/0/finish_reason: {const: length}}}
"""
ENDPOINT = "name: mine\ntitle: Mine\nbase_url: http://127.0.0.1:1/v1\n"


def checked(*paths: Path) -> Result:
    """What the command says of them."""
    return CliRunner().invoke(check.command, [str(path) for path in paths])


def written(folder: Path, **texts: str) -> list[Path]:
    """A file for each text."""
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return [folder / f"{name}.yaml" for name in texts]


def test_what_is_well_written_is_named(tmp_path: Path) -> None:
    result = checked(*written(tmp_path, mine=SUITE, endpoint=ENDPOINT))
    assert 0 == result.exit_code
    assert ["the endpoint mine", "the suite mine, 1 case"] == [line.split(": ")[1] for line in result.stdout.splitlines()]


def test_the_shipped_suites_and_profiles_are_well_written() -> None:
    assert 0 == checked(resources.SUITES, resources.ENDPOINTS).exit_code


def test_every_slip_of_every_file_is_said_at_once(tmp_path: Path) -> None:
    paths = written(tmp_path, a=SUITE.replace("effect:", "efect:"), b=ENDPOINT.replace("title", "titel"), c="x: 1\n")
    error = checked(*paths).exception
    assert isinstance(error, BadFile)
    assert {"a.yaml", "b.yaml", "c.yaml"} == {Path(file).name for file, _, _ in error.slips}
    assert any("did you mean `effect`" in said for _, _, said in error.slips)
    assert {None} != {line for _, line, _ in error.slips}


def test_a_folder_without_yaml_is_wrong_usage(tmp_path: Path) -> None:
    assert isinstance(checked(tmp_path).exception, BadFile)
