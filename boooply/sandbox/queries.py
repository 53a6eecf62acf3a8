"""Query strings: reading them strictly, and what the list call does with its filters (section 5.3).

A bad value is a 400 that names the parameter. Parameters that the contract does not name are passed over. Bounds are
inclusive. An interview that lacks what a bound compares (a score, a scheduled time) is outside of it.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from attrs import frozen

from boooply.sandbox.checks import is_address, parse_moment
from boooply.sandbox.errors import SandboxError, malformed, missing
from boooply.sandbox.evaluations import overall_score
from boooply.sandbox.records import Interview

__all__ = ["CalendarQuery", "ListQuery", "Page", "read_calendar_query", "read_list_query", "select"]

T = TypeVar("T")
Ordered = TypeVar("Ordered", datetime, float)
Query = Mapping[str, str]

STATUSES = ("SCHEDULED", "ACTIVE", "COMPLETED", "CANCELLED", "FAILED")
KIND_OF_TYPE = {"AI_ONLY": "AI", "HUMAN": "HUMAN", "TEAM": "TEAM"}
MOST_SCORE = 100
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


def _whole(query: Query, name: str, default: int, least: int, most: int | None = None) -> int:
    def parse(text: str) -> int | None:
        # int() would also take "1_0", " 1 " and digits of other scripts.
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 - no cap
        return number if number >= least and (most is None or number <= most) else None

    span = f"of at least {least}" if most is None else f"from {least} to {most}"
    return _read(query, name, parse, f"must be a whole number {span}", default)


def _score(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= MOST_SCORE else None


def _statuses(text: str) -> frozenset[str] | None:
    wanted = frozenset(text.split(","))
    return wanted if wanted <= frozenset(STATUSES) else None


def _date_field(text: str) -> str | None:
    return text if text in {"created", "scheduled"} else None


@frozen(kw_only=True)
class ListQuery:
    """Hold what a list call asks for; None means no filter."""

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
        """Tell whether an interview passes every filter."""
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
    """Read the query of a list call, or refuse it."""
    time = "must be an ISO 8601 time with an offset"
    score = f"must be a number from 0 to {MOST_SCORE}"
    return ListQuery(
        statuses=_read(query, "status", _statuses, f"must be one or several of {', '.join(STATUSES)}", None),
        kind=_read(query, "type", KIND_OF_TYPE.get, f"must be one of {', '.join(KIND_OF_TYPE)}", None),
        search=query.get("search", "").casefold(),
        source_id=query.get("sourceId"),
        date_field=_read(query, "dateField", _date_field, "must be created or scheduled", "created"),
        date_from=_read(query, "dateFrom", parse_moment, time, None),
        date_to=_read(query, "dateTo", parse_moment, time, None),
        score_min=_read(query, "scoreMin", _score, score, None),
        score_max=_read(query, "scoreMax", _score, score, None),
        page=_whole(query, "page", 1, least=1),
        limit=_whole(query, "limit", 20, least=1, most=100),
    )


def _within(value: Ordered | None, least: Ordered | None, most: Ordered | None) -> bool:
    if least is None and most is None:
        return True
    if value is None:
        return False
    return (least is None or value >= least) and (most is None or value <= most)


def _mentions(interview: Interview, words: str) -> bool:
    if not words:
        return True
    people = (text for person in interview.participants for text in (person.name, person.email))
    return any(words in text.casefold() for text in (interview.title, interview.details.get("jobRole", ""), *people))


@frozen(kw_only=True)
class Page:
    """Hold one page of a list and what its pagination says."""

    interviews: tuple[Interview, ...]
    page: int
    limit: int
    total: int

    @property
    def total_pages(self) -> int:
        """Return the number of pages: 0 if nothing was found."""
        return math.ceil(self.total / self.limit)


def select(interviews: Iterable[Interview], query: ListQuery) -> Page:
    """Return the page that was asked for, in the order given; a page past the end is empty."""
    found = [interview for interview in interviews if query.accepts(interview)]
    start = (query.page - 1) * query.limit
    return Page(
        interviews=tuple(found[start : start + query.limit]), page=query.page, limit=query.limit, total=len(found)
    )


@frozen(kw_only=True)
class CalendarQuery:
    """Hold what a calendar call asks for."""

    email: str
    duration_minutes: int
    days: int


def read_calendar_query(query: Query) -> CalendarQuery:
    """Read the query of availability or busy blocks, or refuse it."""
    if "email" not in query:
        raise missing("email")
    if not is_address(query["email"]):
        raise _bad("email", "must be an e-mail address")
    return CalendarQuery(
        email=query["email"],
        duration_minutes=_whole(query, "duration", 30, least=5, most=WORKING_DAY_MINUTES),
        days=_whole(query, "days", 14, least=1, most=30),
    )
