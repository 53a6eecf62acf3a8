"""Calendars: when people are free, and when they are busy (contract section 5)."""

from datetime import datetime

import attrs

from boooply.errors import ValidationError
from boooply.models import validators
from boooply.models.request import RequestModel
from boooply.models.response import ABSENT, ResponseModel, field

minutes: validators.Validator = attrs.validators.optional(validators.number_between(5, unit="minutes", whole=True))
_days = attrs.validators.optional(validators.number_between(1, 30, unit="days", whole=True))


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Slot(RequestModel):
    """A span of time, from ``start`` to ``end``."""

    start: datetime
    end: datetime

    def __attrs_post_init__(self) -> None:
        if self.end < self.start:
            raise ValidationError("end", "is before start")


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

    email: str = attrs.field(validator=validators.email)
    duration_minutes: int | None = attrs.field(default=None, validator=minutes)
    days: int | None = attrs.field(default=None, validator=_days)


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class BusyBlocksQuery(RequestModel):
    """A query for busy blocks in the next ``days`` (14, at most 30)."""

    email: str = attrs.field(validator=validators.email)
    days: int | None = attrs.field(default=None, validator=_days)
