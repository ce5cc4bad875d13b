"""The report of recorded traffic: counts for each host, and an example of each defect, whatever there is to count."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from harness import answer, judge, report
from harness.messages import VERSION_HEADER
from harness.model import (
    Attempt,
    Case,
    Endpoint,
    Evidence,
    Exchange,
    Garbled,
    Judged,
    MessagesCompleted,
    MessagesModelRetrieved,
    MessagesModelsListed,
    MessagesRefused,
    MessagesStreamed,
    ModelRetrieved,
    ModelsListed,
    Refused,
    Streamed,
    Trial,
    Verdict,
)
from harness.reading import obj
from harness.recordings import Damaged, Recording
from harness.report import protocol
from harness.rule import all_rules

MODE: Final = "lint"

_MOST_NAMES: Final = 6
_MOST_DAMAGED: Final = 20
_MOST_SOURCES: Final = 100  # of one host
_OTHER_SOURCES: Final = ("others", "")


class Collected:
    """Recorded exchanges, judged one at a time. It keeps of each host the first example of each defect, and counts."""

    def __init__(self) -> None:
        self.read = 0
        self.damaged = 0
        self._named: list[Damaged] = []
        self._other: Counter[str] = Counter()
        self._verdicts: dict[str, Counter[Verdict]] = {}
        self._newest: dict[str, str] = {}
        self._sources: dict[str, Counter[tuple[str, str]]] = {}
        self._results: list[dict[str, Any]] = []
        self._tally = protocol.Tally(_MOST_NAMES)

    def add(self, found: Recording | Damaged) -> None:
        """Judges a record, or counts it as damaged."""
        if isinstance(found, Damaged):
            self.damaged += 1
            if len(self._named) < _MOST_DAMAGED:
                self._named.append(found)
            return
        self.read += 1
        if not _is_of_the_api(found.exchange):
            self._other[found.host] += 1
            return
        looked = judge.recorded(found.exchange)
        verdicts = self._verdicts.setdefault(found.host, Counter())
        new = looked.verdict is Verdict.ERROR and not verdicts[Verdict.ERROR]
        verdicts[looked.verdict] += 1
        if found.source is not None:
            sources = self._sources.setdefault(found.host, Counter())
            sources[found.source if found.source in sources or len(sources) < _MOST_SOURCES else _OTHER_SOURCES] += 1
        self._newest[found.host] = max(self._newest.get(found.host, ""), found.recorded_at or "")
        outcome = Judged(trial=_trial(found), attempts=(Attempt(steps=(looked,)),), recorded=found.recorded_at)
        if self._tally.add(outcome) or new:
            # The outcome holds a whole exchange, its result no more than can be shown of it.
            self._results += report.document([outcome], mode=MODE, suites=())["results"]

    @property
    def judged(self) -> int:
        """How many exchanges were judged."""
        return sum(sum(counts.values()) for counts in self._verdicts.values())

    def document(self) -> dict[str, Any]:
        """The report. Its endpoints are the hosts, its results the examples: their `case` is file and record."""
        hosts = sorted(self._verdicts)
        found = report.document((), mode=MODE, suites=(), endpoints=[_endpoint(host) for host in hosts])
        for host in hosts:
            counts = self._verdicts[host]
            found["endpoints"][host] |= {
                "recorded": self._newest[host] or None,
                "verdicts": {verdict.value: counts[verdict] for verdict in Verdict},
                "trials": sum(counts.values()),
                "judged": sum(counts.values()) - counts[Verdict.ERROR],
                "exchanges": sum(counts.values()),
            }
        counted = sum(self._verdicts.values(), Counter[Verdict]())
        found["started"] = max(self._newest.values(), default=None) or None
        found["counts"] = {verdict.value: counted[verdict] for verdict in Verdict}
        found["protocol"] = self._tally.rows(hosts, {rule.id: rule.level for rule in all_rules()})
        found["results"] = sorted(self._results, key=lambda one: (one["endpoint"], one["case"], one["stream"]))
        found["traffic"] = {
            "read": self.read,
            "judged": self.judged,
            "other": sum(self._other.values()),
            "other_hosts": len(self._other),
            "damaged": self.damaged,
            "sources": {
                host: [
                    {"repository": repository, "licence": licence, "exchanges": count}
                    for (repository, licence), count in sorted(self._sources[host].items())
                ]
                for host in sorted(self._sources)
            },
            "damaged_first": [{"file": one.file, "record": one.record, "why": one.why} for one in self._named],
        }
        return found


_OF_MESSAGES: Final = MessagesCompleted | MessagesStreamed | MessagesRefused | MessagesModelsListed | MessagesModelRetrieved


def _is_of_the_api(exchange: Exchange) -> bool:
    """Is it of the Chat Completions API, or of Anthropic's Messages API? A page of some site that is called `/models` is not."""
    request = exchange.request
    if isinstance(exchange, _OF_MESSAGES | Garbled) and answer.is_of_messages_api(request):
        known = "messages" in obj(request.body) or any(name == VERSION_HEADER for name, _ in request.headers)
        return known or Evidence.REQUEST in exchange.reply.lost
    if request.method == "POST":
        return request.path == answer.CHAT
    if request.method == "GET" and request.path.startswith(answer.MODELS):
        return isinstance(exchange, ModelsListed | ModelRetrieved | Refused) and isinstance(exchange.body, dict | list)
    return False


def _trial(found: Recording) -> Trial:
    case = Case(
        suite=found.file, id=str(found.record), title=f"record {found.record} of {found.file}", needs=("recorded",), steps=()
    )
    return Trial(endpoint=_endpoint(found.host), case=case, stream=isinstance(found.exchange, Streamed))


def _endpoint(host: str) -> Endpoint:
    return Endpoint(name=host, title="recorded by others", base_url=f"https://{host}")
