"""Query strings, and the filters of the list call.

An invalid value is a 400 that names the parameter. Unknown parameters are ignored. Bounds are inclusive. An interview
without the compared value, such as a score or a scheduled time, does not match.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from attrs import frozen

from boooply.sandbox.checks import is_email
from boooply.sandbox.evaluations import overall_score
from boooply.sandbox.records import Interview
from boooply.sandbox.wire import SandboxError, malformed, missing, parse_time, whole_number

__all__ = ["CalendarQuery", "ListQuery", "Page", "read_calendar_query", "read_list_query", "select"]

T = TypeVar("T")
Ordered = TypeVar("Ordered", datetime, float)
Query = Mapping[str, str]

STATUSES = ("SCHEDULED", "ACTIVE", "COMPLETED", "CANCELLED", "FAILED")
KIND_OF_TYPE = {"AI_ONLY": "AI", "HUMAN": "HUMAN", "TEAM": "TEAM"}
MAX_SCORE = 100
WORKING_DAY_MINUTES = 480


def _bad(name: str, rule: str) -> SandboxError:
    return malformed(f"{name} {rule}", "INVALID_PARAMETER")


def _read(query: Query, name: str, parse: Callable[[str], T | None], rule: str, default: T) -> T:
    if name not in query:
        return default
    value = parse(query[name])
    if value is None:
        raise _bad(name, rule)
    return value


def _integer(query: Query, name: str, default: int, minimum: int, maximum: int | None = None) -> int:
    def parse(text: str) -> int | None:
        number = whole_number(text)
        is_within = number is not None and number >= minimum and (maximum is None or number <= maximum)
        return number if is_within else None

    bounds = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    return _read(query, name, parse, f"must be a whole number {bounds}", default)


def _score(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= MAX_SCORE else None


def _statuses(text: str) -> frozenset[str] | None:
    statuses = frozenset(text.split(","))
    return statuses if statuses <= frozenset(STATUSES) else None


def _date_field(text: str) -> str | None:
    return text if text in {"created", "scheduled"} else None


@frozen(kw_only=True)
class ListQuery:
    """The filters and the page of a list call; None means no filter."""

    statuses: frozenset[str] | None
    kind: str | None
    search: str
    source_id: str | None
    date_field: str
    date_from: datetime | None
    date_to: datetime | None
    score_min: float | None
    score_max: float | None
    page: int
    limit: int

    def accepts(self, interview: Interview) -> bool:
        """Check whether an interview matches every filter."""
        date = interview.created_at if self.date_field == "created" else interview.scheduled_at
        return (
            (self.statuses is None or interview.status in self.statuses)
            and (self.kind is None or interview.kind == self.kind)
            and (self.source_id is None or interview.source_id == self.source_id)
            and _within(date, self.date_from, self.date_to)
            and _within(overall_score(interview), self.score_min, self.score_max)
            and _mentions(interview, self.search)
        )


def read_list_query(query: Query) -> ListQuery:
    """Read the query of a list call.

    Raises:
        SandboxError: 400 for an invalid value; the message names the parameter.
    """
    time = "must be an ISO 8601 time with an offset"
    score = f"must be a number from 0 to {MAX_SCORE}"
    return ListQuery(
        statuses=_read(query, "status", _statuses, f"must be one or several of {', '.join(STATUSES)}", None),
        kind=_read(query, "type", KIND_OF_TYPE.get, f"must be one of {', '.join(KIND_OF_TYPE)}", None),
        search=query.get("search", "").casefold(),
        source_id=query.get("sourceId"),
        date_field=_read(query, "dateField", _date_field, "must be created or scheduled", "created"),
        date_from=_read(query, "dateFrom", parse_time, time, None),
        date_to=_read(query, "dateTo", parse_time, time, None),
        score_min=_read(query, "scoreMin", _score, score, None),
        score_max=_read(query, "scoreMax", _score, score, None),
        page=_integer(query, "page", 1, minimum=1),
        limit=_integer(query, "limit", 20, minimum=1, maximum=100),
    )


def _within(value: Ordered | None, minimum: Ordered | None, maximum: Ordered | None) -> bool:
    if minimum is None and maximum is None:
        return True
    if value is None:
        return False
    return (minimum is None or value >= minimum) and (maximum is None or value <= maximum)


def _mentions(interview: Interview, words: str) -> bool:
    if not words:
        return True
    candidates = [person for person in interview.participants if person.role == "CANDIDATE"]
    about = (interview.code, interview.title, interview.details.get("jobRole", ""))
    texts = (*about, *(text for person in candidates for text in (person.name, person.email)))
    return any(words in text.casefold() for text in texts)


@frozen(kw_only=True)
class Page:
    """A page of a list, and its pagination."""

    interviews: tuple[Interview, ...]
    page: int
    limit: int
    total: int

    @property
    def total_pages(self) -> int:
        """The number of pages; 0 if nothing was found."""
        return math.ceil(self.total / self.limit)


def select(interviews: Iterable[Interview], query: ListQuery) -> Page:
    """Return the requested page in the given order; a page after the last one is empty."""
    found = [interview for interview in interviews if query.accepts(interview)]
    start = (query.page - 1) * query.limit
    return Page(
        interviews=tuple(found[start : start + query.limit]), page=query.page, limit=query.limit, total=len(found)
    )


@frozen(kw_only=True)
class CalendarQuery:
    """The parameters of a calendar call."""

    email: str
    duration_minutes: int
    days: int


def read_calendar_query(query: Query) -> CalendarQuery:
    """Read the query of a call for availability or busy blocks.

    Raises:
        SandboxError: 400 for an invalid value; the message names the parameter.
    """
    if "email" not in query:
        raise missing("email")
    if not is_email(query["email"]):
        raise _bad("email", "must be an e-mail address")
    return CalendarQuery(
        email=query["email"],
        duration_minutes=_integer(query, "duration", 30, minimum=5, maximum=WORKING_DAY_MINUTES),
        days=_integer(query, "days", 14, minimum=1, maximum=30),
    )
