"""What an endpoint's profile says: a base URL, a model, a way to authenticate.

A key is never in a profile, an option or a URL: `${NAME}` stands for an environment variable, and the wire alone looks
into it. So a value that looks like a key is refused here, and no message repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from harness.document import Document, Place, did_you_mean
from harness.errors import BadInput
from harness.model import HEADROOM, Accepted, Endpoint, Limits, Prices, Retired, Retry, Statement
from harness.reading import brief

NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]*")
HEADER: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, in lower case
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATE: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_ACCEPTED: Final = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+(:stream|:plain)?|\.[a-z0-9-]+)")  # suite/case or a rule's id
_SECRET: Final = re.compile(r"authoriz|cookie|token|secret|password|credential|(^|[-_])(key|auth)($|[-_])|apikey")
_LONGEST_PUBLIC_WORD: Final = 19  # longer than that, or with a vendor's mark, a literal credential is taken for a real one
_MARKED: Final = re.compile(r"\b(?:(?:sk|pk|hf|gsk|xai|ghp|github_pat)[-_]|AIza)", re.ASCII)
_KEYS: Final = (
    "name", "title", "base_url", "dialect", "model", "models", "models_path", "headers", "optional_headers", "query",
    "token_field", "thinks", "headroom",
    "context", "has", "lacks", "quirks", "known", "retry", "limits", "prices", "notes", "docs", "checked", "retired",
    "recorded",
)  # fmt: skip
_NAMED: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MOST_TOKENS: Final = 1_000_000_000
TOKEN_FIELDS: Final = ("max_tokens", "max_completion_tokens")


def endpoint(document: Document) -> Endpoint:
    """The endpoint; slips are noted in the document, and what they spoil has a default."""
    root = document.root()
    gone = isinstance(root.value, dict) and "retired" in root.value
    keys = root.keys(_KEYS, ("name", "title") if gone else ("name", "title", "base_url"))
    name = _name(keys["name"]) if "name" in keys else ""
    return Endpoint(
        name=name,
        title=keys["title"].text() if "title" in keys else name,
        base_url=_base_url(keys["base_url"]) if "base_url" in keys else "",
        model=keys["model"].text() if "model" in keys else None,
        models=_texts(keys.get("models")),
        dialect=_dialect(keys["dialect"]) if "dialect" in keys else "openai",
        models_path=_models_path(keys["models_path"]) if "models_path" in keys else "/models",
        headers=_credentials(keys.get("headers"), header=True),
        optional_headers=_optional_headers(keys.get("optional_headers")),
        query=_credentials(keys.get("query"), header=False),
        token_field=_token_field(keys["token_field"]) if "token_field" in keys else None,
        thinks=_thinks(keys["thinks"]) if "thinks" in keys else None,
        headroom=keys["headroom"].whole(0, 1_000_000) if "headroom" in keys else HEADROOM,
        context=keys["context"].whole(1, _MOST_TOKENS) if "context" in keys else None,
        has=_statements(keys.get("has")),
        lacks=_lacked(keys.get("lacks"), keys.get("has")),
        quirks=_quirks(keys.get("quirks")),
        known=accepted(keys["known"]) if "known" in keys else {},
        retry=_retry(keys["retry"]) if "retry" in keys else Retry(),
        limits=_limits(keys["limits"]) if "limits" in keys else Limits(),
        prices=_prices(keys["prices"]) if "prices" in keys else None,
        notes=_notes(keys.get("notes")),
        docs=link(keys["docs"]) if "docs" in keys else "",
        checked=day(keys["checked"]) if "checked" in keys else None,
        retired=_retired(keys["retired"]) if "retired" in keys else None,
        recorded=_texts(keys.get("recorded")),
    )


# ---------------------------------------------------------------- the parts of a profile


def _name(place: Place) -> str:
    name = place.text()
    if name and not NAME.fullmatch(name):
        place.say(f"`name` must be made of a-z, 0-9, `-` and `.` (it names a folder of cassettes), and is {brief(name)}")
    return name


def _base_url(place: Place) -> str:
    url = place.text()
    if not url:
        return ""
    try:
        addressed(_NAMED.sub("name", url))
    except BadInput as error:
        place.say(str(error))
        return ""
    return url.rstrip("/")


def _dialect(place: Place) -> str:
    folder = Path(__file__).parent / "dialects"
    known = {file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")}
    dialect = place.text()
    if dialect and dialect not in known:
        place.say(f"there is no dialect {brief(dialect)}{did_you_mean(dialect, known)}")
    return dialect


def _token_field(place: Place) -> str:
    field = place.text()
    if field and field not in TOKEN_FIELDS:
        place.say(f"`token_field` is {' or '.join(TOKEN_FIELDS)}, not {brief(field)}{did_you_mean(field, TOKEN_FIELDS)}")
    return field


def _thinks(place: Place) -> bool | None:
    if isinstance(place.value, bool):
        return place.value
    place.say(f"`thinks` is true or false (leave it out, and the probe finds out), and is {brief(place.value)}")
    return None


def _texts(place: Place | None) -> dict[str, str]:
    return {key: part.text() for key, part in place.parts().items()} if place is not None else {}


def _statements(place: Place | None) -> dict[str, Statement]:
    """Feature → statement: a link, or `{says: LINK, checked: DAY, how: TEXT}`."""
    return {feature: _statement(part) for feature, part in (place.parts() if place is not None else {}).items()}


def _statement(place: Place) -> Statement:
    if not isinstance(place.value, dict):
        return Statement(link=link(place))
    keys = place.keys(("says", "checked", "how"), ("says",))
    return Statement(
        link=link(keys["says"]) if "says" in keys else "",
        says=keys["how"].text() if "how" in keys else "",
        checked=day(keys["checked"]) if "checked" in keys else None,
    )


def _lacked(lacks: Place | None, has: Place | None) -> dict[str, Statement]:
    found = _statements(lacks)
    for feature, part in (has.parts() if has is not None and isinstance(has.value, dict) else {}).items():
        if feature in found:
            part.say(f"`{feature}` stands in `has` and in `lacks`; take it out of one")
    return found


def _quirks(place: Place | None) -> tuple[Statement, ...]:
    found = []
    for part in place.items() if place is not None else ():
        keys = part.keys(("says", "source"), ("says", "source"))
        says = keys["says"].text() if "says" in keys else ""
        found.append(Statement(says=says, link=link(keys["source"]) if "source" in keys else ""))
    return tuple(found)


def _retired(place: Place) -> Retired:
    keys = place.keys(("says", "on", "source", "instead"), ("says", "on", "source"))
    return Retired(
        says=keys["says"].text() if "says" in keys else "",
        on=day(keys["on"], month=True) if "on" in keys else "",
        link=link(keys["source"]) if "source" in keys else "",
        instead=_name(keys["instead"]) if "instead" in keys else None,
    )


def _models_path(place: Place) -> str | None:
    if place.value is None:
        return None
    path = place.text()
    if path and not (path.startswith("/") and path.isascii() and " " not in path and "?" not in path and "#" not in path):
        place.say(f"`models_path` is a path that begins with `/` and has no query, or null, and is {brief(path)}")
    return path


def _optional_headers(place: Place | None) -> dict[str, str]:
    found = _credentials(place, header=True)
    for name, value in found.items():
        if place is not None and not _NAMED.search(value):
            place.at(name).say(f"`{name}` names no variable (${{NAME}}) on which to leave it out; put it under `headers`")
    return found


def day(place: Place, *, month: bool = False) -> str:
    day = place.text()
    if day and not _DATE.fullmatch(day if not month else f"{day}-01"[:10]):
        place.say(f"`{place.name}` must be a day, YYYY-MM-DD, and is {brief(day)}")
    return day


def link(place: Place) -> str:
    link = place.text()
    if link and not link.startswith(("https://", "http://")):
        place.say(f"`{place.name}` must be a link (https://…), and is {brief(link)}")
    return link


def accepted(place: Place, *, named: str = "known", of_file: bool = False) -> dict[str, Accepted]:
    """Accepted failures: `suite/case` (with `:stream` or `:plain`: one of its trials) or a rule's id → why, and how long.

    A profile's (`known`) need an `issue`. `of_file`: those of a baseline, which need an `issue` or a `reason`, and know
    their place.
    """
    known = {}
    for name, part in place.parts().items():
        if not _ACCEPTED.fullmatch(name):
            part.say(f"`{named}` names failures by `suite/case` or by a rule's id, not by {brief(name)}")
        keys = part.keys(("issue", "reason", "owner", "until"), () if of_file else ("issue",))
        if of_file and isinstance(part.value, dict) and not {"issue", "reason"} & keys.keys():
            part.say("say why it is accepted: an `issue` (a link), or a `reason`")
        known[name] = Accepted(
            issue=link(keys["issue"]) if "issue" in keys else "",
            until=day(keys["until"]) if "until" in keys else None,
            reason=keys["reason"].text() if "reason" in keys else "",
            owner=keys["owner"].text() if "owner" in keys else "",
            place=f"{part.document.file}:{part.line}" if of_file else "",
        )
    return known


def _retry(place: Place) -> Retry:
    keys = place.keys(("on", "at_most", "wait_at_most_s"))
    default = Retry()
    return Retry(
        on=tuple(part.whole(400, 599) for part in keys["on"].items()) if "on" in keys else default.on,
        at_most=keys["at_most"].whole(0, 20) if "at_most" in keys else default.at_most,
        wait_at_most_s=keys["wait_at_most_s"].number(0, 3600) if "wait_at_most_s" in keys else default.wait_at_most_s,
    )


def _limits(place: Place) -> Limits:
    whole = {"concurrency": 256, "requests_per_minute": 1_000_000, "max_bytes": 2**30, "max_events": 10_000_000}
    seconds = {"connect_s": 600, "first_byte_s": 3600, "idle_s": 3600, "timeout_s": 7200, "after_done_s": 60}
    given: dict[str, int | float] = {}
    for key, part in place.keys((*whole, *seconds)).items():
        given[key] = part.whole(1, whole[key]) if key in whole else part.number(0, seconds[key])
    return Limits(**given)  # type: ignore[arg-type]


def _prices(place: Place) -> Prices:
    keys = place.keys(("input", "output", "currency", "per", "source", "checked"), ("input", "output", "source"))
    currency = keys["currency"].text() if "currency" in keys else "USD"
    if not re.fullmatch("[A-Z]{3}", currency):
        keys["currency"].say(f"`currency` is three letters, such as USD, and is {brief(currency)}")
    return Prices(
        input=_price(keys["input"]) if "input" in keys else 0.0,
        output=_price(keys["output"]) if "output" in keys else 0.0,
        currency=currency,
        per=keys["per"].whole(1, _MOST_TOKENS) if "per" in keys else 1_000_000,
        source=link(keys["source"]) if "source" in keys else "",
        checked=day(keys["checked"]) if "checked" in keys else None,
    )


def _price(place: Place) -> float:
    return 0.0 if place.value == 0 and not isinstance(place.value, bool) else place.number(0, 1_000_000)


def _notes(place: Place | None) -> str:
    if place is None:
        return ""
    if isinstance(place.value, str):
        return place.value
    return place.text()


def _credentials(place: Place | None, *, header: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, part in (place.parts() if place is not None else {}).items():
        if header and not HEADER.fullmatch(name):
            part.say(f"{brief(name)} is no name of a header in lower case{_lowered(name)}")
        if not isinstance(part.value, str) or not part.value.isprintable():
            part.text()  # says what it must be; the value of a credential is not shown
            continue
        slip = _secret(name, part.value, _LONGEST_PUBLIC_WORD)
        if slip:
            part.say(slip)
        found[name] = part.value
    return found


def _lowered(name: str) -> str:
    return f"; write `{name.lower()}`" if HEADER.fullmatch(name.lower()) else ""


# ---------------------------------------------------------------- keys, which stay in the environment


def _secret(name: str, value: str, longest_public_word: int) -> str | None:
    """What is wrong with a header's or query field's value: a `${…}` that names no variable, or a key written out."""
    rest = re.sub(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", "", value)
    if "${" in rest:
        return f"`{name}` has a `${{` that names no environment variable; write ${{NAME}}"
    words = [word for word in rest.split() if word.lower() not in ("bearer", "basic", "token")]
    if _MARKED.search(rest) or (_SECRET.search(name.lower()) and any(len(word) > longest_public_word for word in words)):
        return f"`{name}` seems to hold a key; keys come from the environment only: write ${{NAME}}, and set NAME"
    return None


def variable(name: str) -> str:
    """`${NAME}`. Raises BadInput where that names no environment variable (it may be the key itself: never shown)."""
    if not VARIABLE.fullmatch(name) or _MARKED.match(name):
        raise BadInput(
            "--key-env takes the name of the environment variable with the key, such as OPENAI_API_KEY, and never the key itself"
        )
    return f"${{{name}}}"


def with_key(endpoint: Endpoint, variable_name: str) -> Endpoint:
    """The endpoint with its key in the environment variable, in the header fields that the profile sends keys in.

    A profile without one sends it as `authorization: Bearer`. Raises BadInput where that is no variable's name.
    """
    key = variable(variable_name)
    named = {**endpoint.optional_headers, **endpoint.headers}
    keys = {
        name: _NAMED.sub(lambda _: key, value) for name, value in named.items() if _SECRET.search(name) and _NAMED.search(value)
    }
    if keys.get("authorization") == key:  # the variable of the profile may have held the scheme too
        keys["authorization"] = f"Bearer {key}"
    others = {field: value for field, value in endpoint.optional_headers.items() if field not in keys}
    return replace(
        endpoint, headers={**endpoint.headers, **(keys or {"authorization": f"Bearer {key}"})}, optional_headers=others
    )


def header_lines(lines: Sequence[str]) -> Mapping[str, str]:
    """Header fields given as `name: value`, names in lower case. Raises BadInput; a key written out is refused."""
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon or not HEADER.fullmatch(name) or not value.isprintable():
            raise BadInput(f"a header is given as 'name: value'; {brief(name, 40)} is none")
        slip = _secret(name, value, 0)
        if slip:
            raise BadInput(f"--header: {slip}")
        fields[name] = value
    return fields


# ---------------------------------------------------------------- addresses


def addressed(url: str) -> tuple[str, str]:
    """A name made of a base URL's host and port, and the URL without a slash at its end. Raises BadInput where it is none.

    What may be a key (before `@`, behind `?`) is refused and never shown.
    """
    secretless = re.sub(r"//[^/@]*@", "//…@", url.split("?")[0].split("#")[0])
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadInput(f"{brief(secretless)} is no URL; write http://HOST:PORT/v1") from None
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https"):
        raise BadInput(f"{brief(secretless)} must begin with http:// or https://")
    if "@" in parts.netloc:
        raise BadInput(f"{brief(secretless)} holds a user or key before `@`; take it out, and send a key as a header (${{NAME}})")
    if not re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+", host):
        raise BadInput(f"{brief(secretless)} names no host; write http://HOST:PORT/v1")
    if "?" in url or "#" in url:
        raise BadInput(f"{brief(secretless)}: leave off what begins with `?` or `#`; query fields go in the profile's `query`")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise BadInput(f"{brief(secretless)} is no URL: it has characters that must be percent-encoded")
    path = parts.path.rstrip("/")
    for operation in ("/chat/completions", "/completions", "/models"):
        if path.endswith(operation):
            raise BadInput(f"{brief(secretless)}: leave off {operation}; the base URL ends before it, often with /v1")
    name = re.sub(r"[^a-z0-9.]+", "-", host).strip("-.") + (f"-{port}" if port is not None else "")
    return name, f"{parts.scheme}://{parts.netloc}{path}"
