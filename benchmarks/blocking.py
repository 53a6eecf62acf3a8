"""Blocking calls: ``python benchmarks/blocking.py VARIANT THREADS COUNT BASE_URL [CORE]``.

With a core the process runs on that one alone, so that no thread wakes another across cores.
"""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from calls import ALL, CODE, HEADERS, KEY, PATH
from measure import measured_threads

Call = Callable[[], object]


def boooply(base_url: str) -> Call:
    """Typed, with governor and retry: as a user has it."""
    from boooply import BoooplyClient, RateLimits

    client = BoooplyClient(api_key=KEY, base_url=base_url, rate_limits=RateLimits(reads=ALL, writes=ALL))
    return lambda: client.interviews.get(CODE)


def requests(base_url: str) -> Call:
    """A session a thread, since a session is not made for several."""
    import requests

    local = threading.local()

    def get() -> Any:
        session = getattr(local, "session", None)
        if session is None:
            session = local.session = requests.Session()
            session.headers.update(HEADERS)
        response = session.get(f"{base_url}{PATH}/{CODE}", timeout=60)
        response.raise_for_status()
        return response.json()

    return get


def httpx(base_url: str) -> Call:
    """One client for all threads."""
    import httpx

    client = httpx.Client(headers=HEADERS, timeout=60)
    return lambda: client.get(f"{base_url}{PATH}/{CODE}").raise_for_status().json()


def urllib3(base_url: str) -> Call:
    """One pool for all threads."""
    import urllib3

    pool = urllib3.PoolManager(headers=HEADERS, maxsize=16)

    def get() -> Any:
        response = pool.request("GET", f"{base_url}{PATH}/{CODE}")
        if response.status != 200:
            raise RuntimeError(response.status)
        return response.json()

    return get


def niquests(base_url: str) -> Call:
    """One session for all threads, which it is made for."""
    import niquests

    session = niquests.Session(headers=HEADERS)
    return lambda: session.get(f"{base_url}{PATH}/{CODE}").raise_for_status().json()


def openai(base_url: str) -> Call:
    """The openai SDK's own machinery, typed by its own base model."""
    import openai
    from openai._models import BaseModel

    class Interview(BaseModel):
        success: bool
        meeting: dict[str, Any]

    client = openai.OpenAI(api_key=KEY, base_url=base_url)
    return lambda: client.get(f"{PATH}/{CODE}", cast_to=Interview)


VARIANTS: dict[str, Callable[[str], Call]] = {
    one.__name__: one for one in (boooply, requests, httpx, urllib3, niquests, openai)
}

if __name__ == "__main__":
    variant, threads, count, base_url, *core = sys.argv[1:]
    if core:
        os.sched_setaffinity(0, {int(core[0])})
    call = VARIANTS[variant](base_url)
    call()
    measured_threads(call, int(count), int(threads))
