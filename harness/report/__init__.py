"""What came out, as one document (`report.json`), and the formats that are made of it.

A format is a module here with `FILE`, the name of the file it writes (None: for the terminal only), and
`text(document) -> str`, a pure function. The first line of its docstring says what it is for. There is no list of them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

if TYPE_CHECKING:
    from harness.cost import Spent
    from harness.model import Endpoint, Outcome, Suite
    from harness.report.outcomes import Results

Document: TypeAlias = "Mapping[str, Any]"
"""A report: what `schemas/harness/report.json` describes."""


class Format(Protocol):
    """A module of this package that is a format."""

    FILE: str | None

    def text(self, document: Document) -> str:
        """The report in this format."""


def formats() -> dict[str, Format]:
    """Every format by its name: the module's, without the `_` that keeps it apart from a library's."""
    found: dict[str, Format] = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        if hasattr(loaded, "FILE") and hasattr(loaded, "text"):
            found[module.name.rstrip("_")] = cast(Format, loaded)
    return found


def summary(format_: Format) -> str:
    """The first line of a format's docstring."""
    return (format_.__doc__ or "").partition("\n")[0].rstrip(".")


def document(
    outcomes: Iterable[Outcome],
    *,
    mode: str,
    suites: Sequence[Suite],
    endpoints: Sequence[Endpoint] = (),
    started: str | None = None,
    cassettes: Path | None = None,
    whole: bool = False,
    results: Results | None = None,
    spent: Callable[[str], Spent] | None = None,
) -> dict[str, Any]:
    """The report of these outcomes.

    `suites` give the order and titles of features. `started` is when a live run began, ISO 8601; a replay takes the date
    of its newest recording. `cassettes` is the folder whose files stand for the exchanges of trials without findings;
    with `whole`, every exchange is in the report itself. `results` are those that were taken while the run went on;
    `spent` says what was spent with an endpoint.
    """
    from harness.report.outcomes import assembled

    return assembled(
        tuple(outcomes),
        mode=mode,
        suites=suites,
        endpoints=endpoints,
        started=started,
        cassettes=None if whole else cassettes,
        results=results,
        spent=spent,
    )
