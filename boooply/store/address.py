"""The address of a database, with the driver that reaches it; its passwords are kept apart, out of errors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from boooply.errors import ConfigurationError, StoreError
from boooply.secret import Secret

DEFAULT_URL: Final = "sqlite:///boooply.db"

# the drivers that a URL may name, and those that reach a database from the store's threads
_DRIVERS: Final = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "sqlite+aiosqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_HIDDEN_OPTIONS: Final = ("password", "sslpassword")
_OUR_OPTIONS: Final = ("check_same_thread",)  # a connection is used by several threads, one at a time
_MEMORY: Final = {None, "", ":memory:"}
_OWNER_ONLY: Final = 0o600


@attrs.frozen
class Address:
    """A URL without its passwords, and the passwords as the driver's options."""

    url: URL
    passwords: Mapping[str, Secret]

    @property
    def is_postgresql(self) -> bool:
        """Whether it is PostgreSQL, not SQLite."""
        return self.url.get_backend_name() == "postgresql"

    @property
    def is_memory(self) -> bool:
        """Whether it is a SQLite database that ends with its one connection."""
        is_named = self.url.query.get("mode") == "memory"  # "file:name?mode=memory&uri=true"
        return not self.is_postgresql and (is_named or self.url.database in _MEMORY)

    def make_private(self) -> None:
        """Create a SQLite file for its owner alone; SQLite gives the files beside it the same mode.

        Raises:
            StoreError: The file cannot be created.
        """
        name = self.url.database
        if self.is_postgresql or name is None or self.is_memory or name.startswith("file:"):
            return  # "file:" is a URI of SQLite's, whose options say whether there is a file at all
        try:
            os.close(os.open(Path(name), os.O_CREAT | os.O_RDONLY, _OWNER_ONLY))
        except OSError as error:
            raise StoreError(f"the store {name} cannot be opened: {error.strerror}") from error


def database_address(given: Secret) -> Address:
    """Read the URL of a database, and choose the driver that the store uses.

    Raises:
        ConfigurationError: It is neither SQLite nor PostgreSQL.
    """
    url: URL | None
    try:
        url = make_url(given.reveal())
        driver = _DRIVERS[url.drivername]
    except (ArgumentError, ValueError, KeyError):
        url, driver = None, ""
    if url is None:
        raise ConfigurationError(  # it may hold a password, so it is not repeated
            f"the store's URL must look like {DEFAULT_URL} or postgresql+psycopg://user:password@host/database"
        )
    options = url.normalized_query
    passwords = {name: Secret(options[name][-1]) for name in _HIDDEN_OPTIONS if name in options}
    if url.password:
        passwords["password"] = Secret(str(url.password))
    shown = {name: values for name, values in url.query.items() if name not in _HIDDEN_OPTIONS + _OUR_OPTIONS}
    bare = URL.create(driver, username=url.username, host=url.host, port=url.port, database=url.database, query=shown)
    return Address(bare, passwords)
