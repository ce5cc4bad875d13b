"""Reports of parts to one report: the same as a run of the whole would have written.

Parts are shards of one run, or runs of different endpoints. What is counted from results is counted anew; what was counted
from exchanges is added up, for no part holds a trial that another holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness import load
from harness.errors import BadInput
from harness.model import Level
from harness.reading import brief
from harness.report import Document, accepted, claimed, client_verdicts
from harness.report.grouping import by_endpoint
from harness.report.matrix import trial
from harness.report.outcomes import counts, not_held_by_reason, of_results

_SEVERITY: Final = {level.value: rank for rank, level in enumerate(Level)}
_SAME: Final = ("model", "dialect")


def merged(parts: Sequence[tuple[str, Document]]) -> dict[str, Any]:
    """The report of all parts, each with the name that a message gives it. Raises BadInput where they do not fit together."""
    _fit(parts)
    documents = [document for _, document in parts]
    first = documents[0]
    results = sorted((result for document in documents for result in document["results"]), key=_key)
    names = sorted({name for document in documents for name in document["endpoints"]})
    own = by_endpoint(results)
    endpoints = {name: _endpoint(name, documents, own.get(name, [])) for name in names}
    features = _features(documents)
    missing = not_held_by_reason(results)
    document = {
        **first,
        "started": _began(documents),
        "partial": bool(missing) or any(document["partial"] for document in documents),
        "not_held": missing,
        "counts": counts(results),
        "endpoints": endpoints,
        "features": features,
        "claimed": claimed.rows(endpoints, features, results),
        "clients": client_verdicts.section(load.clients(), endpoints, results),
        "protocol": _protocol(documents, endpoints),
        "results": results,
    }
    return accepted.marked(document)


def whole(parts: Sequence[tuple[str, Document]]) -> None:
    """Are all shards there of which one is? Raises BadInput where one is missing."""
    shards: dict[str, list[str]] = {}
    for _, document in parts:
        if said := document.get("shard"):
            shards.setdefault(said.partition("/")[2], []).append(said)
    for of, held in shards.items():
        missing = [f"{part}/{of}" for part in range(1, int(of) + 1) if f"{part}/{of}" not in held]
        if missing:
            raise BadInput(f"shard {', '.join(missing)} is missing: name its report too, or the rest passes for the whole")


def _key(result: Mapping[str, Any]) -> tuple[str, str, str, bool]:
    suite, _, case = result["case"].partition("/")
    return (result["endpoint"], suite, case, result["stream"])


def _fit(parts: Sequence[tuple[str, Document]]) -> None:
    first_name, first = parts[0]
    held: dict[tuple[str, str, str, bool], tuple[int, str]] = {}
    about: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for place, (name, document) in enumerate(parts):
        if document["mode"] == "lint":
            raise BadInput(f"{name}: is of recorded traffic; lint all of it at once: chatcompat lint PATH PATH")
        if document["mode"] != first["mode"]:
            raise BadInput(f"{name}: is a {document['mode']} run, and {first_name} a {first['mode']} one; merge one kind")
        if (document["harness"], document["rules"]) != (first["harness"], first["rules"]):
            raise BadInput(f"{name}: was judged by other rules than {first_name}; run both with the same version")
        for endpoint, profile in document["endpoints"].items():
            other, seen = about.setdefault(endpoint, (name, profile))
            for key in _SAME:
                if profile[key] != seen[key]:
                    raise BadInput(
                        f"{name}: the {key} of {endpoint} is {brief(profile[key])}, and in {other} {brief(seen[key])};"
                        " give one of them another `name`"
                    )
        for result in document["results"]:
            at, other = held.setdefault(_key(result), (place, name))
            if at != place:
                raise BadInput(
                    f"{name}: {result['endpoint']} {trial(result)} is in {other} too;"
                    " what is merged are shards (--shard I/N) or different endpoints"
                )


def _began(documents: Sequence[Document]) -> str | None:
    """A replay is as old as its newest recording; a live run began when its first part did."""
    began = [document["started"] for document in documents if document["started"]]
    return (max if documents[0]["mode"] == "replay" else min)(began, default=None)


def _endpoint(name: str, documents: Sequence[Document], results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    parts = [document["endpoints"][name] for document in documents if name in document["endpoints"]]
    kinds = sorted({kind for part in parts for kind in part.get("documents", {})})
    return {
        **parts[0],
        **of_results(results),
        "recorded": max((part["recorded"] for part in parts if part["recorded"]), default=None),
        "exchanges": sum(part["exchanges"] for part in parts),
        "documents": {kind: sum(part.get("documents", {}).get(kind, 0) for part in parts) for kind in kinds},
        **({"spent": _spent(parts)} if any("spent" in part for part in parts) else {}),
        "learned": next((part["learned"] for part in parts if part.get("learned")), None),
    }


def _spent(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All that was spent; money, where every part that spent something says it in the same currency."""
    spent = [part["spent"] for part in parts if "spent" in part]
    counts = {key: sum(one[key] for one in spent) for key in spent[0] if key != "money"}
    moneys = [one["money"] for one in spent]
    same = None not in moneys and len({one["currency"] for one in moneys}) == 1
    money = {"amount": round(sum(one["amount"] for one in moneys), 6), "currency": moneys[0]["currency"]} if same else None
    return {**counts, "money": money}


