"""Listing and iterating, in both flavours."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from boooply import (
    AIInterview,
    AsyncBoooplyClient,
    Candidate,
    HumanInterview,
    Participant,
    TeamMeeting,
    Tenant,
    ValidationError,
)
from boooply.sandbox import Sandbox

HOST = Participant(name="Ann", email="ann@acme.example", role="HOST")


def ai(name: str = "Jane", role: str = "Engineer") -> AIInterview:
    return AIInterview(job_role=role, candidate=Candidate(name=name, email=f"{name.lower()}@example.com"))


@pytest.fixture
async def codes(face) -> list[str]:
    requests = [
        ai("Jane", "Frontend Engineer"),
        ai("Zoë", "Data Engineer"),
        HumanInterview(job_role="Nurse", participants=[HOST]),
        TeamMeeting(title="Debrief", participants=[HOST]),
    ]
    return [(await face.do(face.client.interviews.create, request)).code for request in requests]


async def test_a_page_has_its_number_and_the_total(face, codes: list[str]) -> None:
    page = await face.do(face.client.interviews.list, page=2, limit=3)

    assert [interview.meeting_code for interview in page.items] == codes[:1]
    assert (page.page, page.limit, page.total, page.total_pages) == (2, 3, 4, 2)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({}, [3, 2, 1, 0], id="everything, newest first"),
        pytest.param({"status": ["CANCELLED"]}, [0], id="status"),
        pytest.param({"status": ("CANCELLED", "COMPLETED")}, [1, 0], id="several statuses"),
        pytest.param({"type": "AI_ONLY"}, [1, 0], id="ai"),
        pytest.param({"type": "HUMAN"}, [2], id="human"),
        pytest.param({"type": "TEAM"}, [3], id="team"),
        pytest.param({"search": "zoë"}, [1], id="search"),
        pytest.param({"search": "a & b=c"}, [], id="search for what a URL would trip over"),
        pytest.param({"source_id": "org_other"}, [], id="source"),
        pytest.param({"score_min": 0.5, "score_max": 100}, [1], id="scores"),
        pytest.param({"date_from": datetime(2020, 1, 1, tzinfo=UTC)}, [3, 2, 1, 0], id="from"),
        pytest.param({"date_to": datetime(2020, 1, 1, tzinfo=UTC)}, [], id="to"),
        pytest.param({"date_field": "scheduled", "date_from": datetime(2020, 1, 1, tzinfo=UTC)}, [2], id="scheduled"),
    ],
)
async def test_filters(face, sandbox: Sandbox, codes: list[str], filters, expected: list[int]) -> None:
    await face.do(face.client.interviews.cancel, codes[0])
    sandbox.play(codes[1])
    await face.do(face.client.interviews.reschedule, codes[2], scheduled_at=datetime.now(UTC) + timedelta(days=1))

    found = await face.all(face.client.interviews.iterate, **filters)

    assert [codes.index(interview.meeting_code) for interview in found] == expected


async def test_iterate_reads_every_page(face, sandbox: Sandbox) -> None:
    codes = [(await face.do(face.client.interviews.create, ai())).code for _ in range(105)]

    found = await face.all(face.client.interviews.iterate)

    assert [interview.meeting_code for interview in found] == codes[::-1]
    assert [call.operation for call in sandbox.calls].count("interviews.list") == 2


async def test_the_source_of_an_interview_is_the_customer(face, tenant: Tenant) -> None:
    key = (await face.do(face.platform.create_organization_api_key, tenant)).api_key
    customer = face.platform.organization(key)
    created = await face.do(customer.interviews.create, ai())

    found = await face.all(customer.interviews.iterate, source_id=tenant.organization_id)

    assert [interview.meeting_code for interview in found] == [created.meeting_code]
    assert created.source_id == tenant.organization_id


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ({"status": 7}, "status: must be a list, not an int"),
        ({"status": "DONE"}, "status[0]: must be one of SCHEDULED, ACTIVE, COMPLETED, CANCELLED, FAILED, not 'DONE'"),
        ({"status": ["DONE"]}, "status[0]: must be one of SCHEDULED, ACTIVE, COMPLETED, CANCELLED, FAILED, not 'DONE'"),
        ({"type": "team"}, "type: must be one of AI_ONLY, HUMAN, TEAM"),
        ({"page": 0}, "page: must be at least 1, not 0"),
        ({"page": 1.5}, "page: must be a whole number"),
        ({"limit": 101}, "limit: must be from 1 to 100, not 101"),
        ({"score_max": 101}, "score_max: must be from 0 to 100, not 101"),
        ({"score_min": "5"}, "score_min: must be a number, not a str"),
        ({"score_min": 9, "score_max": 8}, "score_max: is below score_min"),
        ({"date_from": datetime(2020, 1, 1)}, "date_from: has no time zone"),  # noqa: DTZ001 - the point of the test
        ({"date_from": "2020-01-01"}, "date_from: must be a time with an offset"),
        (
            {"date_from": datetime(2021, 1, 1, tzinfo=UTC), "date_to": datetime(2020, 1, 1, tzinfo=UTC)},
            "date_to: is before date_from",
        ),
    ],
)
async def test_a_filter_that_the_api_would_reject_is_not_sent(face, sandbox: Sandbox, filters, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        await face.do(face.client.interviews.list, **filters)

    assert str(caught.value).startswith(problem)
    assert sandbox.calls == ()


async def test_an_api_that_ignores_the_page_does_not_trap_the_reader(face, codes: list[str], monkeypatch) -> None:
    monkeypatch.setattr("boooply.resources.listing._LARGEST_PAGE", 2)
    monkeypatch.setattr("boooply.models.interviews.Page.is_last", lambda *_: False)

    assert len(await face.all(face.client.interviews.iterate)) == len(codes)


async def test_iterate_reads_on_after_new_interviews_move_all_known_ones_to_the_next_page(client, monkeypatch) -> None:
    monkeypatch.setattr("boooply.resources.listing._LARGEST_PAGE", 2)
    old = [(await client.interviews.create(ai())).meeting_code for _ in range(3)]
    found: list[str] = []

    async for interview in client.interviews.iterate():
        found.append(interview.meeting_code)
        if len(found) == 2:
            for _ in range(2):
                await client.interviews.create(ai())

    assert found == old[::-1]


async def test_iterate_reads_on_after_an_empty_page_in_the_middle() -> None:
    pages = {1: ["a"], 2: [], 3: ["c"]}

    async def page_of(request: web.Request) -> web.Response:
        number = int(request.query.get("page", "1"))
        meetings = [{"meetingCode": code} for code in pages[number]]
        pagination = {"page": number, "limit": 100, "total": 2, "totalPages": 3}
        return web.json_response({"success": True, "meetings": meetings, "pagination": pagination})

    app = web.Application()
    app.router.add_get("/api/integration/interviews", page_of)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with AsyncBoooplyClient(api_key="bply_org_0123456789abcdef", base_url=url) as client:
        found = [interview.meeting_code async for interview in client.interviews.iterate()]
    await runner.cleanup()

    assert found == ["a", "c"]
