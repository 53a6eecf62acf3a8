"""When attempts have to end: one timer for all of an event loop's, since nearly every attempt ends long before.

A timer for each, as ``asyncio.timeout`` and aiohttp have it, costs a tenth of a whole call.
"""

from __future__ import annotations

import asyncio
from math import inf

import attrs

from boooply.transport.local_limiter import clock


@attrs.define(eq=False)
class Attempt:
    """One that is under way, in the task that it runs in; ``ends`` is by the steady clock."""

    ends: float
    _task: asyncio.Task[object]
    _cancelling: int
    is_late: bool = False

    def cut_short(self) -> None:
        """Cancel it, since its time is over."""
        self.is_late = True
        self._task.cancel()

    def stands_alone(self) -> bool:
        """Tell whether nobody else cancels the task of one that was late; to be asked once, at its end."""
        return self._task.uncancel() <= self._cancelling


class Deadlines:
    """Watch over the attempts of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._under_way: set[Attempt] = set()
        self._next = inf
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float) -> Attempt:
        """Note that the running task begins an attempt, which is cancelled after so many seconds."""
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("a call has to be awaited in a task")
        attempt = Attempt(clock() + seconds, task, task.cancelling())
        self._under_way.add(attempt)
        if attempt.ends < self._next:
            self._wake_at(attempt.ends)
        return attempt

    def end(self, attempt: Attempt) -> bool:
        """Note that an attempt has ended; tell whether that was for its time alone."""
        self._under_way.discard(attempt)
        return attempt.is_late and attempt.stands_alone()

    def close(self) -> None:
        """Leave no timer behind."""
        self._wake_at(inf)

    def _wake_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = moment
        self._timer = self._loop.call_later(moment - clock(), self._look) if moment < inf else None

    def _look(self) -> None:
        now = clock()
        late = [attempt for attempt in self._under_way if attempt.ends <= now]
        self._under_way.difference_update(late)
        for attempt in late:
            attempt.cut_short()
        self._wake_at(min((attempt.ends for attempt in self._under_way), default=inf))
