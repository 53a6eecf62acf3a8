"""What every measured process does: warm up, measure, and print one line of JSON."""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def measured(count: int) -> Iterator[None]:
    """Measure a block that does something `count` times, and print what each took: seconds, and CPU in microseconds."""
    began, cpu = time.perf_counter(), time.process_time()
    yield
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    figures = {"per_second": count / seconds, "cpu_us": used / count * 1e6, "peak_mb": peak_mb()}
    print(json.dumps(figures))


def peak_mb() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 2**20)


async def many(call: Callable[[], Awaitable[object]], count: int, concurrency: int) -> None:
    """Await a call `count` times, some of them at once: workers over one iterator."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await call()

    await asyncio.gather(*(work() for _ in range(concurrency)))


async def measured_calls(call: Callable[[], Awaitable[object]], count: int, concurrency: int) -> None:
    """Warm up, and measure."""
    await many(call, max(concurrency, count // 10), concurrency)
    with measured(count):
        await many(call, count, concurrency)


def measured_threads(call: Callable[[], object], count: int, threads: int) -> None:
    """Warm up, and measure blocking calls."""

    def work(times: int) -> None:
        for _ in range(times):
            call()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [max(1, count // 10 // threads)] * threads))
        with measured(count // threads * threads):
            list(pool.map(work, [count // threads] * threads))
