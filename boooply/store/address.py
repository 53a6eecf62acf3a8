"""The address of a database and its driver. Passwords are kept apart, so that errors do not show them."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from boooply.errors import ConfigurationError, StoreError
from boooply.protocol.settings import mistake_in
from boooply.secret import MASK, Secret, type_if_not_text

DEFAULT_URL: Final = "sqlite:///boooply.db"

# the drivers that a URL may name, each with the driver that the store uses
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
_NO_OPTIONS: Final[dict[str, tuple[str, ...]]] = dict.fromkeys(_OUR_OPTIONS, ("true", "false"))
_URI_OPTIONS: Final[dict[str, tuple[str, ...]]] = {  # none of these creates a file
    **_NO_OPTIONS,
    "uri": ("true",),
    "mode": ("ro", "rw", "memory"),
    "cache": ("shared", "private"),
}
_UTF8: Final = {"utf8", "utf-8"}
_POSTGRESQL_FORM: Final = "postgresql+psycopg://user:password@host/database"
_MEMORY: Final = {None, "", ":memory:"}
_OWNER_ONLY: Final = 0o600


@attrs.frozen
class Address:
    """A URL without its passwords, and the passwords as options of the driver."""

    url: URL
    passwords: Mapping[str, Secret]

    @property
    def is_postgresql(self) -> bool:
        """Whether the database is PostgreSQL, not SQLite."""
        return self.url.get_backend_name() == "postgresql"

    @property
    def is_memory(self) -> bool:
        """Whether the database is in SQLite's memory, where it ends with its only connection."""
        is_named = self.url.query.get("mode") == "memory"  # "file:name?mode=memory&uri=true"
        return not self.is_postgresql and (is_named or self.url.database in _MEMORY)

    def check_options(self, known: Container[str]) -> None:
        """Check that PostgreSQL knows each option.

        Raises:
            ConfigurationError: An option is unknown.
        """
        if not all(name in known for name in self.url.query):
            raise ConfigurationError(
                "the store's URL has an option that PostgreSQL does not know. Correct or remove it."
            )

    def without_passwords(self, text: str) -> str:
        """Mask every password in a text of the driver."""
        for secret in self.passwords.values():
            text = text.replace(secret.reveal(), MASK)
        return text

    def make_private(self) -> None:
        """Create a SQLite file that only its owner can read. SQLite gives its other files the same mode.

        Raises:
            StoreError: The file cannot be created.
        """
        name = self.url.database
        if self.is_postgresql or name is None or self.is_memory or name.startswith("file:"):
            return  # "file:" is a SQLite URI, whose options decide whether there is a file
        try:
            os.close(os.open(Path(name), os.O_CREAT | os.O_RDONLY, _OWNER_ONLY))
        except OSError as error:
            raise StoreError(f"the store {name} cannot be opened: {error.strerror}", is_permanent=True) from error


def database_address(given: Secret) -> Address:
    """Read the URL of a database, and choose the driver.

    Raises:
        ConfigurationError: The URL names neither SQLite nor PostgreSQL, or has an option that the store does not
            support.
    """
    found = _address_or_problem(given)  # in its own frame, because a parsed URL contains its password
    if isinstance(found, str):
        raise ConfigurationError(f"the store's URL {found}")
    return found


def _address_or_problem(given: Secret) -> Address | str:
    wrong_type = type_if_not_text(given)
    if wrong_type is not None:
        return f"must be text, not {wrong_type}"
    if given.reveal().count("@") > 1 and not given.reveal().startswith("sqlite"):
        # the text after the first @ would be read as the host, and errors would show it
        return "contains more than one @: in the user name and password, percent-encode it (%40)"
    try:
        url = make_url(given.reveal())
        driver = _DRIVERS[url.drivername]
    except (ArgumentError, ValueError, KeyError):  # they may quote a password
        return mistake_in(given.reveal()) or f"must look like {DEFAULT_URL} or {_POSTGRESQL_FORM}"
    options = url.normalized_query
    problem = _sqlite_problem(url, options) if driver == "sqlite" else _postgresql_problem(options)
    if problem is not None:
        return problem
    passwords = {name: Secret(options[name][-1]) for name in _HIDDEN_OPTIONS if name in options}
    if url.password:
        passwords["password"] = Secret(str(url.password))
    shown = {name: values for name, values in url.query.items() if name not in _HIDDEN_OPTIONS + _OUR_OPTIONS}
    bare = URL.create(driver, username=url.username, host=url.host, port=url.port, database=url.database, query=shown)
    return Address(bare, passwords)


def _postgresql_problem(options: Mapping[str, Sequence[str]]) -> str | None:
    if "prepare_threshold" in options:
        return "has an option prepare_threshold. Remove it: the store never prepares statements."
    if not all(value.lower() in _UTF8 for value in options.get("client_encoding", ())):
        return "has an option client_encoding. Remove it: the store always uses utf8."
    if not all(value.isdecimal() for value in options.get("connect_timeout", ())):
        return "must give connect_timeout as a whole number of seconds"
    return None


def _sqlite_problem(url: URL, options: Mapping[str, Sequence[str]]) -> str | None:
    if url.username is not None or url.host is not None or url.port is not None:
        return f"must have three slashes before a relative path, as in {DEFAULT_URL}, and four before an absolute path"
    known = _NO_OPTIONS
    if (url.database or "").startswith("file:"):
        if options.get("uri") != ("true",) or "mode" not in options:  # SQLite would create a file that all can read
            return (
                f"must name the file without file:, as in {DEFAULT_URL}. Or add ?mode=ro&uri=true, where the mode may "
                "also be rw or memory."
            )
        known = _URI_OPTIONS
    unknown = next(
        (name for name, values in options.items() if not all(one in known.get(name, ()) for one in values)), None
    )
    return None if unknown is None else f"has an option {unknown} that the store does not support. Remove it."
