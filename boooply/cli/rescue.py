"""The rescue file: keys that could not be stored, encrypted as the store would have encrypted them."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from boooply.cli.provision_view import not_stored
from boooply.cli.terminal import print_error
from boooply.errors import ConfigurationError, CorruptKeyError, ValidationError
from boooply.provisioning import KeysNotStoredError
from boooply.provisioning.pending_keys import has_other_key
from boooply.secret import Secret
from boooply.store import AsyncStore
from boooply.store.encryption import Encryption, hidden


def encrypted_lines(keys: Mapping[str, Secret]) -> str:
    """Write keys as JSON Lines, each encrypted with the store's encryption key."""
    encryption = Encryption.of(hidden(None))
    lines = (
        {"organization_id": one, "encrypted_key": encryption.encrypt(one, secret).decode()}
        for one, secret in keys.items()
    )
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def write_rescue_file(lines: str) -> Path | None:
    """Write the lines to a new file that only its owner can read; return its path, or None if that fails.

    It is written here, or else in the temporary directory.
    """
    prefix = time.strftime("boooply-rescued-keys-%Y%m%dT%H%M%SZ-", time.gmtime())
    for find in (Path.cwd, tempfile.gettempdir):
        # OSError: for example a full disk, perhaps the one on which the store failed, or no such directory
        with (
            suppress(OSError),
            tempfile.NamedTemporaryFile("w", prefix=prefix, suffix=".jsonl", dir=find(), delete=False) as file,
        ):
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
            return Path(file.name)
    return None


def rescue(error: KeysNotStoredError) -> None:
    """Write keys that could not be stored to a rescue file, or else to standard error."""
    lines = encrypted_lines(error.keys)
    path = write_rescue_file(lines)
    print_error(not_stored(len(error.keys), error.reason, path))
    if path is None:
        sys.stderr.write(lines)


async def restore_keys(path: Path, store: AsyncStore) -> dict[int, str | None]:
    """Put the keys of a rescue file into the store one by one, except where a customer has another key already.

    Return the problem of each line by its number, or None if its key is in the store now.

    Raises:
        OSError: The file cannot be read.
        StoreError: The store fails.
    """
    encryption = Encryption.of(hidden(None))
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()  # noqa: ASYNC240 - nothing else runs
    return {number: await _restore(line, store, encryption) for number, line in enumerate(lines, 1) if line.strip()}


async def _restore(line: str, store: AsyncStore, encryption: Encryption) -> str | None:
    parsed = _parsed(line)
    if parsed is None:
        return 'not a line of a rescue file: {"organization_id": …, "encrypted_key": …}'
    organization_id, encrypted = parsed
    try:
        secret = encryption.decrypt(organization_id, encrypted.encode())
        if await has_other_key(store, organization_id, secret):
            return f"{organization_id}: has another key by now, which is kept; you may revoke this one at Boooply"
        await store.keys.put(organization_id, secret)
    except CorruptKeyError:
        return f"{organization_id}: altered, or encrypted with another encryption key"
    except (ConfigurationError, ValidationError) as error:
        return f"{organization_id}: {error}"
    return None


def _parsed(line: str) -> tuple[str, str] | None:
    with suppress(ValueError):
        match json.loads(line):
            case {"organization_id": str(organization_id), "encrypted_key": str(encrypted)}:
                return organization_id, encrypted
            case _:
                pass
    return None
