"""The jobs of the queue. Each step runs procrastinate's queries in one transaction on the store's connections."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import attrs
from procrastinate.sql import queries
from procrastinate.types import JobToDefer
from psycopg.types.json import Jsonb
from sqlalchemy import CompoundSelect, Connection, and_, case, column, except_, func, not_, select, text

from boooply.errors import ProvisioningError
from boooply.models import Tenant
from boooply.provisioning.queue_tables import LOCK, SCHEMA, STATE, create_tables, execute
from boooply.recording import Recorder
from boooply.store import AsyncStore, State
from boooply.store.database import Database
from boooply.store.entries import VAULT_RUN
from boooply.store.rows import in_scope
from boooply.store.schema import KEY_ROWS, LEDGER

STALLED_AFTER: Final = 30.0  # seconds without a heartbeat, after which a worker counts as dead

_QUEUE: Final = "boooply"
_TASK: Final = "boooply.connect"
_BATCH: Final = 2000
_STATUSES: Final = ("todo", "doing", "succeeded", "failed")
_ADDING: Final = 0x600019  # the number of the advisory lock for adding jobs

_OPEN: Final = """
SELECT queueing_lock FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND queueing_lock = ANY(%(ids)s)
"""
_PAUSE: Final = "UPDATE boooply_queue_state SET is_paused = %(is_paused)s"
_COUNT_OPEN: Final = "SELECT count(*) AS count FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
_OURS: Final = """
SELECT id FROM procrastinate_jobs WHERE id = %(id)s AND status = 'doing' AND worker_id = %(worker)s FOR UPDATE
"""
_HEARTBEAT: Final = """
INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES (%(worker)s, now())
ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()
"""
_REQUEUE_LOST: Final = """
UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, scheduled_at = NULL
WHERE status = 'doing' AND worker_id = %(worker)s AND id <> ALL(%(ids)s::bigint[])
"""
_REQUEUE_STALLED: Final = """
UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, scheduled_at = NULL
WHERE status = 'doing' AND (worker_id IS NULL OR worker_id IN (
    SELECT id FROM procrastinate_workers WHERE last_heartbeat < now() - make_interval(secs => %(seconds)s)
))
"""
_WITH_OPEN_JOB: Final = text(
    f"SELECT queueing_lock FROM {SCHEMA}.procrastinate_jobs WHERE status IN ('todo', 'doing')"  # noqa: S608 - our own name
).columns(column("queueing_lock"))
_PURGE: Final = """
DELETE FROM procrastinate_jobs WHERE status NOT IN ('todo', 'doing') AND id IN (
    SELECT job_id FROM procrastinate_events GROUP BY job_id HAVING max(at) <= now() - make_interval(secs => %(seconds)s)
) RETURNING id
"""
_COUNTS: Final = "SELECT status::text, count(*) AS count FROM procrastinate_jobs GROUP BY status"
_WORKERS: Final = """
SELECT count(*) AS count FROM procrastinate_workers WHERE last_heartbeat >= now() - make_interval(secs => %(seconds)s)
"""


@attrs.frozen
class Job:
    """A job, which contains only a customer's id."""

    id: int
    organization_id: str
    attempts: int


@attrs.frozen(kw_only=True)
class QueueStatus:
    """The status of the queue: the customers and jobs by state, the living workers, and whether it is paused."""

    customers: dict[str, int]
    jobs: dict[str, int]
    workers: int
    is_paused: bool


