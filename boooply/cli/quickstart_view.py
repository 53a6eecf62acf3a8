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

_FULL_TABLE: Final = 20  # so many customers are shown in full; of more, only the first rows
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
    ("boooply sandbox", "serve this sandbox for your own code"),
    ("boooply quickstart FILE", "all of this with your own customers"),
    ("the README", "each step above as a few lines of Python"),
)


def opening(base_url: str, source: str, count: int) -> RenderableType:
    """Introduce the run, and state that it affects nobody."""
    return Text.assemble(
        ("Boooply quickstart", "bold"),
        f"\n\n{count_of(count, 'customer')} from {printable(source)}.\n"
        f"The API is a sandbox on {base_url}: nothing leaves this machine, and nobody gets an e-mail.",
        overflow="fold",
    )


def step(number: int, title: str, code: str) -> RenderableType:
    """Write the heading of a step, with the call that it shows."""
    return Text.assemble("\n", (f"{number}  {title}", "bold"), "\n", (f"   {code}", "cyan"), "\n")


def connected(count: int, seconds: float) -> RenderableType:
    """State how many customers have a key now, and how long it took."""
    return inset(Text.assemble((f"Connected {count_of(count, 'customer')}", "bold green"), f" in {seconds:.3f} s."))


def customers(tenants: Sequence[Tenant], keys: Mapping[int, OrganizationApiKey]) -> RenderableType:
    """List the first customers, and count the others; of a key, show only its kind and end."""
    table = Table("Customer", "Organization id", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Team members", justify="right", no_wrap=True)
    table.add_column("Key", no_wrap=True)
    shown = tenants if len(tenants) <= _FULL_TABLE else tenants[:_FIRST_ROWS]
    for position, tenant in enumerate(shown):
        name = tenant.organization_name or tenant.organization_id
        key = str(keys[position].api_key)
        table.add_row(_cut(name), _cut(tenant.organization_id), str(len(tenant.team_members)), key)
    return inset(Group(Text(), table, *and_more(len(tenants) - len(shown))))


def ownership(tenant: Tenant, organization: Organization) -> RenderableType:
    """State whose key it is, by the customer's name in the file and its id at both ends."""
    name = tenant.organization_name or tenant.user_email
    return inset(
        Text.assemble(
            f"The key of {printable(name)} belongs to ",
            (printable(str(organization.external_org_id)), "bold"),
            ": the id that the file gives this customer. Store the two together.",
        )
    )


def choice(slots: Sequence[Slot], leader: TeamMember) -> str:
    """Describe how the time of a human interview is found."""
    who = leader.name or leader.email
    if not slots:
        return f"At once: {who} has no connected calendar to pick a time from."
    return f"The candidate picks one of {len(slots)} times at which {who} is free."


def invitation(kind: str, how: str, interview: Interview) -> RenderableType:
    """Describe an interview that was created, with each person's own link to it."""
    lines: list[RenderableType] = [Text.assemble((kind, "bold"), "  ", interview.meeting_code), Text(printable(how))]
    for person in interview.participants:
        name = Text.assemble(printable(str(person.name)), "  ", (printable(str(person.role)), "dim"))
        lines += [inset(name), inset(Text(masked_link(interview, person), style="blue", overflow="fold"))]
    return inset(Group(*lines, Text()))


def masked_link(interview: Interview, person: InterviewParticipant) -> str:
    """Write a join link of whose token only the end is shown: ``Interview.join_link`` makes the link that works."""
    if interview.url is None or person.join_token is None:
        return "no link"
    return f"{printable(interview.url)}?token={person.join_token}"


def invited(emails: int) -> RenderableType:
    """Describe what became of the invitations."""
    return inset(
        Text(
            f"The real API would have sent {emails} e-mails by now. The tokens are masked here, as the keys are: "
            "interview.join_link(person).reveal() is the whole link."
        )
    )


def evaluation(found: Evaluation) -> RenderableType:
    """Show the verdict, and each score as a number and a bar."""
    verdict = printable(str(found.recommendation))
    table = Table.grid("score", Column("points", justify="right"), "bar", padding=(0, 1), collapse_padding=False)
    for label, field in _SCORES.items():
        score: float | None = getattr(found, field)
        if score is not None:
            table.add_row(label, f"{score:.0f}", Text("█" * round(score * _FULL_BAR / 100), style="cyan"))
    heading = Text.assemble("Recommendation: ", (verdict, f"bold {_VERDICTS.get(verdict, '')}"), "\n")
    return inset(Group(heading, table))


def transcript(entries: Sequence[TranscriptEntry]) -> RenderableType:
    """Show how the conversation began."""
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
    # One line per customer: a name that is too long for its column ends in an ellipsis.
    return Text(printable(text), no_wrap=True, overflow="ellipsis")
