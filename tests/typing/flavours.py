"""Checked by mypy, pyright and ty, never run: what users write has the types they expect."""

import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import assert_type

from boooply import (
    AIInterview,
    AsyncBoooplyClient,
    AsyncBoooplyPlatform,
    Availability,
    BoooplyClient,
    BoooplyPlatform,
    Candidate,
    Evaluation,
    Interview,
    InterviewParticipant,
    OrganizationApiKey,
    Page,
    Participant,
    ParticipantRole,
    RateLimitClass,
    RateLimitStatus,
    Recording,
    Response,
    Secret,
    SessionStatus,
    TeamMember,
    Tenant,
    Tenants,
    TranscriptEntry,
)
from boooply.provisioning import Outcome, provision
from boooply.store import Deduplicator, Entry, Inbox, Store
from boooply.webhooks import Event

# An enumeration is taken as a member or as a plain string, a sequence as any iterable.
Participant(name="Ann", email="ann@acme.example", role="HOST")
Participant(name="Ann", email="ann@acme.example", role=ParticipantRole.HOST)
TENANT = Tenant(
    user_id="1", user_email="a@b.example", organization_id="org", team_members=(TeamMember(email="c@b.example"),)
)
ASK = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"), skills=("Python",))


async def awaited(platform: AsyncBoooplyPlatform) -> None:
    key = await platform.create_organization_api_key(TENANT)
    assert_type(key, OrganizationApiKey)
    assert_type(key.api_key, Secret)
    client = platform.organization(key.api_key)
    assert_type(client, AsyncBoooplyClient)
    assert_type(await client.interviews.create(ASK), Interview)
    assert_type(await client.interviews.get("c"), Interview)
    assert_type(await client.interviews.list(page=2, status=("COMPLETED",)), Page)
    assert_type(client.interviews.iterate(status=[SessionStatus.ACTIVE]), AsyncIterator[Interview])
    assert_type(await client.interviews.reschedule("c", scheduled_at=datetime.now(UTC)), Interview)
    assert_type(await client.interviews.get_evaluation("c"), Evaluation | None)
    assert_type(await client.interviews.wait_for_evaluation("c", timeout=3), Evaluation)
    assert_type(await client.interviews.get_recording("c"), Recording | None)
    assert_type(await client.interviews.download_recording("c", "video.mp4"), Recording | None)
    assert_type(await client.interviews.get_transcript("c"), tuple[TranscriptEntry, ...])
    assert_type(await client.interviews.list_participants("c"), tuple[InterviewParticipant, ...])
    assert_type(await client.ai.generate_job_description(job_role="Engineer"), str)
    assert_type(await client.request("GET", "/api"), Response)
    assert_type(client.with_options(timeout=3), AsyncBoooplyClient)


def blocking(platform: BoooplyPlatform) -> None:
    key = platform.create_organization_api_key(TENANT)
    assert_type(key, OrganizationApiKey)
    client = platform.organization(key.api_key)
    assert_type(client, BoooplyClient)
    assert_type(client.interviews.create(ASK), Interview)
    assert_type(client.interviews.get("c"), Interview)
    assert_type(client.interviews.list(page=2, status=("COMPLETED",)), Page)
    assert_type(client.interviews.iterate(status=[SessionStatus.ACTIVE]), Iterator[Interview])
    assert_type(client.interviews.reschedule("c", scheduled_at=datetime.now(UTC)), Interview)
    assert_type(client.interviews.get_evaluation("c"), Evaluation | None)
    assert_type(client.interviews.wait_for_evaluation("c", timeout=3), Evaluation)
    assert_type(client.interviews.get_availability("a@b.example"), Availability)
    assert_type(client.ai.generate_job_description(job_role="Engineer"), str)
    assert_type(client.request("GET", "/api"), Response)
    assert_type(client.with_options(timeout=3), BoooplyClient)
    with client as same:
        assert_type(same, BoooplyClient)


def blocking_store(platform: BoooplyPlatform, event: Event) -> None:
    with Store.open() as store:
        assert_type(store, Store)
        store.keys.put("org_1", "bply_org_1")
        assert_type(store.keys.get("org_1"), Secret)
        assert_type(store.keys.organizations(), Iterator[str])
        assert_type(store.ledger.entries(), Iterator[Entry])
        tenants = Tenants(platform, store)
        assert_type(tenants.connect(TENANT), BoooplyClient)
        tenants.disconnect("org_1")
        for outcome in provision([TENANT], platform=platform, store=store, stop=threading.Event()):
            assert_type(outcome, Outcome)
        inbox = Inbox(store)
        inbox.put(event, b"{}")
        inbox.work(print, stop=threading.Event())
        with Deduplicator(store).once(event) as is_new:
            assert_type(is_new, bool)
    assert_type(platform.with_options(timeout=3).rate_limits[RateLimitClass.READS], RateLimitStatus)
