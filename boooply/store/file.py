"""The file of a SQLite database: whether its path still leads to the file that is open."""

from __future__ import annotations

import os
import sqlite3

import attrs

from boooply.errors import StoreError


@attrs.define(eq=False)
class OpenFile:
    """The file that all connections to one SQLite database have open; a database in memory has none."""

    _path: str = ""
    _identity: tuple[int, int] | None = None

    def observe(self, cursor: sqlite3.Cursor) -> None:
        """Record which file the first connection has opened, and check that a later one has opened it too.

        Raises:
            StoreError: It was deleted or replaced.
        """
        if self._identity is None:
            _, _, self._path = cursor.execute("PRAGMA database_list").fetchone()
            self._identity = _identity(self._path)
        self.check()

    def check(self) -> None:
        """Check that the path still leads to the open file: what is written to another one is lost.

        Raises:
            StoreError: It was deleted or replaced.
        """
        if self._path and self._identity != _identity(self._path):
            raise StoreError(
                f"the store's file {self._path} was deleted or replaced while it was open: put the right file there, "
                "then run this again",
                is_permanent=True,
            )


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - the same, and an empty path is a database in memory
    except OSError:
        return None
    return found.st_dev, found.st_ino
