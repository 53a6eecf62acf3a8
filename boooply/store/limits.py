"""Allowances that all processes on one store share: the governors are rows, and their time is the database's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Generic, TypeVar, cast

import attrs
from sqlalchemy import Connection, select

from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.limiter import RateLimiter
from boooply.ratelimit.status import Start
from boooply.store.database import Database
from boooply.store.rows import insert_missing, put
from boooply.store.schema import LIMITS

T = TypeVar("T")

# Seconds until another look: at the longest, since answers bring news that other processes cannot be told of; and while
# one is on its way.
_LOOK_AGAIN: Final = 1.0
_NEWS_IS_NEAR: Final = 0.03


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
        return cast("T", await self._database.write(self._steps, step))

    def _steps(self, connection: Connection, steps: Sequence[_Step[Any]]) -> list[Any]:
        names = sorted({step.name for step in steps})
        insert_missing(connection, LIMITS, [{"name": name, "state": "{}"} for name in names])
        query = select(LIMITS.c.name, LIMITS.c.state).where(LIMITS.c.name.in_(names)).order_by(LIMITS.c.name)
        states = {row.name: json.loads(row.state) for row in connection.execute(query.with_for_update())}
        # asked for once the rows are ours: waiting for them takes time
        now = self._database.now(connection)
        governors: dict[str, RateLimiter] = {}
        answers: list[Any] = []
        for step in steps:
            governor = governors.get(step.name)
            if governor is None:
                governor = governors[step.name] = RateLimiter.read(states[step.name], step.limit, step.window)
                governor.lose(now)
            answers.append(step.act(governor, now))
        put(connection, LIMITS, [{"name": one, "state": json.dumps(governors[one].written())} for one in names])
        return answers


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
