"""Who would notice a finding, what became of a trial, and the four consequences of a claim."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """Who would notice a broken rule."""

    MUST = "must"  # real clients break
    SHOULD = "should"  # api.openai.com never does this, and some clients mind
    MAY = "may"  # only the published document says otherwise, or it is an extension: a note, never counted


class Verdict(StrEnum):
    """What became of a trial; computed by `harness.judge`, never assigned."""

    PASS = "pass"
    WARN = "warn"
    IGNORED = "ignored"
    UNSUPPORTED = "unsupported"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"
    ERROR = "error"


class Kind(StrEnum):
    """The four consequences of a claim: what it means when it does not hold."""

    GIVEN = "given"  # inconclusive
    EFFECT = "effect"  # ignored
    EXPECT = "expect"  # fail
    PREFER = "prefer"  # warn
