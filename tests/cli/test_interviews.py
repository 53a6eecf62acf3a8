"""``boooply interviews`` for single interviews and lists of them, against a real sandbox and a real SQLite file."""

import json
import os
import pty
import re
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from boooply.sandbox import Sandbox
from tests.cli.invited import calls_of, fill, invite, meet

Run = Callable[..., Any]

COMMAND = (sys.executable, "-W", "error", "-m", "boooply.cli.main", "interviews")
LONG = "Decision about all the candidates whom we have met in this week and in the next one"


@pytest.fixture(autouse=True)
def _organization_key(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)


# ---- list


def test_a_page_is_a_table_that_names_the_next_one(run: Run, sandbox) -> None:
    codes = [invite(sandbox) for _ in range(3)]
    sandbox.play(codes[0], evaluation={"overall": 81})

    first = run("interviews", "list", "--limit", "2")
    second = run("interviews", "list", "--limit", "2", "--page", "2")
    third = run("interviews", "list", "--page", "3")

    assert [ran.code for ran in (first, second, third)] == [0, 0, 0]
    assert [line.split()[0] for line in first.out.splitlines()[1:3]] == [codes[2], codes[1]]
    assert first.out.endswith("\n1-2 of 3 interviews. For the next page, add --page 2\n")
    assert re.search(rf"^{codes[0]}  COMPLETED +Jane Doe +81", second.out, re.MULTILINE)
    assert second.out.endswith("\n3-3 of 3 interviews.\n")
    assert third.out == "Page 3 is empty.\n"
    first.check_is_fit_for_print()


def test_a_terminal_cuts_names_short_and_a_pipe_gets_them_whole(run: Run, run_in_terminal: Run, sandbox) -> None:
    meet(sandbox, LONG)
    sandbox.play(invite(sandbox), evaluation={"overall": 7})

    shown = re.sub(r"\x1b\[[\d;]*m", "", run_in_terminal("interviews", "list").out).splitlines()

    assert max(map(len, shown)) <= 80
    assert re.search(r"  Decision about all .*…  ", shown[2])
    assert [line.split()[-1] for line in shown[:2]] == ["Score", "7"]
    assert LONG in run("interviews", "list").out


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--status", "completed"), {"played"}),
        (("--status", "scheduled,active"), {"open", "team"}),
        (("--type", "team"), {"team"}),
        (("--type", "ai-only"), {"open", "played"}),
        (("--search", "Decision"), {"team"}),
        (("--since", "2020-01-01", "--until", "2021-01-01"), set()),
        (("--date-from", "2020-01-01T00:00:00+02:00", "--date-field", "created"), {"open", "played", "team"}),
        (("--score-min", "50", "--score-max", "90"), {"played"}),
        (("--source-id", "org_1"), set()),
    ],
)
def test_the_filters_are_those_of_the_api(run: Run, sandbox, options: tuple[str, ...], found: set[str]) -> None:
    codes = {"open": invite(sandbox), "played": invite(sandbox), "team": meet(sandbox, "Decision")}
    sandbox.play(codes["played"], evaluation={"overall": 81})

    rows = run("interviews", "list", "--json", *options).rows

    assert {row["meetingCode"] for row in rows} == {codes[name] for name in found}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--status", "done"), "--status: must be one of SCHEDULED, ACTIVE, COMPLETED, CANCELLED, FAILED, not 'DONE'"),
        (("--type", "phone"), "--type: must be one of AI_ONLY, HUMAN, TEAM, not 'PHONE'"),
        (("--since", "yesterday"), "--since: must be a date, such as 2026-05-01, or a time with an offset"),
        (("--until", "2026-05-01T09:00"), "--until: must be a date, such as 2026-05-01, or a time with an offset"),
        (("--since", "2026-05-02", "--until", "2026-05-01"), "--until: is before --since"),
        (("--score-max", "101"), "--score-max: must be from 0 to 100, not 101"),
        (("--score-min", "50", "--score-max", "40"), "--score-max: is below --score-min"),
        (("--customer", "org_1", "--all-customers"), "--customer and --all-customers exclude each other"),
        (("--store", "sqlite:///x.db"), "--store needs --customer or --all-customers"),
    ],
)
def test_an_option_that_cannot_work_is_named_and_nothing_is_sent(
    run: Run, sandbox, options: tuple[str, ...], problem: str
) -> None:
    ran = run("interviews", "list", *options)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"boooply: {problem}")
    assert sandbox.calls == ()


