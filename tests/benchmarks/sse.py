"""The event-stream decoder against httpx-sse and the OpenAI SDK's, and whether its time is linear in hostile bodies."""

from __future__ import annotations

import httpx
from httpx_sse import EventSource
from measure import Sheet, chat_stream, cpu_ms
from openai._streaming import SSEDecoder

from harness.model import Frame
from harness.sse import decode

CHUNKS = 500
WHOLE = 1024 * 1024  # bytes
NO_LIMIT = 10**9

HOSTILE = {
    "one endless line": b"x",
    "malformed bytes only": b"\xff",
    "cut characters only": b"\xe2\x82",
    "blank lines only": b"\n",
    "comments only": b":\n",
    "data lines only": b"data:\n",
    "empty events only": b"data:\n\n",
}


def main() -> None:
    sheet = Sheet()
    frames = chat_stream(CHUNKS).frames
    parts = [frame.data for frame in frames]

    def httpx_sse() -> None:
        response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter(parts))
        assert len(list(EventSource(response).iter_sse())) == len(parts)

    def openai() -> None:
        assert len(list(SSEDecoder().iter_bytes(iter(parts)))) == len(parts)

    def ours() -> None:
        assert len(decode(frames)[0]) == len(parts)

    spent = cpu_ms({"ours": ours, "httpx-sse": httpx_sse, "openai": openai})
    sheet.line(f"{CHUNKS} chunks, ours", spent["ours"], "ms", at_most=5)
    sheet.line(f"{CHUNKS} chunks, httpx-sse", spent["httpx-sse"], "ms")
    sheet.line(f"{CHUNKS} chunks, the OpenAI SDK", spent["openai"], "ms")
    sheet.line("ours to httpx-sse", spent["ours"] / spent["httpx-sse"], "x", at_most=3)
    sheet.line("ours to the OpenAI SDK", spent["ours"] / spent["openai"], "x", at_most=2)

    for name, piece in HOSTILE.items():
        whole = [Frame(at_ms=0, data=piece * (WHOLE // len(piece)))]
        quarter = [Frame(at_ms=0, data=piece * (WHOLE // 4 // len(piece)))]
        taken = cpu_ms(
            {"4": lambda body=whole: decode(body, NO_LIMIT), "1": lambda body=quarter: decode(body, NO_LIMIT)}, turns=3
        )
        sheet.line(f"1 MiB to a quarter, {name}", taken["4"] / taken["1"], "x", at_most=6)
    sheet.finish()


if __name__ == "__main__":
    main()
