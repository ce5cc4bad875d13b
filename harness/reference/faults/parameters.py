"""Parameters that have no effect, or that are refused though every client sends them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from harness.model import Json
from harness.reading import arr, integer, obj, text
from harness.reference import tokens
from harness.reference.answer import Answer, Asked
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal, wrong_type


def _without(body: dict[str, Json], *names: str) -> dict[str, Json]:
    return {name: value for name, value in body.items() if name not in names}


def _refuse(body: dict[str, Json], names: Iterable[str]) -> dict[str, Json]:
    for name in names:
        if name in body:
            raise Refusal(f"Extra inputs are not permitted: {name}", param=name)
    return body


@fault(Stage.ASKED, caught_by=["asked.stop-is-not-in-the-text"], field=["stop-excluded", "stop-string-and-array"])
def ignores_stop(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`stop` has no effect (bridges)."""
    return _without(body, "stop")


@fault(Stage.ASKED, caught_by=["asked.stop-is-not-in-the-text"], field=["stop-string-and-array"])
def takes_stop_as_a_list_alone(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A single stop sequence that is no list has no effect (typed bridges)."""
    return body if isinstance(body.get("stop"), list) else _without(body, "stop")


@fault(Stage.ASKED, caught_by=["stop/list"], field=["stop-string-and-array"])
def refuses_a_list_of_stops(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for more than one stop sequence (bridges to APIs with one)."""
    if len(arr(body.get("stop"))) > 1:
        raise wrong_type("stop", "a string", body["stop"])
    return body


@fault(Stage.ANSWER, caught_by=["asked.stop-is-not-in-the-text"], field=["stop-excluded"])
def ends_with_the_stop_sequence(answer: Answer, asked: Asked) -> Answer:
    """The text ends with the stop sequence (FastChat, MLX servers)."""
    stops = asked.body.get("stop")
    first = text(stops) or text(next(iter(arr(stops)), ""))
    if not first:
        return answer
    return _with_more(answer, first)


@fault(Stage.ANSWER, caught_by=["stop/phrase"], field=["stop-excluded"])
def ends_with_half_a_stop_sequence(answer: Answer, asked: Asked) -> Answer:
    """The first word of a stop phrase is sent before the second is known (FastChat, llama.cpp)."""
    stops = [said for said in arr(asked.body.get("stop")) if " " in text(said)]
    return _with_more(answer, text(stops[0]).split(" ", 1)[0]) if stops else answer


def _with_more(answer: Answer, more: str) -> Answer:
    """The answer with more text behind each choice that ended by itself."""
    return replace(
        answer,
        turns=tuple(
            turn if turn.tokens is None or turn.finish != "stop" else replace(turn, tokens=(*turn.tokens, more), scores=None)
            for turn in answer.turns
        ),
    )


@fault(Stage.ASKED, caught_by=["asked.tokens-are-limited"], field=["max-completion-tokens", "max-tokens-legacy"])
def ignores_every_limit(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Neither `max_tokens` nor `max_completion_tokens` has an effect (small servers)."""
    return _without(body, "max_tokens", "max_completion_tokens")


@fault(Stage.ASKED, caught_by=["asked.tokens-are-limited"], field=["max-completion-tokens"])
def ignores_max_completion_tokens(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """The newer name of the limit has no effect (llama-cpp-python)."""
    return _without(body, "max_completion_tokens")


@fault(Stage.ASKED, caught_by=["limits/max-completion-tokens", "limits/other-null"], field=["max-completion-tokens"])
def refuses_max_completion_tokens(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for the newer name of the limit (Mistral)."""
    return _refuse(body, ["max_completion_tokens"])


@fault(Stage.ASKED, caught_by=["asked.tokens-are-limited"], field=["max-tokens-legacy"])
def ignores_max_tokens(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """The older name of the limit has no effect (servers that were written last year)."""
    return _without(body, "max_tokens")


@fault(Stage.ASKED, caught_by=["limits/no-limit"], field=["finish-length"])
def has_a_small_limit_of_its_own(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """Without a limit an answer ends after 128 tokens (servers with a small default)."""
    return body if "max_tokens" in body or "max_completion_tokens" in body else {**body, "max_tokens": 128}


@fault(Stage.ASKED, caught_by=["limits/too-large"], field=["max-tokens-too-large"])
def answers_nothing_to_a_large_limit(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A limit beyond the context leaves no room for a word (TGI, lmdeploy)."""
    limit = integer(body.get("max_tokens")) or 0
    return {**body, "max_tokens": 1, "reasoning_effort": "max"} if limit > 100_000 else body


@fault(Stage.ASKED, caught_by=["limits/negative", "limits/zero"])
def takes_a_negative_limit_for_one(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """A limit below zero becomes one token (Portkey)."""
    return {
        name: 1 if name in ("max_tokens", "max_completion_tokens") and isinstance(value, int) and value < 1 else value
        for name, value in body.items()
    }


@fault(
    Stage.ASKED,
    caught_by=[
        "choices/each-cut",
        "choices/none",
        "choices/two",
        "logprobs/each-choice",
    ],
    field=["n-honoured"],
)
def ignores_n(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """One choice, whatever `n` says (llama-cpp-python, Ollama)."""
    return _without(body, "n")


@fault(
    Stage.ASKED,
    caught_by=[
        "basic/nulls",
        "choices/each-cut",
        "choices/one",
        "choices/two",
        "logprobs/each-choice",
    ],
    field=["n-honoured"],
)
def refuses_n(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `n`, even for 1 (Anthropic's bridge)."""
    return _refuse(body, ["n"])


@fault(Stage.ANSWER, caught_by=["choices/each-cut"])
def cuts_the_first_choice_alone(answer: Answer, asked: Asked) -> Answer:
    """The limit is one for all choices: the first says `length`, the others `stop` (servers that loop)."""
    return replace(answer, turns=(*answer.turns[:1], *(replace(turn, finish="stop") for turn in answer.turns[1:])))


@fault(Stage.ASKED, caught_by=["sampling/seed"], field=["seed-accepted"])
def ignores_seed(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`seed` has no effect (Anthropic's bridge)."""
    return _without(body, "seed")


@fault(Stage.ASKED, caught_by=["sampling/temperature-zero"], field=["temperature-0-deterministic"])
def ignores_temperature(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`temperature` has no effect (agents behind an API)."""
    return _without(body, "temperature") if body.get("temperature") in (0, 1) else body


@fault(Stage.ASKED, caught_by=["sampling/top-p"])
def ignores_top_p(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`top_p` has no effect (bridges)."""
    return _without(body, "top_p")


@fault(Stage.ASKED, caught_by=["sampling/frequency-penalty"])
def ignores_penalties(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`frequency_penalty` and `presence_penalty` have no effect (most servers of one's own)."""
    return _without(body, "frequency_penalty", "presence_penalty")


@fault(Stage.ASKED, caught_by=["sampling/logit-bias"], field=["logit-bias-accepted"])
def ignores_logit_bias(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`logit_bias` has no effect (Anthropic's bridge, Ollama)."""
    return _without(body, "logit_bias")


@fault(Stage.ASKED, caught_by=["basic/nulls", "sampling/frequency-penalty", "sampling/penalties-off"], field=["unknown-params"])
def refuses_penalties(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a penalty, even of 0 (Gemini's bridge)."""
    return _refuse(body, ["frequency_penalty", "presence_penalty"])


@fault(Stage.ASKED, caught_by=["basic/nulls", "sampling/logit-bias", "sampling/logit-bias-empty"], field=["logit-bias-accepted"])
def refuses_logit_bias(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `logit_bias`, even without a token in it (Groq)."""
    return _refuse(body, ["logit_bias"])


@fault(Stage.ASKED, caught_by=["basic/nulls", "limits/other-null"])
def refuses_null(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a parameter that is null (typed servers)."""
    for name, value in body.items():
        if value is None:
            raise wrong_type(name, "a value", value)
    return body


@fault(Stage.ASKED, caught_by=["parameters/metadata", "parameters/store", "parameters/user"], field=["unknown-params"])
def refuses_bookkeeping(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `user` and `store` (Mistral)."""
    return _refuse(body, ["user", "store"])


@fault(
    Stage.ASKED,
    caught_by=[
        "context-overflow/streamed",
        "reasoning/counted-streamed",
        "streaming/no-obfuscation",
        "usage/streamed",
        "usage/streamed-equals-plain",
    ],
    field=["usage-stream-options-accepted"],
)
def refuses_stream_options(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `stream_options` (older bridges)."""
    return _refuse(body, ["stream_options"])


@fault(Stage.ASKED, caught_by=["structured-output/text"])
def refuses_the_text_format(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `response_format: {"type": "text"}` (servers that know JSON formats alone)."""
    if obj(body.get("response_format")).get("type") == "text":
        raise Refusal("'response_format.type' must be 'json_schema' or 'json_object'")
    return body


@fault(Stage.ASKED, caught_by=["structured-output/json-object"], field=["rf-json-object"])
def refuses_json_object(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `json_object`: only `json_schema` or `text` (LM Studio)."""
    if obj(body.get("response_format")).get("type") == "json_object":
        raise Refusal("'response_format.type' must be 'json_schema' or 'text'")
    return body


@fault(
    Stage.ASKED,
    caught_by=[
        "tools/allowed",
        "tools/custom",
        "tools/named",
        "tools/no-parameters",
        "tools/strict",
        "unicode/tool-keys",
        "unicode/tool-values",
    ],
    field=["tool-choice-named-object"],
)
def refuses_a_named_tool(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for a `tool_choice` that is an object (LM Studio)."""
    if isinstance(body.get("tool_choice"), dict):
        raise wrong_type("tool_choice", "a string", body["tool_choice"])
    return body


@fault(Stage.ANSWER, caught_by=["asked.strict-schema-is-followed"], field=["rf-json-schema-minmax"])
def numbers_leave_their_bounds(answer: Answer, asked: Asked) -> Answer:
    """`minimum` and `maximum` of a schema are dropped (grammar compilers)."""
    if obj(asked.body.get("response_format")).get("type") != "json_schema":
        return answer
    return replace(
        answer,
        turns=tuple(
            turn if turn.text is None else replace(turn, tokens=tuple(tokens.split(turn.text.replace(":100", ":5"))))
            for turn in answer.turns
        ),
    )
