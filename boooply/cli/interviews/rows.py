"""The rows of an export, and their form as CSV or JSON Lines."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from boooply.cli.terminal import printable
from boooply.models import Evaluation, Interview, InterviewParticipant, ParticipantRole, SessionStatus

Row = Mapping[str, Any]
"""The values of the columns by their names: texts, numbers and None."""

COLUMNS: Final = (
    "customer",
    "meeting_code",
    "title",
    "job_role",
    "type",
    "status",
    "end_reason",
    "scheduled_at",
    "duration_minutes",
    "created_at",
    "candidate_name",
    "candidate_email",
    "overall_score",
    "recruiter_decision",
)
EVALUATION_COLUMNS: Final = ("evaluation_score", "evaluation_recommendation")

# Excel opens UTF-8 as such only after this mark, and breaks lines as RFC 4180 does.
_MARK: Final = "\ufeff"
# What a spreadsheet runs as a formula, at the beginning of a cell and after what another language separates cells with.
_FORMULA: Final = re.compile("(?:^|(?<=[;,]))(\\s*)(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])")


def row_of(customer: str, interview: Interview) -> Row:
    """Return the row of an interview, without its evaluation."""
    candidate = candidate_of(interview)
    values = (
        customer or interview.source_id,
        interview.meeting_code,
        interview.title,
        interview.job_role,
        kind_of(interview),
        interview.session_status,
        interview.end_reason,
        _iso(interview.scheduled_at),
        interview.duration_minutes,
        _iso(interview.created_at),
        candidate and candidate.name,
        candidate and candidate.email,
        interview.overall_score,
        interview.evaluation_recommendation,
    )
    return dict(zip(COLUMNS, values, strict=True))


def evaluation_values(evaluation: Evaluation) -> Row:
    """Return the columns of an interview's evaluation."""
    values = evaluation.overall_score, evaluation.recommendation
    return dict(zip(EVALUATION_COLUMNS, values, strict=True))


def candidate_of(interview: Interview) -> InterviewParticipant | None:
    """Return the candidate, if the interview has one."""
    return next((one for one in interview.participants if one.role == ParticipantRole.CANDIDATE), None)


def kind_of(interview: Interview) -> str | None:
    """Return the type by which a list can be filtered."""
    return "TEAM" if interview.is_team_meeting else interview.meeting_type


def is_evaluated(interview: Interview) -> bool:
    """Return whether an interview may have an evaluation."""
    return interview.session_status == SessionStatus.COMPLETED and not interview.is_team_meeting


@attrs.frozen
class Format:
    """The format of an export: CSV or JSON Lines.

    Attributes:
        name: ``csv`` or ``jsonl``.
        columns: The names of the columns.
        delimiter: The character between two cells of CSV.
    """

    name: str
    columns: tuple[str, ...]
    delimiter: str = ","

    @property
    def head(self) -> str:
        """The first line of a CSV file; JSON Lines have none."""
        return _MARK + self._csv_line(self.columns) if self.name == "csv" else ""

    def line(self, row: Row) -> str:
        """Write a row as a line: of CSV, in which no text is a formula, or of JSON, in ASCII."""
        if self.name == "csv":
            return self._csv_line(map(_cell, (row.get(name) for name in self.columns)))
        return f"{json.dumps({name: row.get(name) for name in self.columns})}\n"

    def _csv_line(self, values: Iterable[Any]) -> str:
        written = io.StringIO()
        csv.writer(written, delimiter=self.delimiter).writerow(values)
        return written.getvalue()


def _cell(value: Any) -> Any:
    return _FORMULA.sub("'\\1", printable(value)) if isinstance(value, str) else value


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
