"""The store that a command reads. It must exist, since a new one would be empty and misleading."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from boooply.errors import ConfigurationError
from boooply.secret import Secret
from boooply.store import AsyncStore
from boooply.store.address import DEFAULT_URL, Address, database_address
from boooply.store.opening import URL_VARIABLE


@asynccontextmanager
async def open_existing(url: str | None, /) -> AsyncGenerator[AsyncStore]:
    """Open an existing store.

    Raises:
        ConfigurationError: There is no store, or a setting cannot be used.
        StoreError: It cannot be opened.
    """
    _check_file(database_address(Secret(url or os.environ.get(URL_VARIABLE) or DEFAULT_URL)))
    async with AsyncStore.open(url) as store:
        yield store


def _check_file(address: Address) -> None:
    file = address.url.database or ""
    if not (address.is_postgresql or address.is_memory or file.startswith("file:") or Path(file).exists()):
        raise ConfigurationError(
            f"there is no store at {file}: give the URL of your store with --store or in {URL_VARIABLE}"
        )
