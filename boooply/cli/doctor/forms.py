"""Checks of the forms of responses: the rate-limit headers, and the place of the result."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from boooply.cli.doctor.connection import NO_RESPONSE, PLATFORM_KEY_ONLY, REFUSED
from boooply.cli.doctor.findings import (
    EXPECTED_SIZE,
    Finding,
    Observed,
    Reading,
    differs,
    is_name,
    named,
    not_checked,
    passed,
)
from boooply.errors import DecodingError
from boooply.models import Page
from boooply.protocol.header_values import number
from boooply.ratelimit.headers import read_headers

Payload = dict[str, Any]

NO_INTERVIEW: Final = "the organization has no interview"
NO_EVALUATION: Final = f"none of the newest {EXPECTED_SIZE} interviews has an evaluation"

_LIMITS: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_CLIENT_ERRORS: Final = range(300, 500)  # and redirects
_TOO_MANY: Final = 429
_READS: Final = 100
_WINDOW: Final = 60.0
_MARGIN: Final = 2.0  # seconds, since times in headers are whole seconds
_EPOCH_SECONDS: Final = 1e8
_EPOCH_MILLISECONDS: Final = 1e11
_RATE_LIMIT: Final = re.compile(r"(?i)(?:x-)?rate-?limit[a-z-]{0,30}|retry-after")


def unread(observed: Observed, reading: Reading | None, missing: str) -> Finding | None:
    """Return why the form of a response is unknown, or None if the response was read."""
    if not observed.settings.has_organization_key:
        return not_checked(PLATFORM_KEY_ONLY)
    if reading is None:
        is_accepted = observed.organization is not None and observed.organization.is_ok
        return not_checked(missing if is_accepted else NO_RESPONSE)
    if isinstance(reading.error, DecodingError):
        return differs("the SDK cannot read it", reading.error.problems)
    if reading.is_ok:
        return None
    is_refused = reading is observed.organization and reading.status in REFUSED
    is_telling = reading.status in _CLIENT_ERRORS and reading.status != _TOO_MANY and not is_refused
    return differs(f"HTTP {reading.status} instead of a result") if is_telling else not_checked(NO_RESPONSE)


# ---- rate limits


def rate_limit_headers(observed: Observed) -> Finding:
    """Check which rate-limit headers every response has, and the form of the reset."""
    headers = _headers(observed)
    if not headers:
        return _no_headers(observed)
    missing = [name for name in _LIMITS if any(name not in one for one in headers)]
    others = {name for one in headers for name in one if _RATE_LIMIT.fullmatch(name)}
    unknown = sorted(name for name in others if name.casefold() not in {one.casefold() for one in _LIMITS})
    also = f"; also {', '.join(unknown)}" if unknown else ""
    if missing:
        return differs(f"some responses lack {', '.join(missing)}{also}")
    forms = sorted({_reset_form(one["X-RateLimit-Reset"]) for one in headers})
    text = f"Limit, Remaining and Reset; Reset in {' or '.join(forms)}{also}"
    return differs(text) if _UNREADABLE in forms or len(forms) > 1 else passed(text)


_UNREADABLE: Final = "a form that the SDK cannot read"


def _reset_form(value: str) -> str:
    found = number(value)
    if found is not None:
        if found < _EPOCH_SECONDS:
            return "seconds from now"
        return "seconds since 1970" if found < _EPOCH_MILLISECONDS else "milliseconds since 1970"
    try:
        datetime.fromisoformat(value.strip())
    except ValueError:
        return _UNREADABLE
    return "ISO 8601"


def rate_limit_reads(observed: Observed) -> Finding:
    """Check how many reads the API allows per window."""
    limits = {limit for one in _headers(observed) if (limit := read_headers(one).limit) is not None}
    if not limits:
        return _no_headers(observed)
    shown = " and ".join(f"{limit:,}" for limit in sorted(limits))
    if limits == {_READS}:
        return passed(f"{shown} per window, as documented")
    return differs(f"{shown} per window, where {_READS} are documented")


def rate_limit_window(observed: Observed) -> Finding:
    """Check how long a window lasts, and whether it was open before the first request."""
    read = [read_headers(one) for one in _headers(observed)]
    rests = [one.resets_in for one in read if one.resets_in is not None]
    if not rests:
        return _no_headers(observed)
    text = f"{rests[0]:,.0f} s left at the first request"
    if max(rests) > _WINDOW + _MARGIN:
        return differs(f"{max(rests):,.0f} s left, which is longer than a minute")
    first = read[0]
    is_first_call = first.limit is not None and first.remaining == first.limit - 1
    is_fixed = is_first_call and rests[0] < _WINDOW - _MARGIN
    return passed(f"{text}: the window is fixed, not sliding" if is_fixed else text)


def _headers(observed: Observed) -> list[Mapping[str, str]]:
    responses = (reading.exchange.response for reading in observed.with_key if reading.is_ok)
    return [response.headers for response in responses if response is not None]


def _no_headers(observed: Observed) -> Finding:
    if not observed.settings.has_organization_key:
        return not_checked(PLATFORM_KEY_ONLY)
    return not_checked("no response has rate-limit headers" if _headers(observed) else NO_RESPONSE)


# ---- where the result is


def organization_form(observed: Observed) -> Finding:
    """Check where the organization is in its response."""
    return _form(observed, observed.organization, "organization", NO_RESPONSE)


def interview_form(observed: Observed) -> Finding:
    """Check where an interview is in its response."""
    return _form(observed, observed.interview, "meeting", NO_INTERVIEW)


def evaluation_form(observed: Observed) -> Finding:
    """Check where an evaluation is in its response."""
    return _form(observed, observed.evaluation, "evaluation", NO_EVALUATION)


def _form(observed: Observed, reading: Reading | None, name: str, missing: str) -> Finding:
    problem = unread(observed, reading, missing)
    if problem is not None or reading is None or reading.payload is None:
        return problem or not_checked(NO_RESPONSE)
    if name not in reading.payload:
        return passed("fields at the top level: the other published form")
    is_empty = reading.payload[name] is None
    return passed(f"under {name}{', which is null' if is_empty else ''}: the usual form")


def list_form(observed: Observed) -> Finding:
    """Check where the interviews and the numbers of a page are in its response."""
    reading = observed.interviews
    problem = unread(observed, reading, NO_RESPONSE)
    if problem is not None or reading is None or reading.payload is None:
        return problem or not_checked(NO_RESPONSE)
    payload, page = reading.payload, cast("Page", reading.result)
    if page.limit not in {None, EXPECTED_SIZE} or len(page.items) > EXPECTED_SIZE:
        return differs(f"a page of {page.limit or len(page.items)}, where {EXPECTED_SIZE} were requested")
    if "meetings" in payload and "pagination" in payload:
        return passed("meetings and pagination: the usual form")
    if "interviews" in payload and "total" in payload:
        return passed("interviews, total and page: the other published form")
    return differs("neither of the published forms", named(filter(is_name, payload)))


def interview_names(observed: Observed) -> Finding:
    """Check which of the two published names the code and the status of interviews have."""
    interviews = raw_interviews(observed)
    if not interviews:
        return unread(observed, observed.interviews, NO_RESPONSE) or not_checked(NO_INTERVIEW)
    found = {
        "code": _either(interviews, "meetingCode", "code"),
        "status": _either(interviews, "sessionStatus", "status"),
    }
    parts = [
        f"the {what} is under {names}" if names else f"the {what} has no known name" for what, names in found.items()
    ]
    return passed(", ".join(parts)) if all(found.values()) else differs(", ".join(parts))


def _either(interviews: list[Payload], *names: str) -> str:
    return " and ".join(name for name in names if any(one.get(name) is not None for one in interviews))


def unpublished_names(observed: Observed) -> Finding:
    """Check whether interviews have the two undocumented fields."""
    interviews = raw_interviews(observed)
    if not interviews:
        return unread(observed, observed.interviews, NO_RESPONSE) or not_checked(NO_INTERVIEW)
    has: Callable[[str], bool] = lambda name: any(name in one for one in interviews)  # noqa: E731 - used in one line
    return passed(", ".join(f"{'has' if has(name) else 'lacks'} {name}" for name in ("createdAt", "jobRole")))


def raw_interviews(observed: Observed) -> list[Payload]:
    """Return the interviews of the list and the single one, unchanged."""
    listed, single = observed.interviews, observed.interview
    found: list[object] = []
    if listed is not None and listed.payload is not None:
        items = listed.payload.get("meetings") or listed.payload.get("interviews")
        found += cast("list[object]", items) if isinstance(items, list) else []
    found.append(None if single is None else single.raw)
    return [cast("Payload", one) for one in found if isinstance(one, dict)]
