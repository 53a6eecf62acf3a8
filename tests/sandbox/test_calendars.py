"""Availability and busy blocks."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from boooply.sandbox import Sandbox

EMAIL = "anna@example.com"


def moments(rows: list[dict[str, str]]) -> list[tuple[datetime, datetime]]:
    return [(datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])) for row in rows]


@pytest.mark.parametrize("minutes", [5, 30, 45, 90])
@pytest.mark.parametrize("hours_on", [0, 7, 13, 24, 50, 75])
async def test_slots_are_free_and_ahead_and_in_working_hours(call, minutes: int, hours_on: int) -> None:
    call.sandbox.clock.advance(hours_on * 3600)
    now = call.sandbox.clock.now()
    query = {"email": EMAIL, "duration": str(minutes), "days": "14"}
    response = (await call("GET /availability", params=query)).body
    assert {name: response[name] for name in ("calendarConnected", "email", "durationMinutes", "days", "total")} == {
        "calendarConnected": True,
        "email": EMAIL,
        "durationMinutes": minutes,
        "days": 14,
        "total": len(response["slots"]),
    }
    busy = moments((await call("GET /busy-blocks", params={"email": EMAIL, "days": "30"})).body["busyBlocks"])
    slots = moments(response["slots"])
    assert slots == sorted(slots) != []
    for start, end in slots:
        assert end - start == timedelta(minutes=minutes)
        assert now < start < now + timedelta(days=14)
        assert start.weekday() < 5
        assert 9 <= start.hour < 17
        assert (end.hour, end.minute) <= (17, 0)
        assert not any(start < block_end and block_start < end for block_start, block_end in busy)


async def test_busy_blocks_fill_weekdays_and_stay_the_same(call) -> None:
    route, query = "GET /busy-blocks", {"email": EMAIL, "days": "30"}
    response = (await call(route, params=query)).body
    assert {name: response[name] for name in ("calendarConnected", "email", "days", "timezone")} == {
        "calendarConnected": True,
        "email": EMAIL,
        "days": 30,
        "timezone": "UTC",
    }
    blocks = moments(response["busyBlocks"])
    assert response["total"] == len(blocks) >= 20 * 3
    assert all(start.weekday() < 5 for start, _ in blocks)
    assert all(first_end <= second_start for (_, first_end), (second_start, _) in pairwise(blocks))
    assert (await call(route, params=query)).body == response
    other = (await call(route, params={**query, "email": "otto@example.com"})).body
    assert other["busyBlocks"] != response["busyBlocks"]


def at_monday(sandbox: Sandbox, hour: int, minute: int) -> datetime:
    """Push the clock to the next Monday, at that time of the day."""
    now = sandbox.clock.now()
    monday = (now + timedelta(days=7 - now.weekday())).replace(hour=hour, minute=minute, second=0, microsecond=0)
    sandbox.clock.advance((monday - now).total_seconds())
    return monday


async def test_the_calendar_shows_a_current_block_but_not_a_past_one(call) -> None:
    monday = at_monday(call.sandbox, 12, 15)
    blocks = moments((await call("GET /busy-blocks", params={"email": EMAIL, "days": "1"})).body["busyBlocks"])
    assert blocks[0] == (monday.replace(minute=0), monday.replace(hour=13, minute=0))
    assert all(start < monday + timedelta(days=1) for start, _ in blocks)


async def test_the_next_slot_starts_in_a_minute_at_the_earliest(call) -> None:
    monday = at_monday(call.sandbox, 8, 59)
    starts = set()
    for number in range(20):
        query = {"email": f"anna{number}@example.com", "days": "1"}
        starts |= {start for start, _ in moments((await call("GET /availability", params=query)).body["slots"])}
    assert min(starts) == monday.replace(hour=9, minute=0)
    at_monday(call.sandbox, 9, 0)
    now = call.sandbox.clock.now()
    body = (await call("GET /availability", params={"email": EMAIL, "days": "1"})).body
    assert all(start > now for start, _ in moments(body["slots"]))


async def test_calendar_queries_have_defaults(call) -> None:
    body = (await call("GET /availability", params={"email": EMAIL})).body
    assert (body["durationMinutes"], body["days"]) == (30, 14)


@pytest.mark.parametrize("email", ["unconnected@example.com", "Unconnected.bob@example.com"])
async def test_an_unconnected_calendar_is_empty(call, email: str) -> None:
    slots = (await call("GET /availability", params={"email": email, "duration": "45"})).body
    blocks = (await call("GET /busy-blocks", params={"email": email, "days": "7"})).body
    shared: dict[str, Any] = {"success": True, "calendarConnected": False}
    assert slots == {**shared, "slots": [], "message": "No Google Calendar is connected."}
    assert blocks == {**shared, "email": email, "days": 7, "timezone": "UTC", "busyBlocks": [], "total": 0}


BAD = [
    ({}, "email is required"),
    ({"email": ""}, "email must be"),
    ({"email": "anna"}, "email must be"),
    ({"email": EMAIL, "days": "0"}, "days must be a whole number from 1 to 30"),
    ({"email": EMAIL, "days": "31"}, "days must be"),
    ({"email": EMAIL, "days": "many"}, "days must be"),
    ({"email": EMAIL, "duration": "4"}, "duration must be a whole number from 5 to 480"),
    ({"email": EMAIL, "duration": "481"}, "duration must be"),
]


@pytest.mark.parametrize("route", ["GET /availability", "GET /busy-blocks"])
@pytest.mark.parametrize(("query", "says"), BAD, ids=[str(row[0]) for row in BAD])
async def test_bad_calendar_queries_are_a_400(call, route: str, query: dict[str, str], says: str) -> None:
    response = await call(route, params=query)
    assert (response.status, says in response.body["error"]) == (400, True)
