"""What it costs to judge a streamed answer of 500 chunks, each held against the contract, and how that grows."""

from __future__ import annotations

import json
from collections.abc import Callable

from measure import Sheet, chat_stream, cpu_ms

from harness import answer, contract, judge, sse
from harness.model import Case, ChatStreamed, Claims, Frame, Json, Kind, Reply, Request, Step
from harness.rule import all_rules

CHUNKS = 500
FEW, MANY = 2_000, 8_000

BODY: dict[str, Json] = {
    "model": "reference-1",
    "messages": [{"role": "user", "content": "Count from 1 to 500."}],
    "stream": True,
}
REQUEST = Request(method="POST", path="/chat/completions", content=json.dumps(BODY).encode(), body=BODY)
STEP = Step(
    id="ask",
    request=BODY,
    claims={
        Kind.EFFECT: Claims(body={"/choices/0/message/content": {"type": "string", "pattern": "word1 word2"}}),
        Kind.EXPECT: Claims(body={"/choices/0/finish_reason": {"const": "stop"}}),
    },
)
CASE = Case(suite="benchmark", id="long", title="A long answer", needs=("stream",), steps=(STEP,), stream=(True,))

HOSTILE: dict[str, Callable[[int], Json]] = {
    "content": lambda number: {"content": "x"},
    "an unknown string": lambda number: {"reasoning": "x"},
    "an unknown array": lambda number: {"annotations": [number]},
    "a call more in each chunk, by index": lambda number: {"tool_calls": [{"index": number, "id": f"call_{number}"}]},
    "a call more in each chunk, no index": lambda number: {"tool_calls": [{"id": f"call_{number}"}]},
    "arguments in pieces": lambda number: {"tool_calls": [{"index": 0, "function": {"arguments": "x"}}]},
    "no delta at all": lambda number: None,
}


def main() -> None:
    sheet = Sheet()
    reply = chat_stream(CHUNKS, fingerprint="fp_44709d6fcb")
    streamed = answer.exchange(REQUEST, reply)
    assert isinstance(streamed, ChatStreamed)
    judged = judge.look(CASE, STEP, streamed)
    assert judged.findings == (), judged.findings
    chunks = [chunk.body for chunk in streamed.chunks]
    assert len(chunks) == CHUNKS

    spent = cpu_ms(
        {
            "all": lambda: _judge(reply),
            "events": lambda: sse.decode(reply.frames),
            "json": lambda: [json.loads(event.data) for event in streamed.events[:-1]],
            "exchange": lambda: answer.exchange(REQUEST, reply),
            "contract": lambda: [contract.violations("chunk", chunk) for chunk in chunks],
            "rules": lambda: [list(rule.findings(streamed)) for rule in all_rules() if rule.applies(streamed)],
            "look": lambda: judge.look(CASE, STEP, streamed),
        }
    )
    sheet.line(f"bytes to verdict, {CHUNKS} chunks", spent["all"], "ms", at_most=25)
    sheet.line("  bytes to exchange (decode, parse, assemble)", spent["exchange"], "ms")
    sheet.line("    of these, bytes to events", spent["events"], "ms")
    sheet.line("  exchange to verdict (rules, contract, claims)", spent["look"], "ms")
    sheet.line("    of these, the contract on every chunk", spent["contract"], "ms")
    sheet.line(f"    of these, {len(all_rules())} rules, those that apply", spent["rules"], "ms")
    sheet.line("bytes to verdict, to parsing the JSON alone", spent["all"] / spent["json"], "x")

    noted = chat_stream(CHUNKS)
    alike = _stream(CHUNKS, lambda number: {"content": 0})
    others = iter([_stream(CHUNKS, lambda number, turn=turn: {"content": turn * CHUNKS + number}) for turn in range(3)])
    broken = cpu_ms(
        {
            "noted": lambda: _judge(noted),
            "alike": lambda: _judge(alike),
            "differently": lambda: _judge(next(others)),  # new values each turn, since words are remembered
        },
        turns=3,
    )
    sheet.line(f"bytes to verdict, {CHUNKS} chunks with fingerprint null", broken["noted"], "ms", at_most=25)
    sheet.line(f"bytes to verdict, {CHUNKS} chunks broken alike", broken["alike"], "ms")
    sheet.line(f"bytes to verdict, {CHUNKS} chunks, each broken otherwise", broken["differently"], "ms")

    for name, delta in HOSTILE.items():
        many, few = _stream(MANY, delta), _stream(FEW, delta)
        taken = cpu_ms({"many": lambda of=many: _judge(of), "few": lambda of=few: _judge(of)}, turns=2)
        sheet.line(f"{MANY} to {FEW} chunks, {name}", taken["many"] / taken["few"], "x", at_most=6)
    sheet.finish()


def _judge(reply: Reply) -> object:
    return judge.look(CASE, STEP, answer.exchange(REQUEST, reply))


def _stream(chunks: int, delta: Callable[[int], Json]) -> Reply:
    """That many chunks with the same key in each delta."""
    frames = []
    for number in range(chunks):
        choice = {"index": 0, "delta": delta(number), "logprobs": None, "finish_reason": None}
        document = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        frames.append(Frame(at_ms=float(number), data=b"data: " + json.dumps(document).encode() + b"\n\n"))
    frames.append(Frame(at_ms=float(chunks), data=b"data: [DONE]\n\n"))
    return Reply(status=200, headers=(("content-type", "text/event-stream"),), frames=tuple(frames))


if __name__ == "__main__":
    main()
