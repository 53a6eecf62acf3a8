"""The time limit of one attempt."""

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import Final

_STALLED: Final = 1.0  # seconds; if a timer fires later than this, the process or the event loop was blocked
_TIME_TO_READ: Final = 0.1  # seconds


class TimeLimit:
    """A block that is cancelled after ``seconds`` and then raises TimeoutError."""

    def __init__(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        self._scope = asyncio.timeout(None)
        self._timer = loop.call_at(due, _expire, loop, self._scope, due)

    def __aenter__(self) -> Awaitable[asyncio.Timeout]:
        return self._scope.__aenter__()

    def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Awaitable[bool | None]:
        self._timer.cancel()
        return self._scope.__aexit__(kind, error, trace)


def _expire(loop: asyncio.AbstractEventLoop, scope: asyncio.Timeout, due: float) -> None:
    # After a suspension, timers fire before the loop reads a response that arrived during it.
    now = loop.time()
    scope.reschedule(now + _TIME_TO_READ if now > due + _STALLED else now)
