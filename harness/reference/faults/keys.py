"""What servers do with keys that are none."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Json, Request
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault
from harness.reference.refusal import Refusal

_WRONG = "Bearer not-a-key-0123456789"


@fault(Stage.REQUEST, caught_by=["auth/open-to-any-key"], field=["auth-empty-or-dummy-key"])
def refuses_words_that_stand_for_no_key(request: Request, asked: Asked) -> Request:
    """401 for `Bearer undefined`, though no key is needed (servers that look only whether there is a field)."""
    return _with_key(request, _WRONG) if _key(request) in ("undefined", "sk-no-key-required") else request


@fault(
    Stage.REFUSAL,
    caught_by=["auth/bad-scheme", "auth/wrong-key", "auth/wrong-key-streamed"],
    field=["auth-empty-or-dummy-key"],
)
def a_wrong_key_is_a_bad_request(refusal: Refusal, asked: Asked) -> Refusal:
    """400 for a key that is not known (LiteLLM without a database)."""
    if refusal.status == 401:
        refusal.status, refusal.code = 400, None
    return refusal


def _key(request: Request) -> str:
    return next((value for name, value in request.headers if name == "authorization"), "").partition(" ")[2]


def _with_key(request: Request, value: str) -> Request:
    return replace(request, headers=tuple((name, value if name == "authorization" else old) for name, old in request.headers))


@fault(Stage.ASKED, caught_by=["auth/no-key", "auth/open-to-any-key"])
def a_missing_key_is_forbidden(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """403 "Not authenticated" for a request without a key, not 401 (FastAPI's HTTPBearer before 2025)."""
    if all(name != "authorization" for name, _ in asked.request.headers):
        raise Refusal("Not authenticated", status=403, gateway=True)
    return body


@fault(Stage.ASKED, caught_by=["auth/empty-key"], field=["auth-empty-or-dummy-key"])
def crashes_on_a_scheme_without_a_key(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for `Bearer` alone: the field is split at its blank, and there is none (`IndexError`)."""
    if any(name == "authorization" and value.strip() == "Bearer" for name, value in asked.request.headers):
        raise Refusal("list index out of range", status=500, kind="server_error")
    return body


@fault(Stage.ASKED, caught_by=["auth/open-to-any-key", "auth/undefined-key"], field=["auth-empty-or-dummy-key"])
def crashes_on_a_key_that_is_none(body: dict[str, Json], asked: Asked) -> dict[str, Json]:
    """500 for `Bearer undefined`, which is looked up among keys of another form (gateways with virtual keys)."""
    if _key(asked.request) == "undefined":
        raise Refusal("invalid token: not enough segments", status=500, kind="server_error")
    return body
