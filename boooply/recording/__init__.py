"""Writes that must happen once: each step is committed before what it records takes place."""

from boooply.recording.recorder import Claimed, Recorder, SharedKeyError

__all__ = ["Claimed", "Recorder", "SharedKeyError"]
