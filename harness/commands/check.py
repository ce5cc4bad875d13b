"""`chatcompat check`: suites and profiles, before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.client_profile import Known


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--quiet", "-q", is_flag=True, help="Only what is wrong.")
def command(paths: tuple[Path, ...], quiet: bool) -> None:
    """Is a suite, or the profile of an endpoint or a client, well written? Nothing is sent.

    A file with `suite:` is a suite, one with `base_url:` an endpoint, one with `client:` a client. Every slip of every file
    is named with its line.

    \b
    chatcompat check my-suite.yaml my-endpoint.yaml
    chatcompat check suites/

    Exit: 0 all are well written, 2 some are not.
    """
    from harness import load
    from harness.errors import BadFile

    suites: list[Path] = []
    said: list[str] = []
    slips: list[tuple[str, int | None, str]] = []
    for file in _files(paths):
        try:
            kind = load.kind(file)
            if kind == "suite":
                suites.append(file)
            elif kind == "endpoint":
                said.append(f"{load.shown(file)}: the endpoint {load.endpoint(file).name}")
            elif kind == "client":
                said.append(f"{load.shown(file)}: the client {load.client(file, _known()).name}")
            else:
                neither = "is neither a suite (`suite:`) nor a profile of an endpoint (`base_url:`) or a client (`client:`)"
                raise BadFile([(load.shown(file), None, neither)])
        except BadFile as error:
            slips.extend(error.slips)
    try:
        for path, suite in zip(suites, load.suites(suites) if suites else (), strict=True):
            cases = len(suite.cases)
            said.append(f"{load.shown(path)}: the suite {suite.id}, {cases} case{'' if cases == 1 else 's'}")
    except BadFile as error:
        slips.extend(error.slips)
    if not quiet:
        for line in sorted(said):
            click.echo(line)
    if slips:
        raise BadFile(slips)


def _known() -> Known:
    """What the needs of a client may name."""
    from harness import load
    from harness.catalogue import OF_THE_JUDGE
    from harness.client_profile import Known
    from harness.rule import all_rules

    suites = load.suites()
    return Known(
        rules={*(rule.id for rule in all_rules()), *OF_THE_JUDGE},
        cases={case.path for suite in suites for case in suite.cases},
        features={feature.id for suite in suites for feature in suite.features},
        clients=load.client_names(),
    )


def _files(paths: tuple[Path, ...]) -> list[Path]:
    """The files, and those of folders."""
    from harness import load
    from harness.errors import BadFile

    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(file for file in path.rglob("*") if file.suffix in load.SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise BadFile([(load.shown(path), None, "there is no *.yaml file in this folder")])
        found.update(dict.fromkeys(inside))
    return list(found)
