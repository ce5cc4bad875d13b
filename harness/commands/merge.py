"""`chatcompat merge`: shards to one report."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="REPORT.json...", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default="chatcompat-report", show_default=True)
@click.option("--format", "formats", default="json,md,html,junit,badge", show_default=True, metavar="A,B")
@click.option("--level", type=click.Choice(["must", "should"]), help="Findings below it do not count.", default="should")
@click.option("--fail-on", metavar="A,B", default="fail,ignored", show_default=True, help="Verdicts that end with exit 1.")
@click.option("--baseline", type=click.Path(path_type=Path, dir_okay=False), help="A file of accepted failures.")
@click.pass_context
def command(
    ctx: click.Context, paths: tuple[Path, ...], out: Path, formats: str, level: str, fail_on: str, baseline: Path | None
) -> None:
    """Shards of one run, or runs of different endpoints, to one report: the same as a run of the whole writes.

    \b
    chatcompat run --endpoint my.yaml --shard 1/2 --out part-1     # on one machine
    chatcompat run --endpoint my.yaml --shard 2/2 --out part-2     # on another
    chatcompat merge part-1 part-2 --out report

    Exit: 0 nothing unexpected, 1 unexpected verdicts, 2 wrong usage, or reports that do not fit together, 3 an endpoint of
    which nothing could be judged.
    """
    from harness.commands import _baseline, _reports, _verdicts, _writing
    from harness.errors import Unusable
    from harness.report.merging import merged, whole

    unwanted = _verdicts.named(fail_on)
    names = [name.strip() for name in formats.split(",") if name.strip()]
    _writing.chosen(names)
    parts = [(str(path), _reports.read(path)) for path in paths]
    whole(parts)
    document = merged(parts)
    document.pop("shard", None)
    if baseline is not None:
        _baseline.accepted_in(document, baseline)
    for written in _writing.write(document, out, names):
        click.echo(str(written), err=True)
    unexpected = _verdicts.unexpected(document, unwanted, level, binding=document["mode"] != "replay")
    for line in unexpected.stale:
        click.echo(line, err=True)
    if unexpected:
        ctx.exit(1)
    if untested := _verdicts.untested(document):
        raise Unusable("\n".join(untested))