def test_json_has_what_the_api_has_but_no_join_token(run: Run, sandbox) -> None:
    code = invite(sandbox)

    ran = run("interviews", "list", "--json")

    (row,) = ran.rows
    assert (row["meetingCode"], row["sessionStatus"]) == (code, "SCHEDULED")
    (person,) = row["participants"]
    assert (person["name"], person["email"], "joinToken" in person) == ("Jane Doe", "jane@candidate.example", False)


# ---- customers of the store


def test_a_customer_of_the_store_is_read_with_its_own_key(run: Run, sandbox) -> None:
    made = fill(sandbox, customers=2, interviews=2)

    rows = run("interviews", "list", "--customer", "org_1", "--json").rows
    ran = run("interviews", "get", made["org_1"][0], "--customer", "org_1")

    assert [row["meetingCode"] for row in rows] == made["org_1"][::-1]
    assert {row["customer"] for row in rows} == {"org_1"}
    assert re.search(r"^customer +org_1\b", ran.out, re.MULTILINE)
    assert run("interviews", "get", made["org_1"][0], "--customer", "org_0").code == 1


def test_without_a_key_the_two_ways_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOOPLY_API_KEY")

    ran = run("interviews", "list")

    assert (ran.code, ran.err) == (
        2, "boooply: BOOOPLY_API_KEY is missing: set it, or use the stored key of a customer with --customer ID\n"
    )  # fmt: skip


@pytest.mark.usefixtures("empty_store")
def test_an_unknown_customer_is_an_error(run: Run) -> None:
    ran = run("interviews", "list", "--customer", "org_9")

    assert (ran.code, ran.err) == (1, "boooply: org_9 is not connected: no key is stored for it\n")


def test_a_customer_whose_key_is_rejected_is_reported_with_what_to_do(run: Run, sandbox) -> None:
    fill(sandbox, customers=1, interviews=0)
    sandbox.revoke_keys("org_0")

    ran = run("interviews", "list", "--customer", "org_0")

    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "HTTP 401" in ran.err
    assert "The API rejected the stored key of org_0." in ran.err
    assert ran.err.endswith("Otherwise, reconnect the customer.\n")


def test_a_revoked_key_does_not_hide_the_other_customers(run: Run, sandbox) -> None:
    made = fill(sandbox, customers=18, interviews=1)
    sandbox.revoke_keys("org_9")
    made.pop("org_9")

    ran = run("interviews", "list", "--all-customers")
    as_json = run("interviews", "list", "--all-customers", "--json")

    assert (ran.code, as_json.code) == (4, 4)
    assert re.findall(r"^(org_\d+): 1 interview\.", ran.out, re.MULTILINE) == sorted(made)
    assert ran.out.endswith("\n18 customers, 17 with interviews.\n")
    assert "The interviews of 1 customer are missing:" in ran.err
    words = " ".join(ran.err.split())
    assert "org_9 Boooply rejects its key (HTTP 401). Run: boooply tenants reconnect org_9" in words
    assert {row["customer"]: row["meetingCode"] for row in as_json.rows} == {one: made[one][0] for one in made}
    ran.check_is_fit_for_print()


# ---- one interview


def test_an_interview_is_shown_with_its_people_and_without_their_tokens(run: Run, sandbox) -> None:
    code = invite(sandbox)

    ran = run("interviews", "get", code)

    assert ran.code == 0
    assert re.search(rf"^interview +{code}", ran.out, re.MULTILINE)
    assert re.search(r"^participants +Jane Doe <jane@candidate.example>  CANDIDATE", ran.out, re.MULTILINE)
    ran.check_is_fit_for_print()
    assert "joinToken" not in run("interviews", "get", code, "--json").out


