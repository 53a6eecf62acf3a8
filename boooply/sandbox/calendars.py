"""Invented calendars of interviewers; the same address and day always give the same entries.

A calendar is connected unless the address starts with `unconnected`. Working hours are 9 to 17 UTC on weekdays. Each
working day has a lunch break and two meetings, at times that are derived from the address and the date.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from attrs import frozen

__all__ = ["TIMEZONE", "Block", "busy_blocks", "free_slots", "is_connected"]

TIMEZONE = "UTC"
DAY_STARTS, DAY_ENDS = time(9, tzinfo=UTC), time(17, tzinfo=UTC)
LUNCH = (180, 60)
MEETINGS = ((0, 5), (240, 7))
"""Before and after lunch: the earliest minute of the working day, and the number of half hours to choose from."""
STEP = timedelta(minutes=30)
SATURDAY = 5


@frozen
class Block:
    """A period of time."""

    start: datetime
    end: datetime

    def overlaps(self, other: "Block") -> bool:
        """Check whether the two periods overlap; periods that only touch do not."""
        return self.start < other.end and other.start < self.end


def is_connected(email: str) -> bool:
    """Check whether the owner of an address has connected a calendar."""
    return not email.lower().startswith("unconnected")


def _working_days(now: datetime, days: int) -> Iterator[date]:
    for offset in range(days + 1):
        day = (now + timedelta(days=offset)).date()
        if day.weekday() < SATURDAY:
            yield day


def _busy_on(email: str, day: date) -> list[Block]:
    opening = datetime.combine(day, DAY_STARTS)
    picks = hashlib.sha256(f"{email.lower()} {day.isoformat()}".encode()).digest()
    meetings = [
        (first + 30 * (pick % choices), 30 + 30 * (pick % 2))
        for (first, choices), pick in zip(MEETINGS, picks, strict=False)
    ]
    return [
        Block(opening + timedelta(minutes=start), opening + timedelta(minutes=start + length))
        for start, length in sorted([LUNCH, *meetings])
    ]


def busy_blocks(email: str, days: int, now: datetime) -> list[Block]:
    """Return the calendar entries of the next days, in order."""
    horizon = now + timedelta(days=days)
    return [
        block
        for day in _working_days(now, days)
        for block in _busy_on(email, day)
        if block.end > now and block.start < horizon
    ]


def free_slots(email: str, minutes: int, days: int, now: datetime) -> list[Block]:
    """Return the free slots for an interview: future, within working hours, and without a calendar entry."""
    length = timedelta(minutes=minutes)
    horizon = now + timedelta(days=days)
    slots: list[Block] = []
    for day in _working_days(now, days):
        busy = _busy_on(email, day)
        start, closing = datetime.combine(day, DAY_STARTS), datetime.combine(day, DAY_ENDS)
        while start + length <= closing:
            slot = Block(start, start + length)
            if now < start and slot.end <= horizon and not any(slot.overlaps(block) for block in busy):
                slots.append(slot)
            start += STEP
    return slots
