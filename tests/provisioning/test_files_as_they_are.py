"""Files as spreadsheets, databases and programs write them: each with what is read and what is refused.

``tests/data/files/expected.json`` lists the cases of each file: the options, the ids that are read, and line, column
and kind of each problem; or a part of the error.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from boooply.errors import ProvisioningError
from boooply.provisioning.files import suspicious
from boooply.provisioning.files.reading import read_tenants
from boooply.provisioning.files.rows import REMEDIES, BadRow, RowWarning

FILES = Path(__file__).parents[1] / "data" / "files"
EXPECTED: dict[str, list[dict[str, Any]]] = json.loads((FILES / "expected.json").read_text(encoding="utf-8"))
CASES = [(name, case) for name, cases in EXPECTED.items() for case in cases]


def named(cases: Iterable[tuple[str, dict[str, Any]]]) -> list[Any]:
    return [pytest.param(name, case, id=f"{name}: {case['what']}") for name, case in cases]


def places(rows: tuple[BadRow, ...] | tuple[RowWarning, ...]) -> list[list[Any]]:
    return [[row.line, row.column, row.kind] for row in rows]


@pytest.mark.parametrize(("name", "case"), named(case for case in CASES if "error" not in case[1]))
def test_a_file_is_read_as_expected(name: str, case: dict[str, Any]) -> None:
    found = read_tenants(FILES / name, **case.get("options", {}))

    assert [tenant.organization_id for tenant in found.tenants] == case["ids"]
    assert places(found.bad_rows) == case.get("bad", [])
    assert places(found.warnings) == case.get("warnings", [])


@pytest.mark.parametrize(("name", "case"), named(case for case in CASES if "error" in case[1]))
def test_a_file_that_cannot_be_used_names_the_remedy(name: str, case: dict[str, Any]) -> None:
    with pytest.raises(ProvisioningError) as caught:
        read_tenants(FILES / name, **case.get("options", {}))

    assert case["error"] in str(caught.value).removeprefix(str(FILES / name))
    assert "\n" not in str(caught.value)


def test_every_file_is_expected() -> None:
    assert {path.name for path in FILES.iterdir()} == {*EXPECTED, "expected.json"}


def test_every_kind_that_is_refused_has_a_file() -> None:
    kinds = {kind for _, case in CASES for _, _, kind in case.get("bad", []) + case.get("warnings", [])}

    assert suspicious.REMEDIES.keys() <= kinds


def test_a_broken_line_of_json_has_a_remedy_of_its_own() -> None:
    found = read_tenants(FILES / "broken.jsonl")

    remedies = {REMEDIES[row.kind] for row in found.bad_rows}
    assert len(remedies) == 1
    assert not remedies & {remedy for kind, remedy in REMEDIES.items() if kind != "invalid JSON"}


def test_no_problem_shows_a_key() -> None:
    found = read_tenants(FILES / "keys.csv")

    assert len(found.bad_rows) == 2
    assert not any("0123456789" in row.problem for row in found.bad_rows)


def test_names_and_addresses_are_read_in_every_encoding() -> None:
    for name in (
        "comma.csv",
        "utf-8-bom.csv",
        "utf-16-le.csv",
        "utf-16-be.csv",
        "excel-unicode-text.txt",
        "lines.json",
    ):
        first, second = read_tenants(FILES / name).tenants
        assert (first.organization_name, second.organization_name) == ("Müller & Söhne GmbH", "Łódź Logistyka")
        assert [(member.role, member.name) for member in first.team_members] == [("ADMIN", "Bob Baker")]
