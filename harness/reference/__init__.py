"""The reference server: deterministic, conformant, and wrong only where a named fault says so."""

from harness.reference.fault import Fault, Stage, all_faults, faults_named
from harness.reference.routes import KEY, MODELS, reply

__all__ = ["KEY", "MODELS", "Fault", "Stage", "all_faults", "faults_named", "reply"]
