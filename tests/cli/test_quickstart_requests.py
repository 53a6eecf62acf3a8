"""The requests of the quickstart."""

from datetime import UTC, datetime, timedelta

import pytest

from boooply import Slot, TeamMember, Tenant
from boooply.cli import quickstart

SLOT = Slot(start=datetime(2026, 1, 5, 9, tzinfo=UTC), end=datetime(2026, 1, 5, 9, 30, tzinfo=UTC))


def tenant(*team: TeamMember, user_name: str | None = "Ada Admin") -> Tenant:
    return Tenant(
        user_id="1", user_email="Ada@acme.example", user_name=user_name, organization_id="org_1", team_members=team
    )


BOB, CHLOE = TeamMember(email="bob@acme.example", name="Bob"), TeamMember(email="chloe@acme.example")


@pytest.mark.parametrize(
    ("team", "addresses"),
    [
        ((), ["Ada@acme.example"]),
        ((BOB, CHLOE), ["Ada@acme.example", "bob@acme.example", "chloe@acme.example"]),
        ((TeamMember(email="ADA@acme.example"), BOB), ["Ada@acme.example", "bob@acme.example"]),
        ((BOB, TeamMember(email="BOB@acme.example")), ["Ada@acme.example", "BOB@acme.example"]),
    ],
)
def test_each_address_is_one_person_and_the_user_comes_first(team: tuple[TeamMember, ...], addresses: object) -> None:
    assert [member.email for member in quickstart.people(tenant(*team))] == addresses


def test_a_colleague_leads_the_interview_or_else_the_user() -> None:
    assert quickstart.interviewer(tenant(BOB, CHLOE)) == BOB
    assert quickstart.interviewer(tenant()).email == "Ada@acme.example"


def test_the_candidate_picks_one_of_ten_times_at_most() -> None:
    slots = [Slot(start=SLOT.start + timedelta(days=day), end=SLOT.end + timedelta(days=day)) for day in range(60)]

    request = quickstart.human_interview(BOB, slots)

    assert request.scheduling_mode == "CANDIDATE_PICKS"
    assert request.available_slots == tuple(slots[:10])
    assert [(person.name, person.role) for person in request.participants] == [("Bob", "INTERVIEWER")]


def test_without_a_free_slot_the_interview_is_immediate() -> None:
    request = quickstart.human_interview(BOB, ())

    assert request.scheduling_mode == "IMMEDIATE"
    assert request.available_slots == ()


def test_the_user_hosts_the_meeting_and_a_few_colleagues_come() -> None:
    colleagues = [TeamMember(email=f"c{number}@acme.example") for number in range(9)]

    request = quickstart.team_meeting(tenant(*colleagues))

    assert [(person.name, person.role) for person in request.participants] == [
        ("Ada Admin", "HOST"),
        ("c0", "PARTICIPANT"),
        ("c1", "PARTICIPANT"),
        ("c2", "PARTICIPANT"),
    ]


def test_a_person_without_a_name_is_named_by_the_address() -> None:
    assert quickstart.team_meeting(tenant(user_name=None)).participants[0].name == "Ada"
