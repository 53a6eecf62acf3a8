"""The output of ``boooply interviews``: tables, single interviews, and the progress of an export."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from boooply.cli.access import OF_THE_KEY, reason_of
from boooply.cli.interviews.reading import Reading
from boooply.cli.interviews.rows import candidate_of, kind_of
from boooply.cli.provision_view import duration
from boooply.cli.terminal import and_more, console, count_of, inset, printable
from boooply.errors import BoooplyError
from boooply.models import Evaluation, Interview, Page, TranscriptEntry

CONTINUE: Final = "Run the same command again to continue."
"""The advice after an interrupted export to a file."""

_SHOWN: Final = 20
_UNBOUNDED: Final = 10_000  # columns of a pipe, in which names are not cut
_CODE_WIDTH: Final = 21
_SCORES: Final = {
    "overall": "overall_score",
    "communication": "communication",
    "technical": "technical",
    "problem solving": "problem_solving",
    "culture fit": "culture_fit",
    "experience": "experience_match",
}

# ---- a list


def table_console() -> Console:
    """Create the console of a table, which cuts long names in a terminal but not in a pipe."""
    out = console()
    if not out.is_terminal:
        out.width = _UNBOUNDED
    return out


def listed(page: Page, customer: str) -> RenderableType:
    """Show a page of interviews, with the customer's id above or the number of the next page below."""
    if customer == OF_THE_KEY and not page.items:
        return Text(_page_line(page))
    columns = (
        Column("Interview", no_wrap=True, min_width=_CODE_WIDTH),
        Column("Status", no_wrap=True, min_width=9),
        Column("When (UTC)", no_wrap=True, min_width=16),
        Column("Candidate or title"),
        Column("Score", no_wrap=True, min_width=5, justify="right"),
    )
    table = Table(*columns, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for one in page.items:
        candidate = candidate_of(one)
        score = "" if one.overall_score is None else f"{one.overall_score:g}"
        name = (candidate and (candidate.name or candidate.email)) or one.title or ""
        status = printable(str(one.session_status or ""))
        short = Text(printable(name), no_wrap=True, overflow="ellipsis")
        table.add_row(printable(one.meeting_code), status, _when(one.scheduled_at), short, score)
    if customer == OF_THE_KEY:
        return Group(table, Text(f"\n{_page_line(page)}"))
    return Group(Text(f"\n{printable(customer)}: {_range(page)}", style="bold"), table)


def _page_line(page: Page) -> str:
    if not page.items:
        return "No interviews." if page.page == 1 else f"Page {page.page} is empty."
    return (
        _range(page) if page.is_last(_last(page)) else f"{_range(page)} For the next page, add --page {page.page + 1}"
    )


def _range(page: Page) -> str:
    total = _last(page) if page.total is None else page.total
    if total == len(page.items):
        return f"{count_of(total, 'interview')}."
    return f"{_last(page) - len(page.items) + 1:,}-{_last(page):,} of {count_of(total, 'interview')}."


def _last(page: Page) -> int:
    return (page.page - 1) * (page.limit or len(page.items)) + len(page.items)


# ---- one interview


def interview(found: Interview) -> RenderableType:
    """Show an interview, without join tokens."""
    status = f"{found.session_status or ''} {f'({found.end_reason})' if found.end_reason else ''}"
    minutes = f", {found.duration_minutes} minutes" if found.duration_minutes else ""
    people = [f"{one.name or ''} <{one.email or ''}>  {one.role or ''}" for one in found.participants]
    decision = " ".join(filter(None, [found.evaluation_recommendation, found.evaluation_recommendation_rationale]))
    return _facts(
        {
            "interview": found.meeting_code,
            "title": found.title,
            "type": kind_of(found),
            "status": status,
            "when": f"{_when(found.scheduled_at)} UTC{minutes}" if found.scheduled_at else None,
            "created": f"{_when(found.created_at)} UTC" if found.created_at else None,
            "job role": found.job_role,
            "score": None if found.overall_score is None else f"{found.overall_score:g}",
            "decision": decision,
            "customer": " ".join(filter(None, [found.source_id, found.source and f"({found.source})"])),
            "address": found.url,
            "participants": "\n".join(map(printable, people)),
        }
    )


def evaluation(found: Evaluation) -> RenderableType:
    """Show the scores and the advice of an evaluation, without quotes from the interview."""
    scores = {label: getattr(found, name) for label, name in _SCORES.items()}
    criteria = {name: one.score for name, one in (found.by_criterion or {}).items()}
    parts: list[RenderableType] = [
        _facts({"recommendation": found.recommendation, "by rubric": found.ai_recommendation})
    ]
    parts += _section("Scores, 0-100", _numbers(scores))
    parts += _section("Criteria, 1-5", _numbers(criteria))
    advice = found.recommendations
    if advice is not None:
        parts += _section("Strengths", _bullets(advice.strengths))
        parts += _section("Improvements", _bullets(advice.improvements))
        parts += _section("Next steps", _bullets(advice.next_steps))
    return Group(*parts)


def transcript(entries: Iterable[TranscriptEntry]) -> RenderableType:
    """Show each entry with its time and speaker."""
    table = Table.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 2, 0, 0))
    for one in entries:
        speaker = one.speaker or one.role or ""
        text = Text.assemble((f"{printable(str(speaker))}: ", "bold"), printable(one.content))
        table.add_row(_moment(one), text)
    return table


