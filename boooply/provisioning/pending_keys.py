"""Keys that were minted but could not be stored yet: they are stored later, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import attrs

from boooply.errors import CorruptKeyError, NotConnectedError
from boooply.secret import Secret
from boooply.store import AsyncStore

_RETRY_AFTER: Final = 5.0  # seconds

_logger: Final = logging.getLogger("boooply.keys")


@attrs.frozen(eq=False)
class PendingKeys:
    """The keys that a store did not take: storing them is retried until this is closed, since nothing else has them."""

    _store: AsyncStore
    _tasks: set[asyncio.Task[None]] = attrs.field(factory=set[asyncio.Task[None]], init=False)

    def keep(self, keys: Mapping[str, Secret], /) -> None:
        """Retry these too, in the background."""
        task = asyncio.create_task(_keep(self._store, dict(keys)), name="boooply keys")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop retrying; for each key that is lost, log its customer's id as critical."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def has_other_key(store: AsyncStore, organization_id: str, api_key: Secret, /) -> bool:
    """Return whether the customer keeps another key, which may be in use.

    One that cannot be decrypted does not count, nor one that the new key was to replace.
    """
    entries = [entry async for entry in store.ledger.entries([organization_id])]
    if any(entry.fallback is not None for entry in entries):
        return False
    try:
        return await store.keys.get(organization_id) != api_key
    except (NotConnectedError, CorruptKeyError):
        return False


async def _keep(store: AsyncStore, keys: dict[str, Secret]) -> None:
    try:
        while keys:
            await asyncio.sleep(_RETRY_AFTER)
            for organization_id in tuple(keys):
                with suppress(Exception):  # whatever it is: this key is retried, and must not keep the others waiting
                    await _restore(store, organization_id, keys[organization_id])
                    del keys[organization_id]
    finally:
        for organization_id in keys:
            _logger.critical("the key of %s was minted and could not be stored: it is lost", organization_id)


async def _restore(store: AsyncStore, organization_id: str, api_key: Secret) -> None:
    if not [entry async for entry in store.ledger.entries([organization_id])]:
        _logger.warning("%s was disconnected meanwhile: its late key is not stored", organization_id)
    elif await has_other_key(store, organization_id, api_key):
        _logger.warning("%s has another key by now, and keeps it: its late key is not stored", organization_id)
    else:
        await store.keys.put(organization_id, api_key)
