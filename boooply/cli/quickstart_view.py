"""The output of ``boooply quickstart``: the SDK's objects as tables and paragraphs."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from boooply.cli.terminal import and_more, count_of, inset, printable
from boooply.models import (
    Evaluation,
    Interview,
    InterviewParticipant,
    Organization,
    OrganizationApiKey,
    Slot,
    TeamMember,
    Tenant,
    TranscriptEntry,
)

_FULL_TABLE: Final = 20  # up to this many customers, all rows are shown
_FIRST_ROWS: Final = 10
_FULL_BAR: Final = 20
_FIRST_TURNS: Final = 4
_SCORES: Final = {
    "overall": "overall_score",
    "technical": "technical",
    "problem solving": "problem_solving",
    "communication": "communication",
    "culture fit": "culture_fit",
    "experience": "experience_match",
}
_VERDICTS: Final = {"PASS": "green", "REVIEW": "yellow", "FAIL": "red"}
_NEXT: Final = (
    ("boooply sandbox", "run this sandbox for your own code"),
    ("boooply quickstart FILE", "repeat this with your own customers"),
    ("the README", "write each step in a few lines of Python"),
)


def opening(base_url: str, source: str, count: int) -> RenderableType:
    """Introduce the run, and state that it affects nobody."""
    return Text.assemble(
        ("Boooply quickstart", "bold"),
        f"\n\n{count_of(count, 'customer')} from {printable(source)}.\n"
        f"The API is a sandbox on {base_url}. Nothing leaves this machine, and nobody gets e-mail.",
        overflow="fold",
    )


def step(number: int, title: str, code: str) -> RenderableType:
    """Write the heading of a step, with the call that it shows."""
    return Text.assemble("\n", (f"{number}  {title}", "bold"), "\n", (f"   {code}", "cyan"), "\n")


def connected(count: int, seconds: float) -> RenderableType:
    """State how many customers were connected, and how long it took."""
    return inset(Text.assemble((f"Connected {count_of(count, 'customer')}", "bold green"), f" in {seconds:.3f} s."))


def customers(tenants: Sequence[Tenant], keys: Mapping[int, OrganizationApiKey]) -> RenderableType:
    """List the first customers with their masked keys, and count the others."""
    table = Table("Customer", "Organization ID", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Team members", justify="right", no_wrap=True)
    table.add_column("Key", no_wrap=True)
    shown = tenants if len(tenants) <= _FULL_TABLE else tenants[:_FIRST_ROWS]
    for position, tenant in enumerate(shown):
        name = tenant.organization_name or tenant.organization_id
        key = str(keys[position].api_key)
        table.add_row(_cut(name), _cut(tenant.organization_id), str(len(tenant.team_members)), key)
    return inset(Group(Text(), table, *and_more(len(tenants) - len(shown))))


def ownership(tenant: Tenant, organization: Organization) -> RenderableType:
    """State whose key it is."""
    name = tenant.organization_name or tenant.user_email
    return inset(
        Text.assemble(
            f"The key of {printable(name)} belongs to ",
            (printable(str(organization.external_org_id)), "bold"),
            ", the customer's ID in the file. Store the key with this ID.",
        )
    )


def choice(slots: Sequence[Slot], leader: TeamMember) -> str:
    """Describe how the time of a human interview is found."""
    who = leader.name or leader.email
    if not slots:
        return f"It starts at once: {who} has no connected calendar to choose a time from."
    return f"The candidate chooses one of {len(slots)} times when {who} is free."


def invitation(kind: str, how: str, interview: Interview) -> RenderableType:
    """Describe an interview that was created, with each person's own link to it."""
    lines: list[RenderableType] = [Text.assemble((kind, "bold"), "  ", interview.meeting_code), Text(printable(how))]
    for person in interview.participants:
        name = Text.assemble(printable(str(person.name)), "  ", (printable(str(person.role)), "dim"))
        lines += [inset(name), inset(Text(masked_link(interview, person), style="blue", overflow="fold"))]
    return inset(Group(*lines, Text()))


def masked_link(interview: Interview, person: InterviewParticipant) -> str:
    """Write a join link with a masked token. ``Interview.join_link`` returns the link that works."""
    if interview.url is None or person.join_token is None:
        return "no link"
    return f"{printable(interview.url)}?token={person.join_token}"


def invited(emails: int) -> RenderableType:
    """State that the invitations were not sent."""
    return inset(
        Text(
            f"The real API would have sent {emails} e-mails. The output masks keys and tokens: to get a whole link, "
            "call interview.join_link(person).reveal()."
        )
    )


def evaluation(found: Evaluation) -> RenderableType:
    """Show the recommendation, and each score as a number and a bar."""
    verdict = printable(str(found.recommendation))
    table = Table.grid("score", Column("points", justify="right"), "bar", padding=(0, 1), collapse_padding=False)
    for label, field in _SCORES.items():
        score: float | None = getattr(found, field)
        if score is not None:
            table.add_row(label, f"{score:.0f}", Text("█" * round(score * _FULL_BAR / 100), style="cyan"))
    heading = Text.assemble("Recommendation: ", (verdict, f"bold {_VERDICTS.get(verdict, '')}"), "\n")
    return inset(Group(heading, table))


def transcript(entries: Sequence[TranscriptEntry]) -> RenderableType:
    """Show the first turns of the conversation."""
    lines = (
        Text.assemble((f"{printable(entry.speaker or '?')}: ", "bold"), printable(entry.content))
        for entry in entries[:_FIRST_TURNS]
    )
    more = and_more(len(entries) - _FIRST_TURNS)
    return inset(Group(Text(f"\nTranscript, {len(entries)} turns:\n"), *lines, *more))


def farewell() -> RenderableType:
    """List what to do next."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for command, purpose in _NEXT:
        table.add_row(Text(command, style="cyan"), purpose)
    return Group(Text("\nNext\n", style="bold"), inset(table))


def _cut(text: str) -> Text:
    # one line per customer: a long name is cut
    return Text(printable(text), no_wrap=True, overflow="ellipsis")
