"""The check that a store belongs to the given platforms."""

from boooply.platform import AsyncBoooplyPlatform, platform_keys_of
from boooply.store import AsyncStore


async def check_store(store: AsyncStore, /, *platforms: AsyncBoooplyPlatform, record: bool = False) -> None:
    """Check that a store belongs to the API and to a key of these platforms.

    With ``record``, also record the API and the keys in the store. Do so before keys are minted.

    Raises:
        StoreMismatchError: The store belongs to another API or to other platform keys.
    """
    keys = [one for platform in platforms for one in platform_keys_of(platform)]
    for base_url in {platform.base_url for platform in platforms}:
        await (store.identity.record if record else store.identity.check)(base_url, keys)
