"""Which clients work with an endpoint: what each needs, held against what was found.

| what a client does | comes to |
| --- | --- |
| a need of it is broken | `does-not-work` |
| a case that it needs was not judged | `untested` |
| else | `works` |

A needed rule is broken where it was found broken in an exchange that the client would have: of a case all of whose features
it meets, streamed or not as it asks. A needed case is broken where a judged trial of it did not pass its claims. The client
does not work where chat does not, and works without the uses that do not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.client_profile import ClientProfile, Need, Setting, Use, placeholders
from harness.model import Verdict
from harness.report import Document
from harness.report.grouping import by_endpoint
from harness.report.matrix import trial

WORKS: Final = "works"
WITHOUT: Final = "works-without"
BROKEN: Final = "does-not-work"
UNTESTED: Final = "untested"

ORDER: Final = (WORKS, WITHOUT, BROKEN, UNTESTED)
GLYPHS: Final[Mapping[str, str]] = {WORKS: "✓", WITHOUT: "◐", BROKEN: "✗", UNTESTED: "·"}
ASCII: Final[Mapping[str, str]] = {WORKS: "ok", WITHOUT: "part", BROKEN: "no", UNTESTED: "."}
MEANINGS: Final[Mapping[str, str]] = {
    WORKS: "nothing that it needs is broken",
    WITHOUT: "it works, but not for everything",
    BROKEN: "something that it cannot do without is broken",
    UNTESTED: "what it needs was not judged",
}

_WORKING: Final = (Verdict.PASS, Verdict.WARN)
_TELLS: Final = (*_WORKING, Verdict.IGNORED, Verdict.UNSUPPORTED, Verdict.FAIL)
_MOST_TRIALS: Final = 4
_LONGEST: Final = 200
"""Characters of a message."""


def section(
    clients: Mapping[str, ClientProfile], endpoints: Mapping[str, Mapping[str, Any]], results: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """`clients` of the report: what there is to say of each profile, and a row for each endpoint of the dialect and client."""
    rows: list[dict[str, Any]] = []
    own = by_endpoint(results)
    for name, endpoint in endpoints.items():
        found = _Found.of(own.get(name, []))
        if endpoint["dialect"] == "openai" and found.trials:
            rows.extend(_row(name, client, found) for client in clients.values())
    return {"profiles": {name: _profile(client) for name, client in clients.items()} if rows else {}, "rows": rows}


def _profile(client: ClientProfile) -> dict[str, Any]:
    snippet = client.snippet
    return {
        "title": client.title,
        "version": client.version,
        "checked": client.checked,
        "docs": client.docs,
        "proved": client.proved,
        "uses": {use.id: use.title for use in client.uses},
        "settings": {setting.name: setting.says for setting in client.settings},
        "snippet": {"language": snippet.language, "text": snippet.text, "where": snippet.where} if snippet else None,
    }


@dataclass(frozen=True, slots=True)
class _Trial:
    """What counts of a trial. `said`: rule → its first message, which stands whatever became of the case."""

    name: str
    case: str
    stream: bool
    features: frozenset[str]
    said: Mapping[str, str]
    tells: bool  # was the case judged?
    slip: str | None  # of the case: why it does not hold
    refused: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found with one endpoint."""

    trials: tuple[_Trial, ...]
    by_case: Mapping[str, tuple[_Trial, ...]]
    broken: frozenset[str]  # rules

    @classmethod
    def of(cls, results: Iterable[Mapping[str, Any]]) -> _Found:
        trials = tuple(map(_trial, results))
        by_case: dict[str, tuple[_Trial, ...]] = {}
        for one in trials:
            if one.tells:
                by_case[one.case] = (*by_case.get(one.case, ()), one)
        return cls(trials, by_case, frozenset(rule for one in trials for rule in one.said))

    def holds(self, id: str) -> bool | None:
        """Does this rule or case hold everywhere? None: it was not judged."""
        if "/" not in id:
            return id not in self.broken
        trials = self.by_case.get(id)
        return all(one.slip is None for one in trials) if trials else None


def _trial(result: Mapping[str, Any]) -> _Trial:
    said: dict[str, str] = {}
    for one in result["findings"]:
        if one["kind"] is None:
            said.setdefault(one["rule"], one["message"])
    tells = result["verdict"] in _TELLS and result["claims"] in _TELLS
    slip = _slip(result, said) if tells else None
    return _Trial(
        trial(result), result["case"], result["stream"], frozenset(result["features"]), said, tells, slip, _refused(result)
    )


def _refused(result: Mapping[str, Any]) -> bool:
    """Was a request refused that the case does not expect to be?"""
    return bool(result["claims"] == Verdict.UNSUPPORTED or str(result["reason"]).startswith("the endpoint answered "))


def _slip(result: Mapping[str, Any], said: Mapping[str, str]) -> str | None:
    """Why a case does not hold: a claim, or a rule on what was asked for, which stands for one; None: it does."""
    unasked = next((message for rule, message in said.items() if rule.startswith("asked.")), None)
    if result["claims"] in _WORKING:
        return unasked
    claimed = (one["message"] for one in result["findings"] if one["kind"] in ("effect", "expect"))
    return next(claimed, None) or result["reason"] or unasked or next(iter(said.values()), str(result["claims"]))


