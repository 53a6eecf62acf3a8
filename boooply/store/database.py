"""A database on SQLite or PostgreSQL: several threads read it, one thread writes it, and its own clock is used."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from functools import partial
from itertools import count
from typing import Any, Final, TypeVar, cast

import attrs
from sqlalchemy import ColumnElement, Connection, Engine, Float, QueuePool, create_engine, event, literal_column, select
from sqlalchemy.exc import SQLAlchemyError

from boooply.errors import ConfigurationError, StoreError
from boooply.extras import install_command
from boooply.secret import Secret
from boooply.store.address import Address
from boooply.store.failures import Availability, Failure, failure_of, pause_before
from boooply.store.file import OpenFile
from boooply.store.threads import Threads

T = TypeVar("T")

# Not now(), which is the start of the transaction. SQLite before 3.42 has no unixepoch() with fractions.
_CLOCKS: Final[dict[str, ColumnElement[float]]] = {
    "sqlite": literal_column("(julianday('now') - 2440587.5) * 86400.0", Float),
    "postgresql": literal_column("extract(epoch FROM clock_timestamp())::double precision", Float),
}
_LOCK_TIMEOUT: Final = 10.0  # seconds to wait for SQLite's write lock
_CONNECT_TIMEOUT: Final = 10  # seconds
_LOCK_POLL: Final = 0.005  # seconds
_LOCK_POLLS: Final = round(_LOCK_TIMEOUT / _LOCK_POLL)
_PRAGMAS: Final = (
    "PRAGMA busy_timeout = 0",  # the next pragma takes a lock, and `_set` waits for it
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit survives a power cut
    f"PRAGMA busy_timeout = {_LOCK_TIMEOUT * 1000:.0f}",
)
_READERS: Final = 4  # threads, each with a connection of the pool's five
_FAILURES: Final = (SQLAlchemyError, sqlite3.Error, OSError)
# No prepared statements: behind a pooler in transaction mode, the next statement may run on another connection.
# Autocommit: the driver begins no transactions.
_POSTGRESQL_OPTIONS: Final = {"client_encoding": "utf8", "prepare_threshold": None, "autocommit": True}
# A server that disappears without closing the connection is detected within half a minute instead of hours.
_KEEPALIVE: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
    "connect_timeout": _CONNECT_TIMEOUT,
}
# The start of reads and writes. On SQLite, a deferred write fails if another process writes first. On PostgreSQL, a
# lock that is not free within 5 s is reported as an outage. The limits belong to the transaction, because a pooler
# gives the connection to another client afterwards.
_BOUNDED: Final = "BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'"
_BEGIN: Final = {
    ("sqlite", "read"): "BEGIN",
    ("sqlite", "write"): "BEGIN IMMEDIATE",
    ("postgresql", "read"): _BOUNDED,
    ("postgresql", "write"): _BOUNDED,
}

logger: logging.Logger = logging.getLogger("boooply.store")


def connect(address: Address) -> Database:
    """Return a database. The first use connects to it.

    Raises:
        ConfigurationError: The driver is not installed, or does not know an option.
        StoreError: A SQLite file cannot be created.
    """
    address.make_private()
    file = OpenFile()
    # an error must not show a key
    options: dict[str, Any] = {"hide_parameters": True}
    if address.is_postgresql:
        defaults = {name: value for name, value in _KEEPALIVE.items() if name not in address.url.query}
        options |= {"connect_args": _POSTGRESQL_OPTIONS | defaults}
    elif address.is_memory:
        only = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
        options |= {**only, "connect_args": {"check_same_thread": False}}
    try:
        engine = create_engine(address.url, **options)
    except ModuleNotFoundError as missing:
        raise ConfigurationError(f"the store needs {missing.name}: run `{install_command('postgres')}`") from missing
    if address.is_postgresql:
        defaults = cast("Any", engine.dialect.dbapi).pq.Conninfo.get_defaults()
        address.check_options({one.keyword.decode() for one in defaults})
        event.listen(engine, "do_connect", _with_passwords(address.passwords))
    else:
        event.listen(engine, "connect", partial(_prepare, file))
    return Database(address, engine, _CLOCKS[engine.dialect.name], file)


def _with_passwords(passwords: Mapping[str, Secret]) -> Callable[..., None]:
    def add(_dialect: object, _record: object, _arguments: object, options: dict[str, Any]) -> None:
        options.update({name: secret.reveal() for name, secret in passwords.items()})

    return add


def _prepare(file: OpenFile, connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions
    try:
        with closing(connection.cursor()) as cursor:
            file.observe(cursor)
            for pragma in _PRAGMAS:
                _set(cursor, pragma)
    except BaseException:
        connection.close()  # the pool does not know this connection yet
        raise


def _set(cursor: sqlite3.Cursor, pragma: str) -> None:
    """Run a pragma, and wait for its lock. If two processes switch a file to WAL, SQLite fails without waiting."""
    for polls in count(1):  # counted, because a test may freeze the clock
        try:
            cursor.execute(pragma)
        except sqlite3.OperationalError as error:
            if not failure_of(error).is_transient or polls == _LOCK_POLLS:
                raise
        else:
            return
        time.sleep(_LOCK_POLL)


@attrs.define(eq=False)
class Database:
    """A database, for any number of event loops and threads of this process.

    ``read`` and ``write`` run functions in the database's threads. Such a function must not use objects of an event
    loop. ``clock`` is an SQL expression for the seconds since 1970, by the clock that all processes share.

    After the database has worked once, a transient failure is retried for a minute. So a function may run several
    times, even after it was committed, if the connection broke before the commit was confirmed.
    """

    address: Address
    engine: Engine
    clock: ColumnElement[float]
    _file: OpenFile
    _process: int = attrs.field(factory=os.getpid, init=False)
    _readers: Threads = attrs.field(factory=lambda: Threads(_READERS), init=False)
    _writer: Threads = attrs.field(
        factory=lambda: Threads(1), init=False
    )  # one thread, so that writes keep their order
    _has_worked: bool = attrs.field(default=False, init=False)
    _reading: Availability = attrs.field(factory=Availability, init=False)
    _writing: Availability = attrs.field(factory=Availability, init=False)
    # Calls are numbered, because a test may freeze the clock. Writes with a number below ``_failed_before`` were called
    # before the last failure to begin a write, while the database was locked or unreachable.
    _calls: Iterator[int] = attrs.field(factory=count, init=False)
    _failed_before: int = attrs.field(default=0, init=False)
    _failure: Failure | None = attrs.field(default=None, init=False)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a function that reads in one transaction, and stop it if the caller is cancelled.

        Raises:
            StoreError: The database fails.
        """
        reading = _Reading(self.engine)
        try:
            return await self._run("read", self._readers, self._reading, lambda _: reading.run(work))
        except asyncio.CancelledError:  # in a thread, because stopping may take a while
            threading.Thread(target=reading.stop, name="boooply-store stop", daemon=True).start()
            raise

    async def write(self, step: Callable[[Connection], T]) -> T:
        """Run a step in one transaction, and return its result after the commit.

        Steps run one after another, in the order of the calls, except for retried steps. A step whose caller is
        cancelled before it begins is never run. A step that has begun is committed if the database works.

        Raises:
            StoreError: The database fails.
        """
        return await self._run("written", self._writer, self._writing, partial(self._commit, step))

    def now(self, connection: Connection) -> float:
        """Return the database's time in seconds since 1970, which is the same for every process."""
        return connection.execute(select(self.clock)).scalar_one()

    async def close(self) -> None:
        """Finish the pending writes, and close all connections. Later reads and writes fail."""
        if self._process != os.getpid():
            return  # the threads and connections belong to the parent process
        self._readers.close()
        try:
            await self._readers.ended()
        finally:  # a reader that the program does not wait for ends by itself
            self._writer.close(self.engine.dispose)
        await self._writer.ended()

    async def _run(
        self, participle: str, threads: Threads, availability: Availability, function: Callable[[int], T]
    ) -> T:
        """Call a function with the number of the call in one of the threads, and retry it while that can help."""
        if self._process != os.getpid():
            raise StoreError(
                "the store was opened before a fork, in another process. Open it again in this process.",
                is_permanent=True,
            )
        clock = asyncio.get_running_loop().time
        called_at = clock()
        retry = 0
        while True:
            began_at = clock()
            try:
                result = await threads.run(partial(function, next(self._calls)))
            except _NotBegun as error:
                failure = error.failure
            except _FAILURES as error:
                failure = failure_of(error)
            else:
                self._has_worked = True
                if availability.succeed():
                    logger.warning("the store can be %s again", participle)
                return result
            problem = f"the store cannot be {participle}: {self.address.without_passwords(failure.problem)}"
            availability.fail(began_at, clock())
            if not failure.is_transient or not self._may_retry(called_at, clock()):
                remedy = failure.remedy and f". {failure.remedy}"
                raise StoreError(f"{problem}{remedy}", is_permanent=not failure.is_transient)
            if availability.must_report(clock()):
                logger.warning("%s. It is retried for a minute", problem)
            await asyncio.sleep(pause_before(retry))
            retry += 1

    def _may_retry(self, called_at: float, now: float) -> bool:
        return self._has_worked and all(one.may_retry(called_at, now) for one in (self._reading, self._writing))

    def _commit(self, step: Callable[[Connection], T], number: int) -> T:
        if self._failure is not None and number < self._failed_before:
            raise _NotBegun(self._failure)  # it would wait just as long
        has_begun = False
        try:
            with self.engine.begin() as connection:
                connection.exec_driver_sql(_BEGIN[connection.dialect.name, "write"])
                has_begun = True
                result = step(connection)
                self._file.check()
                return result
        except _FAILURES as error:
            if not has_begun:
                self._failed_before, self._failure = next(self._calls), failure_of(error)
            raise


class _NotBegun(Exception):
    """Raised when a write is not begun because an earlier one could not begin."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class _Reading:
    """A read that can be stopped, so that a cancelled read does not occupy its thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()  # prevents stopping a connection that another read already uses
        self._driver_connection: Any = None

    def run(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            self._use(connection.connection.driver_connection)
            try:
                connection.exec_driver_sql(_BEGIN[connection.dialect.name, "read"])
                return work(connection)
            finally:
                self._use(None)

    def stop(self) -> None:
        """Stop the read in the database."""
        with self._lock, suppress(Exception):  # if that fails, the read ends by itself
            used = self._driver_connection
            if used is not None:
                stop = used.interrupt if hasattr(used, "interrupt") else used.cancel_safe
                stop()

    def _use(self, driver_connection: Any) -> None:
        with self._lock:
            self._driver_connection = driver_connection
