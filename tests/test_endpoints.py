"""The shipped endpoints: each says where it is, how it is asked and who says so, and can be planned without a key."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness import load, plan, resources, wire
from harness.catalogue import OF_THE_JUDGE, entries
from harness.cli import main
from harness.engine import unlisted, with_model
from harness.errors import BadInput, Unusable
from harness.model import Endpoint, Request, Statement, Suite
from harness.reference import MODELS, faults_named
from harness.reference.server import running
from harness.rule import all_rules

NAMES = load.endpoint_names()
LIVING = [name for name in NAMES if load.endpoint_named(name).retired is None]
WANTED = {
    *("aphrodite", "azure-openai", "azure-openai-dated", "cerebras", "claude", "claude-messages", "cloudflare", "deepseek"),
    *("fireworks", "gemini", "github-models", "groq", "huggingface", "koboldcpp", "litellm", "llama-cpp-python", "llamacpp"),
    *("lm-studio", "localai", "mistral", "mlflow", "ollama", "openai", "openrouter", "palm", "portkey", "reference", "sglang"),
    *("tabbyapi", "text-generation-webui", "together", "vllm", "window-ai", "xai"),
}


@functools.cache
def suites() -> tuple[Suite, ...]:
    """The shipped suites."""
    return load.suites()


def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    """What a command ended with, printed, and said."""
    monkeypatch.setattr(sys, "argv", ["chatcompat", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


# ---------------------------------------------------------------- what is shipped


def test_every_system_of_the_list_has_a_profile() -> None:
    assert set() == WANTED - set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_names_features_and_cases_that_there_are(name: str) -> None:
    plan.check_names([load.endpoint_named(name)], suites(), [*(rule.id for rule in all_rules()), *OF_THE_JUDGE])


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("reference")])
def test_a_profile_says_where_it_was_checked_and_when(name: str) -> None:
    found = load.endpoint_named(name)
    assert found.checked
    assert found.docs or found.retired
    assert [] == [said for said in (*found.has.values(), *found.lacks.values()) if said.checked is None]


@pytest.mark.parametrize("name", LIVING)
def test_every_endpoint_is_planned_without_a_key_and_variables_stand_for_what_is_not_set(name: str) -> None:
    found = load.endpoint_named(name)
    text = plan.plan([found], suites(), only=["basic/answer"]).text()
    assert f"to {found.base_url}" in text
    assert f"POST {'/messages' if found.dialect == 'anthropic' else '/chat/completions'}" in text
    assert set() == {one for one in (*wire.variables(found, {}), *wire.credentials(found)) if f"${{{one}}}" not in text}


def test_a_plan_needs_no_key_and_sends_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    code, out, err = typed(capsys, monkeypatch, "run", "basic/answer", "--endpoint", "groq", "--plan")
    assert (0, "") == (code, err)
    assert "  authorization: Bearer ${GROQ_API_KEY}\n  MODEL stands for" in out
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", LIVING)
def test_a_key_goes_only_where_the_profile_says(name: str) -> None:
    """Hosted services speak TLS, and a server on this machine needs no key."""
    found = load.endpoint_named(name)
    local = re.match(r"http://(localhost|127\.0\.0\.1):\d+(/|$)", found.base_url) is not None
    assert local or found.base_url.startswith("https://")
    needed = [name for name in wire.variables(found, {}) if name.endswith(("_KEY", "_TOKEN"))]
    assert local is (needed == [])


@pytest.mark.parametrize(
    ("name", "points_to"), [("palm", "use --endpoint gemini"), ("window-ai", "browser"), ("github-models", "")]
)
def test_an_endpoint_that_is_gone_is_not_asked(
    name: str, points_to: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = typed(capsys, monkeypatch, "run", "--endpoint", name)
    assert (2, "") == (code, out)
    assert f"{name} is gone since 20" in err
    assert points_to in err


def test_what_took_the_place_of_an_endpoint_is_there() -> None:
    instead = [load.endpoint_named(name).retired for name in NAMES]
    assert set() == {gone.instead for gone in instead if gone and gone.instead} - set(LIVING)


def test_endpoints_are_listed_with_what_a_program_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, _ = typed(capsys, monkeypatch, "list", "endpoints", "--json")
    listed = {one["id"]: one for one in json.loads(out)}
    assert list(NAMES) == list(listed)
    azure = listed["azure-openai"]
    assert ["AZURE_OPENAI_RESOURCE", "AZURE_OPENAI_DEPLOYMENT", "AZURE_OPENAI_API_KEY"] == azure["variables"]
    assert ["TABBY_API_KEY"] == listed["tabbyapi"]["optional_variables"]
    assert "anthropic" == listed["claude-messages"]["dialect"]
    assert "n" in listed["groq"]["lacks"]
    assert "gemini" == listed["palm"]["retired"]["instead"]


def test_every_endpoint_is_explained_by_its_own_name() -> None:
    first = {}
    for entry in entries(suites()):
        first.setdefault(entry.id, entry.kind)
    assert {"endpoint"} == {first[name] for name in NAMES}


def test_an_endpoint_is_explained_with_its_keys_quirks_and_what_its_vendor_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, _ = typed(capsys, monkeypatch, "explain", "groq")
    assert "needs    export GROQ_API_KEY=…" in out
    assert "lacks    logprobs (refused with 400)" in out
    assert "https://console.groq.com/docs/openai, read 20" in " ".join(out.split())
    assert "quirk    A temperature of 0 becomes 1e-8." in out
    assert "run      chatcompat run --endpoint groq" in out


# ---------------------------------------------------------------- one name, live and recorded


def test_a_name_means_the_shipped_profile_where_a_server_is_asked_and_the_recorded_one_in_a_replay(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = load.endpoint(resources.CASSETTES / "llamacpp" / "endpoint.yaml")
    _, live, _ = typed(capsys, monkeypatch, "run", "basic/answer", "--endpoint", "llamacpp", "--plan")
    _, replay, _ = typed(capsys, monkeypatch, "run", "basic/answer", "--endpoint", "llamacpp", "--mode", "replay", "--plan")
    assert f"to {load.endpoint_named('llamacpp').base_url}" in live
    assert f"to {recorded.base_url}" in replay


def test_a_recorded_endpoint_takes_what_its_vendor_says_from_the_shipped_profile_unless_it_has_its_own() -> None:
    recorded = Endpoint(name="groq", title="Mine", base_url="http://127.0.0.1:1/v1")
    shipped = load.endpoint_named("groq")
    assert replace(recorded, lacks=shipped.lacks, has=shipped.has) == load.with_shipped_statements(recorded)
    own = replace(recorded, has={"n": Statement(link="https://example.invalid")})
    assert own == load.with_shipped_statements(own)
    other = replace(recorded, name="nobody")
    assert other == load.with_shipped_statements(other)


# ---------------------------------------------------------------- what goes before a profile


def test_the_command_line_goes_before_a_named_profile() -> None:
    found = load.endpoint_of("tabbyapi", "m", "MINE", ["x-b: 2"], "http://192.168.1.5:5001/v1/")
    assert ("tabbyapi", "http://192.168.1.5:5001/v1", "m") == (found.name, found.base_url, found.model)
    assert {"x-api-key": "${MINE}", "x-b": "2"} == found.headers
    assert {} == found.optional_headers


def test_a_key_goes_into_the_header_that_the_profile_sends_keys_in() -> None:
    assert "${MINE}" == load.endpoint_of("claude-messages", key_env="MINE").headers["x-api-key"]
    assert "authorization" not in load.endpoint_of("claude-messages", key_env="MINE").headers
    assert "Bearer ${MINE}" == load.endpoint_of("groq", key_env="MINE").headers["authorization"]
    assert "Bearer ${MINE}" == load.endpoint_of("reference", key_env="MINE").headers["authorization"]


def test_a_base_url_beside_a_url_is_refused() -> None:
    with pytest.raises(BadInput, match="--base-url: goes with the name or file of a profile"):
        load.endpoint_of("http://127.0.0.1:1/v1", base_url="http://127.0.0.1:2/v1")
    with pytest.raises(BadInput, match="leave off /chat/completions"):
        load.endpoint_of("tabbyapi", base_url="http://127.0.0.1:2/v1/chat/completions")


def test_a_profile_that_names_what_there_is_not_is_told_the_nearest() -> None:
    lying = replace(load.endpoint_named("groq"), lacks={"logprob": Statement(link="https://example.invalid")})
    with pytest.raises(
        BadInput, match=r"endpoint groq: `lacks` names \"logprob\", which no suite declares; did you mean `logprobs`"
    ):
        plan.check_names([lying], suites(), [])
    with pytest.raises(BadInput, match=r"`models` names \"zzzz\", which no suite declares; select the suite that declares it"):
        plan.check_names([replace(lying, lacks={}, models={"zzzz": "m"})], suites(), [])


# ---------------------------------------------------------------- variables


class Seen(httpx.AsyncBaseTransport):
    """Answers every request, and keeps it."""

    def __init__(self, document: object = None, status: int = 200) -> None:
        self.requests: list[httpx.Request] = []
        self._document, self._status = document, status

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self._status, stream=httpx.ByteStream(json.dumps(self._document).encode()))


def sent(endpoint: Endpoint, environ: dict[str, str]) -> httpx.Request:
    """The request for the models as it goes to the network."""
    seen = Seen()

    async def send() -> None:
        network = wire.Network(endpoint, environ, lambda proxy: seen)
        await wire.Wire(endpoint, network).send(Request(method="GET", path="/models"))

    asyncio.run(send())
    return seen.requests[0]


def test_an_optional_header_is_sent_where_its_variable_is_set_and_else_left_out() -> None:
    tabby = load.endpoint_named("tabbyapi")
    assert "x-api-key" not in sent(tabby, {}).headers
    assert "x-api-key" not in sent(tabby, {"TABBY_API_KEY": ""}).headers
    assert "key-1" == sent(tabby, {"TABBY_API_KEY": "key-1"}).headers["x-api-key"]


AZURE = {"AZURE_OPENAI_RESOURCE": "res", "AZURE_OPENAI_DEPLOYMENT": "dep.1", "AZURE_OPENAI_API_KEY": "key-1"}


def test_variables_in_a_url_are_filled_in_by_the_wire_alone() -> None:
    dated = load.endpoint_named("azure-openai-dated")
    url = "https://res.openai.azure.com/openai/deployments/dep.1/models?api-version=2024-10-21"
    assert url == str(sent(dated, AZURE).url)
    assert "res.openai.azure.com" == sent(dated, AZURE).headers["host"]
    with pytest.raises(Unusable, match="AZURE_OPENAI_RESOURCE is not set"):
        sent(dated, {**AZURE, "AZURE_OPENAI_RESOURCE": ""})


@pytest.mark.parametrize("value", ["evil.example/", "evil.example#", "a@evil.example", "..", "a b", "a:80", "a\n", "é"])
def test_no_variable_of_a_url_leads_to_another_host_or_path(value: str) -> None:
    with pytest.raises(Unusable, match="AZURE_OPENAI_RESOURCE goes into its URL"):
        sent(load.endpoint_named("azure-openai-dated"), {**AZURE, "AZURE_OPENAI_RESOURCE": value})


def test_a_model_may_be_a_variable() -> None:
    azure = load.endpoint_named("azure-openai")
    assert "dep.1" == asyncio.run(with_model(azure, AZURE)).model
    with pytest.raises(Unusable, match="AZURE_OPENAI_DEPLOYMENT is not set, which names its model"):
        asyncio.run(with_model(azure, {}))


# ---------------------------------------------------------------- the list of models

LISTED = Endpoint(name="mine", title="Mine", base_url="http://127.0.0.1:9/v1", model="gpt-4o-mini")


@pytest.mark.parametrize(
    ("document", "status", "said"),
    [
        ({"data": [{"id": "gpt-4o-mini"}, {"id": "b"}]}, 200, None),
        ([{"id": "gpt-4o-mini"}], 200, None),
        ({"data": [{"id": "models/gpt-4o-mini"}]}, 200, None),
        ({"data": [{"id": "gpt-4o-mimi"}, {"id": "b"}]}, 200, "did you mean `gpt-4o-mimi`?"),
        ({"data": [{"id": "a\x1b[31m"}, {"id": "b"}]}, 200, r"it lists a\u001b[31m, b"),
        ({"data": [{"id": f"m{number}"} for number in range(30)]}, 200, "m9 and 20 more"),
        ({"data": []}, 200, None),
        ("nonsense", 200, None),
        ({"error": {"message": "no"}}, 404, None),
        ({"error": {"message": "no"}}, 401, None),
    ],
)
def test_a_model_that_is_not_listed_is_a_warning(document: object, status: int, said: str | None) -> None:
    seen = Seen(document, status)
    found = asyncio.run(unlisted(LISTED, {}, lambda proxy: seen))
    if said is None:
        assert found is None
    else:
        assert found is not None
        assert 'http://127.0.0.1:9/v1/models does not list "gpt-4o-mini"' in found
        assert said in found


def test_no_list_is_asked_for_where_the_profile_says_that_there_is_none() -> None:
    seen = Seen({"data": []})
    none = replace(LISTED, models_path=None)
    assert asyncio.run(unlisted(none, {}, lambda proxy: seen)) is None
    with pytest.raises(BadInput, match="endpoint mine lists no models: name one with --model"):
        asyncio.run(with_model(replace(none, model=None), {}, lambda proxy: seen))
    assert [] == seen.requests


def test_a_listed_model_that_looks_like_a_variable_is_never_taken() -> None:
    seen = Seen({"data": [{"id": "${HOME}"}, {"id": "only"}]})
    assert "only" == asyncio.run(with_model(replace(LISTED, model=None), {"HOME": "secret"}, lambda proxy: seen)).model


@pytest.fixture
def wrong_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A command line against the reference server with a model that it has not."""
    monkeypatch.chdir(tmp_path)
    with running() as url:
        yield ["run", "models/list", "--endpoint", "reference", "--base-url", url, "-q"]


