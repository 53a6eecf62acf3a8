"""The ATS's records of interviews, in a SQLite file."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from typing import Any, Literal, TypeVar

import attrs

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS interviews (
    code TEXT PRIMARY KEY, customer_id TEXT, job_role TEXT, candidate_name TEXT, candidate_email TEXT,
    status TEXT, created_at TEXT, evaluation TEXT, transcript TEXT
)
"""
REFRESH_AFTER = 2.0  # seconds


@attrs.frozen(kw_only=True)
class StoredInterview:
    """An interview as the page shows it."""

    code: str
    customer_id: str
    job_role: str
    candidate_name: str
    candidate_email: str
    status: str
    created_at: str
    evaluation: Any = None
    transcript: Any = None


class Candidates:
    """The interviews of all customers."""

    def __init__(self) -> None:
        self._database: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None  # only this thread reads and writes
        self._refreshed_at: dict[str, float] = {}

    @asynccontextmanager
    async def open(self, path: str) -> AsyncGenerator[None]:
        """Open the file, and close it afterwards."""
        database = sqlite3.connect(path, check_same_thread=False)
        with closing(database), ThreadPoolExecutor(1) as self._thread:  # the thread ends before the file is closed
            database.execute(SCHEMA)
            self._database = database
            yield

    async def add(self, interview: StoredInterview) -> None:
        """Add an interview."""
        values = attrs.asdict(interview)
        for name in ("evaluation", "transcript"):
            values[name] = None if values[name] is None else json.dumps(values[name])
        await self._write("INSERT INTO interviews VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *values.values())

    async def of(self, customer_id: str) -> list[StoredInterview]:
        """List a customer's interviews, newest first."""
        query = "SELECT * FROM interviews WHERE customer_id = ? ORDER BY created_at DESC"

        def read() -> list[dict[str, Any]]:
            cursor = self._open.execute(query, (customer_id,))
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, values, strict=True)) for values in cursor]

        found = await self._do(read)
        return [
            StoredInterview(**one | {name: json.loads(one[name] or "null") for name in ("evaluation", "transcript")})
            for one in found
        ]

    async def set_result(self, code: str, column: Literal["evaluation", "transcript"], value: Any) -> None:
        """Store a result of an interview.

        Raises:
            LookupError: The interview is not stored yet; Boooply's inbox then retries the event.
        """
        changed = await self._write(f"UPDATE interviews SET {column} = ? WHERE code = ?", json.dumps(value), code)  # noqa: S608 - one of two names
        if not changed:
            raise LookupError(code)

    async def update_statuses(self, customer_id: str, statuses: Mapping[str, str]) -> None:
        """Store the current statuses of a customer's interviews."""
        self._refreshed_at[customer_id] = time.monotonic()
        for code, status in statuses.items():
            await self._write("UPDATE interviews SET status = ? WHERE code = ? AND status != ?", status, code, status)

    def needs_refresh(self, customer_id: str) -> bool:
        """Check whether a customer's statuses are out of date."""
        return time.monotonic() - self._refreshed_at.get(customer_id, -REFRESH_AFTER) >= REFRESH_AFTER

    async def _write(self, statement: str, *values: object) -> int:
        def write() -> int:
            with self._open as database:  # a transaction
                return database.execute(statement, values).rowcount

        return await self._do(write)

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    @property
    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            raise RuntimeError("the database is not open")
        return self._database
