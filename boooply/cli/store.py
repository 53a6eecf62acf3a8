"""``boooply store``: the store's encryption key and the keys that it encrypts."""

import sys
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet
from cyclopts import App

from boooply.cli.existing_store import open_existing
from boooply.cli.exit_codes import DONE, UNFINISHED, WRONG_INPUT
from boooply.cli.rescue import restore_keys
from boooply.cli.terminal import StoreUrl, console, count_of, print_error, printable
from boooply.platform import AsyncBoooplyPlatform, platform_keys_of
from boooply.store import AsyncStore

app: Final = App(name="store")


@app.command
def new_key() -> None:
    """Print a new encryption key, and nothing else."""
    sys.stdout.write(f"{Fernet.generate_key().decode()}\n")


@app.command
async def rotate(*, store: StoreUrl = None) -> None:
    """Re-encrypt every key with the first key in BOOOPLY_STORE_KEY.

    Before you run the command, add this encryption key to BOOOPLY_STORE_KEY in
    every process that uses the store. All of them then encrypt with it.

    Args:
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
    """
    async with open_existing(store) as opened:
        count = await opened.keys.rotate()
    console().print(
        f"{count_of(count, 'key')} re-encrypted. You can now remove all but the first encryption key from "
        "BOOOPLY_STORE_KEY, in every process."
    )


@app.command
async def adopt(*, store: StoreUrl = None) -> None:
    """Accept the API and the platform keys that you have set now.

    A store records the API and the platform keys that minted its keys, and rejects
    any others. Run this command after you replaced all platform keys, to add a
    platform key, or after the API moved to another address. It checks no key.

    Set BOOOPLY_BASE_URL and BOOOPLY_PLATFORM_KEY. Separate several platform keys
    by commas.

    Args:
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
    """
    platform = AsyncBoooplyPlatform()  # it checks the settings
    keys = platform_keys_of(platform)
    async with open_existing(store) as opened:
        await opened.identity.record(platform.base_url, keys, adopt=True)
    shown = f"{'key' if len(keys) == 1 else 'keys'} {', '.join(map(str, keys))}"
    console().print(f"The store now accepts the API {platform.base_url} and the platform {shown}.", overflow="fold")


@app.command
async def check(*, store: StoreUrl = None) -> int:
    """Decrypt every key, and list the damaged ones.

    Args:
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.

    Returns:
        The exit code: 4 if a key is damaged.
    """
    bad = 0
    async with open_existing(store) as opened:
        async for error in opened.keys.corrupt():
            print_error(str(error))
            bad += 1
        count = sum([1 async for _ in opened.keys.organizations()])
    if bad:
        console().print(f"{bad:,} of {count_of(count, 'key')} cannot be decrypted.")
        return UNFINISHED
    console().print(f"{count_of(count, 'key')} checked; none is damaged.")
    return DONE


@app.command
async def restore(file: Path, /, *, store: StoreUrl = None) -> int:
    """Store the keys of a rescue file.

    boooply provision writes a rescue file if it minted keys and the store failed.
    If a customer has another key now, that key stays. If another customer has the
    same key, the key is not stored: the command asks the API whose key it is, and
    each customer that the API does not confirm is then in doubt. To ask the API,
    set BOOOPLY_BASE_URL and BOOOPLY_PLATFORM_KEY.

    Args:
        file: The rescue file that boooply provision wrote.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.

    Returns:
        The exit code: 4 if a key was not stored, 2 if the file cannot be read.
    """
    try:
        with file.open("rb"):
            pass  # a mistyped name must not create a store
        async with AsyncStore.open(store) as opened:
            restored = await restore_keys(file, opened)
    except OSError as error:
        print_error(f"{file} cannot be read: {error.strerror}")
        return WRONG_INPUT
    bad = {line: problem for line, problem in restored.items() if problem is not None}
    for line, problem in bad.items():
        print_error(f"{file}: line {line}: {problem}")
    console().print(f"{count_of(len(restored) - len(bad), 'key')} restored.")
    if bad:
        return UNFINISHED
    console().print(f"You no longer need {printable(str(file))}: delete it.", overflow="fold")
    return DONE
