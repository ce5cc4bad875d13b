"""What holds for all tests: nothing leaves the loopback interface, and no skip goes unnoticed."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")  # how long an example takes says something of the machine, and of what else it does

ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")


class BeyondLoopback(RuntimeError):
    """A test tried to reach an address that is not this machine's own."""


def _only_loopback(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if isinstance(host, str) and not _is_loopback(host):
        raise BeyondLoopback(f"{event} to {host!r}: tests stay on the loopback interface")


def _is_loopback(host: str) -> bool:
    if host in ("", "localhost") or host.endswith((".invalid", ".localhost")):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


sys.addaudithook(_only_loopback)  # no patch: whatever library opens the socket, the interpreter asks first


def allowed_skips() -> list[str]:
    """Node ids, or how they begin, of tests that may be skipped; the reason follows after `#`."""
    lines = ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines() if ALLOWED_SKIPS.exists() else []
    return [stripped for line in lines if (stripped := line.partition("#")[0].strip())]


class _Skips:
    """Fails a run in CI in which a test was skipped that is not on the list."""

    def __init__(self) -> None:
        self.unexpected: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail") and not report.nodeid.startswith(tuple(allowed_skips())):
            self.unexpected.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unexpected and os.environ.get("CI") and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unexpected:
            terminalreporter.section("skipped, and not in tests/allowed_skips.txt")
            for nodeid in self.unexpected:
                terminalreporter.line(nodeid)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Skips(), "skips-are-listed")
