"""Claims are held against an exchange: one finding for each that does not hold, naming place, value and what was expected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import claims
from harness.model import (
    Case,
    ChatCompleted,
    ChatStreamed,
    Chunk,
    Claims,
    Evidence,
    Exchange,
    Finding,
    Fragment,
    Frame,
    Framing,
    Garbled,
    Headers,
    Json,
    Kind,
    Level,
    Other,
    Refused,
    Reply,
    Request,
    Step,
)

ASKED = Request(method="POST", path="/chat/completions", body={"model": "m"})
ASKED_STREAM = Request(method="POST", path="/chat/completions", body={"model": "m", "stream": True})
CASE = Case(suite="tools", id="named", title="T", needs=("tools",), steps=())


def completed(body: Json, *, headers: Headers = (), lost: frozenset[Evidence] = frozenset()) -> ChatCompleted:
    return ChatCompleted(request=ASKED, reply=Reply(status=200, headers=headers, lost=lost), body=body)


def streamed(chunks: list[Json], body: Json = None, *, request: Request = ASKED_STREAM) -> ChatStreamed:
    return ChatStreamed(
        request=request,
        reply=Reply(status=200),
        events=(),
        framing=Framing(),
        chunks=tuple(Chunk(body=chunk, event=position) for position, chunk in enumerate(chunks)),
        body=body,
    )


def step(**kinds: Claims) -> Step:
    return Step(id="ask", request={}, claims={Kind(kind): claimed for kind, claimed in kinds.items()})


def of(exchange: Exchange, **kinds: Claims) -> list[Finding]:
    return list(claims.findings(CASE, step(**kinds), exchange))


def body(pointer: str, fragment: Fragment) -> Claims:
    return Claims(body={pointer: fragment})


def chunks(pointer: str, fragment: Fragment) -> Claims:
    return Claims(chunks={pointer: fragment})


ANSWER: Json = {"id": "x", "choices": [{"index": 0}, {"index": 1, "message": {"content": None, "a/b": {"~": 1}}}]}


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    ("pointer", "fragment"),
    [
        ("/id", True),
        ("/id", {"const": "x"}),
        ("/choices/1/message/content", True),
        ("/choices/1/message/content", {"type": "null"}),
        ("/choices/-1/index", {"const": 1}),
        ("/choices/-2/index", {"const": 0}),
        ("/choices/1/message/a~1b/~0", {"const": 1}),
        ("/nothing", False),
        ("/choices/2", False),
        ("/choices/-3", False),
        ("/id/deeper", False),
        ("", {"type": "object", "required": ["id"]}),
    ],
)
def test_a_claim_that_holds_yields_nothing(pointer: str, fragment: Fragment) -> None:
    assert [] == of(completed(ANSWER), expect=body(pointer, fragment))


@pytest.mark.parametrize(
    ("pointer", "fragment", "message", "at"),
    [
        ("/nothing", True, "/nothing is not there", "/nothing"),
        ("/nothing", {"const": 5}, '/nothing is not there; expected {"const": 5}', "/nothing"),
        ("/id", False, '/id is there ("x"), and must not be', "/id"),
        ("/choices/0/index", False, "/choices/0/index is there (0), and must not be", "/choices/0/index"),
        ("/id", {"const": "y"}, '/id is "x", expected "y"', "/id"),
        ("/choices/-1/index", {"const": 0}, "/choices/1/index is 1, expected 0", "/choices/1/index"),
        ("/choices/-3/index", True, "/choices/-3/index is not there", "/choices/-3/index"),
        ("/choices/-1/no/-1", True, "/choices/1/no/-1 is not there", "/choices/1/no/-1"),
        ("/id/deeper", True, "/id/deeper is not there", "/id/deeper"),
        ("", {"type": "array"}, f"the body is {json.dumps(ANSWER)[:59]}…, expected an array", ""),
    ],
)  # fmt: skip
def test_a_claim_that_does_not_hold_names_the_place_the_value_and_what_was_expected(
    pointer: str, fragment: Fragment, message: str, at: str
) -> None:
    expected = Finding(rule="tools/named:expect", level=Level.MUST, message=message, at=at, kind=Kind.EXPECT)
    assert [expected] == of(completed(ANSWER), expect=body(pointer, fragment))


def test_a_fragment_broken_in_many_places_is_one_finding_at_the_first() -> None:
    fragment: Fragment = {"type": "object", "required": ["a", "b", "c"]}
    (finding,) = of(completed({"usage": {}}), expect=body("/usage", fragment))
    assert ("/usage/a is missing (and 2 more)", "/usage/a") == (finding.message, finding.at)


def test_content_that_must_be_json_of_a_schema_asserts() -> None:
    fragment: Fragment = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"type": "object", "required": ["city"]},
    }
    assert [] == of(completed({"a": '{"city": 1}'}), expect=body("/a", fragment))
    (broken,) = of(completed({"a": '{"city": '}), expect=body("/a", fragment))
    (other,) = of(completed({"a": "{}"}), expect=body("/a", fragment))
    assert '/a is "{\\"city\\": ", which is not JSON' == broken.message
    assert "/a holds JSON whose /city is missing" == other.message


def test_a_value_in_a_message_is_cut_and_its_control_characters_are_escaped() -> None:
    hostile = "\x1b[31m\x00\u202e" + "x" * 100_000
    for fragment in ({"const": "y"}, False, {"type": "integer"}):
        (finding,) = of(completed({"a": hostile}), expect=body("/a", fragment))  # type: ignore[arg-type]
        assert finding.message.isprintable()
        assert 250 > len(finding.message)


@pytest.mark.parametrize(("kind", "level"), [("given", None), ("effect", None), ("expect", Level.MUST), ("prefer", Level.SHOULD)])
def test_each_kind_has_its_level_and_its_name_in_the_rule(kind: str, level: Level | None) -> None:
    (finding,) = of(completed({}), **{kind: body("/a", True)})
    assert (f"tools/named:{kind}", level, Kind(kind)) == (finding.rule, finding.level, finding.kind)


def test_findings_come_in_the_order_of_the_consequences_whatever_the_order_written() -> None:
    held = {kind: body("/a", True) for kind in ("prefer", "expect", "effect", "given")}
    assert ["given", "effect", "expect", "prefer"] == [finding.kind for finding in of(completed({}), **held)]


def test_within_a_kind_they_come_as_status_headers_body_chunks() -> None:
    held = Claims(
        chunks={"/0": True}, body={"/b": True, "/a": True}, headers={"x-a": True}, status={"type": "integer", "const": 201}
    )
    assert ["status", "headers/x-a", "/b", "/a", "chunks/0"] == [finding.at for finding in of(streamed([]), expect=held)]


@pytest.mark.parametrize(
    "exchange",
    [
        Refused(request=ASKED, reply=Reply(status=400), body={"error": {"message": "no"}}),
        Garbled(request=ASKED, reply=Reply(status=200), why="two documents", body={"error": {"message": "no"}}),
        Other(request=ASKED, reply=Reply(status=200), body={"error": {"message": "no"}}),
        streamed([], {"error": {"message": "no"}}),
    ],
    ids=lambda exchange: type(exchange).__name__,
)
def test_claims_on_the_body_look_at_the_document_of_every_kind_of_answer(exchange: Exchange) -> None:
    assert [] == of(exchange, expect=body("/error/message", {"const": "no"}))
    assert 1 == len(of(exchange, expect=body("/error/code", True)))


def test_a_body_that_is_text_has_no_places() -> None:
    refused = Refused(request=ASKED, reply=Reply(status=502), body="<html>")
    assert ["/error is not there"] == [finding.message for finding in of(refused, expect=body("/error", True))]


# ---------------------------------------------------------------- status and headers


def test_the_status_is_claimed_by_a_fragment() -> None:
    refused = Refused(request=ASKED, reply=Reply(status=404), body=None)
    assert [] == of(refused, expect=Claims(status={"type": "integer", "enum": [400, 404]}))
    (finding,) = of(refused, expect=Claims(status={"type": "integer", "enum": [400, 422]}))
    assert ("the status is 404, expected one of 400, 422", "status") == (finding.message, finding.at)


JSON_HEADERS: Headers = (("content-type", "application/json"), ("x-a", "1"), ("x-a", "2"))


@pytest.mark.parametrize(
    ("name", "fragment", "message"),
    [
        ("content-type", {"type": "string", "pattern": "^text/"}, 'the header content-type is "application/json", expected text'),
        ("content-type", False, 'the header content-type is there ("application/json"), and must not be'),
        ("x-request-id", True, "the header x-request-id is not there"),
        ("x-a", {"const": "1"}, 'the header x-a is "1, 2", expected "1"'),
    ],
)
def test_a_header_that_is_not_as_claimed_is_named(name: str, fragment: Fragment, message: str) -> None:
    (finding,) = of(completed({}, headers=JSON_HEADERS), expect=Claims(headers={name: fragment}))
    assert finding.message.startswith(message)
    assert f"headers/{name}" == finding.at


@pytest.mark.parametrize(
    ("name", "fragment"), [("content-type", True), ("x-b", False), ("x-a", {"const": "1, 2"}), ("x-a", {"type": "string"})]
)
def test_a_header_as_claimed_yields_nothing(name: str, fragment: Fragment) -> None:
    assert [] == of(completed({}, headers=JSON_HEADERS), expect=Claims(headers={name: fragment}))


def test_a_header_that_the_recorder_may_have_dropped_is_not_missed() -> None:
    lossy = completed({}, headers=JSON_HEADERS, lost=frozenset({Evidence.HEADERS}))
    assert [] == of(lossy, expect=Claims(headers={"x-request-id": True}))
    assert 1 == len(of(lossy, expect=Claims(headers={"content-type": {"const": "text/html"}})))


# ---------------------------------------------------------------- chunks


CHUNKS: list[Json] = [{"id": "a"}, {"id": "a", "choices": []}, {"usage": {"n": 1}}]


def test_chunks_are_claimed_by_position_from_both_ends() -> None:
    held = Claims(chunks={"/0/id": True, "/-1/usage": True, "/-2/usage": False, "": {"type": "array", "minItems": 3}})
    assert [] == of(streamed(CHUNKS), expect=held)


@pytest.mark.parametrize(
    ("pointer", "fragment", "message", "at"),
    [
        ("/-2/usage", True, "chunks/1/usage is not there", "chunks/1/usage"),
        ("/-1/usage/n", {"const": 2}, "chunks/2/usage/n is 1, expected 2", "chunks/2/usage/n"),
        ("/9", True, "chunks/9 is not there", "chunks/9"),
        ("/0", False, 'chunks/0 is there ({"id": "a"}), and must not be', "chunks/0"),
    ],
)
def test_a_claim_on_chunks_names_its_chunk(pointer: str, fragment: Fragment, message: str, at: str) -> None:
    (finding,) = of(streamed(CHUNKS), expect=chunks(pointer, fragment))
    assert (message, at) == (finding.message, finding.at)


def test_claims_on_chunks_do_not_arise_in_the_plain_trial() -> None:
    assert [] == of(completed({}), expect=chunks("/0/id", True))


def test_where_a_stream_was_asked_for_and_none_came_chunks_are_missed() -> None:
    refused = Refused(request=ASKED_STREAM, reply=Reply(status=400), body={})
    assert 1 == len(of(refused, expect=chunks("/0/id", True)))


# ---------------------------------------------------------------- references


EARLIER: Mapping[str, Exchange] = {"one": completed({"id": "x", "n": 5, "list": [1, {"a": None}], "deep": {"$from": "one#/id"}})}


def settled(fragment: Fragment) -> Fragment:
    held = claims.settled(Step(id="two", request={}, claims={Kind.EXPECT: body("/a", fragment)}), EARLIER)
    return held.claims[Kind.EXPECT].body["/a"]


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ({"const": {"$from": "one#/id"}}, {"const": "x"}),
        ({"const": {"$from": "one#/list/-1/a"}}, {"const": None}),
        ({"enum": [1, {"$from": "one#/n"}]}, {"enum": [1, 5]}),
        ({"not": {"const": {"$from": "one#/id"}}}, {"not": {"const": "x"}}),
        ({"type": "integer", "minimum": {"$from": "one#/n"}}, {"type": "integer", "minimum": 5}),
        ({"const": {"a": [{"$from": "one#/list"}]}}, {"const": {"a": [[1, {"a": None}]]}}),
        ({"const": {"$from": "one#"}}, {"const": claims.answered(EARLIER["one"])}),
        (True, True),
        (False, False),
        ({"type": "string"}, {"type": "string"}),
    ],
)
def test_a_reference_in_a_claim_becomes_the_value_it_leads_to(fragment: Fragment, expected: Fragment) -> None:
    assert expected == settled(fragment)


def test_references_stand_in_every_part_of_a_claim() -> None:
    same: Fragment = {"const": {"$from": "one#/n"}}
    held = Claims(status=same, headers={"x-a": same}, body={"/a": same}, chunks={"/0": same})
    found = claims.settled(Step(id="two", request={}, claims={Kind.PREFER: held}), EARLIER).claims[Kind.PREFER]
    five: Fragment = {"const": 5}
    assert Claims(status=five, headers={"x-a": five}, body={"/a": five}, chunks={"/0": five}) == found


@pytest.mark.parametrize(
    ("fragment", "reference"),
    [
        ({"const": {"$from": "one#/no"}}, "one#/no"),
        ({"not": {"const": {"$from": "nobody#/id"}}}, "nobody#/id"),
        ({"enum": [{"$from": "one#/id"}, {"$from": "one#/no"}]}, "one#/no"),
        ({"type": "integer", "minimum": {"$from": "one#/id"}}, "one#/id"),
        ({"type": "integer", "maximum": {"$from": "one#/list"}}, "one#/list"),
    ],
)
def test_a_claim_with_nothing_to_compare_with_does_not_hold(fragment: Fragment, reference: str) -> None:
    (finding,) = of(completed({"a": 7}), expect=body("/a", settled(fragment)))
    assert finding.message.startswith("/a is 7, and there is nothing to compare it with: ")
    assert finding.message.endswith(f'"{reference}" leads nowhere')


def _nested(depth: int) -> Json:
    value: Json = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [_nested(900), "\ud800", float("inf"), {"\udfff": 1}, 10**5000], ids=lambda value: str(type(value))
)
def test_whatever_an_earlier_answer_holds_settling_and_judging_do_not_raise(value: Json) -> None:
    held = Step(id="two", request={}, claims={Kind.EXPECT: body("/a", {"not": {"const": {"$from": "one#/v"}}})})
    ready = claims.settled(held, {"one": completed({"v": value})})
    assert all(finding.message.isprintable() for finding in claims.findings(CASE, ready, completed({"a": value})))


def test_resolving_replaces_references_at_any_depth_and_leaves_the_rest() -> None:
    documents: Mapping[str, Json] = {"ask": {"choices": [{"message": {"role": "assistant"}}]}}
    more: Json = {"$from": "ask#/choices", "beside": 1}
    value: Json = {"messages": [{"role": "user"}, {"$from": "ask#/choices/0/message"}], "n": 1, "a": more, "$from ": "x"}
    expected: Json = {"messages": [{"role": "user"}, {"role": "assistant"}], "n": 1, "a": more, "$from ": "x"}
    assert expected == claims.resolved(value, documents)


@pytest.mark.parametrize("reference", ["ask#/nothing", "ask#/choices/7", "nobody#/id"])
def test_a_reference_that_leads_nowhere_dangles(reference: str) -> None:
    with pytest.raises(claims.Dangling, match="leads nowhere") as raised:
        claims.resolved({"a": [{"$from": reference}]}, {"ask": {"choices": []}})
    assert reference == raised.value.reference


def test_what_an_answer_holds_is_not_taken_for_a_reference() -> None:
    assert [] == of(completed({"a": {"$from": "one#/id"}}), expect=body("/a", settled({"const": {"$from": "one#/deep"}})))
    assert {"$from": "one#/id"} == claims.resolved({"$from": "one#/deep"}, {"one": claims.answered(EARLIER["one"])})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "choices", "$from", "0"]) | st.text(), inner)
    ),
    max_leaves=10,
)
FRAGMENTS: list[Fragment] = [
    True,
    False,
    {"type": "string", "pattern": "^a"},
    {"type": "array", "contains": {"const": {"$from": "one#/id"}}},
    {"const": {"$from": "one#/choices/0"}},
    {"type": "number", "minimum": {"$from": "one#/id"}},
    {"type": "string", "contentMediaType": "application/json", "contentSchema": {"enum": [{"$from": "one#"}]}},
]


@settings(max_examples=200, deadline=None)
@given(
    one=JSON,
    two=JSON,
    fragment=st.sampled_from(FRAGMENTS),
    pointer=st.sampled_from(["", "/id", "/choices/0", "/choices/-1/id", "/0"]),
)
def test_claims_are_total(one: Json, two: Json, fragment: Fragment, pointer: str) -> None:
    held = Claims(body={pointer: fragment}, chunks={f"/0{pointer}": fragment})
    ready = claims.settled(Step(id="two", request={}, claims={Kind.EXPECT: held}), {"one": completed(one)})
    for exchange in (completed(two), streamed([two], two)):
        assert all(finding.message.isprintable() for finding in claims.findings(CASE, ready, exchange))


# ---------------------------------------------------------------- the time that it took


def test_the_time_that_an_answer_took_is_that_of_its_last_byte() -> None:
    frames = (Frame(at_ms=10.0, data=b"{"), Frame(at_ms=900.5, data=b"}"))
    seen = replace(completed({}), reply=Reply(status=200, frames=frames))
    assert [] == of(seen, prefer=Claims(took_ms={"type": "number", "maximum": 900.5}))
    (found,) = of(seen, prefer=Claims(took_ms={"type": "number", "maximum": 900}))
    assert ("the time that it took, in ms, is 900.5, expected at most 900", "took_ms") == (found.message, found.at)


def test_where_the_times_were_lost_nothing_is_claimed_of_them() -> None:
    seen = completed({}, lost=frozenset({Evidence.TIMES}))
    assert [] == of(seen, prefer=Claims(took_ms={"type": "number", "minimum": 1}))
    assert [] != of(completed({}), prefer=Claims(took_ms={"type": "number", "minimum": 1}))


def test_the_time_is_a_claim_of_its_own() -> None:
    assert Claims(took_ms={"type": "number", "maximum": 1})
