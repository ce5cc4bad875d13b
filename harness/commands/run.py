"""`chatcompat run`: judge endpoints, live or from cassettes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_DIFFERENCES = 40  # that are named; the new report has them all
FORMATS = ("json", "md", "html", "junit", "badge")
FAIL_ON = ("fail", "ignored")


@click.command()
@click.argument("selection", nargs=-1, metavar="[SUITE | SUITE/CASE | PATH]...")
@click.option("--endpoint", "endpoints", multiple=True, metavar="NAME|FILE|URL", help="Whom to judge (repeatable).")
@click.option("--base-url", metavar="URL", help="Where the endpoint of a named profile is, if not where it says.")
@click.option("--model", metavar="ID", help="The model (default: the profile's, else the only one of /models).")
@click.option("--key-env", metavar="NAME", help="The environment variable that holds the key; never the key itself.")
@click.option("--header", "headers", multiple=True, metavar="'K: V'", help="A header for every request (repeatable).")
@click.option("--skip-models", is_flag=True, help="Do not look whether /models lists the model.")
@click.option("--mode", type=click.Choice(["replay", "live", "record"]), help="Default: live with --endpoint, else replay.")
@click.option("--missing", is_flag=True, help="With --mode record: only what is absent or differs.")
@click.option("--cassettes", type=click.Path(path_type=Path, file_okay=False), help="Default: the shipped ones.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Default: chatcompat-report/.")
@click.option("--format", "formats", metavar="A,B", help=f"Default: {','.join(FORMATS)}; `list formats` names all.")
@click.option("--needs", multiple=True, metavar="FEATURE", help="Only cases that need it (repeatable).")
@click.option("--level", type=click.Choice(["must", "should"]), help="Findings below it do not count.", default="should")
@click.option("--fail-on", metavar="A,B", default=",".join(FAIL_ON), show_default=True, help="Verdicts that end with exit 1.")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Conversations at once.")
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(1, 100), help="Hold each trial so often.")
@click.option("--max-requests", type=click.IntRange(1), help="A ceiling on what is sent in all; what it leaves out is said.")
@click.option("--max-tokens", type=click.IntRange(1), help="A ceiling on the tokens of all requests, estimated before each.")
@click.option("--shard", metavar="I/N", help="The I-th of N parts, by the cases' identity; see `merge`.")
@click.option("--accept", is_flag=True, help="Without --endpoint: let this report be what is expected from now on.")
@click.option("--resume", is_flag=True, help="Go on with the run that was stopped: what it judged is not asked again.")
@click.option("--baseline", type=click.Path(path_type=Path, dir_okay=False), help="A file of accepted failures.")
@click.option("--update-baseline", is_flag=True, help="Accept in it what fails now, and drop from it what no longer does.")
@click.option("--plan", "only_plan", is_flag=True, help="Print what would be sent, and stop.")
@click.option("--json", "as_json", is_flag=True, help="report.json on stdout instead of the matrix.")
@click.option("--quiet", "-q", is_flag=True, help="No matrix and no progress.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Judge endpoints. With no --endpoint: replay every shipped cassette, offline.

    The matrix (or, with --json, the report) goes to stdout; progress, notes and what is unexpected go to stderr.

    \b
    chatcompat run
    chatcompat run --endpoint http://127.0.0.1:8080/v1
    chatcompat run tools usage/nonstream --endpoint my.yaml
    chatcompat run my-suite.yaml --endpoint https://api.example.com/v1 --model m --key-env MY_KEY
    chatcompat run --endpoint tabbyapi --base-url http://192.168.1.5:5000/v1 --model m
    chatcompat run --endpoint my.yaml --mode record --cassettes cassettes --missing
    chatcompat run --endpoint my.yaml --baseline baseline.yaml --update-baseline
    chatcompat run --endpoint my.yaml --resume

    \b
    Exit: 0  nothing unexpected
          1  unexpected verdicts
          2  wrong usage or file
          3  an endpoint could not be tested, or a trial of a replay is not recorded
    With no --endpoint, what is expected is the shipped report: 0 where this one is equal, else 1 and a line for each
    difference. reports/ is left as it is then, and this report goes to chatcompat-report/, unless --accept is given.
    Recording over recordings tells first what changed since, and then replaces them; an error never replaces one.
    A ceiling of your own (--max-requests, --max-tokens) is no error: what was left out is said, and marked in every report.
    """
    ctx.exit(_run(**options))


