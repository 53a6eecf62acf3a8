"""The sandbox's state in a file of JSON, with its keys and with people's data, so only its owner may read it.

Calls, rate limits and planned faults are not part of it: they belong to one run.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import os
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
"""Changes with every change of a saved record."""

SAVE_EVERY: Final = 0.5
"""Seconds between two checks whether something has changed."""

REST: Final = 9
"""How many times as long as a save took to wait at least: the loop does not respond meanwhile."""

FOREIGN: Final = "is not a sandbox's state: name another file"
OUTDATED: Final = "was saved by another version of boooply: delete it, or name another file"

logger: logging.Logger = logging.getLogger("boooply.sandbox")


@frozen(kw_only=True)
class OwnKeys:
    """The keys that a sandbox begins with, and the id of its own organization."""

    platform_key: str = field(repr=False)
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    organization_id: str

    @classmethod
    def from_seed(cls, seed: str) -> Self:
        """Derive them from a seed: always the same ones from the same seed."""
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
    """What is kept of a sandbox; `created` counts interviews by organization and period."""

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
    """The file in which a sandbox keeps its state."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(os.path.realpath(path))
        self._converter: JsonConverter = make_converter(detailed_validation=False)

    def load(self) -> Saved | None:
        """Return the saved state, or None if there is no file yet.

        Raises:
            ValueError: The file cannot be read, is not a sandbox's, or was saved by another version.
        """
        found = self._read()
        # Raised here, where no local has the text of the file.
        if isinstance(found, str):
            raise ValueError(f"{self.path} {found}")  # noqa: TRY004 - a text that says what is wrong
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
        except Exception:  # noqa: BLE001 - whatever does not fit was saved by another version
            return OUTDATED

    def save(self, saved: Saved) -> None:
        """Replace the file at once, so that a reader or a crash finds the old state or the new one.

        Raises:
            OSError: It cannot be written.
        """
        problem = self._write(saved)
        if problem is not None:
            raise OSError(*problem)

    def _write(self, saved: Saved) -> tuple[int, str, str] | None:
        # Returned and not raised: an error's traceback would lead to the text of the file.
        new = self.path.with_name(f"{self.path.name}.new")
        try:
            # What a killed run has left may be readable by others.
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
                stream.write(json.dumps(self._converter.unstructure(saved), ensure_ascii=False))
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(self.path)
        except OSError as error:
            return error.errno or 0, error.strerror or "unknown", str(self.path)
        return None

    def save_or_log(self, saved: Saved) -> None:
        """Save the state; log why if it cannot be saved."""
        problem = self._write(saved)
        if problem is not None:
            logger.error("The state cannot be saved in %s: %s", self.path, problem[1])

    async def keep(self, take: Callable[[], Saved], changes: Callable[[], object]) -> None:
        """Save the state whenever something has changed, until cancelled."""
        last, took = changes(), 0.0
        while True:
            await asyncio.sleep(max(SAVE_EVERY, REST * took))
            current = changes()
            if current != last:
                began = time.monotonic()
                self.save_or_log(take())
                last, took = current, time.monotonic() - began
