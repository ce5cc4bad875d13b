"""The pytest plugin: suites as tests, each trial an item. Loaded by every pytest where chatcompat is installed.

    pytest --chatcompat-endpoint http://127.0.0.1:8080/v1 --chatcompat-model m        the shipped suites
    pytest --chatcompat-endpoint my.yaml my-suite.yaml -k stream -m tools
    pytest --chatcompat-mode replay -n 4 --chatcompat-out report                      the shipped recordings
    pytest --chatcompat-endpoint my.yaml tests                                        own tests, with the fixture

So nothing is imported, collected or sent before one of its options is given. It translates; what an answer is worth is said by
the same engine and judge as the command's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.pytest_plugin.asking import Asked

    Judge = Callable[..., Asked]

_NAME = "chatcompat-run"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Its options, all with `--chatcompat-` before them."""
    group = parser.getgroup("chatcompat", "endpoints of the Chat Completions API (chatcompat)")
    add = group.addoption
    add("--chatcompat-endpoint", action="append", default=[], metavar="NAME|FILE|URL", help="whom to judge (repeatable)")
    add("--chatcompat-model", metavar="ID", help="the model (default: the profile's, else the only one of /models)")
    add("--chatcompat-key-env", metavar="NAME", help="the environment variable that holds the key; never the key itself")
    modes = ("replay", "live", "record")
    add("--chatcompat-mode", choices=modes, help="live with an endpoint; replay judges cassettes, and sends nothing")
    add("--chatcompat-cassettes", metavar="DIR", help="the folder of cassettes (default: the shipped ones)")
    add("--chatcompat-out", metavar="DIR", help="write report.json and its other formats there")
    add("--chatcompat-concurrency", type=int, default=8, metavar="N", help="conversations at once with an endpoint (8)")
    add("--chatcompat-max-requests", type=int, metavar="N", help="a ceiling on what is sent to each endpoint")


def pytest_configure(config: pytest.Config) -> None:
    """Gets ready where an endpoint or a mode is named. Raises pytest.UsageError for what cannot be meant."""
    config.addinivalue_line("markers", "chatcompat: a trial of a chatcompat suite")
    if config.option.chatcompat_endpoint or config.option.chatcompat_mode:
        from harness.pytest_plugin.shell import Shell

        config.pluginmanager.register(Shell(config), _NAME)


def pytest_cmdline_main(config: pytest.Config) -> None:
    """With pytest-xdist, one endpoint stays on one worker: `--dist loadgroup`."""
    if not (config.option.chatcompat_endpoint or config.option.chatcompat_mode):
        return
    dist = getattr(config.option, "dist", "no")
    if dist == "load":
        config.option.dist = "loadgroup"
    elif dist not in ("no", "loadgroup"):
        raise pytest.UsageError(f"--dist {dist}: would ask an endpoint from several workers; use --dist loadgroup")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `chatcompat_endpoint` is run with each endpoint that is named."""
    words = metafunc.config.option.chatcompat_endpoint
    if words and "chatcompat_endpoint" in metafunc.fixturenames:
        metafunc.parametrize("chatcompat_endpoint", words, indirect=True, scope="session")


@pytest.fixture(scope="session")
def chatcompat_endpoint(request: pytest.FixtureRequest) -> Any:
    """An endpoint that `--chatcompat-endpoint` names, to be asked in a test of your own; without the option it is skipped.

    `judge(request, stream=False)` sends a Chat Completions request and returns what came, judged by the rules:
    `.ok`, `.findings`, `.exchange`, `.verdict`. It asserts nothing itself.
    """
    word = getattr(request, "param", None)
    if word is None:
        pytest.skip("no --chatcompat-endpoint is named")
    if request.config.option.chatcompat_mode == "replay":
        pytest.skip("--chatcompat-mode replay sends nothing")
    from harness.pytest_plugin.asking import asked

    return asked(request.config, word)
