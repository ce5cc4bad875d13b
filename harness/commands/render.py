"""`chatcompat render`: any format again, from a report."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("path", metavar="REPORT.json", type=click.Path(path_type=Path))
@click.option("--format", "formats", required=True, metavar="A,B", help="One goes to stdout; `list formats` names all.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="A folder to write to, whole or not at all.")
def command(path: Path, formats: str, out: Path | None) -> None:
    """Any format again from a report.json, without the network.

    \b
    chatcompat render chatcompat-report/report.json --format term
    chatcompat render reports/report.json --format html,junit --out site
    """
    from harness import report
    from harness.commands import _reports, _writing
    from harness.document import did_you_mean
    from harness.errors import BadInput

    document = _reports.read(path)
    names = [name.strip() for name in formats.split(",") if name.strip()]
    known = report.formats()
    for name in names:
        if name not in known:
            raise BadInput(f"--format {name}: no such format{did_you_mean(name, sorted(known))}")
    if out is not None:
        for written in _writing.write(document, out, names):
            click.echo(str(written), err=True)
        return
    if len(names) != 1:
        raise BadInput(f"--format {formats}: one format goes to stdout; name a folder for more (--out)")
    if names == ["term"]:
        click.echo(_reports.printable(_writing.for_terminal(document, level="should")), nl=False)
        return
    click.echo(_reports.printable(known[names[0]].text(document)), nl=False)
