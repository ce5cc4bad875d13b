"""reports/field.md: what is counted of recorded traffic, by host and rule; it quotes nothing, and says where it is from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from exchanges import ASK, TEXT

from harness import resources
from harness.cli import chatcompat

RECORDED: Final = Path(os.environ.get("CHATCOMPAT_RECORDINGS") or Path(__file__).parents[2] / "shared" / "recordings")


def record(host: str, body: Any, **more: Any) -> str:
    return json.dumps(
        {
            "method": "POST",
            "url": f"https://{host}/v1/chat/completions",
            "request_body": ASK,
            "status": 200,
            "response_headers": {"content-type": "application/json"},
            "response_body": json.dumps(body),
            "recorded_at": "2026-11-23T09:00:00Z",
            **more,
        }
    )


def page(folder: Path, *lines: str) -> list[str]:
    (folder / "traffic.jsonl").write_text("\n".join(lines), encoding="utf-8")
    CliRunner().invoke(chatcompat, ["lint", str(folder), "--quiet", "--format", "field", "--out", str(folder / "out")])
    return (folder / "out" / "field.md").read_text(encoding="utf-8").splitlines()


def test_hosts_and_rules_are_counted(tmp_path: Path) -> None:
    bad = {**TEXT, "object": "text"}
    written = page(tmp_path, record("a.example.com", bad), record("a.example.com", bad), record("b.example.com", TEXT))
    assert "2 hosts, 3 exchanges judged." in written
    assert "| 1 | `a.example.com` | 2026-11-23 | 2 | 0 | 0 | 2 | 1 | 0 | 0 |" in written
    assert "| `document.object-is-named` | 2 | 2 |" in written
    assert "Hosts: 1 `a.example.com`." in written


def test_where_it_was_published_is_said_with_its_licence(tmp_path: Path) -> None:
    published = {"source_repo": "owner/name", "license": "MIT"}
    written = page(tmp_path, *[record("a.example.com", TEXT, **published)] * 2, record("a.example.com", TEXT))
    assert "| `a.example.com` | `owner/name` | MIT | 2 |" in written
    assert "## Sources" not in page(tmp_path, record("a.example.com", TEXT))


@pytest.mark.parametrize("source", [7, None, [], "", "x" * 5000, "a\x1b[2J|<script>"])
def test_what_a_record_says_of_its_source_is_bounded_and_means_nothing(tmp_path: Path, source: Any) -> None:
    written = page(tmp_path, record("a.example.com", TEXT, source_repo=source, license=source))
    assert max(map(len, written)) < 400
    assert [] == [line for line in written if "\x1b" in line or "<script" in line]


def test_nothing_that_was_said_is_in_it(tmp_path: Path) -> None:
    said = json.loads(json.dumps(TEXT).replace("It is sunny.", "a secret of the recording"))
    assert "secret" not in "\n".join(page(tmp_path, record("a.example.com", {**said, "object": "secret", "secret": 1})))


@pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded traffic: set CHATCOMPAT_RECORDINGS to its folder")
def test_the_shipped_page_is_what_the_recordings_give(tmp_path: Path) -> None:
    """After a change of rules: `chatcompat lint ../shared/recordings --format field --out reports`."""
    CliRunner().invoke(chatcompat, ["lint", str(RECORDED), "--quiet", "--format", "field", "--out", str(tmp_path)])
    assert (resources.REPORTS / "field.md").read_text(encoding="utf-8") == (tmp_path / "field.md").read_text(encoding="utf-8")
