"""How the bytes of an event stream are written: what the standard allows is more than what clients read."""

from __future__ import annotations

from harness.choices import cut
from harness.model import ChatStreamed, Event, Evidence, Streamed
from harness.reading import ABSENT, brief, parse
from harness.rule import RECORDED, Problem, Problems, may, must, should

_BYTES = (Evidence.BYTES,)
_FIELDS = (b"data", b"event", b"id", b"retry", b":")


@should(f"{RECORDED}: LF only in 1,655 of 1,655 streams; Perplexity sends CRLF (41 of 41)", needs=_BYTES)
def line_feeds_only(x: Streamed) -> Problems:
    """Lines end with a line feed alone.

    Clients that split the body at two line feeds never see the end of an event, and show everything at once or nothing.

    Clients: Clients that split at "\\n\\n" keep the whole body in one buffer; those after the standard do not mind. No report
    by name.
    Servers: Perplexity in 41 of 41 recorded streams; Windows text modes do it too.
    Fix: Write bytes, not text with translated line ends, and use LF alone.
    """
    others = sorted(x.framing.line_ends - {"\n"})
    if others:
        yield f"lines end with {' and '.join(brief(end) for end in others)}"


@should(f"openai/openai-python#498, davidmigloz/langchain_dart#778, sgl-project/genai-bench#159; {RECORDED}", needs=_BYTES)
def space_after_colon(x: Streamed) -> Problems:
    """A space follows `data:`.

    The standard lets it out; clients that cut off the six characters `data: ` drop every event, or its first brace.

    Clients: openai-python before 1.0, langchain_dart, genai-bench, OpenCodex and Clawith dropped every frame: the reply is
    empty and nothing is reported.
    Servers: Old TGI (14 recorded streams), LongCat, Ant Ling, proxies on Spring.
    Fix: Write six characters, `data: `. In Spring use a text/event-stream writer that adds the space, or write the line
    yourself.
    Sources: tashfeenahmed/freellmapi#1087, lidge-jun/opencodex#1170, dataelement/Clawith#106
    """
    for offset in x.framing.unspaced:
        yield Problem("`data:` without a space", f"bytes {offset}-{offset + 5}")


@must("SillyTavern, public/scripts/sse-stream.js; Azure Foundry ends with one line feed in recordings", needs=_BYTES)
def blank_line_at_end(x: Streamed) -> Problems:
    """The last event ends with a blank line, as any other.

    By the standard an event without it is never dispatched. SillyTavern and browsers drop it: the last words, or `[DONE]`.

    Clients: SillyTavern's EventSourceStream keeps an unfinished event in its buffer and drops it at the end; EventSource
    does so by its standard.
    Servers: Azure AI Foundry (five recorded streams), Cerebras in one, hand-written servers.
    Fix: Write `data: [DONE]\\n\\n`, with both line feeds, before closing.
    """
    tail = x.framing.tail
    if not cut(x) and any(line.startswith(b"data") for line in tail.splitlines()):
        yield Problem(
            f"no blank line after {brief(tail.decode('utf-8', 'replace'))}",
            f"bytes {x.framing.tail_at}-{x.framing.tail_at + len(tail)}",
        )


@must(f"anomalyco/opencode#23442, alexrudall/ruby-openai#338; {RECORDED}: one line in every event", needs=_BYTES)
def one_line_per_event(x: Streamed) -> Problems:
    """Each event has one `data:` line.

    Most clients parse each line by itself: JSON that is spread over several raises, or is dropped piece by piece.

    Clients: ruby-openai and OpenCode parse line by line and stop at the first half of a document.
    Servers: Pretty-printing middleware and buffering proxies, as reported for Z.ai; none in the recordings.
    Fix: Serialize chunks without indentation; where text holds a line feed, JSON's `\\n` keeps it on one line.
    Sources: alexrudall/ruby-openai#332, Routstr/routstr-core#543
    """
    for event in x.events:
        if event.data_lines > 1:
            yield Problem(f"an event of {event.data_lines} data lines", _bytes(event))


@must("ggml-org/llama.cpp#4036, mozilla-ai/llamafile#727; WHATWG HTML, section 9.2.5 (always UTF-8)", needs=_BYTES)
def utf_8(x: Streamed) -> Problems:
    """The bytes are UTF-8.

    Characters that are split over two chunks come out as garbage in Chinese, Japanese or emoji; strict clients end the stream.

    Clients: liter-llm aborts on the first invalid byte; others show "�" in Chinese, Japanese or emoji, and keep it in the
    history.
    Servers: llama.cpp (2023, and again in 2026), llamafile, StackFlow.
    Fix: Keep the bytes of an unfinished character back until the next token completes it, and encode what you write as
    UTF-8 explicitly.
    Sources: ggml-org/llama.cpp#28926, ggml-org/llama.cpp#28724, m5stack/StackFlow#7, xberg-io/liter-llm#152
    """
    for offset in x.framing.invalid_utf8:
        yield Problem(f"bytes {x.reply.content[offset : offset + 4].hex(' ')} are not UTF-8", f"bytes {offset}-{offset + 1}")


