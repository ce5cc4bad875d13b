"""README.md: the compatibility matrix for people, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from harness.report import _matrix

FILE = "README.md"


def render(document: Mapping[str, Any]) -> str:
    """Matrix, protocol rows, what was not judged, and the findings of each endpoint."""
    names = list(document["endpoints"])
    parts = [
        "# Compatibility matrix",
        _opening(document),
        _table(["feature", *names], _feature_rows(document, names)),
        _legend(document),
        "## Protocol\n\nStanding rules hold for every exchange: in how many of those that show it a rule was broken.",
        _table(["rule", "level", *names], _protocol_rows(document, names)) if document["protocol"] else "No rule was broken.",
        "## Endpoints",
        _table(["endpoint", "what", "model", "judged", *_matrix.GLYPHS], _endpoint_rows(document)),
        _not_judged(document),
        *(_findings(document, name) for name in names),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _opening(document: Mapping[str, Any]) -> str:
    cases = len({result["case"] for result in document["results"]})
    how = {"replay": "replayed from recordings", "live": "asked live", "record": "recorded live"}[document["mode"]]
    said = (
        f"{len(document['endpoints'])} endpoints, {cases} cases, {len(document['results'])} trials (a case, streamed or not), "
        f"{how}; "
        f"{'the newest recording is' if document['mode'] == 'replay' else 'begun'} of {document['started']}."
    )
    return said + ("\n\n**Partial: the run was interrupted.**" if document["partial"] else "")


def _feature_rows(document: Mapping[str, Any], names: list[str]) -> list[list[str]]:
    rows: list[list[str]] = []
    suite = None
    for row in _matrix.rows(document):
        if row.suite != suite:
            suite = row.suite
            rows.append([f"**{_escaped(row.suite_title)}**", *("" for _ in names)])
        title = _escaped(row.title) + (" (optional)" if row.optional else "")
        rows.append([title, *(row.cells[name].words.replace("*", "\\*") if name in row.cells else "" for name in names)])
    return rows


def _protocol_rows(document: Mapping[str, Any], names: list[str]) -> list[list[str]]:
    return [
        [
            f"`{rule}`" + (f" `{place}`" if place else ""),
            level.upper(),
            *(f"{by[name]['broken']} of {by[name]['of']}" if name in by else "" for name in names),
        ]
        for rule, place, level, by in _matrix.protocol(document)
    ]


def _endpoint_rows(document: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            name,
            _escaped(" ".join(filter(None, (about["title"], about.get("version"))))),
            _escaped(about["model"] or ""),
            f"{about['judged']} of {about['trials']}",
            *(str(about["counts"].get(verdict, 0)) for verdict in _matrix.GLYPHS),
        ]
        for name, about in document["endpoints"].items()
    ]


def _legend(document: Mapping[str, Any]) -> str:
    lines = [f"* {glyph} {verdict}: {_matrix.MEANINGS[verdict]}" for verdict, glyph in _matrix.GLYPHS.items()]
    lines.append(f"* `{_matrix.SPOILED}`: the feature itself works as shown; a standing rule, in the rows below, spoils it")
    lines.append("* `3/4`: so many of the trials were judged")
    return "\n".join(lines)


def _not_judged(document: Mapping[str, Any]) -> str:
    rows = [
        [name, _escaped(reason), str(count)]
        for name, about in document["endpoints"].items()
        for reason, count in about["not_judged"].items()
    ]
    return "### Not judged, and why\n\n" + _table(["endpoint", "reason", "trials"], rows) if rows else ""


def _findings(document: Mapping[str, Any], name: str) -> str:
    """What went wrong with one endpoint: each unmet claim, and each broken rule once with its first place."""
    lines: list[str] = []
    for row in document["protocol"]:
        if row["endpoint"] == name and row["level"] != "may":
            place = f" at `{_code(row['at'])}`" if row["at"] else ""
            lines.append(
                f"* **{row['level'].upper()}** `{row['rule']}`, in {row['broken']} of {row['of']}: "
                f"{_escaped(row['message'])}{place}, first in `{row['cases'][0]}`"
            )
    for result in document["results"]:
        if result["endpoint"] != name or result["claims"] in ("pass", "inconclusive", "skipped"):
            continue
        said = next((finding["message"] for finding in _deciding(result)), result["reason"] or "")
        mode = " (stream)" if result["stream"] else ""
        lines.append(f"* **{result['claims']}** `{result['case']}`{mode} {_escaped(result['title'])}: {_escaped(said)}")
    return f"## {name}: findings\n\n" + "\n".join(lines) if lines else f"## {name}: no findings"


def _deciding(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    kinds = {"ignored": "effect", "fail": "expect", "warn": "prefer"}
    return [finding for finding in result["findings"] if finding["kind"] == kinds.get(result["claims"])]


def _table(headers: list[str], rows: list[list[str]]) -> str:
    return str(tabulate(rows, headers=headers, tablefmt="pipe", disable_numparse=True))


def _escaped(said: str) -> str:
    """Text from anywhere as plain text in a table's cell: no markup, no new line, no cell's end."""
    flat = " ".join(said.split())
    return re.sub(r"([\\`*_\[\]<>|#~!])", r"\\\1", flat) if not flat.isalnum() else flat


def _code(said: str) -> str:
    return said.replace("`", "'")
