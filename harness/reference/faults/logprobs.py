"""Log probabilities that are missing, or of another API."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json
from harness.reading import arr, objects
from harness.reference.answer import Answer, Asked
from harness.reference.fault import Stage, fault
from harness.reference.inside import choices, scores


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


@fault(Stage.ANSWER, caught_by=["sampling/logprobs", "sampling/logprobs-alone"], field=["logprobs-unsupported-signal"])
def ignores_logprobs(answer: Answer, asked: Asked) -> Answer:
    """`logprobs` has no effect: null (mistral.rs, bridges)."""
    return replace(answer, turns=tuple(replace(turn, scores=None) for turn in answer.turns))


@fault(Stage.DOCUMENT, caught_by=["sampling/logprobs"])
def too_few_alternatives(document: Json, asked: Asked) -> Json:
    """`top_logprobs` is taken, and only the chosen token is told (bridges with a limit of one)."""
    for item in scores(document):
        item["top_logprobs"] = arr(item["top_logprobs"])[:1]
    return document
