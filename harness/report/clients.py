"""clients.md: which clients work with each endpoint, what stands in the way, and the settings to paste.

Everything that an endpoint said is escaped; settings to paste stand in blocks of code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.report import Document, client_verdicts
from harness.report.client_verdicts import GLYPHS, MEANINGS, ORDER, UNTESTED
from harness.report.md import code, table, words

FILE: Final = "clients.md"

_MOST_COLUMNS: Final = 8


def text(document: Document) -> str:
    """The whole page."""
    rows, profiles = client_verdicts.rows(document), client_verdicts.profiles(document)
    lines = ["# Which clients work?", ""]
    if not rows:
        lines.append("This report says nothing of clients: nothing was judged at an endpoint that speaks Chat Completions.")
        return "\n".join(lines) + "\n"
    lines += [
        "Derived from what was judged: a client works where nothing that it needs was found broken.",
        "Clients marked * were driven against a server with each of hundreds of defects;"
        " of the others their source and reports tell.",
        "",
        *overview(document, rows, profiles),
        "",
        *legend(),
    ]
    for name, endpoint in document["endpoints"].items():
        own = [row for row in rows if row["endpoint"] == name]
        if own:
            lines += ["", f"## {words(name)}", "", f"{words(endpoint['title'])}."]
        for row in own:
            lines += ["", *_client(row, profiles[row["client"]], endpoint)]
    return "\n".join(lines) + "\n"


def legend() -> Iterator[str]:
    """What the signs mean."""
    yield ", ".join(f"{GLYPHS[verdict]} {verdict.replace('-', ' ')}: {MEANINGS[verdict]}" for verdict in ORDER) + "."


def overview(document: Document, rows: list[Mapping[str, Any]], profiles: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A table of clients by endpoints."""
    verdicts = {(row["client"], row["endpoint"]): row["verdict"] for row in rows}
    names = [name for name in document["endpoints"] if any(endpoint == name for _, endpoint in verdicts)]
    for start in range(0, len(names), _MOST_COLUMNS):
        shown = names[start : start + _MOST_COLUMNS]
        cells = (
            [
                words(profile["title"]) + (" \\*" if profile["proved"] else ""),
                *(GLYPHS[verdicts[client, name]] if (client, name) in verdicts else "" for name in shown),
            ]
            for client, profile in profiles.items()
        )
        yield table(["client", *map(words, shown)], cells) + "\n"


def _client(row: Mapping[str, Any], profile: Mapping[str, Any], endpoint: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {GLYPHS[row['verdict']]} {words(profile['title'])} {words(profile['version'])}: " + words(
        client_verdicts.in_words(row, profile)
    )
    if row["broken"]:
        yield ""
    for one in row["broken"]:
        more = f" and {one['of'] - len(one['trials'])} more" if one["of"] > len(one["trials"]) else ""
        yield (
            f"* **{words(profile['uses'].get(one['use'], one['use']))}** `{code(one['need'])}`: {words(one['because'])}"
            f" Found in {' '.join(f'`{code(name)}`' for name in one['trials'])}{more}: {words(one['message'])}"
        )
    untested = client_verdicts.lacking(row, profile, UNTESTED)
    if row["untested"]:
        about = f" ({words(', '.join(untested))})" if untested else ""
        yield f"\nNot judged{about}: {' '.join(f'`{code(id)}`' for id in row['untested'])}"
    if row["verdict"] == UNTESTED:
        return
    pasted = client_verdicts.pasted(row, profile, endpoint)
    if pasted is not None:
        where = f" ({words(profile['snippet']['where'])})" if profile["snippet"]["where"] else ""
        yield f"\nSettings{where}:\n"
        yield f"```{code(profile['snippet']['language'])}\n{pasted}\n```"
    guessed = [name for name, chosen in row["settings"].items() if not chosen["measured"]]
    if guessed and pasted is not None:
        yield f"\nNot measured, so the careful value: {', '.join(f'`{code(name)}`' for name in guessed)}."
