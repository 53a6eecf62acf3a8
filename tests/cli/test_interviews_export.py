"""``boooply interviews export`` against a real sandbox: its rows, its limits, and how it continues."""

import csv
import json
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from boooply.cli import provision_view
from boooply.cli.interviews import reading
from boooply.cli.interviews.part import Part
from boooply.sandbox import Limits, Sandbox
from tests.cli.invited import calls_of, fill, invite, read_csv

Run = Callable[..., Any]
Use = Callable[[Sandbox], None]

COMMAND = (sys.executable, "-W", "error", "-m", "boooply.cli.main", "interviews", "export")
EVALUATION = "interviews.get_evaluation"
COLUMNS = [
    "customer", "meeting_code", "title", "job_role", "type", "status", "end_reason", "scheduled_at",
    "duration_minutes", "created_at", "candidate_name", "candidate_email", "overall_score", "recruiter_decision",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _organization_key(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an outage end an export soon."""
    monkeypatch.setattr(reading, "_PATIENCE", 3.0)
    monkeypatch.setattr(reading, "_PAUSE", 0.5)


@pytest.fixture
def started(start_program: Run) -> Callable[..., subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    return lambda *arguments: start_program((*COMMAND, *map(str, arguments)), stdout=pipe, stderr=pipe, text=True)


@pytest.fixture
def narrow(use: Use) -> Iterator[Sandbox]:
    """Serve a sandbox whose keys may make 30 reads every three seconds."""
    with Sandbox(limits=Limits(reads=30, writes=1_000_000, window=3)) as narrow:
        use(narrow)
        yield narrow


@pytest.fixture
def wide(use: Use) -> Iterator[Sandbox]:
    """Serve a sandbox whose limit three runs of an export reach only just.

    The calls of a killed process count for a whole minute, since nobody knows when the API counted them.
    """
    with Sandbox(limits=Limits(reads=60, writes=1_000_000, window=3)) as wide:
        use(wide)
        yield wide


def until(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def check_every_one_once(path: Path, made: dict[str, list[str]]) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    pairs = [(row["customer"], row["meeting_code"]) for row in rows]
    assert pairs == [(name, code) for name in sorted(made) for code in reversed(made[name])]
    assert list(path.parent.glob(f"{path.name}.*")) == []
    return rows


# ---- the rows


def test_standard_output_gets_csv_for_a_spreadsheet(run_piped: Run, sandbox) -> None:
    code = invite(sandbox, candidate={"name": '=HYPERLINK("x")', "email": "jane@candidate.example"}, title="Zoë; +1")
    sandbox.play(code, evaluation={"overall": 81})
    sandbox.finalize(code, "HIRE")

    ran = run_piped("interviews", "export")

    assert ran.code == 0
    head, line, end = ran.out.split("\n")
    assert (head, end) == (f"\ufeff{','.join(COLUMNS)}", "")  # text mode has made "\n" of "\r\n"
    assert line.startswith(f",{code},Zoë;' +1,,AI_ONLY,COMPLETED,AUTO_COMPLETED,,30,,")
    assert line.endswith(',"\'=HYPERLINK(""x"")",jane@candidate.example,81,HIRE')
    assert "1 interview to read." in ran.err
    assert "Exported 1 interview in" in ran.err
    ran.check_is_plain()


@pytest.mark.parametrize(("given", "character"), [(";", ";"), ("tab", "\t"), ("|", "|")])
def test_cells_are_separated_by_the_delimiter_that_is_asked_for(
    run: Run, sandbox, tmp_path: Path, given: str, character: str
) -> None:
    code = invite(sandbox, title="Zoë; a, b | c")
    path = tmp_path / "interviews.csv"

    assert run("interviews", "export", "--delimiter", given, "--output", path).code == 0
    printed = run("interviews", "export", "--delimiter", given).out

    head, row = csv.reader(path.read_text("utf-8-sig").splitlines(), delimiter=character)
    assert head == COLUMNS
    assert (row[1], row[2]) == (code, "Zoë; a, b | c")
    assert printed.removeprefix("\ufeff").splitlines() == path.read_text("utf-8-sig").splitlines()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            ("--delimiter", "ab"),
            "--delimiter: 'ab' cannot separate cells. Use one character, such as , or ;, or the word tab.",
        ),
        (("--delimiter", ";", "--jsonl"), "--delimiter is for CSV: leave out --jsonl"),
    ],
)
def test_a_delimiter_that_cannot_be_used_is_2(run: Run, sandbox, options: tuple[str, ...], problem: str) -> None:
    ran = run("interviews", "export", *options)

    assert (ran.code, ran.out, ran.err) == (2, "", f"boooply: {problem}\n")
    assert sandbox.calls == ()


def test_times_are_iso_in_utc_and_numbers_are_numbers(run: Run, sandbox) -> None:
    code = invite(sandbox, scheduled_at="2030-05-01T09:00:00+02:00")

    (row,) = run("interviews", "export", "--jsonl").rows

    assert list(row) == COLUMNS
    assert (row["meeting_code"], row["scheduled_at"], row["duration_minutes"]) == (code, "2030-05-01T07:00:00Z", 30)
    assert row["overall_score"] is None


def test_the_form_follows_the_files_name_unless_an_option_says_otherwise(run: Run, sandbox, tmp_path: Path) -> None:
    code = invite(sandbox)

    for name, options, is_csv in [
        ("a.csv", (), True), ("b.txt", (), True), ("c.jsonl", (), False),
        ("d.jsonl", ("--csv",), True), ("e.csv", ("--jsonl",), False),
    ]:  # fmt: skip
        assert run("interviews", "export", "--output", tmp_path / name, *options).code == 0
        text = (tmp_path / name).read_bytes()
        assert code.encode() in text
        assert text.startswith(b"\xef\xbb\xbf") == is_csv
        assert text.endswith(b"\r\n") == is_csv
    both = run("interviews", "export", "--csv", "--jsonl")
    assert (both.code, both.err) == (2, "boooply: --csv and --jsonl exclude each other: use one of them\n")


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".ods"])
def test_a_workbook_is_not_written(run: Run, sandbox, tmp_path: Path, suffix: str) -> None:
    ran = run("interviews", "export", "--output", f"all{suffix}")

    assert ran.code == 2
    assert f"--output: cannot write a {suffix} file. Choose a .csv file" in ran.err
    assert (sandbox.calls, list(tmp_path.glob("all*"))) == ((), [])


def test_evaluations_cost_a_read_for_each_completed_interview(run: Run, sandbox, tmp_path: Path) -> None:
    codes = [invite(sandbox) for _ in range(4)]
    sandbox.play(codes[0], evaluation={"overall": 81})
    sandbox.play(codes[2], evaluation={"overall": 12})

    ran = run("interviews", "export", "--evaluations", "--output", "all.csv")

    rows = {row["meeting_code"]: row for row in read_csv(tmp_path / "all.csv")}
    found = [(rows[code]["evaluation_score"], rows[code]["evaluation_recommendation"]) for code in codes]
    assert found == [("81", "PASS"), ("", ""), ("12", "FAIL"), ("", "")]
    assert list(rows) == codes[::-1]
    assert calls_of(sandbox, EVALUATION) == 2
    assert "4 interviews and 2 evaluations to read" in ran.err


def test_filters_select_what_is_exported(run: Run, sandbox) -> None:
    codes = [invite(sandbox) for _ in range(3)]
    sandbox.play(codes[1])

    rows = run(
        "interviews", "export", "--jsonl", "--status", "scheduled", "--since", "2020-01-01", "--evaluations"
    ).rows

    assert [row["meeting_code"] for row in rows] == [codes[2], codes[0]]
    assert run("interviews", "export", "--jsonl", "--since", "2999-01-01").out == ""
    assert run("interviews", "export", "--since", "soon").code == 2


# ---- customers


def test_hundreds_of_interviews_of_several_customers_and_a_revoked_key(run: Run, sandbox, tmp_path: Path) -> None:
    made = fill(sandbox, customers=5, interviews=130, evaluated=3)
    sandbox.revoke_keys("org_2")
    made.pop("org_2")
    path = tmp_path / "all.jsonl"

    ran = run("interviews", "export", "--all-customers", "--evaluations", "--output", path.name)

    assert (ran.code, ran.out) == (4, "")
    rows = check_every_one_once(path, made)
    assert sum(row["evaluation_score"] is not None for row in rows) == 12
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    words = " ".join(ran.err.split())
    assert "520 interviews of 4 customers and 12 evaluations to read" in words
    assert "Exported 520 interviews to all.jsonl in" in words
    assert "The interviews of 1 customer are not in the file:" in words
    assert "org_2 Boooply rejects its key (HTTP 401). Run: boooply tenants reconnect org_2" in words
    ran.check_is_fit_for_print()


def test_an_export_of_nobody_leaves_the_file_as_it_was(run: Run, sandbox, tmp_path: Path) -> None:
    fill(sandbox, customers=1, interviews=1)
    sandbox.revoke_keys("org_0")
    path = tmp_path / "all.csv"
    path.write_text("before", encoding="utf-8")

    ran = run("interviews", "export", "--all-customers", "--output", path)

    assert ran.code == 4
    assert f"Nothing was exported to {path}." in " ".join(ran.err.split())
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.glob("all.csv.*")) == []


def test_the_refused_key_of_one_customer_is_an_error(run: Run, sandbox, tmp_path: Path) -> None:
    fill(sandbox, customers=1, interviews=1)
    sandbox.revoke_keys("org_0")
    assert run("interviews", "export", "--customer", "org_0").code == 1
    sandbox.revoke_keys()
    ran = run("interviews", "export", "--output", "all.csv")
    assert ran.code == 1
    assert "HTTP 401" in ran.err
    assert not (tmp_path / "all.csv.part").exists()


# ---- continuing


def test_a_killed_export_continues_within_the_limits_and_reads_nothing_twice(
    run_piped: Run, started: Run, wide, tmp_path: Path
) -> None:
    made = fill(wide, customers=2, interviews=110, evaluated=40)
    path = tmp_path / "all.jsonl"
    arguments = ("--all-customers", "--evaluations", "--output", path)
    kills = 0
    for number in (15, 50):
        with started(*arguments) as process:
            until(lambda number=number: calls_of(wide, EVALUATION) >= number)  # type: ignore[misc]  # bound at once
            process.kill()
            kills += 1
        assert not path.exists()

    ran = run_piped("interviews", "export", *arguments)

    assert ran.code == 0
    rows = check_every_one_once(path, made)
    assert sum(row["evaluation_score"] is not None for row in rows) == 80
    assert 80 <= calls_of(wide, EVALUATION) <= 80 + kills * 2  # of each customer, one may have been on its way
    wide.assert_within_limits()
    assert re.search(r"Continuing the export of 20\d\d-\d\d-\d\d \d\d:\d\d UTC: \d of 2 customers complete\.", ran.err)
    assert "To start over, delete FILE.part." in " ".join(ran.err.split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_at_once_and_the_same_command_continues(
    run_piped: Run, started: Run, narrow, tmp_path: Path, number: signal.Signals
) -> None:
    made = fill(narrow, customers=1, interviews=50, evaluated=50)
    path = tmp_path / "all.jsonl"
    arguments = ("--customer", "org_0", "--evaluations", "--output", path)
    with started(*arguments) as process:
        until(lambda: calls_of(narrow, EVALUATION) >= 20)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)

    assert (process.returncode, out) == (128 + number, "")
    assert err.endswith("Stopped. Run the same command again to continue.\n")
    assert not path.exists()
    assert run_piped("interviews", "export", *arguments).code == 0
    check_every_one_once(path, made)
    assert calls_of(narrow, EVALUATION) <= 51
    narrow.assert_within_limits()


@pytest.mark.usefixtures("impatient")
def test_a_short_outage_is_waited_out(run: Run, sandbox, tmp_path: Path) -> None:
    made = fill(sandbox, customers=2, interviews=1, evaluated=1)
    sandbox.faults.add(EVALUATION, "503", times=7)

    assert run("interviews", "export", "--all-customers", "--evaluations", "--output", "all.jsonl").code == 0

    check_every_one_once(tmp_path / "all.jsonl", made)


@pytest.mark.usefixtures("impatient")
def test_an_outage_ends_it_and_the_same_command_continues(run: Run, sandbox, tmp_path: Path) -> None:
    made = fill(sandbox, customers=2, interviews=2, evaluated=1)
    command = ("interviews", "export", "--all-customers", "--evaluations", "--output", "all.jsonl")
    sandbox.faults.add(EVALUATION, "503", times=None)

    ran = run(*command)
    sandbox.faults.clear()

    assert ran.code == 1
    assert "HTTP 503" in ran.err
    assert ran.err.endswith(". Run the same command again to continue.\n")
    assert not (tmp_path / "all.jsonl").exists()
    assert run(*command).code == 0
    check_every_one_once(tmp_path / "all.jsonl", made)


def test_progress_is_a_line_now_and_then(run: Run, sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(sandbox, customers=1, interviews=30, evaluated=30)
    monkeypatch.setitem(provision_view._INTERVALS, False, 0.01)

    ran = run("interviews", "export", "--customer", "org_0", "--evaluations", "--output", "all.csv")

    assert re.search(r"^\d+/30 interviews, 1 customer and (\d+ s|under a second) left *$", ran.err, re.MULTILINE)
    assert "\x1b" not in ran.err


# ---- a file that cannot be used


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("changed", [("--jsonl",), ("--status", "completed"), ("--customer", "org_0")])
def test_a_half_finished_export_with_other_options_is_left_alone(
    run: Run, sandbox, tmp_path: Path, changed: tuple[str, ...]
) -> None:
    fill(sandbox, customers=1, interviews=1)
    sandbox.play(invite(sandbox))
    invite(sandbox)
    command = ("interviews", "export", "--evaluations", "--output", "all.csv")
    sandbox.faults.add(EVALUATION, "503", times=None)
    assert run(*command).code == 1
    sandbox.faults.clear()

    ran = run(*command, *changed)

    assert ran.code == 2
    part = tmp_path / "all.csv.part"
    assert ran.err == (
        f"boooply: --output: {part} is an unfinished export with other options. Run the command with those options "
        "again, delete all.csv.part, or choose another file\n"
    )
    assert run(*command).code == 0
    assert not part.exists()


def test_two_exports_to_one_file_do_not_mix(run: Run, sandbox, tmp_path: Path) -> None:
    invite(sandbox)
    with Part.open(tmp_path / "all.csv", {}):
        ran = run("interviews", "export", "--output", "all.csv")

    assert ran.code == 2
    assert ran.err.startswith(
        f"boooply: --output: another export is writing {tmp_path}/all.csv.part. Wait until it has finished"
    )


@pytest.mark.parametrize("content", [b"mine", "database"])
def test_a_file_of_somebody_else_is_left_alone(run: Run, tmp_path: Path, content: bytes | str) -> None:
    part = tmp_path / "all.csv.part"
    if isinstance(content, bytes):
        part.write_bytes(content)
    else:
        with sqlite3.connect(part) as database:
            database.execute("CREATE TABLE mine (x)")
        database.close()
    before = part.read_bytes()

    ran = run("interviews", "export", "--output", "all.csv")

    assert (ran.code, ran.err) == (
        2, f"boooply: --output: {part} is not an unfinished export. Move it away, or choose another file\n"
    )  # fmt: skip
    assert part.read_bytes() == before


@pytest.mark.parametrize(
    ("output", "problem"),
    [("no/all.csv", "no/all.csv.part cannot be written: No such file or directory"), (".", "is not a regular file")],
)
def test_a_file_that_cannot_be_written_is_reported_before_anything_is_exported(
    run: Run, sandbox, output: str, problem: str
) -> None:
    ran = run("interviews", "export", "--output", output)

    assert ran.code == 2
    assert ran.err.startswith("boooply: --output: ")
    assert problem in ran.err
    assert calls_of(sandbox, "interviews.list") == 0


def test_a_reader_that_goes_away_ends_it_quietly(start_program: Run, sandbox) -> None:
    fill(sandbox, customers=1, interviews=120)
    command = (*COMMAND, "--customer", "org_0", "--jsonl")
    with start_program(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        code = process.wait(timeout=20)

    assert code == 1
    assert "Traceback" not in err
