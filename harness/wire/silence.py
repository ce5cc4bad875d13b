"""Why there is no reply, in words: the address, what happened, and the way out."""

from __future__ import annotations

import errno
import socket
import ssl
from urllib.parse import urlsplit

import httpx

from harness.model import Limits, Silence
from harness.reading import brief


def address(url: str) -> str:
    """A URL for a message, without user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def explained(error: httpx.TransportError, url: str, limits: Limits, proxy: str | None = None) -> tuple[Silence, str]:
    """What an exception of httpx, raised before a response began, says of an endpoint.

    `proxy` is the address of the proxy that the request went through.
    """
    where = address(url)
    through = f" (through the proxy {address(proxy)})" if proxy else ""
    causes = _causes(error)
    if isinstance(error, httpx.ConnectTimeout):
        said = f"no connection within {limits.connect_s:g} s; check the address and the network, or raise `limits: connect_s`"
        return Silence.UNREACHABLE, f"{where}{through}: {said}"
    if isinstance(error, httpx.ProxyError):
        return Silence.UNREACHABLE, f"{where}{through}: the proxy refused: {_quoted(error)}; check HTTPS_PROXY and NO_PROXY"
    if isinstance(error, httpx.ConnectError):
        return Silence.UNREACHABLE, f"{where}{through}: {_unconnected(causes, where)}"
    if isinstance(error, httpx.WriteTimeout | httpx.ReadTimeout):
        said = f"took no request within {limits.first_byte_s:g} s; raise `limits: first_byte_s`, or look at the server"
        return Silence.TIMED_OUT, f"{where}{through}: {said}"
    said = str(error)
    if "without sending a response" in said or isinstance(error, httpx.NetworkError):
        return Silence.BROKEN, f"{where}{through}: closed the connection without a response; look at the server's log"
    hint = "is this port an HTTP server's?"
    if url.startswith("http:") and ("\\x15\\x03" in said or "\\x16\\x03" in said):
        hint = "it speaks TLS: write https:// in the base URL"
    return Silence.BROKEN, f"{where}{through}: answered with something other than HTTP ({_quoted(error)}); {hint}"


def _unconnected(causes: list[BaseException], where: str) -> str:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its TLS certificate is not trusted ({brief(cause.verify_message)[1:-1]});"
                " use the name it was issued for, or set SSL_CERT_FILE to the authority's file"
            )
        if isinstance(cause, ssl.SSLError):
            if "WRONG_VERSION_NUMBER" in str(cause) or "RECORD_LAYER" in str(cause):
                return "no TLS is spoken there; write http:// in the base URL"
            return f"TLS failed ({brief(cause.reason or 'no reason given')[1:-1]}); check that https:// and the port are right"
        if isinstance(cause, socket.gaierror):
            host = urlsplit(where).hostname or where
            return f"the name {brief(host)[1:-1]} has no address ({cause.strerror}); check its spelling and the DNS"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused; is the server running, and is the port right?"
    numbered = next((cause for cause in causes if isinstance(cause, OSError) and cause.errno), None)
    if numbered is None and any("All connection attempts failed" in str(cause) for cause in causes):
        return "connection refused; is the server running, and is the port right?"
    what = errno.errorcode.get(numbered.errno or 0, "no reason given") if numbered else brief(str(causes[0]))[1:-1]
    return f"cannot be connected to ({what}); check the address and the network"


def _causes(error: BaseException) -> list[BaseException]:
    """The exception, what it came from, and what those group, outermost first. Bounded."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(found) < 30:
        one = waiting.pop(0)
        if one is None or one in found:
            continue
        found.append(one)
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return found


def _quoted(error: Exception) -> str:
    return brief(str(error), 120)[1:-1] or type(error).__name__
