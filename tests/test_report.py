"""The report's document: what it says of outcomes, what it never says, and that its schema knows it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import exchanges
import outcomes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import contract, resources
from harness.model import Attempt, Ending, Finding, Frame, Http, Kind, Level, Looked, Other, Reply, Request, Step, Verdict
from harness.report import evidence, excerpt, marks, matrix, places
from harness.report.defects import defects
from harness.report.marks import LOOKS, MARKS
from harness.rule import all_rules

SCHEMA = json.loads((resources.SCHEMAS / "harness" / "report.json").read_text(encoding="utf-8"))
FIXED = {"harness", "mode", "started", "endpoints", "results"}
FIXED_IN_A_RESULT = {
    "endpoint", "case", "stream", "features", "verdict", "findings", "exchanges", "reason", "tries", "elapsed_ms",
}  # fmt: skip
FIXED_IN_A_FINDING = {"rule", "level", "message", "at", "step", "try", "exchange"}


def result(found: dict[str, Any], endpoint: str, case: str, stream: bool = False) -> dict[str, Any]:
    (one,) = [one for one in found["results"] if (one["endpoint"], one["case"], one["stream"]) == (endpoint, case, stream)]
    return dict(one)


# ---------------------------------------------------------------- the document


def test_the_fixed_keys_are_there_and_the_schema_knows_the_document() -> None:
    found = outcomes.document()
    assert found.keys() >= FIXED
    assert all(one.keys() >= FIXED_IN_A_RESULT for one in found["results"])
    assert all(finding.keys() >= FIXED_IN_A_FINDING for one in found["results"] for finding in one["findings"])
    assert () == contract.compiled(SCHEMA).errors(outcomes.copied(found))


@pytest.mark.parametrize(
    ("key", "value"),
    [("mode", "dreamt"), ("results", [{}]), ("endpoints", {"x": {}}), ("partial", None), ("counts", {})],
)
def test_the_schema_refuses_what_is_no_report(key: str, value: Any) -> None:
    spoilt = {**outcomes.copied(outcomes.document()), key: value}
    assert contract.compiled(SCHEMA).errors(spoilt)


def test_the_order_of_outcomes_changes_nothing() -> None:
    forwards, backwards = outcomes.sample(), outcomes.sample()[::-1]
    assert json.dumps(outcomes.document(forwards)) == json.dumps(outcomes.document(backwards))


def test_verdicts_are_those_of_the_judge_and_are_counted() -> None:
    found = outcomes.document()
    assert "pass" == result(found, "good", "talk/answer")["verdict"]
    assert ("warn", 2) == (result(found, "good", "talk/ended")["verdict"], result(found, "good", "talk/ended")["tries"])
    assert "ignored" == result(found, "bad", "talk/called")["verdict"]
    assert ("fail", "pass") == tuple(result(found, "bad", "talk/answer")[key] for key in ("verdict", "claims"))
    assert {**dict.fromkeys(Verdict, 0), "pass": 3, "warn": 1} == found["endpoints"]["good"]["verdicts"]
    assert 8 == sum(found["counts"].values())


def test_a_replay_began_when_its_newest_recording_was_made() -> None:
    assert "2026-11-22T08:00:00Z" == outcomes.document()["started"]
    assert "2026-11-23T00:00:00Z" == outcomes.document(started="2026-11-23T00:00:00Z", mode="live")["started"]
    assert outcomes.document([])["started"] is None


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("interrupted", "the run was stopped before its end"),
        ("the ceiling of 3 requests is reached (--max-requests)", "the ceiling of --max-requests was reached"),
        ("not recorded: there is no good/talk/answer.yaml", "not recorded"),
        ("good/talk/answer.yaml: request 2 (POST /x) is another now", "recorded with another request than the suite has now"),
    ],
)
def test_a_run_that_did_not_hold_all_that_was_planned_is_partial_and_says_why(reason: str, why: str) -> None:
    part = outcomes.document([*outcomes.sample()[:1], outcomes.skipped(outcomes.ENDED, reason)])
    assert (True, [{"why": why, "count": 1}]) == (part["partial"], part["not_held"])
    assert [f"1 trial not held: {why}"] == matrix.not_held(part)


def test_a_run_whose_prerequisites_did_not_pass_is_whole() -> None:
    whole = outcomes.document([outcomes.skipped(outcomes.ENDED, "needs chat, whose base case talk/answer ended as fail")])
    assert (False, [], []) == (whole["partial"], whole["not_held"], matrix.not_held(whole))


def test_what_was_not_judged_is_counted_by_reason() -> None:
    unsaid = outcomes.held(outcomes.ENDED, exchanges.completed({"/choices": exchanges.GONE}))
    found = outcomes.document(
        [
            outcomes.skipped(outcomes.ANSWER, "needs x"),
            outcomes.skipped(outcomes.CALLED, "needs x"),
            outcomes.held(outcomes.ENDED, outcomes.silent()),
        ]
    )["endpoints"]["good"]
    assert (0, 3) == (found["judged"], found["trials"])
    assert [("skipped", "needs x", 2), ("error", "nobody listens there", 1)] == [
        (row["verdict"], row["reason"], row["count"]) for row in found["not_judged"]
    ]
    assert ["talk/answer", "talk/called"] == found["not_judged"][0]["cases"]
    assert 1 == outcomes.document([unsaid])["endpoints"]["good"]["judged"]


def test_what_is_given_is_of_the_model_or_of_the_server() -> None:
    def why(at: str) -> str:
        (finding,) = [Finding(rule="talk/answer:given", level=None, message="the status is 200", at=at, kind=Kind.GIVEN)]
        (looked,) = outcomes.held(outcomes.ANSWER, exchanges.completed()).attempts[0].steps
        unmet = replace(looked, findings=(finding,), verdict=Verdict.INCONCLUSIVE, claims_verdict=Verdict.INCONCLUSIVE)
        held = replace(outcomes.held(outcomes.ANSWER, exchanges.completed()), attempts=(Attempt(steps=(unmet,)),))
        (row,) = outcomes.document([held])["endpoints"]["good"]["not_judged"]
        return str(row["reason"])

    assert "what the case takes as given of the server did not hold: the status is 200" == why("status")
    assert why("/choices/0/message/content").startswith("the model did not play along")


def test_headers_without_a_secret_are_told_whatever_words_are_in_their_names() -> None:
    plain = {"x-portkey-provider": "openai", "x-tokenizer": "on", "x-api-key": "k", "x-auth-token": "t", "apikey": "a"}
    endpoint = replace(outcomes.GOOD, headers=plain)
    found = outcomes.document([], endpoints=[endpoint])["endpoints"]["good"]["headers"]
    assert {"x-portkey-provider": "openai", "x-tokenizer": "on", "x-api-key": "…", "x-auth-token": "…", "apikey": "…"} == found


def test_no_credential_of_a_profile_is_in_the_document() -> None:
    written = json.dumps(outcomes.document())
    assert "hunter2" not in written
    assert {"authorization": "…", "x-tenant": "blue"} == outcomes.document()["endpoints"]["bad"]["headers"]
    assert {"authorization": "Bearer ${GOOD_KEY}"} == outcomes.document()["endpoints"]["good"]["headers"]


def test_header_fields_that_no_cassette_may_hold_are_not_in_the_document() -> None:
    seen = exchanges.completed({"/id": 7}, headers=(("content-type", "application/json"), ("set-cookie", "s=hunter2")))
    found = result(outcomes.document([outcomes.held(outcomes.ANSWER, seen)]), "good", "talk/answer")
    assert [["content-type", "application/json"]] == found["exchanges"][0]["reply"]["headers"]


def test_features_stand_in_the_order_of_the_suite_with_their_titles() -> None:
    assert [("chat", "Plain chat"), ("tools", "Tools are called"), ("stop", "Stop words")] == [
        (feature["id"], feature["title"]) for feature in outcomes.document()["features"]
    ]
    assert ["tools"] == [feature["id"] for feature in outcomes.document([outcomes.sample()[2]])["features"]]


# ---------------------------------------------------------------- the protocol


def row(found: dict[str, Any], rule: str, place: str | None = None) -> dict[str, Any]:
    (one,) = [one for one in found["protocol"] if (one["rule"], one["place"]) == (rule, place)]
    return dict(one)


def test_a_broken_rule_is_a_row_with_its_count_first_place_and_cases() -> None:
    done = row(outcomes.document(), "stream.ends-with-done")
    assert ("must", 1, 1) == (done["level"], done["endpoints"]["bad"]["broken"], done["endpoints"]["bad"]["of"])
    assert (0, 1) == (done["endpoints"]["good"]["broken"], done["endpoints"]["good"]["of"])
    assert ["talk/answer:stream"] == done["endpoints"]["bad"]["cases"]
    assert ("talk/answer", True) == (done["endpoints"]["bad"]["first"]["case"], done["endpoints"]["bad"]["first"]["stream"])


def test_a_rule_that_nobody_broke_is_a_row_and_one_that_did_not_look_is_none() -> None:
    found = outcomes.document([outcomes.sample()[0]])
    rules = {one["rule"] for one in found["protocol"]}
    assert "document.id-is-not-empty" in rules
    assert "stream.ends-with-done" not in rules
    assert {"contract.ecosystem", "contract.observed", "contract.published"} == rules - {rule.id for rule in all_rules()}


def test_a_contract_finding_is_a_row_of_its_place_without_positions() -> None:
    seen = exchanges.streamed({"/1/system_fingerprint": 5, "/2/system_fingerprint": 5})
    found = outcomes.document([outcomes.held(outcomes.ANSWER, seen, stream=True)])
    at = [one["place"] for one in found["protocol"] if one["rule"] == "contract.ecosystem"]
    assert ["chunks/*/system_fingerprint"] == at


def test_a_place_of_the_contract_is_counted_in_the_exchanges_that_have_such_a_document() -> None:
    broken = outcomes.held(outcomes.ANSWER, exchanges.streamed({"/1/system_fingerprint": 5}), stream=True)
    plain = outcomes.held(outcomes.ANSWER, exchanges.completed())
    refused = outcomes.held(outcomes.ENDED, exchanges.refused(status=400))
    found = outcomes.document([broken, plain, refused])
    cell = row(found, "contract.ecosystem", "chunks/*/system_fingerprint")["endpoints"]["good"]
    assert (1, 1) == (cell["broken"], cell["of"])


def test_an_exchange_with_several_findings_of_a_rule_is_counted_once() -> None:
    held = outcomes.held(outcomes.ANSWER, exchanges.completed())
    (looked,) = held.attempts[0].steps
    twice = tuple(Finding(rule="document.id-is-not-empty", level=Level.SHOULD, message="no", at=at) for at in ("/id", "/model"))
    told = replace(held, attempts=(Attempt(steps=(replace(looked, findings=twice),)),))
    (cell,) = [
        one["endpoints"]["good"] for one in outcomes.document([told])["protocol"] if one["rule"] == "document.id-is-not-empty"
    ]
    assert (1, 1, ["talk/answer"]) == (cell["broken"], cell["of"], cell["cases"])


# ---------------------------------------------------------------- evidence


def test_a_trial_with_findings_shows_its_exchanges_and_another_the_cassette_that_holds_it(tmp_path: Path) -> None:
    for name in ("good/talk/answer.yaml", "bad/talk/answer.yaml"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"a cassette")
    found = outcomes.document(cassettes=tmp_path)
    kept = result(found, "good", "talk/answer")["exchanges"]
    assert [{"cassette": "good/talk/answer.yaml", "sha256": hashlib.sha256(b"a cassette").hexdigest()}] == kept
    assert [200] == [one["reply"]["status"] for one in result(found, "bad", "talk/answer")["exchanges"]]
    whole = outcomes.document(cassettes=tmp_path, whole=True)
    assert [200] == [one["reply"]["status"] for one in result(whole, "good", "talk/answer")["exchanges"]]


def test_every_try_is_kept_with_its_findings() -> None:
    found = result(outcomes.document(), "good", "talk/ended")
    assert [(1, 0)] == [(one["try"], one["exchange"]) for one in found["findings"] if one["kind"]]
    assert [1, 2] == [one["try"] for one in found["exchanges"]]


def frames_of(reply: Reply, *spans: tuple[int, int]) -> list[dict[str, Any]]:
    looked = Looked(
        step="ask",
        seen=Other(request=Request(method="POST", path="/x"), reply=reply),
        verdict=Verdict.PASS,
        claims_verdict=Verdict.PASS,
    )
    shown: Any = evidence.shown(looked, 1, spans)
    return list(shown["reply"]["frames"])


def test_frames_are_kept_as_they_arrived_with_their_times() -> None:
    reply = Reply(status=200, frames=(Frame(at_ms=1.04, data=b"one"), Frame(at_ms=2, data=b"\xff")), ended=Ending.CUT)
    assert [{"at_ms": 1.0, "text": "one"}, {"at_ms": 2, "base64": "/w=="}] == frames_of(reply)


def rebuilt(frames: list[dict[str, Any]]) -> list[bytes | int]:
    found: list[bytes | int] = []
    for frame in frames:
        if "omitted" in frame:
            found.append(frame["omitted"])
        else:
            found.append(frame["text"].encode() if "text" in frame else base64.b64decode(frame["base64"]))
    return found


@given(
    st.lists(st.binary(min_size=1, max_size=9000), min_size=1, max_size=14),
    st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 90_000)), max_size=3),
)
def test_what_is_left_out_of_a_long_body_is_counted_and_the_places_of_findings_are_kept(
    sent: list[bytes], spans: list[tuple[int, int]]
) -> None:
    content = b"".join(sent)
    inside = [(start, start + 1) for start, _ in spans if start < len(content)]
    frames = frames_of(Reply(status=200, frames=tuple(Frame(at_ms=1, data=data) for data in sent)), *inside)
    at = 0
    kept: set[int] = set()
    for piece in rebuilt(frames):
        if isinstance(piece, int):
            at += piece
            continue
        assert content[at : at + len(piece)] == piece
        kept.update(range(at, at + len(piece)))
        at += len(piece)
    assert len(content) == at
    assert {start for start, _ in inside} <= kept
    assert len(kept) <= evidence.MOST_BYTES + 2048 + len(inside) * 4096


def test_of_a_long_body_what_is_around_a_place_in_the_middle_is_kept() -> None:
    content = b"x" * 60_000 + b"HERE" + b"y" * 60_000
    (before, around, *_, last) = (
        piece
        for piece in frames_of(Reply(status=200, frames=(Frame(at_ms=1, data=content),)), (60_000, 60_004))
        if "text" in piece
    )
    assert (24 * 1024, 2 * 1024) == (len(before["text"]), len(last["text"]))
    assert "x" * 512 + "HERE" + "y" * 512 == around["text"]


# ---------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("at", "marked"),
    [
        ("/id", b'"chatcmpl-1"'),
        ("/choices/0/message/content", b'"It is sunny."'),
        ("/choices/0/nowhere", b"{"),
        ("/usage", json.dumps(exchanges.USAGE).encode()),
        ("bytes 1-5", b'"id"'),
        ("bytes 9000-9001", b""),
    ],
)
def test_a_place_in_a_document_is_found_in_its_bytes(at: str, marked: bytes) -> None:
    seen = exchanges.completed()
    span = places.located(seen, at)
    assert span is not None
    assert marked == seen.reply.content[slice(*span)]


@pytest.mark.parametrize(
    ("at", "marked"),
    [
        ("chunks/1/choices/0/delta/content", b'"It is"'),
        ("chunks/3/choices/0/finish_reason", b'"stop"'),
        ("/choices/0/message/content", b'""'),
        ("/choices/0/finish_reason", b'"stop"'),
        ("/model", b'"m-1"'),
    ],
)
def test_a_place_in_a_stream_is_found_where_it_was_first_said(at: str, marked: bytes) -> None:
    seen = exchanges.streamed()
    span = places.located(seen, at)
    assert span is not None
    assert marked == seen.reply.content[slice(*span)]


@pytest.mark.parametrize("at", [None, "status", "headers/date", "chunks/99/id", "chunks/x", "/~", "bytes 9-3"])
def test_a_place_that_is_none_is_none(at: str | None) -> None:
    assert places.located(exchanges.streamed(), at) in (None, (0, 0))


def test_of_two_keys_of_one_name_the_last_counts_as_it_does_for_clients() -> None:
    seen = exchanges.replied(exchanges.ASK, '{"é": "x", "id": 1, "id": 22}'.encode())
    span = places.located(seen, "/id")
    assert span is not None
    assert b"22" == seen.reply.content[slice(*span)]


@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_place_in_any_bytes_is_a_place_inside_or_none(content: bytes, at: str) -> None:
    for seen in (exchanges.replied(exchanges.ASK, content), exchanges.wired(content)):
        for place in (at, f"/{at}", f"chunks/0/{at}", f"bytes {at}"):
            span = places.located(seen, place)
            assert span is None or 0 <= span[0] <= span[1] <= len(content)


# ---------------------------------------------------------------- the matrix


def cells(found: dict[str, Any], endpoint: str) -> dict[str, Any]:
    return {row.feature: row.cells[endpoint] for group in matrix.groups(found) for row in group.rows}


def test_a_cell_is_the_verdict_of_its_claims_and_marks_what_only_rules_spoil() -> None:
    bad = cells(outcomes.document(), "bad")
    assert ["protocol", "ignored", "skipped"] == [bad[feature].look for feature in ("chat", "tools", "stop")]
    assert "pass" == cells(outcomes.document(), "good")["chat"].look


def shown(*verdicts: str | tuple[str, str]) -> tuple[str, int, int]:
    """What a cell of trials with these verdicts (or of these claims and verdicts) shows."""
    pairs = [(one, one) if isinstance(one, str) else one for one in verdicts]
    found = matrix.cell([{"claims": claims, "verdict": verdict} for claims, verdict in pairs])
    assert found is not None
    return (found.look, found.count, found.of)


def test_a_cell_shows_its_worst_trials_and_counts_them_among_all() -> None:
    assert ("warn", 1, 3) == shown("skipped", "warn", "pass")
    assert ("fail", 1, 3) == shown("ignored", "fail", "error")
    assert ("inconclusive", 1, 3) == shown("pass", "inconclusive", "skipped")
    assert ("fail", 1, 2) == shown("fail", ("pass", "warn"))


def test_a_cell_is_green_only_where_every_trial_was_held_and_passed() -> None:
    assert ("pass", 2, 2) == shown("pass", "pass")
    assert ("partly", 1, 2) == shown("pass", "skipped")
    assert ("skipped", 2, 2) == shown("skipped", "skipped")
    assert ("error", 1, 2) == shown("pass", "error")
    assert ("protocol", 1, 3) == shown("pass", ("pass", "fail"), "skipped")
    assert ("protocol", 1, 1) == shown(("warn", "fail"))


def test_what_a_case_claims_decides_unless_a_refusal_is_no_clean_one() -> None:
    assert ("inconclusive", 1, 1) == shown(("inconclusive", "fail"))
    assert ("ignored", 1, 1) == shown(("ignored", "fail"))
    assert ("fail", 1, 1) == shown(("unsupported", "fail"))


def test_the_tallies_count_what_the_cells_show() -> None:
    found = outcomes.document()
    for name in found["endpoints"]:
        told = {mark.word: count for mark, count in matrix.tally(found, name)}
        in_cells = [marks.look(one) for cell in cells(found, name).values() if cell for one in cell.results]
        assert told == {look: in_cells.count(look) for look in in_cells}


def test_the_legend_is_of_exactly_what_is_shown() -> None:
    found = outcomes.document([*outcomes.sample()[:1], outcomes.skipped(outcomes.ENDED, "needs x")])
    assert [("pass", 1), ("skipped", 1)] == [(mark.word, count) for mark, count in matrix.legend(found)]
    feature = replace(outcomes.ENDED, needs=outcomes.ANSWER.needs)
    found = outcomes.document([*outcomes.sample()[:1], outcomes.skipped(feature, "needs x")])
    assert [("pass", 1), ("partly", None), ("skipped", 1)] == [(mark.word, count) for mark, count in matrix.legend(found)]


def test_a_suite_amounts_to_the_worst_of_its_trials() -> None:
    found = outcomes.document()
    (group,) = matrix.groups(found)
    overall = matrix.overall(group, "bad")
    assert overall is not None
    assert overall.of == sum(cell.of for cell in cells(found, "bad").values() if cell)
    assert overall.look == marks.worst(cell.look for cell in cells(found, "bad").values() if cell)


def test_defects_are_told_once_and_the_worst_first() -> None:
    found = defects(outcomes.document(), "bad")
    levels = [one.level for one in found]
    assert levels == sorted(levels, key=["must", None, "should", "may"].index)
    assert len(found) == len({(one.rule, one.place, one.message) for one in found})
    assert "talk/called:effect" in [one.rule for one in found]


def test_a_refusal_that_no_finding_speaks_of_is_a_defect_with_its_reason() -> None:
    refused = outcomes.document([outcomes.held(outcomes.ANSWER, exchanges.refused(status=400))])
    assert ["the endpoint answered 400: No such model."] == [
        one.message for one in defects(refused, "good") if one.rule == "talk/answer"
    ]


def test_one_reason_of_several_cases_is_named_once_with_all_of_them() -> None:
    both = [outcomes.held(case, exchanges.refused(status=500)) for case in (outcomes.ANSWER, outcomes.ENDED)]
    told = [one for one in defects(outcomes.document([*both, outcomes.sample()[1]]), "good") if not one.standing]
    assert [("the endpoint answered 500 (in 2 cases)", 2)] == [(one.rule, one.broken) for one in told]
    assert ("talk/answer", "talk/ended") == told[0].cases


def test_reasons_that_differ_in_a_status_are_two() -> None:
    both = [
        outcomes.held(outcomes.ANSWER, exchanges.refused(status=400)),
        outcomes.held(outcomes.ENDED, exchanges.refused(status=500)),
    ]
    assert 2 == len([one for one in defects(outcomes.document(both), "good") if not one.standing])


def test_each_verdict_has_a_mark_of_its_own() -> None:
    assert set(Verdict) == set(MARKS)
    assert set(LOOKS) == {mark.word for mark in LOOKS.values()} == {*Verdict, "protocol", "partly", "flaky", "known"}
    assert len(LOOKS) == len({mark.glyph for mark in LOOKS.values()}) == len({mark.ascii for mark in LOOKS.values()})


# ---------------------------------------------------------------- excerpts


def test_a_mark_cuts_the_body_where_it_begins_and_ends() -> None:
    reply = {"frames": [{"at_ms": 1, "text": "abc"}, {"at_ms": 2, "text": "def"}], "bytes": 6, "ended": "cut"}
    assert [("a", False), ("bcd", True), ("ef", False), ("[the connection broke here]", False)] == [
        (piece.text, piece.marked) for piece in excerpt.pieces(reply, [(1, 4)])
    ]


def test_of_a_long_body_the_excerpt_is_around_the_mark() -> None:
    reply = {"frames": [{"at_ms": 1, "text": "x" * 5000 + "HERE" + "y" * 5000}], "bytes": 10_004, "ended": "closed"}
    shown = excerpt.pieces(reply, [(5000, 5004)], 100)
    assert ["HERE"] == [piece.text for piece in shown if piece.marked]
    assert 100 == sum(len(piece.text) for piece in shown if not piece.note)
    assert ["[4,967 bytes left out]", "[4,937 bytes left out]"] == [piece.text for piece in shown if piece.note]


def test_the_curl_line_names_the_variable_of_a_key_and_quotes_the_rest() -> None:
    found = outcomes.document()
    request = {"method": "POST", "path": "/chat/completions", "headers": [], "bytes": 3, "body": {"q": "it's $HOME"}}
    line = excerpt.curl(found, "good", request)
    assert '-H "authorization: Bearer $GOOD_KEY"' in line
    assert """--data-binary '{"q": "it'"'"'s $HOME"}'""" in line
    assert '-H "authorization: $KEY"' in excerpt.curl(found, "bad", request)
    assert "authorization" not in excerpt.curl(found, "good", {**request, "without": ["authorization"]})


def test_a_header_that_a_case_writes_out_is_in_the_line_that_sends_it_again() -> None:
    which = outcomes.case("wrong-key", "chat")
    http = Http(method="POST", path="/chat/completions", headers={"authorization": "Bearer wrong"}, body={})
    which = replace(which, steps=(Step(id="ask", http=http),))
    asked = Request(
        method="POST", path="/chat/completions", headers=(("authorization", "Bearer wrong"), ("x-mine", "no")), body={}
    )
    refused = exchanges.refused(status=401)
    seen = replace(refused, request=asked)
    document = outcomes.document([outcomes.held(which, seen)])
    (shown,) = document["results"][0]["exchanges"]
    assert [["authorization", "Bearer wrong"]] == shown["request"]["headers"]
    assert "-H 'authorization: Bearer wrong'" in excerpt.curl(document, "good", shown["request"])
