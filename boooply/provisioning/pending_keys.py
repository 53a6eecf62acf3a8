"""Keys that were minted but not stored yet. They are stored later, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import attrs

from boooply.client import transport_of
from boooply.errors import ConfigurationError, StoreError, ValidationError
from boooply.platform import AsyncBoooplyPlatform
from boooply.provisioning.rescue import encrypted_lines, write_rescue_file
from boooply.provisioning.shared_keys import restore_key
from boooply.recording import Recorder
from boooply.resources.keys import doubt_about
from boooply.secret import Secret, one_line, redact
from boooply.store import AsyncStore

_RETRY_AFTER: Final = 5.0  # seconds
_PERMANENT: Final = (ConfigurationError, ValidationError)
_IN_FILE: Final = "It is in {}. `boooply store restore FILE` stores it."
_IN_LOG: Final = "No rescue file could be written. Save this line, and run `boooply store restore FILE`: {}"

_logger: Final = logging.getLogger("boooply.keys")


@attrs.frozen
class _Kept:
    """Keys that are not stored yet, each with the reason, and the customers whose encrypted keys are in the log."""

    keys: dict[str, Secret]
    reasons: dict[str, str] = attrs.field(factory=dict[str, str], init=False)
    logged: set[str] = attrs.field(factory=set[str], init=False)


@attrs.define(eq=False)
class PendingKeys:
    """Keys that could not be stored. Storing them is retried until this object is closed.

    Keys that a retry cannot store, and keys that are left when it is closed, are written to a rescue file.
    """

    _store: AsyncStore
    _platform: AsyncBoooplyPlatform
    _tasks: set[asyncio.Task[None]] = attrs.field(factory=set[asyncio.Task[None]], init=False)
    _is_closed: bool = attrs.field(default=False, init=False)

    def keep(self, keys: Mapping[str, Secret], /) -> None:
        """Store these keys in the background. If this object is closed, write them to a rescue file at once."""
        kept = _Kept(dict(keys))
        if self._is_closed:
            self._rescue(kept, tuple(kept.keys))
            return
        task = asyncio.create_task(self._keep(kept), name="boooply keys")
        self._tasks.add(task)
        # However the task ends, even if the event loop cancels it, no key may be lost.
        task.add_done_callback(partial(self._end, kept))

    def _end(self, kept: _Kept, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._rescue(kept, tuple(kept.keys))

    async def close(self) -> None:
        """Stop retrying, write the remaining keys to a rescue file, and log each customer's id as critical."""
        self._is_closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, kept: _Kept) -> None:
        while kept.keys:
            hopeless = [one for one in tuple(kept.keys) if not await self._may_be_stored_later(one, kept)]
            self._rescue(kept, hopeless)
            if kept.keys:
                await asyncio.sleep(_RETRY_AFTER)

    async def _may_be_stored_later(self, one: str, kept: _Kept) -> bool:
        """Store a customer's key. Return False if it is not stored and a retry cannot help."""
        keys, reasons = kept.keys, kept.reasons
        ask = partial(doubt_about, transport_of(self._platform))
        try:
            problem = await restore_key(Recorder(self._store), ask, one, keys[one])
        except Exception as error:  # noqa: BLE001 - no error of one key may delay the others
            reason = one_line(redact(str(error), keys[one])) or type(error).__name__
            if one not in reasons:
                _logger.warning("the key of %s was minted but is not stored yet (%s). It is retried.", one, reason)
            reasons[one] = reason
            return not (isinstance(error, _PERMANENT) or (isinstance(error, StoreError) and error.is_permanent))
        del keys[one]
        if problem is not None:
            _logger.warning("%s: %s", one, problem)
        return True

    def _rescue(self, kept: _Kept, customers: Sequence[str]) -> None:
        """Move some customers' keys to a rescue file. If that fails, log the encrypted keys."""
        customers = [one for one in customers if one not in kept.logged]
        if not customers:
            return
        lines = encrypted_lines({one: kept.keys[one] for one in customers}, self._store.encryption)
        path = write_rescue_file(lines)
        for one, line in zip(customers, lines.splitlines(), strict=True):
            reason = kept.reasons.get(one, "the application stopped")
            where = _IN_LOG.format(line) if path is None else _IN_FILE.format(path)
            _logger.critical("the key of %s was minted but could not be stored (%s). %s", one, reason, where)
            if path is None:
                kept.logged.add(one)
            else:
                del kept.keys[one]
