"""The filters of ``boooply interviews list`` and ``export``: the API's filters as options."""

import re
from typing import Annotated, Any, Final, cast

import attrs
from cyclopts import Parameter

from boooply.errors import ConfigurationError, ValidationError
from boooply.models import InterviewFilters, InterviewQuery

_Time = Annotated[str | None, Parameter(metavar="TIME")]
_Score = Annotated[float | None, Parameter(metavar="N")]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Filters:
    """The filters of a list of interviews.

    Attributes:
        status: Status: SCHEDULED, ACTIVE, COMPLETED, CANCELLED or FAILED. Separate several by commas.
        kind: Type: AI_ONLY, HUMAN or TEAM.
        search: Text in the meeting code, the candidate's name, the job role or the title.
        source_id: Your ID for the customer that the interviews were created for.
        date_field: The time that --since and --until compare: created or scheduled. Default: created.
        date_from: Earliest time, such as 2026-05-01T09:00:00+02:00, or a date, which means 0:00 UTC.
        date_to: Latest time, or a date, which means 0:00 UTC.
        score_min: Minimum overall score, from 0 to 100. Excludes interviews without a score.
        score_max: Maximum overall score, from 0 to 100.
    """

    status: Annotated[str | None, Parameter(metavar="STATUS")] = None
    kind: Annotated[str | None, Parameter(name="--type", metavar="TYPE")] = None
    search: Annotated[str | None, Parameter(metavar="TEXT")] = None
    source_id: Annotated[str | None, Parameter(metavar="ID")] = None
    date_field: Annotated[str | None, Parameter(metavar="FIELD")] = None
    date_from: Annotated[str | None, Parameter(name=("--since", "--date-from"), metavar="TIME")] = None
    date_to: Annotated[str | None, Parameter(name=("--until", "--date-to"), metavar="TIME")] = None
    score_min: _Score = None
    score_max: _Score = None

    def checked(self) -> InterviewFilters:
        """Return the given filters as ``interviews.list`` takes them.

        Raises:
            ConfigurationError: The API would reject one of them.
        """
        given: dict[str, Any] = {name: value for name, value in attrs.asdict(self).items() if value is not None}
        kind = given.pop("kind", None)
        if kind is not None:
            given["type"] = _as_api_name(kind)
        if "status" in given:
            given["status"] = [_as_api_name(one) for one in given["status"].split(",")]
        if "date_field" in given:
            given["date_field"] = given["date_field"].strip().lower()
        for name in ("date_from", "date_to"):
            if re.fullmatch(r"\d{4}-\d\d-\d\d", given.get(name, "")):
                given[name] += "T00:00:00Z"
        try:
            InterviewQuery(**given)
        except ValidationError as error:
            raise option_error(error) from None
        return cast("InterviewFilters", given)


NO_FILTERS = Filters()


_NAMES: Final = {  # where they differ from those in Python
    "date_from": "--since",
    "date_to": "--until",
    "meeting_code": "CODE",
}


def option_error(error: ValidationError) -> ConfigurationError:
    """Return the error of an argument as an error of its option."""
    field = error.field.partition("[")[0]
    name = _NAMES.get(field, f"--{field.replace('_', '-')}")
    rule = error.rule.replace("date_from", "--since").replace("score_min", "--score-min")
    if error.field in {"date_from", "date_to"}:
        rule = rule.replace("must be a time", "must be a date, such as 2026-05-01, or a time")
    return ConfigurationError(f"{name}: {rule}")


def _as_api_name(value: str) -> str:
    return value.strip().upper().replace("-", "_")