@must("openai-python 3.54, _streaming.py (the mark becomes part of the field's name)", needs=_BYTES)
def no_byte_order_mark(x: Streamed) -> Problems:
    """The stream does not begin with a byte order mark.

    Browsers skip it; the decoders of the SDKs read a field `\\ufeffdata`, and so lose the first chunk with the role.

    Clients: openai-python does not find the first `data:` field and so loses the chunk with the role; no case has been
    reported.
    Servers: Not seen in the field; .NET's StreamWriter with Encoding.UTF8 writes one by default.
    Fix: Create the writer with an encoding that has no preamble (`new UTF8Encoding(false)` in .NET).
    """
    if x.framing.bom:
        yield Problem("the stream begins with a byte order mark", "bytes 0-3")


@must(f"{RECORDED}: GPUStack reports failures as a bare line `error: {{…}}`", needs=_BYTES)
def no_stray_lines(x: Streamed) -> Problems:
    """Every line is a comment or one of the fields `data`, `event`, `id`, `retry`.

    Others are ignored by every client: what they say, an error or a chunk without `data:`, is lost in silence.

    Clients: Every parser skips them by the standard, so that an outage looks like a short answer; nothing is ever shown.
    Servers: GPUStack's llama-box, in two recorded streams (`error: {…}` without `data:`).
    Fix: Put `data: ` before the JSON of a failure, end it with a blank line, and follow it with `data: [DONE]`.
    Sources: BerriAI/litellm#40578, BerriAI/litellm#25505, vercel/ai#13506, vercel/ai#17279, exo-explore/exo#1758,
    apache/rocketmq-dashboard#2178, ggml-org/llama.cpp#14566, fr0ster/llm-agent#22
    """
    for offset, line in x.framing.unknown_fields:
        yield Problem(f"the line {brief(line)}", f"bytes {offset}-{offset + len(line.encode('utf-8', 'replace'))}")
    tail = x.framing.tail
    if not cut(x) and tail.strip() and not any(line.startswith(_FIELDS) for line in tail.splitlines()):
        yield Problem(
            f"the line {brief(tail.decode('utf-8', 'replace'))}", f"bytes {x.framing.tail_at}-{x.framing.tail_at + len(tail)}"
        )


@may(
    "docker/docker-agent#2349, brainlid/langchain#569, tmc/langchaingo#1332; OpenRouter sends them in 439 of 945 streams",
    needs=_BYTES,
)
def no_comments(x: Streamed) -> Problems:
    """There are no comment lines.

    They are legal, and a good way to keep a connection alive; naive clients try to parse them as JSON.

    Clients: docker-agent, langchain for Elixir, langchaingo, dive and WorkBuddy fed them to their JSON parsers.
    Servers: OpenRouter (`: OPENROUTER PROCESSING`), DeepSeek (`: keep-alive`), Perplexity (`: ping`), TabbyAPI every 15
    seconds.
    Fix: Nothing has to change, for comments keep proxies from closing an idle connection. If your users' clients are naive,
    send an empty delta instead.
    """
    for offset, comment in x.framing.comments:
        yield Problem(f"the comment {brief(comment)}", f"bytes {offset}-{offset + 1 + len(comment.encode('utf-8', 'replace'))}")


@must("mnfst/llm-gateway#2053, diegosouzapw/OmniRoute#7031, anomalyco/opencode#23442, Routstr/routstr-core#543")
def data_is_json(x: Streamed) -> Problems:
    """The data of each event is one JSON document, or `[DONE]`.

    Clients raise on anything else: two chunks glued into one event, one chunk torn in two, a keep-alive comment that a
    proxy put behind `data:`.

    Clients: openai-node throws on a comment that came behind `data:`; OpenCode, ruby-openai and SillyTavern end the stream
    at JSON that is torn or doubled.
    Servers: mnfst's gateway and OmniRoute (comments), Z.ai with GLM-5.1 and buffering proxies (two events on a line).
    Fix: Serialize each chunk by itself and write it with its two line feeds in one call; relay comment lines untouched.
    Sources: docker/docker-agent#2349, brainlid/langchain#569, tmc/langchaingo#1332, deepnoodle-ai/dive#206
    """
    known = {chunk.event for chunk in x.chunks}
    for position, event in enumerate(x.events):
        if position not in known and event.data != "[DONE]" and parse(event.data) is ABSENT:
            yield Problem(f"the data {brief(event.data)}", _bytes(event))


@should(f"{RECORDED}: no `event:` line in 1,655 streams; Groq fails with `event: error`; jjang-ai/vmlx#219", needs=_BYTES)
def no_named_events(x: ChatStreamed) -> Problems:
    """No event has a name of its own.

    `onmessage` of EventSource and clients like it never see a named event: vendor events, and errors sent as `event: error`.

    Clients: EventSource's `onmessage` stays silent for them, and no client was found that shows vMLX's tool events;
    openai-python reads the data of `error` alone.
    Servers: Groq (`event: error`, then no `[DONE]`), vMLX (`tool_call_generating`).
    Fix: Leave `event:` out, and send what you have to say as an ordinary chunk or as `{"error": …}`.
    """
    for event in x.events:
        if event.event != "message":
            yield Problem(f"an event named {brief(event.event)}", _bytes(event))


def _bytes(event: Event) -> str:
    return f"bytes {event.start}-{event.end}"
