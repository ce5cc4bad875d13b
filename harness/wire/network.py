"""The transport that reaches an endpoint: it alone knows the address and the keys.

A request comes in without a host and without a credential; they are added here, at the last moment, and nowhere kept.
Redirects are replies like any other: nothing is ever sent to a host that the profile does not name. `.netrc` is not
read, cookies are not kept, loopback is never reached through a proxy, and TLS certificates are verified.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import logging
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlsplit

import httpx

from harness.errors import BadInput, Unusable
from harness.model import Endpoint
from harness.wire.tape import SHORTEST_SECRET, tape_of

CONNECTIONS_EACH: Final = 2
"""How many connections a pool of httpx holds: for each request it looks at all of them, and asks the system about idle ones."""

PIECE: Final = 64 * 1024
"""How much is decompressed at once. The wire stops reading where its limits say so."""

KEPT_S: Final = 2.0
"""How long an idle connection is kept. Shorter than servers keep theirs, or a request meets one that is just being closed."""

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_IN_URL: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_SCHEMES: Final = ("bearer", "basic", "token")
_CREDENTIAL: Final = re.compile(r"authorization|cookie|token|secret|password|(^|[-_])key$|apikey")

logging.getLogger("httpcore").setLevel(logging.WARNING)
# At DEBUG it writes what servers send, headers and all, and some send keys back.

Pool = Callable[[str | None], httpx.AsyncBaseTransport]
"""Makes a transport to the network, through the proxy at a URL or directly."""


def variables(endpoint: Endpoint, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The environment variables that a profile needs and that are not set (or empty), in order."""
    models = (endpoint.model or "", *endpoint.models.values())
    values = (endpoint.base_url, *models, *endpoint.headers.values(), *endpoint.query.values())
    named = (name for value in values for name in _VARIABLE.findall(value))
    return tuple(dict.fromkeys(name for name in named if not environ.get(name)))


def credentials(endpoint: Endpoint) -> tuple[str, ...]:
    """The environment variables that a profile names in its headers and query, needed or not, in order."""
    values = (*endpoint.headers.values(), *endpoint.optional_headers.values(), *endpoint.query.values())
    return tuple(dict.fromkeys(name for value in values for name in _VARIABLE.findall(value)))


def with_optional_headers(endpoint: Endpoint, environ: Mapping[str, str]) -> Endpoint:
    """The endpoint with those of its optional headers among its headers whose every variable is set, and no others."""
    if not endpoint.optional_headers:
        return endpoint
    sent = {
        name: value
        for name, value in endpoint.optional_headers.items()
        if name not in endpoint.headers and all(environ.get(variable) for variable in _VARIABLE.findall(value))
    }
    return replace(endpoint, headers={**endpoint.headers, **sent}, optional_headers={})


def expanded_url(endpoint: Endpoint, environ: Mapping[str, str]) -> str:
    """The base URL with its variables filled in. Raises Unusable for a value that could lead to another host or path."""
    for name in _VARIABLE.findall(endpoint.base_url):
        if not _IN_URL.fullmatch(environ.get(name, "")):
            raise Unusable(
                f"endpoint {endpoint.name}: {name} goes into its URL, {endpoint.base_url}, and may hold letters, digits,"
                " `-`, `_` and `.` only; set it without anything else"
            )
    return _VARIABLE.sub(lambda found: environ[found[1]], endpoint.base_url)


