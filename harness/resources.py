"""Where the data is: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent

ROOT = _CHECKOUT if (_CHECKOUT / "suites").is_dir() and (_CHECKOUT / "schemas").is_dir() else _PACKAGE / "data"
IN_CHECKOUT = ROOT == _CHECKOUT

SCHEMAS = ROOT / "schemas"
SUITES = ROOT / "suites"
CASSETTES = ROOT / "cassettes"
REPORTS = ROOT / "reports"
ENDPOINTS = _PACKAGE / "endpoints"
CLIENTS = _PACKAGE / "clients"
