"""Whether a store is the one of these platforms."""

from boooply.client import transport_of
from boooply.platform import AsyncBoooplyPlatform
from boooply.store import AsyncStore


async def check_store(store: AsyncStore, /, *platforms: AsyncBoooplyPlatform, record: bool = False) -> None:
    """Check that a store belongs to the API and to a key of these platforms, and record them if keys will be minted.

    Raises:
        StoreMismatchError: It belongs to another API, or to other platform keys.
    """
    keys = [transport_of(platform).key for platform in platforms]
    for base_url in {platform.base_url for platform in platforms}:
        await (store.identity.record if record else store.identity.check)(base_url, keys)
