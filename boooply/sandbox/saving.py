"""The sandbox's state in a file of JSON, with its keys and with people's data, so only its owner may read it.

Calls, rate limits and planned faults are not part of it: they belong to one run.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

from attrs import field, frozen
from cattrs.preconf.json import make_converter

from boooply.sandbox.checks import is_object
from boooply.sandbox.records import Delivery, Email, Interview, Key, Organization

__all__ = ["OwnKeys", "Saved", "StateFile"]

VERSION: Final = 1
"""Changes with every change of a saved record."""

SAVE_EVERY: Final = 0.5
"""Seconds between two checks whether something has changed."""

ELSE: Final = "delete it, or name another file"

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

        def derive(purpose: str) -> str:
            return hmac.new(seed.encode(), f"boooply sandbox {purpose}".encode(), hashlib.sha256).hexdigest()[:32]

        return cls(
            platform_key=f"bply_platform_{derive('platform')}",
            api_key=f"bply_org_{derive('organization')}",
            webhook_secret=f"whsec_{derive('webhooks')}",
            organization_id=str(uuid.UUID(hex=derive("organization id"), version=4)),
        )


@frozen(kw_only=True)
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
        self.path = Path(os.path.realpath(path))
        self._converter = make_converter(detailed_validation=False)

    def load(self) -> Saved | None:
        """Return the saved state, or None if there is no file yet.

        Raises:
            ValueError: The file cannot be read, is not a sandbox's, or was saved by another version.
        """
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ValueError(f"{self.path} cannot be read: {error.strerror}: name another file") from None
        except ValueError:
            raise self._foreign() from None
        return self._read(text)

    def _read(self, text: str) -> Saved:
        # Without the causes: their texts quote the file.
        try:
            data: Any = json.loads(text)
        except (ValueError, RecursionError):
            raise self._foreign() from None
        if not is_object(data) or "signing_secret" not in data:
            raise self._foreign()
        try:
            if data["version"] == VERSION:
                return self._converter.structure(data, Saved)
        except Exception:  # noqa: BLE001, S110 - whatever does not fit was saved by another version
            pass
        raise ValueError(f"{self.path} was saved by another version of boooply: {ELSE}")

    def _foreign(self) -> ValueError:
        return ValueError(f"{self.path} is not a sandbox's state: {ELSE}")

    def save(self, saved: Saved) -> None:
        """Replace the file at once, so that a reader or a crash finds the old state or the new one.

        Raises:
            OSError: It cannot be written.
        """
        text = json.dumps(self._converter.unstructure(saved), ensure_ascii=False)
        new = self.path.with_name(f"{self.path.name}.new")
        # What a killed run has left may be readable by others.
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(self.path)

    def save_or_log(self, saved: Saved) -> None:
        """Save the state; log why if it cannot be saved."""
        try:
            self.save(saved)
        except OSError as error:
            # Without the traceback: its frames contain keys and people's data.
            logger.error("The state cannot be saved in %s: %s", self.path, error.strerror)  # noqa: TRY400 - see above

    async def keep(self, take: Callable[[], Saved], changes: Callable[[], object]) -> None:
        """Save the state whenever something has changed, until cancelled."""
        last = changes()
        while True:
            await asyncio.sleep(SAVE_EVERY)
            current = changes()
            if current != last:
                self.save_or_log(take())
                last = current
