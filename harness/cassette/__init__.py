"""Cassettes: the recorded conversation of one case with one endpoint, in vcrpy's file format.

A cassette is a transport, not a patch: a `Recorder` stands before the network, a `Player` in its place. vcrpy's own
`use_cassette` joins a stream to one blob even while it records, and cannot keep a stream that breaks.
"""

from harness.cassette.file import Cassette, Interaction, in_folder, metadata, read, write
from harness.cassette.profile import endpoints, profile_text, write_profile
from harness.cassette.transports import Player, Recorder

__all__ = [
    "Cassette",
    "Interaction",
    "Player",
    "Recorder",
    "endpoints",
    "in_folder",
    "metadata",
    "profile_text",
    "read",
    "write",
    "write_profile",
]
