"""`chatcompat explain`: what an id means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness import catalogue


_ACROSS = 110  # characters: longer lines are hard to read


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(ids: tuple[str, ...], as_json: bool) -> None:
    """A rule, case, feature, verdict, fault, look-alike, endpoint or client: what it means, why, who breaks, how that is known.

    \b
    chatcompat explain ignored
    chatcompat explain stream.ends-with-done
    chatcompat explain tools/named tool-choice-named
    chatcompat explain tabbyapi
    """
    import dataclasses
    import json

    from harness import catalogue, load
    from harness.document import did_you_mean
    from harness.errors import BadInput
    from harness.reading import brief

    known: dict[str, catalogue.Entry] = {}
    for entry in catalogue.entries(load.suites()):
        known.setdefault(entry.id, entry)
    from harness.report.marks import LOOKS

    glyphs = {mark.glyph: look for look, mark in LOOKS.items()}
    found = []
    unknown = []
    for name in ids:
        wanted = glyphs.get(name, name if name in known else name.lower()).removesuffix(":stream")
        wanted = wanted if wanted in known else wanted.rpartition(":")[0] or wanted  # a claim: suite/case:kind
        if wanted not in known:
            kinds = "rule, case, feature, verdict, fault, look-alike, endpoint or client"
            close = (
                did_you_mean(name, known, listed=False)
                or "; `chatcompat list rules` (or cases, features, faults, lookalikes, endpoints, clients) names them"
            )
            unknown.append(f"there is no {kinds} {brief(name)}{close}")
            continue
        found.append(known[wanted])
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(entry) for entry in found], ensure_ascii=False, indent=1))
    elif found:
        click.echo("\n\n".join(_text(entry) for entry in found))
    if unknown:
        raise BadInput("\n".join(unknown))


def _text(entry: catalogue.Entry) -> str:
    import shutil
    import textwrap

    lines = [f"{entry.id}  ({entry.kind})", entry.summary]
    if entry.doc:
        lines += ["", entry.doc]
    facts = [(label, said) for label, said in entry.facts if said]
    if facts:
        lines.append("")
    width = max((len(label) for label, _ in facts), default=0) + 2
    across = max(min(shutil.get_terminal_size((_ACROSS, 24)).columns, _ACROSS), width + 40)
    before = ""
    for label, said in facts:
        first = f"{label if label != before else '':<{width}}"
        lines += textwrap.wrap(
            said,
            across,
            initial_indent=first,
            subsequent_indent=" " * width,
            break_on_hyphens=False,
            break_long_words=False,
        )
        before = label
    return "\n".join(lines)
