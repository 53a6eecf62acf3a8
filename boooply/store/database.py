"""One database, SQLite or PostgreSQL: opened, read by several threads, written by one, and timed by its own clock."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from typing import Any, Final, TypeVar, cast

import attrs
from sqlalchemy import ColumnElement, Connection, Engine, Float, QueuePool, create_engine, event, literal_column, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from boooply.errors import ConfigurationError, StoreError
from boooply.secret import Secret
from boooply.store.address import Address
from boooply.store.file import OpenFile
from boooply.store.threads import Threads

T = TypeVar("T")

# Not now(): that is when the transaction began. SQLite below 3.42 has no unixepoch() with fractions.
_CLOCKS: Final[dict[str, ColumnElement[float]]] = {
    "sqlite": literal_column("(julianday('now') - 2440587.5) * 86400.0", Float),
    "postgresql": literal_column("extract(epoch FROM clock_timestamp())::double precision", Float),
}
_LOCK_TIMEOUT: Final = 10.0  # seconds that another process may use SQLite's one write lock
_CONNECT_TIMEOUT: Final = 10  # seconds
_LOCK_POLL: Final = 0.005  # seconds
_PRIMARY_CODE: Final = 0xFF  # of SQLite's result codes; the bits above it are more specific
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {_LOCK_TIMEOUT * 1000:.0f}",  # first, since the next one takes a lock
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit survives a power cut
)
_READERS: Final = 4  # threads, each with a connection of the pool's five
_FAILURES: Final = (SQLAlchemyError, sqlite3.Error, OSError)


def connect(address: Address) -> Database:
    """Return a database; it is reached when it is first used.

    Raises:
        ConfigurationError: The driver is not installed, or does not know an option.
        StoreError: A SQLite file cannot be created.
    """
    address.make_private()
    file = OpenFile()
    # hidden parameters: an error must not quote a key
    options: dict[str, Any] = {"hide_parameters": True}
    if address.is_postgresql:
        timeout = {} if "connect_timeout" in address.url.query else {"connect_timeout": _CONNECT_TIMEOUT}
        # prepared statements would be another client's behind a pooler in transaction mode
        options |= {"connect_args": timeout | {"prepare_threshold": None}, "pool_pre_ping": True}
    elif address.is_memory:
        only = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
        options |= {**only, "connect_args": {"check_same_thread": False}}
    try:
        engine = create_engine(address.url, **options)
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f'the store needs {missing.name}: python -m pip install "boooply[postgres]"'
        ) from missing
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
    connection.isolation_level = None  # the driver begins no transactions of its own
    try:
        with closing(connection.cursor()) as cursor:
            file.observe(cursor)
            for pragma in _PRAGMAS:
                _set(cursor, pragma)
    except BaseException:
        connection.close()  # the pool does not know it yet
        raise


def _set(cursor: sqlite3.Cursor, pragma: str) -> None:
    """Wait for the lock here: if two switch a new file to WAL at once, SQLite fails for one of them immediately."""
    ends = time.monotonic() + _LOCK_TIMEOUT
    while True:
        try:
            cursor.execute(pragma)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
        else:
            return
        time.sleep(_LOCK_POLL)


def _begin(connection: Connection, statement: str) -> None:
    """Begin a transaction on SQLite, where the driver begins none."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(statement)


@attrs.define(eq=False)
class Database:
    """One database, for any number of event loops and threads of this process.

    ``read`` and ``write`` run functions in threads of the database: such a function may not touch what belongs to an
    event loop. ``clock`` is an expression for the seconds since 1970, by the clock that all processes share.
    """

    address: Address
    engine: Engine
    clock: ColumnElement[float]
    _file: OpenFile
    _process: int = attrs.field(factory=os.getpid, init=False)
    _readers: Threads = attrs.field(factory=lambda: Threads(_READERS), init=False)
    _writer: Threads = attrs.field(factory=lambda: Threads(1), init=False)  # so that writes keep their order
    # the last time that no transaction could begin, since the database was locked or out of reach, and why
    _failed_at: float = attrs.field(default=0.0, init=False)
    _failure: str = attrs.field(default="", init=False)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run some reads in one transaction, and stop them if the caller is cancelled.

        Raises:
            StoreError: The database fails.
        """
        reading = _Reading(self.engine)
        try:
            return await self._run(self._readers, partial(reading.run, work), "read")
        except asyncio.CancelledError:  # stopping it may take a while
            threading.Thread(target=reading.stop, name="boooply-store stop", daemon=True).start()
            raise

    async def write(self, step: Callable[[Connection], T]) -> T:
        """Run a step in one transaction, and return its result once that is committed.

        Steps run one after another, in the order of the calls. A step whose caller is cancelled before it begins is
        never run; one that has begun is committed.

        Raises:
            StoreError: The database fails.
        """
        return await self._run(self._writer, partial(self._commit, step, time.monotonic()), "written")

    def now(self, connection: Connection) -> float:
        """Return the database's time, which is the same for every process."""
        return connection.execute(select(self.clock)).scalar_one()

    async def close(self) -> None:
        """Finish the writes that were called, and close all connections; later reads and writes fail."""
        if self._process != os.getpid():
            return  # the threads and connections are the parent's
        self._readers.close()
        try:
            await self._readers.ended()
        finally:  # if the program does not wait for a reader, that one ends by itself
            self._writer.close(self.engine.dispose)
        await self._writer.ended()

    async def _run(self, threads: Threads, function: Callable[[], T], participle: str) -> T:
        if self._process != os.getpid():
            raise StoreError("the store was opened before a fork, in another process: open it in this one")
        try:
            return await threads.run(function)
        except _FAILURES as error:
            problem = self.address.without_passwords(reason_of(error))
        raise StoreError(f"the store cannot be {participle}: {problem}")

    def _commit(self, step: Callable[[Connection], T], called_at: float) -> T:
        if called_at < self._failed_at:
            raise StoreError(f"the store cannot be written: {self._failure}")  # it would wait as long once more
        has_begun = False
        try:
            with self.engine.begin() as connection:
                _begin(connection, "BEGIN IMMEDIATE")  # deferred, it fails if another process writes before it does
                has_begun = True
                result = step(connection)
                self._file.check()
                return result
        except _FAILURES as error:
            if not has_begun:
                self._failed_at, self._failure = time.monotonic(), self.address.without_passwords(reason_of(error))
            raise


class _Reading:
    """A read that can be stopped: once cancelled, nobody waits for it, and it would occupy its thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()  # so that no connection is stopped that somebody else uses by now
        self._driver_connection: Any = None

    def run(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            self._use(connection.connection.driver_connection)
            try:
                _begin(connection, "BEGIN")
                return work(connection)
            finally:
                self._use(None)

    def stop(self) -> None:
        """Stop it in the database."""
        with self._lock, suppress(Exception):  # then it ends by itself
            used = self._driver_connection
            if used is not None:
                stop = used.interrupt if hasattr(used, "interrupt") else used.cancel_safe
                stop()

    def _use(self, driver_connection: Any) -> None:
        with self._lock:
            self._driver_connection = driver_connection


def reason_of(error: BaseException) -> str:
    """Return a database's complaint in one line: the driver's own words, which quote no values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    first = str(cause).strip().partition("\n")[0]
    return first or type(cause).__name__
