"""A server on loopback whose every answer takes 50 ms, as small as it can be: what is measured is who asks it.

Run as a script it prints its port and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

SECONDS = 0.05
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_serial = count(1)


@contextmanager
def slow_server() -> Iterator[str]:
    """Its base URL while it runs, in a process of its own."""
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length else 0)
            await asyncio.sleep(SECONDS)
            body = _completion(next(_serial))
            fields = f"content-type: application/json\r\nx-request-id: req_{next(_serial)}\r\ncontent-length: {len(body)}"
            writer.write(f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + body)
            await writer.drain()
    writer.close()


def _completion(serial: int) -> bytes:
    message = {"role": "assistant", "content": "OK", "refusal": None, "annotations": []}
    details = {"cached_tokens": 0, "audio_tokens": 0}
    thought = {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}
    document = {
        "id": f"chatcmpl-{serial:029}",
        "object": "chat.completion",
        "created": 1741569952,
        "model": "reference-1",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 1,
            "total_tokens": 11,
            "prompt_tokens_details": details,
            "completion_tokens_details": thought,
        },
        "service_tier": "default",
        "system_fingerprint": None,
    }
    return json.dumps(document, indent=2).encode()


async def _serve() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
