"""``boooply quickstart``: the whole of the job on a sandbox, from a file of customers to an evaluation."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from boooply.cli import demo, quickstart_view
from boooply.cli.connecting import connect_all
from boooply.cli.terminal import console
from boooply.client import AsyncBoooplyClient
from boooply.errors import BoooplyError
from boooply.models import Interview, OrganizationApiKey, Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.provisioning import read_tenants
from boooply.sandbox import Sandbox

_SAMPLE: Final = "sample-tenants.csv"
_TIMEOUT: Final = 10.0
_CREATE: Final = "interview = await client.interviews.create(AIInterview(…))"
_POLL: Final = 0.05  # the sandbox evaluates at once; the real API takes minutes, and 10 s is the default there


async def quickstart(tenants: Annotated[Path | None, Parameter(show_default=False)] = None, /) -> int:
    """Connect the customers of a file, and take the first one from its key to an evaluated interview.

    Args:
        tenants: The customers; without a file, a sample of twelve.

    Returns:
        The exit code: 2 if a row is bad, and then nothing was sent.
    """
    with _file(tenants) as path:
        plan = read_tenants(path)
    if plan.bad_rows:
        console(stderr=True).print(quickstart_view.bad_rows(str(path), plan.bad_rows))
        return 2
    await _on_a_sandbox(plan.tenants, str(tenants or "the sample that comes with boooply"), console())
    return 0


@contextmanager
def _file(given: Path | None) -> Generator[Path, None, None]:
    if given is not None:
        yield given
        return
    with as_file(files("boooply.cli") / _SAMPLE) as sample:
        yield sample


async def _on_a_sandbox(tenants: tuple[Tenant, ...], source: str, out: Console) -> None:
    async with (
        Sandbox(limits=None) as sandbox,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        out.print(quickstart_view.opening(sandbox.base_url, source, len(tenants)))
        first = await _connect(platform, tenants, out)
        client = platform.organization(first.api_key)
        await _check_owner(client, tenants[0], out)
        screening = await _invite(client, tenants[0], out)
        out.print(quickstart_view.invited(len(sandbox.sent_emails)))
        sandbox.play(screening.meeting_code)  # what the candidate and the AI do in real life
        await _read_results(client, screening.meeting_code, out)
    out.print(quickstart_view.farewell())


async def _connect(platform: AsyncBoooplyPlatform, tenants: tuple[Tenant, ...], out: Console) -> OrganizationApiKey:
    """Give each customer a key, and return the first one's."""
    out.print(
        quickstart_view.step(1, "Connect your customers", "key = await platform.create_organization_api_key(tenant)")
    )
    shown: dict[int, OrganizationApiKey] = {}
    started = time.perf_counter()
    with _progress(out) as progress:
        task = progress.add_task("Connecting", total=len(tenants))

        def on_key(place: int, key: OrganizationApiKey) -> None:
            # Here a platform stores key.api_key.reveal(): it is shown once. Only what the table shows is kept.
            if place < quickstart_view.rows_shown(len(tenants)):
                shown[place] = key
            progress.advance(task)

        await connect_all(tenants, platform.create_organization_api_key, on_key)
    out.print(quickstart_view.connected(len(tenants), time.perf_counter() - started))
    out.print(quickstart_view.customers(tenants, [shown[place] for place in sorted(shown)]))
    return shown[0]


def _progress(out: Console) -> Progress:
    columns = (TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # It is gone when done; what is left is the line that follows, which is all that a pipe or a file gets.
    return Progress(*columns, console=out, transient=True, disable=not out.is_terminal)


async def _check_owner(client: AsyncBoooplyClient, tenant: Tenant, out: Console) -> None:
    out.print(quickstart_view.step(2, "Check whose key it is", "organization = await client.organization.get()"))
    organization = await client.organization.get()
    if organization.external_org_id != tenant.organization_id:
        raise BoooplyError(f"the key of {tenant.organization_id} answers for {organization.external_org_id}")
    out.print(quickstart_view.ownership(tenant, organization))


async def _invite(client: AsyncBoooplyClient, tenant: Tenant, out: Console) -> Interview:
    """Create the three kinds of interview, and return the one that the AI leads."""
    out.print(quickstart_view.step(3, "Invite people", _CREATE))
    screening = await client.interviews.create(demo.ai_interview())
    out.print(quickstart_view.invitation("AI interview", "The AI leads it, as soon as the candidate joins.", screening))
    leader = demo.interviewer(tenant)
    available = await client.interviews.get_availability(leader.email, duration_minutes=demo.MINUTES)
    request = demo.human_interview(leader, available.slots)
    interview = await client.interviews.create(request)
    out.print(
        quickstart_view.invitation(
            "Human interview", quickstart_view.choice(request.available_slots, leader), interview
        )
    )
    meeting = await client.interviews.create(demo.team_meeting(tenant))
    out.print(quickstart_view.invitation("Team meeting", f"“{meeting.title}”", meeting))
    return screening


async def _read_results(client: AsyncBoooplyClient, meeting_code: str, out: Console) -> None:
    out.print(
        quickstart_view.step(
            4, "Read the evaluation", "evaluation = await client.interviews.wait_for_evaluation(meeting_code)"
        )
    )
    out.print(
        quickstart_view.evaluation(
            await client.interviews.wait_for_evaluation(meeting_code, timeout=_TIMEOUT, poll=_POLL)
        )
    )
    out.print(quickstart_view.transcript(await client.interviews.get_transcript(meeting_code)))
