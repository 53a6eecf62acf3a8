"""The failures of a database: whether and for how long to retry, and what to do otherwise. Pure."""

from __future__ import annotations

import sqlite3
from typing import Final

import attrs
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

PATIENCE: Final = 60.0  # seconds for which a failing call is retried
_REPORTED_AFTER: Final = 5.0  # seconds
_FIRST_PAUSE: Final = 0.1  # seconds; each pause doubles
_LONGEST_PAUSE: Final = 2.0

_PRIMARY_CODE: Final = 0xFF  # of SQLite's result codes; the bits above it are more specific
_REACH: Final = "Check the store's URL, and that the database is running and accepts its user."
_RIGHTS: Final = "Grant that right to the user in the store's URL."
_TABLES: Final = "Set the user's search_path to the schema of the store's tables, or restore the tables from a backup."
_PRIMARY: Final = "Name the primary server in the store's URL."
_UTF8: Final = "The store needs a database whose encoding is UTF8."
_LIMIT: Final = "Raise the database's connection limit, or run fewer processes."
_SPACE: Final = "Free some space for the database."
_LOCKED: Final = "Another process has locked the store. End that process, or wait for it."
_FILE: Final = "Give this user write access to the file and its folder."
_BACKUP: Final = "Restore the file from a backup."

# SQLSTATEs and their classes, and SQLite's primary result codes. All other codes are permanent.
_TRANSIENT: Final = frozenset(
    {
        "08",  # connection lost
        "25P03",  # idle in a transaction for too long
        "25P04",  # the transaction took too long
        "40",  # serialization failure, deadlock
        "53",  # too many connections, out of memory, disk full
        "55P03",  # lock not available
        "57014",  # query cancelled: by a timeout, or by a cancellation that was sent for another query
        "57P01",  # shutdown
        "57P02",  # crash
        "57P03",  # starting up
        "57P05",  # idle for too long
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,  # several processes opened it at the same moment
    }
)
_REMEDIES: Final[dict[str | int | None, str]] = {
    "08": _REACH,
    "22021": _UTF8,
    "22P05": _UTF8,
    "25006": _PRIMARY,
    "3F000": _TABLES,
    "42501": _RIGHTS,
    "42703": _TABLES,
    "42P01": _TABLES,
    "53100": _SPACE,
    "53300": _LIMIT,
    "55P03": _LOCKED,
    "57P03": _REACH,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_CANTOPEN: _FILE,
    sqlite3.SQLITE_CORRUPT: _BACKUP,
    sqlite3.SQLITE_FULL: _SPACE,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_NOTADB: _BACKUP,
    sqlite3.SQLITE_READONLY: _FILE,
}


@attrs.frozen
class Failure:
    """A failure of a database.

    Attributes:
        problem: The driver's message, in one line. It contains no values.
        remedy: One sentence about what to do, or an empty text.
        is_transient: Whether a retry can help.
    """

    problem: str
    remedy: str
    is_transient: bool


def failure_of(error: BaseException) -> Failure:
    """Return the failure that an error of the driver reports."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    problem = str(cause).strip().partition("\n")[0] or type(cause).__name__
    code = _code_of(cause)
    if code is None and isinstance(error, OperationalError | InterfaceError):
        # The driver has no SQLSTATE for a connection that failed or broke.
        return Failure(problem, _REACH, is_transient=True)
    codes = (code, code[:2]) if isinstance(code, str) else (code,)
    remedy = next((_REMEDIES[one] for one in codes if one in _REMEDIES), "")
    return Failure(problem, remedy, is_transient=not _TRANSIENT.isdisjoint(codes))


def _code_of(cause: BaseException) -> str | int | None:
    sqlstate: str | None = getattr(cause, "sqlstate", None)
    result_code: int | None = getattr(cause, "sqlite_errorcode", None)
    return sqlstate if result_code is None else result_code & _PRIMARY_CODE


def pause_before(retry: int) -> float:
    """Return the seconds to wait before a retry. The first retry has the number 0."""
    return min(_FIRST_PAUSE * 2.0**retry, _LONGEST_PAUSE)


@attrs.define(eq=False)
class Availability:
    """The successes and failures of all reads or all writes. Times are in seconds of any monotonic clock."""

    _failing_since: float | None = None
    _failed_at: float = 0.0
    _is_reported: bool = False

    def succeed(self) -> bool:
        """Record a success, and return whether it ends a reported outage."""
        was_reported = self._is_reported
        self._failing_since, self._is_reported = None, False
        return was_reported

    def fail(self, began_at: float, now: float) -> None:
        """Record a failed attempt."""
        if not self._is_failing(began_at):
            self._failing_since, self._is_reported = began_at, False
        self._failed_at = now

    def may_retry(self, called_at: float, now: float) -> bool:
        """Return whether to retry a call: for one minute, unless it began after a minute without a success."""
        since = self._failing_since if self._is_failing(called_at) else None
        return max(now - called_at, 0.0 if since is None else called_at - since) < PATIENCE

    def must_report(self, now: float) -> bool:
        """Return whether to report an outage now. It is reported once, and only if it lasts a few seconds."""
        if self._is_reported or self._failing_since is None or now - self._failing_since < _REPORTED_AFTER:
            return False
        self._is_reported = True
        return True

    def _is_failing(self, now: float) -> bool:
        """Return whether there is an outage. A failure long ago does not count."""
        return self._failing_since is not None and now - self._failed_at <= PATIENCE
