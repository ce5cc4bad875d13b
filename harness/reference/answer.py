"""What the reference model says, before it is written down: choices made of tokens, and what they cost."""

from __future__ import annotations

import hashlib
import string
from dataclasses import dataclass
from typing import Final

from harness.model import Json, Request
from harness.reading import obj

_ALPHABET: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What else goes on at the server when a request comes. A server that does right needs to know none of it.

    `beside` are the requests that are being answered; `left`, those whose clients went before their answer was complete,
    as long as no other answer has been completed since.
    """

    beside: tuple[Request, ...] = ()
    left: tuple[Request, ...] = ()


ALONE: Final = Around()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an answer is made for: the request, its body as the server takes it, and how many requests came before."""

    request: Request
    body: dict[str, Json]
    serial: int
    around: Around = ALONE

    @property
    def streamed(self) -> bool:
        """Is a stream wanted?"""
        return self.body.get("stream") is True

    @property
    def usage_chunk(self) -> bool:
        """Is a last chunk with the usage wanted?"""
        return obj(self.body.get("stream_options")).get("include_usage") is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A token with its log probability, and those of others that could have stood there, likeliest first."""

    token: str
    logprob: float
    others: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call. `tokens` join to the arguments of a function, or to the input of a custom tool."""

    id: str
    kind: str  # function or custom
    name: str
    tokens: tuple[str, ...]

    @property
    def text(self) -> str:
        """The arguments or the input."""
        return "".join(self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One choice: a text or calls. `scores` has an entry for each token where log probabilities were asked for.

    `thoughts` are those that are shown, as `reasoning_content`: none, as with OpenAI, but for some look-alikes and faults.
    """

    tokens: tuple[str, ...] | None
    thoughts: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    legacy: bool = False  # the call is a `function_call`, as in 2023
    scores: tuple[Scored, ...] | None = None
    annotations: tuple[Json, ...] = ()
    finish: str = "stop"

    @property
    def text(self) -> str | None:
        """Its text, or None where it calls."""
        return None if self.tokens is None else "".join(self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts. `reasoning`, `accepted` and `rejected` are part of `completion`."""

    prompt: int
    completion: int
    reasoning: int = 0
    accepted: int = 0
    rejected: int = 0

    def document(self) -> dict[str, Json]:
        """As the API writes it."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": self.accepted,
                "rejected_prediction_tokens": self.rejected,
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer."""

    id: str
    created: int
    model: str
    turns: tuple[Turn, ...]
    usage: Usage
    service_tier: str = "default"
    fingerprint: str = "fp_0a1b2c3d4e"
    moderation: Json = None


def letters(length: int, *of: object) -> str:
    """Letters and digits that look random and depend on nothing but `of`."""
    written = ""
    block = 0
    while len(written) < length:
        digest = hashlib.sha256(repr((block, *of)).encode("utf-8", "surrogatepass")).digest()
        written += "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest)
        block += 1
    return written[:length]


def fraction(*of: object) -> float:
    """A number from 0 to 1 that looks random and depends on nothing but `of`."""
    digest = hashlib.sha256(repr(of).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