def test_a_run_goes_on_with_a_model_that_is_not_listed_and_says_so(
    wrong_model: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = typed(capsys, monkeypatch, *wrong_model, "--model", "refrence-1")
    assert 0 == code
    assert "reference: http://" in err
    assert 'does not list "refrence-1"; did you mean `reference-1`?' in err
    _, _, silent = typed(capsys, monkeypatch, *wrong_model, "--model", "refrence-1", "--skip-models")
    assert "does not list" not in silent
    _, _, known = typed(capsys, monkeypatch, *wrong_model, "--model", "reference-1")
    assert "does not list" not in known


def test_several_models_are_listed_and_one_is_to_be_chosen(
    wrong_model: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = wrong_model[wrong_model.index("--base-url") + 1]
    code, _, err = typed(capsys, monkeypatch, "run", "basic/answer", "--endpoint", url)
    assert 2 == code
    assert f"{url}/models lists {len(MODELS)} models; choose one with --model: {', '.join(MODELS)}" in err


# ---------------------------------------------------------------- claimed against measured

LIAR = """\
name: liar
title: It lies both ways
base_url: {url}
model: reference-1
has:
  n: {{says: https://example.invalid/n, checked: 2026-11-23, how: as many as you like}}
  stop: https://example.invalid/stop
  vision: https://example.invalid/vision
lacks:
  seed: {{says: https://example.invalid/seed, how: ignored}}
  max-tokens: https://example.invalid/max
"""


def claimed(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fault: str) -> dict[str, Any]:
    """The rows of the report, by feature, of a server with a fault and a profile that lies."""
    monkeypatch.chdir(tmp_path)
    with running(faults_named([fault])) as url:
        (tmp_path / "liar.yaml").write_text(LIAR.format(url=url), encoding="utf-8")
        words = ("choices", "stop", "sampling/seed", "limits/max-tokens", "--endpoint", "liar.yaml", "--format", "json,md,html")
        typed(capsys, monkeypatch, "run", *words, "--quiet")
    loaded = json.loads((tmp_path / "chatcompat-report" / "report.json").read_text(encoding="utf-8"))
    return {row["feature"]: row for row in loaded["claimed"]}


def test_a_vendor_that_lies_both_ways_is_told_with_the_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = claimed(tmp_path, capsys, monkeypatch, "ignores-n")
    verdicts = {feature: row["verdict"] for feature, row in rows.items()}
    expected = {"n": "overclaimed", "stop": "agreed", "vision": "untested", "seed": "underclaimed", "max-tokens": "underclaimed"}
    assert expected == verdicts
    assert "ignored" in {one["verdict"] for one in rows["n"]["evidence"]}
    assert any("choices/" in rule and rule.endswith(":effect") for one in rows["n"]["evidence"] for rule in one["findings"])
    assert [] == rows["vision"]["evidence"]
    page = (tmp_path / "chatcompat-report" / "README.md").read_text(encoding="utf-8")
    assert "## Claimed against measured" in page
    assert "[has it (as many as you like)](https://example.invalid/n), read 2026-11-23" in page
    html = (tmp_path / "chatcompat-report" / "index.html").read_text(encoding="utf-8")
    assert '<a href="https://example.invalid/n"' in html


def test_what_a_vendor_says_it_lacks_is_agreed_where_it_has_no_effect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = claimed(tmp_path, capsys, monkeypatch, "ignores-seed")
    assert ("agreed", "agreed") == (rows["seed"]["verdict"], rows["n"]["verdict"])