def _run(
    *,
    selection: Sequence[str],
    endpoints: Sequence[str],
    base_url: str | None,
    model: str | None,
    key_env: str | None,
    headers: Sequence[str],
    skip_models: bool,
    mode: str | None,
    missing: bool,
    cassettes: Path | None,
    out: Path | None,
    formats: str | None,
    needs: Sequence[str],
    level: str,
    fail_on: str,
    concurrency: int,
    repeat: int,
    max_requests: int | None,
    max_tokens: int | None,
    shard: str | None,
    resume: bool,
    baseline: Path | None,
    update_baseline: bool,
    accept: bool,
    only_plan: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    import asyncio
    import os

    from harness import load, rerecording, resources, session, thrift
    from harness.commands import _baseline, _endpoints, _verdicts, _writing
    from harness.commands._held import Held
    from harness.engine import Mode
    from harness.errors import BadInput, Unusable
    from harness.report import chance, json_, matrix
    from harness.report.matrix import number

    chosen_formats = [name.strip() for name in (formats or ",".join(FORMATS)).split(",") if name.strip()]
    _writing.chosen(chosen_formats)
    unwanted = _verdicts.named(fail_on)
    how = Mode(mode or ("live" if endpoints else "replay"))
    for option, given in (
        ("--base-url", base_url),
        ("--model", model),
        ("--key-env", key_env),
        ("--header", headers),
        ("--skip-models", skip_models),
    ):
        if given and not endpoints:
            raise BadInput(f"{option}: belongs to an --endpoint, and none is named")
    if update_baseline and baseline is None:
        raise BadInput("--update-baseline: name the file with --baseline FILE; it is begun where it is not there")
    if repeat > 1 and how is not Mode.LIVE:
        raise BadInput(
            f"--repeat {repeat}: a recording holds each conversation once, and says nothing of chance; leave out --mode {how}"
        )
    if resume and how is Mode.REPLAY:
        raise BadInput("--resume: goes on with a run that asks somebody; a replay is simply run again")
    if resume and how is Mode.RECORD:
        raise BadInput("--resume: of a recording, what is recorded is not asked again with --missing")
    if missing and how is not Mode.RECORD:
        raise BadInput("--missing: says what is recorded, and nothing is; add --mode record")
    if how is Mode.RECORD and cassettes is None and not resources.IN_CHECKOUT:
        raise BadInput("--mode record: name the folder with --cassettes; the installed package's own is not written to")
    folder = cassettes or resources.CASSETTES
    for word in endpoints if how is not Mode.REPLAY else ():
        _endpoints.check(word, load.endpoint_names(), [path.parent.name for path in folder.glob("*/endpoint.yaml")], folder)
    opened = session.opened(
        endpoints,
        mode=how,
        cassettes=folder,
        environ=dict(os.environ),
        model=model,
        key_env=key_env,
        headers=headers,
        base_url=base_url,
    )
    if baseline is not None:
        opened = _baseline.accepting(opened, baseline, selection, may_begin=update_baseline)
    planned = opened.plan(only=selection, needs=needs, shard=shard)
    if only_plan:
        click.echo(planned.text())
        click.echo(thrift.text(planned), nl=False)
        return 0
    if how is not Mode.REPLAY:
        try:
            opened = asyncio.run(opened.with_models())
        except Unusable as error:
            asked = next((one.base_url for one in opened.endpoints if one.base_url in str(error)), opened.endpoints[0].base_url)
            raise Unusable(_endpoints.without_version(asked, str(error))) from None
        planned = opened.plan(only=selection, needs=needs, shard=shard)
    offline = not endpoints and cassettes is None and baseline is None
    everything = not selection and not needs and shard is None
    shipped = offline and everything
    if accept and not (shipped and resources.IN_CHECKOUT and out is None):
        raise BadInput("--accept: only a run of all that is shipped, in a clone of the repository, says what is expected")
    expected = _verdicts.shipped(resources.REPORTS / "report.json") if offline else None
    look = not (how is Mode.REPLAY or skip_models or missing or max_requests is not None or max_tokens is not None)
    others = planned.brought if shard is not None else frozenset()
    again = click.get_current_context().with_resource(rerecording.begun(opened, resumed=resume))
    limits = {
        "concurrency": concurrency,
        "repeat": repeat,
        "max_requests": max_requests,
        "max_tokens": max_tokens,
        "missing": missing,
    }
    run = Held(opened if again is None else again.session, planned, without=others, quiet=quiet, look=look)
    found = run.judged((out or Path("chatcompat-report")) if how is Mode.LIVE else None, resume=resume, limits=limits)
    if shard is not None:
        found["shard"] = shard
    if again is not None:
        said = asyncio.run(again.changes(found, only=selection, needs=needs, shard=shard))
        click.echo(f"to what was recorded before: {_writing.masked(said, opened.secrets)}", err=True, nl=False)
        again.keep()
    differences = None if expected is None else _verdicts.differences(expected, found, whole=shipped)
    del expected, planned  # what is not needed to write the report need not be held beside it
    as_expected = not differences or (accept and not _verdicts.interrupted(found))
    into = out or (resources.REPORTS if shipped and resources.IN_CHECKOUT and as_expected else Path("chatcompat-report"))
    secrets = opened.secrets
    try:
        written = _writing.write(found, into, chosen_formats, secrets)
    except BadInput as error:
        run.written(whole=False)
        raise BadInput(f"{error}{run.way_out}") from None
    run.written(whole=not found["partial"])
    if as_json:
        click.echo(_writing.masked(json_.text(found), secrets), nl=False)
    elif not quiet:
        click.echo(_writing.masked(_writing.for_terminal(found, level=level), secrets), nl=False)
        click.echo(f"\nreport: {', '.join(load.shown(path) for path in written)}", err=True)
        click.echo(f"the exchange behind a verdict: chatcompat show {load.shown(into)} SUITE/CASE", err=True)
    for said in matrix.not_held(found):
        click.echo(f"only a part: {said}", err=True)
    if _verdicts.interrupted(found):
        click.echo("stopped; what was judged is kept: add --resume to go on", err=True)
        return run.stopped or 130
    if differences is not None:
        for line in differences[:_MOST_DIFFERENCES]:
            click.echo(line, err=True)
        if len(differences) > _MOST_DIFFERENCES:
            click.echo(f"and {len(differences) - _MOST_DIFFERENCES} more differences", err=True)
        if differences and accept:
            click.echo("accepted: this is what is expected from now on", err=True)
        elif differences and shipped:
            click.echo("the shipped report differs, and is left as it is; --accept puts this one in its place", err=True)
        return 1 if differences and not accept else 0
    unexpected = _verdicts.unexpected(found, unwanted, level, binding=how is not Mode.REPLAY, whole=everything)
    untested = _verdicts.untested(found)
    if update_baseline and baseline is not None:
        unexpected = _baseline.updated(baseline, found, unexpected)
    if count := sum(map(chance.flaky, found["results"])):
        click.echo(f"{number(count, 'trial')} flaky, passed in some repeats and not in others; see --fail-on flaky", err=True)
    for line in unexpected.stale:
        click.echo(line, err=True)
    for name, profile in found["endpoints"].items():
        passed = profile["verdicts"]["pass"] + profile["verdicts"]["warn"]
        if how is not Mode.REPLAY and profile["judged"] and not passed:
            where = profile["base_url"] if "${" not in profile["base_url"] else name
            click.echo(f"nothing passed at {name}; what is wrong first: chatcompat doctor {where}", err=True)
    if unexpected:
        return 1
    if untested:
        raise Unusable("\n".join(untested))
    if how is Mode.REPLAY and (missing_trials := _verdicts.unrecorded(found)):
        words = " ".join(["chatcompat run", *selection, "--endpoint PROFILE --mode record --missing --cassettes"])
        raise Unusable(f"{number(missing_trials, 'trial')} not recorded; record what is missing: {words} {load.shown(folder)}")
    return 0
