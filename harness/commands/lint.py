"""`chatcompat lint`: judge traffic that somebody else recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from harness.recordings import Damaged, Recording

FORMATS = ("json", "md", "html")


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--format", "formats", metavar="A,B", help=f"Default with --out: {','.join(FORMATS)}; `list formats` names all.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="A folder to write reports to (default: none).")
@click.option("--json", "as_json", is_flag=True, help="report.json on stdout instead of the matrix.")
@click.option("--level", type=click.Choice(["must", "should"]), help="Findings below it do not count.", default="should")
@click.option("--quiet", "-q", is_flag=True, help="No matrix and no progress.")
@click.option("--baseline", type=click.Path(path_type=Path, dir_okay=False), help="Rules that are accepted, by host.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Judge recorded traffic by the rules that hold of every exchange; no server, no key and no case is needed.

    \b
    chatcompat lint traffic.har
    chatcompat lint tests/cassettes more.jsonl.gz
    chatcompat lint traffic.har --level must --out lint-report

    \b
    Reads HAR (browsers, mitmproxy), vcrpy cassettes (YAML, JSON) and JSON Lines, each also .gz, and whole folders.
    Exit: 0 nothing found, 1 findings, 2 wrong usage or file, or nothing that could be judged.
    """
    ctx.exit(_lint(**options))


def _lint(
    *, paths: Sequence[Path], formats: str | None, out: Path | None, as_json: bool, level: str, quiet: bool, baseline: Path | None
) -> int:
    import json

    from harness.commands import _baseline, _reports, _writing
    from harness.commands._progress import Line
    from harness.errors import BadInput
    from harness.report.recorded import Collected

    names = [name.strip() for name in (formats or ",".join(FORMATS)).split(",") if name.strip()]
    _writing.chosen(names)
    if formats is not None and out is None:
        raise BadInput(f"--format {formats}: name the folder to write to (--out)")
    collected = Collected()
    with Line(quiet=quiet) as line:
        for found in _records(paths):
            collected.add(found)
            line.show(f"{collected.read} exchanges  {Path(found.file).name}")
    document = collected.document()
    if baseline is not None:
        _baseline.accepted_in(document, baseline)
    if out is not None:
        written = _writing.write(document, out, names)
        if not quiet:
            click.echo(f"report: {', '.join(map(str, written))}", err=True)
    if as_json:
        click.echo(_reports.printable(json.dumps(document, ensure_ascii=False, indent=1)))
    elif not quiet:
        click.echo(_writing.for_terminal(document, level=level), nl=False)
    if not collected.judged:
        raise BadInput(_nothing(collected.read, collected.damaged))
    counted = ("must",) if level == "must" else ("must", "should")
    if baseline is not None:
        told = _baseline.of_traffic(document, counted)
        for said in told:
            click.echo(said, err=True)
        return 1 if told else 0
    broken = any(cell["broken"] for row in document["protocol"] if row["level"] in counted for cell in row["endpoints"].values())
    return 1 if broken or document["counts"]["fail"] else 0


def _records(paths: Sequence[Path]) -> Iterator[Recording | Damaged]:
    """Every record of these files and folders. Only what was named itself must be readable."""
    from harness import recordings
    from harness.errors import BadFile

    for path in paths:
        for file in recordings.files(path):
            try:
                yield from recordings.read(file)
            except BadFile as unreadable:
                if file == path:
                    raise
                yield recordings.Damaged(file=str(file), record=0, why=unreadable.slips[0][2])


def _nothing(read: int, damaged: int) -> str:
    from harness.report.matrix import number

    counts = f"{number(read, 'exchange')} and {number(damaged, 'damaged record')}"
    return f"nothing could be judged: {counts}, but no POST to /chat/completions and no list of models"