@attrs.frozen(eq=False)
class Jobs:
    """The jobs in a store's PostgreSQL database. Each customer has at most one open job."""

    _database: Database
    _recorder: Recorder

    @classmethod
    async def open(cls, store: AsyncStore) -> Jobs:
        """Create the tables on first use, and check their version.

        Raises:
            StoreError: Another version of procrastinate created them.
        """
        await create_tables(store.database)
        return cls(store.database, Recorder(store))

    async def enqueue(self, tenants: Sequence[Tenant]) -> None:
        """Record customers in the ledger, and queue a job for each that has no open job."""

        def step(connection: Connection) -> None:
            self._recorder.enroll_in(connection, tenants)
            _add(connection, [tenant.organization_id for tenant in tenants])

        await self._database.write(step)

    async def retry_customers(self, organization_ids: Sequence[str] | None) -> int:
        """Queue these failed customers, or all failed customers, and return their number.

        Raises:
            ProvisioningError: A customer has not failed. Nothing is queued.
        """
        queued: set[str] = set()  # includes those of an unconfirmed commit, after which the step is repeated

        def step(connection: Connection) -> int:
            ids = _failed(connection) if organization_ids is None else sorted(set(organization_ids))
            for one in ids:
                state = self._recorder.retry_in(connection, one)
                if state is not State.FAILED and one not in queued:
                    raise ProvisioningError(_not_failed(one, state))
            _add(connection, ids)
            queued.update(ids)
            return len(queued)

        return await self._database.write(step)

    async def sweep(self) -> int:
        """Queue a job for each unfinished customer that has no open job, and return their number.

        Customers of runs that store their keys in a vault are left out.
        """
        clock = self._database.clock
        is_todo = and_(in_scope(LEDGER, KEY_ROWS), LEDGER.c.state == State.TODO, LEDGER.c.locked_until <= clock)
        is_ours = not_(func.coalesce(LEDGER.c.claim_token, "").startswith(VAULT_RUN))
        # not an anti-join, which is slow for many customers while the database has no statistics of them
        query: CompoundSelect[*tuple[Any, ...]] = except_(
            select(LEDGER.c.organization_id).where(is_todo, is_ours), _WITH_OPEN_JOB
        ).limit(_BATCH)

        def step(connection: Connection) -> int:
            ids = list(connection.execute(query).scalars())
            _add(connection, ids)
            return len(ids)

        count = 0
        while added := await self._database.write(step):
            count += added
        return count

    async def register(self) -> int:
        """Register a worker, and return its id."""
        (row,) = await self._run(queries["register_worker"])
        return int(row["worker_id"])

    async def beat(self, worker: int) -> None:
        """Record that a worker is alive, even if others have removed it in the meantime."""
        await self._run(_HEARTBEAT, worker=worker)

    async def requeue_lost(self, worker: int, taken: Sequence[Job]) -> None:
        """Queue jobs again that a worker took without noticing, because the connection broke."""
        await self._run(_REQUEUE_LOST, worker=worker, ids=[job.id for job in taken])

    async def unregister(self, worker: int) -> None:
        """Record that a worker has ended."""
        await self._run(queries["unregister_worker"], worker_id=worker)

    async def fetch(self, worker: int) -> Job | None:
        """Take the next job that is due, unless the queue is paused."""

        def step(connection: Connection) -> Job | None:
            (state,) = execute(connection, STATE)
            if state["is_paused"]:
                return None
            execute(
                connection, _HEARTBEAT, worker=worker
            )  # others may have removed the worker when a heartbeat was late
            (row,) = execute(connection, queries["fetch_job"], queues=[_QUEUE], worker_id=worker)
            return None if row["id"] is None else Job(row["id"], row["args"]["organization_id"], row["attempts"])

        return await self._database.write(step)

    async def finish(self, job: Job, worker: int, *, is_done: bool) -> None:
        """Record that a job has succeeded or failed, if this worker still has it."""
        status = "succeeded" if is_done else "failed"

        def step(connection: Connection) -> None:
            if execute(connection, _OURS, id=job.id, worker=worker):
                execute(connection, queries["finish_job"], job_id=job.id, status=status, delete_job=False)

        await self._database.write(step)

    async def put_back(self, job: Job, worker: int, *, pause: float) -> None:
        """Queue a job again after a pause, if this worker still has it."""
        unchanged = {"new_priority": None, "new_queue_name": None, "new_lock": None}

        def step(connection: Connection) -> None:
            if execute(connection, _OURS, id=job.id, worker=worker):
                due = datetime.fromtimestamp(self._database.now(connection) + pause, UTC)
                execute(connection, queries["retry_job"], job_id=job.id, retry_at=due, **unchanged)

        await self._database.write(step)

    async def requeue_stalled(self) -> None:
        """Queue the jobs of dead workers again, and remove these workers."""

        def step(connection: Connection) -> None:
            execute(connection, _REQUEUE_STALLED, seconds=STALLED_AFTER)
            execute(connection, queries["prune_stalled_workers"], seconds_since_heartbeat=STALLED_AFTER)

        await self._database.write(step)

    async def clean(self, keep_jobs: float) -> None:
        """Queue the jobs of dead workers and unfinished customers without a job, and delete old finished jobs."""
        await self.requeue_stalled()
        await self.sweep()
        await self.purge(keep_jobs)

    async def purge(self, seconds: float) -> int:
        """Delete the jobs that ended at least so many seconds ago, and return their number."""
        return len(await self._run(_PURGE, seconds=seconds))

    async def count_open(self) -> int:
        """Count the jobs that are queued or taken by a worker."""
        (row,) = await self._run(_COUNT_OPEN)
        return int(row["count"])

    async def is_paused(self) -> bool:
        """Return whether the queue is paused."""
        (row,) = await self._run(STATE)
        return bool(row["is_paused"])

    async def pause(self, *, is_paused: bool) -> None:
        """Pause the queue, or let workers take jobs again."""
        await self._run(_PAUSE, is_paused=is_paused)

    async def status(self) -> QueueStatus:
        """Count customers, jobs and workers."""
        is_expired = and_(LEDGER.c.state == State.SENT, LEDGER.c.locked_until <= self._database.clock)
        is_restored = and_(LEDGER.c.state.in_((State.TODO, State.FAILED)), LEDGER.c.fallback.is_not(None))
        state = case((is_expired, State.IN_DOUBT.value), (is_restored, LEDGER.c.fallback), else_=LEDGER.c.state).label(
            "state"
        )
        query = select(state, func.count()).where(in_scope(LEDGER, KEY_ROWS)).group_by(state)

        def step(connection: Connection) -> QueueStatus:
            customers: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
            jobs = {row["status"]: row["count"] for row in execute(connection, _COUNTS)}
            (workers,) = execute(connection, _WORKERS, seconds=STALLED_AFTER)
            (row,) = execute(connection, STATE)
            return QueueStatus(
                customers={one.value: customers.get(one.value, 0) for one in State},
                jobs={one: jobs.get(one, 0) for one in _STATUSES},
                workers=workers["count"],
                is_paused=row["is_paused"],
            )

        return await self._database.read(step)

    async def _run(self, query: str, **arguments: Any) -> Sequence[Any]:
        return await self._database.write(lambda connection: execute(connection, query, **arguments))