def test_an_evaluation_is_shown_once_there_is_one(run: Run, sandbox) -> None:
    code = invite(sandbox)

    before = run("interviews", "evaluation", code)
    sandbox.play(code, evaluation={"overall": 81, "communication": 77})
    ran = run("interviews", "evaluation", code)
    (as_json,) = run("interviews", "evaluation", code, "--json").rows

    assert (before.code, before.out) == (1, "")
    assert before.err.startswith(
        f"boooply: {code} has no evaluation yet. It is available after the interview has ended"
    )
    assert re.search(r"^recommendation +PASS", ran.out, re.MULTILINE)
    assert re.search(r"^ +overall +81\b", ran.out, re.MULTILINE)
    assert re.search(r"^ +communication +77\b", ran.out, re.MULTILINE)
    assert as_json["overallScore"] == 81
    ran.check_is_fit_for_print()


def test_a_transcript_is_printed_once_there_is_one(run: Run, sandbox) -> None:
    code = invite(sandbox)
    entries = [
        {"speaker": "AI", "role": "AI", "content": "How do you begin?", "timestamp": "2026-05-01T09:00:05Z"},
        {"speaker": "Jane", "role": "CANDIDATE", "content": "I look \x1b[2Jat it. " * 9},
    ]

    before = run("interviews", "transcript", code)
    sandbox.play(code, transcript=entries)
    ran = run("interviews", "transcript", code)

    assert (before.code, before.out) == (1, "")
    assert "has no transcript" in before.err
    assert ran.out.startswith("09:00:05  AI: How do you begin?")
    assert "Jane: I look [2Jat it." in ran.words
    ran.check_is_fit_for_print()
    assert [row["content"] for row in run("interviews", "transcript", code, "--json").rows] == [
        one["content"] for one in entries
    ]


# ---- cancel and reschedule


def status_of(run: Run, code: str) -> dict[str, Any]:
    (found,) = run("interviews", "get", code, "--json").rows
    return dict(found)


def test_a_change_needs_somebody_to_ask_or_yes(run: Run, sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull, encoding="utf-8"))  # noqa: PTH123, SIM115 - a device
    code = invite(sandbox)
    before = len(sandbox.calls)

    cancelled = run("interviews", "cancel", code)
    moved = run("interviews", "reschedule", code, "--at", "2030-05-01T09:00:00Z")

    assert [ran.code for ran in (cancelled, moved)] == [2, 2]
    assert cancelled.err == ("boooply: cancel e-mails all participants. To confirm it without a terminal, add --yes\n")
    assert len(sandbox.calls) == before
    sys.stdin.close()


def test_yes_cancels_in_one_call(run: Run, sandbox) -> None:
    code = invite(sandbox)
    before = len(sandbox.calls)

    ran = run("interviews", "cancel", code, "--yes", "--reason", "The role is filled")

    assert (ran.code, ran.words) == (0, f"{code} is CANCELLED. Boooply e-mails all participants.")
    assert len(sandbox.calls) == before + 1
    again = run("interviews", "cancel", code, "--yes")
    assert again.code == 1
    assert "HTTP 400" in again.err


def test_yes_reschedules_to_a_time_with_a_zone(run: Run, sandbox) -> None:
    code = invite(sandbox)

    ran = run("interviews", "reschedule", code, "--at", "2030-05-01T09:00+02:00", "--duration", "45", "--yes", "--json")

    (row,) = ran.rows
    assert (ran.code, row["scheduledAt"], row["durationMinutes"]) == (0, "2030-05-01T07:00:00Z", 45)


@pytest.mark.parametrize("at", ["2030-05-01", "2030-05-01T09:00", "tomorrow"])
def test_a_time_without_a_zone_is_refused(run: Run, sandbox, at: str) -> None:
    ran = run("interviews", "reschedule", "Boooply-AI-1", "--at", at, "--yes")

    assert ran.code == 2
    assert ran.err.startswith("boooply: --at: must be a time with an offset, such as 2026-05-01T09:00:00Z")
    assert sandbox.calls == ()


