"""`chatcompat serve`: the reference server."""

from __future__ import annotations

import click


@click.command()
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="On 127.0.0.1; 0: any free port.")
@click.option("--fault", "faults", multiple=True, metavar="ID", help="A defect to have (repeatable; see `list faults`).")
@click.option(
    "--lookalike", "lookalikes", multiple=True, metavar="ID", help="A legal oddity to have (repeatable; see `list lookalikes`)."
)
@click.option("--pace", default=1.0, show_default=True, type=click.FloatRange(0, 100), help="How slow it streams; 0: at once.")
def command(port: int, faults: tuple[str, ...], lookalikes: tuple[str, ...], pace: float) -> None:
    """The reference server: it conforms, but for the faults that it is given. No key is needed.

    It speaks Chat Completions, and at /v1/messages Anthropic's Messages API (judged with --endpoint reference-messages).

    \b
    chatcompat serve
    chatcompat serve --fault never-says-done
    """
    import asyncio
    import contextlib

    from harness import reference
    from harness.reference import server

    chosen: tuple[reference.Change, ...] = (*reference.faults_named(faults), *reference.lookalikes_named(lookalikes))

    async def serve() -> None:
        async with server.serve(port, faults=chosen, pace=pace) as bound:
            url = f"http://127.0.0.1:{bound}/v1"
            click.echo(f"{url}  judge it with:  chatcompat run --endpoint {url} --model {reference.MODELS[0]}")
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(serve())
        except OSError as error:
            from harness.errors import BadInput

            raise BadInput(f"--port {port}: {error.strerror}; choose another port, or 0 for any") from None