def _add(connection: Connection, organization_ids: Sequence[str]) -> None:
    """Queue a job for each of these customers that has no open job."""
    execute(connection, LOCK, number=_ADDING)
    is_open = {row["queueing_lock"] for row in execute(connection, _OPEN, ids=list(organization_ids))}
    new = [one for one in dict.fromkeys(organization_ids) if one not in is_open]
    if new:
        execute(connection, queries["defer_jobs"], jobs=[_deferred(one) for one in new])


def _deferred(organization_id: str) -> tuple[Any, ...]:
    arguments: Any = Jsonb({"organization_id": organization_id})
    return tuple(
        JobToDefer(
            queue_name=_QUEUE,
            task_name=_TASK,
            priority=0,
            lock=None,
            queueing_lock=organization_id,
            args=arguments,
            scheduled_at=None,
        )
    )


def _failed(connection: Connection) -> list[str]:
    # with a fallback, the customer still has its key
    is_failed = and_(LEDGER.c.state == State.FAILED, LEDGER.c.fallback.is_(None))
    query = select(LEDGER.c.organization_id).where(in_scope(LEDGER, KEY_ROWS), is_failed)
    return sorted(connection.execute(query).scalars())


def _not_failed(organization_id: str, state: State | None) -> str:
    if state is State.IN_DOUBT:
        return (
            f"{organization_id} is in doubt, not failed. To mint another key, queue the customer again with "
            "`boooply enqueue`, and run `boooply worker --remint-in-doubt`."
        )
    known = "is unknown" if state is None else f"is {state.value}, not failed"
    return f"{organization_id} {known}. `boooply queue failed` lists the customers that you can retry."
