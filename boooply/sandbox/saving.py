"""The sandbox's state in a JSON file, which only its owner can read: it contains keys and people's data.

The file does not contain calls, rate limits and planned faults.
"""

import asyncio
import errno
import hashlib
import hmac
import json
import logging
import os
import sqlite3
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

from attrs import field, frozen
from cattrs.preconf.json import JsonConverter, make_converter

from boooply.sandbox.checks import is_object
from boooply.sandbox.records import Delivery, Email, Interview, Key, Organization

__all__ = ["OwnKeys", "Saved", "StateFile"]

VERSION: Final = 2
"""Must change whenever the form of a saved record changes."""

SAVE_EVERY: Final = 0.5
"""Seconds between two checks for changes."""

PAUSE: Final = 9
"""The least pause after a save, as a multiple of its duration: saving blocks the loop."""

FOREIGN: Final = "is not a sandbox's state: name another file"
OUTDATED: Final = "was saved by another version of boooply: delete it, or name another file"
IN_USE: Final = "another sandbox is using this file: stop that sandbox, or name another file"
CHANGED: Final = "this file has changed since it was read: create the Sandbox again"
logger: logging.Logger = logging.getLogger("boooply.sandbox")


@frozen(kw_only=True)
class OwnKeys:
    """The keys that a sandbox starts with, and the ID of its first organization."""

    platform_key: str = field(repr=False)
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    organization_id: str

    @classmethod
    def from_seed(cls, seed: str) -> Self:
        """Derive the keys from a seed; the same seed always gives the same keys."""
        if not seed.strip():
            raise ValueError("seed must not be empty")

        def derive(purpose: str) -> str:
            return hmac.new(seed.encode(), f"boooply sandbox {purpose}".encode(), hashlib.sha256).hexdigest()[:32]

        return cls(
            platform_key=f"bply_platform_{derive('platform')}",
            api_key=f"bply_org_{derive('organization')}",
            webhook_secret=f"whsec_{derive('webhooks')}",
            organization_id=str(uuid.UUID(hex=derive("organization id"), version=4)),
        )


@frozen(kw_only=True, repr=False)
class Saved:
    """The saved state of a sandbox; `created` counts interviews by organization and period."""

    version: int = VERSION
    own: OwnKeys
    webhook_url: str | None
    signing_secret: bytes
    clock_ahead: float
    plan: str
    next_number: int
    organizations: tuple[Organization, ...]
    keys: tuple[Key, ...]
    interviews: tuple[Interview, ...]
    created: tuple[tuple[str, str, int], ...]
    invited: tuple[tuple[str, str, str | None, str], ...]
    emails: tuple[Email, ...]
    duplicates: tuple[Email, ...]
    deliveries: tuple[Delivery, ...]


class StateFile:
    """The file in which a sandbox keeps its state.

    An empty SQLite database next to it is the lock: SQLite locks files on every system, and a crash releases the lock.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(os.path.realpath(path))
        self._converter: JsonConverter = make_converter(detailed_validation=False)
        self._lock: sqlite3.Connection | None = None
        self._seen: tuple[int, int] | None = None

    def lock(self) -> None:
        """Keep other sandboxes from using the file until `unlock`.

        Raises:
            OSError: Another sandbox uses the file or has changed it since `load`, or its folder cannot be written.
        """
        self.path.parent.stat()  # raises the exact error of a missing folder, which SQLite would hide
        try:
            self._lock = sqlite3.connect(f"{self.path}.lock", timeout=0, isolation_level=None, check_same_thread=False)
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self.unlock()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise OSError(errno.EBUSY, IN_USE, str(self.path)) from error
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(self.path)) from error
        if self._identity() != self._seen:
            self.unlock()
            raise OSError(errno.EBUSY, CHANGED, str(self.path))

    def unlock(self) -> None:
        """Let other sandboxes use the file."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:  # reading or writing it reports the error
            return None
        return found.st_ino, found.st_mtime_ns

    def load(self) -> Saved | None:
        """Return the saved state, or None if there is no file yet.

        Raises:
            ValueError: The file cannot be read, is not a sandbox's, or was saved by another version.
        """
        self._seen = self._identity()
        found = self._read()
        # raised here, where no local contains the text of the file
        if isinstance(found, str):
            raise ValueError(f"{self.path} {found}")  # noqa: TRY004 - the text is the problem
        return found

    def _read(self) -> Saved | str | None:
        try:
            data: Any = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"cannot be read: {error.strerror}: name another file"
        except (ValueError, RecursionError):
            return FOREIGN
        if not is_object(data) or "signing_secret" not in data:
            return FOREIGN
        try:
            return self._converter.structure(data, Saved) if data["version"] == VERSION else OUTDATED
        except Exception:  # noqa: BLE001 - every failure means another version
            return OUTDATED

    def save(self, saved: Saved) -> None:
        """Replace the file atomically: after a crash it contains the old state or the new one.

        Raises:
            OSError: The file cannot be written.
        """
        problem = self._write(saved)
        if problem is not None:
            raise OSError(*problem)

    def _write(self, saved: Saved) -> tuple[int, str, str] | None:
        # returned and not raised: the traceback of an error would lead to the text of the file
        new = self.path.with_name(f"{self.path.name}.new")
        try:
            # a killed run may have left a file that others can read
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
                stream.write(json.dumps(self._converter.unstructure(saved), ensure_ascii=False))
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(self.path)
            self._seen = self._identity()
        except OSError as error:
            return error.errno or 0, error.strerror or "unknown", str(self.path)
        return None

    def save_or_log(self, saved: Saved) -> None:
        """Save the state, or log why that failed."""
        problem = self._write(saved)
        if problem is not None:
            logger.error("The state cannot be saved in %s: %s", self.path, problem[1])

    async def keep(self, take: Callable[[], Saved], changes: Callable[[], object]) -> None:
        """Save the state after changes, until cancelled."""
        last, took = changes(), 0.0
        while True:
            await asyncio.sleep(max(SAVE_EVERY, PAUSE * took))
            current = changes()
            if current != last:
                began = time.monotonic()
                self.save_or_log(take())
                last, took = current, time.monotonic() - began
