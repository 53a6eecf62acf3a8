"""``boooply store`` on a real SQLite file."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from boooply import Secret, Tenant
from boooply.provisioning.rescue import encrypted_lines
from boooply.recording import Recorder
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore, State
from boooply.store.encryption import Encryption, hidden

Run = Callable[..., Any]

KEY = "bply_org_0123456789abcdef"
OTHER_KEY = "bply_org_fedcba9876543210"
OLD_PLATFORM_KEY = "bply_platform_0011223344556677"
THIRD_KEY = "bply_org_00112233445566778"


pytestmark = pytest.mark.usefixtures("store_key")


async def _put(**keys: str) -> None:
    async with AsyncStore.open() as store:
        for organization_id, key in keys.items():
            await store.keys.put(organization_id, key)


def put(**keys: str) -> None:
    asyncio.run(_put(**keys))


def test_a_new_key_is_the_only_output_and_works(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran = run("store", "new-key")

    assert (ran.code, ran.err) == (0, "")
    (key,) = ran.out.splitlines()
    assert key != run("store", "new-key").out.strip()
    monkeypatch.setenv("BOOOPLY_STORE_KEY", key)
    monkeypatch.setenv("BOOOPLY_STORE_URL", f"sqlite:///{tmp_path}/new.db")
    put(org_1=KEY)
    assert run("store", "check").code == 0


def test_after_a_rotation_the_new_key_is_enough(run: Run, store_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(org_1=KEY, org_2=KEY)
    new = Fernet.generate_key().decode()
    monkeypatch.setenv("BOOOPLY_STORE_KEY", new)
    assert run("store", "check").code == 1  # not yet
    monkeypatch.setenv("BOOOPLY_STORE_KEY", f"{new},{store_key}")

    ran = run("store", "rotate")

    assert (ran.code, ran.err) == (0, "")
    assert "2 keys re-encrypted." in ran.out
    assert ran.words.endswith(
        "You can now remove all but the first encryption key from BOOOPLY_STORE_KEY, in every process."
    )
    monkeypatch.setenv("BOOOPLY_STORE_KEY", new)
    assert run("tenants", "key", "org_1").out == f"{KEY}\n"
    ran.check_is_fit_for_print()


def test_a_wrong_encryption_key_is_one_line_and_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    put(org_1=KEY)
    monkeypatch.setenv("BOOOPLY_STORE_KEY", Fernet.generate_key().decode())

    ran = run("store", "rotate")

    assert (ran.code, ran.out) == (1, "")
    assert "Add that key to BOOOPLY_STORE_KEY" in ran.err


async def _swap() -> None:
    async with AsyncStore.open() as store:
        with store.database.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE boooply_keys SET encrypted = (SELECT encrypted FROM boooply_keys "
                "WHERE organization_id = 'org_3') "
                "WHERE organization_id IN ('org_1', 'org_2')"
            )


def test_a_check_names_each_customer_whose_key_is_damaged(run: Run) -> None:
    put(org_1=KEY, org_2=KEY, org_3=KEY)
    asyncio.run(_swap())

    ran = run("store", "check")

    assert ran.code == 4
    assert ran.out == "2 of 3 keys cannot be decrypted.\n"
    assert [line.split()[5] for line in ran.err.splitlines()] == ["org_1", "org_2"]
    ran.check_is_plain()


def test_a_check_of_an_intact_store_is_0(run: Run) -> None:
    put(org_1=KEY)

    ran = run("store", "check")

    assert (ran.code, ran.out, ran.err) == (0, "1 key checked; none is damaged.\n", "")


def test_a_rotation_stops_at_a_damaged_key(run: Run) -> None:
    put(org_1=KEY, org_2=KEY, org_3=KEY)
    asyncio.run(_swap())

    ran = run("store", "rotate")

    assert (ran.code, ran.out) == (1, "")
    assert "org_1" in ran.err


# ---- restore


TENANT = Tenant(user_id="1", user_email="ada@acme.example", organization_id="org_1")


def rescued_lines(**keys: str) -> str:
    encryption = Encryption.of(hidden(None))
    return encrypted_lines({one: Secret(key) for one, key in keys.items()}, encryption)


@pytest.fixture
def rescued(tmp_path: Path) -> Path:
    path = tmp_path / "boooply-rescued-keys-1.jsonl"
    path.write_text(rescued_lines(org_1=KEY, org_2=OTHER_KEY))
    return path


async def _begun() -> None:
    async with AsyncStore.open() as store:
        await Recorder(store).claim(TENANT, claim_token="a", lease=60)
        await Recorder(store).begin("org_1", claim_token="a", lease=0)


async def _state() -> State:
    async with AsyncStore.open() as store:
        (entry,) = [entry async for entry in store.ledger.entries(["org_1"])]
        return entry.state


def test_rescued_keys_are_restored_and_their_customers_connected(run: Run, rescued: Path) -> None:
    asyncio.run(_begun())
    assert asyncio.run(_state()) is State.IN_DOUBT

    ran = run("store", "restore", rescued)

    assert (ran.code, ran.err) == (0, "")
    assert "2 keys restored." in ran.out
    assert "delete it" in ran.words
    assert run("tenants", "key", "org_1").out == f"{KEY}\n"
    assert run("tenants", "key", "org_2").out == f"{OTHER_KEY}\n"
    assert asyncio.run(_state()) is State.DONE
    ran.check_is_plain()


def test_restoring_twice_changes_nothing(run: Run, rescued: Path) -> None:
    run("store", "restore", rescued)

    assert run("store", "restore", rescued).code == 0
    assert run("tenants", "key", "org_1").out == f"{KEY}\n"


def test_a_key_in_use_is_not_written_over(run: Run, rescued: Path) -> None:
    put(org_1=THIRD_KEY)

    ran = run("store", "restore", rescued)

    assert ran.code == 4
    assert "line 1: org_1: already has another key" in ran.err
    assert "1 key restored." in ran.out
    assert "delete it" not in ran.words
    assert run("tenants", "key", "org_1").out == f"{THIRD_KEY}\n"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not in the format of a rescue file"),
        ("[]", "not in the format of a rescue file"),
        ('{"organization_id": "org_9"}', "not in the format of a rescue file"),
        ('{"organization_id": "org_9", "encrypted_key": "é"}', "org_9: the key was altered, or encrypted with another"),
        (swapped_line := "swapped", "org_9: the key was altered, or encrypted with another"),
    ],
)
def test_a_bad_line_is_named_and_the_others_restored(run: Run, rescued: Path, line: str, says: str) -> None:
    if line == swapped_line:
        row = json.loads(rescued.read_text().splitlines()[0]) | {"organization_id": "org_9"}
        line = json.dumps(row)
    rescued.write_text(f"{line}\n\n{rescued.read_text()}", encoding="utf-8")

    ran = run("store", "restore", rescued)

    assert ran.code == 4
    assert f"line 1: {says}" in ran.err
    assert "2 keys restored." in ran.out
    assert run("tenants", "key", "org_9").code == 1


def test_only_organization_keys_are_restored(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "rescued.jsonl"
    path.write_text(rescued_lines(org_1="bply_platform_0123456789abcdef"))

    ran = run("store", "restore", path)

    assert ran.code == 4
    assert "line 1: org_1: the key is a platform key, but must be an organization key\n" in ran.err
    ran.check_is_plain()


def test_a_missing_rescue_file_is_2_and_creates_no_store(run: Run, tmp_path: Path) -> None:
    ran = run("store", "restore", tmp_path / "none.jsonl")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith("none.jsonl cannot be read: No such file or directory\n")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("is_its_own", [True, False])
def test_a_rescued_key_that_another_customer_has_connects_nobody(
    run: Run, sandbox: Sandbox, many_tenants_csv: Callable[[int], Path], tmp_path: Path, is_its_own: bool, states: Any
) -> None:
    run("provision", many_tenants_csv(1))
    key = run("tenants", "key", "org_0").out.strip()
    if not is_its_own:
        key = KEY  # which the API does not know
        put(org_0=key)
    path = tmp_path / "rescued.jsonl"
    path.write_text(rescued_lines(org_5=key))

    for _ in range(2):
        ran = run("store", "restore", path)

        assert ran.code == 4
        assert "line 1: org_5: its key is not stored: the response contained the key of org_0" in ran.err
        assert states() == {"org_0": "connected" if is_its_own else "in_doubt", "org_5": "in_doubt"}
        assert run("tenants", "key", "org_5").code == 1
        ran.check_is_plain()
    assert sandbox.mints == {"org_0": 1}


def test_without_the_api_both_customers_of_one_key_are_in_doubt(run: Run, tmp_path: Path, states: Any) -> None:
    put(org_1=KEY)
    path = tmp_path / "rescued.jsonl"
    path.write_text(rescued_lines(org_2=KEY))

    assert run("store", "restore", path).code == 4
    assert states() == {"org_1": "in_doubt", "org_2": "in_doubt"}
    assert "BOOOPLY_PLATFORM_KEY" in run("tenants", "show", "org_1").words


# ---- another API


@pytest.mark.usefixtures("sandbox")
def test_a_store_that_was_practised_with_is_not_used_with_the_real_api(
    run: Run, many_tenants_csv: Callable[[int], Path], use: Callable[[Sandbox], None], sandbox: Sandbox
) -> None:
    path = many_tenants_csv(5)
    assert run("provision", path).code == 0
    with Sandbox() as real:
        use(real)

        ran = run("provision", path)

        assert (ran.code, ran.out) == (2, "")
        assert sandbox.base_url in ran.err
        assert real.base_url in ran.err
        assert "boooply store adopt" in ran.err
        ran.check_is_plain()
        assert run("tenants", "check").code == 2
        assert (real.mints, real.calls) == ({}, ())


@pytest.mark.usefixtures("sandbox")
def test_a_store_is_adopted_on_purpose(
    run: Run,
    many_tenants_csv: Callable[[int], Path],
    use: Callable[[Sandbox], None],
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
) -> None:
    path = many_tenants_csv(2)
    run("provision", path)
    renewed = "bply_platform_0123456789abcdef"
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", renewed)
    assert run("provision", path).code == 2

    ran = run("store", "adopt")

    assert (ran.code, ran.err) == (0, "")
    assert sandbox.base_url in ran.words
    assert "bply_platform_…cdef" in ran.words
    ran.check_is_plain()
    again = run("provision", path)
    assert again.code == 0
    assert "skipped" in again.out
    use(sandbox)
    assert run("provision", path).code == 0  # the key of before still counts


async def _adopt(url: str) -> None:
    async with AsyncStore.open() as store:
        with store.database.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM boooply_platform_keys")
        await store.identity.record(url, [Secret(OLD_PLATFORM_KEY)], adopt=True)


@pytest.mark.parametrize(
    ("command", "adds_it"),
    [
        (("provision", "tenants.csv"), True),
        (("tenants", "check"), False),
        (("tenants", "reconnect", "org_0"), True),
        (("mcp", "--platform"), False),  # nobody is connected
    ],
)
def test_a_command_that_names_an_old_and_a_new_platform_key_uses_the_store(
    run: Run,
    run_piped: Run,
    many_tenants_csv: Callable[[int], Path],
    sandbox: Sandbox,
    command: tuple[str, ...],
    adds_it: bool,
) -> None:
    many_tenants_csv(1)
    assert run("provision", "tenants.csv").code == 0
    asyncio.run(_adopt(sandbox.base_url))
    assert run("tenants", "check").code == 2

    ran = run_piped(*command, BOOOPLY_PLATFORM_KEY=f"{sandbox.platform_key}, {OLD_PLATFORM_KEY}")

    assert (ran.code, ran.err) == (0, "")
    assert run("tenants", "check").code == (0 if adds_it else 2)
    ran.check_is_plain()


@pytest.mark.parametrize("command", [("provision", "tenants.csv"), ("tenants", "check"), ("store", "adopt")])
@pytest.mark.usefixtures("sandbox", "empty_store")
def test_every_platform_key_of_a_list_is_checked(
    run: Run, many_tenants_csv: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    many_tenants_csv(1)
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", f"{OLD_PLATFORM_KEY},{KEY}")

    ran = run(*command)

    assert (ran.code, ran.out) == (2, "")
    assert "BOOOPLY_PLATFORM_KEY is an organization key, but must be a platform key\n" in ran.err
    ran.check_is_plain()


def test_adopting_needs_a_platform_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_BASE_URL", "https://api.example")

    ran = run("store", "adopt")

    assert ran.code != 0
    assert "BOOOPLY_PLATFORM_KEY" in ran.err


def test_the_help_of_a_rotation_says_in_every_process(run: Run) -> None:
    assert "in every process" in run("store", "--help").words
    assert "in every process" in run("store", "rotate", "--help").words
