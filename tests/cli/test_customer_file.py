"""What ``provision``, ``enqueue`` and ``quickstart`` do with a file of customers before anything is sent."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boooply import Tenant
from boooply.cli import customer_file_view as view
from boooply.cli.customer_file import CustomerFile
from boooply.cli.customer_file_view import Problems
from boooply.cli.terminal import console
from boooply.provisioning.files.reading import Layout
from boooply.provisioning.files.rows import REMEDIES, BadRow

Run = Callable[..., Any]
Rows = Callable[..., Path]
States = Callable[[], dict[str, str]]

COMMAND = (sys.executable, "-W", "error", "-m", "boooply.cli.main")
GERMAN = (
    "--map=Kunden-Nr.=organization_id",
    "--map=Firma=organization_name",
    "--map=Benutzer=user_id",
    "--map=E-Mail=user_email",
)
LOOK_ALIKES = ("ACME,Acme,1,a@b.example,,", "acme,Acme,2,a@b.example,,")

pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.fixture
def look_alikes(tenants_csv: Rows) -> Path:
    """Write a file with a warning."""
    return tenants_csv(LOOK_ALIKES)


@pytest.fixture
def run_asked(start_program: Callable[..., Any]) -> Callable[..., tuple[int, str, str]]:
    """Run the command with a terminal for its questions; type a reply, or send a signal instead, once it asks."""

    def run(*arguments: str | Path, reply: bytes | signal.Signals, **environ: str) -> tuple[int, str, str]:
        master, slave = pty.openpty()
        command = (*COMMAND, *map(str, arguments))
        env = os.environ | {"TERM": "xterm-256color"} | environ
        asked = b""
        with start_program(command, stdin=slave, stdout=subprocess.PIPE, stderr=slave, env=env) as process:
            os.close(slave)
            output: list[bytes] = []
            reading = threading.Thread(target=lambda: output.append(process.communicate(timeout=60)[0]))
            while b"[y/N]" not in asked and (part := _read(master)):
                asked += part
            if isinstance(reply, bytes):
                os.write(master, reply)
            else:
                process.send_signal(reply)
            reading.start()
            asked += b"".join(iter(lambda: _read(master), b""))
            os.close(master)
            reading.join()
        return process.returncode, output[0].decode(), asked.decode()

    return run


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux's way to say that the other end was closed
        return b""


def words(text: str) -> str:
    return " ".join(text.split())


# ---- the options, which all three commands take


def write_german(path: Path) -> Path:
    text = "sep=;\r\nKunden-Nr.;Firma;Benutzer;E-Mail;Notiz\r\n00123;Müller; 1 ;a@müller.example;\r\n"
    path.write_bytes(text.encode("utf-16"))
    return path


@pytest.mark.parametrize("command", ["provision", "quickstart"])
def test_a_german_export_with_other_names_is_connected(run: Run, tmp_path: Path, command: str) -> None:
    ran = run(command, write_german(tmp_path / "export.csv"), *GERMAN, "--ignore-extra")

    assert (ran.code, ran.err) == (0, "")
    assert "onnected" in ran.out


@pytest.mark.parametrize(
    ("options", "text", "encoding"),
    [
        pytest.param(["--encoding", "cp1252"], "o-1,Müller,1,a@b.example,,", "cp1252", id="--encoding"),
        pytest.param(["--delimiter", "|"], "o-1|Müller|1|a@b.example||", "utf-8", id="--delimiter"),
        pytest.param(["--delimiter", "tab"], "o-1\tMüller\t1\ta@b.example\t\t", "utf-8", id="--delimiter tab"),
        pytest.param(["--allow", "1.23E+12"], "1.23E+12,Müller,1,a@b.example,,", "utf-8", id="--allow"),
        pytest.param(
            ["--allow", "x", "--allow", "1,234"], '"1,234",Müller,1,a@b.example,,', "utf-8", id="--allow twice"
        ),
    ],
)
def test_an_option_of_the_reader_reaches_it(
    run: Run, tmp_path: Path, options: list[str], text: str, encoding: str
) -> None:
    separator = next((one for one in "|\t" if one in text), ",")
    header = "organization_id,organization_name,user_id,user_email,user_name,team_members".replace(",", separator)
    path = tmp_path / "customers.csv"
    path.write_bytes(f"{header}\n{text}\n".encode(encoding))

    ran = run("provision", path, "--dry-run", *options)

    assert (ran.code, ran.err) == (0, "")
    assert "Müller" in ran.out


@pytest.mark.parametrize("mapping", ["Admin Email", "=user_email", "  =user_email"])
def test_a_mapping_without_a_name_is_2(run: Run, many_tenants_csv: Rows, mapping: str) -> None:
    ran = run("provision", many_tenants_csv(1), "--map", mapping)

    assert (ran.code, ran.out) == (2, "")
    assert '--map "Admin Email=user_email"' in ran.err


def test_a_name_with_an_equals_sign_can_be_mapped(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("organization_id,a=b,user_email\no-1,1,a@b.example\n", encoding="utf-8")

    assert run("provision", path, "--dry-run", "--map", "a=b=user_id").code == 0


# ---- the dry run


def test_a_dry_run_shows_the_columns_and_three_customers(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    rows = [f"{number};Firma {number};{number}0;a@firma{number}.example;geheim" for number in range(1, 5)]
    path.write_text("\n".join(("Kunden-Nr.;Firma;Benutzer;E-Mail;Passwort", *rows)), encoding="utf-8")

    ran = run("provision", path, "--dry-run", *GERMAN, "--ignore-extra")

    assert (ran.code, ran.err) == (0, "")
    assert "CSV with semicolons, UTF-8" in ran.words
    assert re.search(r"organization_id +1 +2 +3\s*\n +from Kunden-Nr\.\s*\n", ran.out)
    assert re.search(r"organization_name +Firma 1 +Firma 2 +Firma 3\s*\n +from Firma\s*\n", ran.out)
    assert "Ignored columns: Passwort." in ran.out
    assert "geheim" not in ran.out
    assert "Firma 4" not in ran.out
    assert "4 customers to connect" in ran.words
    ran.check_is_fit_for_print()


def test_a_dry_run_of_a_bad_file_shows_the_columns_too(run: Run, tenants_csv: Rows) -> None:
    ran = run("provision", tenants_csv(["o-1,Good,1,a@b.example,,", "o-2,Bad,2,,,"]), "--dry-run")

    assert ran.code == 2
    assert re.search(r"organization_name +Good\s*\n", ran.out)
    assert " from " not in ran.out
    assert re.search(r"3 +user_email: is missing", ran.err)


def test_each_problem_is_under_the_heading_of_its_kind(run: Run, tenants_csv: Rows) -> None:
    ran = run("provision", tenants_csv(["#REF!,A,1,a@b.example,,", "o-2,B,2,,,", "o-3,C,3,no,,"]))

    headings = [line.strip().partition(":")[0] for line in ran.err.splitlines() if re.match(r" {7}[A-Z]", line)]
    assert headings == ["Error value", "Missing value", "Invalid value"]


def test_values_that_are_cut_in_a_dry_run_end_with_a_mark(run: Run, tenants_csv: Rows) -> None:
    ran = run(
        "provision", tenants_csv(f"o-{one},A,1,administrator@company{one}.example,," for one in "123"), "--dry-run"
    )

    (addresses,) = (line for line in ran.out.splitlines() if "user_email" in line)
    assert [cell[-1] for cell in addresses.split()[1:]] == ["…"] * 3
    ran.check_is_fit_for_print()


def test_a_dry_run_shows_the_warnings_and_sends_nothing(run: Run, look_alikes: Path, sandbox) -> None:
    ran = run("provision", look_alikes, "--dry-run")

    assert ran.code == 0
    assert "1 row looks wrong" in words(ran.err)
    assert "If there is no terminal, add --yes, or --allow ID for each ID that is right." in words(ran.err)
    assert "This was a dry run. Nothing was sent." in ran.out
    assert sandbox.calls == ()
    ran.check_is_fit_for_print()


def test_a_dry_run_for_programs_writes_one_object(run: Run, look_alikes: Path) -> None:
    ran = run("provision", look_alikes, "--dry-run", "--json")

    [row] = ran.rows
    assert row["plan"]["total"] == 2
    assert "organization_id" in ran.err


def printed(*content: Any, capsys: pytest.CaptureFixture[str]) -> str:
    console().print(*content)
    return capsys.readouterr().out


def test_a_key_in_a_sample_is_masked_and_the_reason_given(capsys: pytest.CaptureFixture[str]) -> None:
    sample = Tenant(organization_id="o-1", user_id="bply_org_0123456789abcdefghij", user_email="a@b.example")
    layout = Layout(form="CSV", columns=(("id", "organization_id"), ("user", "user_id")))

    out = printed(view.layout(Path("x.csv"), layout, [sample]), capsys=capsys)

    assert "bply_org_…ghij" in out
    assert "0123" not in out
    assert "Values that look like keys are masked" in out


def test_what_acts_on_a_terminal_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    sample = Tenant(organization_id="o-1", user_id="1", user_email="a@b.example", organization_name="A\u202eB")
    layout = Layout(form="CSV", columns=(("na\x1b[2Jme", "organization_name"),))

    out = printed(view.layout(Path("x\x1b.csv"), layout, [sample]), capsys=capsys)

    assert not re.search("[\x1b\u202e]", out)
    assert "masked" not in out


def test_members_are_counted_and_absent_values_are_blank(capsys: pytest.CaptureFixture[str]) -> None:
    samples = [
        Tenant(organization_id="o-1", user_id="1", user_email="a@b.example", team_members=[{"email": "c@b.example"}]),
        Tenant(organization_id="o-2", user_id="2", user_email="b@b.example"),
    ]
    layout = Layout(form="Excel", sheet="Customers", other_sheets=("A", "B"), columns=(("Team", "team_members"),))

    out = printed(view.layout(Path("x.xlsx"), layout, samples), capsys=capsys)

    assert "x.xlsx: Excel, sheet 'Customers'; ignored sheets: 'A', 'B'" in out
    assert re.search(r"team_members +1 member\s*\n +from Team\s*\n", out)


# ---- what is wrong with rows


def test_a_name_that_is_mapped_twice_is_an_error(run: Run, tenants_csv: Rows) -> None:
    ran = run("provision", tenants_csv(["o,A,1,a@b,,"]), "--map", "Kunde=user_id", "--map", "Kunde=organization_id")

    assert (ran.code, ran.err) == (2, "boooply: --map 'Kunde' is given twice: use one column for it\n")


def test_of_each_kind_twenty_rows_are_listed_and_the_rest_is_counted(run: Run, tenants_csv: Rows, sandbox) -> None:
    rows = [f"{number % 10}.{number:02}E+12,Acme,1,a@b.example,," for number in range(23)]
    ran = run("provision", tenants_csv([*rows, "#REF!,Acme,1,a@b.example,,"]))

    assert (ran.code, ran.out) == (2, "")
    assert "24 rows must be changed." in words(ran.err)
    assert len(re.findall(r"^ *\d+ +organization_id: '\d\.\d\dE\+12' is", ran.err, re.MULTILINE)) == 20
    assert "… and 3 more: shortened number" in ran.err
    assert words(ran.err).count(REMEDIES["shortened number"]) == 1
    assert words(ran.err).count(f"Error value: {REMEDIES['error value']}") == 1
    assert "Nothing was sent" in ran.err
    assert sandbox.calls == ()
    ran.check_is_fit_for_print()


def test_problems_take_no_more_memory_than_what_is_listed() -> None:
    found = Problems()
    for line in range(1000):
        found.add(BadRow(line=line // 2 + 1, kind="a kind", column=None, problem="is wrong"))

    assert (found.counts, found.rows) == ({"a kind": 1000}, 500)
    assert len(found.listed["a kind"]) == 20


# ---- warnings, which somebody must confirm


@pytest.mark.parametrize("command", ["provision", "quickstart"])
def test_without_a_terminal_a_warning_stops_the_command(
    run: Run, look_alikes: Path, sandbox, states: States, command: str
) -> None:
    ran = run(command, look_alikes)

    assert ran.code == 2
    assert "1 row looks wrong" in words(ran.err)
    assert re.search(r"3 +organization_id: 'acme'", ran.err)
    assert "Nothing was sent" in ran.err
    assert "--yes, or with --allow ID for each" in words(ran.err)
    assert sandbox.calls == ()
    assert states() == {}
    ran.check_is_fit_for_print()


@pytest.mark.parametrize("options", [["--yes"], ["--allow", "acme"], ["--allow=acme", "--yes"]], ids=" ".join)
@pytest.mark.parametrize("command", ["provision", "quickstart"])
def test_a_warning_can_be_confirmed_by_an_option(run: Run, look_alikes: Path, command: str, options: list[str]) -> None:
    ran = run(command, look_alikes, *options)

    assert ran.code == 0
    assert "onnected 2 customers" in ran.words


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_id_without_the_leading_zeros_of_a_connected_customer_is_a_warning(
    run: Run, tenants_csv: Rows, sandbox, dry_run: bool
) -> None:
    assert run("provision", tenants_csv(["00123,Acme,1,a@b.example,,", "00124,Beacon,1,a@b.example,,"])).code == 0
    file = tenants_csv(["123,Acme,1,a@b.example,,", "00124,Beacon,1,a@b.example,,", "125,C,1,a@b.example,,"])

    ran = run("provision", file, *(["--dry-run"] if dry_run else []))

    assert ran.code == (0 if dry_run else 2)
    assert "1 row looks wrong" in words(ran.err)
    assert "organization_id: '123' looks like '00123', which is already connected" in words(ran.err)
    assert set(sandbox.mints) == {"00123", "00124"}
    ran.check_is_fit_for_print()


@pytest.mark.parametrize("options", [["--yes"], ["--allow", "123"], ["--allow", "00123"]], ids=" ".join)
def test_a_confirmed_id_without_zeros_is_connected_and_is_no_warning_afterwards(
    run: Run, tenants_csv: Rows, sandbox, options: list[str]
) -> None:
    assert run("provision", tenants_csv(["00123,Acme,1,a@b.example,,"])).code == 0
    file = tenants_csv(["123,Acme,1,a@b.example,,"])

    assert run("provision", file, *options).code == 0
    assert sandbox.mints == {"00123": 1, "123": 1}

    again = run("provision", file)
    assert (again.code, again.err) == (0, "")


def test_no_option_confirms_a_row_that_must_be_changed(run: Run, tenants_csv: Rows, sandbox) -> None:
    assert run("provision", tenants_csv(["1.23E+12,Acme,1,a@b.example,,"]), "--yes").code == 2
    assert sandbox.calls == ()


@pytest.mark.parametrize("reply", [b"y\n", b"YES\n"])
def test_a_warning_can_be_confirmed_on_a_terminal(
    run_asked: Callable[..., tuple[int, str, str]], look_alikes: Path, sandbox, reply: bytes
) -> None:
    code, out, asked = run_asked("provision", look_alikes, reply=reply)

    assert (code, asked.count("[y/N]")) == (0, 1)
    assert "Connected 2 customers" in words(out)
    assert sandbox.mints == {"ACME": 1, "acme": 1}


@pytest.mark.parametrize("reply", [b"\n", b"n\n", b"yo\n", b"\x04"], ids=["Enter", "n", "another word", "end of input"])
def test_anything_but_yes_sends_nothing(
    run_asked: Callable[..., tuple[int, str, str]], look_alikes: Path, sandbox, reply: bytes
) -> None:
    code, _, asked = run_asked("provision", look_alikes, reply=reply)

    assert code == 2
    assert "Nothing was sent." in asked
    assert sandbox.calls == ()


@pytest.mark.parametrize(
    ("command", "number"), [("provision", signal.SIGINT), ("provision", signal.SIGTERM), ("quickstart", signal.SIGINT)]
)
def test_a_signal_ends_the_question(
    run_asked: Callable[..., tuple[int, str, str]], look_alikes: Path, sandbox, command: str, number: signal.Signals
) -> None:
    code, out, asked = run_asked(command, look_alikes, reply=number)

    assert code == 128 + number
    assert "Traceback" not in asked
    assert "Connected" not in out
    assert "Stopped at once" not in out  # as after the grace of a run
    assert sandbox.calls == ()


def test_json_for_programs_has_no_question_in_it(
    run_asked: Callable[..., tuple[int, str, str]], look_alikes: Path
) -> None:
    code, out, asked = run_asked("provision", look_alikes, "--json", reply=b"y\n")

    assert code == 0
    assert all(line.startswith("{") for line in out.splitlines())
    assert "Continue? [y/N]" in asked


# ---- a file that changes after its check


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["o-1,,1,a@b.example,,", "1.23E+12,,1,a@b.example,,"], "line 3: organization_id: '1.23E+12' is"),
        (["o-1,,1,a@b.example,,", "O-1,,1,a@b.example,,"], "line 3: organization_id: 'O-1'"),
    ],
    ids=["an error", "a warning"],
)
def test_a_row_that_nobody_has_confirmed_ends_the_run(tenants_csv: Rows, rows: list[str], problem: str) -> None:
    file = CustomerFile(tenants_csv(["o-1,,1,a@b.example,,", "o-2,,1,a@b.example,,"]))
    assert [row for row in file.check() if not isinstance(row, Tenant)] == []
    tenants_csv(rows)

    with pytest.raises(
        Exception, match=f"has changed since it was checked. {re.escape(problem[0].upper() + problem[1:])}"
    ):
        list(file.tenants())
