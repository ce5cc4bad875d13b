"""`chatcompat run`: judge endpoints, live or from cassettes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.model import Endpoint, Outcome
    from harness.plan import Plan

FORMATS = ("json", "md", "html", "junit", "badge")
FAIL_ON = ("fail", "ignored")


@click.command()
@click.argument("selection", nargs=-1, metavar="[SUITE | SUITE/CASE | PATH]...")
@click.option("--endpoint", "endpoints", multiple=True, metavar="NAME|FILE|URL", help="Whom to judge (repeatable).")
@click.option("--model", metavar="ID", help="The model (default: the profile's, else the only one of /models).")
@click.option("--key-env", metavar="NAME", help="The environment variable that holds the key; never the key itself.")
@click.option("--header", "headers", multiple=True, metavar="'K: V'", help="A header for every request (repeatable).")
@click.option("--mode", type=click.Choice(["replay", "live", "record"]), help="Default: live with --endpoint, else replay.")
@click.option("--missing", is_flag=True, help="With --mode record: only what is absent or differs.")
@click.option("--cassettes", type=click.Path(path_type=Path, file_okay=False), help="Default: the shipped ones.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Default: chatcompat-report/.")
@click.option("--format", "formats", metavar="A,B", help=f"Default: {','.join(FORMATS)}; `list formats` names all.")
@click.option("--needs", multiple=True, metavar="FEATURE", help="Only cases that need it (repeatable).")
@click.option("--level", type=click.Choice(["must", "should"]), help="Findings below it do not count.", default="should")
@click.option("--fail-on", metavar="A,B", default=",".join(FAIL_ON), show_default=True, help="Verdicts that end with exit 1.")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Conversations at once.")
@click.option("--max-requests", type=click.IntRange(1), help="A ceiling on what is sent in all.")
@click.option("--shard", metavar="I/N", help="The I-th of N parts, by the cases' identity.")
@click.option("--plan", "only_plan", is_flag=True, help="Print what would be sent, and stop.")
@click.option("--json", "as_json", is_flag=True, help="report.json on stdout instead of the matrix.")
@click.option("--quiet", "-q", is_flag=True, help="No matrix and no progress.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Judge endpoints. With no --endpoint: replay every shipped cassette, offline.

    \b
    chatcompat run
    chatcompat run --endpoint http://127.0.0.1:8080/v1
    chatcompat run tools usage/nonstream --endpoint my.yaml
    chatcompat run my-suite.yaml --endpoint https://api.example.com/v1 --model m --key-env MY_KEY
    chatcompat run --endpoint my.yaml --mode record --cassettes cassettes --missing

    \b
    Exit: 0 nothing unexpected, 1 unexpected verdicts, 2 wrong usage or file, 3 an endpoint could not be tested.
    """
    ctx.exit(_run(**options))


