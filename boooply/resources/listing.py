"""The filters of a list, and the iteration over all its pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Final

from boooply.models import Interview, InterviewFilters

if TYPE_CHECKING:
    from boooply.resources.interviews import AsyncInterviews

_LARGEST_PAGE: Final = 100


def check_filters(method: str, filters: Mapping[str, object]) -> None:
    """Check the names of the filters that a method received.

    Raises:
        TypeError: There is no filter of that name. The text is that of Python for an unknown argument.
    """
    for name in filters:
        if name not in InterviewFilters.__annotations__:
            raise TypeError(f"{method}() got an unexpected keyword argument {name!r}")


async def all_interviews(interviews: AsyncInterviews, filters: InterviewFilters) -> AsyncIterator[Interview]:
    """Iterate over the interviews of all pages, each once."""
    seen: set[str] = set()
    number, read = 1, 0
    while True:
        page = await interviews.list(page=number, limit=_LARGEST_PAGE, **filters)
        known = len(seen)
        for interview in page.items:
            if interview.meeting_code not in seen:
                seen.add(interview.meeting_code)
                yield interview
        read += len(page.items)
        # An API that ignores `page` repeats itself. New interviews can also move all known ones to this page.
        may_be_repeated = number >= (page.total_pages or 0) or page.page < number
        if page.is_last(read) or (len(seen) == known and may_be_repeated):
            return
        number += 1
