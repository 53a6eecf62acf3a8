"""The calls of handlers, and what is recorded and logged when one fails: the class and place of the error.

Its text is neither recorded nor logged, since it may quote what was said: a database's errors name the values that it
rejects.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Coroutine
from functools import partial
from inspect import isawaitable
from typing import Any, Final, TypeVar

import attrs

from boooply.errors import BoooplyError
from boooply.protocol.settings import is_coroutine_function
from boooply.secret import one_line
from boooply.store.threads import in_thread
from boooply.webhooks import Event

T = TypeVar("T")
Handler = Callable[[Event], object]

_LONGEST: Final = 300  # characters of a failure

logger: logging.Logger = logging.getLogger("boooply.inbox")


class DeclinedError(BoooplyError):
    """Raised by a handler, to leave an event to the handlers of another process on the same store."""


@attrs.frozen(eq=False)
class HandlerCall:
    """A call of a handler: of a coroutine function in a task, of a plain function in a thread."""

    event: Event
    handler: object
    task: asyncio.Task[None]
    is_in_thread: bool

    @classmethod
    def start(cls, handler_of: Callable[[Event], Handler], event: Event) -> HandlerCall:
        """Call the handler that an event has; one that is declined has failed at once."""
        try:
            handler = handler_of(event)
        except DeclinedError as error:
            return cls(event, handler_of, asyncio.create_task(_raise(error)), is_in_thread=False)
        call, is_in_thread = calling(handler, event)
        return cls(event, handler, asyncio.create_task(call), is_in_thread)

    def cancel(self) -> None:
        """Cancel it, unless it is in a thread, which runs until it ends."""
        if not self.is_in_thread:
            self.task.cancel()


def calling(function: Callable[[T], object], argument: T) -> tuple[Coroutine[Any, Any, None], bool]:
    """Return the call of a function as a coroutine, and whether it is made in a thread."""
    is_async = is_coroutine_function(function)
    return _await(function if is_async else partial(in_thread, function), argument), not is_async


async def _await(function: Callable[[T], object], argument: T) -> None:
    result = function(argument)
    while isawaitable(result):  # a plain function may return an awaitable, to be awaited here
        result = await result


async def _raise(error: Exception) -> None:
    raise error


def class_and_place(error: BaseException, handler: object) -> str:
    """Return the class of an error, and the innermost line of the handler's own package that led to it."""
    kind = type(error)
    is_known = kind.__module__.partition(".")[0] in {"builtins", "boooply"}
    name = kind.__qualname__ if is_known else f"{kind.__module__}.{kind.__qualname__}"
    return one_line(f"{name} in {_place(error, handler)}")[:_LONGEST]


def _place(error: BaseException, handler: object) -> str:
    while isinstance(handler, partial):
        handler = handler.func
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    module, qualname = str(named.__module__), str(getattr(named, "__qualname__", ""))
    package = module.partition(".")[0]
    place = f"{module}.{qualname}"
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__"))
        if name.partition(".")[0] == package:
            place = f"{name}.{frame.f_code.co_qualname}, line {line}"
    return place


def log_late(call: HandlerCall, attempts: int, seconds: float) -> None:
    """Log that a handler is past its time."""
    consequence = "its event stays leased until its thread ends" if call.is_in_thread else "it is cancelled"
    logger.error("%s has taken longer than %g s, attempt %d: %s", _subject(call.event), seconds, attempts, consequence)


def log_failure(event: Event, attempts: int, problem: BaseException) -> None:
    """Log what a handler has raised, by its class and the lines that led to it."""
    if isinstance(problem, DeclinedError):
        logger.info("%s is left to another process", _subject(event))
        return
    # Without its text, which may quote what was said: a database's errors name the values they could not take.
    where = "".join(traceback.format_tb(problem.__traceback__)).rstrip()
    logger.error("%s failed, attempt %d: %s\n%s", _subject(event), attempts, type(problem).__qualname__, where)


def subject_text(event: str | None, meeting_code: str | None, organization_id: str | None) -> str:
    """Return an event's name, interview and customer for a log line, as far as it names them."""
    customer = f" for customer {organization_id}" if organization_id else ""
    return one_line(f"{event or 'an event'} of {meeting_code or 'no interview'}{customer}")


def _subject(event: Event) -> str:
    return subject_text(event.event, event.meeting_code, event.source_id)
