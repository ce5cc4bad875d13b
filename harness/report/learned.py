"""What is known of an endpoint's model before it is judged: by the probe, or by the profile's word, which goes first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from harness import prepare
from harness.model import Endpoint, Learned, Outcome


def facts(endpoint: Endpoint, outcomes: Iterable[Outcome]) -> dict[str, Any] | None:
    """What the cases were held with; null where nothing was known. `others`: the same of the models of some features."""
    found: dict[str, Learned] = {}
    for outcome in outcomes:
        found.update(outcome.trial.endpoint.learned)
    knowing = replace(endpoint, learned=found)
    of_each = {model: _of(knowing, model) for model in dict.fromkeys([endpoint.model, *sorted(endpoint.models.values())])}
    own = of_each.pop(endpoint.model)
    others = {model: one for model, one in of_each.items() if model is not None and one is not None}
    if own is None and not others:
        return None
    return {**(own or _nothing()), **({"others": others} if others else {})}


def _nothing() -> dict[str, Any]:
    return {"thinks": None, "token_field": None, "headroom": 0, "echoes": None}


def _of(endpoint: Endpoint, model: str | None) -> dict[str, Any] | None:
    learned = endpoint.learned.get(model or "", Learned())
    thinks = prepare.thinks(endpoint, model)
    known = {"thinks": thinks, "token_field": endpoint.token_field or learned.token_field}
    if all(value is None for value in (*known.values(), learned.echoes)):
        return None
    return {**known, "headroom": endpoint.headroom if thinks else 0, "echoes": learned.echoes}


def said(learned: Mapping[str, Any] | None) -> str:
    """The same in one line of words; nothing where nothing is known."""
    if not learned:
        return ""
    parts = []
    if learned["thinks"] is not None:
        parts.append(
            f"thinks first, and gets {learned['headroom']} tokens more for it" if learned["thinks"] else "does not think first"
        )
    if learned["token_field"]:
        parts.append(f"its limit is {learned['token_field']}")
    if learned["echoes"] is False:
        parts.append("does not say a word that it is told to say")
    return f"the model {'; '.join(parts)}" if parts else ""
