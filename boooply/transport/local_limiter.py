"""Where callers stand in line for one allowance: first come, first served."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from math import inf
from typing import Final

import attrs

from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.limiter import RateLimiter
from boooply.ratelimit.status import RateLimitStatus

clock: Final = time.monotonic


@attrs.define(eq=False)
class _Line:
    """The callers of one event loop: who holds ``turn`` is the first in line, and ``news`` wakes it, if it sleeps."""

    turn: asyncio.Lock = attrs.Factory(asyncio.Lock)
    news: asyncio.Event = attrs.Factory(asyncio.Event)
    sleeps: bool = False


class LocalLimiter:
    """Drive one governor for all who share it, on however many event loops."""

    def __init__(self, governor: RateLimiter) -> None:
        self._governor = governor
        self._mutex = threading.Lock()
        self._waiting = 0
        self._lines: dict[asyncio.AbstractEventLoop, _Line] = {}

    def wait(self) -> float:
        """Say for how many seconds one who joins now waits for certain."""
        with self._mutex:
            return self._governor.least_wait(clock(), self._waiting)

    def allowance(self) -> RateLimitStatus:
        """Tell where the allowance stands."""
        with self._mutex:
            return self._governor.allowance(clock(), self._waiting)

    async def enter(self) -> float:
        """Stand in line until a call may start, and give the moment of its start.

        A caller that is cancelled leaves the line, and the next one moves up.
        """
        with self._mutex:
            now = clock()
            if not self._waiting and self._governor.budget(now) > 0:
                self._governor.start(now)
                return now
        line = self._line()  # not before, since finding the running loop may cost a system call
        self._stand(1)
        try:
            async with line.turn:
                while True:
                    now = clock()
                    delay = self._try(line, now)
                    if delay == 0:
                        return now
                    await self._sleep(line, delay)
        finally:
            self._stand(-1)

    def _stand(self, more: int) -> None:
        with self._mutex:  # a thread that loses count would not be woken
            self._waiting += more

    def leave(self, told: RateLimitHeaders | None, *, started: float, refused: bool = False) -> None:
        """Note how a call has ended."""
        with self._mutex:
            self._governor.finish(clock(), told, started=started, refused=refused)
        if self._waiting:  # who comes from here on finds what has been noted
            self._wake()

    def release(self, *, started: float) -> None:
        """Note that a call never reached the API."""
        with self._mutex:
            self._governor.release(started)
        if self._waiting:
            self._wake()

    acquire = enter
    status = allowance

    def finish(self, headers: RateLimitHeaders | None, *, started: float, rate_limited: bool = False) -> None:
        """Record how a call ended."""
        self.leave(headers, started=started, refused=rate_limited)

    def _try(self, line: _Line, now: float) -> float:
        with self._mutex:
            delay = self._governor.delay(now)
            if delay == 0:
                self._governor.start(now)
            line.sleeps = delay > 0  # within the mutex, so that no news are missed
            return delay

    async def _sleep(self, line: _Line, delay: float) -> None:
        line.news.clear()
        timer = asyncio.get_running_loop().call_later(delay, line.news.set) if delay < inf else None
        try:
            await line.news.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def _line(self) -> _Line:
        loop = asyncio.get_running_loop()
        line = self._lines.get(loop)
        if line is None:
            line = _Line()
            with self._mutex:
                self._lines = {one: kept for one, kept in self._lines.items() if not one.is_closed()} | {loop: line}
        return line

    def _wake(self) -> None:
        with self._mutex:
            sleeping = [(loop, line) for loop, line in self._lines.items() if line.sleeps]
        for loop, line in sleeping:
            with suppress(RuntimeError):  # its loop has ended, and everybody in it
                loop.call_soon_threadsafe(line.news.set)
