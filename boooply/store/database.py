"""One database, SQLite or PostgreSQL: opened, versioned, timed by its own clock, and written to in groups."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar, cast

import attrs
from sqlalchemy import ColumnElement, Connection, Engine, Float, QueuePool, create_engine, event, literal_column, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from boooply.errors import ConfigurationError, StoreError
from boooply.secret import Secret
from boooply.store.address import Address
from boooply.store.threads import Threads

T = TypeVar("T")
Item = TypeVar("Item")
Read = Callable[[Connection], T]
Write = Callable[[Connection, Sequence[Item]], Sequence[T]]

# Not now(): that is when the transaction began. SQLite below 3.42 has no unixepoch() with fractions.
_CLOCKS: Final = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "extract(epoch FROM clock_timestamp())::double precision",
}
_LOCK_PATIENCE: Final = 10.0  # seconds that another process may hold SQLite's one write lock
_CONNECT_PATIENCE: Final = 10
_LOCK_GLANCE: Final = 0.005  # seconds
_PRIMARY: Final = 0xFF  # of SQLite's result codes; above it they say more exactly which
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {_LOCK_PATIENCE * 1000:.0f}",  # first, since the next one takes a lock
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit that was told survives a power cut
)
_READERS: Final = 4  # threads, each with a connection of the pool's five
_LARGEST_GROUP: Final = 256
_MOMENT: Final = 0.002  # seconds; a commit to a disk, and what goes with it, takes longer


@asynccontextmanager
async def connected(address: Address) -> AsyncGenerator[Database]:
    """Open a database, and close it at the end, once what was begun is written.

    Raises:
        ConfigurationError: The driver is not installed.
        StoreError: It cannot be reached or opened.
    """
    address.make_private()
    engine = _engine(address)
    if isinstance(engine, ModuleNotFoundError):
        raise ConfigurationError(f'the store needs {engine.name}: python -m pip install "boooply[postgres]"')
    database = Database(address, engine, literal_column(_CLOCKS[engine.dialect.name], Float))
    try:
        yield database
    finally:
        await database.close()


def _engine(address: Address) -> Engine | ModuleNotFoundError:
    # hidden parameters: an error must not quote a key
    options: dict[str, Any] = {"hide_parameters": True}
    is_postgresql = address.url.get_backend_name() == "postgresql"
    if is_postgresql:
        options |= {"connect_args": {"connect_timeout": _CONNECT_PATIENCE}, "pool_pre_ping": True}
    elif address.is_memory:
        only = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
        options |= {**only, "connect_args": {"check_same_thread": False}}
    try:
        engine = create_engine(address.url, **options)
    except ModuleNotFoundError as missing:
        return missing.with_traceback(None)
    if is_postgresql:
        event.listen(engine, "do_connect", _giving(address.passwords))
    else:
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin_writing)
    return engine


def _giving(passwords: Mapping[str, Secret]) -> Callable[..., None]:
    def give(_dialect: object, _record: object, _arguments: object, options: dict[str, Any]) -> None:
        options.update({name: secret.reveal() for name, secret in passwords.items()})

    return give


def _prepare(connection: Any, _record: object) -> None:
    is_prepared = False
    try:
        connection.isolation_level = None  # the driver begins no transactions of its own
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            _set(cursor, pragma)
        cursor.close()
        is_prepared = True
    finally:
        if not is_prepared:
            connection.close()  # the pool does not know it yet


def _set(cursor: sqlite3.Cursor, pragma: str) -> None:
    """Wait for the lock here: of two that switch a new file to WAL at once, SQLite refuses one without any patience."""
    ends = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            cursor.execute(pragma)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
        else:
            return
        time.sleep(_LOCK_GLANCE)


def _begin_writing(connection: Any) -> None:
    # Deferred, a transaction that reads first and writes later fails where another process wrote in between.
    is_read = connection.get_execution_options().get("boooply_reads", False)
    connection.exec_driver_sql("BEGIN" if is_read else "BEGIN IMMEDIATE")


@attrs.frozen(eq=False, slots=False)
class _Waiting:
    write: Write[Any, Any]
    item: Any
    done: asyncio.Future[Any]


@attrs.define(eq=False)
class Database:
    """Read and write with one engine, in threads: what they are handed may not touch what belongs to an event loop.

    ``clock`` is an expression for the seconds since 1970, by the clock that all processes on this database share.
    """

    address: Address
    engine: Engine
    clock: ColumnElement[float]
    _queue: deque[_Waiting] = attrs.field(factory=deque[_Waiting], init=False)
    _writer: asyncio.Task[None] | None = attrs.field(default=None, init=False)
    _shared: int = attrs.field(default=0, init=False)  # how many had the last commit together
    _is_closed: bool = attrs.field(default=False, init=False)
    _process: int = attrs.field(factory=os.getpid, init=False)
    _readers: Threads = attrs.field(factory=lambda: Threads(_READERS), init=False)
    _committer: Threads = attrs.field(factory=lambda: Threads(1), init=False)  # one group after another

    @property
    def is_postgresql(self) -> bool:
        """Tell which of the two it is."""
        return self.engine.dialect.name == "postgresql"

    async def read(self, work: Read[T]) -> T:
        """Run some reads in one transaction.

        Raises:
            StoreError: The database fails.
        """
        self._check_open()
        reading = _Reading(self.engine)
        try:
            return await self._readers.run(lambda: reading.run(work))
        except asyncio.CancelledError:
            reading.stop()
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            problem = told(error)
        raise StoreError(f"the store cannot be read: {problem}")

    async def write(self, write: Write[Item, T], item: Item) -> T:
        """Write one item, and return its result once it is committed.

        Items that wait meanwhile for the same ``write`` share the next commit: it is given all of them, and answers in
        their order. It may be run again, after a rollback or where it cannot be told whether the commit took place, so
        it has to come to the same end. A caller that is cancelled does not stop what has begun.

        Raises:
            StoreError: The database fails.
        """
        self._check_open()
        waiting = _Waiting(write, item, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._writer is None or self._writer.done():
            self._start_writer()
        return cast("T", await waiting.done)

    def now(self, connection: Connection) -> float:
        """Ask the database what time it is: the same for every process on it."""
        return connection.execute(select(self.clock)).scalar_one()

    async def close(self) -> None:
        """Write what was begun, and close all connections; afterwards reads and writes are refused."""
        if self._process != os.getpid():
            return  # the connections are the parent's, and so is the loop that writes
        self._is_closed = True
        try:
            while self._writer is not None and not self._writer.done():
                await asyncio.wait({self._writer})
            self._readers.close()
            await self._readers.ended()
        finally:  # where the program does not wait for the writer or a reader, they end by themselves
            self._readers.close()
            self._committer.close(self.engine.dispose)
        await self._committer.ended()

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreError("the store is closed")
        if self._process != os.getpid():
            raise StoreError("the store was opened before a fork, in another process: open it in this one")

    def _start_writer(self) -> None:
        self._writer = asyncio.create_task(self._drain(), name="boooply store writer")

    async def _drain(self) -> None:
        while self._queue:
            group: list[_Waiting] = []
            try:
                if len(self._queue) < self._shared:
                    # Those who shared the last commit come back with their next step, one after another: without this
                    # the first would have a commit to itself, and the others would wait for it.
                    await asyncio.sleep(_MOMENT)
                group = self._next_group()
                self._shared = len(group)
                await self._commit(group)
            except asyncio.CancelledError:
                # The loop is ending, and a caller's own clean-up may still wait for this.
                self._queue.extendleft(one for one in reversed(group) if not one.done.done())
                self._start_writer()
                raise

    def _next_group(self) -> list[_Waiting]:
        """Take what waits for the same kind of write as the first.

        Each kind locks its rows in one order; two kinds in one transaction would not, and deadlock with another
        process.
        """
        write = self._queue[0].write
        group: list[_Waiting] = []
        others: deque[_Waiting] = deque()
        while self._queue:
            one = self._queue.popleft()
            if one.write != write or len(group) == _LARGEST_GROUP:
                others.append(one)
            elif not one.done.cancelled():
                group.append(one)
        self._queue = others
        return group

    async def _commit(self, group: list[_Waiting]) -> None:
        """Commit a group, and hand out its results."""
        if not group:  # everybody has gone
            return
        results: list[Any]
        try:
            results = await self._committer.run(lambda: self._committed(group))
        except StoreError as error:  # it is closed
            results = [StoreError(str(error)) for _ in group]
        for one, result in zip(group, results, strict=True):
            if one.done.done():  # its caller was cancelled
                continue
            if isinstance(result, Exception):
                one.done.set_exception(result)
            else:
                one.done.set_result(result)

    def _committed(self, group: list[_Waiting]) -> list[Any]:
        """Commit a group; where one of several spoils it, each by itself tells which. An answer may be an error."""
        has_begun = False
        try:
            with self.engine.begin() as connection:
                has_begun = True
                results = group[0].write(connection, [one.item for one in group])
                return [result for _, result in zip(group, results, strict=True)]
        except Exception as error:  # noqa: BLE001 - each caller is told, whatever it is
            # without a transaction it is none of theirs, and each by itself would wait as long again
            problems = [_translated(error) for _ in group]
        if has_begun and len(group) > 1:
            return [result for one in group for result in self._committed([one])]
        return problems


class _Reading:
    """A read that can be stopped: nobody waits for one that was cancelled, and it would keep its thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()  # so that a connection is not stopped in somebody else's hands
        self._driven: Any = None  # the driver's own connection

    def run(self, work: Read[T]) -> T:
        with self._engine.connect() as connection:
            self._drive(connection.connection.driver_connection)
            try:
                return work(connection.execution_options(boooply_reads=True))
            finally:
                self._drive(None)

    def stop(self) -> None:
        """Stop it where the database is: from a thread, since that may take its time."""
        threading.Thread(target=self._stop, name="boooply-store stop", daemon=True).start()

    def _stop(self) -> None:
        with self._lock, suppress(Exception):  # it comes to its end by itself then
            if self._driven is not None:
                stop = self._driven.interrupt if hasattr(self._driven, "interrupt") else self._driven.cancel_safe
                stop()

    def _drive(self, driven: Any) -> None:
        with self._lock:
            self._driven = driven


def _translated(error: Exception) -> Exception:
    """Tell of a database's failure, by an error for each caller: it comes to lead to the frames that raise it."""
    if isinstance(error, SQLAlchemyError | sqlite3.Error | OSError):
        return StoreError(f"the store cannot be written: {told(error)}")
    return error


def told(error: BaseException) -> str:
    """Say in one line what a database has against it: the driver's own words, which quote no values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    first = str(cause).strip().partition("\n")[0]
    return first or type(cause).__name__
