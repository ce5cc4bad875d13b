"""From what the model wants to say to what it says: sampling parameters, stop sequences and limits, token by token."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.model import Json
from harness.reading import arr, get, integer, obj, objects, text
from harness.reference import tokens
from harness.reference.answer import Answer, Asked, Call, Scored, Turn, Usage, fraction, letters
from harness.reference.brain import Wish, wish
from harness.reference.conversation import texts
from harness.reference.moderation import moderated
from harness.reference.refusal import Refusal
from harness.reference.validate import CONTEXT, THINKER

FIRST_DAY: Final = 1_790_000_000
"""`created` of the first answer; each later one is a second younger."""

_DROWNS: Final = 50
"""A bias that no other token stands up to, whichever way."""

_TIRED: Final = 20.0
"""The penalty at which the model would rather end than say a token once more."""

_IMAGE: Final = 85  # tokens
_EFFORT: Final = {"low": 16, "medium": 32, "high": 64, "xhigh": 128, "max": 256}
_THOROUGH: Final = {"low": 300, "medium": 600, "high": 1200, "xhigh": 1800, "max": 2400}
"""Tokens that the model spends on thinking at each effort; the thorough one at `medium` where none is named."""


@dataclass(frozen=True, slots=True)
class _Limits:
    most: int | None
    stops: list[str]


def answer(asked: Asked, model: str) -> Answer:
    """The whole answer to a request that was found to be right. Raises Refusal where it does not fit the context."""
    body = asked.body
    prompt = prompt_tokens(body)
    limit = integer(body.get("max_completion_tokens")) or integer(body.get("max_tokens"))
    if prompt + (limit or 0) > CONTEXT:
        said = (
            f"This model's maximum context length is {CONTEXT} tokens, and you asked for {prompt + (limit or 0)}: "
            f"{prompt} in the messages, {limit or 0} in the completion."
        )
        raise Refusal(said, param="messages", code="context_length_exceeded")
    reasoning = _thought(body)
    reasoning = reasoning if limit is None else min(reasoning, limit)
    stop = body.get("stop")
    limits = _Limits(
        None if limit is None else limit - reasoning, [text(word) for word in ([stop] if isinstance(stop, str) else arr(stop))]
    )
    turns = tuple(_turn(asked, index, limits) for index in range(integer(body.get("n")) or 1))
    texts_said = [turn.text for turn in turns if turn.text is not None]
    spoken = sum(len(turn.tokens or ()) + sum(len(call.tokens) for call in turn.calls) for turn in turns)
    tier = text(body.get("service_tier"))
    return Answer(
        id=f"chatcmpl-{letters(29, asked.serial, body)}",
        created=FIRST_DAY + asked.serial,
        model=model,
        turns=turns,
        usage=Usage(
            prompt=prompt,
            completion=spoken + reasoning * len(turns),
            reasoning=reasoning * len(turns),
            accepted=_predicted(body, turns[0]),
        ),
        service_tier={"": "default", "auto": "default", "fast": "priority"}.get(tier, tier),
        moderation=moderated(obj(body.get("moderation")), texts_said) if body.get("moderation") else None,
    )


def _thought(body: Mapping[str, Json]) -> int:
    """How many tokens the model would think before it answers."""
    thorough = body.get("model") == THINKER
    effort = text(body.get("reasoning_effort")) or ("medium" if thorough else "none")
    return (_THOROUGH if thorough else _EFFORT).get(effort, 0)


def prompt_tokens(body: Mapping[str, Json]) -> int:
    """What a request costs before a word is said: the same streamed or not."""
    counted = 3
    for _, message in objects(body.get("messages")):
        counted += 3 + sum(tokens.count(said) for said in texts(message))
        counted += sum(_IMAGE for part in arr(message.get("content")) if get(part, "type") != "text")
        for key in ("name", "tool_calls", "function_call"):
            if message.get(key):
                counted += _cost(message[key])
    return counted + sum(_cost(body[key]) for key in ("tools", "functions", "response_format") if body.get(key))


def _cost(value: Json) -> int:
    return tokens.count(json.dumps(value, ensure_ascii=False))


def _predicted(body: Mapping[str, Json], turn: Turn) -> int:
    """How many tokens of the predicted text were right, from the start."""
    predicted = obj(body.get("prediction")).get("content")
    said = predicted if isinstance(predicted, str) else "".join(text(part.get("text")) for _, part in objects(predicted))
    right = 0
    for guess, token in zip(tokens.split(said), turn.tokens or (), strict=False):
        if guess != token:
            break
        right += 1
    return right


# ---------------------------------------------------------------- one choice


def _turn(asked: Asked, index: int, limits: _Limits) -> Turn:
    body = asked.body
    if limits.most == 0:  # the thoughts took it all
        return Turn(tokens=(), finish="length")
    wanted = wish(body, _chance(asked, index))
    if wanted.said is None:
        return _calling(asked, index, wanted, limits)
    said, finish = _sampled(tokens.split(wanted.said), body)
    said, finish = _limited(said, finish, limits)
    whole = "".join(said)
    return Turn(
        tokens=tuple(said),
        scores=_scores(said, body) if body.get("logprobs") is True else None,
        annotations=(_citation(whole),) if isinstance(body.get("web_search_options"), dict) and whole else (),
        finish=finish,
    )


def _chance(asked: Asked, index: int) -> object:
    """What a text may depend on beside the question: the seed, nothing at all, or when it was asked."""
    temperature, top_p, seed = (asked.body.get(name) for name in ("temperature", "top_p", "seed"))
    if temperature == 0 or (isinstance(top_p, float | int) and top_p <= 0.01):
        return "likeliest"
    return ("seed", seed, index) if seed is not None else ("request", asked.serial, index)


def _sampled(wanted: list[str], body: Mapping[str, Json]) -> tuple[list[str], str]:
    """The tokens that bias and penalties leave, and how they end without a limit."""
    bias = {int(key): value for key, value in obj(body.get("logit_bias")).items() if isinstance(value, int | float)}
    loudest = max(bias, key=lambda key: bias[key], default=None)
    if loudest is not None and bias[loudest] >= _DROWNS:
        return [tokens.spelled(loudest)] * 1024, "length"
    left = [token for token in wanted if bias.get(tokens.number(token), 0) > -_DROWNS]
    frequency, presence = (_number(body.get(name)) for name in ("frequency_penalty", "presence_penalty"))
    seen: Counter[str] = Counter()
    for place, token in enumerate(left):
        if seen[token] and frequency * seen[token] + presence >= _TIRED:
            return left[:place], "stop"
        seen[token] += 1
    return left, "stop"


def _number(value: Json) -> float:
    return value if isinstance(value, int | float) else 0


def _limited(said: list[str], finish: str, limits: _Limits) -> tuple[list[str], str]:
    """The tokens up to the first stop sequence or to the limit, whichever comes first."""
    if limits.most is not None and len(said) > limits.most:
        said, finish = said[: max(0, limits.most)], "length"
    whole = "".join(said)
    ends = [place for place in (whole.find(word) for word in limits.stops if word) if place >= 0]
    if not ends:
        return said, finish
    left: list[str] = []
    room = min(ends)
    for token in said:
        if room <= 0:
            break
        left.append(token[:room])
        room -= len(token)
    return left, "stop"


def _scores(said: list[str], body: Mapping[str, Json]) -> tuple[Scored, ...]:
    """Log probabilities that look like those of a sure model: each token the likeliest at its place."""
    wanted = integer(body.get("top_logprobs")) or 0
    scores: list[Scored] = []
    for place, token in enumerate(said):
        logprob = -round(fraction("logprob", place, token) / 4, 6)
        others = [(token, logprob)]
        below = logprob
        while len(others) < wanted:
            below = round(below - 1 - 4 * fraction("below", place, token, len(others)), 6)
            other = int(fraction("other", place, token, len(others)) * tokens.VOCABULARY)
            others.append((tokens.spelled(other), below))
        scores.append(Scored(token=token, logprob=logprob, others=tuple(others[:wanted])))
    return tuple(scores)


def _citation(whole: str) -> Json:
    place: dict[str, Json] = {"start_index": 0, "end_index": len(whole), "url": "https://example.org/", "title": "An example"}
    return {"type": "url_citation", "url_citation": place}


def _calling(asked: Asked, index: int, wanted: Wish, limits: _Limits) -> Turn:
    calls: list[Call] = []
    room = limits.most
    finish = "stop" if wanted.forced else "function_call" if wanted.legacy else "tool_calls"
    for place, (kind, name, written) in enumerate(wanted.calls):
        spelled = tokens.split(written)
        if room is not None and len(spelled) > room:
            spelled, finish = spelled[: max(0, room)], "length"
        calls.append(
            Call(id=f"call_{letters(24, asked.serial, index, place, asked.body)}", kind=kind, name=name, tokens=tuple(spelled))
        )
        if finish == "length":
            break
        room = None if room is None else room - len(spelled)
    return Turn(tokens=None, calls=tuple(calls), legacy=wanted.legacy, finish=finish)
