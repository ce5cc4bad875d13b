"""Each fault of the reference server is caught by what it says, all of it; and each rule is needed for one of them."""

from __future__ import annotations

import functools
import inspect
from collections import defaultdict

import pytest
from reference_runs import caught, faultless, faultless_at_messages, passing

from harness.errors import BadInput
from harness.model import Level
from harness.reference import Fault, Stage, all_faults, faults_named, reply
from harness.rule import all_rules

FAULTS = all_faults()
NOTES = {rule.id for rule in all_rules() if rule.level is Level.MAY} | {"contract.published"}
RULES = {rule.id for rule in all_rules()} | {"contract.ecosystem", "contract.observed", "contract.published"}


@functools.cache
def by_rule() -> dict[str, set[str]]:
    """The faults that each rule reports, as the faults say themselves."""
    reported: dict[str, set[str]] = defaultdict(set)
    for fault in FAULTS:
        for rule in fault.caught_by & RULES:
            reported[rule].add(fault.id)
    return reported


def test_there_are_many_faults() -> None:
    assert len(FAULTS) >= 200


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_fault_is_caught_by_exactly_what_it_names(fault: Fault) -> None:
    assert sorted(fault.caught_by) == sorted(caught([fault]))


@pytest.mark.parametrize("stage", sorted({fault.stage for fault in FAULTS}))
def test_a_fault_changes_no_reply_where_it_leaves_what_it_is_handed(stage: Stage) -> None:
    fault = next(fault for fault in FAULTS if fault.stage is stage)
    handed = passing(stage.of_messages)[stage]
    changed = {one.place for one in handed if one.is_changed_by(fault)}
    trials = faultless_at_messages() if stage.of_messages else faultless()
    left = [place for place in range(len(trials)) if place not in changed]
    assert changed
    assert [] == [
        trials[place][0].case.path
        for place in left[:: len(left) // 20 + 1]
        for request, serial, around, replied in trials[place][3].kept
        if reply(request, serial, [fault], around) != replied
    ]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_fault_is_caught_and_says_what_it_is(fault: Fault) -> None:
    assert fault.caught_by
    assert fault.summary.endswith((".", ")"))
    assert len(set(fault.field)) == len(fault.field)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_each_rule_is_the_only_one_to_count_some_fault(rule: str) -> None:
    alone = [fault.id for fault in FAULTS if rule in fault.caught_by and not fault.caught_by - {rule} - NOTES]
    assert alone


def test_no_two_rules_report_the_same_faults() -> None:
    together: dict[frozenset[str], set[str]] = defaultdict(set)
    for rule in RULES:
        together[frozenset(by_rule()[rule])].add(rule)
    assert [] == [sorted(rules) for rules in together.values() if len(rules) > 1]


def test_faults_are_found_by_their_place_and_have_names_of_their_own() -> None:
    assert len(FAULTS) == len({fault.id for fault in FAULTS})
    assert all(inspect.getmodule(fault.change).__name__.startswith("harness.reference.faults.") for fault in FAULTS)


def test_faults_are_given_in_the_order_of_their_names() -> None:
    assert ["says-201", "ignores-n"] == [fault.id for fault in faults_named(["says-201", "ignores-n"])]


def test_an_unknown_fault_is_answered_with_those_that_look_like_it() -> None:
    with pytest.raises(BadInput, match=r"unknown fault 'ignore-n': did you mean .*ignores-n"):
        faults_named(["ignore-n"])


def test_two_faults_at_once_are_both_caught() -> None:
    assert frozenset({"reply.status-200", "headers.request-id"}) == caught(faults_named(["says-201", "no-request-id"]))
