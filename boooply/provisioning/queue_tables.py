"""The queue's tables: those of procrastinate, in their own PostgreSQL schema, and the statements that run there.

Each statement sets the search path for its transaction only. So the queue works behind a pooler in transaction mode,
and next to the application's own procrastinate.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from procrastinate.schema import SchemaManager
from sqlalchemy import Connection

from boooply.errors import StoreError
from boooply.store.database import Database

SCHEMA: Final = "boooply_queue"

_CREATING: Final = 0x600018  # the number of the advisory lock for creating the tables
LOCK: Final = "SELECT pg_advisory_xact_lock(%(number)s)"
_SEARCH_PATH: Final = f"SET LOCAL search_path TO {SCHEMA}"
STATE: Final = f"SELECT version, is_paused FROM {SCHEMA}.boooply_queue_state"  # noqa: S608 - our own name
# Not to_regclass(), which does not see tables that were committed while its transaction waited for the lock.
_EXISTS: Final = f"SELECT 1 FROM pg_tables WHERE schemaname = '{SCHEMA}' AND tablename = 'boooply_queue_state'"  # noqa: S608 - our own name
_SCHEMA_EXISTS: Final = f"SELECT 1 FROM pg_namespace WHERE nspname = '{SCHEMA}'"  # noqa: S608 - the same
# No worker listens for notifications, and each of our jobs would wake the application's own procrastinate.
_PREPARE: Final = """
DROP TRIGGER IF EXISTS procrastinate_jobs_notify_queue_job_inserted_v1 ON procrastinate_jobs;
DROP TRIGGER IF EXISTS procrastinate_jobs_notify_queue_job_aborted_v1 ON procrastinate_jobs;
CREATE TABLE boooply_queue_state (version text NOT NULL, is_paused boolean NOT NULL);
"""
_INSERT_STATE: Final = "INSERT INTO boooply_queue_state VALUES (%(version)s, false)"


async def create_tables(database: Database) -> None:
    """Create the tables on first use, and check their version.

    Raises:
        StoreError: Another version of procrastinate created them.
    """
    found, needed = await database.read(_found_version) or await database.write(_create), _version()
    if found != needed:
        raise StoreError(
            f"the queue has the tables of procrastinate {found}, but the installed version needs those of {needed}. "
            "Install the same version on every machine. Or stop all workers and run "
            f"`DROP SCHEMA {SCHEMA} CASCADE`: the next worker then queues all unfinished customers again."
        )


def execute(connection: Connection, query: str, **arguments: Any) -> Sequence[Any]:
    """Run a statement, and return its rows."""
    connection.exec_driver_sql(_SEARCH_PATH)
    result = connection.exec_driver_sql(query, arguments)
    return result.mappings().all() if result.returns_rows else []


def _version() -> str:
    """Return the version of the tables that the installed procrastinate needs, which is that of its last migration."""
    names = sorted(path.name for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    return names[-1].partition("_")[0]


def _found_version(connection: Connection) -> str | None:
    return execute(connection, STATE)[0]["version"] if execute(connection, _EXISTS) else None


def _create(connection: Connection) -> str:
    execute(connection, LOCK, number=_CREATING)
    found = _found_version(connection)  # another process may have been faster
    if found is not None:
        return found
    if not execute(connection, _SCHEMA_EXISTS):
        _script(connection, f"CREATE SCHEMA {SCHEMA}")
    _script(connection, SchemaManager.get_schema())
    _script(connection, _PREPARE)
    execute(connection, _INSERT_STATE, version=_version())
    return _version()


def _script(connection: Connection, statements: str) -> None:
    connection.exec_driver_sql(_SEARCH_PATH)
    connection.exec_driver_sql(statements, execution_options={"no_parameters": True})
