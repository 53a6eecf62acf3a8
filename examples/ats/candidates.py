"""What this ATS itself knows of its candidates' interviews, in a SQLite file."""

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
ASK_AGAIN = 2.0  # seconds


@attrs.frozen(kw_only=True)
class Row:
    """Hold one interview as the page shows it."""

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
    """Keep the interviews."""

    def __init__(self) -> None:
        self._database: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None  # the one in which everything is read and written
        self._asked: dict[str, float] = {}

    @asynccontextmanager
    async def open(self, path: str) -> AsyncGenerator[None]:
        """Open the file, and close it at the end."""
        database = sqlite3.connect(path, check_same_thread=False)
        with closing(database), ThreadPoolExecutor(1) as self._thread:  # which ends before the file is closed
            database.execute(SCHEMA)
            self._database = database
            yield

    async def add(self, row: Row) -> None:
        """Add an interview."""
        values = [json.dumps(value) if value is not None else None for value in (row.evaluation, row.transcript)]
        plain = [row.code, row.customer_id, row.job_role, row.candidate_name, row.candidate_email]
        await self._write(
            "INSERT INTO interviews VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *plain, row.status, row.created_at, *values
        )

    async def of(self, customer_id: str) -> list[Row]:
        """List a customer's interviews, the newest first."""
        query = "SELECT * FROM interviews WHERE customer_id = ? ORDER BY created_at DESC"

        def read() -> list[dict[str, Any]]:
            cursor = self._open.execute(query, (customer_id,))
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, values, strict=True)) for values in cursor]

        found = await self._do(read)
        return [
            Row(**one | {name: json.loads(one[name] or "null") for name in ("evaluation", "transcript")})
            for one in found
        ]

    async def note(self, code: str, what: Literal["evaluation", "transcript"], value: Any) -> None:
        """Note what came back of an interview.

        Raises:
            LookupError: It is not here yet: the event is handed over again.
        """
        changed = await self._write(f"UPDATE interviews SET {what} = ? WHERE code = ?", json.dumps(value), code)  # noqa: S608 - one of two words
        if not changed:
            raise LookupError(code)

    async def note_statuses(self, customer_id: str, statuses: Mapping[str, str]) -> None:
        """Note where a customer's interviews stand, as Boooply has told just now."""
        self._asked[customer_id] = time.monotonic()
        for code, status in statuses.items():
            await self._write("UPDATE interviews SET status = ? WHERE code = ? AND status != ?", status, code, status)

    def is_old(self, customer_id: str) -> bool:
        """Tell whether it is time to ask Boooply again where a customer's interviews stand."""
        return time.monotonic() - self._asked.get(customer_id, -ASK_AGAIN) >= ASK_AGAIN

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