def _row(endpoint: str, client: ClientProfile, found: _Found) -> dict[str, Any]:
    core = frozenset(client.core.meets)
    uses, broken, untested = {}, [], []
    for use in client.uses:
        slips = [_broken(use, need, *one) for need in _needs(use, client) for one in _breaches(use, need, client, core, found)]
        own = [need for need in use.needs if need.stream is None or need.stream in client.streams]
        missing = [id for need in own for id in need.ids if "/" in id and not _of_case(need, id, client, found)]
        uses[use.id] = BROKEN if slips else UNTESTED if missing else WORKS
        broken += slips
        untested += missing if not slips else []
    return {
        "endpoint": endpoint,
        "client": client.name,
        "verdict": _verdict(uses, client.core.id),
        "uses": uses,
        "broken": broken,
        "untested": sorted(set(untested)),
        "settings": {setting.name: _chosen(setting, found) for setting in client.settings},
    }


def _needs(use: Use, client: ClientProfile) -> Iterator[Need]:
    """What a use needs: its own needs, and the rules that chat needs, in the exchanges of this use."""
    yield from use.needs
    if use is not client.core:
        own = {id for need in use.needs for id in need.ids}
        for need in client.core.needs:
            if rules := tuple(id for id in need.ids if "/" not in id and id not in own):
                yield Need(ids=rules, because=need.because, sources=need.sources, stream=need.stream)


def _breaches(
    use: Use, need: Need, client: ClientProfile, core: frozenset[str], found: _Found
) -> Iterator[tuple[str, list[_Trial], str]]:
    """The ids of a need that are broken, where, and what was said there first."""
    meets = core | frozenset(use.meets)
    own = need in use.needs
    for id in need.ids:
        if "/" in id:
            where = [
                one for one in _of_case(need, id, client, found) if one.slip is not None and (one.refused or not need.refused)
            ]
            message = where[0].slip if where else None
        else:
            where = [
                one
                for one in found.trials
                if id in one.said and one.features <= meets and _asked_so(one, need, client) and (own or not one.features <= core)
            ]
            message = where[0].said[id] if where else None
        if where:
            yield id, where, str(message)


def _of_case(need: Need, case: str, client: ClientProfile, found: _Found) -> list[_Trial]:
    """The judged trials of a case that are as the client asks; all, where the case is never asked so."""
    trials = found.by_case.get(case, ())
    return [one for one in trials if _asked_so(one, need, client)] or list(trials if need.stream is None else ())


def _asked_so(one: _Trial, need: Need, client: ClientProfile) -> bool:
    return one.stream in client.streams and (need.stream is None or need.stream == one.stream)


def _broken(use: Use, need: Need, id: str, where: Sequence[_Trial], message: str) -> dict[str, Any]:
    return {
        "use": use.id,
        "need": id,
        "because": need.because,
        "sources": list(need.sources),
        "trials": [one.name for one in where[:_MOST_TRIALS]],
        "of": len(where),
        "message": message[:_LONGEST],
    }


def _verdict(uses: Mapping[str, str], core: str) -> str:
    if uses[core] != WORKS:
        return uses[core]
    return WITHOUT if BROKEN in uses.values() else WORKS


def _chosen(setting: Setting, found: _Found) -> dict[str, Any]:
    """The value of a setting. `measured`: all that it was chosen by was judged."""
    judged = True
    for choice in setting.choices:
        held = [found.holds(id) for id in choice.holds]
        judged = judged and None not in held
        if all(held):
            return {"value": choice.value, "measured": judged}
    return {"value": None, "measured": False}


# ---------------------------------------------------------------- for the formats


def rows(document: Document) -> list[Mapping[str, Any]]:
    """The rows of a report; none where it is older than they are."""
    return list((document.get("clients") or {}).get("rows", ()))


def profiles(document: Document) -> Mapping[str, Mapping[str, Any]]:
    """What a report says of each client."""
    found: Mapping[str, Mapping[str, Any]] = (document.get("clients") or {}).get("profiles", {})
    return found


def lacking(row: Mapping[str, Any], profile: Mapping[str, Any], verdict: str = BROKEN) -> list[str]:
    """The titles of the uses that came to this, chat left out."""
    return [str(profile["uses"].get(use, use)) for use, came in row["uses"].items() if came == verdict and use != "chat"]


def in_words(row: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
    """The verdict in words: `works without tool calls, usage`."""
    if row["verdict"] == WITHOUT:
        return f"works without {_lowered(lacking(row, profile))}"
    return str(row["verdict"]).replace("-", " ")


def _lowered(titles: Sequence[str]) -> str:
    return ", ".join(title if title[1:2].isupper() else title[:1].lower() + title[1:] for title in titles)


def pasted(row: Mapping[str, Any], profile: Mapping[str, Any], endpoint: Mapping[str, Any]) -> str | None:
    """The settings of a client for this endpoint, to paste. What the endpoint's profile says is escaped as in JSON."""
    snippet = profile["snippet"]
    if snippet is None:
        return None
    given = {"base_url": endpoint["base_url"], "model": endpoint["model"] or "MODEL"}
    known: dict[str, str | None] = {name: json.dumps(str(text), ensure_ascii=True)[1:-1] for name, text in given.items()}
    known.update((name, chosen["value"]) for name, chosen in row["settings"].items())
    lines = []
    for line in snippet["text"].splitlines():
        names = [name for name in placeholders(line) if name in known]
        if any(known[name] is None for name in names):
            continue
        lines.append(_filled(line, {name: str(known[name]) for name in names}))
    return "\n".join(lines).strip("\n")


def _filled(line: str, values: Mapping[str, str]) -> str:
    """The line with its placeholders filled, in one go: what a value says is no placeholder."""
    filled, rest = "", line
    while rest:
        name = next((name for name in values if rest.startswith("{" + name + "}")), None)
        filled += values[name] if name is not None else rest[0]
        rest = rest[len(name) + 2 :] if name is not None else rest[1:]
    return filled
