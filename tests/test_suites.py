"""The shipped suites: they load, they are what they say, and each case earns its place."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator

from harness import load
from harness.model import Case, Json, Kind, Step, Suite

SUITES = [
    "auth",
    "basic",
    "choices",
    "concurrency",
    "context-overflow",
    "conversation",
    "cors",
    "errors",
    "extras",
    "functions",
    "limits",
    "logprobs",
    "models",
    "parameters",
    "probe",
    "reasoning",
    "sampling",
    "second-turn",
    "stop",
    "streaming",
    "structured-output",
    "tools",
    "transport",
    "unicode",
    "usage",
    "vision",
]

# The request parameters of the published document, the deprecated ones too.
PUBLISHED = {
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
}
RENAMED = "$max_tokens"  # becomes the token field of the endpoint's profile
EXACTLY = "$max_tokens_exactly"  # the same, without room to think
PADDING = "$padding"  # blanks before the body, and no parameter
EXTRA = {  # case → parameters that are not OpenAI's, on purpose
    "extras/control": {"no_such_parameter_xyz"},
    "extras/local-samplers": {"top_k", "min_p", "top_a", "typical_p", "tfs", "repetition_penalty"},
    "extras/top-k": {"top_k"},
    "extras/min-p": {"min_p"},
    "extras/repetition-penalty": {"repetition_penalty"},
    "extras/extra-body": {"extra_body"},
}
# What the answer would show if a server took the parameter and then did nothing with it.
SILENT = {
    RENAMED,
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "response_format",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "top_logprobs",
    "top_p",
    "verbosity",
    "web_search_options",
}


@functools.cache
def shipped() -> tuple[Suite, ...]:
    return load.suites()


def cases() -> Iterator[Case]:
    for suite in shipped():
        yield from suite.cases


def steps() -> Iterator[tuple[Case, Step]]:
    for case in cases():
        for step in case.steps:
            yield case, step


def unfolded_once(content: Json) -> Json:
    """A long text as it is without its repetitions."""
    said = content.get("$repeat") if isinstance(content, dict) else None
    if not isinstance(said, dict):
        return content
    return " ".join(str(said[key]).strip() for key in ("before", "after") if key in said) or None


def requests() -> Iterator[tuple[Case, Step, dict[str, Json]]]:
    for case, step in steps():
        if step.request is not None:
            yield case, step, step.request


def walk(value: Json) -> Iterator[Json]:
    yield value
    if isinstance(value, dict):
        for part in value.values():
            yield from walk(part)
    if isinstance(value, list):
        for part in value:
            yield from walk(part)


def fragments(step: Step, *kinds: Kind) -> Iterator[tuple[str, Json]]:
    """What a step claims of bodies and chunks, of some kinds or all: pointer and fragment."""
    for kind, claims in step.claims.items():
        if not kinds or kind in kinds:
            yield from claims.body.items()
            yield from claims.chunks.items()


def test_every_suite_is_there_under_the_name_of_its_file() -> None:
    assert [(name, f"{name}.yaml") for name in SUITES] == [(suite.id, suite.file.rsplit("/", 1)[-1]) for suite in shipped()]


def test_there_are_enough_cases_and_no_path_twice() -> None:
    paths = [case.path for case in cases()]
    assert [] == [path for path, times in Counter(paths).items() if times > 1]
    assert 160 <= len(paths) <= 260


def test_titles_are_sentences_that_state_a_requirement() -> None:
    titles = {case.path: case.title for case in cases()}
    assert [] == [path for path, title in titles.items() if not re.fullmatch(r"[A-Z`\"0-9].*[^.]", title)]
    assert [] == [path for path, title in titles.items() if len(title.split()) < 5 or len(title) > 110]
    assert [] == [title for title, times in Counter(titles.values()).items() if times > 1]


def test_features_read_as_rows_of_one_table() -> None:
    features = [feature for suite in shipped() for feature in suite.features]
    assert [] == [name for name, times in Counter(feature.id for feature in features).items() if times > 1]
    assert [] == [name for name, times in Counter(feature.title for feature in features).items() if times > 1]
    assert [] == [feature.title for feature in features if len(feature.title) > 75]


def test_every_feature_is_under_test_somewhere_and_has_a_base_case_in_its_own_suite() -> None:
    homes = {feature.id: suite.id for suite in shipped() for feature in suite.features}
    first: dict[str, Case] = {}
    for case in cases():
        first.setdefault(case.feature, case)
    assert homes == {name: case.suite for name, case in first.items()}


def test_prerequisites_are_features_and_never_lead_back_to_themselves() -> None:
    base: dict[str, Case] = {}
    for case in cases():
        base.setdefault(case.feature, case)

    def ancestors(feature: str, below: tuple[str, ...] = ()) -> set[str]:
        assert feature not in below, " ← ".join((*below, feature))
        found = set(base[feature].needs[:-1])
        return found.union(*(ancestors(need, (*below, feature)) for need in found))

    assert [] == [case.path for case in cases() if case.feature in {*case.needs[:-1], *ancestors(case.feature)}]


def test_no_two_cases_send_the_same_and_claim_the_same() -> None:
    said = Counter(
        repr([(step.request, step.http, step.hang_up, sorted(step.claims.items(), key=str)) for step in case.steps])
        for case in cases()
    )
    assert [] == [what for what, times in said.items() if times > 1]


def test_every_case_claims_something_that_must_hold() -> None:
    binding = {Kind.EFFECT, Kind.EXPECT, Kind.PREFER}
    assert [] == [case.path for case in cases() if not any(binding & set(step.claims) for step in case.steps)]


def test_the_last_step_of_a_conversation_is_where_it_is_decided() -> None:
    binding = {Kind.EFFECT, Kind.EXPECT, Kind.PREFER}
    assert [] == [case.path for case in cases() if not binding & set(case.steps[-1].claims)]


def test_requests_use_published_parameters_only_but_for_the_named_exceptions() -> None:
    strange: dict[str, set[str]] = {}
    for case, _, request in requests():
        unknown = set(request) - PUBLISHED - {RENAMED, EXACTLY, PADDING}
        if unknown:
            strange[case.path] = strange.get(case.path, set()) | unknown
    assert EXTRA == strange


def test_a_parameter_that_can_be_ignored_in_silence_is_held_to_an_effect_somewhere() -> None:
    bound = set()
    for case, step, request in requests():
        decided = {Kind.EFFECT, Kind.EXPECT} if case.suite in {"streaming", "choices", "usage"} else {Kind.EFFECT}
        if any(True for _ in fragments(step, *decided)):
            bound |= set(request)
            bound |= {"stream"} if True in case.stream else set()
    assert [] == sorted(SILENT - bound)


def test_only_the_parameter_under_test_limits_the_answer() -> None:
    """A request without a limit costs money with a talkative model, and one with two is refused by OpenAI."""
    limits = {RENAMED, EXACTLY, "max_tokens", "max_completion_tokens"}
    unlimited = sorted(case.path for case, _, request in requests() if len(limits & set(request)) != 1)
    assert ["limits/both-names", "limits/no-limit", "limits/other-null"] == unlimited


def test_a_model_that_thinks_is_given_no_headroom_only_where_the_cut_is_the_point() -> None:
    """Its thoughts count against the limit: all of 64 tokens may be spent on them, and the text is then empty."""
    cut = {case.path for case, _, request in requests() if EXACTLY in request}
    assert {"choices/each-cut", "limits/cut", "limits/one-token"} == cut


def test_optional_parameters_of_reasoning_models_are_sent_only_where_they_are_under_test() -> None:
    """Reasoning models refuse these, so in any other case they would hide what is under test."""
    refused = {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias", "seed"}
    wrong_on_purpose = {"errors/wrong-type", "errors/temperature-too-high", "basic/nulls"}
    under_test = {"sampling", "logprobs", "extras"}
    sent = {case.path for case, _, request in requests() if refused & set(request) and case.suite not in under_test}
    assert wrong_on_purpose == sent


def test_what_is_tried_again_depends_on_the_model() -> None:
    """Another try is for what a model may get wrong: a case with neither `given` nor `effect` has nothing of it."""
    again = [case for case in cases() if case.tries > 1]
    soft = {Kind.GIVEN, Kind.EFFECT}
    assert ["limits/no-limit"] == [case.path for case in again if not any(soft & set(step.claims) for step in case.steps)]


def test_prompts_keep_to_what_a_small_model_and_the_reference_server_understand() -> None:
    forms = (
        r"Repeat exactly: (?s:.+)",
        r"What is in the picture\?",
        r"",  # conversation/empty-user
        r"Say [a-z]+\.",
        r"Reply with only this word: [a-z]+",
        r"Count from \d+ to \d+\.",
        r"(The [a-z ]+ is [^.]+\. )?What is the [a-z]+( [a-z]+)*( in [A-Z][a-z]+((, [A-Z][a-z]+)* and [A-Z][a-z]+)?)?\?",
        r"Say hi\.( The [a-z]+ [a-z]+ is [a-z]+\.)+",
        r"The [a-z]+( [a-z]+)* is [^.]+\.",
        r"Reply in JSON: .+",
        r"Tell me (the code word|about an animal of your choice)\.",
    )
    asked = set()
    for _, _, request in requests():
        messages = request["messages"]
        for message in messages if isinstance(messages, list) else []:
            if isinstance(message, dict) and message.get("role") == "user":
                content = unfolded_once(message.get("content"))
                parts = content if isinstance(content, list) else [{"text": content}]
                asked |= {part.get("text") for part in parts if isinstance(part, dict)} - {None}
    assert [] == sorted(str(text) for text in asked if not any(re.fullmatch(form, str(text)) for form in forms))


def test_an_answer_is_held_against_the_very_schema_that_was_sent() -> None:
    held = []
    for case, step, request in requests():
        sent = [part for part in walk(request) if isinstance(part, dict) and "properties" in part]
        for _, fragment in fragments(step, Kind.EFFECT, Kind.EXPECT):
            for part in walk(fragment):
                schema = part.get("contentSchema") if isinstance(part, dict) else None
                if isinstance(schema, dict) and "properties" in schema and schema not in sent:
                    held.append(case.path)
    assert [] == held


def test_a_value_of_an_earlier_answer_comes_from_a_step_before() -> None:
    for case in cases():
        before: set[str] = set()
        for step in case.steps:
            http = step.http.body if step.http else None
            values = [step.request, http, *(fragment for _, fragment in fragments(step))]
            sources = [part["$from"] for value in values for part in walk(value) if isinstance(part, dict) and "$from" in part]
            assert [] == [source for source in sources if str(source).split("#")[0] not in before], case.path
            before.add(step.id)