def _run(
    *,
    selection: Sequence[str],
    endpoints: Sequence[str],
    model: str | None,
    key_env: str | None,
    headers: Sequence[str],
    mode: str | None,
    missing: bool,
    cassettes: Path | None,
    out: Path | None,
    formats: str | None,
    needs: Sequence[str],
    level: str,
    fail_on: str,
    concurrency: int,
    max_requests: int | None,
    shard: str | None,
    only_plan: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    import asyncio
    import os

    from harness import load, plan, resources
    from harness.cassette import endpoints as recorded_endpoints
    from harness.commands import _verdicts, _writing
    from harness.engine import Mode
    from harness.errors import BadInput, Unusable
    from harness.report import json_

    chosen_formats = [name.strip() for name in (formats or ",".join(FORMATS)).split(",") if name.strip()]
    _writing.chosen(chosen_formats)
    unwanted = _verdicts.named(fail_on)
    how = Mode(mode or ("live" if endpoints else "replay"))
    for option, given in (("--model", model), ("--key-env", key_env), ("--header", headers)):
        if given and not endpoints:
            raise BadInput(f"{option}: belongs to an --endpoint, and none is named")
    if missing and how is not Mode.RECORD:
        raise BadInput("--missing: says what is recorded, and nothing is; add --mode record")
    if how is Mode.RECORD and cassettes is None and not resources.IN_CHECKOUT:
        raise BadInput("--mode record: name the folder with --cassettes; the installed package's own is not written to")
    folder = cassettes or resources.CASSETTES
    recorded = recorded_endpoints(folder) if how is Mode.REPLAY else ()
    if endpoints:
        known = {endpoint.name: endpoint for endpoint in recorded}
        held = [
            known[word] if word in known and how is Mode.REPLAY else load.endpoint_of(word, model, key_env, headers)
            for word in endpoints
        ]
    elif how is Mode.REPLAY:
        held = list(recorded)
        if not held:
            raise BadInput(f"{folder} holds no recordings: there is no */endpoint.yaml; record some with --mode record")
    else:
        raise BadInput(f"--mode {how}: name the endpoint with --endpoint")
    planned = plan.plan(held, load.suites(), only=selection, needs=needs, shard=shard)
    if only_plan:
        click.echo(planned.text())
        return 0
    if how is not Mode.REPLAY:
        held = asyncio.run(_with_models(held, dict(os.environ)))
        planned = plan.plan(held, load.suites(), only=selection, needs=needs, shard=shard)
    offline = not endpoints and cassettes is None
    shipped = offline and not selection and not needs and shard is None
    expected = _verdicts.shipped(resources.REPORTS / "report.json") if offline else None
    found = _judged(planned, how, folder, concurrency, max_requests, missing, quiet)
    differences = None if expected is None else _verdicts.differences(expected, found, whole=shipped)
    del expected, planned  # what is not needed to write the report need not be held beside it
    into = out or (resources.REPORTS if shipped and resources.IN_CHECKOUT else Path("chatcompat-report"))
    secrets = _secrets(held, os.environ)
    written = _writing.write(found, into, chosen_formats, secrets)
    if as_json:
        click.echo(_writing.masked(json_.text(found), secrets), nl=False)
    elif not quiet:
        click.echo(_writing.masked(_writing.for_terminal(found, level=level), secrets), nl=False)
        click.echo(f"\nreport: {', '.join(load.shown(path) for path in written)}", err=True)
        click.echo(f"the exchange behind a verdict: chatcompat show {load.shown(into)} SUITE/CASE", err=True)
    if found["partial"]:
        click.echo("interrupted: the report is partial, and says so", err=True)
        return 130
    if differences is not None:
        for line in differences:
            click.echo(line, err=True)
        return 1 if differences else 0
    unexpected, untested = _verdicts.unexpected(found, unwanted, level, binding=how is not Mode.REPLAY), _verdicts.untested(found)
    for line in unexpected.stale:
        click.echo(line, err=True)
    if unexpected:
        return 1
    if untested:
        raise Unusable("\n".join(untested))
    return 0


def _secrets(endpoints: Sequence[Endpoint], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values of the variables that the endpoints name. What an endpoint sends back of them, in however many pieces, may
    add up to the whole again in an assembled answer."""
    from harness.wire import variables

    named = {name for endpoint in endpoints for name in variables(endpoint, {})}
    return tuple(sorted((value for name in named if len(value := environ.get(name, "")) >= 8), key=len, reverse=True))


def _judged(
    planned: Plan, mode: Any, cassettes: Path, concurrency: int, max_requests: int | None, missing: bool, quiet: bool
) -> dict[str, Any]:
    """The report's document of a run that is held now."""
    import asyncio
    import os
    import signal
    from datetime import UTC, datetime

    from harness import engine, report
    from harness.commands._progress import Progress
    from harness.engine import Mode
    from harness.report.outcomes import Results

    async def hold() -> tuple[Outcome, ...]:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        if task is not None:
            loop.add_signal_handler(signal.SIGINT, task.cancel)  # once: the engine keeps what it has
        with Progress(len(planned.trials), quiet=quiet) as progress:
            return await engine.run(
                planned,
                mode=mode,
                environ=dict(os.environ),
                cassettes=cassettes,
                observer=progress,
                concurrency=concurrency,
                max_requests=max_requests,
                missing=missing,
                keep=results.keep,
            )

    replayed = mode is Mode.REPLAY
    kept_in = cassettes if replayed else None
    results = Results(kept_in)
    started = None if replayed else datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return report.document(
        asyncio.run(hold()),
        mode=str(mode),
        suites=planned.suites,
        endpoints=planned.endpoints,
        started=started,
        cassettes=kept_in,
        results=results,
    )


async def _with_models(endpoints: Sequence[Endpoint], environ: Mapping[str, str]) -> list[Endpoint]:
    import asyncio

    from harness.engine import with_model

    return list(await asyncio.gather(*(with_model(endpoint, environ) for endpoint in endpoints)))
