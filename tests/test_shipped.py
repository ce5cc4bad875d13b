"""What is shipped: the recordings of real servers, and the report that is made of them."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from vcr.serialize import deserialize  # type: ignore[import-untyped]
from vcr.serializers import yamlserializer  # type: ignore[import-untyped]

from harness import load, resources
from harness.cli import main

REAL = ("llama-cpp-python", "litellm", "llamacpp", "mlflow", "portkey")
CASSETTES = sorted(path for path in resources.CASSETTES.glob("*/*/*.yaml"))

MADE_OTHERWISE = {"field.md", "kill-matrix.md"}
"""Pages of the folder that no run writes: tests of their own hold them to what they are made of."""

SECRETS = re.compile(
    r"(?i)\b(sk-[a-z0-9_-]{8,}|gsk_[a-z0-9]{8,}|hf_[a-z0-9]{8,}|AIza[\w-]{20,}|bearer\s+(?!wrong|reference|undefined|\$\{)[\w.-]{8,}"
    r"|set-cookie|openai-organization|openai-project|authorization: \[)"
)
WRONG_KEYS = {"sk-wrong-key", "sk-chatcompat-wrong-key"}


@cache
def report() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((resources.REPORTS / "report.json").read_text(encoding="utf-8"))
    return loaded


def results(endpoint: str) -> list[dict[str, Any]]:
    return [result for result in report()["results"] if result["endpoint"] == endpoint]


def findings(endpoint: str) -> set[str]:
    return {finding["rule"] for result in results(endpoint) for finding in result["findings"]}


def run(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["chatcompat", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_main_job_makes_the_shipped_report_again_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert 0 == run("run", "--quiet", "--out", str(tmp_path), monkeypatch=monkeypatch)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    shipped = {path.name: path.read_bytes() for path in resources.REPORTS.iterdir() if path.name not in MADE_OTHERWISE}
    assert sorted(shipped) == sorted(made)
    assert [] == [name for name in shipped if shipped[name] != made[name]]


def test_the_matrix_has_six_endpoints_and_sixty_cases() -> None:
    assert {*REAL, "reference"} <= report()["endpoints"].keys()
    assert len({result["case"] for result in report()["results"]}) >= 60


def test_the_reference_server_passes_everything() -> None:
    assert {"pass"} == {result["verdict"] for result in results("reference")}


@pytest.mark.parametrize("endpoint", REAL)
def test_most_of_the_cases_are_judged_on_a_real_server(endpoint: str) -> None:
    about = report()["endpoints"][endpoint]
    assert about["judged"] >= 0.7 * about["trials"]
    assert about["trials"] - about["judged"] == sum(row["count"] for row in about["not_judged"]), "each with its reason"


@pytest.mark.parametrize(
    ("endpoint", "rule"),
    [
        ("llamacpp", "errors/unknown-model:effect"),
        ("llamacpp", "errors/empty-messages:expect"),
        ("llamacpp", "errors/unknown-role:effect"),
        ("llamacpp", "errors.code-is-text"),
        ("llamacpp", "models/retrieve:prefer"),
        ("llama-cpp-python", "tools.name-comes-once"),
        ("llama-cpp-python", "errors/bad-json:expect"),
        ("mlflow", "stream.ends-with-done"),
    ],
)
def test_what_is_known_of_a_real_server_is_found(endpoint: str, rule: str) -> None:
    assert rule in findings(endpoint)


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.relative_to(resources.CASSETTES).as_posix())
def test_a_cassette_holds_no_secret_and_opens_in_plain_vcrpy(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [] == [found[0] for found in SECRETS.finditer(text) if found[0] not in WRONG_KEYS]
    requests, responses, *_ = deserialize(text, yamlserializer)
    assert len(requests) == len(responses) > 0


def test_every_recorded_endpoint_says_what_served_it() -> None:
    profiles = {
        path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in resources.CASSETTES.glob("*/endpoint.yaml")
    }
    assert set(report()["endpoints"]) == set(profiles)
    assert [] == [name for name, profile in profiles.items() if not {"server", "version", "date"} <= profile["recorded"].keys()]


def test_no_cassette_is_left_over_from_a_case_that_is_gone() -> None:
    cases = {(case.suite, case.id) for suite in load.suites() for case in suite.cases}
    assert [] == [
        path for path in CASSETTES if (path.parent.name, path.name.removesuffix(".yaml").removesuffix(".stream")) not in cases
    ]
