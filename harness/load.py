"""The door through which suites and endpoints come: files in, values out.

Every slip of a file is reported at once, as `file:line: what, and the way out`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness import client_profile, notation, profile, resources
from harness.client_profile import ClientProfile, Known
from harness.document import Document, checked, did_you_mean
from harness.errors import BadFile, BadInput
from harness.model import Endpoint, Suite
from harness.reading import brief, obj
from harness.yaml_file import MOST_BYTES as MOST_BYTES
from harness.yaml_file import document as document
from harness.yaml_file import shown as shown
from harness.yaml_file import yaml_document as yaml_document

SUFFIXES: Final = (".yaml", ".yml")


# ---------------------------------------------------------------- suites


def suite(path: Path) -> Suite:
    """The suite in a file. Raises BadFile with every slip in it.

    A prerequisite (`needs`, all but the last) may be a feature of a suite beside it or of a shipped one.
    """
    return suites([path])[0]


def suites(where: Path | Iterable[Path] = resources.SUITES) -> tuple[Suite, ...]:
    """The suites in a folder's `*.yaml` files, or in these files and folders, in the order of their paths.

    Raises BadFile with every slip in any of them.
    """
    files = _files([where] if isinstance(where, Path) else where)
    documents: list[Document] = []
    broken: list[tuple[str, int | None, str]] = []
    for file in files:
        try:
            documents.append(document(file))
        except BadFile as error:
            broken.extend(error.slips)
    found = notation.suites(documents, lambda: _features_around(files))
    try:
        checked(documents)
    except BadFile as error:
        broken.extend(error.slips)
    if broken:
        raise BadFile(broken)
    return found


def _files(where: Iterable[Path]) -> list[Path]:
    files: dict[Path, None] = {}
    for path in where:
        if not path.is_dir():
            files[path] = None
            continue
        inside = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
        if not inside:
            raise BadFile([(shown(path), None, "there is no *.yaml file in this folder, so no suite")])
        files.update(dict.fromkeys(inside))
    return list(files)


def _features_around(files: Iterable[Path]) -> frozenset[str]:
    """The features that suites declare which are shipped or lie beside these files. What is wrong there is not said here."""
    known: set[str] = set()
    for folder in dict.fromkeys([*(file.parent for file in files), resources.SUITES]):
        for file in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
            try:
                known.update(notation.declared(document(file)))
            except BadFile:
                continue
    return frozenset(known)


# ---------------------------------------------------------------- endpoints


def endpoint(path: Path) -> Endpoint:
    """The endpoint that a profile describes. Raises BadFile with every slip in it."""
    read = document(path)
    found = profile.endpoint(read)
    checked([read])
    return found


def endpoint_names() -> tuple[str, ...]:
    """The names of the shipped profiles."""
    return tuple(sorted(file.stem for file in resources.ENDPOINTS.glob("*.yaml")))


def endpoint_named(name: str) -> Endpoint:
    """The endpoint of a shipped profile. Raises BadInput for a name that there is not."""
    known = endpoint_names()
    if name not in known:
        raise BadInput(
            f"there is no endpoint {brief(name)}{did_you_mean(name, known)}"
            " (or give the path of a profile, ./NAME.yaml, or a URL, http://HOST/v1)"
        )
    found = endpoint(resources.ENDPOINTS / f"{name}.yaml")
    if found.name != name:
        raise BadFile([(shown(resources.ENDPOINTS / f"{name}.yaml"), None, f"its `name` must be {name!r}, the file's")])
    return found


def adhoc(url: str, model: str | None = None, key_env: str | None = None, headers: Sequence[str] = ()) -> Endpoint:
    """An endpoint that only a URL is known of. `headers` are lines, `name: value`.

    `key_env` is the name of the environment variable that holds the key; without it none is sent. Raises BadInput for a
    URL that is none or that holds a key, and for a header that holds one.
    """
    name, base_url = profile.addressed(url)
    fields = profile.header_lines(headers)
    if key_env is not None:
        fields = {"authorization": f"Bearer {profile.variable(key_env)}", **fields}
    return Endpoint(name=name, title=base_url, base_url=base_url, model=model, headers=fields)


def endpoint_of(
    word: str,
    model: str | None = None,
    key_env: str | None = None,
    headers: Sequence[str] = (),
    base_url: str | None = None,
) -> Endpoint:
    """The endpoint that a word on the command line means: NAME, FILE.yaml or URL; what else is given goes before the profile.

    Raises BadInput for what is none, for an endpoint that is gone, and for a base URL beside a URL.
    """
    if "://" in word:
        if base_url is not None:
            raise BadInput(f"--base-url: goes with the name or file of a profile; {brief(word)} is a URL already")
        return adhoc(word, model, key_env, headers)
    found = endpoint(Path(word)) if word.endswith(SUFFIXES) or "/" in word or "\\" in word else endpoint_named(word)
    if found.retired is not None:
        instead = f"; use --endpoint {found.retired.instead}" if found.retired.instead else ""
        raise BadInput(f"{found.name} is gone since {found.retired.on}: {found.retired.says} ({found.retired.link}){instead}")
    return with_given(found, model, key_env, headers, base_url)


def with_given(
    found: Endpoint,
    model: str | None = None,
    key_env: str | None = None,
    headers: Sequence[str] = (),
    base_url: str | None = None,
) -> Endpoint:
    """The endpoint, with what is given in place of what its profile says. Raises BadInput."""
    found = found if key_env is None else profile.with_key(found, key_env)
    models = {} if model is not None else found.models
    return replace(
        found,
        base_url=found.base_url if base_url is None else profile.addressed(base_url)[1],
        model=model or found.model,
        models=models,
        headers={**found.headers, **profile.header_lines(headers)},
    )


def with_shipped_statements(found: Endpoint) -> Endpoint:
    """A recorded endpoint, with what the vendor says of features (`has`, `lacks`) where the recording's profile says nothing.

    It is taken from the shipped profile of the same name: what is said publicly does not depend on the recording, and is
    kept up to date in one place.
    """
    if found.has or found.lacks or found.name not in endpoint_names():
        return found
    shipped = endpoint_named(found.name)
    return replace(found, has=shipped.has, lacks=shipped.lacks)


# ---------------------------------------------------------------- clients


def client(path: Path, known: Known | None = None) -> ClientProfile:
    """The client that a profile describes. Raises BadFile with every slip in it; with `known`, ids of nothing are slips."""
    read = document(path)
    found = client_profile.client(read, known)
    checked([read])
    return found


def client_names() -> tuple[str, ...]:
    """The names of the shipped clients' profiles."""
    return tuple(sorted(file.stem for file in resources.CLIENTS.glob("*.yaml")))


@functools.cache
def clients() -> Mapping[str, ClientProfile]:
    """The shipped clients by name, each with the needs of what it is built on. Raises BadFile."""
    return client_profile.with_what_it_is_built_on(client(resources.CLIENTS / f"{name}.yaml") for name in client_names())


def kind(path: Path) -> str | None:
    """What a file is by its keys: "suite", "endpoint", "client", or None where it is none of these. Raises BadFile: no YAML."""
    keys = obj(document(path).data).keys()
    named = (("suite", {"suite", "cases"}), ("endpoint", {"base_url", "retired"}), ("client", {"client"}))
    return next((name for name, telling in named if telling & keys), None)
