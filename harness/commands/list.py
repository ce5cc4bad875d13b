"""`chatcompat list`: what there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import click

_SHOWN = 4  # rules and cases of a point of the map; all of them are in the JSON


def _suites() -> Iterator[dict[str, Any]]:
    from harness import load

    for suite in load.suites():
        yield {"id": suite.id, "title": suite.title, "cases": len(suite.cases), "features": [f.id for f in suite.features]}


def _cases() -> Iterator[dict[str, Any]]:
    from harness import load

    for suite in load.suites():
        for case in suite.cases:
            yield {"id": case.path, "title": case.title, "features": list(case.needs), "stream": list(case.stream)}


def _features() -> Iterator[dict[str, Any]]:
    from harness import load

    for suite in load.suites():
        for feature in suite.features:
            yield {"id": feature.id, "title": feature.title, "optional": feature.optional, "suite": suite.id}


def _rules() -> Iterator[dict[str, Any]]:
    from harness.catalogue import OF_THE_JUDGE
    from harness.rule import all_rules

    for rule in sorted((*all_rules(), *OF_THE_JUDGE.values()), key=lambda rule: rule.id):
        yield {
            "id": rule.id,
            "level": str(rule.level),
            "summary": rule.summary,
            "doc": rule.doc,
            "clients": rule.clients,
            "servers": rule.servers,
            "fix": rule.fix,
            "source": rule.source,
            "sources": list(rule.sources),
        }


def _endpoints() -> Iterator[dict[str, Any]]:
    from harness import load
    from harness.wire import credentials, variables

    for name in load.endpoint_names():
        endpoint = load.endpoint_named(name)
        gone = endpoint.retired
        yield {
            "id": name,
            "title": f"{endpoint.title} (gone since {gone.on})" if gone else endpoint.title,
            "base_url": endpoint.base_url,
            "dialect": endpoint.dialect,
            "model": endpoint.model,
            "models": dict(endpoint.models),
            "variables": list(variables(endpoint, {})),
            "optional_variables": [name for name in credentials(endpoint) if name not in variables(endpoint, {})],
            "has": sorted(endpoint.has),
            "lacks": sorted(endpoint.lacks),
            "quirks": [quirk.says for quirk in endpoint.quirks],
            "docs": endpoint.docs,
            "checked": endpoint.checked,
            "retired": {"on": gone.on, "says": gone.says, "source": gone.link, "instead": gone.instead} if gone else None,
        }


def _clients() -> Iterator[dict[str, Any]]:
    from harness import load

    for name, client in load.clients().items():
        yield {
            "id": name,
            "title": client.title,
            "version": client.version,
            "checked": client.checked,
            "docs": client.docs,
            "proved": client.proved,
            "like": client.like,
            "uses": [
                {
                    "id": use.id,
                    "title": use.title,
                    "meets": list(use.meets),
                    "needs": [
                        {
                            "ids": list(need.ids),
                            "because": need.because,
                            "sources": list(need.sources),
                            "stream": need.stream,
                        }
                        for need in use.needs
                    ],
                }
                for use in client.uses
            ],
            "settings": [setting.name for setting in client.settings],
        }


def _faults() -> Iterator[dict[str, Any]]:
    from harness.reference import all_faults

    for fault in all_faults():
        yield {"id": fault.id, "caught_by": sorted(fault.caught_by), "field": list(fault.field), "summary": fault.summary}


def _lookalikes() -> Iterator[dict[str, Any]]:
    from harness.reference import all_lookalikes

    for lookalike in all_lookalikes():
        yield {"id": lookalike.id, "field": list(lookalike.field), "summary": lookalike.summary}


def _coverage() -> Iterator[dict[str, Any]]:
    from harness import coverage, load

    for point in coverage.points(load.suites()):
        by = [*point.rules, *point.cases]
        more = f" and {len(by) - _SHOWN} more" if len(by) > _SHOWN else ""
        summary = ", ".join(by[:_SHOWN]) + more if by else f"not covered: {point.reason}"
        yield {"id": point.id, "rules": point.rules, "cases": point.cases, "reason": point.reason or None, "summary": summary}


def _formats() -> Iterator[dict[str, Any]]:
    from harness import report

    for name, format_ in sorted(report.formats().items()):
        yield {"id": name, "file": format_.FILE, "title": report.summary(format_)}


KINDS: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    "rules": _rules,
    "suites": _suites,
    "cases": _cases,
    "features": _features,
    "endpoints": _endpoints,
    "clients": _clients,
    "coverage": _coverage,
    "faults": _faults,
    "lookalikes": _lookalikes,
    "formats": _formats,
}


class _Kind(click.Choice[str]):
    """What can be listed; a slip is told what was meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from harness.document import did_you_mean

        if value not in self.choices:
            self.fail(f"there is no list of {value}{did_you_mean(str(value), list(self.choices))}", param, ctx)
        return value


@click.command("list")
@click.argument("what", metavar="WHAT", type=_Kind(sorted(KINDS)))
@click.option("--json", "as_json", is_flag=True, help="As JSON, with everything that is known.")
def command(what: str, as_json: bool) -> None:
    """What there is: suites, cases, features, rules, endpoints, clients, faults, look-alikes, formats, coverage of the API.

    \b
    chatcompat list cases
    chatcompat list rules --json
    """
    items = list(KINDS[what]())
    if as_json:
        click.echo(json.dumps(items, ensure_ascii=False, indent=1))
        return
    width = max((len(item["id"]) for item in items), default=0)
    for item in items:
        level = f"{item['level'].upper():<7}" if "level" in item else ""
        click.echo(f"{item['id']:<{width}}  {level}{item.get('title') or item.get('summary') or ''}".rstrip())
