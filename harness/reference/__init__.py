"""The reference server: deterministic, conformant, and wrong only where a named fault says so."""

from harness.reference.fault import Change, Fault, Stage, all_faults, faults_named
from harness.reference.lookalike import Lookalike, all_lookalikes, lookalikes_named
from harness.reference.routes import KEY, MODELS, reply

__all__ = [
    "KEY",
    "MODELS",
    "Change",
    "Fault",
    "Lookalike",
    "Stage",
    "all_faults",
    "all_lookalikes",
    "faults_named",
    "lookalikes_named",
    "reply",
]
