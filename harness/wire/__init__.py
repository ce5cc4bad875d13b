"""The wire: sends requests, and gives back what came, as it came.

A `Wire` holds the conversation with one endpoint through a transport. The `Network` is the transport that reaches the
endpoint: it alone knows its address and its keys. What is between the two (a cassette that records) sees neither.
"""

from harness.wire.network import Network, credentials, variables, with_optional_headers
from harness.wire.sending import LEFT, Pace, Spent, Wire, sent_headers
from harness.wire.tape import NotRecorded, Tape, tape_of

__all__ = [
    "LEFT",
    "Network",
    "NotRecorded",
    "Pace",
    "Spent",
    "Tape",
    "Wire",
    "credentials",
    "sent_headers",
    "tape_of",
    "variables",
    "with_optional_headers",
]
