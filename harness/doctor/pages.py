"""What a reply is, where it need not be this API's: a page, a gateway, another product, a refusal of the key. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import Final
from urllib.parse import urljoin, urlsplit

from harness.model import Reply
from harness.reading import ABSENT, arr, brief, get, obj, parse, text

SHOWN: Final = 160
"""As many characters of what an endpoint says are shown."""

_LOOKED_AT: Final = 64 * 1024  # bytes of a page

_HTML: Final = re.compile(rb"\s*(<!doctype html|<html|<head|<\?xml[^>]{0,99}>\s*<!doctype html)", re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^>]{0,99}>([^<]{0,300})", re.IGNORECASE)
_PASSWORD: Final = re.compile(
    r"type=[\"']?password|<title[^>]{0,99}>[^<]{0,80}\b(log ?in|sign ?in|anmelden|sso)\b", re.IGNORECASE
)
_LOGIN_PATH: Final = re.compile(r"log-?in|sign-?in|sso|oauth|auth|saml|/cdn-cgi/access", re.IGNORECASE)
_KEY_WORDS: Final = re.compile(
    r"\bapi[ _-]?key|\bauthori[sz]ation\b|\bunauthori[sz]ed\b|\bcredential|no connected db", re.IGNORECASE
)
_NO_SUCH_PATH: Final = re.compile(r"unexpected endpoint|invalid url|no such (path|route)|route .{0,80}not found", re.IGNORECASE)
_TO_TLS_PORT: Final = re.compile(
    r"plain HTTP request was sent to (the )?HTTPS port|HTTP request to an HTTPS server", re.IGNORECASE
)
_WORD_MODEL: Final = re.compile(r"model", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Something between us and the endpoint: what it is, and the way past it."""

    name: str
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A program that a page was recognised by. `path` is where its API begins, None where it has none."""

    name: str
    path: str | None
    note: str = ""


_CLOUDFLARE: Final = Gateway(
    name="Cloudflare",
    do="it keeps programs out: let this path and address through (a WAF rule that skips the challenge), or use the server's own"
    " address",
)
_WAF: Final = "let this path and address through in its rules, or use the server's own address"
_NGROK: Final = Gateway(name="ngrok", do="add --header 'ngrok-skip-browser-warning: 1'")
_BY_HEADER: Final = (
    ("cf-mitigated", re.compile("."), _CLOUDFLARE),
    ("ngrok-error-code", re.compile("ERR_NGROK_6024"), _NGROK),
    ("ngrok-error-code", re.compile("."), Gateway(name="ngrok", do="the tunnel has no server behind it: start it again")),
    ("x-amzn-waf-action", re.compile("."), Gateway(name="AWS WAF", do=_WAF)),
    ("x-sucuri-id", re.compile("."), Gateway(name="Sucuri", do=_WAF)),
)
_BY_SERVER: Final = (
    (re.compile("^cloudflare", re.IGNORECASE), _CLOUDFLARE),
    (re.compile("^awselb", re.IGNORECASE), Gateway(name="an AWS load balancer", do=_WAF)),
    (re.compile("AkamaiGHost", re.IGNORECASE), Gateway(name="Akamai", do=_WAF)),
    (re.compile("ddos-guard", re.IGNORECASE), Gateway(name="DDoS-Guard", do=_WAF)),
)
_BY_PAGE: Final = (
    (re.compile(r"Just a moment\.\.\.|Attention Required! \| Cloudflare|cf-error-details|/cdn-cgi/challenge"), _CLOUDFLARE),
    (re.compile("ERR_NGROK_6024"), _NGROK),
    (re.compile("_Incapsula_Resource"), Gateway(name="Imperva", do=_WAF)),
)

_PRODUCTS: Final[tuple[tuple[re.Pattern[str], Product], ...]] = (
    (re.compile("Ollama is running"), Product(name="Ollama", path="/v1")),
    (re.compile("<title>Open WebUI", re.IGNORECASE), Product(name="Open WebUI", path="/api", note="with a key of its own")),
    (re.compile("SillyTavern"), Product(name="SillyTavern", path=None, note="which is a client: give the URL it is set to")),
    (re.compile("LibreChat"), Product(name="LibreChat", path=None, note="which is a client: give the URL it is set to")),
    (re.compile("AnythingLLM"), Product(name="AnythingLLM", path="/api/v1/openai")),
    (re.compile("LiteLLM"), Product(name="LiteLLM", path="/v1")),
    (re.compile("LocalAI"), Product(name="LocalAI", path="/v1")),
    (re.compile("KoboldAI Lite|KoboldCpp", re.IGNORECASE), Product(name="KoboldCpp", path="/v1")),
    (re.compile(r"<title>[^<]{0,20}llama\.cpp", re.IGNORECASE), Product(name="llama.cpp", path="/v1")),
    (
        re.compile("text-generation-webui|window.gradio_config"),
        Product(name="a Gradio page", path=None, note="for text-generation-webui: start it with --api, then use port 5000, /v1"),
    ),
)  # fmt: skip


# ---------------------------------------------------------------- what it is


def is_page(reply: Reply) -> bool:
    """Is it a web page?"""
    labelled = (reply.header("content-type") or "").strip().lower().startswith(("text/html", "application/xhtml"))
    return labelled or _HTML.match(reply.content[:_LOOKED_AT]) is not None


def is_redirect(reply: Reply) -> bool:
    """Does it send us elsewhere?"""
    return 300 <= reply.status < 400 and reply.status != 304


def exists(reply: Reply) -> bool:
    """Is there an operation at this path, whatever it thinks of what it was asked?"""
    if is_page(reply) or is_redirect(reply) or gateway(reply) is not None or reply.status in (405, 410, 501):
        return False
    said = message(reply)
    if _NO_SUCH_PATH.search(said):
        return False
    document = parse(reply.content)
    if reply.status == 404:  # of the model, not of the path
        return isinstance(document, dict) and _WORD_MODEL.search(said + text(get(document, "error", "code"))) is not None
    if 200 <= reply.status < 300:
        return isinstance(document, dict | list) or reply.content.lstrip().startswith((b"data:", b"event:", b":"))
    return reply.status < 500 or document is not ABSENT


def lists_models(reply: Reply) -> bool:
    """Is it a list of models, of whatever length?"""
    document = parse(reply.content)
    listed = document if isinstance(document, list) else get(document, "data")
    return 200 <= reply.status < 300 and isinstance(listed, list)


def refuses_key(reply: Reply) -> bool:
    """Is it refused for who asks, not for what is asked?"""
    if reply.status == 401:
        return True
    if reply.status == 403:
        return not is_page(reply)
    if reply.status == 422:  # FastAPI, where the header is a parameter that is missing
        return any("authorization" in arr(obj(one).get("loc")) for one in arr(get(parse(reply.content), "detail")))
    return reply.status == 400 and _KEY_WORDS.search(message(reply)) is not None


def other_header(reply: Reply) -> str | None:
    """The header that a refusal asks for, where it is not `authorization`."""
    found = re.search(r"\b(x-api-key|api-key|x-goog-api-key|xi-api-key)\b", message(reply), re.IGNORECASE)
    return found[1].lower() if found else None


def gateway(reply: Reply) -> Gateway | None:
    """Who answered in the endpoint's place: a CDN, a firewall, a login, a tunnel; None where nobody is recognised."""
    if reply.status == 407:
        return Gateway(name="an HTTP proxy", do="give HTTPS_PROXY with its user and password, or set NO_PROXY for this host")
    scheme = (reply.header("www-authenticate") or "").lower()
    if reply.status == 401 and scheme.startswith(("basic", "digest", "negotiate")) and parse(reply.content) is ABSENT:
        return Gateway(
            name="a gateway with a password",
            do="export NAME=$(printf %s USER:PASSWORD | base64), and add --header 'authorization: Basic ${NAME}'",
        )
    if not is_page(reply):
        return None
    page = _text_of(reply)
    if _PASSWORD.search(page):
        return Gateway(
            name="a login page", do="programs cannot log in there: use the API's own address, or let this path through"
        )
    by_header = (found for header, marked, found in _BY_HEADER if marked.search(reply.header(header) or ""))
    by_page = (found for marked, found in _BY_PAGE if marked.search(page))
    found = next(chain(by_header, by_page), None)
    if found is None and reply.status in (403, 429):
        server = reply.header("server") or ""
        named = (found for marked, found in _BY_SERVER if marked.search(server))
        found = next(named, Gateway(name="a firewall or proxy in front", do=_WAF))
    return found


