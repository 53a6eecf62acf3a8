"""Allowances that all processes on one store share: the governors are rows, and their time is the database's."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Final, Generic, TypeVar

import attrs

from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.limiter import RateLimiter
from boooply.ratelimit.status import Start
from boooply.store.database import Database
from boooply.store.rows import Rows
from boooply.store.schema import LIMITS

T = TypeVar("T")

# Seconds until another look: at the longest, since answers bring news that other processes cannot be told of; and while
# one is on its way.
_LOOK_AGAIN: Final = 1.0
_NEWS_IS_NEAR: Final = 0.03


@attrs.frozen
class _Row:
    """The state of one limiter, as JSON."""

    state: str = "{}"


@attrs.frozen(eq=False)
class _Step(Generic[T]):
    """Something to do with the governor of one name, at a moment of the database's clock."""

    name: str
    limit: int
    window: float
    act: Callable[[RateLimiter, float], T]


@attrs.frozen(eq=False)
class AsyncLimits:
    """Drive the governors of all processes on one store.

    A process that dies gives its calls under way back after one window. The key itself is not in the store, only a
    digest of it.
    """

    _database: Database

    async def start(self, name: str, limit: int, window: float, /) -> Start:
        """Start a call, or tell when to ask again."""
        return await self._step(_Step(name, limit, window, _start))

    async def finish(
        self, name: str, limit: int, window: float, /, *, told: RateLimitHeaders | None, started: float, refused: bool
    ) -> None:
        """Note how a call has ended."""
        act = partial(_finish, told=told, started=started, refused=refused)
        await self._step(_Step(name, limit, window, act))

    async def release(self, name: str, limit: int, window: float, /, *, started: float) -> None:
        """Note that a call never reached the API."""
        await self._step(_Step(name, limit, window, partial(_give_back, started=started)))

    async def _step(self, step: _Step[T]) -> T:
        def act(row: _Row, now: float) -> tuple[T, _Row]:
            governor = RateLimiter.read(json.loads(row.state), step.limit, step.window)
            governor.lose(now)
            result = step.act(governor, now)
            return result, _Row(json.dumps(governor.written()))

        return await Rows(self._database, LIMITS, _Row, lambda _name: _Row()).step(step.name, act)


def _start(governor: RateLimiter, now: float) -> Start:
    delay = governor.delay(now)
    if delay == 0:
        governor.start(now)
    longest = _NEWS_IS_NEAR if governor.is_awaited else _LOOK_AGAIN
    return Start(delay=min(delay, longest), at=now, allowance=governor.allowance(now, 0))


def _finish(governor: RateLimiter, now: float, *, told: RateLimitHeaders | None, started: float, refused: bool) -> None:
    governor.finish(now, told, started=started, refused=refused)


def _give_back(governor: RateLimiter, _now: float, *, started: float) -> None:
    governor.release(started)
