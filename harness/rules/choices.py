"""The array of choices: that it is there, and which choice is which."""

from __future__ import annotations

from harness import asked
from harness.choices import answers, parts
from harness.model import ChatCompleted, ChatStreamed, Evidence
from harness.reading import arr, brief, get, integer, obj
from harness.rule import DOCUMENT, RECORDED, Problem, Problems, must


@must("UKGovernmentBEIS/inspect_ai#3687, lmstudio-ai/lmstudio-bug-tracker#266", instead_of=["/choices"])
def there_is_one(x: ChatCompleted) -> Problems:
    """An answer has at least one choice.

    Every client reads `choices[0]`, and raises there.
    """
    body = obj(x.body)
    if not arr(body.get("choices")) and not body.get("error"):
        yield Problem(f"choices is {brief(body.get('choices'))}", "/choices")


@must("vercel/ai#4031, microsoft/foundry-local#144; SillyTavern, public/scripts/tool-calling.js", instead_of=["/choices/*/index"])
def index_is_an_integer(x: ChatCompleted | ChatStreamed) -> Problems:
    """Each choice has an integer `index`.

    The AI SDK refuses the document without it, and SillyTavern drops the tool calls.
    """
    for choice in parts(x):
        index = integer(choice.said.get("index"))
        if index is None or index < 0:
            yield Problem(f"index is {brief(choice.said.get('index'))}", f"{choice.at}/index")


@must("microsoft/foundry-local#144, InternLM/lmdeploy#4419; SillyTavern, public/scripts/openai.js", needs=[Evidence.REQUEST])
def index_is_within_n(x: ChatCompleted | ChatStreamed) -> Problems:
    """With `n` choices asked for, indexes go from 0 to n - 1; without `n` each is 0.

    SillyTavern shows a text with a higher index as an alternative, so that the answer looks empty.
    """
    n = asked.choices(x.request)
    for choice in parts(x):
        if choice.index >= n:
            yield Problem(f"index is {choice.index}, and {n} was asked for", f"{choice.at}/index")


@must(f"{DOCUMENT}, CreateChatCompletionResponse (the index of the choice in the list); {RECORDED}: all with n > 1")
def indexes_differ(x: ChatCompleted) -> Problems:
    """No two choices have one index.

    Clients sort alternatives by index: one overwrites the other.
    """
    seen: set[int] = set()
    for choice in answers(x):
        index = integer(get(choice.said, "index"))
        if index is not None and index in seen:
            yield Problem(f"index {index} again", f"{choice.at}/index")
        seen |= {index} if index is not None else set()
