"""Calendars: when people are free, and when they are busy (contract section 5)."""

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
    """Require a duration that the API allows."""
    return cast("int", _minutes(value))


def days(value: int | None) -> int | None:
    """Require a number of days that the API looks ahead."""
    return cast("int", _days(value))


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Slot(RequestModel):
    """A span of time, from ``start`` to ``end``."""

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
    """The times at which a person is free."""

    calendar_connected: bool = field(
        "Whether the person has a calendar; without one, there are no slots.", default=False
    )
    email: str | None = field("The person's e-mail address.")
    duration_minutes: int | None = field("The length of each slot, in minutes.")
    days: int | None = field("The number of days from now that were searched.")
    slots: tuple[Slot, ...] = field("The free slots: Monday to Friday, 9:00 to 17:00.", default=ABSENT)
    total: int | None = field("The number of free slots.")
    message: str | None = field("Why there are no slots.")


@attrs.frozen(kw_only=True, slots=False)
class BusyBlocks(ResponseModel):
    """The times at which a person is busy."""

    calendar_connected: bool = field(
        "Whether the person has a calendar; without one, there are no blocks.", default=False
    )
    email: str | None = field("The person's e-mail address.")
    days: int | None = field("The number of days from now that were searched.")
    timezone: str | None = field("The time zone of the calendar, by its IANA name, such as Europe/Berlin.")
    busy_blocks: tuple[Slot, ...] = field("When the person is busy.", default=ABSENT)
    total: int | None = field("The number of busy blocks.")
    message: str | None = field("Why there are no blocks.")


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class AvailabilityQuery(RequestModel):
    """A query for free slots of ``duration_minutes`` (30) in the next ``days`` (14, at most 30)."""

    email: str = attrs.field(converter=validators.email)
    duration_minutes: int | None = attrs.field(default=None, converter=minutes)
    days: int | None = attrs.field(default=None, converter=days)


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class BusyBlocksQuery(RequestModel):
    """A query for busy blocks in the next ``days`` (14, at most 30)."""

    email: str = attrs.field(converter=validators.email)
    days: int | None = attrs.field(default=None, converter=days)
