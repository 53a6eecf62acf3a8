"""Where callers stand in line for an allowance that they share with other processes."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

import attrs

from boooply.errors import StoreError
from boooply.protocol.messages import RateLimitClass
from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.limiter import RateLimits
from boooply.ratelimit.status import LimitStore, RateLimitStatus, Start
from boooply.secret import Secret

_PAUSES: Final = (0.1, 0.3, 1.0, 3.0)  # seconds before a store that fails is asked again
_JITTER: Final = 0.002  # seconds at most, so that those who wait for one moment do not ask all at once
_DIGITS: Final = 32


def shared_name(key: Secret | None, base_url: str, limit: RateLimitClass) -> str:
    """Name an allowance in a store: without the key, of which a digest does."""
    whose = base_url if key is None else key.reveal()
    return f"{hashlib.sha256(whose.encode()).hexdigest()[:_DIGITS]}:{limit.value}"


@attrs.define(eq=False)
class SharedLimiter:
    """Ask the shared allowance for one place at a time: the callers of this process wait here, in their order."""

    _name: str
    _limit: RateLimitClass
    _limits: RateLimits
    _shared: LimitStore
    _turn: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)
    _waiting: int = attrs.field(default=0, init=False)
    _told: RateLimitStatus | None = attrs.field(default=None, init=False)
    _notes: set[asyncio.Task[None]] = attrs.field(factory=set[asyncio.Task[None]], init=False)

    def wait(self) -> float:
        """Say how long one who joins now waits at least: what others take cannot be known."""
        return 0.0

    def allowance(self) -> RateLimitStatus:
        """Tell where the allowance stood when this process asked last."""
        number = self._limits.allowance(self._limit)
        last = self._told or RateLimitStatus(limit=number, remaining=number, waiting=0, seconds_to_end=0.0)
        windows = -(-max(0, self._waiting - last.remaining) // last.limit)
        return attrs.evolve(last, waiting=self._waiting, seconds_to_end=windows * self._limits.window)

    async def enter(self) -> float:
        """Stand in line until a call may start, and give the moment of its start by the shared clock."""
        self._waiting += 1
        try:
            async with self._turn:
                while (start := await self._start()).delay > 0:  # noqa: ASYNC110 - no event comes from other processes
                    await asyncio.sleep(start.delay + random.random() * _JITTER)  # noqa: S311 - spreads processes
                return start.at
        finally:
            self._waiting -= 1

    def leave(self, told: RateLimitHeaders | None, *, started: float, refused: bool = False) -> None:
        """Note how a call has ended; the note is written while the caller goes on."""
        self._note(self._shared.finish(*self._which, told=told, started=started, refused=refused))

    def release(self, *, started: float) -> None:
        """Note that a call never reached the API; the note is written while the caller goes on."""
        self._note(self._shared.release(*self._which, started=started))

    acquire = enter
    status = allowance

    def finish(self, headers: RateLimitHeaders | None, *, started: float, rate_limited: bool = False) -> None:
        """Record how a call ended."""
        self.leave(headers, started=started, refused=rate_limited)

    async def settle(self) -> None:
        """Wait until all that was noted is written."""
        while self._notes:
            await asyncio.wait(self._notes)

    @property
    def _which(self) -> tuple[str, int, float]:
        return self._name, self._limits.allowance(self._limit), self._limits.window

    async def _start(self) -> Start:
        for pause in _PAUSES:
            with suppress(StoreError):
                return await self._asked()
            await asyncio.sleep(pause)
        return await self._asked()

    async def _asked(self) -> Start:
        asking = asyncio.ensure_future(self._shared.start(*self._which))
        try:
            start = await asyncio.shield(asking)
        except asyncio.CancelledError:
            self._note(self._return(asking))
            raise
        self._told = start.allowance
        return start

    async def _return(self, asking: asyncio.Future[Start]) -> None:
        """Give back the place of one who was cancelled while asking for it."""
        start = await asking
        if start.delay == 0:
            await self._shared.release(*self._which, started=start.at)

    def _note(self, writing: Awaitable[None]) -> None:
        task = asyncio.ensure_future(_quietly(writing))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)


async def _quietly(writing: Awaitable[None]) -> None:
    with suppress(StoreError):  # what is not noted is taken for lost after a window
        await writing
