"""``boooply interviews``: the interviews of one key, or of customers in the store."""

import json
from collections.abc import Awaitable, Callable
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
    """Show one page of interviews, newest first.

    Args:
        all_customers: Show a page of every customer that has a key in the store.
        page: Which page.
        limit: How many interviews a page has, 100 at most.
        as_json: Write one JSON object a line, as the API has it but without join tokens.
        access: Whose interviews.
        filters: Which of them.

    Returns:
        The exit code: 4 if the interviews of a customer cannot be read.
    """
    selected = filters.checked()
    async with open_clients(access, all_customers=all_customers) as clients:
        return await list_customers(
            clients, selected, page=page, limit=limit, as_json=as_json, is_single=not all_customers
        )


async def get(code: _Code, /, *, as_json: Json = False, access: Access = ANY) -> None:
    """Show one interview and its people.

    Args:
        code: The meeting code, such as Boooply-AI-1234567890.
        as_json: Write one JSON object, as the API has it but without join tokens.
        access: Whose interviews.
    """
    async with open_client(access) as client:
        found = await client.interviews.get(code)
    _show(found, as_json=as_json)


async def evaluation(code: _Code, /, *, as_json: Json = False, access: Access = ANY) -> None:
    """Show the evaluation of an interview: scores, recommendation and advice.

    Args:
        code: The meeting code, such as Boooply-AI-1234567890.
        as_json: Write one JSON object with everything that the analysis returned.
        access: Whose interviews.

    Raises:
        BoooplyError: There is none.
    """
    async with open_client(access) as client:
        found = await client.interviews.get_evaluation(code)
    if found is None:
        raise BoooplyError(f"{code} has no evaluation: it comes once the interview is over and has been analysed")
    if as_json:
        write_line(json.dumps(to_dict(found)))
    else:
        console().print(view.evaluation(found))


async def transcript(code: _Code, /, *, as_json: Json = False, access: Access = ANY) -> None:
    """Print what was said in an interview.

    Args:
        code: The meeting code, such as Boooply-AI-1234567890.
        as_json: Write one JSON object a line.
        access: Whose interviews.

    Raises:
        BoooplyError: There is none.
    """
    async with open_client(access) as client:
        entries = await client.interviews.get_transcript(code)
    if not entries:
        raise BoooplyError(f"{code} has no transcript: it comes once the interview has taken place")
    if as_json:
        for one in entries:
            write_line(json.dumps(to_dict(one)))
    else:
        console().print(view.transcript(entries))


async def cancel(
    code: _Code, /, *, reason: _Text = None, yes: bool = False, as_json: Json = False, access: Access = ANY
) -> int:
    """Cancel an interview that has not started; everybody in it is e-mailed.

    Args:
        code: The meeting code, such as Boooply-AI-1234567890.
        reason: What the e-mails say about it.
        yes: Do it without a question.
        as_json: Write the interview as one JSON object.
        access: Whose interviews.

    Returns:
        The exit code.
    """
    check_can_ask("cancel e-mails everybody in the interview", yes=yes)
    async with open_client(access) as client:
        if not yes and not await is_confirmed(view.question("Cancel", await client.interviews.get(code))):
            return declined()
        return await _change(code, client.interviews.cancel(code, reason=reason), as_json=as_json)


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
    """Move an interview that has not started; everybody in it is e-mailed.

    Args:
        code: The meeting code, such as Boooply-AI-1234567890.
        at: When it begins, in ISO 8601 with a zone, such as 2026-05-01T09:00:00+02:00.
        duration_minutes: How long it lasts; otherwise as long as before.
        reason: What the e-mails say about it.
        yes: Do it without a question.
        as_json: Write the interview as one JSON object.
        access: Whose interviews.

    Returns:
        The exit code.
    """
    check_can_ask("reschedule e-mails everybody in the interview", yes=yes)
    try:
        time = validators.time(at)
    except ValidationError as error:
        raise ConfigurationError(f"--at: {error.rule}") from None
    async with open_client(access) as client:
        verb = f"Move to {time.isoformat(sep=' ', timespec='minutes')}:"
        if not yes and not await is_confirmed(view.question(verb, await client.interviews.get(code))):
            return declined()
        moving = client.interviews.reschedule(code, scheduled_at=time, duration_minutes=duration_minutes, reason=reason)
        return await _change(code, moving, as_json=as_json)


async def _change(code: str, change: Awaitable[Interview], *, as_json: bool) -> int:
    """Carry out a change and show the interview, or what to do if it is unknown whether it was carried out."""
    try:
        found = await change
    except ValidationError as error:
        raise option_error(error) from None
    except (AmbiguousWriteError, DecodingError) as error:
        print_error(str(error))
        print_error(f"look before you repeat it, since it e-mails people: boooply interviews get {code}")
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
