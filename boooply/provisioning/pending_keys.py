"""Keys that were minted but could not be stored yet: they are stored later, in the background."""

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
_LOST: Final = "no file can be written either, and without one it is lost when this process ends"

_logger: Final = logging.getLogger("boooply.keys")


@attrs.frozen(eq=False)
class PendingKeys:
    """The keys that a store did not take: storing them is retried until this is closed, since nothing else has them.

    Where a retry cannot help, and at the end, they go into a rescue file.
    """

    _store: AsyncStore
    _platform: AsyncBoooplyPlatform
    _tasks: set[asyncio.Task[None]] = attrs.field(factory=set[asyncio.Task[None]], init=False)

    def keep(self, keys: Mapping[str, Secret], /) -> None:
        """Store these too, in the background."""
        task = asyncio.create_task(self._keep(dict(keys)), name="boooply keys")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop retrying; write the keys that are left to a rescue file, and log each customer's id as critical."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, keys: dict[str, Secret]) -> None:
        reasons: dict[str, str] = {}  # why each is not stored
        try:
            while keys:
                hopeless = [one for one in tuple(keys) if not await self._may_be_stored_later(one, keys, reasons)]
                self._rescue(keys, hopeless, reasons)
                if keys:
                    await asyncio.sleep(_RETRY_AFTER)
        finally:
            self._rescue(keys, tuple(keys), reasons)

    async def _may_be_stored_later(self, one: str, keys: dict[str, Secret], reasons: dict[str, str]) -> bool:
        """Store a customer's key, and return False if it cannot be stored and a retry cannot help."""
        ask = partial(doubt_about, transport_of(self._platform))
        try:
            problem = await restore_key(Recorder(self._store), ask, one, keys[one])
        except Exception as error:  # noqa: BLE001 - whatever it is: this key must not keep the others waiting
            reason = one_line(redact(str(error), keys[one])) or type(error).__name__
            if one not in reasons:
                _logger.warning("the key of %s was minted and cannot be stored yet (%s): it is retried", one, reason)
            reasons[one] = reason
            return not (isinstance(error, _PERMANENT) or (isinstance(error, StoreError) and error.is_permanent))
        del keys[one]
        if problem is not None:
            _logger.warning("%s: %s", one, problem)
        return True

    def _rescue(self, keys: dict[str, Secret], customers: Sequence[str], reasons: Mapping[str, str]) -> None:
        """Write some customers' keys to a rescue file, and drop them; if that fails, they stay."""
        if not customers:
            return
        path = write_rescue_file(encrypted_lines({one: keys[one] for one in customers}, self._store.encryption))
        where = _LOST if path is None else f"it is in {path}: `boooply store restore FILE` puts it into the store"
        for one in customers:
            reason = reasons.get(one, "the application has stopped")
            _logger.critical("the key of %s was minted and could not be stored (%s): %s", one, reason, where)
            if path is not None:
                del keys[one]