def test_an_unknown_result_says_how_to_look(run: Run, sandbox) -> None:
    code = invite(sandbox)
    sandbox.faults.add("interviews.cancel", "commit-then-drop")
    sandbox.faults.add("interviews.get", "503", times=3)

    ran = run("interviews", "cancel", code, "--yes")

    assert ran.code == 1
    assert f"interviews.cancel for {code}: it may have been carried out" in ran.err
    assert (
        f"look at the interview before you try again, since each try e-mails people: boooply interviews get {code}"
        in ran.err
    )


@pytest.mark.parametrize("change", [("interviews.cancel",), ("interviews.reschedule", "--at", "2030-05-01T09:00:00Z")])
def test_the_way_to_look_names_the_customer(run: Run, sandbox, change: tuple[str, ...]) -> None:
    ((code,),) = fill(sandbox, customers=1, interviews=1).values()
    operation, *options = change
    sandbox.faults.add(operation, "commit-then-drop")
    sandbox.faults.add("interviews.get", "503", times=3)

    ran = run(*operation.split("."), code, *options, "--yes", "--customer", "org_0")

    assert ran.code == 1
    assert ran.err.endswith(f": boooply interviews get {code} --customer org_0\n")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("get", ""), "CODE: is empty"),
        (("cancel", "", "--yes"), "CODE: is empty"),
        (("reschedule", "", "--at", "2030-05-01T09:00:00Z", "--yes"), "CODE: is empty"),
        (("reschedule", "C", "--at", "2030-05-01T09:00:00Z", "--duration", "0"), 'Invalid value "0" for --duration'),
    ],
)
def test_a_wrong_argument_is_named(run: Run, sandbox, arguments: tuple[str, ...], problem: str) -> None:
    ran = run("interviews", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"boooply: {problem}")
    assert sandbox.calls == ()


# ---- the question


def test_a_question_names_the_interview_and_yes_answers_it(answering, run: Run, sandbox) -> None:
    code = invite(sandbox)

    exit_code, shown = answering(b"yes\n", "interviews", "cancel", code)

    assert f"Cancel {code} with Jane Doe? Boooply will e-mail 1 person. [y/N]" in shown
    assert (exit_code, status_of(run, code)["sessionStatus"]) == (0, "CANCELLED")


@pytest.mark.parametrize("response", [b"\n", b"n\n", b"\x04"])
def test_any_other_response_changes_nothing(answering, sandbox, response: bytes) -> None:
    code = invite(sandbox)

    exit_code, shown = answering(response, "interviews", "reschedule", code, "--at", "2030-05-01T09:00:00Z")

    assert f"Reschedule {code} with Jane Doe, to 2030-05-01 09:00+00:00? Boooply will e-mail 1 person. [y/N]" in shown
    assert "Nothing was changed." in shown
    assert exit_code == 2
    assert calls_of(sandbox, "interviews.reschedule") == 0


def test_ctrl_c_at_the_question_ends_it_at_once(answering, sandbox) -> None:
    code = invite(sandbox)
    begun = time.monotonic()

    exit_code, _ = answering(lambda process: process.send_signal(signal.SIGINT), "interviews", "cancel", code)

    assert exit_code == 130
    assert time.monotonic() - begun < 15
    assert calls_of(sandbox, "interviews.cancel") == 0


def test_a_terminal_that_cannot_be_read_counts_as_no(start_program: Run, sandbox) -> None:
    code = invite(sandbox)
    master, slave = pty.openpty()
    os.set_blocking(slave, False)  # another program may leave it so

    command = (*COMMAND, "cancel", code)
    with start_program(command, stdin=slave, stdout=slave, stderr=slave) as process:
        try:
            exit_code = process.wait(timeout=20)
        finally:
            process.kill()
    shown = os.read(master, 65_536).decode()
    os.close(slave)
    os.close(master)

    assert "Nothing was changed." in shown
    assert exit_code == 2
    assert calls_of(sandbox, "interviews.cancel") == 0


def test_json_of_a_change_is_the_interview(run: Run, sandbox) -> None:
    code = invite(sandbox)

    ran = run("interviews", "cancel", code, "--yes", "--json")

    assert json.loads(ran.out)["sessionStatus"] == "CANCELLED"
