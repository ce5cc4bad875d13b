"""The command line: finds the commands, and turns what can go wrong with us into a message and an exit code."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Any

import click

from harness import __version__, commands
from harness.errors import ChatcompatError

INTERRUPTED = 130


class _Commands(click.Group):
    """A module of `harness/commands/` for each command, imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = [module.name for module in pkgutil.iter_modules(commands.__path__) if not module.name.startswith("_")]
        return sorted(names, key=lambda name: (name != "run", name))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"harness.commands.{name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            from harness.document import did_you_mean

            raise click.UsageError(f"no such command: {args[0]}{did_you_mean(args[0], self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="chatcompat", message="%(prog)s %(version)s")
def chatcompat() -> None:
    """How compatible is an endpoint really with OpenAI's Chat Completions API?

    \b
    chatcompat run                                        the matrix of the shipped recordings, offline
    chatcompat run --endpoint http://127.0.0.1:8080/v1    judge a server of yours
    chatcompat explain fail                               what a verdict, rule, case or fault means
    """


def main() -> None:
    """The entry point. Exit codes: 0 nothing unexpected, 1 unexpected, 2 wrong usage or file, 3 not testable."""
    try:
        code: Any = chatcompat.main(standalone_mode=False)
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except click.ClickException as wrong:
        wrong.show()
        code = wrong.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = INTERRUPTED
    except ChatcompatError as error:
        click.echo(f"chatcompat: {error}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
