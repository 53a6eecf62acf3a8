"""Checked by mypy, pyright and ty, never run: each line with an ignore is a mistake that all of them find.

``test_checkers.py`` runs ty over it, which would otherwise skip lines that mypy ignores.
"""

import threading

from boooply import (
    AIInterview,
    AsyncBoooplyClient,
    BoooplyClient,
    BoooplyPlatform,
    HumanInterview,
    Participant,
    TeamMember,
    Tenant,
    Tenants,
)
from boooply.store import AsyncStore, Inbox, Store

Participant("Ann", "ann@acme.example", "HOST")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # keywords only
Participant(name="Ann", email="ann@acme.example", role=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # no enumeration
Tenant(user_id="1", user_email="a@b.example")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # no organization
HumanInterview(job_role="Engineer", agenda=["x"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # for teams only

# Correct, and an error in ty all the same, which does not read attrs' converters.
Tenant(user_id="1", user_email="a@b.example", organization_id="org", team_members=[TeamMember(email="c@b.example")])


async def awaited(client: AsyncBoooplyClient) -> None:
    await client.interviews.get(code="c")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # positional only
    await client.interviews.get(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # text
    # ty does not check the keys of an unpacked TypedDict:
    await client.interviews.list(colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # not ty: no such filter


def blocking(client: BoooplyClient, platform: BoooplyPlatform, store: AsyncStore, ask: AIInterview) -> None:
    client.interviews.get(code="c")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # positional only
    client.interviews.get(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # text
    client.interviews.create(ask, 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # one request
    client.interviews.fetch("c")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # no such operation
    client.interviews.list(colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # not ty: no such filter
    len(client.interviews.get("c"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # an Interview
    Tenants(platform, store)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # an awaited store


def blocking_store(store: Store) -> None:
    store.keys.put("org_1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # no key
    Inbox(store).work(print, stop=threading.Lock())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # no event
