"""What keeps a page of another origin from using an endpoint."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Reply
from harness.reference.answer import Asked
from harness.reference.fault import Stage, fault


@fault(Stage.REPLY, caught_by=["cors/preflight", "cors/sdk-preflight"], field=["cors-preflight"])
def wants_a_key_of_a_preflight(replied: Reply, asked: Asked) -> Reply:
    """401 to a preflight, which never has a key (authentication that stands before CORS)."""
    return replace(replied, status=401) if asked.request.method == "OPTIONS" else replied


@fault(Stage.REPLY, caught_by=["cors/preflight", "cors/sdk-preflight"], field=["cors-preflight"])
def lets_no_key_in(replied: Reply, asked: Asked) -> Reply:
    """`access-control-allow-headers` names the content type alone, so that a browser sends no key."""
    return _allowing(replied, "content-type")


@fault(Stage.REPLY, caught_by=["cors/sdk-preflight"], field=["cors-preflight"])
def lets_two_fields_in(replied: Reply, asked: Asked) -> Reply:
    """`access-control-allow-headers` is a list of two that does not know the fields of the OpenAI SDK."""
    return _allowing(replied, "authorization, content-type")


@fault(Stage.REPLY, caught_by=["headers.allows-the-origin"], field=["cors-on-errors"])
def errors_are_for_its_own_page(replied: Reply, asked: Asked) -> Reply:
    """No `access-control-allow-origin` on errors (Starlette's CORS middleware inside the one for errors)."""
    if replied.status < 400:
        return replied
    return replace(replied, headers=tuple(field for field in replied.headers if field[0] != "access-control-allow-origin"))


@fault(Stage.REPLY, caught_by=["headers.allows-the-origin"])
def streams_are_for_its_own_page(replied: Reply, asked: Asked) -> Reply:
    """No `access-control-allow-origin` on streams (handlers that write the head of the response themselves)."""
    if not (replied.header("content-type") or "").startswith("text/event-stream"):
        return replied
    return replace(replied, headers=tuple(field for field in replied.headers if field[0] != "access-control-allow-origin"))


def _allowing(replied: Reply, names: str) -> Reply:
    headers = tuple((key, names if key == "access-control-allow-headers" else value) for key, value in replied.headers)
    return replace(replied, headers=headers)
