"""The way to a host before any request: its name, a connection, TLS. Nothing is sent but what these need.

Certificates are trusted as for requests: by SSL_CERT_FILE and SSL_CERT_DIR, else by the authorities that browsers know.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

MOST_ADDRESSES: Final = 6
"""Of a name: as many are tried, all at once."""

_MOST_NAMES: Final = 8
_NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which the ssl module does not name
_VERDICTS: Final = {
    9: "not-yet-valid",
    10: "expired",
    18: "self-signed",
    19: "unknown-authority",
    62: "wrong-name",
    64: "wrong-name",
}
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")


class Obstacle(StrEnum):
    """What is in the way."""

    NO_NAME = "no-name"  # the name has no address
    NO_DNS = "no-dns"  # nobody could be asked for it
    SILENT = "silent"  # no reply at all in time
    REFUSED = "refused"
    NO_WAY = "no-way"  # no route, not permitted …
    NO_TLS = "no-tls"  # something other than TLS is spoken there
    WRONG_NAME = "wrong-name"  # the certificate is trusted, and another host's
    SELF_SIGNED = "self-signed"
    UNKNOWN_AUTHORITY = "unknown-authority"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    TLS_FAILED = "tls-failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A stage that was not passed. `said` is what the system or TLS library says; `names` are a certificate's, for WRONG_NAME;
    `until` is its last day for EXPIRED, its first for NOT_YET_VALID, as the certificate writes it."""

    obstacle: Obstacle
    said: str = ""
    names: tuple[str, ...] = ()
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """Which addresses took a connection, and what the others said."""

    addresses: tuple[str, ...]
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """TLS is spoken, and the certificate is trusted."""

    version: str


def host_and_port(url: str) -> tuple[str, int]:
    """Where a URL leads: its host (an IPv6 number without brackets) and port."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


async def addresses(host: str, port: int, within_s: float) -> tuple[str, ...] | Blocked:
    """The addresses of a name, at most MOST_ADDRESSES."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Any] | OSError] = loop.create_future()

    def tell(result: list[Any] | OSError) -> None:
        if not found.done():
            found.set_result(result)

    def ask() -> None:
        result: list[Any] | OSError
        try:
            result = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            result = error
        except UnicodeError as error:  # a label of it is empty or too long
            result = socket.gaierror(socket.EAI_NONAME, str(error))
        with contextlib.suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(tell, result)

    # A thread of its own: the event loop's would be waited for at the end, however long the name servers take.
    threading.Thread(target=ask, name="name", daemon=True).start()
    try:
        async with asyncio.timeout(within_s):
            result = await found
    except TimeoutError:
        return Blocked(obstacle=Obstacle.NO_DNS, said=f"no reply within {within_s:g} s")
    if isinstance(result, OSError):
        known = isinstance(result, socket.gaierror) and result.errno != socket.EAI_AGAIN
        return Blocked(obstacle=Obstacle.NO_NAME if known else Obstacle.NO_DNS, said=result.strerror or str(result))
    return tuple(dict.fromkeys(str(one[4][0]) for one in result))[:MOST_ADDRESSES]


async def connected(numbers: Sequence[str], port: int, within_s: float) -> Connected | Blocked:
    """Connects to all of the addresses at once, and leaves."""
    tried = await asyncio.gather(*(_connection(number, port, within_s) for number in numbers))
    taken = tuple(number for number, failure in zip(numbers, tried, strict=True) if failure is None)
    others = [(number, failure) for number, failure in zip(numbers, tried, strict=True) if failure is not None]
    if taken:
        return Connected(addresses=taken, others=tuple((number, failure.said) for number, failure in others))
    order = (Obstacle.REFUSED, Obstacle.SILENT, Obstacle.NO_WAY)
    return min((failure for _, failure in others), key=lambda failure: order.index(failure.obstacle))


async def _connection(number: str, port: int, within_s: float) -> Blocked | None:
    try:
        async with asyncio.timeout(within_s):
            _, writer = await asyncio.open_connection(number, port)
    except TimeoutError:
        return Blocked(obstacle=Obstacle.SILENT, said=f"no reply within {within_s:g} s")
    except ConnectionRefusedError:
        return Blocked(obstacle=Obstacle.REFUSED, said="refused")
    except OSError as error:
        return Blocked(obstacle=Obstacle.NO_WAY, said=error.strerror or str(error))
    writer.transport.abort()
    return None


async def secured(host: str, number: str, port: int, within_s: float) -> Secured | Blocked:
    """Shakes hands at an address, as with the host of that name, and leaves."""
    try:
        return Secured(version=(await _handshake(host, number, port, within_s, httpx.create_ssl_context()))[0])
    except TimeoutError:
        return Blocked(obstacle=Obstacle.SILENT, said=f"no TLS handshake within {within_s:g} s")
    except ssl.SSLCertVerificationError as error:
        obstacle = Obstacle(_VERDICTS.get(error.verify_code, "unknown-authority"))
        certificate = await _certificate(host, number, port, within_s, obstacle)
        dates = {Obstacle.EXPIRED: "notAfter", Obstacle.NOT_YET_VALID: "notBefore"}
        until = certificate.get(dates[obstacle]) if obstacle in dates else None
        names = tuple(str(name) for _, name in certificate.get("subjectAltName", ()))[:_MOST_NAMES]
        return Blocked(obstacle=obstacle, said=error.verify_message, names=names, until=until and str(until))
    except ssl.SSLError as error:
        plain = any(word in str(error) for word in _NO_TLS)
        return Blocked(obstacle=Obstacle.NO_TLS if plain else Obstacle.TLS_FAILED, said=error.reason or str(error))
    except (OSError, EOFError) as error:
        return Blocked(obstacle=Obstacle.TLS_FAILED, said=f"closed the connection ({type(error).__name__})")


async def speaks_tls(host: str, number: str, port: int, within_s: float) -> bool:
    """Is TLS spoken there, whoever it is? Nothing is sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        await _handshake(host, number, port, within_s, context)
    except (OSError, EOFError):
        return False
    return True


async def speaks_http(number: str, port: int, within_s: float) -> bool:
    """Is plain HTTP spoken there? The question holds no host, path or key of ours."""
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(number, port)
            try:
                writer.write(b"HEAD / HTTP/1.0\r\n\r\n")
                return await reader.readexactly(5) == b"HTTP/"
            finally:
                writer.transport.abort()
    except (OSError, EOFError):
        return False


async def _certificate(host: str, number: str, port: int, within_s: float, obstacle: Obstacle) -> Mapping[str, Any]:
    """The certificate that was not trusted, where all but this one thing is right with it; else nothing."""
    context = httpx.create_ssl_context()
    if obstacle is Obstacle.WRONG_NAME:
        context.check_hostname = False
    elif obstacle in (Obstacle.EXPIRED, Obstacle.NOT_YET_VALID):
        context.check_hostname = False
        context.verify_flags |= _NO_CHECK_TIME
    else:
        return {}
    try:
        return (await _handshake(host, number, port, within_s, context))[1]
    except (OSError, EOFError):
        return {}


async def _handshake(
    host: str, number: str, port: int, within_s: float, context: ssl.SSLContext
) -> tuple[str, Mapping[str, Any]]:
    async with asyncio.timeout(within_s):
        _, writer = await asyncio.open_connection(number, port, ssl=context, server_hostname=host)
    shaken: Any = writer.get_extra_info("ssl_object")
    try:
        return str(shaken.version()), dict(shaken.getpeercert() or {})
    finally:
        writer.transport.abort()
