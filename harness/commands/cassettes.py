"""`chatcompat cassettes`: the state of recordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import date

    from harness.upkeep import Kept

_MOST_NAMES = 8


@click.command()
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False))
@click.option("--suite", "own", multiple=True, metavar="PATH", help="A suite of your own that is recorded here (repeatable).")
@click.option("--max-age", type=click.IntRange(0), metavar="DAYS", help="Name what was recorded longer ago.")
@click.option("--report", "since", type=click.Path(path_type=Path), metavar="REPORT.json", help="Name the rules that it has not.")
@click.option("--prune", is_flag=True, help="Delete the cassettes of cases that are gone, after naming them.")
@click.option("--strict", is_flag=True, help="End with exit 1 where something is too old, missing, different or left over.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with every name.")
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path | None,
    own: tuple[str, ...],
    max_age: int | None,
    since: Path | None,
    prune: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """How old recordings are, of what, and which of them no longer serve. By default, the shipped ones.

    \b
    chatcompat cassettes
    chatcompat cassettes cassettes --max-age 90 --strict
    chatcompat cassettes cassettes --prune

    \b
    missing    nothing was recorded of a trial that there is now
    different  the case asks otherwise than was recorded
    left over  of a case that its suite no longer has

    A replay judges by the rules of today, so new rules need no new recordings. What a recording stands for is what the
    server did on that day. Exit: 0, 1 with --strict where something is to be done, 2 wrong usage or file.
    """
    import asyncio
    import json
    from datetime import UTC, datetime

    from harness import load, resources, upkeep
    from harness.errors import BadInput

    chosen = folder or resources.CASSETTES
    if prune and folder is None and not resources.IN_CHECKOUT:
        raise BadInput("--prune: name the folder; the installed package's own recordings are not deleted from")
    rules = _added(since) if since is not None else None
    found = asyncio.run(upkeep.looked(chosen, load.suites(), own))
    today = datetime.now(UTC).date()
    if as_json:
        told = {
            "endpoints": [_described(one, max_age, today) for one in found],
            **({} if rules is None else {"rules_added": rules}),
        }
        click.echo(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        for one in found:
            for line in _lines(one, chosen, max_age, today):
                click.echo(line)
        if rules is not None:
            click.echo(f"rules that {load.shown(since or chosen)} has not: {', '.join(rules) or 'none'}")
    if prune:
        upkeep.prune(chosen, found)
        click.echo(f"deleted: {sum(len(one.orphans) for one in found)}", err=True)
    undone = [
        one
        for one in found
        if one.missing
        or one.differing
        or one.unreadable
        or (one.orphans and not prune)
        or (max_age is not None and one.older_than(max_age, today))
    ]
    ctx.exit(1 if strict and undone else 0)


def _added(report: Path) -> list[str]:
    """The rules of today that a report has not."""
    from harness.commands import _reports
    from harness.rule import all_rules

    return sorted({rule.id for rule in all_rules()} - _reports.read(report)["rules"].keys())


def _described(one: Kept, max_age: int | None, today: date) -> Mapping[str, Any]:
    days = {name: None if day is None else day.isoformat() for name, day in (("oldest", one.oldest), ("newest", one.newest))}
    return {
        "endpoint": one.endpoint,
        "cassettes": one.cassettes,
        "bytes": one.size,
        **days,
        "age_days": None if one.oldest is None else (today - one.oldest).days,
        "servers": list(one.servers),
        "recorded_by": list(one.harnesses),
        "missing": list(one.missing),
        "different": list(one.differing),
        "unreadable": list(one.unreadable),
        "left_over": list(one.orphans),
        "of_unknown_suites": list(one.strangers),
        **({} if max_age is None else {"too_old": list(one.older_than(max_age, today))}),
    }


def _lines(one: Kept, folder: Path, max_age: int | None, today: date) -> Iterator[str]:
    from harness import load, upkeep
    from harness.report.matrix import number, plain

    yield f"{one.endpoint}: {number(one.cassettes, 'cassette')}, {one.size / 1024:,.0f} KiB, {_age(one, today)}"
    about = [
        f"of {plain('; '.join(one.servers))}" if one.servers else "",
        f"by {plain(', '.join(one.harnesses))}" if one.harnesses else "",
    ]
    if any(about):
        yield f"  recorded {' '.join(part for part in about if part)}"
    profile = load.shown(upkeep.profile_of(folder, one.endpoint))
    again = f"--endpoint {profile} --mode record --missing --cassettes {load.shown(folder)}"
    told = (
        ("missing", one.missing, f"chatcompat run {again}"),
        ("different", one.differing, f"chatcompat run {again}"),
        ("cannot be read", one.unreadable, f"chatcompat run {again}"),
        ("left over", one.orphans, "--prune deletes them"),
        ("of suites that are not among these", one.strangers, "name their files with --suite, or delete them"),
    )
    for what, names, way_out in told:
        if names:
            yield f"  {what}: {_some(names)}; {way_out}"
    if max_age is not None and (old := one.older_than(max_age, today)):
        yield f"  recorded more than {number(max_age, 'day')} ago: {_some(old)}"


def _age(one: Kept, today: date) -> str:
    if one.oldest is None or one.newest is None:
        return "of unknown age"
    days = (today - one.oldest).days
    span = one.newest.isoformat() if one.newest == one.oldest else f"{one.oldest} to {one.newest}"
    return f"{span}, the oldest {days} day{'' if days == 1 else 's'} old"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{len(names)}: {' '.join(names[:_MOST_NAMES])}{more}"