def product(reply: Reply) -> Product | None:
    """The program whose page it is."""
    page = _text_of(reply)
    return next((found for marked, found in _PRODUCTS if marked.search(page)), None) if reply.status < 400 else None


def wants_tls(reply: Reply) -> bool:
    """Does a server say that this port of its speaks TLS?"""
    return reply.status == 400 and _TO_TLS_PORT.search(_text_of(reply)) is not None


def whither(reply: Reply, asked: str) -> str:
    """Where a redirect leads, without its query; `asked` is the URL that was asked for."""
    try:
        parts = urlsplit(urljoin(asked, reply.header("location") or ""))
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def to_login(url: str) -> bool:
    """Does a redirect lead to a login?"""
    return _LOGIN_PATH.search(urlsplit(url).path) is not None


def listed(reply: Reply) -> list[str]:
    """The ids of a list of models."""
    document = parse(reply.content)
    items = document if isinstance(document, list) else arr(get(document, "data"))
    ids = (text(obj(item).get("id")) for item in items)
    return [name for name in ids if name.strip() and name.isprintable() and "${" not in name]  # as a profile can hold them


# ---------------------------------------------------------------- in words


def message(reply: Reply) -> str:
    """What an answer says is wrong, wherever servers put it; else an empty text."""
    document = parse(reply.content)
    places = (("error", "message"), ("error",), ("message",), ("detail",), ("detail", 0, "msg"), ("errors", 0, "message"))
    return next((said for place in places if (said := text(get(document, *place)))), "")


def shown(reply: Reply) -> str:
    """A reply in one line: its status, its kind, and how it begins or what it says; escaped and cut."""
    kind = brief((reply.header("content-type") or "no content-type").partition(";")[0], 40)[1:-1]
    page = is_page(reply)
    title = _TITLE.search(_text_of(reply)) if page else None
    said = " ".join(title[1].split()) if title else message(reply) or ("" if page else _text_of(reply)[: SHOWN + 1].strip())
    return f"{reply.status} {kind}" + (f" {brief(said, SHOWN)}" if said else "" if reply.content else ", empty")


def _text_of(reply: Reply) -> str:
    return reply.content[:_LOOKED_AT].decode("utf-8", "replace")
