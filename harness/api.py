"""Runs from Python: `harness.run(…)`, and what it returns. The same session as the command's, so the same results."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit, urlunsplit

from harness import asgi, load, report, resources, session
from harness.commands import _verdicts, _writing
from harness.engine import Mode
from harness.errors import BadInput
from harness.model import Endpoint

FORMATS: Final = ("json", "md", "html", "junit", "badge")
UNWANTED: Final = frozenset({"fail", "ignored"})

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came out of a run.

    `document` is what `report.json` holds (schemas/harness/report.json describes it).
    """

    document: Mapping[str, Any]
    _secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def results(self) -> Sequence[Mapping[str, Any]]:
        """A result for each trial: `endpoint`, `case`, `stream`, `verdict`, `findings`, `reason` …"""
        found: Sequence[Mapping[str, Any]] = self.document["results"]
        return found

    @property
    def failures(self) -> Sequence[Mapping[str, Any]]:
        """The results that failed or were ignored, without those that the endpoint's profile accepts (`known`)."""
        return _verdicts.unexpected(self.document, UNWANTED, "should", binding=False).results

    @property
    def ok(self) -> bool:
        """Nothing failed, nothing was ignored, every endpoint could be judged, and the run went to its end."""
        return not (self.failures or _verdicts.untested(self.document) or _verdicts.interrupted(self.document))

    def text(self, format: str = "md") -> str:
        """The report in a format that `chatcompat list formats` names, `term` and `json` among them. Raises BadInput."""
        known = report.formats()
        if format not in known:
            raise BadInput(f"format {format!r}: there is no such format; there are {', '.join(sorted(known))}")
        return _writing.masked(known[format].text(self.document), self._secrets)

    def write(self, folder: str | os.PathLike[str], formats: Sequence[str] = FORMATS) -> list[Path]:
        """Writes the report into a folder; the files. Raises BadInput."""
        return _writing.write(self.document, Path(folder), formats, self._secrets)

    def __str__(self) -> str:
        return self.text("term")


def run(
    endpoint: str | os.PathLike[str] | Endpoint | None = None,
    *,
    app: Any = None,
    base_path: str = "/v1",
    only: Sequence[str] = (),
    needs: Collection[str] = (),
    model: str | None = None,
    key_env: str | None = None,
    environ: Mapping[str, str] | None = None,
    mode: Literal["live", "replay", "record"] = "live",
    cassettes: str | os.PathLike[str] | None = None,
    concurrency: int = 8,
) -> Report:
    """Judges an endpoint as `chatcompat run` does, and returns the report.

    `endpoint` is a URL, the name of a shipped profile, the path of one (`./my.yaml`), or an `Endpoint`. `app` is an ASGI
    application (FastAPI, Starlette …) to judge in its stead: it is served on a free port of 127.0.0.1 while the run goes on
    (needs the extra `asgi`), its API under `base_path`; a profile given with it says everything but the address.

    `only` selects suites, cases or files (`tools`, `usage/nonstream`, `my-suite.yaml`), `needs` cases that need one of
    these features. `model` is the model to ask; without it the profile's, or the only one that is listed. `key_env` names
    the variable that holds the key, in `environ` (the process's own environment, where it is not given). `mode` `replay`
    judges the recordings in `cassettes` (the shipped ones by default) and sends nothing; `record` keeps them there.
    `concurrency` is how many conversations are held at once.

    It may be called where an event loop runs, which waits meanwhile. Raises `harness.errors.BadInput` for what cannot be
    meant, `harness.errors.Unusable` where the endpoint cannot be tested at all.
    """
    how = Mode(mode)
    if app is not None and how is Mode.REPLAY:
        raise BadInput("app: is not asked anything in a replay; leave out mode='replay'")
    if app is None and endpoint is None and how is not Mode.REPLAY:
        raise BadInput("endpoint: name whom to judge, or give an app; mode='replay' judges what is recorded")
    if how is Mode.RECORD and cassettes is None:
        raise BadInput("cassettes: name the folder to record into")
    folder = resources.CASSETTES if cassettes is None else Path(cassettes)
    named = os.fspath(endpoint) if isinstance(endpoint, os.PathLike) else endpoint
    with _whom(named, app, base_path, model, key_env) as whom:
        opened = session.opened(
            whom,
            mode=how,
            cassettes=folder,
            environ=dict(os.environ if environ is None else environ),
            model=model,
            key_env=key_env,
        )

        async def hold() -> tuple[Mapping[str, Any], tuple[str, ...]]:
            ready = await opened.with_models()
            return await ready.judged(ready.plan(only=only, needs=needs), concurrency=concurrency), ready.secrets

        document, secrets = waited_for(hold)
    return Report(document=document, _secrets=secrets)


@contextmanager
def _whom(
    endpoint: str | Endpoint | None, app: Any, base_path: str, model: str | None, key_env: str | None
) -> Iterator[list[str | Endpoint]]:
    """Whom to judge; with an application, that is served for as long."""
    if app is None:
        yield [] if endpoint is None else [endpoint]
        return
    with asgi.served(app) as address:
        if endpoint is None:
            adhoc = load.adhoc(f"http://{address}/{base_path.strip('/')}", model, key_env)
            yield [replace(adhoc, name="app", title="app")]
        else:
            profile = endpoint if isinstance(endpoint, Endpoint) else load.endpoint_of(endpoint, model, key_env)
            path = urlsplit(profile.base_url).path
            yield [replace(profile, base_url=urlunsplit(("http", address, path, "", "")))]


def waited_for(held: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """What a coroutine returns, waited for wherever this is called: where an event loop runs, in a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(held())
    with ThreadPoolExecutor(1, "chatcompat") as thread:
        return thread.submit(lambda: asyncio.run(held())).result()
