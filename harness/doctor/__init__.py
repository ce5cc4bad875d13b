"""What is the first thing that is wrong with an endpoint, and what is to be done about it?

`examine` goes from the name of the host to a streamed answer, step by step, and stops at the first step that is wrong.
Each step says what was seen and what to do. Nothing is ever sent to another host than the endpoint's own: redirects are
told and not followed, and no key is sent before an answer without one has shown that the way is free.
"""

from harness.doctor.diagnosis import STEPS, Diagnosis, Facts, State, Step
from harness.doctor.examination import examine

__all__ = ["STEPS", "Diagnosis", "Facts", "State", "Step", "examine"]
