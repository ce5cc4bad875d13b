"""An interaction of a cassette: vcrpy's, of any of its versions and serializers, and that of Ruby's VCR.

Bodies are text, bytes, null, `{string: …}` or `{base64_string: …}`; some projects keep `parsed_body` in their place.
"""

from __future__ import annotations

from typing import Any

from harness.model import Ending, Evidence
from harness.reading import obj
from harness.recordings.bodies import Unreadable, encoded, unbase64, unpacked
from harness.recordings.record import Record, fields, record


def interaction(said: Any) -> Record:
    """The record of an interaction. Raises Unreadable."""
    asked, answered = obj(said).get("request"), obj(said).get("response")
    if not isinstance(asked, dict) or not isinstance(answered, dict):
        raise Unreadable("the interaction has no `request` and `response`")
    sent, headers = fields(asked.get("headers")), fields(answered.get("headers"))
    status: Any = answered.get("status", answered.get("status_code"))
    content = _body(answered)
    date = next((value for name, value in headers if name == "date"), None)
    body = _body(asked)
    return record(
        method=asked.get("method"),
        url=asked.get("uri", asked.get("url")),
        sent=sent,
        asked=unpacked(body, sent) if body else None,
        status=status.get("code") if isinstance(status, dict) else status,
        headers=headers,
        body=unpacked(content or b"", headers),
        recorded_at=obj(said).get("recorded_at") or date,
        lost=(Evidence.BYTES,) if "parsed_body" in answered else (),
        ended=_ended(answered.get("ended")),
    )


def _ended(said: Any) -> Ending:
    """How the reply ended, where it is a cassette of ours and says so."""
    return next((ending for ending in Ending if ending.value == said), Ending.CLOSED)


def _body(message: dict[str, Any]) -> bytes | None:
    if "parsed_body" in message:
        return encoded(message["parsed_body"])
    said = message.get("body", message.get("content"))
    if isinstance(said, dict):
        if "base64_string" in said:
            return unbase64(said["base64_string"], "`base64_string`")
        said = said.get("string")
    if said is None or isinstance(said, str | bytes):
        return None if said is None else encoded(said)
    raise Unreadable("a body is neither text nor bytes")
