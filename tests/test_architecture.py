"""Arrows point down only, and each third-party package has one home."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "harness"

LAYERS = [
    {"", "model", "reading", "errors", "resources"},
    {"sse", "wording", "document", "choices", "asked", "folding", "messages"},
    {"baseline", "contract", "profile", "yaml_file"},
    {"client_profile"},
    {"answer", "client_profile", "rule", "fragment"},
    {"claim_notation", "claims", "rules"},
    {"cost", "notation", "judge", "prepare", "probe"},
    {"load", "plan", "thrift", "dialects"},
    {"wire", "reference", "asgi"},
    {"cassette"},
    {"engine", "recordings"},
    {"catalogue", "doctor", "report"},
    {"coverage", "journal", "kill_matrix", "rerecording", "session", "upkeep"},
    {"commands"},
    {"api"},
    {"cli", "pytest_plugin"},
]
"""From the bottom up. A module imports from its own layer or from one below."""

HOMES = {
    "click": {"cli", "commands"},
    "h11": {"reference"},
    "httpx": {"wire", "cassette"},
    "jsonschema": {"contract"},
    "jsonschema_rs": {"contract"},
    "referencing": {"contract"},
    "pytest": {"pytest_plugin"},
    "tabulate": {"report"},
    "uvicorn": {"asgi"},
    "vcr": {"cassette"},
    "yaml": {"yaml_file", "cassette"},  # one reads what people write, the other what vcrpy's format holds
}

DOOR = {"": {"api"}}
"""What a module leads to without importing it before it is asked for: `harness.run`."""


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "harness":
                yield from (f"harness.{name.name}" for name in node.names if name.name != "__version__")


def _module(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py").replace("__init__", "")


MODULES = sorted(PACKAGE.rglob("*.py"))


def test_every_module_has_its_layer() -> None:
    assert {_module(path) for path in MODULES} <= set().union(*LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path: Path) -> None:
    height = next(position for position, layer in enumerate(LAYERS) if _module(path) in layer)
    own = [name.split(".")[1] if "." in name else "" for name in _imports(path) if name.split(".")[0] == "harness"]
    allowed = set().union(*LAYERS[: height + 1], DOOR.get(_module(path), set()))
    above = [name for name in own if name not in allowed]
    assert [] == above


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_each_third_party_package_has_one_home(path: Path) -> None:
    foreign = {name.split(".")[0] for name in _imports(path)} - {"harness"} - sys.stdlib_module_names
    assert set() == {name for name in foreign if _module(path) not in HOMES.get(name, set())}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= (660 if _module(path) == "model" else 420)
