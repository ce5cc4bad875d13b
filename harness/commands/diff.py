"""`chatcompat diff`: what changed between two reports."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("old", metavar="OLD.json", type=click.Path(path_type=Path))
@click.argument("new", metavar="NEW.json", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(["text", "md", "json"]), default="text", show_default=True)
@click.option("--level", type=click.Choice(["must", "should"]), default="should", help="Findings below it do not count.")
@click.pass_context
def command(ctx: click.Context, old: Path, new: Path, format_: str, level: str) -> None:
    """What changed from one report to another, and whether the endpoint changed or the rules did.

    \b
    chatcompat diff before/report.json after/report.json
    chatcompat diff reports/ chatcompat-report/ --format md >> "$GITHUB_STEP_SUMMARY"

    \b
    newly broken      a worse verdict, or another finding with the same
    no longer judged  skipped, inconclusive or error where there was a verdict

    Exit: 0 nothing newly broken, 1 something is, 2 wrong usage or file.
    """
    from harness.commands import _reports
    from harness.model import Level
    from harness.report import changes
    from harness.report.comparison import compare

    comparison = compare(_reports.read(old), _reports.read(new), level=Level(level))
    write = {"text": changes.text, "md": changes.markdown, "json": changes.as_json}[format_]
    click.echo(_reports.printable(write(comparison)), nl=False)
    ctx.exit(1 if comparison.regressed else 0)
