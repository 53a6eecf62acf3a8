"""Keys that came and cannot be stored: into a file, sealed as the store would have sealed them, and back."""

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
    """Tell what became of one line; ``problem`` is None where its key is in the store now."""

    line: int
    problem: str | None = None


def sealed_lines(keys: Mapping[str, Secret]) -> str:
    """Write keys as JSON Lines, each sealed with the store's encryption key: nobody can read them without it."""
    seal = Encryption.of(hidden(None))
    rows = ({"organization_id": one, "sealed": seal.encrypt(one, secret).decode()} for one, secret in keys.items())
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def write_rescue_file(lines: str) -> Path | None:
    """Write the lines into a new file for its owner alone: here, or among the temporary files; None where it fails."""
    name = _NAME.format(time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + f"-{os.getpid()}")
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        path = folder / name
        try:
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY), "w") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            continue  # a full disk, say: it may be the one that the store failed on
        return path
    return None


async def restore_keys(path: Path, keys: AsyncKeyStore) -> list[Restored]:
    """Put the keys of such a file into the store, each by itself; where a customer has another one, that stays.

    Raises:
        OSError: The file cannot be read.
        StoreError: The store fails.
    """
    seal = Encryption.of(hidden(None))
    return [Restored(number, await _restore(line, keys, seal)) for number, line in _numbered_lines(path)]


def _numbered_lines(path: Path) -> list[tuple[int, str]]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


async def _restore(line: str, keys: AsyncKeyStore, seal: Encryption) -> str | None:
    row = _row(line)
    if row is None:
        return 'not a line of such a file: {"organization_id": …, "sealed": …}'
    identity, sealed = row
    try:
        secret = seal.decrypt(identity, sealed)
    except CorruptKeyError:
        return f"{identity}: altered, or sealed with another encryption key"
    if await has_other_key(keys, identity, secret):
        return f"{identity}: has another key by now, which stays; this one may be revoked at Boooply"
    try:
        await keys.put(identity, secret)
    except StoreError:
        raise
    except BoooplyError as error:
        return f"{identity}: {error}"
    return None


def _row(line: str) -> tuple[str, bytes] | None:
    try:
        given: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(given, dict):
        return None
    row = cast("dict[str, Any]", given)
    identity, sealed = row.get("organization_id"), row.get("sealed")
    return (identity, sealed.encode()) if isinstance(identity, str) and isinstance(sealed, str) else None


def problems(restored: list[Restored]) -> Iterator[Restored]:
    """Choose the lines whose keys are not in the store."""
    return (one for one in restored if one.problem is not None)
