"""The header fields of a reply: those of api.openai.com that say something about the API, and of no proxy before it."""

from __future__ import annotations

from email.utils import formatdate
from typing import Final

from harness.model import Headers, Request
from harness.reference.answer import letters
from harness.reference.speak import FIRST_DAY

_VERSION: Final = "2020-10-01"
_REQUESTS: Final = 10_000
_TOKENS: Final = 2_000_000


def document(request: Request, serial: int, took_ms: float, length: int) -> Headers:
    """Of a JSON answer."""
    return (
        *_always(request, serial, "application/json"),
        ("content-length", str(length)),
        *_served(took_ms),
        *_rate_limits(serial),
    )


def stream(request: Request, serial: int, took_ms: float) -> Headers:
    """Of an event stream."""
    return (
        *_always(request, serial, "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("transfer-encoding", "chunked"),
        *_served(took_ms),
        *_rate_limits(serial),
    )


def error(request: Request, serial: int, took_ms: float, length: int, *, gateway: bool) -> Headers:
    """Of an error; the gateway knows less of the request than the API behind it."""
    media_type = "application/json; charset=utf-8" if gateway else "application/json"
    served = () if gateway else (*_served(took_ms), *_rate_limits(serial))
    return (*_always(request, serial, media_type), ("content-length", str(length)), *served)


def preflight(request: Request, serial: int) -> Headers:
    """Of the answer to a browser that asks whether it may send a request."""
    wanted = _field(request, "access-control-request-headers") or "authorization, content-type"
    return (
        ("date", _date(serial)),
        ("content-length", "0"),
        ("access-control-allow-origin", _field(request, "origin") or "*"),
        ("access-control-allow-methods", "GET, POST, OPTIONS"),
        ("access-control-allow-headers", wanted),
        ("access-control-max-age", "86400"),
        ("vary", "Origin"),
        ("x-request-id", _identifier(request, serial)),
    )


def _always(request: Request, serial: int, media_type: str) -> Headers:
    return (
        ("date", _date(serial)),
        ("content-type", media_type),
        ("x-request-id", _identifier(request, serial)),
        ("access-control-allow-origin", _field(request, "origin") or "*"),
        ("access-control-expose-headers", "X-Request-ID, Retry-After"),
        ("vary", "Origin"),
        ("x-content-type-options", "nosniff"),
        ("server", "chatcompat-reference"),
    )


def _served(took_ms: float) -> Headers:
    return (("openai-version", _VERSION), ("openai-processing-ms", str(round(took_ms))))


def _rate_limits(serial: int) -> Headers:
    used = serial % _REQUESTS + 1
    return (
        ("x-ratelimit-limit-requests", str(_REQUESTS)),
        ("x-ratelimit-limit-tokens", str(_TOKENS)),
        ("x-ratelimit-remaining-requests", str(_REQUESTS - used)),
        ("x-ratelimit-remaining-tokens", str(_TOKENS - 100 * used)),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-reset-tokens", "3ms"),
    )


def _identifier(request: Request, serial: int) -> str:
    return f"req_{letters(32, 'request', serial, request.method, request.path).lower()}"


def _date(serial: int) -> str:
    return formatdate(FIRST_DAY + serial, usegmt=True)


def _field(request: Request, name: str) -> str | None:
    return next((value for key, value in request.headers if key == name), None)
