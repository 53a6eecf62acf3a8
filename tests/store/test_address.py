"""The URL of a store: what is rejected, and no part of its password in any error."""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path
from traceback import walk_tb
from typing import Any

import pytest
from sqlalchemy import Connection

from boooply import BoooplyError, ConfigurationError, Secret, StoreError
from boooply.store import AsyncStore, Store
from boooply.store.address import database_address

# longer than what a mask shows: a URL is a secret as a whole, and its mask shows the last four characters
PARTS = ("w0lves", "l4mbs1", "h4res1")


def check_shows_no_part(error: BaseException) -> None:
    chain: BaseException | None = error
    while chain is not None:
        frames = [frame for frame, _ in walk_tb(chain.__traceback__) if "boooply/" in frame.f_code.co_filename]
        shown = f"{chain!r} {chain} {[list(frame.f_locals.values()) for frame in frames]}"
        assert [part for part in PARTS if part in shown] == []
        chain = chain.__cause__ or chain.__context__


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://user:w0lves@l4mbs1@127.0.0.1:1/db", "percent-encode it (%40)"),
        ("postgresql+psycopg://user:w0lves@l4mbs1/h4res1@127.0.0.1:1/db", "percent-encode it (%40)"),
        ("postgres://user:w0lves@l4mbs1?h4res1@127.0.0.1:1/db", "percent-encode it (%40)"),
        ("postgresql://user:w0lves@l4mbs1:h4res1@127.0.0.1/db", "percent-encode it (%40)"),
        ("postgresql://user@corp:w0lves@127.0.0.1:1/db", "percent-encode it (%40)"),
        ("postgresql://user:w0lves", "must look like sqlite:///boooply.db or postgresql+psycopg://"),
        ("postgresql://user:w0lves/l4mbs1", "must look like"),
        ("postgresql://user:w0lves@127.0.0.1:l4mbs1/db", "must look like"),
        ("postgresql://user:w0lves@127.0.0.1/db?timeout=abc", "an option that PostgreSQL does not know"),
        ("postgresql://user:w0lves@127.0.0.1/db?autocommit=true", "an option that PostgreSQL does not know"),
        (
            "postgresql://user:w0lves@127.0.0.1/db?connect_timeout=l4mbs1",
            "connect_timeout as a whole number of seconds",
        ),
        ("mysql://user:w0lves@host/db", "must look like"),
        ("sqlite://user:w0lves@host/db", "three slashes"),
        ("sqlite://boooply.db", "three slashes before a relative path, as in sqlite:///boooply.db"),
        ("sqlite:///{}/boooply.db?timeout=abc", "an option timeout that the store does not support. Remove it."),
        ("sqlite:///{}/boooply.db?timeout=5", "an option timeout"),
        ("sqlite:///{}/boooply.db?mode=ro", "an option mode"),
        ("sqlite:///{}/boooply.db?mode=memory", "an option mode"),
        ("sqlite:///{}/boooply.db?password=w0lves", "an option password"),
        ("sqlite:///file:{}/boooply.db?uri=true", "must name the file without file:"),
        ("sqlite:///file:{}/boooply.db", "must name the file without file:"),
        ("sqlite:///file:{}/boooply.db?mode=rwc&uri=true", "an option mode"),
        ("sqlite:///file:{}/boooply.db?mode=ro&uri=true&nolock=1", "an option nolock"),
        ('"sqlite:///boooply.db"', "is in quotes"),
        ("${{BOOOPLY_STORE_URL}}", "is a placeholder that was not filled in"),
        (b"postgresql://user:w0lves@host/db", "must be text, not bytes"),
        (Path("boooply.db"), "must be text, not PosixPath"),
    ],
)
async def test_a_url_that_cannot_work_is_rejected_before_anything_is_opened(
    url: Any, problem: str, encryption_key: str, tmp_path: Path
) -> None:
    given = url.format(tmp_path) if isinstance(url, str) else url
    with pytest.raises(ConfigurationError) as caught:
        async with AsyncStore.open(given, encryption_key=encryption_key):
            pass
    assert problem in str(caught.value)
    assert str(caught.value).startswith("the store's URL ")
    check_shows_no_part(caught.value)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a path's own method counts as blocking


