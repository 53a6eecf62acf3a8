"""What an export writes and expects, without an API; and one customer whose reads keep failing."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boooply import APIConnectionError, AsyncBoooplyClient, AsyncTenants, Interview
from boooply.cli.access import Clients
from boooply.cli.interviews import reading
from boooply.cli.interviews.part import Part, ReadRow, Stream
from boooply.cli.interviews.reading import Expected, Reading
from boooply.cli.interviews.rows import COLUMNS, Format, row_of
from tests.cli.invited import fill

Run = Callable[..., Any]


# ---- rows


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("Zoë Müller", "Zoë Müller"),
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-Jane", "'-Jane"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "' =1"),
        ("\uff1d1", "'\uff1d1"),
        ("Jane;=1", "Jane;'=1"),
        ("Doe, =1", "Doe,' =1"),
        ("Jane-Ann + Bob", "Jane-Ann + Bob"),
        ("Jane\nDoe", "Jane Doe"),
        ("Jane\u202eenaJ", "Jane enaJ"),
        ('"Jane"', '"Jane"'),
    ],
)
def test_no_text_of_a_csv_file_is_a_formula_or_breaks_its_line(name: str, cell: str) -> None:
    interview = Interview(meeting_code="Boooply-AI-1", title=name, overall_score=-1.5)

    form = Format("csv", COLUMNS)
    text = form.head + form.line(row_of("org_1", interview))

    (row,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert (row["customer"], row["meeting_code"], row["title"]) == ("org_1", "Boooply-AI-1", cell)
    assert row["overall_score"] == "-1.5"  # a number is none
    assert text.count("\r\n") == len(text.splitlines()) == 2


def test_json_lines_have_the_texts_as_they_are() -> None:
    interview = Interview(meeting_code="Boooply-AI-1", title="=1\n2", source_id="org_7")

    row = json.loads(Format("jsonl", COLUMNS).line(row_of("", interview)))

    assert (row["customer"], row["title"], row["end_reason"]) == ("org_7", "=1\n2", None)


# ---- a half-finished export


def test_the_file_has_the_rows_of_complete_customers_in_the_order_of_their_lists(tmp_path: Path) -> None:
    target = tmp_path / "all.jsonl"
    with Part.open(target, {"form": "jsonl"}) as part:
        part.put("b", [ReadRow(1, "y", {"n": 1}), ReadRow(0, "x", {"n": 0})])
        part.finish("b")
    with Part.open(target, {"form": "jsonl"}) as part:
        assert part.customers == {"b"}
        assert part.begun_at is not None
        part.put("a", [ReadRow(0, "x", {"n": 2}), ReadRow(1, "z", {"n": 3}, {"e": 1})])
        part.put("a", [ReadRow(0, "x", {"n": 4})])
        assert part.evaluations("a") == {"z": {"e": 1}}
        part.finish("a")
        part.put("c", [ReadRow(0, "x", {"n": 5})])
        assert part.write(target, Format("jsonl", ("n", "e"))) == 4

    rows = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert rows == [{"n": 4, "e": None}, {"n": 3, "e": 1}, {"n": 0, "e": None}, {"n": 1, "e": None}]
    assert list(tmp_path.iterdir()) == [target]


def test_a_half_finished_export_without_rows_is_deleted(tmp_path: Path) -> None:
    with Part.open(tmp_path / "all.csv", {}) as part:
        assert part.begun_at is None
    assert list(tmp_path.iterdir()) == []


# ---- how long it takes


async def _nobody(_: str) -> AsyncBoooplyClient:
    raise AssertionError


def test_the_estimate_counts_each_keys_allowance_and_the_customers_read_at_once() -> None:
    clients = Clients("https://api.example", (), _nobody)
    reading = Reading(
        clients=clients, filters={}, with_evaluations=True, concurrency=2, sink=Stream(Format("jsonl", COLUMNS))
    )
    assert reading.seconds_left() == 0

    reading.expected["a"] = Expected(interviews=1, evaluations=0, limit=100, spent=3)
    assert reading.seconds_left() < 1

    for name in ("a", "b", "c"):  # 3 reads to count, 3 pages, 250 evaluations: two more minutes each
        reading.expected[name] = Expected(interviews=250, evaluations=250, limit=100, spent=3)
    assert 240 <= reading.seconds_left() < 241


# ---- one customer among others


def test_a_customer_whose_reads_keep_failing_is_left_out(
    run: Run, sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_PATIENCE", 2.0)
    monkeypatch.setattr(reading, "_PAUSE", 0.1)
    fill(sandbox, customers=3, interviews=2)
    find = AsyncTenants.client

    async def fail_for_one(tenants: AsyncTenants, organization_id: str, /) -> AsyncBoooplyClient:
        if organization_id == "org_1":
            raise APIConnectionError("organization.get", "a proxy is down for this one")
        return await find(tenants, organization_id)

    monkeypatch.setattr(AsyncTenants, "client", fail_for_one)

    ran = run("interviews", "export", "--all-customers", "--output", "all.jsonl")

    assert ran.code == 4
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text("utf-8").splitlines()]
    assert [row["customer"] for row in rows] == ["org_0", "org_0", "org_2", "org_2"]
    assert "org_1 organization.get: no response from the API: a proxy is down" in " ".join(ran.err.split())
