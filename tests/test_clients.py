"""Clients: profiles that are well written, verdicts that follow from evidence, and what the real clients did."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import outcomes
import pytest
import reference_runs
from click.testing import CliRunner
from own_files import of_schema, write

from harness import client_profile, contract, judge, load, report, resources
from harness.catalogue import OF_THE_JUDGE, entries
from harness.client_profile import ClientProfile, Known
from harness.commands import check
from harness.commands import list as listing
from harness.errors import BadFile
from harness.model import Judged, Trial
from harness.reference import all_faults, faults_named, reply
from harness.reference.server import running
from harness.report import client_verdicts, clients
from harness.report.client_verdicts import BROKEN, UNTESTED, WITHOUT, WORKS
from harness.rule import all_rules

NAMES = load.client_names()
WANTED = {
    *("sillytavern", "openai-python", "openai-node", "ai-sdk", "langchain", "open-webui", "continue", "cline", "roo"),
    *("librechat", "home-assistant", "pydantic-ai", "instructor", "semantic-kernel", "litellm-sdk"),
}
PROOF: Final[Mapping[str, Any]] = json.loads((Path(__file__).parent / "client_proof.json").read_text(encoding="utf-8"))


@functools.cache
def known() -> Known:
    """What there is to name."""
    suites = load.suites()
    return Known(
        rules={*(rule.id for rule in all_rules()), *OF_THE_JUDGE},
        cases={case.path for suite in suites for case in suite.cases},
        features={feature.id for suite in suites for feature in suite.features},
        clients=NAMES,
    )


# ---------------------------------------------------------------- profiles


def test_every_client_of_the_list_has_a_profile() -> None:
    assert set() == WANTED - set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_profile_is_well_written_and_names_what_there_is(name: str) -> None:
    file = resources.CLIENTS / f"{name}.yaml"
    assert name == load.client(file, known()).name
    assert [] == [error.message for error in of_schema("client").iter_errors(load.document(file).data)]


@pytest.mark.parametrize("name", NAMES)
def test_every_need_says_how_the_client_breaks_and_where_that_is_known_from(name: str) -> None:
    needs = [need for use in load.client(resources.CLIENTS / f"{name}.yaml").uses for need in use.needs]
    assert [] == [need.ids for need in needs if not (need.because.endswith(".") and need.sources)]


MINE = """
client: mine
title: My client
version: "1"
checked: 2026-11-23
docs: https://example.invalid/
meets: [chat]
needs:
  - cases: [basic/answer]
    rules: [choices.there-is-one]
    because: There is nothing to show.
    source: [owner/repository#1]
optional:
  tools:
    title: Tool calls
    meets: [tools, tool-calls]
    needs:
      - cases: [tools/called]
        because: Nothing is called.
        source: [owner/repository#2]
settings:
  calls:
    says: whether tools are declared
    first:
      - {value: "yes", holds: [tools/called, tools.call-has-an-id]}
      - {value: null}
  limit:
    says: the name of the limit
    first:
      - {value: max_completion_tokens, holds: [limits/max-completion-tokens]}
      - {value: max_tokens}
snippet:
  language: yaml
  text: |
    url: "{base_url}"
    model: "{model}"
    calls: {calls}
    {limit}: 100
"""


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("basic/answer", "basic/anwser", "did you mean `basic/answer`"),
        ("choices.there-is-one", "choices.there-is-on", "did you mean `choices.there-is-one`"),
        ("[tools, tool-calls]", "[tools, tool-call]", "did you mean `tool-calls`"),
        ("limits/max-completion-tokens", "limits/max-completion-token", "did you mean `limits/max-completion-tokens`"),
        ("because: Nothing is called.", "becuase: Nothing is called.", "did you mean `because`"),
        ("owner/repository#1", "somebody said so", "a source is owner/repository#number"),
        ("[owner/repository#1]", "[driven]", "`proved: true`"),
        ("{limit}: 100", "{limits}: 100", "did you mean `limit`"),
        ("{limit}: 100", "limit: 100", "stands nowhere in the snippet"),
        ("- {value: max_tokens}", "- {value: max_tokens, holds: [basic/answer]}", "for every other outcome"),
        ("cases: [tools/called]\n        because", "rules: [reply.is-json]\n        because", "no case is needed here"),
        ("checked: 2026-11-23", "checked: yesterday", "must be a day"),
        ("meets: [chat]\n", "streams: sometimes\nmeets: [chat]\n", "never, always or both"),
        ("meets: [chat]\n", "like: open-web-ui\nmeets: [chat]\n", "did you mean `open-webui`"),
    ],
)
def test_a_slip_is_told_with_the_way_out(tmp_path: Path, written: str, instead: str, said: str) -> None:
    assert written in MINE
    assert "mine" == load.client(write(tmp_path, MINE, "good.yaml"), known()).name
    with pytest.raises(BadFile) as error:
        load.client(write(tmp_path, MINE.replace(written, instead), "mine.yaml"), known())
    assert any(said in slip and line is not None for _, line, slip in error.value.slips), error.value.slips


def test_check_tells_a_client_from_suites_and_endpoints(tmp_path: Path) -> None:
    result = CliRunner().invoke(check.command, [str(write(tmp_path, MINE, "mine.yaml"))])
    assert (0, "the client mine") == (result.exit_code, result.stdout.strip().rpartition(": ")[2])
    slip = CliRunner().invoke(check.command, [str(write(tmp_path, MINE.replace("basic/answer", "basic/a"), "slip.yaml"))])
    assert isinstance(slip.exception, BadFile)


def test_a_client_shares_the_needs_of_what_it_is_built_on() -> None:
    def profile(name: str, rule: str, like: str | None = None) -> ClientProfile:
        need = client_profile.Need(ids=(rule,), because="…", sources=("driven",))
        uses = [client_profile.Use(id=one, title=one, meets=(), needs=(need,)) for one in ("chat", "tools")]
        plain: dict[str, Any] = {"title": name, "version": "1", "checked": "", "docs": "", "like": like}
        return ClientProfile(name=name, core=uses[0], optional=tuple(uses[1:] if name != "top" else ()), **plain)

    given = [profile("top", "a.top", "middle"), profile("middle", "a.middle", "low"), profile("low", "a.low")]
    grown = client_profile.with_what_it_is_built_on(given)
    assert ["a.top", "a.middle", "a.low"] == [id for need in grown["top"].core.needs for id in need.ids]
    assert () == grown["top"].optional
    assert ["a.middle", "a.low"] == [id for need in grown["middle"].optional[0].needs for id in need.ids]


def test_list_and_explain_know_every_client() -> None:
    listed = json.loads(CliRunner().invoke(listing.command, ["clients", "--json"]).stdout)
    assert list(NAMES) == [one["id"] for one in listed]
    assert all({"title", "version", "checked", "docs", "proved", "uses"} <= one.keys() for one in listed)
    assert set(NAMES) <= {entry.id for entry in entries(load.suites()) if entry.kind == "client"}


# ---------------------------------------------------------------- verdicts


def mine(**change: Any) -> dict[str, ClientProfile]:
    """My client."""
    import dataclasses

    from harness.yaml_file import _read

    return {"mine": dataclasses.replace(client_profile.client(_read(MINE, "mine.yaml")), **change)}


def result(case: str, features: Sequence[str], verdict: str = "pass", rule: str = "", stream: bool = False) -> dict[str, Any]:
    """A trial's result, with what of it counts here."""
    findings = [{"rule": rule, "kind": None, "message": f"{rule} is broken"}] if rule else []
    claims = "pass" if rule else verdict
    return {
        "endpoint": "e",
        "case": case,
        "stream": stream,
        "features": list(features),
        "verdict": verdict,
        "claims": claims,
        "findings": findings,
        "reason": None if rule or verdict == "pass" else "it was refused",
    }


ANSWER = result("basic/answer", ["chat"])
CALLED = result("tools/called", ["tools", "tool-calls"])
ENDPOINT = {"e": {"title": "E", "dialect": "openai", "base_url": "http://127.0.0.1/v1", "model": "m"}}


def row(*results: dict[str, Any], **change: Any) -> dict[str, Any]:
    """What my client comes to with these."""
    (found,) = client_verdicts.section(mine(**change), ENDPOINT, results)["rows"]
    return dict(found)


@pytest.mark.parametrize(
    ("results", "verdict", "because"),
    [
        ([ANSWER, CALLED], WORKS, []),
        ([ANSWER], WORKS, []),
        ([CALLED], UNTESTED, []),
        ([ANSWER | {"claims": "fail", "verdict": "fail"}, CALLED], BROKEN, ["basic/answer"]),
        ([ANSWER, result("tools/called", ["tools", "tool-calls"], "unsupported")], WITHOUT, ["tools/called"]),
        ([ANSWER, result("tools/called", ["tools", "tool-calls"], "ignored")], WITHOUT, ["tools/called"]),
        ([ANSWER, result("tools/called", ["tools", "tool-calls"], "inconclusive")], WORKS, []),
        ([ANSWER, result("basic/own-ids", ["chat"], "fail", "choices.there-is-one")], BROKEN, ["choices.there-is-one"]),
        ([ANSWER, CALLED, result("tools/x", ["tools"], "fail", "choices.there-is-one")], WITHOUT, ["choices.there-is-one"]),
        ([ANSWER, CALLED, result("vision/png", ["vision"], "fail", "choices.there-is-one")], WORKS, []),
        ([ANSWER, CALLED, result("basic/own-ids", ["chat"], "fail", "usage.is-there")], WORKS, []),
        ([ANSWER, CALLED | {"findings": [{"rule": "asked.x", "kind": None, "message": "…"}]}], WITHOUT, ["tools/called"]),
    ],
)
def test_a_verdict_follows_from_what_the_client_would_meet(results: Any, verdict: str, because: list[str]) -> None:
    found = row(*results)
    assert (verdict, because) == (found["verdict"], [one["need"] for one in found["broken"]])


def test_only_exchanges_in_the_way_that_the_client_asks_count() -> None:
    streamed = result("basic/own-ids", ["chat"], "fail", "choices.there-is-one", stream=True)
    assert BROKEN == row(ANSWER, streamed)["verdict"]
    assert WORKS == row(ANSWER, streamed, streams=(False,))["verdict"]


def test_what_a_rule_found_stands_where_the_model_did_not_play_along() -> None:
    unclear = result("basic/own-ids", ["chat"], "fail", "choices.there-is-one") | {"claims": "inconclusive"}
    assert BROKEN == row(ANSWER, unclear)["verdict"]
    assert ["tools/called"] == row(ANSWER, CALLED | {"verdict": "inconclusive", "claims": "inconclusive"})["untested"]


def test_a_need_may_be_that_a_request_is_not_refused() -> None:
    import dataclasses

    given = mine()["mine"]
    need = dataclasses.replace(given.core.needs[0], refused=True)
    core = dataclasses.replace(given.core, needs=(need,))
    assert WORKS == row(result("basic/answer", ["chat"], "fail") | {"reason": "it was no answer"}, core=core)["verdict"]
    assert BROKEN == row(result("basic/answer", ["chat"], "fail") | {"reason": "the endpoint answered 500"}, core=core)["verdict"]
    assert BROKEN == row(result("basic/answer", ["chat"], "unsupported"), core=core)["verdict"]


def test_a_need_of_a_way_that_the_client_never_asks_is_none() -> None:
    import dataclasses

    given = mine()["mine"]
    need = dataclasses.replace(given.core.needs[0], ids=("streaming/pieces",), stream=True)
    core = dataclasses.replace(given.core, needs=(*given.core.needs, need))
    assert UNTESTED == row(ANSWER, core=core)["verdict"]
    assert WORKS == row(ANSWER, core=core, streams=(False,))["verdict"]


def test_a_broken_need_names_its_trials_and_what_was_said() -> None:
    trials = [result(f"basic/{name}", ["chat"], "fail", "choices.there-is-one", stream=True) for name in "abcdef"]
    (broken,) = row(ANSWER, *trials)["broken"]
    assert (4, 6, "basic/a:stream") == (len(broken["trials"]), broken["of"], broken["trials"][0])
    assert ("choices.there-is-one is broken", "There is nothing to show.") == (broken["message"], broken["because"])


def test_a_setting_has_the_first_value_whose_evidence_holds() -> None:
    limits = result("limits/max-completion-tokens", ["max-completion-tokens"])
    assert {"value": "max_completion_tokens", "measured": True} == row(ANSWER, limits)["settings"]["limit"]
    ignored = limits | {"findings": [{"rule": "asked.tokens-are-limited", "kind": None, "message": "…"}]}
    assert {"value": "max_tokens", "measured": True} == row(ANSWER, ignored)["settings"]["limit"]
    assert {"value": "max_tokens", "measured": False} == row(ANSWER)["settings"]["limit"]
    unclear = result("limits/max-completion-tokens", ["max-completion-tokens"], "inconclusive")
    assert {"value": "max_tokens", "measured": False} == row(ANSWER, unclear)["settings"]["limit"]
    nameless = result("tools/x", ["tools"], "fail", "tools.call-has-an-id")
    assert {"value": None, "measured": True} == row(ANSWER, CALLED, nameless)["settings"]["calls"]


def test_settings_to_paste_leave_out_what_has_no_value_and_let_nothing_out_of_its_quotes() -> None:
    found = client_verdicts.section(mine(), ENDPOINT, [ANSWER])
    endpoint = {"base_url": "http://127.0.0.1/v1", "model": 'm"\n{calls} {base_url}\x1b'}
    assert client_verdicts.pasted(found["rows"][0], found["profiles"]["mine"], endpoint) == (
        'url: "http://127.0.0.1/v1"\nmodel: "m\\"\\n{calls} {base_url}\\u001b"\nmax_tokens: 100'
    )


def test_endpoints_of_another_api_have_no_clients() -> None:
    other = {"e": {**ENDPOINT["e"], "dialect": "anthropic"}}
    assert {"profiles": {}, "rows": []} == client_verdicts.section(mine(), other, [ANSWER])


# ---------------------------------------------------------------- the report


@functools.cache
def faultless() -> dict[str, Any]:
    """The report of the reference server, as it is."""
    held = [judged for _, _, judged, _ in reference_runs.faultless()]
    return report.document(held, mode="live", suites=reference_runs.shipped(), endpoints=[reference_runs.ENDPOINT])


def test_every_client_works_with_the_reference_server_and_everything_is_measured() -> None:
    rows = client_verdicts.rows(faultless())
    assert list(NAMES) == [one["client"] for one in rows]
    assert [] == [(one["client"], one["verdict"], one["broken"], one["untested"]) for one in rows if one["verdict"] != WORKS]
    assert [] == [(one["client"], one["untested"]) for one in rows if one["untested"]]
    assert [] == [(one["client"], name) for one in rows for name, chosen in one["settings"].items() if not chosen["measured"]]


def test_the_report_keeps_to_its_schema() -> None:
    schema = json.loads((resources.SCHEMAS / "harness" / "report.json").read_text(encoding="utf-8"))
    assert () == contract.compiled(schema).errors(outcomes.copied(faultless()))


def test_the_page_of_clients_has_verdicts_evidence_and_settings() -> None:
    page = clients.text(faultless())
    assert all(profile.title.split(" (")[0] in page for profile in load.clients().values())
    assert "Prompt Post-Processing: None" in page
    assert "stream_usage=True" in page
    assert "```python\n" in page


def test_the_page_of_clients_says_where_there_is_nothing_to_say() -> None:
    assert "says nothing of clients" in clients.text({**faultless(), "clients": {"profiles": {}, "rows": []}})


POST_PROCESSING = {
    "": "None",
    "conversation/two-users": "Merge consecutive roles (with tools)",
    "conversation/late-system": "Semi-strict (alternating roles, with tools)",
    "conversation/assistant-first": "Strict (user first, alternating roles, with tools)",
}


@pytest.mark.parametrize("refused", POST_PROCESSING)
def test_prompt_post_processing_follows_the_conversations_that_were_taken(refused: str) -> None:
    results = [{**one, "claims": "fail", "verdict": "fail"} if one["case"] == refused else one for one in faultless()["results"]]
    profiles = {"sillytavern": load.clients()["sillytavern"]}
    (found,) = client_verdicts.section(profiles, faultless()["endpoints"], results)["rows"]
    assert {"value": POST_PROCESSING[refused], "measured": True} == found["settings"]["post_processing"]


# ---------------------------------------------------------------- what the real clients did


def _result(trial: Trial, judged: Judged) -> dict[str, Any]:
    findings = [
        {"rule": one.rule, "kind": one.kind.value if one.kind else None, "message": one.message} for one in judge.findings(judged)
    ]
    return {
        "endpoint": "reference",
        "case": trial.case.path,
        "stream": trial.stream,
        "features": list(trial.case.needs),
        "verdict": judge.verdict(judged).value,
        "claims": judge.verdict(judged, of_claims=True).value,
        "findings": findings,
        "reason": judge.reason(judged),
    }


DRIVEN: Final = tuple(PROOF)
_LIMITS: Final = {"langchain": {"max-completion-tokens": ("limit",)}}
_TASKS: Final[Mapping[str, Sequence[str]]] = {
    "chat": ("chat", "hello", "system", "history", "stream"),
    "helper": ("stream_helper", "stream_helper_tools"),
    "runner": ("run_tools",),
    "tools": ("tools", "parallel_tools", "streamed_tools", "streamed_parallel_tools"),
    "usage": ("usage", "streamed_usage"),
    "schema": ("schema",),
    "function-schema": ("function_schema",),
    "vision": ("picture",),
    "max-tokens": ("limit",),
    "max-completion-tokens": ("newer_limit",),
    "developer": ("developer",),
    "required": ("required",),
    "models": ("models",),
    "errors": ("wrong_key", "wrong_model"),
}
"""What was tried of each use."""

SURVIVED: Final[Mapping[str, str]] = {
    "a-new-id-in-each-delta": "the loops add up by the index alone; Semantic Kernel and others look at the id",
    "answers-without-usage": "a limit that is kept cannot be seen without the counts, so its case is not passed",
    "arguments-are-in-the-text-too": "the same rule finds calls that are in the text alone, which are lost",
    "arguments-are-json-of-json": "the helper of openai-python decodes twice",
    "arguments-come-twice": "LangChain's lenient parser takes the first of two objects",
    "content-is-a-list-of-parts": "the AI SDK reads a list of parts as well as a text",
    "counts-are-null": "a limit that is kept cannot be seen without the counts, so its case is not passed",
    "counts-are-zero": "that a picture was seen is told by what it costs",
    "error-types-are-none": "the same rule finds numbers, at which the AI SDK loses the message",
    "errors-are-flat": "openai-python finds a message outside of `error` too",
    "every-prompt-counts-the-same": "that a picture was seen is told by what it costs",
    "finish-reason-is-null": "the helpers look for `length` alone",
    "finishes-with-eos": "the helpers look for `length` alone",
    "has-a-small-limit-of-its-own": "the answers that were asked for here are short",
    "ids-are-null": "the AI SDK takes a null id, and no other type in the wrong place",
    "index-counts-the-chunks": "the loops take the first choice of each chunk, whatever its index",
    "indexes-of-calls-are-texts": "keys of a dict or an object may be texts",
    "names-are-written-otherwise": "LangChain reads the arguments of any call where it asked for one tool",
    "redirects-to-a-slash": "GET is redirected without harm",
    "repeats-the-name-of-the-call": "the AI SDK and the helper of openai-node keep the first name",
    "says-201": "the SDKs take any 2xx",
}
"""Faults of which we say that something is broken, and it was not, with a driven client: nobody is told a lie, only too much."""

ANOTHER_TEXT: Final = {"estimates-the-prompt-of-streams", "repeats-the-wrong-key"}
"""Faults that change what a client shows, and break nothing."""


@functools.cache
def _sound() -> Mapping[tuple[str, bool], tuple[Any, dict[str, Any]]]:
    """The trials that count for a driven client, with what was said in them, and their results."""
    driven = [use for name in DRIVEN for use in load.clients()[name].uses]
    cases = {id for use in driven for need in use.needs for id in need.ids}
    meets = {feature for use in driven for feature in use.meets}
    return {
        (held[0].case.path, held[0].stream): (held, _result(held[0], held[2]))
        for held in reference_runs.faultless()
        if held[0].case.path in cases or set(held[0].case.needs) <= meets
    }


@functools.cache
def _rows(fault: str) -> Sequence[Mapping[str, Any]]:
    """What the driven clients come to with the reference server and this fault."""
    faults = faults_named([fault])
    found = []
    for (trial, serial, _, desk), sound in _sound().values():
        if any(reply(request, number, faults, around) != replied for request, number, around, replied in desk.kept):
            found.append(_result(trial, reference_runs.held(trial, serial, faults)[0]))
        else:
            found.append(sound)
    endpoints = {"reference": {"title": "…", "dialect": "openai", "base_url": "http://127.0.0.1/v1", "model": "reference-1"}}
    profiles = {name: load.clients()[name] for name in DRIVEN}
    rows: Sequence[Mapping[str, Any]] = client_verdicts.section(profiles, endpoints, found)["rows"]
    return rows


def _broke(client: str, fault: str, use: str) -> bool:
    """Did a task of this use come out otherwise with the fault?"""
    tasks = _LIMITS.get(client, {}).get(use, _TASKS[use])
    return bool(set(tasks) & set(PROOF[client]["broken"].get(fault, ())))


def _told(fault: str) -> Iterator[tuple[str, str, bool, bool]]:
    """Client, use, whether we say that it is broken, whether it was; nothing of uses whose client cannot chat anyway."""
    for row in _rows(fault):
        no_chat = row["uses"]["chat"] == BROKEN or _broke(row["client"], fault, "chat")
        for use, came in row["uses"].items():
            if came != UNTESTED and (use == "chat" or not no_chat):
                yield row["client"], use, came == BROKEN, _broke(row["client"], fault, use)


def _tried() -> set[str]:
    """The faults that were tried with every driven client."""
    return set.intersection(*({*found["broken"], *found["whole"]} for found in PROOF.values()))


def _named() -> set[str]:
    """For each need of a driven client the fault that shows it best, where there is one."""
    faults = sorted((len(one.caught_by), one.id, one.caught_by) for one in all_faults() if not one.stage.of_messages)
    needed = {id for name in DRIVEN for use in load.clients()[name].uses for need in use.needs for id in need.ids}
    best = (next((fault for _, fault, caught_by in faults if id in caught_by), None) for id in needed)
    return {fault for fault in best if fault is not None}


def _chosen() -> list[str]:
    """What a need names, what broke a driven client, the exceptions, and some of the others."""
    broke = {fault for found in PROOF.values() for fault in found["broken"]}
    chosen = {*_named(), *SURVIVED, *ANOTHER_TEXT, *broke}
    return sorted({*chosen, *sorted(_tried() - chosen)[::8]} & {fault.id for fault in all_faults()})


def test_every_fault_that_a_need_names_was_tried_with_every_driven_client() -> None:
    assert set() == _named() - _tried()
    assert set() == _tried() - {fault.id for fault in all_faults()}
    assert set(DRIVEN) == {name for name, client in load.clients().items() if client.proved}


@pytest.mark.parametrize("fault", _chosen())
def test_where_we_say_that_a_client_breaks_it_breaks_and_where_we_say_that_it_works_it_does(fault: str) -> None:
    told = list(_told(fault))
    missed = [(client, use) for client, use, said, broke in told if broke and not said]
    too_much = [(client, use) for client, use, said, broke in told if said and not broke]
    assert (fault in ANOTHER_TEXT, fault in SURVIVED) == (bool(missed), bool(too_much)), (missed, too_much)


def test_a_need_is_shown_by_a_client_that_really_broke() -> None:
    """Each use of each driven client was broken by some fault, as we say."""
    shown = {(client, use) for fault in _chosen() for client, use, said, broke in _told(fault) if said and broke}
    assert set() == {(name, use.id) for name in DRIVEN for use in load.clients()[name].uses} - shown


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        ("never-says-done", set()),
        ("sends-comments", set()),
        ("call-deltas-have-no-index", {"stream_helper_tools", "streamed_parallel_tools"}),
        (
            "calls-as-in-2023",
            {"tools", "parallel_tools", "streamed_tools", "streamed_parallel_tools", "required", "stream_helper_tools"},
        ),
    ],
)
def test_the_sdk_that_is_installed_here_does_what_is_written_down(
    fault: str, broken: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "interop" / "clients"))
    import openai_python as driver

    def came(task: str, url: str) -> object:
        try:
            return getattr(driver, task)(url)
        except Exception as error:  # noqa: BLE001 - whatever a client raises is what came of it
            return type(error)

    tasks = [task for task in PROOF["openai-python"]["tasks"] if "tools" in task or task in ("chat", "stream", "required")]
    with running() as sound, running(faults_named([fault])) as spoilt:
        found = {task for task in tasks if came(task, sound) != came(task, spoilt)}
    assert broken == found == set(PROOF["openai-python"]["broken"].get(fault, {})) & set(tasks)
