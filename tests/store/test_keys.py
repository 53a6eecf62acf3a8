"""Customers' keys, encrypted, on a real database."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from boooply import ConfigurationError, CorruptKeyError, NotConnectedError, Secret, StoreError, ValidationError
from boooply.store import AsyncKeyStore, AsyncStore
from boooply.store.encryption import Encryption

KEY = "bply_org_0123456789abcdef"
SQLITE_URL = "sqlite:///{}/boooply.db"


async def change(store: AsyncStore, statement: str) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(text(statement))


async def test_a_key_is_kept_changed_and_deleted(store_url, encryption_key):
    async with AsyncKeyStore.open(store_url, encryption_key=encryption_key) as keys:
        await keys.put("org_1", KEY)
        assert (await keys.get("org_1")).reveal() == KEY
        await keys.put("org_1", Secret(KEY + "2"))
        assert (await keys.get("org_1")).reveal() == KEY + "2"
        assert [one async for one in keys.organizations()] == ["org_1"]
        await keys.delete("org_1")
        with pytest.raises(NotConnectedError, match="org_1 is not connected"):
            await keys.get("org_1")


async def test_what_is_stored_is_there_when_it_is_opened_again(store_url, encryption_key):
    async with AsyncKeyStore.open(store_url, encryption_key=encryption_key) as keys:
        await keys.put("org_1", KEY)
    async with AsyncKeyStore.open(store_url, encryption_key=encryption_key) as keys:
        assert (await keys.get("org_1")).reveal() == KEY


async def test_the_file_is_its_owners_and_holds_no_key(sqlite_store_url, encryption_key, tmp_path):
    async with AsyncKeyStore.open(sqlite_store_url, encryption_key=encryption_key) as keys:
        await keys.put("org_1", KEY)
        files = list(tmp_path.glob("boooply.db*"))
        assert {path.name for path in files} == {"boooply.db", "boooply.db-wal", "boooply.db-shm"}
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
        assert not any(KEY.encode() in path.read_bytes() for path in files)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE boooply_keys SET encrypted = (SELECT encrypted FROM boooply_keys WHERE organization_id = 'org_2')",
        "UPDATE boooply_keys SET encrypted = substr(encrypted, 1, 60) WHERE organization_id = 'org_1'",
        "UPDATE boooply_keys SET organization_id = 'org_9' WHERE organization_id = 'org_1'",
    ],
    ids=["swapped", "cut", "moved"],
)
async def test_a_row_that_was_tampered_with_is_an_error_that_names_it(store, damage):
    await store.keys.put("org_1", KEY)
    await store.keys.put("org_2", KEY + "2")
    await change(store, damage)
    (error,) = [one async for one in store.keys.corrupt()]
    assert error.organization_id in {"org_1", "org_9"}
    with pytest.raises(CorruptKeyError, match=error.organization_id):
        await store.keys.get(error.organization_id)
    assert (await store.keys.get("org_2")).reveal() == KEY + "2"


async def test_after_a_rotation_only_the_new_encryption_key_decrypts(store_url, encryption_key, monkeypatch):
    monkeypatch.setattr("boooply.store.rows._ROTATED", 50)
    new = Fernet.generate_key().decode()
    async with AsyncKeyStore.open(store_url, encryption_key=encryption_key) as keys:
        await asyncio.gather(*(keys.put(f"org_{number}", f"{KEY}{number}") for number in range(120)))
    async with AsyncKeyStore.open(store_url, encryption_key=(new, encryption_key)) as keys:
        assert await keys.rotate() == 120
    async with AsyncKeyStore.open(store_url, encryption_key=new) as keys:
        assert (await keys.get("org_77")).reveal() == f"{KEY}77"
        assert [one async for one in keys.corrupt()] == []
    with pytest.raises(StoreError, match="another encryption key"):
        async with AsyncKeyStore.open(store_url, encryption_key=encryption_key):
            pass


async def test_an_interrupted_rotation_can_be_run_again(store, encryption_key, store_url, monkeypatch):
    for number in range(4):
        await store.keys.put(f"org_{number}", f"{KEY}{number}")
    both = (Fernet.generate_key().decode(), encryption_key)
    monkeypatch.setattr("boooply.store.rows._ROTATED", 2)
    async with AsyncKeyStore.open(store_url, encryption_key=both) as keys:
        before = await _encrypted(store)
        encrypt, names = Encryption.encrypt, []

        def failing(self, name, value, /):
            names.append(name)
            if len(names) == 3:
                raise StoreError("killed")
            return encrypt(self, name, value)

        with monkeypatch.context() as broken:
            broken.setattr(Encryption, "encrypt", failing)
            with pytest.raises(StoreError, match="killed"):
                await keys.rotate()
        assert [new == old for new, old in zip(await _encrypted(store), before, strict=True)] == [
            False,
            False,
            True,
            True,
        ]
        assert [(await keys.get(f"org_{number}")).reveal() for number in range(4)] == [f"{KEY}{n}" for n in range(4)]
        assert await keys.rotate() == 4
    async with AsyncKeyStore.open(store_url, encryption_key=both[0]) as keys:
        assert [one async for one in keys.corrupt()] == []


async def _encrypted(store: AsyncStore) -> list[bytes]:
    query = text("SELECT encrypted FROM boooply_keys ORDER BY organization_id")
    return [row[0] for row in await store.database.read(lambda connection: connection.execute(query).all())]


async def test_a_missing_encryption_key_is_an_error_that_shows_how_to_make_one(sqlite_store_url, tmp_path):
    with pytest.raises(ConfigurationError, match=r"BOOOPLY_STORE_KEY.*boooply store new-key"):
        async with AsyncKeyStore.open(sqlite_store_url):
            pass
    assert not (tmp_path / "boooply.db").exists()


async def test_the_environment_names_store_and_key(sqlite_store_url, encryption_key, monkeypatch):
    monkeypatch.setenv("BOOOPLY_STORE_URL", sqlite_store_url)
    monkeypatch.setenv("BOOOPLY_STORE_KEY", f"{Fernet.generate_key().decode()},{encryption_key}")
    async with AsyncKeyStore.open() as keys:
        await keys.put("org_1", KEY)
        assert (await keys.get("org_1")).reveal() == KEY


@pytest.mark.parametrize("wrong", ["short", "ü" * 44, "x" * 44])
async def test_an_invalid_encryption_key_is_rejected_without_showing_it(sqlite_store_url, wrong):
    with pytest.raises(ConfigurationError, match="not a Fernet key") as caught:
        async with AsyncKeyStore.open(sqlite_store_url, encryption_key=wrong):
            pass
    assert wrong not in str(caught.value)


@pytest.mark.parametrize("wrong", ["", " ", "a\x00b"])
async def test_an_invalid_id_is_rejected(store, wrong):
    with pytest.raises(ValidationError, match="organization_id"):
        await store.keys.put(wrong, KEY)


async def test_a_platforms_key_is_not_stored_for_a_customer(store):
    with pytest.raises(ConfigurationError, match="platform"):
        await store.keys.put("org_1", "bply_platform_0123456789")


@pytest.mark.parametrize("url", ["mysql://root:s3cret@host/db", "not a url", "sqlite+pysqlcipher:///x.db"])
async def test_another_database_is_rejected_without_its_password(url, encryption_key):
    with pytest.raises(ConfigurationError, match="postgresql\\+psycopg://") as caught:
        async with AsyncStore.open(url, encryption_key=encryption_key):
            pass
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+pysqlite", "sqlite+aiosqlite"])
async def test_one_file_opens_whichever_driver_the_url_names(driver, sqlite_store_url, encryption_key):
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        await store.keys.put("org_1", KEY)
    async with AsyncStore.open(sqlite_store_url.replace("sqlite", driver, 1), encryption_key=encryption_key) as store:
        assert (await store.keys.get("org_1")).reveal() == KEY


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:ours?mode=memory&uri=true", "sqlite+aiosqlite://"]
)
async def test_all_threads_share_a_store_in_memory(url, encryption_key):
    async with AsyncStore.open(url, encryption_key=encryption_key) as store:
        await asyncio.gather(*(store.keys.put(f"org_{number}", KEY) for number in range(8)))
        found = await asyncio.gather(*(store.keys.get(f"org_{number}") for number in range(8)))
    assert {key.reveal() for key in found} == {KEY}


async def test_a_connection_serves_any_thread_whatever_the_url_says(sqlite_store_url, encryption_key):
    async with AsyncStore.open(f"{sqlite_store_url}?check_same_thread=true", encryption_key=encryption_key) as store:
        await asyncio.gather(*(store.keys.put(f"org_{number}", KEY) for number in range(8)))


async def test_a_newer_schema_is_rejected_with_its_version(store_url, encryption_key):
    async with AsyncStore.open(store_url, encryption_key=encryption_key) as store:
        await change(store, "UPDATE boooply_store SET version = 7")
    with pytest.raises(StoreError, match=r"schema 7.*Upgrade boooply"):
        async with AsyncStore.open(store_url, encryption_key=encryption_key):
            pass


async def test_an_older_schema_is_rejected_with_what_to_do(store_url, encryption_key):
    async with AsyncStore.open(store_url, encryption_key=encryption_key) as store:
        await change(store, "DROP TABLE boooply_store")
        await change(store, "CREATE TABLE boooply_store (id INTEGER PRIMARY KEY, version INTEGER)")
        await change(store, "INSERT INTO boooply_store (id, version) VALUES (1, 2)")
    with pytest.raises(StoreError, match=r"schema 2.*a new store in BOOOPLY_STORE_URL.*boooply tenants key ID"):
        async with AsyncStore.open(store_url, encryption_key=encryption_key):
            pass


async def test_the_customer_that_has_a_key_is_found_before_and_after_a_rotation(store_url, encryption_key):
    new = Fernet.generate_key().decode()
    async with AsyncKeyStore.open(store_url, encryption_key=(new, encryption_key)) as keys:
        await keys.put("org_1", KEY)
        await keys.put("org_2", KEY + "2")
        assert await keys.holder_of(KEY) == "org_1"
        assert await keys.holder_of(Secret(KEY + "2")) == "org_2"
        assert await keys.holder_of(KEY + "3") is None
        await keys.rotate()
    async with AsyncKeyStore.open(store_url, encryption_key=new) as keys:
        assert await keys.holder_of(KEY) == "org_1"
        await keys.put("org_1", KEY + "9")
        assert await keys.holder_of(KEY) is None
        await keys.put("org_9", KEY + "9")
        assert await keys.holder_of(KEY + "9") == "org_1"  # it had the key first
        await keys.delete("org_1")
        assert await keys.holder_of(KEY + "9") == "org_9"


async def test_a_digest_without_the_encryption_key_reveals_nothing(tmp_path):
    digests = []
    for number in range(2):
        url = f"sqlite:///{tmp_path}/{number}.db"
        async with AsyncKeyStore.open(url, encryption_key=Fernet.generate_key().decode()) as keys:
            await keys.put("org_1", KEY)
        with sqlite3.connect(tmp_path / f"{number}.db") as other:
            digests += other.execute("SELECT digest FROM boooply_keys").fetchall()
        other.close()
    assert digests[0] != digests[1]


async def test_a_file_that_is_not_a_database_is_an_error(encryption_key, tmp_path):
    (tmp_path / "boooply.db").write_text("not a database, and long enough to be looked at as one" * 10)
    with pytest.raises(StoreError, match="file is not a database"):
        async with AsyncStore.open(SQLITE_URL.format(tmp_path), encryption_key=encryption_key):
            pass


async def test_a_missing_directory_is_an_error(encryption_key, tmp_path):
    with pytest.raises(StoreError, match="No such file or directory"):
        async with AsyncStore.open(SQLITE_URL.format(tmp_path / "nowhere"), encryption_key=encryption_key):
            pass


async def test_commits_are_on_the_disk(sqlite_store_url, encryption_key, tmp_path):
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        with store.database.engine.connect() as connection:
            found = [
                connection.exec_driver_sql(f"PRAGMA {one}").scalar_one() for one in ("journal_mode", "synchronous")
            ]
        await store.keys.put("org_1", KEY)
        other = sqlite3.connect(Path(tmp_path) / "boooply.db")
        assert other.execute("SELECT organization_id FROM boooply_keys").fetchall() == [("org_1",)]
        other.close()
    assert found == ["wal", 2]