@pytest.mark.parametrize(
    "password",
    ["w0lves%40l4mbs1%2Fh4res1", "w0lves:l4mbs1/h4res1?x#y", "w0lves'l4mbs1\\h4res1", "w0lves=l4mbs1 h4res1"],
)
async def test_no_error_of_the_driver_shows_a_part_of_the_password(password: str, encryption_key: str) -> None:
    with pytest.raises(StoreError) as caught:
        async with AsyncStore.open(
            f"postgresql://user:{password}@127.0.0.1:1/db?connect_timeout=2", encryption_key=encryption_key
        ):
            pass
    assert "127.0.0.1" in str(caught.value)
    check_shows_no_part(caught.value)


async def test_a_password_that_the_driver_rejects_is_not_shown(encryption_key: str) -> None:
    with pytest.raises(BoooplyError) as caught:
        async with AsyncStore.open("postgresql://user:w0lves%00l4mbs1@127.0.0.1:1/db", encryption_key=encryption_key):
            pass
    check_shows_no_part(caught.value)


def test_a_text_of_the_driver_that_quotes_the_password_is_masked() -> None:
    address = database_address(Secret("postgresql://user:w0lves%40l4mbs1@host/db?sslpassword=h4res1"))
    assert address.without_passwords('no "w0lves@l4mbs1", nor "h4res1"') == 'no "…", nor "…"'


def _options(connection: Connection) -> dict[str, str]:
    driver_connection: Any = connection.connection.driver_connection
    options: dict[str, str] = driver_connection.info.get_parameters()
    return options


async def test_the_options_that_are_followed(postgresql_store_url: str, encryption_key: str) -> None:
    joined = "&" if "?" in postgresql_store_url else "?"
    url = f"{postgresql_store_url}{joined}connect_timeout=7&application_name=ats"
    async with AsyncStore.open(url, encryption_key=encryption_key) as store:
        name = await store.database.read(lambda one: one.exec_driver_sql("SHOW application_name").scalar_one())
        options = await store.database.read(_options)
    assert (name, options["connect_timeout"]) == ("ats", "7")


def test_a_files_url_is_private(encryption_key: str, tmp_path: Path) -> None:
    with Store.open(
        f"sqlite:///{tmp_path}/me@work/boooply.db".replace("me@work/", "me@@"), encryption_key=encryption_key
    ):
        pass
    assert [stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()] == [0o600]


def test_an_empty_variable_means_the_default(
    encryption_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOOOPLY_STORE_URL", "")
    with Store.open(encryption_key=encryption_key):
        assert (tmp_path / "boooply.db").exists()


def open_async(url: str, **options: Any) -> None:
    async def run() -> None:
        async with AsyncStore.open(url, **options):
            pass

    asyncio.run(run())


def open_blocking(url: str, **options: Any) -> None:
    with Store.open(url, **options):
        pass


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (b"w0lves", "BOOOPLY_STORE_KEY or encryption_key must be text, a Secret, or a list of them, not bytes"),
        ('"w0lves"', "BOOOPLY_STORE_KEY or encryption_key is in quotes"),
        (["${l4mbs1}"], "BOOOPLY_STORE_KEY or encryption_key is a placeholder that was not filled in"),
        ("w0lves", "BOOOPLY_STORE_KEY or encryption_key is not a Fernet key"),
    ],
)
@pytest.mark.parametrize("open_store", [open_async, open_blocking])
def test_an_encryption_key_that_cannot_work(
    open_store: Callable[..., None], key: Any, problem: str, sqlite_store_url: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(sqlite_store_url, encryption_key=key)
    assert str(caught.value).startswith(problem)
    check_shows_no_part(caught.value)
