"""``boooply store``: the store's encryption key, and the keys that it encrypts."""

import sys
from pathlib import Path

from cryptography.fernet import Fernet
from rich.text import Text

from boooply.cli.rescue import problems, restore_keys
from boooply.cli.terminal import StoreUrl, console, count_of, print_error
from boooply.store import AsyncKeyStore


def new_key() -> int:
    """Print a fresh encryption key, and nothing else."""
    sys.stdout.write(f"{Fernet.generate_key().decode()}\n")
    return 0


async def rotate(*, store: StoreUrl = None) -> int:
    """Encrypt every key again, with the first encryption key.

    Args:
        store: Where the keys are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code.
    """
    async with AsyncKeyStore.open(store) as keys:
        count = await keys.rotate()
    console().print(
        Text(
            f"{count_of(count, 'key')} re-encrypted. From now on BOOOPLY_STORE_KEY needs only its first encryption key."
        )
    )
    return 0


async def check(*, store: StoreUrl = None) -> int:
    """Decrypt every key, and name each customer whose key is damaged.

    Args:
        store: Where the keys are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code: 1 if there is one.
    """
    bad = 0
    async with AsyncKeyStore.open(store) as keys:
        async for error in keys.corrupt():
            print_error(str(error))
            bad += 1
        count = sum([1 async for _ in keys.organizations()])
    if bad:
        console().print(Text(f"{bad:,} of {count_of(count, 'key')} cannot be decrypted."))
        return 1
    console().print(Text(f"{count_of(count, 'key')}, none of them damaged."))
    return 0


async def restore(file: Path, /, *, store: StoreUrl = None) -> int:
    """Put the keys of a rescue file into the store.

    Args:
        file: What boooply provision wrote where the store had failed.
        store: Where the keys go; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code: 1 if a line's key was not put into the store, 2 if the file cannot be read.
    """
    try:
        async with AsyncKeyStore.open(store) as keys:
            restored = await restore_keys(file, keys)
    except OSError as error:
        print_error(f"{file}: cannot be opened: {error.strerror}")
        return 2
    bad = list(problems(restored))
    for one in bad:
        print_error(f"{file}: line {one.line}: {one.problem}")
    console().print(Text(f"{count_of(len(restored) - len(bad), 'key')} restored."))
    if not bad:
        console().print(Text(f"{file} is no longer needed: delete it.", overflow="fold"))
    return 1 if bad else 0
