"""The calls of handlers, and the records of failures: the class and place of an error.

The text of an error is neither recorded nor logged, because it may quote what was said. For example, the errors of
databases contain the rejected values.
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
    """A handler leaves an event to another process on the same store. Raise this error in your handler."""


@attrs.frozen(eq=False)
class HandlerCall:
    """A call of a handler: a coroutine function runs in a task, a plain function in a thread."""

    event: Event
    handler: object
    task: asyncio.Task[None]
    is_in_thread: bool

    @classmethod
    def start(cls, handler_of: Callable[[Event], Handler], event: Event) -> HandlerCall:
        """Call the handler of an event. A declined event fails at once."""
        try:
            handler = handler_of(event)
        except DeclinedError as error:
            return cls(event, handler_of, asyncio.create_task(_raise(error)), is_in_thread=False)
        call, is_in_thread = calling(handler, event)
        return cls(event, handler, asyncio.create_task(call), is_in_thread)

    def cancel(self) -> None:
        """Cancel the call, unless it runs in a thread, which cannot be cancelled."""
        if not self.is_in_thread:
            self.task.cancel()


def calling(function: Callable[[T], object], argument: T) -> tuple[Coroutine[Any, Any, None], bool]:
    """Return the call of a function as a coroutine, and whether it runs in a thread."""
    is_async = is_coroutine_function(function)
    return _await(function if is_async else partial(in_thread, function), argument), not is_async


async def _await(function: Callable[[T], object], argument: T) -> None:
    result = function(argument)
    while isawaitable(result):  # a plain function may return an awaitable
        result = await result


async def _raise(error: Exception) -> None:
    raise error


def class_and_place(error: BaseException, handler: object) -> str:
    """Return the class of an error, and the innermost line in the handler's package that led to it."""
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
    """Log that a handler has exceeded its time limit."""
    consequence = "its event stays leased until its thread ends" if call.is_in_thread else "it is cancelled"
    logger.error("%s has taken longer than %g s, attempt %d: %s", _subject(call.event), seconds, attempts, consequence)


def log_failure(event: Event, attempts: int, problem: BaseException) -> None:
    """Log the class of a handler's error, and the lines that led to it."""
    if isinstance(problem, DeclinedError):
        logger.info("%s is left to another process", _subject(event))
        return
    # Without the text of the error, which may quote what was said.
    where = "".join(traceback.format_tb(problem.__traceback__)).rstrip()
    logger.error("%s failed, attempt %d: %s\n%s", _subject(event), attempts, type(problem).__qualname__, where)


def subject_text(event: str | None, meeting_code: str | None, organization_id: str | None) -> str:
    """Return the name of an event for a log line, with its interview and customer if they are known."""
    customer = f" for customer {organization_id}" if organization_id else ""
    return one_line(f"{event or 'an event'} of {meeting_code or 'no interview'}{customer}")


def _subject(event: Event) -> str:
    return subject_text(event.event, event.meeting_code, event.source_id)
