"""An event loop in a separate thread, for blocking code."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ["LoopThread"]

T = TypeVar("T")


class LoopThread:
    """An event loop in a daemon thread, so that a script can end without stopping it.

    Raises:
        Exception: The loop cannot start.
    """

    def __init__(self, name: str) -> None:
        opened: Future[asyncio.AbstractEventLoop] = Future()
        self._stopped = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, args=(opened,), name=name, daemon=True)
        self._thread.start()
        self._loop = opened.result()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop, and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def stop(self) -> None:
        """Stop the loop and its tasks, and wait until its thread has closed it."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _serve(self, opened: Future[asyncio.AbstractEventLoop]) -> None:
        # closed here, since the thread that calls stop() can be running another loop
        try:
            with asyncio.Runner() as runner:
                opened.set_result(runner.get_loop())
                runner.run(self._wait())
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)

    async def _wait(self) -> None:
        await self._stopped.wait()
