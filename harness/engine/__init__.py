"""Holds the conversations: as many at once as allowed, prerequisites first, each to its outcome.

`conduct` holds one trial over one wire. `run` holds all trials of a plan, live, from cassettes, or recording them. What
an outcome amounts to is said by `harness.judge` alone.
"""

from harness.engine.conversation import conduct
from harness.engine.model_choice import unlisted, with_model
from harness.engine.observer import Observer, Unobserved
from harness.engine.run import INTERRUPTED, Mode, run

__all__ = ["INTERRUPTED", "Mode", "Observer", "Unobserved", "conduct", "run", "unlisted", "with_model"]