def _features(documents: Sequence[Document]) -> list[dict[str, Any]]:
    found = {feature["id"]: feature for document in documents for feature in document["features"]}
    return sorted(found.values(), key=lambda feature: (feature.get("order", len(found)), feature["id"]))


def _protocol(documents: Sequence[Document], endpoints: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows, and in each a cell for each endpoint."""
    broken = {row["rule"] for document in documents for row in document["protocol"] if row["place"] is not None}
    grouped: dict[tuple[str, str, str | None], list[Mapping[str, Any]]] = {}
    for document in documents:
        for row in document["protocol"]:
            if row["place"] is None and row["rule"] in broken and not any(cell["broken"] for cell in row["endpoints"].values()):
                continue  # that a rule of the contract looked at something is said where no place of it is broken
            grouped.setdefault((row["level"], row["rule"], row["place"]), []).append(row)
    ordered = sorted(grouped, key=lambda key: (_SEVERITY[key[0]], key[1], key[2] or ""))
    return [_row(key, grouped[key], endpoints) for key in ordered]


def _row(
    key: tuple[str, str, str | None], rows: Sequence[Mapping[str, Any]], endpoints: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    level, rule, place = key
    kinds = sorted({kind for row in rows for kind in row.get("documents", ())})
    cells = {}
    for name, profile in endpoints.items():
        own = [row["endpoints"][name] for row in rows if name in row["endpoints"]]
        found = sum(cell["broken"] for cell in own)
        of = sum(cell["of"] for cell in own) if place is None else _with_kinds(profile, kinds)
        firsts = [cell["first"] for cell in own if cell["first"]]
        cells[name] = {
            "broken": found,
            "of": max(of, found),
            "first": min(firsts, key=lambda one: (*one["case"].split("/", 1), one["stream"]), default=None),
            "cases": sorted((case for cell in own for case in cell["cases"]), key=_order),
        }
    return {
        "rule": rule,
        "place": place,
        "level": level,
        **({} if place is None else {"documents": kinds}),
        "endpoints": cells,
    }


def _with_kinds(profile: Mapping[str, Any], kinds: Sequence[str]) -> int:
    return sum(count for held, count in profile["documents"].items() if set(kinds) & set(held.split()))


def _order(case: str) -> tuple[str, str, bool]:
    path = case.removesuffix(":stream")
    suite, _, name = path.partition("/")
    return (suite, name, path != case)
