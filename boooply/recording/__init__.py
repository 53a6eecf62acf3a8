"""Writes that must happen only once. Each step is committed before the action that it records."""

from boooply.recording.recorder import Claimed, Recorder, SharedKeyError

__all__ = ["Claimed", "Recorder", "SharedKeyError"]
