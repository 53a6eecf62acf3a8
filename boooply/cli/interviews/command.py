"""``boooply interviews``: the interviews of one key or of customers in the store."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Final

from cyclopts import App, Parameter
from cyclopts.validators import Number

from boooply.cli.access import ANY, Access, open_client, open_clients
from boooply.cli.exit_codes import FAILED
from boooply.cli.interviews import view
from boooply.cli.interviews.export import export
from boooply.cli.interviews.filters import NO_FILTERS, Filters, option_error
from boooply.cli.interviews.listing import list_customers
from boooply.cli.question import check_can_ask, declined, is_confirmed
from boooply.cli.terminal import Json, console, print_error, write_line
from boooply.client import AsyncBoooplyClient
from boooply.converter import to_dict
from boooply.errors import AmbiguousWriteError, BoooplyError, ConfigurationError, DecodingError, ValidationError
from boooply.models import Interview, validators

app: Final = App(name="interviews")

_Code = Annotated[str, Parameter(name="CODE")]
_Page = Annotated[int, Parameter(validator=Number(gte=1), metavar="N", show_default=True)]
_PageSize = Annotated[int, Parameter(validator=Number(gte=1, lte=100), metavar="N", show_default=True)]
_Minutes = Annotated[int | None, Parameter(name="--duration", validator=Number(gte=5), metavar="MINUTES")]
_Text = Annotated[str | None, Parameter(metavar="TEXT")]


async def list_interviews(
    *,
    all_customers: bool = False,
    page: _Page = 1,
    limit: _PageSize = 20,
    as_json: Json = False,
    access: Access = ANY,
    filters: Filters = NO_FILTERS,
) -> int:
    """List one page of interviews, newest first.

    Args:
        all_customers: List a page for every customer that has a key in the store.
        page: Number of the page.
        limit: Number of interviews per page, up to 100.
        as_json: Print one JSON object per line, with the API's names and without join tokens.
        access: The customer whose interviews to read.
        filters: The filters of the list.

    Returns:
        The exit code: 4 if a customer's interviews cannot be read.
    """
    selected = filters.checked()
    async with open_clients(access, all_customers=all_customers) as clients:
        return await list_customers(
            clients, selected, page=page, limit=limit, as_json=as_json, is_single=not all_customers
        )


async def get(code: _Code, /, *, as_json: Json = False, access: Access = ANY) -> None:
    """Show one interview and its participants.

    Args:
        code: The meeting code, such as Boooply-AI-1234567890.
        as_json: Print one JSON object, with the API's names and without join tokens.
        access: The customer whose interviews to read.
    """
    async with _opened(access) as client:
        found = await client.interviews.get(code)
    _show(found, as_json=as_json)


async def evaluation(code: _Code, /, *, as_json: Json = False, access: Access = ANY) -> None:
    """Show an evaluation: its scores, recommendation and advice.

    Args:
        code: The meeting code, such as Boooply-AI-1234567890.
        as_json: Print one JSON object with all fields of the evaluation.
        access: The customer whose interviews to read.

    Raises:
        BoooplyError: The interview has no evaluation.
    """
    async with _opened(access) as client:
        found = await client.interviews.get_evaluation(code)
    if found is None:
        raise BoooplyError(
            f"{code} has no evaluation yet. It is available after the interview has ended and was analysed"
        )
    if as_json:
        write_line(json.dumps(to_dict(found)))
    else:
        console().print(view.evaluation(found))


async def transcript(code: _Code, /, *, as_json: Json = False, access: Access = ANY) -> None:
    """Print the transcript of an interview.

    Args:
        code: The meeting code, such as Boooply-AI-1234567890.
        as_json: Print one JSON object per line.
        access: The customer whose interviews to read.

    Raises:
        BoooplyError: The interview has no transcript.
    """
    async with _opened(access) as client:
        entries = await client.interviews.get_transcript(code)
    if not entries:
        raise BoooplyError(f"{code} has no transcript yet. It is available after the interview has ended")
    if as_json:
        for one in entries:
            write_line(json.dumps(to_dict(one)))
    else:
        console().print(view.transcript(entries))


async def cancel(
    code: _Code, /, *, reason: _Text = None, yes: bool = False, as_json: Json = False, access: Access = ANY
) -> int:
    """Cancel an interview that has not started, and e-mail its participants.

    Args:
        code: The meeting code, such as Boooply-AI-1234567890.
        reason: Reason to give in the e-mails.
        yes: Do not ask for confirmation.
        as_json: Print the interview as one JSON object.
        access: The customer whose interviews to read.

    Returns:
        The exit code.
    """
    check_can_ask("cancel e-mails all participants", yes=yes)
    async with _opened(access) as client:
        if not yes and not await is_confirmed(view.question("Cancel", await client.interviews.get(code))):
            return declined()
        return await _change(code, client.interviews.cancel(code, reason=reason), access, as_json=as_json)


async def reschedule(
    code: _Code,
    /,
    *,
    at: Annotated[str, Parameter(metavar="TIME")],
    duration_minutes: _Minutes = None,
    reason: _Text = None,
    yes: bool = False,
    as_json: Json = False,
    access: Access = ANY,
) -> int:
    """Reschedule an interview that has not started, and e-mail its participants.

    Args:
        code: The meeting code, such as Boooply-AI-1234567890.
        at: New start time, in ISO 8601 with an offset, such as 2026-05-01T09:00:00+02:00.
        duration_minutes: New duration, in minutes. Default: unchanged.
        reason: Reason to give in the e-mails.
        yes: Do not ask for confirmation.
        as_json: Print the interview as one JSON object.
        access: The customer whose interviews to read.

    Returns:
        The exit code.
    """
    check_can_ask("reschedule e-mails all participants", yes=yes)
    try:
        time = validators.time(at)
    except ValidationError as error:
        raise ConfigurationError(f"--at: {error.rule}") from None
    async with _opened(access) as client:
        change = f", to {time.isoformat(sep=' ', timespec='minutes')}"
        if not yes and not await is_confirmed(view.question("Reschedule", await client.interviews.get(code), change)):
            return declined()
        moving = client.interviews.reschedule(code, scheduled_at=time, duration_minutes=duration_minutes, reason=reason)
        return await _change(code, moving, access, as_json=as_json)


@asynccontextmanager
async def _opened(access: Access) -> AsyncGenerator[AsyncBoooplyClient]:
    """Open the client of one customer, and name options in the errors of its calls."""
    async with open_client(access) as client:
        try:
            yield client
        except ValidationError as error:
            raise option_error(error) from None


async def _change(code: str, change: Awaitable[Interview], access: Access, *, as_json: bool) -> int:
    """Make a change and show the interview. If the result is unknown, print how to look."""
    try:
        found = await change
    except (AmbiguousWriteError, DecodingError) as error:
        print_error(str(error))
        look = f"boooply interviews get {code}{access.options}"
        print_error(f"look at the interview before you try again, since each try e-mails people: {look}")
        return FAILED
    if as_json:
        _show(found, as_json=True)
    else:
        console().print(view.changed(found), overflow="fold")
    return 0


def _show(found: Interview, *, as_json: bool) -> None:
    if as_json:
        write_line(json.dumps(to_dict(found)))
    else:
        console().print(view.interview(found))


_COMMANDS: Final[tuple[Callable[..., object], ...]] = (get, evaluation, transcript, export, cancel, reschedule)

app.command(list_interviews, name="list", sort_key=0)
for _position, _command in enumerate(_COMMANDS, 1):
    app.command(_command, sort_key=_position)
