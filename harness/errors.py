"""What can go wrong with *us*; what endpoints do wrong is a finding, never an exception.

    ChatcompatError
    ├── BadInput        a file, an option or an argument is wrong: exit code 2
    │   └── BadFile     in a file, with its line where that is known
    └── Unusable        an endpoint could not be tested at all: exit code 3

Each message names the value, the place and the way out.
"""

from __future__ import annotations


class ChatcompatError(Exception):
    """Anything that ends a command with a message instead of a traceback."""

    exit_code = 2


class BadInput(ChatcompatError):
    """A wrong option, argument or file."""


class BadFile(BadInput):
    """A slip in a file. Its text is `file:line: message`, a line for each slip."""

    def __init__(self, slips: list[tuple[str, int | None, str]]) -> None:
        self.slips = slips
        super().__init__("\n".join(f"{file}:{line}: {said}" if line else f"{file}: {said}" for file, line, said in slips))


class Unusable(ChatcompatError):
    """An endpoint cannot be tested: unreachable, refused, or named without its key."""

    exit_code = 3