class Network(httpx.AsyncBaseTransport):
    """To one endpoint, over as many pools of connections as it takes."""

    def __init__(self, endpoint: Endpoint, environ: Mapping[str, str], pool: Pool | None = None) -> None:
        """Raises Unusable where a variable that the profile names is missing or cannot be sent."""
        missing = variables(endpoint, environ)
        if missing:
            raise Unusable(
                f"endpoint {endpoint.name}: {_listed(missing)} not set; `export {missing[0]}=…` and run again"
                " (the profile's URL, model, headers or query name it)"
            )
        endpoint = with_optional_headers(endpoint, environ)
        base_url = expanded_url(endpoint, environ)
        self._base = httpx.URL(base_url)
        self._headers = {name: _expanded(endpoint, f"header {name}", value, environ) for name, value in endpoint.headers.items()}
        self._query = {name: _expanded(endpoint, f"query {name}", value, environ) for name, value in endpoint.query.items()}
        self._secrets = tuple(_secrets(endpoint, environ))
        self.proxy = proxy_for(base_url, environ)
        self._pool = pool or _Pools(self._base.scheme == "https")
        self._pools: list[httpx.AsyncBaseTransport] = []
        self._busy: list[int] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        tape = tape_of(request)
        tape.secrets, tape.proxy = self._secrets, self.proxy
        own = {name.decode("ascii").lower() for name, _ in request.headers.raw}
        added = [
            (name.encode(), value.encode())
            for name, value in self._headers.items()
            if name not in own and name not in tape.request.without
        ]
        kept = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
        url = self._address(request.url)
        addressed = httpx.Request(
            request.method,
            url,
            headers=[(b"host", url.netloc), *kept, *added],
            stream=request.stream,
            extensions={**request.extensions, "trace": tape.trace},
        )
        position = self._free()
        self._busy[position] += 1
        try:
            response = await self._pools[position].handle_async_request(addressed)
        except BaseException:
            self._busy[position] -= 1
            raise
        decoder = _decoder(response.headers)
        tape.decoded = response.headers.get("content-encoding") if decoder else None
        assert isinstance(response.stream, httpx.AsyncByteStream)
        body = _Body(response.stream, decoder, lambda: self._release(position))
        return httpx.Response(response.status_code, headers=response.headers.raw, stream=body, extensions=response.extensions)

    def _address(self, relative: httpx.URL) -> httpx.URL:
        path = self._base.raw_path.partition(b"?")[0].rstrip(b"/") + relative.raw_path
        for name, value in self._query.items():
            path += b"&" if b"?" in path else b"?"
            path += f"{quote(name, safe='')}={quote(value, safe='')}".encode()
        return self._base.copy_with(raw_path=path)

    def _free(self) -> int:
        for position, busy in enumerate(self._busy):
            if busy < CONNECTIONS_EACH:
                return position
        self._pools.append(self._pool(self.proxy))
        self._busy.append(0)
        return len(self._pools) - 1

    def _release(self, position: int) -> None:
        self._busy[position] -= 1

    def masked(self, said: str) -> str:
        """A text of ours without the keys, for the case that something quoted them."""
        for secret in self._secrets:
            said = said.replace(secret.decode("utf-8", "replace"), "***")
        return said

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.aclose()


class _Pools:
    """Makes httpx's pools. They share one TLS context, which takes longer to make than anything else here."""

    def __init__(self, tls: bool) -> None:
        # Without TLS a context is never used; an empty one trusts nobody, and loading the authorities takes 20 ms.
        self._context = httpx.create_ssl_context() if tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def __call__(self, proxy: str | None) -> httpx.AsyncBaseTransport:
        limits = httpx.Limits(
            max_connections=CONNECTIONS_EACH, max_keepalive_connections=CONNECTIONS_EACH, keepalive_expiry=KEPT_S
        )
        try:
            return httpx.AsyncHTTPTransport(verify=self._context, limits=limits, proxy=proxy)
        except (ImportError, ValueError):
            scheme = urlsplit(proxy or "").scheme
            raise Unusable(
                f"a {scheme}:// proxy cannot be used here; unset it for this run, or set an http:// one"
                " (socks5:// needs `pip install httpx[socks]`)"
            ) from None


# ---------------------------------------------------------------- credentials


