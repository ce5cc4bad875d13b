"""An ASGI application on a socket of its own: what a proxy does with bytes and chunks shows only there.

The one home of uvicorn, which comes with the extra `asgi`.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from harness.errors import BadInput, Unusable

if TYPE_CHECKING:
    import uvicorn

HOST: Final = "127.0.0.1"
START_S: Final = 30.0
"""How long an application may take to start."""

_STOP_S: Final = 2  # what is still being answered may take to end
_LOOK_S: Final = 0.005


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serves an ASGI application (FastAPI, Starlette …) until the block ends; yields `HOST:PORT`, the port a free one.

    It runs in a thread and an event loop of its own, its lifespan included, so it does not matter whether the caller runs
    in one. Raises BadInput where uvicorn is not installed, Unusable where the application does not start.
    """
    try:
        import uvicorn
    except ImportError:
        raise BadInput("app: needs uvicorn to be served; pip install 'chatcompat[asgi]'") from None
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="auto", http="h11", ws="none", timeout_graceful_shutdown=_STOP_S
    )
    server = uvicorn.Server(config)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.bind((HOST, 0))
        failed: list[BaseException] = []
        thread = threading.Thread(target=_run, args=(server, listening, failed), name="chatcompat-app", daemon=True)
        thread.start()
        try:
            _started(server, thread, failed)
            yield f"{HOST}:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(START_S)


def _run(server: uvicorn.Server, listening: socket.socket, failed: list[BaseException]) -> None:
    try:
        asyncio.run(server.serve(sockets=[listening]))
    except (Exception, SystemExit) as error:  # noqa: BLE001  told by the thread that waits; uvicorn exits where lifespan fails
        failed.append(error)


def _started(server: uvicorn.Server, thread: threading.Thread, failed: list[BaseException]) -> None:
    """Waits until the application is served. Raises Unusable."""
    until = time.monotonic() + START_S
    while not server.started:
        if not thread.is_alive():
            why = next((f": {error}" for error in failed if not isinstance(error, SystemExit)), "")
            raise Unusable(f"app: did not start{why}; the logger uvicorn.error has what its lifespan said")
        if time.monotonic() > until:
            raise Unusable(f"app: did not start within {START_S:.0f} s")
        time.sleep(_LOOK_S)
