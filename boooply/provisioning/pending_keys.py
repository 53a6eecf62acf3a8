"""Keys that came and could not be stored: tried again for as long as whoever holds them runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import attrs

from boooply.errors import CorruptKeyError, NotConnectedError
from boooply.secret import Secret
from boooply.store import AsyncKeyStore, AsyncStore

_COME_BACK: Final = 5.0  # seconds

_logger: Final = logging.getLogger("boooply.keys")


@attrs.frozen(eq=False)
class PendingKeys:
    """Hold keys that a store did not take, and try to store them until it is closed: nothing else has them."""

    _store: AsyncStore
    _tasks: set[asyncio.Task[None]] = attrs.field(factory=set[asyncio.Task[None]], init=False)

    def keep(self, keys: Mapping[str, Secret], /) -> None:
        """Try to store these too, behind the caller's back."""
        task = asyncio.create_task(_keep(self._store, dict(keys)), name="boooply keys")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up; what is lost by it is logged as critical, by the customers' ids."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def has_other_key(keys: AsyncKeyStore, organization_id: str, api_key: Secret, /) -> bool:
    """Tell whether a customer has another key, which stays: it may be in use. One that cannot be opened is none."""
    try:
        return await keys.get(organization_id) != api_key
    except (NotConnectedError, CorruptKeyError):
        return False


async def _keep(store: AsyncStore, keys: dict[str, Secret]) -> None:
    try:
        while keys:
            await asyncio.sleep(_COME_BACK)
            for organization_id in tuple(keys):
                with suppress(Exception):  # whatever it is: the other keys wait too, and this one is tried again
                    await _restore(store, organization_id, keys[organization_id])
                    del keys[organization_id]
    finally:
        for organization_id in keys:
            _logger.critical("the key of %s was minted and could not be stored: it is lost", organization_id)


async def _restore(store: AsyncStore, organization_id: str, api_key: Secret) -> None:
    if not [entry async for entry in store.ledger.entries([organization_id])]:
        _logger.warning("%s was disconnected meanwhile: the key that came late is not stored", organization_id)
    elif await has_other_key(store.keys, organization_id, api_key):
        _logger.warning("%s has another key by now, which stays; the one that came late is not stored", organization_id)
    else:
        await store.keys.put(organization_id, api_key)
