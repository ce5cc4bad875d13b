"""chatcompat: how compatible an endpoint really is with OpenAI's Chat Completions API.

report = harness.run("http://127.0.0.1:8080/v1")
assert report.ok, report
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import Report, run

__version__ = "0.1.0"
__all__ = ["Report", "__version__", "run"]


def __getattr__(name: str) -> Any:
    """`run` and `Report`, imported when they are asked for: everything else needs less."""
    if name in ("Report", "run"):
        import importlib

        return getattr(importlib.import_module("harness.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
