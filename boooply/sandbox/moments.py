"""How the wire writes a time."""

from datetime import UTC, datetime
from typing import overload

__all__ = ["iso"]


@overload
def iso(moment: datetime) -> str: ...
@overload
def iso(moment: datetime | None) -> str | None: ...
def iso(moment: datetime | None) -> str | None:
    """Write a time as the vendor's JavaScript does, in UTC with milliseconds and a Z; None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
