"""What `doctor` and `init` share: the examination with a person looking on, and the words after `chatcompat`."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from harness import load
from harness.commands import _endpoints
from harness.commands._progress import Line
from harness.doctor import STEPS, Diagnosis, Step, examine, words
from harness.errors import BadInput
from harness.model import Endpoint
from harness.reading import brief

_SHOWN = 40
"""As many models are offered."""


def endpoint_of(
    word: str, model: str | None, key_env: str | None, headers: Sequence[str], base_url: str | None = None
) -> Endpoint:
    """The endpoint that a word means. Raises BadInput."""
    try:
        _endpoints.check(word, load.endpoint_names(), (), Path("cassettes"))
    except BadInput as error:
        raise BadInput(str(error).removeprefix("--endpoint ")) from None
    return load.endpoint_of(word, model, key_env, headers, base_url)


def examined(endpoint: Endpoint, *, total_s: float, adopt: bool = False, quiet: bool = False) -> Diagnosis:
    """Examines an endpoint; each step is printed as soon as it is done, unless `quiet`."""
    style = words.Style(
        colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb",
        unicode="utf" in (sys.stdout.encoding or "").lower(),
    )
    line = Line()

    def ended(step: Step) -> None:
        line.clear()
        for one in () if quiet else words.lines(step, style):
            click.echo(one)

    def choose(models: Sequence[str]) -> str | None:
        line.clear()
        return _chosen(models)

    async def held() -> Diagnosis:
        return await examine(
            endpoint,
            dict(os.environ),
            total_s=total_s,
            adopt=adopt,
            choose=choose,
            began=lambda step: line.show(f"{STEPS[step]} …"),
            ended=ended,
        )

    with line:
        return asyncio.run(held())


def judge_it(word: str, endpoint: Endpoint, base_url: str | None, key_env: str | None, headers: Sequence[str]) -> str:
    """The command that judges what was examined."""
    said = ["chatcompat", "run", "--endpoint", endpoint.base_url if "://" in word else word]
    said += ["--base-url", base_url] if base_url else []
    said += ["--model", brief(endpoint.model, 200)[1:-1]] if endpoint.model else []
    said += ["--key-env", key_env] if key_env else []
    for header in headers:
        said += ["--header", header]
    return shlex.join(said)


def _chosen(models: Sequence[str]) -> str | None:
    """One of several models, by its number or name; None where nobody is there to be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    for number, model in enumerate(models[:_SHOWN], 1):
        click.echo(f"{number:>4}  {brief(model, 90)[1:-1]}", err=True)
    if len(models) > _SHOWN:
        click.echo(f"      and {len(models) - _SHOWN} more: give the name", err=True)
    while True:
        said = str(click.prompt("which model (number or name)", err=True)).strip()
        if said in models:
            return said
        if said.isdecimal() and 1 <= int(said) <= min(len(models), _SHOWN):
            return models[int(said) - 1]
        click.echo(f"{brief(said)} is none of them", err=True)
