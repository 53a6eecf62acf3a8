"""The rescue file of a command: keys that could not be stored, and their return to the store."""

import json
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from boooply.cli.provision_view import not_stored
from boooply.cli.terminal import print_error
from boooply.client import transport_of
from boooply.errors import ConfigurationError, CorruptKeyError, StoreMismatchError, ValidationError
from boooply.platform import AsyncBoooplyPlatform
from boooply.provisioning import KeysNotStoredError
from boooply.provisioning.identity import check_store
from boooply.provisioning.rescue import encrypted_lines, write_rescue_file
from boooply.provisioning.shared_keys import restore_key
from boooply.ratelimit.limits import RateLimits
from boooply.recording import Recorder
from boooply.resources.keys import doubt_about
from boooply.secret import Secret
from boooply.store import AsyncStore
from boooply.store.encryption import Encryption


def rescue(error: KeysNotStoredError, encryption: Encryption) -> None:
    """Write keys that could not be stored to a rescue file, or else to standard error."""
    lines = encrypted_lines(error.keys, encryption)
    path = write_rescue_file(lines)
    print_error(not_stored(len(error.keys), error.reason, path))
    if path is None:
        sys.stderr.write(lines)


async def restore_keys(path: Path, store: AsyncStore) -> dict[int, str | None]:
    """Store the keys of a rescue file one by one, unless a customer already has another key.

    Return the problem of each line by its number, or None if its key is stored.

    Raises:
        OSError: The file cannot be read.
        StoreError: The store fails.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()  # noqa: ASYNC240 - nothing else runs
    return {number: await _restore(line, store) for number, line in enumerate(lines, 1) if line.strip()}


async def _restore(line: str, store: AsyncStore) -> str | None:
    parsed = _parsed(line)
    if parsed is None:
        return 'not in the format of a rescue file: {"organization_id": …, "encrypted_key": …}'
    organization_id, encrypted = parsed
    try:
        secret = store.encryption.decrypt(organization_id, encrypted.encode())
    except CorruptKeyError:
        return f"{organization_id}: the key was altered, or encrypted with another encryption key"
    try:
        problem = await restore_key(Recorder(store), partial(_ask, store), organization_id, secret, create=True)
    except (ConfigurationError, ValidationError) as error:
        problem = str(error)
    return problem and f"{organization_id}: {problem}"


async def _ask(store: AsyncStore, api_key: Secret, organization_id: str) -> str | None:
    """Ask the API whose key it is. Return None if it is the customer's, or why that is in doubt."""
    try:
        async with AsyncBoooplyPlatform(rate_limits=RateLimits(shared=store)) as platform:
            await check_store(store, platform)
            return await doubt_about(transport_of(platform), api_key, organization_id)
    except (ConfigurationError, StoreMismatchError) as error:
        return f"the command cannot ask the API whose key this is ({error})"


def _parsed(line: str) -> tuple[str, str] | None:
    with suppress(ValueError):
        match json.loads(line):
            case {"organization_id": str(organization_id), "encrypted_key": str(encrypted)}:
                return organization_id, encrypted
            case _:
                pass
    return None
