"""The rescue file: keys that could not be stored, encrypted as the store would have encrypted them."""

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import attrs

from boooply.errors import BoooplyError, CorruptKeyError, StoreError
from boooply.provisioning.pending_keys import has_other_key
from boooply.secret import Secret
from boooply.store import AsyncKeyStore
from boooply.store.encryption import Encryption, hidden

_NAME: Final = "boooply-rescued-keys-{}.jsonl"
_OWNER_ONLY: Final = 0o600


@attrs.frozen
class Restored:
    """The result of restoring one line; ``problem`` is None if its key is in the store now."""

    line: int
    problem: str | None = None


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
    name = _NAME.format(time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + f"-{os.getpid()}")
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        path = folder / name
        try:
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY), "w") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            continue  # for example a full disk, perhaps the one on which the store failed
        return path
    return None


async def restore_keys(path: Path, keys: AsyncKeyStore) -> list[Restored]:
    """Put the keys of a rescue file into the store one by one, except where a customer has another key already.

    Raises:
        OSError: The file cannot be read.
        StoreError: The store fails.
    """
    encryption = Encryption.of(hidden(None))
    return [Restored(number, await _restore(line, keys, encryption)) for number, line in _numbered_lines(path)]


def _numbered_lines(path: Path) -> list[tuple[int, str]]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


async def _restore(line: str, keys: AsyncKeyStore, encryption: Encryption) -> str | None:
    parsed = _parsed(line)
    if parsed is None:
        return 'not a line of a rescue file: {"organization_id": …, "encrypted_key": …}'
    organization_id, encrypted = parsed
    try:
        secret = encryption.decrypt(organization_id, encrypted)
    except CorruptKeyError:
        return f"{organization_id}: altered, or encrypted with another encryption key"
    if await has_other_key(keys, organization_id, secret):
        return f"{organization_id}: has another key by now, which is kept; you may revoke this one at Boooply"
    try:
        await keys.put(organization_id, secret)
    except StoreError:
        raise
    except BoooplyError as error:
        return f"{organization_id}: {error}"
    return None


def _parsed(line: str) -> tuple[str, bytes] | None:
    try:
        given: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(given, dict):
        return None
    fields = cast("dict[str, Any]", given)
    organization_id, encrypted = fields.get("organization_id"), fields.get("encrypted_key")
    if not isinstance(organization_id, str) or not isinstance(encrypted, str):
        return None
    return organization_id, encrypted.encode()


def problems(restored: list[Restored]) -> Iterator[Restored]:
    """Return the lines whose keys are not in the store."""
    return (one for one in restored if one.problem is not None)
