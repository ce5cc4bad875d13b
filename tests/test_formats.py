"""Every format is a pure function of the document, and nothing that an endpoint says gets out of its place in it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import exchanges
import outcomes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import report
from harness.model import Verdict
from harness.report import badge, html, json_, junit, md, term
from harness.report.marks import LOOKS

FORMATS = report.formats()


def test_formats_are_found_by_their_place_and_each_says_what_it_is_for() -> None:
    assert {"badge", "html", "json", "junit", "md", "term"} <= set(FORMATS)
    assert [] == [name for name, format_ in FORMATS.items() if not report.summary(format_)]
    files = [format_.FILE for format_ in FORMATS.values() if format_.FILE]
    assert len(files) == len(set(files))


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("given", ["sample", "nothing", "one refusal", "no reply"])
def test_a_format_takes_any_report_and_gives_the_same_text_for_it_once_it_was_written_and_read(name: str, given: str) -> None:
    documents = {
        "sample": outcomes.document(),
        "nothing": outcomes.document([]),
        "one refusal": outcomes.document([outcomes.held(outcomes.ANSWER, exchanges.refused(status=500))]),
        "no reply": outcomes.document([outcomes.held(outcomes.ANSWER, outcomes.silent(outcomes.NASTY))]),
    }
    found = documents[given]
    assert FORMATS[name].text(found) == FORMATS[name].text(outcomes.copied(found))
    assert FORMATS[name].text(found).endswith("\n")


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"json"}))
def test_nothing_that_cannot_be_seen_is_in_a_text(name: str) -> None:
    written = FORMATS[name].text(outcomes.document())
    assert [] == [character for character in written if not character.isprintable() and character != "\n"]


# ---------------------------------------------------------------- JSON


def test_the_json_is_the_document() -> None:
    found = outcomes.document()
    assert outcomes.copied(found) == json.loads(json_.text(found))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(json_values, st.integers(1, 200))
def test_readable_json_is_the_same_value_and_nothing_short_is_broken_up(value: Any, width: int) -> None:
    written = json_.readable(value, width)
    assert value == json.loads(written)
    assert len(json.dumps(value, ensure_ascii=False)) > width or "\n" not in written or "\\u" in written or not written.isascii()
    written.encode("utf-8")  # half a surrogate pair would not


# ---------------------------------------------------------------- HTML


class Page(HTMLParser):
    """Tags, ids, references and the text of scripts; and whether every tag is closed in order."""

    VOID = ("meta", "input", "br", "rect")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.slips: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.slips.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(html.text(outcomes.document()))


def test_every_tag_of_the_page_is_closed_and_every_id_is_there_once(page: Page) -> None:
    assert ([], []) == (page.slips, page.open)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_is_one_file_that_loads_nothing_and_runs_its_own_script_only(page: Page) -> None:
    assert ["application/json", None] == [attributes.get("type") for tag, attributes in page.tags if tag == "script"]
    assert "alert" not in page.scripts[-1]
    loading = {"src", "srcset", "action", "formaction", "poster", "data", "background", "style"}
    assert [] == [(tag, name) for tag, attributes in page.tags for name in attributes if name in loading or name.startswith("on")]
    links = [attributes["href"] or "" for tag, attributes in page.tags if "href" in attributes]
    assert [] == [link for link in links if not link.startswith("#")]
    policy = next(attributes["content"] or "" for tag, attributes in page.tags if "http-equiv" in attributes)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_links_and_buttons_of_the_page_lead_somewhere(page: Page) -> None:
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    wanted = {(attributes["href"] or "")[1:] for tag, attributes in page.tags if "href" in attributes}
    for _, attributes in page.tags:
        places = (attributes.get("data-trials") or "").split()
        assert [] == [place for place in places if not 0 <= int(place) < len(outcomes.document()["results"])]
    assert set() == wanted - ids


def test_every_cell_says_its_verdict_in_words(page: Page) -> None:
    cells = [attributes for tag, attributes in page.tags if tag == "button" and "v v-" in (attributes.get("class") or "")]
    assert len(cells) >= 6
    words = {*(mark.word for mark in LOOKS.values()), "the feature works", "passed"}
    assert [] == [one for one in cells if not any(word in (one["aria-label"] or "") for word in words)]


def test_the_place_of_a_finding_is_marked_in_the_page(page: Page) -> None:
    assert any('"id": <mark>7</mark>' in piece for piece in kept_of(page)["pieces"])


def kept_of(page: Page) -> dict[str, Any]:
    """What the page keeps as data."""
    found: dict[str, Any] = json.loads(page.scripts[0])
    return found


def test_what_the_page_keeps_is_whole_and_has_no_tags_but_ours(page: Page) -> None:
    kept = kept_of(page)
    results = outcomes.document()["results"]
    assert [f"{one['endpoint']}/{one['case']}" + (":stream" if one["stream"] else "") for one in results] == [
        one["name"] for one in kept["trials"]
    ]
    parts = [Page(text) for text in (*kept["pieces"], *(one["html"] for one in kept["trials"]))]
    assert [] == [part.slips or part.open for part in parts if part.slips or part.open]
    ours = {
        "details",
        "summary",
        "div",
        "section",
        "span",
        "b",
        "p",
        "ul",
        "li",
        "pre",
        "code",
        "mark",
        "br",
        "h3",
        "h4",
        "small",
    }
    assert set() == {tag for part in parts for tag, _ in part.tags} - ours
    places = {int(attributes["data-piece"] or "") for part in parts for _, attributes in part.tags if "data-piece" in attributes}
    assert places == set(range(len(kept["pieces"])))


def test_the_page_keeps_what_is_the_same_once() -> None:
    sample = outcomes.sample()
    once, twice = (
        len(kept_of(Page(html.text(outcomes.document(held))))["pieces"])
        for held in (sample[:1], [sample[0], replace(sample[0], trial=replace(sample[0].trial, stream=True))])
    )
    assert once == twice


# ---------------------------------------------------------------- Markdown


def test_rows_of_a_markdown_table_have_as_many_cells_as_its_head() -> None:
    written = md.text(outcomes.document())
    tables = re.findall(r"(?m)^(?:\|.*\n)+", written)
    assert len(tables) >= 4
    for table in tables:
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert 1 == len(counts), table


def test_what_endpoints_say_is_no_markdown_and_no_html() -> None:
    outside = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", md.text(outcomes.document()))
    assert set() == set(re.findall(r"<[^>]*>", outside)) - {
        "<br>", "<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>",
    }  # fmt: skip
    assert not re.search(r"(?<!\\)_\[", outside)


def test_the_markdown_has_matrix_protocol_reasons_and_evidence() -> None:
    written = md.text(outcomes.document())
    heads = [line for line in written.splitlines() if line.startswith("#")]
    assert [
        "## Suites",
        "## Features",
        "## Protocol",
        "## Endpoints",
        "## Clients",
        "## What was not judged, and why",
        "## Findings, with evidence",
    ] == [line for line in heads if line.startswith("## ")]
    assert re.search(r"Plain chat<br>`chat` +\| +◐(?: 1/2)? +\| +✓ ", written)
    assert '"id": »7«' in written
    assert "**MUST** `stream.ends-with-done`, in 1 of 1 exchange:" in written


def test_a_fence_is_longer_than_any_in_the_evidence() -> None:
    seen = exchanges.completed({"/id": 7, "/choices/0/message/content": "````"})
    written = md.text(outcomes.document([outcomes.held(outcomes.ANSWER, seen)]))
    assert "`````text" in written


# ---------------------------------------------------------------- JUnit


def test_junit_counts_what_it_holds() -> None:
    root = ElementTree.fromstring(junit.text(outcomes.document()))
    assert "testsuites" == root.tag
    suites = root.findall("testsuite")
    assert ["bad.talk", "good.talk"] == [suite.get("name") for suite in suites]
    for suite in suites:
        cases = suite.findall("testcase")
        assert str(len(cases)) == suite.get("tests")
        assert str(sum(case.find("failure") is not None for case in cases)) == suite.get("failures")
        assert str(sum(case.find("skipped") is not None for case in cases)) == suite.get("skipped")
    assert "8" == root.get("tests")


def test_junit_children_stand_in_the_order_of_the_schema() -> None:
    order = ["skipped", "error", "failure", "system-out", "system-err"]
    root = ElementTree.fromstring(junit.text(outcomes.document()))
    for case in root.iter("testcase"):
        tags = [child.tag for child in case]
        assert tags == sorted(tags, key=order.index)
        assert {"name", "classname", "time"} == set(case.keys())


@pytest.mark.parametrize(
    ("verdict", "tag"),
    [
        ("pass", []),
        ("warn", ["system-out"]),
        ("ignored", ["failure"]),
        ("fail", ["failure"]),
        ("unsupported", ["skipped", "system-out"]),
        ("inconclusive", ["skipped", "system-out"]),
        ("skipped", ["skipped", "system-out"]),
        ("error", ["error"]),
    ],
)
def test_a_verdict_is_what_a_ci_system_takes_it_for(verdict: str, tag: list[str]) -> None:
    found = outcomes.document([outcomes.sample()[0]])
    found["results"][0].update(verdict=verdict, reason="because")
    (case,) = ElementTree.fromstring(junit.text(found)).iter("testcase")
    assert tag == [child.tag for child in case]
    skipped = case.find("skipped")
    assert skipped is None or "because" in str(skipped.get("message"))


@given(st.text())
def test_any_text_is_xml(text: str) -> None:
    found = outcomes.document([outcomes.skipped(outcomes.ANSWER, "x")])
    found["results"][0].update(verdict="fail", title=text, reason=text)
    ElementTree.fromstring(junit.text(found).encode("utf-8", "surrogatepass"))


# ---------------------------------------------------------------- badge


def counted(**counts: int) -> dict[str, Any]:
    """A document of so many results of each verdict, and of the reference server, which does not count beside others."""
    every = {verdict.value: counts.get(verdict.value, 0) for verdict in Verdict}
    judged = sum(count for verdict, count in every.items() if verdict not in ("inconclusive", "skipped", "error"))
    ours = {"judged": 9, "verdicts": {**dict.fromkeys(every, 0), "pass": 9}}
    return {"endpoints": {"a": {"judged": judged, "verdicts": every}, "reference": ours}, "partial": False}


@pytest.mark.parametrize(
    ("counts", "message", "color"),
    [
        ({"pass": 4}, "4 of 4 pass", "brightgreen"),
        ({"pass": 4, "skipped": 1}, "4 of 4 pass", "lightgrey"),
        ({"pass": 4, "warn": 1}, "4 of 5 pass", "yellow"),
        ({"pass": 4, "unsupported": 1}, "4 of 5 pass", "yellow"),
        ({"pass": 9, "ignored": 1}, "9 of 10 pass", "orange"),
        ({"pass": 1, "fail": 1}, "1 of 2 pass", "red"),
        ({"error": 3}, "nothing judged", "lightgrey"),
    ],
)
def test_the_badge_is_green_only_where_all_was_judged_and_passed(counts: dict[str, int], message: str, color: str) -> None:
    said = json.loads(badge.text(counted(**counts)))
    assert (1, message, color) == (said["schemaVersion"], said["message"], said["color"])


# ---------------------------------------------------------------- terminal


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("unicode", [True, False])
def test_lines_fit_the_terminal(width: int, unicode: bool) -> None:
    written = term.text(outcomes.document(), term.Style(width=width, unicode=unicode))
    wide = [line for line in written.splitlines() if len(line) > width]
    assert [] == wide
    assert unicode or written.isascii()


def test_without_colours_there_is_no_escape_and_with_them_the_words_are_the_same() -> None:
    found = outcomes.document()
    plain, coloured = (term.text(found, term.Style(colour=colour)) for colour in (False, True))
    assert "\x1b" not in plain
    assert plain == re.sub(r" +$", "", re.sub("\x1b\\[[0-9;]*m", "", coloured), flags=re.MULTILINE)


def test_many_endpoints_are_shown_in_blocks() -> None:
    found = outcomes.document()
    for number in range(12):
        found["endpoints"][f"endpoint-{number}"] = found["endpoints"]["good"]
        for row in found["protocol"]:
            row["endpoints"][f"endpoint-{number}"] = row["endpoints"]["good"]
    written = term.text(found, term.Style(width=80))
    assert [] == [line for line in written.splitlines() if len(line) > 80]
    assert all(f"endpoint-{number}" in written for number in range(12))


def test_with_level_must_nothing_less_is_shown() -> None:
    found = outcomes.document()
    assert "SHOULD" in term.text(found, level="should")
    assert "SHOULD" not in term.text(found, level="must")
