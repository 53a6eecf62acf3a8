"""``boooply quickstart``: the whole integration in a sandbox, from a file of customers to an evaluation."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from boooply.cli import quickstart_view as view
from boooply.cli.customer_file import READING, CustomerFile, ReadingOptions
from boooply.cli.exit_codes import WRONG_INPUT
from boooply.cli.terminal import console
from boooply.client import AsyncBoooplyClient
from boooply.errors import BoooplyError
from boooply.models import (
    AIInterview,
    Candidate,
    HumanInterview,
    Interview,
    OrganizationApiKey,
    Participant,
    Slot,
    TeamMeeting,
    TeamMember,
    Tenant,
)
from boooply.platform import AsyncBoooplyPlatform
from boooply.sandbox import Sandbox

ROLE: Final = "Frontend Engineer"
MINUTES: Final = 30
CANDIDATE: Final = Candidate(name="Jane Doe", email="jane.doe@candidate.example")
WORKERS: Final = 8

_SAMPLE: Final = Path(__file__).with_name("sample-tenants.csv")
_QUESTIONS: Final = (
    "A page is slow, but only for some users. How do you begin?",
    "A release broke the checkout. What do you do first?",
)
_MAX_SLOTS: Final = 10  # the API accepts 50, which are too many to read
_COLLEAGUES: Final = 3
_CONNECT: Final = "key = await platform.create_organization_api_key(tenant)"
_CREATE: Final = "interview = await client.interviews.create(AIInterview(…))"
_READ: Final = "evaluation = await client.interviews.wait_for_evaluation(meeting_code)"
_TIMEOUT: Final = 10.0
_POLL: Final = 0.05  # the sandbox evaluates at once; the real API takes minutes, and there the default is 10 s

Mint = Callable[[Tenant], Awaitable[OrganizationApiKey]]
OnKey = Callable[[int, OrganizationApiKey], None]


async def quickstart(tenants: Path | None = None, /, *, reading: ReadingOptions = READING) -> int:
    """Connect the customers of a file, and run an interview of the first one up to its evaluation.

    Args:
        tenants: A file of customers: .csv, .json or .xlsx. Default: twelve sample customers.
        reading: How to read the file.

    Returns:
        The exit code: 2 if a row is wrong or not confirmed, so that nothing was sent.
    """
    file = CustomerFile(tenants, reading.to_options()) if tenants else CustomerFile(_SAMPLE)
    if not await file.is_accepted(yes=reading.yes):
        return WRONG_INPUT
    customers = tuple(file.tenants())
    source = str(tenants or "the sample file")
    out = console()
    async with (
        Sandbox(limits=None) as sandbox,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        out.print(view.opening(sandbox.base_url, source, len(customers)))
        key = await _connect(platform, customers, out)
        first, client = customers[0], platform.organization(key.api_key)
        await _check_owner(client, first, out)
        screening = await _invite(client, first, out)
        out.print(view.invited(len(sandbox.sent_emails)))
        sandbox.play(screening.meeting_code)  # plays the parts of the candidate and the AI
        await _read_results(client, screening.meeting_code, out)
    out.print(view.farewell())
    return 0


async def _connect(platform: AsyncBoooplyPlatform, tenants: tuple[Tenant, ...], out: Console) -> OrganizationApiKey:
    """Mint a key for each customer, and return the first one's."""
    out.print(view.step(1, "Connect your customers", _CONNECT))
    keys: dict[int, OrganizationApiKey] = {}
    started = time.perf_counter()
    columns = (TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # The bar disappears at the end. A pipe or file gets only the line that follows.
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("Connecting", total=len(tenants))

        def on_key(position: int, key: OrganizationApiKey) -> None:
            keys[position] = key  # your platform stores key.api_key.reveal() here, since the API shows it only once
            progress.advance(task)

        await connect_all(tenants, platform.create_organization_api_key, on_key)
    out.print(view.connected(len(tenants), time.perf_counter() - started))
    out.print(view.customers(tenants, keys))
    return keys[0]


async def _check_owner(client: AsyncBoooplyClient, tenant: Tenant, out: Console) -> None:
    out.print(view.step(2, "Check whose key it is", "organization = await client.organization.get()"))
    organization = await client.organization.get()
    if organization.external_org_id != tenant.organization_id:
        raise BoooplyError(f"the key of {tenant.organization_id} belongs to {organization.external_org_id}")
    out.print(view.ownership(tenant, organization))


async def _invite(client: AsyncBoooplyClient, tenant: Tenant, out: Console) -> Interview:
    """Create the three kinds of interview, and return the AI interview."""
    out.print(view.step(3, "Invite people", _CREATE))
    screening = await client.interviews.create(
        AIInterview(job_role=ROLE, candidate=CANDIDATE, questions=_QUESTIONS, duration_minutes=MINUTES)
    )
    out.print(view.invitation("AI interview", "The AI starts it as soon as the candidate joins.", screening))
    leader = interviewer(tenant)
    available = await client.interviews.get_availability(leader.email, duration_minutes=MINUTES)
    request = human_interview(leader, available.slots)
    interview = await client.interviews.create(request)
    out.print(view.invitation("Human interview", view.choice(request.available_slots, leader), interview))
    meeting = await client.interviews.create(team_meeting(tenant))
    out.print(view.invitation("Team meeting", f"“{meeting.title}”", meeting))
    return screening


async def _read_results(client: AsyncBoooplyClient, meeting_code: str, out: Console) -> None:
    out.print(view.step(4, "Read the evaluation", _READ))
    out.print(view.evaluation(await client.interviews.wait_for_evaluation(meeting_code, timeout=_TIMEOUT, poll=_POLL)))
    out.print(view.transcript(await client.interviews.get_transcript(meeting_code)))


# ---- many customers over a few workers


async def connect_all(tenants: Iterable[Tenant], mint: Mint, on_key: OnKey, *, workers: int = WORKERS) -> None:
    """Mint a key for each customer, and pass it to ``on_key`` with the customer's position in the file.

    The workers share one iterator, so that memory does not grow with the number of customers. The first error stops
    all workers.
    """
    numbered = enumerate(tenants)

    async def work() -> None:
        for position, tenant in numbered:
            on_key(position, await mint(tenant))

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


# ---- the requests that invite people


def people(tenant: Tenant) -> tuple[TeamMember, ...]:
    """List the people of a customer, each address once: the user who connects it, then the team."""
    user = TeamMember(email=tenant.user_email, name=tenant.user_name)
    # The API rejects a person who is listed twice, and ignores the case of addresses.
    team = {member.email.lower(): member for member in tenant.team_members}
    team.pop(user.email.lower(), None)
    return user, *team.values()


def interviewer(tenant: Tenant) -> TeamMember:
    """Choose the interviewer: a colleague of the user, or else the user."""
    return people(tenant)[:2][-1]


def human_interview(leader: TeamMember, free: Iterable[Slot]) -> HumanInterview:
    """Build the request for an interview at one of the leader's free slots, or for an immediate one without slots."""
    slots = tuple(free)[:_MAX_SLOTS]
    return HumanInterview(
        job_role=ROLE,
        candidate=CANDIDATE,
        participants=(_participant(leader, "INTERVIEWER"),),
        duration_minutes=MINUTES,
        scheduling_mode="CANDIDATE_PICKS" if slots else "IMMEDIATE",
        available_slots=slots,
    )


def team_meeting(tenant: Tenant) -> TeamMeeting:
    """Build the request for a meeting in which the team decides."""
    host, *colleagues = people(tenant)
    return TeamMeeting(
        title=f"Hiring decision: {ROLE}",
        agenda=("Evaluations", "Decision"),
        duration_minutes=MINUTES,
        participants=(
            _participant(host, "HOST"),
            *(_participant(member, "PARTICIPANT") for member in colleagues[:_COLLEAGUES]),
        ),
    )


def _participant(member: TeamMember, role: str) -> Participant:
    name = member.name or member.email.partition("@")[0]
    return Participant(name=name, email=member.email, role=role)
