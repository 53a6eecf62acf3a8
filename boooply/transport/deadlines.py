"""The time limit of one attempt."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

_STALLED: Final = 1.0  # seconds; a timer that fires later than this was held up with the whole process or event loop
_TIME_TO_READ: Final = 0.1  # seconds


@asynccontextmanager
async def time_limit(seconds: float) -> AsyncGenerator[None]:
    """Cancel the body after ``seconds``, and raise TimeoutError then."""
    loop = asyncio.get_running_loop()
    due = loop.time() + seconds
    async with asyncio.timeout(None) as scope:
        timer = loop.call_at(due, _expire, loop, scope, due)
        try:
            yield
        finally:
            timer.cancel()


def _expire(loop: asyncio.AbstractEventLoop, scope: asyncio.Timeout, due: float) -> None:
    # After a suspension, timers fire before the loop has read a response that arrived meanwhile.
    now = loop.time()
    scope.reschedule(now + _TIME_TO_READ if now > due + _STALLED else now)
