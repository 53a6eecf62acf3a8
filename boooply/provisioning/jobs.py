"""The queue's jobs, by procrastinate's queries: each step is one transaction on the store's connections."""

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

STALLED_AFTER: Final = 30.0  # seconds without a heartbeat until a worker counts as dead

_QUEUE: Final = "boooply"
_TASK: Final = "boooply.connect"
_BATCH: Final = 2000
_STATUSES: Final = ("todo", "doing", "succeeded", "failed")
_ADDING: Final = 0x600019  # any number: who adds jobs queues for it

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
    """One job, which contains a customer's id and nothing else."""

    id: int
    organization_id: str
    attempts: int


@attrs.frozen(kw_only=True)
class QueueStatus:
    """The customers by their states in the ledger, the jobs by theirs, and the number of workers that are alive."""

    customers: dict[str, int]
    jobs: dict[str, int]
    workers: int
    is_paused: bool


@attrs.frozen(eq=False)
class Jobs:
    """The jobs on a store's PostgreSQL; of one customer, at most one is open."""

    _database: Database
    _recorder: Recorder

    @classmethod
    async def open(cls, store: AsyncStore) -> Jobs:
        """Create the tables on first use, and check their version.

        Raises:
            StoreError: Another version of procrastinate has made them.
        """
        await create_tables(store.database)
        return cls(store.database, Recorder(store))

    async def enqueue(self, tenants: Sequence[Tenant]) -> None:
        """Record customers in the ledger, and queue a job for each that has no open one."""

        def step(connection: Connection) -> None:
            self._recorder.enroll_in(connection, tenants)
            _add(connection, [tenant.organization_id for tenant in tenants])

        await self._database.write(step)

    async def retry_customers(self, organization_ids: Sequence[str] | None) -> int:
        """Queue customers that have failed, or all that have, and return their number.

        Raises:
            ProvisioningError: One of them has not failed; nothing is queued.
        """
        queued: set[str] = set()  # also by a step whose commit was not confirmed, so that it is repeated

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
        """Queue a job for each customer that is still to do and has no open one, and return their number.

        Those whose keys another run was to store elsewhere are not for a worker.
        """
        clock = self._database.clock
        is_todo = and_(in_scope(LEDGER, KEY_ROWS), LEDGER.c.state == State.TODO, LEDGER.c.locked_until <= clock)
        is_ours = not_(func.coalesce(LEDGER.c.claim_token, "").startswith(VAULT_RUN))
        # not an anti-join, which takes minutes for many customers while the database has no statistics of them
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
        """Record that a worker is alive, whatever others thought of it meanwhile."""
        await self._run(_HEARTBEAT, worker=worker)

    async def requeue_lost(self, worker: int, taken: Sequence[Job]) -> None:
        """Queue the jobs again that a worker has without knowing it, since the connection broke as it took them."""
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
            execute(connection, _HEARTBEAT, worker=worker)  # others may have forgotten it while it could not beat
            (row,) = execute(connection, queries["fetch_job"], queues=[_QUEUE], worker_id=worker)
            return None if row["id"] is None else Job(row["id"], row["args"]["organization_id"], row["attempts"])

        return await self._database.write(step)

    async def finish(self, job: Job, worker: int, *, is_done: bool) -> None:
        """Record that a job has succeeded or failed, if it is still this worker's."""
        status = "succeeded" if is_done else "failed"

        def step(connection: Connection) -> None:
            if execute(connection, _OURS, id=job.id, worker=worker):
                execute(connection, queries["finish_job"], job_id=job.id, status=status, delete_job=False)

        await self._database.write(step)

    async def put_back(self, job: Job, worker: int, *, pause: float) -> None:
        """Queue a job again after a pause, if it is still this worker's."""
        unchanged = {"new_priority": None, "new_queue_name": None, "new_lock": None}

        def step(connection: Connection) -> None:
            if execute(connection, _OURS, id=job.id, worker=worker):
                due = datetime.fromtimestamp(self._database.now(connection) + pause, UTC)
                execute(connection, queries["retry_job"], job_id=job.id, retry_at=due, **unchanged)

        await self._database.write(step)

    async def requeue_stalled(self) -> None:
        """Queue the jobs of dead workers again, and forget those workers."""

        def step(connection: Connection) -> None:
            execute(connection, _REQUEUE_STALLED, seconds=STALLED_AFTER)
            execute(connection, queries["prune_stalled_workers"], seconds_since_heartbeat=STALLED_AFTER)

        await self._database.write(step)

    async def clean(self, keep_jobs: float) -> None:
        """Queue again what dead workers have left, and what has no job; delete the jobs that ended long ago."""
        await self.requeue_stalled()
        await self.sweep()
        await self.purge(keep_jobs)

    async def purge(self, seconds: float) -> int:
        """Delete the jobs that ended so long ago, and return their number."""
        return len(await self._run(_PURGE, seconds=seconds))

    async def count_open(self) -> int:
        """Count the jobs that are queued, or with a worker."""
        (row,) = await self._run(_COUNT_OPEN)
        return int(row["count"])

    async def is_paused(self) -> bool:
        """Return whether workers take no jobs."""
        (row,) = await self._run(STATE)
        return bool(row["is_paused"])

    async def pause(self, *, is_paused: bool) -> None:
        """Let workers take no more jobs, or take them again."""
        await self._run(_PAUSE, is_paused=is_paused)

    async def status(self) -> QueueStatus:
        """Count customers, jobs and workers."""
        is_expired = and_(LEDGER.c.state == State.SENT, LEDGER.c.locked_until <= self._database.clock)
        state = case((is_expired, State.IN_DOUBT.value), else_=LEDGER.c.state).label("state")
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
    """Queue a job for each of these customers that has no open one."""
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
    query = select(LEDGER.c.organization_id).where(in_scope(LEDGER, KEY_ROWS), LEDGER.c.state == State.FAILED)
    return sorted(connection.execute(query).scalars())


def _not_failed(organization_id: str, state: State | None) -> str:
    if state is State.IN_DOUBT:
        return (
            f"{organization_id} is in doubt, not failed: to mint its key again on purpose, queue it once more, for "
            "`boooply worker --remint-in-doubt`"
        )
    known = "is not known" if state is None else f"is {state.value}, not failed"
    return f"{organization_id} {known}: `boooply queue failed` lists the customers that can be retried"
