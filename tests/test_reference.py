"""The reference server, without faults, is what api.openai.com is: nothing is found in anything that it says."""

from __future__ import annotations

from reference_runs import complaints, faultless


def test_the_reference_server_passes_every_case_without_any_finding() -> None:
    said = [complaint for _, _, judged, _ in faultless() for complaint in complaints(judged)]
    assert [] == said
