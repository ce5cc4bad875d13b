"""Every rule is explained: what, why, who breaks and how, who was seen doing it, from where that is known, and the way out."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final

import pytest
from click.testing import CliRunner

from harness import catalogue
from harness.cli import chatcompat
from harness.reference import all_faults
from harness.rule import Rule, all_rules, explained

RULES: Final = (*all_rules(), *catalogue.OF_THE_JUDGE.values())
ENTRIES: Final = {entry.id: dict(entry.facts) for entry in catalogue.entries(()) if entry.kind == "rule"}
SECTIONS: Final = ("clients", "servers", "fix")
FEWEST_WORDS: Final = {"clients": 6, "servers": 2, "fix": 5}
REPORT: Final = re.compile(r"[\w.-]+/[\w.-]+#\d+")


def words(said: str) -> list[str]:
    return re.findall(r"\w+", said)


def explain(*ids: str) -> str:
    return CliRunner().invoke(chatcompat, ["explain", *ids]).stdout


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_who_breaks_who_does_it_and_what_to_change(rule: Rule) -> None:
    short = {name: getattr(rule, name) for name in SECTIONS if len(words(getattr(rule, name))) < FEWEST_WORDS[name]}
    assert {} == short
    assert rule.summary.endswith(".")
    assert len(words(rule.doc)) >= 5
    assert len(rule.source) > 10


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_its_sections_are_whole_sentences(rule: Rule) -> None:
    assert [] == [name for name in SECTIONS if not getattr(rule, name).endswith((".", ".)"))]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_further_reports_are_named_once_and_by_repository_and_number(rule: Rule) -> None:
    assert [] == [one for one in rule.sources if not REPORT.fullmatch(one)]
    named = [*rule.sources, *REPORT.findall(rule.source)]
    assert [] == [one for one, count in Counter(named).items() if count > 1]


@pytest.mark.parametrize("section", ["doc", *SECTIONS])
def test_no_two_rules_say_the_same(section: str) -> None:
    """A sentence of eight words or more is of one rule alone: what is said of every rule says nothing."""
    said = Counter(
        " ".join(words(sentence)).lower()
        for rule in RULES
        for sentence in re.split(r"(?<=[.;:!?])\s", getattr(rule, section))
        if len(words(sentence)) >= 8
    )
    assert [] == [sentence for sentence, count in said.items() if count > 1]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_most_telling_fault_is_shown_first(rule: Rule) -> None:
    shows = {fault.id: len(fault.caught_by) for fault in all_faults() if rule.id in fault.caught_by}
    if not shows:  # tests/test_faults.py says which rules may do without
        assert "shown by" not in ENTRIES[rule.id]
        return
    first = ENTRIES[rule.id]["shown by"].rpartition(" ")[2]
    assert min(shows.values()) == shows[first]
    assert len(ENTRIES[rule.id].get("also by", "").split(", ")) <= 4


def test_what_explain_prints_has_every_part() -> None:
    said = explain("stream.tool-delta-index")
    assert [] == [
        part
        for part in (
            "Each tool call of a delta has an integer `index`.",
            "level     MUST",
            "clients   openai-python",
            "servers   Gemini",
            "to fix    Number",
            "source    openai/openai-python#3246",
            "reports   EricLBuehler/mistral.rs#1507",
            "shown by  chatcompat serve --fault call-deltas-have-no-index",
        )
        if part not in said
    ]


@pytest.mark.parametrize("id", sorted(catalogue.OF_THE_JUDGE))
def test_what_the_judge_finds_itself_is_listed_and_explained_like_any_rule(id: str) -> None:
    listed: list[dict[str, Any]] = json.loads(CliRunner().invoke(chatcompat, ["list", "rules", "--json"]).stdout)
    (found,) = [one for one in listed if one["id"] == id]
    assert [True] * 3 == [bool(found[name]) for name in SECTIONS]
    assert f"{id}  (rule)" in explain(id)


def test_rules_are_listed_in_the_order_of_their_ids() -> None:
    listed = [one["id"] for one in json.loads(CliRunner().invoke(chatcompat, ["list", "rules", "--json"]).stdout)]
    assert sorted(rule.id for rule in RULES) == listed


def test_a_section_goes_on_until_the_next() -> None:
    said = explained(
        "A.\n\n    Why: so.\n    More.\n\n    Clients: one\n    two\n    Fix: three\n    Sources: a/b#1, c/d#2\n    "
    )
    assert {
        "Summary": "A.", "Why": "Why: so.\nMore.", "Clients": "one two", "Servers": "", "Fix": "three",
        "Sources": "a/b#1, c/d#2",
    } == said  # fmt: skip


def test_what_an_explanation_has_not_is_no_line_of_it() -> None:
    assert "reports" not in explain("choices.index-is-an-integer")
