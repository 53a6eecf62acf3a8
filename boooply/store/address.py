"""The address of a database, with the driver that reaches it; its passwords are kept apart, out of errors."""

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
_NO_OPTIONS: Final[dict[str, tuple[str, ...]]] = dict.fromkeys(_OUR_OPTIONS, ("true", "false"))
_URI_OPTIONS: Final[dict[str, tuple[str, ...]]] = {  # of those, none creates a file
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

    def check_options(self, known: Container[str]) -> None:
        """Check that PostgreSQL knows each option.

        Raises:
            ConfigurationError: It does not.
        """
        if not all(name in known for name in self.url.query):
            raise ConfigurationError("the store's URL has an option that PostgreSQL does not know: correct or drop it")

    def without_passwords(self, text: str) -> str:
        """Mask every password in a text of the driver's."""
        for secret in self.passwords.values():
            text = text.replace(secret.reveal(), MASK)
        return text

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
            raise StoreError(f"the store {name} cannot be opened: {error.strerror}", is_permanent=True) from error


def database_address(given: Secret) -> Address:
    """Read the URL of a database, and choose the driver that the store uses.

    Raises:
        ConfigurationError: It is neither SQLite nor PostgreSQL, or says what the store cannot do.
    """
    found = _address_or_problem(given)  # in a frame of its own, since a parsed URL contains its password
    if isinstance(found, str):
        raise ConfigurationError(f"the store's URL {found}")
    return found


def _address_or_problem(given: Secret) -> Address | str:
    wrong_type = type_if_not_text(given)
    if wrong_type is not None:
        return f"must be text, not {wrong_type}"
    if given.reveal().count("@") > 1 and not given.reveal().startswith("sqlite"):
        # what follows the first one would be taken for the host, and named in errors
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
        return "has an option prepare_threshold: drop it, since the store never prepares statements"
    if not all(value.lower() in _UTF8 for value in options.get("client_encoding", ())):
        return "has an option client_encoding: drop it, since the store always uses utf8"
    if not all(value.isdecimal() for value in options.get("connect_timeout", ())):
        return "must have a whole number of seconds as connect_timeout"
    return None


def _sqlite_problem(url: URL, options: Mapping[str, Sequence[str]]) -> str | None:
    if url.username is not None or url.host is not None or url.port is not None:
        return f"must have three slashes before the file, as {DEFAULT_URL}, and four before a whole path"
    known = _NO_OPTIONS
    if (url.database or "").startswith("file:"):
        if options.get("uri") != ("true",) or "mode" not in options:  # SQLite would create a file that all can read
            return f"must name the file without file:, as {DEFAULT_URL}; or add ?mode=ro&uri=true, or mode=rw or memory"
        known = _URI_OPTIONS
    unknown = next(
        (name for name, values in options.items() if not all(one in known.get(name, ()) for one in values)), None
    )
    return None if unknown is None else f"has an option {unknown} that the store cannot follow: drop it"
