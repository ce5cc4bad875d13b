"""Reports as they are read back: anybody may have written the file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from harness.errors import BadInput
from harness.reading import brief
from harness.resources import SCHEMAS


def read(path: Path) -> dict[str, Any]:
    """The report in a file (or in `report.json` of a folder). Raises BadInput where it is none."""
    from harness import contract

    file = path / "report.json" if path.is_dir() else path
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{file}: no such file; `chatcompat run` writes chatcompat-report/report.json") from None
    except OSError as error:
        raise BadInput(f"{file}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{file}: is no report.json: {brief(str(error), 120)[1:-1]}") from None
    schema = json.loads((SCHEMAS / "harness" / "report.json").read_text(encoding="utf-8"))
    errors = contract.compiled(schema).errors(document)
    if errors:
        said = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise BadInput(f"{file}: is no report of chatcompat: {said.at or 'the document'}: {said.message}{more}")
    slip = _dangling(document)
    if slip is not None:
        raise BadInput(f"{file}: is no report of chatcompat: {slip}")
    return document  # type: ignore[no-any-return]


def _dangling(document: dict[str, Any]) -> str | None:
    """What a schema cannot say: names lead somewhere."""
    trials = set()
    for result in document["results"]:
        if result["endpoint"] not in document["endpoints"]:
            return f"a result names the endpoint {brief(result['endpoint'])}, which is not in it"
        trials.add((result["endpoint"], result["case"], result["stream"]))
    for row in document["protocol"]:
        if row["endpoints"].keys() != document["endpoints"].keys():
            return f"the row {brief(row['rule'])} of the protocol is not of its endpoints"
        for name, cell in row["endpoints"].items():
            first = cell["first"]
            if (first is None) != (cell["broken"] == 0) or (first and (name, first["case"], first["stream"]) not in trials):
                return f"the row {brief(row['rule'])} of the protocol names no trial of {brief(name)}"
    return None


def printable(text: str) -> str:
    """Text for stdout, whatever its encoding can hold."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