def _listed(names: tuple[str, ...]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{', '.join(names)} are"


def _expanded(endpoint: Endpoint, where: str, value: str, environ: Mapping[str, str]) -> str:
    """The value with its variables filled in. Raises Unusable, which names the variable and never its value."""
    for name in _VARIABLE.findall(value):
        if not environ[name].isprintable() or environ[name] != environ[name].strip():
            raise Unusable(
                f"endpoint {endpoint.name}: {name} holds a line break, a blank at an end or another control character,"
                f" which no HTTP field can ({where}); set it without"
            )
    if not value.isprintable():
        raise BadInput(f"endpoint {endpoint.name}: {where} holds a control character; take it out")
    return _VARIABLE.sub(lambda found: environ[found[1]], value)


def holds_literal_credential(name: str, value: str) -> bool:
    """Does a header or query field hold a credential as such, and not as `${NAME}`?"""
    return bool(_CREDENTIAL.search(name.lower()) and _literal_words(value))


def _literal_words(value: str) -> list[str]:
    return [word for word in _VARIABLE.sub(" ", value).split() if word.lower() not in _SCHEMES]


def _secrets(endpoint: Endpoint, environ: Mapping[str, str]) -> Iterator[bytes]:
    """What must never be kept: the keys as they are, and as JSON, a URL or basic authentication would write them."""
    values = (*endpoint.headers.items(), *endpoint.query.items())
    named = {environ[name] for _, value in values for name in _VARIABLE.findall(value)}
    literal = {word for name, value in values if _CREDENTIAL.search(name.lower()) for word in _literal_words(value)}
    public = " ".join((endpoint.name, endpoint.base_url, endpoint.model or "", *endpoint.models.values()))
    for secret in sorted(named | literal, key=len, reverse=True):
        # A plain word, or one that the profile shows elsewhere, cannot be told from the text of a reply.
        if len(secret) < SHORTEST_SECRET or secret in public or (secret.isalpha() and len(secret) < 20):
            continue
        forms = (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), base64.b64encode(secret.encode()).decode())
        yield from dict.fromkeys(form.encode() for form in forms)


# ---------------------------------------------------------------- proxies


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy that the environment names for a URL, or None; never one for loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host):
        return None
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        proxy = environ.get(name) or environ.get(name.upper())
        if proxy:
            if _excepted(host, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
                return None
            return proxy if "://" in proxy else f"http://{proxy}"
    return None


def _excepted(host: str, names: str) -> bool:
    """Does NO_PROXY name the host, or a domain around it? `*` names all."""
    for name in names.lower().split(","):
        domain = name.strip().lstrip(".").partition(":")[0]
        if domain == "*" or (domain and (host == domain or host.endswith(f".{domain}"))):
            return True
    return False


def is_loopback(host: str) -> bool:
    """Is it this machine, by name or number?"""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return False
    return number.is_loopback or number.is_unspecified


# ---------------------------------------------------------------- bodies


def _decoder(headers: httpx.Headers) -> Callable[[], zlib._Decompress] | None:
    """How to undo a compression that nobody asked for. Others than these stay as they are."""
    match headers.get("content-encoding", "").strip().lower():
        case "gzip" | "x-gzip":
            return lambda: zlib.decompressobj(zlib.MAX_WBITS | 16)
        case "deflate":
            return lambda: zlib.decompressobj(zlib.MAX_WBITS)
        case _:
            return None


class _Body(httpx.AsyncByteStream):
    """A body, decompressed in bounded pieces; tells when it is closed."""

    def __init__(
        self, inner: httpx.AsyncByteStream, decoder: Callable[[], zlib._Decompress] | None, closed: Callable[[], None]
    ) -> None:
        self._inner = inner
        self._decoder = decoder
        self._closed: Callable[[], None] | None = closed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._decoder is None:
            async for chunk in self._inner:
                yield chunk
            return
        current = self._decoder()
        begun = False
        async for chunk in self._inner:
            while chunk:
                begun = True
                if current.eof:  # gzip members may follow one another
                    current = self._decoder()
                try:
                    piece = current.decompress(chunk, PIECE)
                except zlib.error as error:
                    raise httpx.DecodingError(f"the body is not what its content-encoding says: {error}") from None
                chunk = current.unused_data or current.unconsumed_tail
                if piece:
                    yield piece
        if begun and not current.eof:
            raise httpx.DecodingError("the compressed body ends before its end")

    async def aclose(self) -> None:
        if self._closed is not None:
            closed, self._closed = self._closed, None
            try:
                await self._inner.aclose()
            finally:
                closed()