def _moment(entry: TranscriptEntry) -> str:
    if isinstance(entry.timestamp, datetime):
        return f"{entry.timestamp.astimezone(UTC):%H:%M:%S}"
    if entry.timestamp is not None:
        return printable(entry.timestamp)
    if entry.start_ms is None:
        return ""
    minutes, seconds = divmod(entry.start_ms // 1000, 60)
    return f"{minutes:02}:{seconds:02}"


# ---- changes


def question(verb: str, found: Interview, change: str = "") -> str:
    """Return the question whether to change an interview and e-mail its participants."""
    candidate = candidate_of(found)
    name = f" with {candidate.name}" if candidate and candidate.name else ""
    when = f", {_when(found.scheduled_at)} UTC" if found.scheduled_at else ""
    people = "nobody" if not found.participants else f"{len(found.participants):,} people"
    people = "1 person" if len(found.participants) == 1 else people
    return printable(f"{verb} {found.meeting_code}{name}{when}{change}? Boooply will e-mail {people}.")


def changed(found: Interview) -> str:
    """Describe an interview after a change."""
    when = f", {_when(found.scheduled_at)} UTC" if found.scheduled_at else ""
    return printable(f"{found.meeting_code} is {found.session_status}{when}. Boooply e-mails all participants.")


# ---- an export


def continued(begun_at: str, complete: int, total: int) -> str:
    """Describe the unfinished export that a run continues."""
    return (
        f"Continuing the export of {begun_at} UTC: {complete:,} of {count_of(total, 'customer')} complete. "
        "To start over, delete FILE.part."
    )


def plan(reading: Reading) -> str:
    """Describe how much there is to read, and how long it takes."""
    expected = reading.expected.values()
    evaluations = sum(one.evaluations for one in expected)
    limit = min((one.limit for one in expected), default=0)
    seconds = round(reading.seconds_left())
    parts = [count_of(reading.total, "interview")]
    parts += [f"of {count_of(len(expected), 'customer')}"] if OF_THE_KEY not in reading.clients.names else []
    parts += [f"and {count_of(evaluations, 'evaluation')}"] if reading.with_evaluations else []
    each = " and key" if len(expected) > 1 else ""
    time = f": about {duration(seconds)} at {limit:,} reads per minute{each}" if seconds else ""
    return f"{' '.join(parts)} to read{time}."


def progress_line(reading: Reading) -> str:
    """Describe the progress of an export in one short line."""
    left = duration(reading.seconds_left())
    customers = count_of(len(reading.expected), "customer")
    return f"{reading.done.total():,}/{reading.total:,} interviews, {customers} and {left} left"


def exported(count: int | None, target: Path | None, seconds: float) -> str:
    """Describe the result of an export. Without a count, nothing was written."""
    to = "" if target is None else f" to {printable(str(target))}"
    if count is None:
        return f"Nothing was exported{to}."
    return f"Exported {count_of(count, 'interview')}{to} in {duration(seconds)}."


def unreadable(failed: Mapping[str, BoooplyError], what: str = "missing") -> RenderableType:
    """List the customers whose interviews cannot be read, and why."""
    title = Text(f"\nThe interviews of {count_of(len(failed), 'customer')} are {what}:\n", style="bold")
    table = Table.grid(Column(overflow="fold", max_width=30), Column(overflow="fold"), padding=(0, 2, 0, 0))
    for customer, error in list(failed.items())[:_SHOWN]:
        table.add_row(printable(customer), printable(reason_of(customer, error)))
    return Group(title, inset(Group(table, *and_more(len(failed) - _SHOWN))))


def stopped(target: Path | None) -> str:
    """Describe how to continue an export that a signal stopped."""
    if target is None:
        return "Stopped. The output is incomplete. To be able to continue an export, use --output FILE."
    return f"Stopped. {CONTINUE}"


# ---- pieces


def _when(time: datetime | None) -> str:
    return "" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"


def _facts(facts: Mapping[str, str | None]) -> Table:
    table = Table.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 3, 0, 0))
    for label, text in facts.items():
        if text and not text.isspace():
            table.add_row(label, "\n".join(map(printable, text.split("\n"))))
    return table


def _numbers(numbers: Mapping[str, float | None]) -> Table:
    table = Table.grid(Column(overflow="fold"), Column(justify="right", no_wrap=True), padding=(0, 3, 0, 0))
    for label, number in numbers.items():
        if number is not None:
            table.add_row(printable(label), f"{number:g}")
    return table


def _bullets(texts: Iterable[str]) -> Table:
    table = Table.grid(Column(overflow="fold"))
    for text in texts:
        table.add_row(f"- {printable(text)}")
    return table


def _section(title: str, content: Table) -> list[RenderableType]:
    return [Text(f"\n{title}\n", style="bold"), inset(content)] if content.row_count else []
