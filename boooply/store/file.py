"""The file of a SQLite database, and the check that its path still leads to the open file."""

from __future__ import annotations

import os
import sqlite3

import attrs

from boooply.errors import StoreError


@attrs.define(eq=False)
class OpenFile:
    """The file that all connections to a SQLite database have open. A database in memory has none."""

    _path: str = ""
    _identity: tuple[int, int] | None = None

    def observe(self, cursor: sqlite3.Cursor) -> None:
        """Record the file of the first connection, and check that later connections have the same file.

        Raises:
            StoreError: The file was deleted or replaced.
        """
        if self._identity is None:
            _, _, self._path = cursor.execute("PRAGMA database_list").fetchone()
            self._identity = _identity(self._path)
        self.check()

    def check(self) -> None:
        """Check that the path still leads to the open file. Otherwise, written data would be lost.

        Raises:
            StoreError: The file was deleted or replaced.
        """
        if self._path and self._identity != _identity(self._path):
            raise StoreError(
                f"the store's file {self._path} was deleted or replaced while it was open. Restore the original file, "
                "and start again.",
                is_permanent=True,
            )


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - an empty path means a database in memory
    except OSError:
        return None
    return found.st_dev, found.st_ino
