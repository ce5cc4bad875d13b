"""`chatcompat init`: an endpoint's profile, from its URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.doctor import Diagnosis, Facts


@click.command()
@click.argument("url", metavar="URL")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: NAME.yaml, by the host and port.")
@click.option("--model", metavar="ID", help="The model (default: the only one of /models, or one that you choose).")
@click.option("--key-env", metavar="NAME", help="The environment variable that holds the key; never the key itself.")
@click.option("--header", "headers", multiple=True, metavar="'K: V'", help="A header for every request (repeatable).")
@click.option("--timeout", "total_s", default=60.0, show_default=True, type=click.FloatRange(1, 3600), help="Seconds, in all.")
@click.option("--offline", is_flag=True, help="Ask nobody: a profile of what is given here.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.pass_context
def command(
    ctx: click.Context,
    url: str,
    out: Path | None,
    model: str | None,
    key_env: str | None,
    headers: tuple[str, ...],
    total_s: float,
    offline: bool,
    force: bool,
) -> None:
    """An endpoint's profile, from what the endpoint answers.

    Goes through the steps of `doctor`, takes over what it finds (the right path, the header of the key, a model, the name of
    the limit, whether the model thinks), and writes it down. Without an answer from a model nothing is written.

    \b
    chatcompat init http://127.0.0.1:8080
    chatcompat init https://api.example.com/v1 --model m --key-env MY_KEY --out my-endpoint.yaml

    Exit: 0 written; else as `doctor`.
    """
    from harness import load
    from harness.commands import _doctor
    from harness.doctor import Facts, State, written
    from harness.errors import BadInput

    if "://" not in url and (Path(url).exists() or url in load.endpoint_names()):
        raise BadInput(f"{url} has a profile already; `init` makes one from a URL")
    endpoint = _doctor.endpoint_of(url, model, key_env, headers)
    file = out or Path(f"{endpoint.name}.yaml")
    if file.exists() and not force:
        raise BadInput(f"{load.shown(file)} is there already; name another with --out, or write over it with --force")
    if offline:
        facts = Facts(endpoint=endpoint)
    else:
        found = _doctor.examined(endpoint, total_s=total_s, adopt=True)
        if not any(step.id == "answer" and step.state is State.OK for step in found.steps):
            assert found.wrong is not None
            click.echo(f"do: {found.wrong.do}")
            click.echo("nothing was written", err=True)
            ctx.exit(found.exit_code)
        facts = found.facts
        _tell(found)
    _write(file, written.profile(facts, file=load.shown(file), seen=not offline), force=force)
    click.echo(f"written: {load.shown(file)}; judge it: chatcompat run --endpoint {_named(file)}")
    _tell_shipped(facts)


def _tell(found: Diagnosis) -> None:
    if found.wrong is not None:
        click.echo(f"do: {found.wrong.do}")


def _named(file: Path) -> str:
    """The file as `run` takes it for one."""
    import shlex

    from harness import load

    return shlex.quote(load.shown(file) if file.suffix in load.SUFFIXES else str(file.absolute()))


def _tell_shipped(facts: Facts) -> None:
    """A profile of the same host that is shipped knows more: what its vendor says it has and lacks."""
    from urllib.parse import urlsplit

    from harness import load
    from harness.wire.network import is_loopback

    host = urlsplit(facts.endpoint.base_url).hostname or ""
    if is_loopback(host):
        return
    for name in load.endpoint_names():
        if urlsplit(load.endpoint_named(name).base_url).hostname == host:
            click.echo(f"a profile of {host} is shipped, with what its vendor says: --endpoint {name}", err=True)


def _write(file: Path, text: str, *, force: bool) -> None:
    """The whole file or none, and only what can be read again. Raises BadInput."""
    import os
    import tempfile

    from harness import load
    from harness.errors import BadFile, BadInput

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}.", suffix=".yaml")
        try:
            with open(descriptor, "w", encoding="utf-8", newline="\n") as opened:
                opened.write(text)
            try:
                load.endpoint(Path(beside))
            except BadFile as error:
                slips = "; ".join(said for _, _, said in error.slips)
                raise BadInput(f"{load.shown(file)} is not written: it could not be read again ({slips})") from None
            Path(beside).chmod(0o644)  # mkstemp's own 0600 is for secrets, and there are none in it
            if not force and file.exists():
                raise BadInput(f"{load.shown(file)} is there already; write over it with --force")
            os.replace(beside, file)
        finally:
            Path(beside).unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"{file}: cannot be written: {error.strerror or error}; name another file with --out") from None
