"""Calendars: when people are free and when they are busy."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast

import attrs

from boooply.errors import ValidationError
from boooply.models import validators
from boooply.models.request import RequestModel
from boooply.models.response import ABSENT, ResponseModel, field

_minutes = validators.number_between(5, unit="minutes", whole=True)
_days = validators.number_between(1, 30, unit="days", whole=True)


def minutes(value: int | None) -> int | None:
    """Require an interview duration that the API accepts, in minutes."""
    return cast("int", _minutes(value))


def days(value: int | None) -> int | None:
    """Require a number of days that the API can look ahead."""
    return cast("int", _days(value))


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Slot(RequestModel):
    """A span of time, from ``start`` to ``end``.

    Raises:
        ValidationError: A time has no time zone, or ``end`` is before ``start``.
    """

    start: datetime = attrs.field(converter=validators.time)
    end: datetime = attrs.field(converter=validators.time)

    def __attrs_post_init__(self) -> None:
        if self.end < self.start:
            raise ValidationError("end", "is before start")


_slots = validators.each_item(validators.instance_of(Slot))


def slots(value: Iterable[Slot | Mapping[str, object]]) -> tuple[Slot, ...]:
    """Require a list of slots."""
    return _slots(value)


@attrs.frozen(kw_only=True, slots=False)
class Availability(ResponseModel):
    """The times at which a person is free, from ``interviews.get_availability``."""

    calendar_connected: bool = field(
        "Whether the person has connected a calendar. If not, there are no slots.", default=False
    )
    email: str | None = field("The person's e-mail address.")
    duration_minutes: int | None = field("The duration of each slot, in minutes.")
    days: int | None = field("The number of days that were searched, from now.")
    slots: tuple[Slot, ...] = field("The free slots, Monday to Friday between 9:00 and 17:00.", default=ABSENT)
    total: int | None = field("The number of free slots.")
    message: str | None = field("The API's explanation if there are no slots.")


@attrs.frozen(kw_only=True, slots=False)
class BusyBlocks(ResponseModel):
    """The times at which a person is busy, from ``interviews.get_busy_blocks``."""

    calendar_connected: bool = field(
        "Whether the person has connected a calendar. If not, there are no blocks.", default=False
    )
    email: str | None = field("The person's e-mail address.")
    days: int | None = field("The number of days that were searched, from now.")
    timezone: str | None = field("The IANA name of the calendar's time zone, such as Europe/Berlin.")
    busy_blocks: tuple[Slot, ...] = field("The times at which the person is busy.", default=ABSENT)
    total: int | None = field("The number of busy blocks.")
    message: str | None = field("The API's explanation if there are no blocks.")


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class AvailabilityQuery(RequestModel):
    """The query of ``interviews.get_availability``."""

    email: str = attrs.field(converter=validators.email)
    duration_minutes: int | None = attrs.field(default=None, converter=minutes)
    days: int | None = attrs.field(default=None, converter=days)


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class BusyBlocksQuery(RequestModel):
    """The query of ``interviews.get_busy_blocks``."""

    email: str = attrs.field(converter=validators.email)
    days: int | None = attrs.field(default=None, converter=days)
