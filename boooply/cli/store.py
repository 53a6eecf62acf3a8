"""``boooply store``: the store's encryption key, and the keys that it encrypts."""

import sys
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet
from cyclopts import App

from boooply.cli.existing_store import open_existing
from boooply.cli.rescue import restore_keys
from boooply.cli.terminal import StoreUrl, console, count_of, print_error, printable
from boooply.platform import AsyncBoooplyPlatform, platform_keys_of
from boooply.store import AsyncStore

app: Final = App(name="store")


@app.command
def new_key() -> None:
    """Print a fresh encryption key, and nothing else."""
    sys.stdout.write(f"{Fernet.generate_key().decode()}\n")


@app.command
async def rotate(*, store: StoreUrl = None) -> None:
    """Encrypt every key again with the first encryption key.

    Before it starts, BOOOPLY_STORE_KEY must contain that key in every process
    that uses the store: from then on all of them encrypt with it.

    Args:
        store: Where the keys are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.
    """
    async with open_existing(store) as opened:
        count = await opened.keys.rotate()
    console().print(
        f"{count_of(count, 'key')} re-encrypted. From now on BOOOPLY_STORE_KEY needs only its first encryption key, "
        "in every process."
    )


@app.command
async def adopt(*, store: StoreUrl = None) -> None:
    """Let the store belong to the API and the platform keys of today.

    A store belongs to the API and the platform keys that its customers' keys come
    from, and is not used with others. Run this after all platform keys were
    renewed, to add one more, or after the API has moved. It checks no key.
    They come from BOOOPLY_BASE_URL and BOOOPLY_PLATFORM_KEY, several keys with
    commas between them.

    Args:
        store: Where the keys are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.
    """
    platform = AsyncBoooplyPlatform()  # which checks the settings
    keys = platform_keys_of(platform)
    async with open_existing(store) as opened:
        await opened.identity.record(platform.base_url, keys, adopt=True)
    shown = ", ".join(map(str, keys))
    console().print(
        f"From now on the store belongs to {platform.base_url} and to the platform key {shown}.", overflow="fold"
    )


@app.command
async def check(*, store: StoreUrl = None) -> int:
    """Open every key, and name those that are damaged.

    Args:
        store: Where the keys are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code: 1 if one is damaged.
    """
    bad = 0
    async with open_existing(store) as opened:
        async for error in opened.keys.corrupt():
            print_error(str(error))
            bad += 1
        count = sum([1 async for _ in opened.keys.organizations()])
    if bad:
        console().print(f"{bad:,} of {count_of(count, 'key')} cannot be decrypted.")
        return 1
    console().print(f"{count_of(count, 'key')}, none of them damaged.")
    return 0


@app.command
async def restore(file: Path, /, *, store: StoreUrl = None) -> int:
    """Put the keys of a rescue file into the store.

    boooply provision writes such a file where keys came and the store failed. A
    customer that has another key by now keeps that one. A key that another
    customer has is not stored: the API is asked whose it is, if
    BOOOPLY_PLATFORM_KEY and BOOOPLY_BASE_URL name it, and whoever is not
    confirmed is in doubt.

    Args:
        file: What boooply provision wrote where the store had failed.
        store: Where the keys go; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code: 1 if a line's key was not put into the store, 2 if the file cannot be read.
    """
    try:
        async with AsyncStore.open(store) as opened:
            restored = await restore_keys(file, opened)
    except OSError as error:
        print_error(f"{file}: cannot be opened: {error.strerror}")
        return 2
    bad = {line: problem for line, problem in restored.items() if problem is not None}
    for line, problem in bad.items():
        print_error(f"{file}: line {line}: {problem}")
    console().print(f"{count_of(len(restored) - len(bad), 'key')} restored.")
    if bad:
        return 1
    console().print(f"{printable(str(file))} is no longer needed: delete it.", overflow="fold")
    return 0
