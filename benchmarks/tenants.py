"""Clients for 1,000 customers: ``python benchmarks/tenants.py VARIANT COUNT``; milliseconds and megabytes for all."""

import json
import sys
import time
import tracemalloc
from collections.abc import Callable

Make = Callable[[int], object]


def boooply() -> Make:
    """One pool for all."""
    from boooply import AsyncBoooplyPlatform

    platform = AsyncBoooplyPlatform(platform_key="bply_platform_0123456789abcdef", base_url="http://127.0.0.1:1")
    return lambda number: platform.organization(f"bply_org_{number:024}")


def httpx() -> Make:
    """A client each."""
    import httpx

    return lambda number: httpx.AsyncClient(headers={"Authorization": f"Bearer {number}"})


def openai() -> Make:
    """A copy each."""
    import openai

    client = openai.AsyncOpenAI(api_key="first", base_url="http://127.0.0.1:1")
    return lambda number: client.copy(api_key=str(number))


VARIANTS: dict[str, Callable[[], Make]] = {one.__name__: one for one in (boooply, httpx, openai)}

if __name__ == "__main__":
    variant, count = sys.argv[1:]
    make = VARIANTS[variant]()
    make(0)
    began = time.perf_counter()
    clients = [make(number) for number in range(int(count))]
    ms = (time.perf_counter() - began) * 1000
    tracemalloc.start()
    again = [make(number) for number in range(int(count))]
    print(json.dumps({"ms": ms, "mb": tracemalloc.get_traced_memory()[0] / 2**20}))
