"""The rescue file: keys that could not be stored, encrypted with the store's encryption key."""

import json
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from boooply.secret import Secret
from boooply.store.encryption import Encryption


def encrypted_lines(keys: Mapping[str, Secret], encryption: Encryption) -> str:
    """Return keys as JSON Lines, each encrypted with the store's encryption key."""
    lines = (
        {"organization_id": one, "encrypted_key": encryption.encrypt(one, secret).decode()}
        for one, secret in keys.items()
    )
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def write_rescue_file(lines: str) -> Path | None:
    """Write the lines to a new file that only its owner can read, and return its path, or None if that fails.

    The file is in the working directory, or in the temporary directory if the working directory is not writable.
    """
    prefix = time.strftime("boooply-rescued-keys-%Y%m%dT%H%M%SZ-", time.gmtime())
    for find in (Path.cwd, tempfile.gettempdir):
        with suppress(OSError):  # for example, the disk is full, or the directory is missing
            return _write(lines, prefix, find())
    return None


def _write(lines: str, prefix: str, place: str | Path) -> Path:
    """Write a new file to the disk. If that fails, leave no part of it."""
    descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=".jsonl", dir=place)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink()  # after it was closed, which Windows requires
        raise
    return path
