"""Log probabilities that are missing, or of another API."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json
from harness.reading import arr, integer, objects
from harness.reference.answer import Answer, Asked
from harness.reference.fault import Stage, fault
from harness.reference.inside import choices, scores
from harness.reference.refusal import Refusal, wrong_value


@fault(Stage.COMPLETION, caught_by=["logprobs.have-the-shape-of-chat"], field=["logprobs-chat-shape"])
def logprobs_of_the_old_completions(document: Json, asked: Asked) -> Json:
    """`{"tokens", "token_logprobs"}` (llama-cpp-python, vLLM of 2024)."""
    for choice in choices(document):
        if choice.get("logprobs"):
            choice["logprobs"] = {"tokens": ["hi"], "token_logprobs": [-0.1], "text_offset": [0], "top_logprobs": [{}]}
    return document


@fault(Stage.DOCUMENT, caught_by=["logprobs.are-not-positive"])
def probabilities_for_logprobs(document: Json, asked: Asked) -> Json:
    """Probabilities from 0 to 1 (servers that skip the logarithm)."""
    for item in scores(document):
        item["logprob"] = 0.97
    return document


@fault(Stage.DOCUMENT, caught_by=["logprobs.are-as-many-as-asked"])
def more_alternatives_than_asked(document: Json, asked: Asked) -> Json:
    """One alternative too many: the chosen token is not counted."""
    for item in scores(document):
        alternatives = arr(item["top_logprobs"])
        alternatives.extend(dict(other) for _, other in list(objects(alternatives))[:1])
        if not alternatives:
            alternatives.append({"token": item["token"], "logprob": item["logprob"], "bytes": item["bytes"]})
    return document


@fault(Stage.DOCUMENT, caught_by=["logprobs.spell-the-content"])
def raw_tokens_of_the_vocabulary(document: Json, asked: Asked) -> Json:
    """Tokens as the vocabulary spells them, `Ġhello` (servers on Hugging Face tokenizers)."""
    for item in scores(document):
        token = f"Ġ{str(item['token']).strip()}"
        item["token"], item["bytes"] = token, list(token.encode())
    return document


@fault(
    Stage.ANSWER,
    caught_by=[
        "logprobs/alone",
        "logprobs/alternatives",
        "logprobs/each-choice",
        "logprobs/most",
        "logprobs/no-alternatives",
    ],
    field=["logprobs-unsupported-signal"],
)
def ignores_logprobs(answer: Answer, asked: Asked) -> Answer:
    """`logprobs` has no effect: null (mistral.rs, bridges)."""
    return replace(answer, turns=tuple(replace(turn, scores=None) for turn in answer.turns))


@fault(Stage.DOCUMENT, caught_by=["logprobs/alternatives", "logprobs/most"])
def too_few_alternatives(document: Json, asked: Asked) -> Json:
    """`top_logprobs` is taken, and only the chosen token is told (bridges with a limit of one)."""
    for item in scores(document):
        item["top_logprobs"] = arr(item["top_logprobs"])[:1]
    return document


@fault(Stage.DOCUMENT, caught_by=["logprobs/most"])
def at_most_five_alternatives(document: Json, asked: Asked) -> Json:
    """No more than five alternatives, however many were asked for (servers that kept OpenAI's limit of 2023)."""
    for item in scores(document):
        item["top_logprobs"] = arr(item["top_logprobs"])[:5]
    return document


@fault(Stage.ASKED, caught_by=["logprobs/alone", "logprobs/each-choice"], field=["logprobs-without-top"])
def refuses_logprobs_alone(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `logprobs` without `top_logprobs` (vLLM of 2024)."""
    if body.get("logprobs") is True and "top_logprobs" not in body:
        raise Refusal("when using `logprobs`, `top_logprobs` must be set", param="top_logprobs")
    return body


@fault(Stage.ASKED, caught_by=["logprobs/no-alternatives"])
def refuses_zero_alternatives(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """400 for `top_logprobs: 0` (validators whose range begins at 1)."""
    if body.get("top_logprobs") == 0:
        raise wrong_value("top_logprobs", "Input should be greater than or equal to 1")
    return body


@fault(Stage.ASKED, caught_by=["logprobs/alternatives-without"])
def alternatives_alone_mean_nothing(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """`top_logprobs` without `logprobs` has no effect (llama.cpp, bridges)."""
    if body.get("logprobs") is True:
        return body
    return {name: value for name, value in body.items() if name != "top_logprobs"}


@fault(Stage.ASKED, caught_by=["logprobs/too-many"])
def lowers_the_number_of_alternatives(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """More alternatives than there can be are as many as there can be (local servers)."""
    wanted = integer(body.get("top_logprobs"))
    return body if wanted is None else {**body, "top_logprobs": min(wanted, 20)}


@fault(Stage.ANSWER, caught_by=["logprobs/each-choice"])
def scores_the_first_choice_alone(answer: Answer, asked: Asked) -> Answer:
    """Of several choices the first has log probabilities (loops that add them to `choices[0]`)."""
    return replace(answer, turns=(*answer.turns[:1], *(replace(turn, scores=None) for turn in answer.turns[1:])))
