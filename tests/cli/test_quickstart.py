"""``boooply quickstart``, run for real on its sandbox."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from boooply import Organization, Tenant, __version__
from boooply.cli import quickstart
from boooply.cli.quickstart import Mint, OnKey
from boooply.resources.organization import AsyncOrganization

Run = Callable[..., Any]
Rows = Callable[..., Path]


def rows_of(ran: Any) -> list[str]:
    return [line for line in ran.out.splitlines() if "bply_org_…" in line]


def test_quickstart_without_a_file_takes_the_sample_through_all_steps(run: Run) -> None:
    ran = run("quickstart")

    assert (ran.code, ran.err) == (0, "")
    assert re.search(r"Connected 12 customers in \d+\.\d{3} s\.", ran.out)
    assert len(rows_of(ran)) == 12
    assert re.search(r"株式会社みらい +org_7234567891 +2 +bply_org_…[0-9a-f]{4}\n", ran.out.replace(" \n", "\n"))
    assert "The key of Acme Corporation belongs to org_7234567890" in ran.out
    assert re.search(r"/meeting/Boooply-AI-\d+\?token=…[\w-]{4}\s", ran.out)
    assert "chooses one of 10 times when Bob Baker is free" in ran.out
    assert "Chloé Martin  PARTICIPANT" in ran.out
    assert "sent 7 e-mails" in ran.out
    assert re.search(r"Recommendation: (PASS|REVIEW|FAIL)\s", ran.out)
    assert re.search(r"overall +\d+", ran.out)
    assert "AI Interviewer: A page is slow" in ran.out
    assert "boooply sandbox" in ran.out[ran.out.index("Next") :]
    ran.check_is_fit_for_print()


def test_quickstart_runs_the_same_in_a_pipe(run_piped: Run) -> None:
    ran = run_piped("quickstart", COLUMNS="200")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("Connect") == 2  # the heading and the one line of the result: no bar is redrawn
    assert len(rows_of(ran)) == 12
    ran.check_is_fit_for_print()


def test_quickstart_shows_colours_and_a_bar_in_a_terminal(run_in_terminal: Run) -> None:
    ran = run_in_terminal("quickstart")

    assert (ran.code, ran.err) == (0, "")
    assert "12/12" in ran.out
    assert re.search("\x1b\\[[\\d;]*3\\dm", ran.out)


def test_no_color_is_honoured(run_in_terminal: Run) -> None:
    ran = run_in_terminal("quickstart", NO_COLOR="1")

    assert ran.code == 0
    assert not re.search("\x1b\\[(?:[\\d;]*;)?(?:[349]\\d|10\\d)[\\d;]*m", ran.out)


def test_unencodable_characters_become_question_marks(run_piped: Run) -> None:
    ran = run_piped("quickstart", PYTHONIOENCODING="ascii")

    assert (ran.code, ran.err) == (0, "")
    assert "? y Asociados" not in ran.out
    assert "Pe?a y Asociados" in ran.out


def test_the_installed_command_is_the_same() -> None:
    script = Path(sys.executable).with_name("boooply")

    ran = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - our own

    assert ran.stdout == f"{__version__}\n"


@pytest.mark.parametrize(
    ("count", "shown", "says"),
    [
        (1, 1, "Connected 1 customer in"),
        (20, 20, "Connected 20 customers in"),
        (21, 10, "… and 11 more"),
        (1000, 10, "Connected 1,000 customers in"),
    ],
)
def test_a_long_file_shows_its_first_rows(run: Run, many_tenants_csv: Rows, count: int, shown: int, says: str) -> None:
    ran = run("quickstart", many_tenants_csv(count))

    assert ran.code == 0
    assert says in ran.out
    assert ("more" in ran.out[: ran.out.index("Check whose")]) == (shown < count)
    assert [row.split()[2] for row in rows_of(ran)] == [f"org_{number}" for number in range(shown)]
    ran.check_is_fit_for_print()


def test_each_key_is_shown_beside_its_customer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    minted: dict[str, str] = {}

    async def connect_backwards(tenants: Sequence[Tenant], mint: Mint, on_key: OnKey) -> None:
        for place in reversed(range(len(tenants))):
            key = await mint(tenants[place])
            minted[key.organization_id] = str(key.api_key)
            on_key(place, key)

    monkeypatch.setattr(quickstart, "connect_all", connect_backwards)

    ran = run("quickstart")

    rows = [re.search(r"(org_\d+) +\d +(\S+)", row) for row in rows_of(ran)]
    assert [row.groups() for row in rows if row] == list(reversed(minted.items()))
    assert "The key of Acme Corporation belongs to org_7234567890" in ran.out


def test_quickstart_takes_json_lines(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "tenants.jsonl"
    path.write_text(json.dumps({"organizationId": "o-1", "userId": "1", "userEmail": "ada@acme.example"}) + "\n")

    ran = run("quickstart", path)

    assert ran.code == 0
    assert "The key of ada@acme.example belongs to o-1" in ran.words


def test_names_are_shown_literally_and_fit(run: Run, tenants_csv: Rows) -> None:
    ran = run(
        "quickstart", tenants_csv([f"{'long-id-' * 12},[bold]{'株式会社' * 20} :smile:,1,a@b.example,[red]Ada[/],"])
    )

    assert ran.code == 0
    assert re.match(r" +\[bold\][株式会社]+ ?… +long-id-[\w-]+… +0 +bply_org_…", rows_of(ran)[0])
    following = ran.out.splitlines().index(rows_of(ran)[0]) + 1
    assert not ran.out.splitlines()[following].strip()  # one line a customer
    assert ":smile:" in ran.out
    assert "[red]Ada[/]  HOST" in ran.out
    ran.check_is_fit_for_print()


def test_quickstart_serves_a_customer_without_team_or_calendar(run: Run, tenants_csv: Rows) -> None:
    ran = run("quickstart", tenants_csv(["o-1,,1,unconnected@b.example,,"]))

    assert ran.code == 0
    assert "unconnected@b.example has no connected calendar" in ran.words
    assert "unconnected  HOST" in ran.out


def test_one_address_twice_is_one_person(run: Run, tenants_csv: Rows) -> None:
    ran = run("quickstart", tenants_csv(["o-1,,1,ada@b.example,Ada,ADMIN:ADA@b.example:Ada;MEMBER:bob@b.example:Bob"]))

    assert ran.code == 0
    assert "Bob  PARTICIPANT" in ran.out


def test_quickstart_does_not_start_on_a_bad_file(run: Run, tenants_csv: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(**_options: object) -> NoReturn:
        raise AssertionError("something was started")

    monkeypatch.setattr(quickstart, "Sandbox", serve)
    path = tenants_csv(
        ["o-1,Good,1,a@b.example,,", "o-2,Bad,2,,,", "o-3,[x],3,not-[red]an-email,,", "o-1,Again,4,a@b.example,,"]
    )

    ran = run("quickstart", path)

    assert (ran.code, ran.out) == (2, "")
    assert re.search(r"^ *3 +user_email: is missing", ran.err, re.MULTILINE)
    assert re.search(r"^ *4 +user_email: 'not-\[red\]an-email' is not an e-mail address", ran.err, re.MULTILINE)
    assert re.search(r"^ *5 +organization_id: 'o-1' is already used on line 2", ran.err, re.MULTILINE)
    assert "3 rows must be changed." in " ".join(ran.err.split())
    assert "Nothing was sent. Change the file" in ran.err
    ran.check_is_fit_for_print()


def test_twenty_bad_rows_are_listed_and_the_rest_is_counted(run: Run, tenants_csv: Rows) -> None:
    ran = run("quickstart", tenants_csv(f"o-{number},,1,,," for number in range(150)))

    assert ran.code == 2
    assert "150 rows must be changed." in " ".join(ran.err.split())
    assert len(re.findall(r"^ *\d+ +user_email: is missing", ran.err, re.MULTILINE)) == 20
    assert "… and 130 more: missing value" in ran.err


def test_one_bad_row_is_counted_in_the_singular(run: Run, tenants_csv: Rows) -> None:
    assert "1 row must be changed." in " ".join(run("quickstart", tenants_csv(["o-1,,1,,,"])).err.split())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be opened: No such file"),
        ("", "is empty"),
        ("organization_id,user_id,user_email\n", "contains no customers"),
        ("id,user\n1,2\n", "column organization_id is missing"),
    ],
)
def test_an_unusable_file_is_one_line(run: Run, tmp_path: Path, content: str | None, says: str) -> None:
    path = tmp_path / "tenants.csv"
    if content is not None:
        path.write_text(content)

    ran = run("quickstart", path)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"boooply: {path}: ")
    assert says in ran.err
    assert ran.err.count("\n") == 1


def test_a_key_of_another_organization_stops_quickstart(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def somebody_else(_self: AsyncOrganization) -> Organization:
        return Organization(external_org_id="org_somebody_else")

    monkeypatch.setattr(AsyncOrganization, "get", somebody_else)

    ran = run("quickstart")

    assert ran.code == 1
    assert ran.err == "boooply: the key of org_7234567890 belongs to org_somebody_else\n"
    assert "Invite people" not in ran.out


def test_quickstart_ignores_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_BASE_URL", "https://api.example.invalid")
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", "bply_platform_real")

    assert run("quickstart").code == 0
