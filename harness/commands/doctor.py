"""`chatcompat doctor`: the first thing that is wrong with an endpoint, and what to do."""

from __future__ import annotations

import click


@click.command()
@click.argument("endpoint", metavar="NAME|FILE|URL")
@click.option("--base-url", metavar="URL", help="Where the endpoint of a named profile is, if not where it says.")
@click.option("--model", metavar="ID", help="The model (default: the profile's, else one of /models).")
@click.option("--key-env", metavar="NAME", help="The environment variable that holds the key; never the key itself.")
@click.option("--header", "headers", multiple=True, metavar="'K: V'", help="A header for every request (repeatable).")
@click.option("--timeout", "total_s", default=60.0, show_default=True, type=click.FloatRange(1, 3600), help="Seconds, in all.")
@click.option("--json", "as_json", is_flag=True, help="The diagnosis as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    endpoint: str,
    base_url: str | None,
    model: str | None,
    key_env: str | None,
    headers: tuple[str, ...],
    total_s: float,
    as_json: bool,
) -> None:
    """The first thing that is wrong with an endpoint, and what to do about it.

    From the name of the host to a streamed answer: DNS, TCP, TLS, HTTP, what stands between, base path, key, /models, an
    answer, a stream, thinking. Redirects are told and not followed; a key goes to the endpoint's own address only.

    \b
    chatcompat doctor http://127.0.0.1:8080/v1
    chatcompat doctor https://api.example.com --model m --key-env MY_KEY
    chatcompat doctor groq

    \b
    Exit: 0  nothing is wrong
          1  something is wrong with the endpoint
          2  wrong usage, or a model has to be chosen
          3  it cannot be reached, or not with this key
    """
    import json

    from harness.commands import _doctor
    from harness.doctor import words

    held = _doctor.endpoint_of(endpoint, model, key_env, headers, base_url)
    found = _doctor.examined(held, total_s=total_s, quiet=as_json)
    if as_json:
        click.echo(json.dumps(words.document(found), ensure_ascii=False, indent=2))
    else:
        click.echo(
            words.last(
                found, f"healthy; judge it: {_doctor.judge_it(endpoint, found.facts.endpoint, base_url, key_env, headers)}"
            )
        )
    ctx.exit(found.exit_code)
