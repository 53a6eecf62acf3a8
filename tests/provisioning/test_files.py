import csv
import json
import re
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boooply.errors import ProvisioningError, ValidationError
from boooply.models import TeamMember, Tenant
from boooply.provisioning import BadRow, Plan, iterate_rows, read_tenants
from boooply.provisioning.files import tenants as checks
from boooply.provisioning.files.suspicious import _HARMLESS, suspicions

HEADER = "organization_id,organization_name,user_id,user_email,user_name,team_members"
COLUMNS = HEADER.split(",")
SHORT = "organization_id,user_id,user_email"  # the required columns
NEVER_CLOSED = "not valid CSV: unexpected end of data"
CLOSED_TOO_EARLY = "not valid CSV: ',' expected after '\"'"
OPTIONS = (
    f'The columns are {", ".join(COLUMNS)}. To read a column with another name, use --map "NAME=organization_id" '
    "(Python: mapping). To skip unknown columns, use --ignore-extra (Python: ignore_extra=True)."
)
EMPTY = f"the file is empty. Add a header row with the columns {', '.join(COLUMNS)}."
ONE = Tenant(organization_id="1", user_id="u", user_email="a@b")
TWO = Tenant(organization_id="2", user_id="u", user_email="a@b")

Read = Callable[..., Plan]


def rule_of(model: type, **values: object) -> str:
    """Return the model's own words for a wrong value, which a bad row repeats."""
    with pytest.raises(ValidationError) as caught:
        model(**values)
    return caught.value.rule.partition(", not ")[0]


NOT_TEXT = rule_of(Tenant, organization_id="1", user_id="u", user_email=12)
NO_ID = rule_of(Tenant, organization_id="1", user_id=True, user_email="a@b")
CONTROL_CHARACTER = rule_of(Tenant, organization_id="1", user_id="\x01", user_email="a@b")
NO_EMAIL = rule_of(TeamMember, email="bob")
BAD_EMAIL = f"user_email: 'no' {NO_EMAIL}"
NO_ROLE = rule_of(TeamMember, email="a@b", role="BOSS")


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_text(text: str | bytes, name: str = "customers.csv") -> Plan:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_tenants(path)

    return read_text


def problems(found: Plan) -> list[tuple[int, str]]:
    return [(row.line, row.problem) for row in found.bad_rows]


# ---- CSV


@pytest.mark.parametrize(
    ("text", "tenants"),
    [
        pytest.param(f"{SHORT}\n1,u,a@b\n2,u,a@b\n", (ONE, TWO), id="LF"),
        pytest.param(f"{SHORT}\r\n1,u,a@b\r\n2,u,a@b\r\n", (ONE, TWO), id="CRLF"),
        pytest.param(f"{SHORT}\r1,u,a@b\r2,u,a@b\r", (ONE, TWO), id="CR, as old spreadsheets write"),
        pytest.param(f"{SHORT}\n1,u,a@b", (ONE,), id="no line end at the end"),
        pytest.param(f"\ufeff{SHORT}\n1,u,a@b", (ONE,), id="BOM"),
        pytest.param('\ufeff"organization_id",user_id,user_email\n1,u,a@b', (ONE,), id="BOM before a quote"),
        pytest.param("user_email,organization_id,user_id\na@b,1,u", (ONE,), id="columns in any order"),
        pytest.param(" organization_id , user_id,user_email\t\n1,u,a@b", (ONE,), id="blanks in the header"),
        pytest.param("organizationId,userId,userEmail\n1,u,a@b", (ONE,), id="the API's own names"),
        pytest.param(f"{SHORT}\n 1 ,\tu\u00a0, a@b \n", (ONE,), id="blanks around cells"),
        pytest.param(f'{SHORT}\n1, "u", "a@b"\n', (ONE,), id="blank before a quote"),
        pytest.param(f"\n \n{SHORT}\n\n1,u,a@b\n  \n\t\n,,\n,\t,\n2,u,a@b\n\n", (ONE, TWO), id="blank lines"),
        pytest.param(f"{HEADER}\n1,,u,a@b,  ,\n", (ONE,), id="empty optional cells"),
        pytest.param(
            f'{HEADER}\n1,"A, ""B""\nC",u,a@b,"D\r\nE",',
            (attrs.evolve(ONE, organization_name='A, "B"\nC', user_name="D\r\nE"),),
            id="commas, doubled quotes and line ends in quotes",
        ),
        pytest.param(
            f'{HEADER}\n1,5" pipes,u,a@b,,',
            (attrs.evolve(ONE, organization_name='5" pipes'),),
            id="a quote amid a cell",
        ),
        pytest.param(
            f"{HEADER}\n1,x\u2028y\x85z,u,a@b,,",
            (attrs.evolve(ONE, organization_name="x\u2028y\x85z"),),
            id="Unicode line ends end no line",
        ),
    ],
)
def test_csv_is_read(read: Read, text: str, tenants: tuple[Tenant, ...]) -> None:
    assert read(text) == Plan(tenants=tenants, bad_rows=())


@pytest.mark.parametrize(
    ("cell", "members"),
    [
        pytest.param("ADMIN:b@c:Bob", [TeamMember(email="b@c", name="Bob", role="ADMIN")], id="all parts"),
        pytest.param(":b@c:Bob", [TeamMember(email="b@c", name="Bob")], id="no role"),
        pytest.param("ADMIN:b@c:", [TeamMember(email="b@c", role="ADMIN")], id="empty name"),
        pytest.param("ADMIN:b@c", [TeamMember(email="b@c", role="ADMIN")], id="no name"),
        pytest.param(":b@c:Bob: the 2nd", [TeamMember(email="b@c", name="Bob: the 2nd")], id="colon in the name"),
        pytest.param(
            " OWNER : b@c : Bob ; ;:d@e:;",
            [TeamMember(email="b@c", name="Bob", role="OWNER"), TeamMember(email="d@e")],
            id="blanks and empty entries",
        ),
    ],
)
def test_csv_team_members_are_read(read: Read, cell: str, members: list[TeamMember]) -> None:
    found = read(f"{HEADER}\n1,,u,a@b,,{cell}\n")
    assert found == Plan(tenants=(attrs.evolve(ONE, team_members=members),), bad_rows=())


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param("1,,u,,,", [(2, "user_email: is missing")], id="e-mail missing"),
        pytest.param("1,,u,no,,", [(2, BAD_EMAIL)], id="not an e-mail"),
        pytest.param(" ,A,u,a@b,,", [(2, "organization_id: is missing")], id="id missing"),
        pytest.param("1,,,a@b,,", [(2, "user_id: is missing")], id="user id missing"),
        pytest.param(
            ",,u,a@b,,\n,,u,a@b,,",
            [(2, "organization_id: is missing"), (3, "organization_id: is missing")],
            id="a missing id is no id used again",
        ),
        pytest.param(
            ",,,no,\x01,",
            [
                (2, "user_id: is missing"),
                (2, BAD_EMAIL),
                (2, "organization_id: is missing"),
                (2, f"user_name: '\\x01' {CONTROL_CHARACTER}"),
            ],
            id="all problems of a row at once",
        ),
        pytest.param(
            "1,,u,a@b,,BOSS:b@c:Bob;ADMIN:bob",
            [
                (2, f"team_members, member 1: role: 'BOSS' {NO_ROLE}"),
                (2, f"team_members, member 2: email: 'bob' {NO_EMAIL}"),
            ],
            id="members",
        ),
        pytest.param("1,,u,a@b,,ADMIN", [(2, "team_members, member 1: email: is missing")], id="member without e-mail"),
        pytest.param(
            "1,,u,a@b,,\n1,,u,a@b,,\n1,,u,a@b,,",
            [
                (3, "organization_id: '1' is already used on line 2"),
                (4, "organization_id: '1' is already used on line 2"),
            ],
            id="id used again",
        ),
        pytest.param(
            "1,,u,no,,\n1,,u,a@b,,",
            [(2, BAD_EMAIL), (3, "organization_id: '1' is already used on line 2")],
            id="id used again after a bad row",
        ),
        pytest.param("1,A, Inc,u,a@b,,", [(2, "the row has 7 cells, the header has 6")], id="comma without quotes"),
        pytest.param("1,A,u", [(2, "the row has 3 cells, the header has 6")], id="row cut off"),
        pytest.param('1,"A\n\nB",u,no,,', [(2, BAD_EMAIL)], id="first of its lines"),
        pytest.param('1,"A\n\nB",u,a@b,,\n\n2,,u,no,,', [(6, BAD_EMAIL)], id="lines are physical"),
        pytest.param(
            "1,,u,\x1b[2Jno\u202e,,",
            [
                (
                    2,
                    (
                        "user_email: '\\x1b[2Jno\\u202e' contains an invisible character: "
                        "right-to-left override (U+202E) at character 7"
                    ),
                )
            ],
            id="control characters are shown escaped",
        ),
        pytest.param(f"1,,u,{'x' * 41},,", [(2, f"user_email: '{'x' * 40}'… {NO_EMAIL}")], id="40 characters at most"),
        pytest.param(f"1,,u,{'x' * 40},,", [(2, f"user_email: '{'x' * 40}' {NO_EMAIL}")], id="all of 40"),
        pytest.param(
            f"1,,u,a@b,,{'x' * 41}:a@b",
            [(2, f"team_members, member 1: role: '{'x' * 40}'… {NO_ROLE}")],
            id="40 characters of a role",
        ),
    ],
)
def test_bad_csv_rows_name_their_problems(read: Read, rows: str, expected: list[tuple[int, str]]) -> None:
    assert problems(read(f"{HEADER}\n{rows}\n")) == expected


@pytest.mark.parametrize("row", ["1,,u,\x01{},,", "1,,u,a@b,,\x01{}:b@c:Bob"], ids=["e-mail", "role"])
def test_a_key_in_the_wrong_column_is_not_shown(read: Read, row: str) -> None:
    key = "bply_platform_0123456789abcdefghij"
    [bad] = read(f"{HEADER}\n{row.format(key)}\n").bad_rows
    assert "0123456789" not in bad.problem
    assert "bply_platform_…ghij" in bad.problem


@pytest.mark.parametrize(
    ("rows", "expected", "ids"),
    [
        pytest.param('1,,u,a@b,,\n2,"A,u,a@b,,', [(3, NEVER_CLOSED)], ["1"], id="on the last line"),
        pytest.param('1,"A,u,a@b,,\n2,,u,a@b,,\n', [(2, NEVER_CLOSED)], ["2"], id="rows below are checked too"),
        pytest.param(
            '1,,u,no,,\n2,"A,u,a@b,,\n3,,u,no,,',
            [(2, BAD_EMAIL), (3, NEVER_CLOSED), (4, BAD_EMAIL)],
            [],
            id="bad rows around it",
        ),
        pytest.param(
            '1,"A\nB",u,a@b,"C\nD",\n2,"A\nB",u,a@b,"C,\n3,,u,a@b,,',
            [(5, NEVER_CLOSED), (6, NEVER_CLOSED)],
            ["1", "3"],
            id="in a row over several lines",
        ),
        pytest.param('1,"A\nB",u,a@b,"C,', [(2, NEVER_CLOSED), (3, NEVER_CLOSED)], [], id="the same on the last line"),
        pytest.param(
            '1,"A,u,a@b,,\n2,,u,a@b,,\n3,"B, Inc",u,a@b,,\n4,,u,a@b,,',
            [(2, CLOSED_TOO_EARLY)],
            ["2", "3", "4"],
            id="a later quote seems to close it",
        ),
        pytest.param(
            '1,"A\nB",u,a@b,"C,\n2,"B, Inc",u,a@b,,',
            [(2, CLOSED_TOO_EARLY), (3, CLOSED_TOO_EARLY)],
            ["2"],
            id="the same over several lines",
        ),
        pytest.param(
            '1,"A "good" one",u,a@b,,\n2,,u,a@b,,', [(2, CLOSED_TOO_EARLY)], ["2"], id="quotes inside not doubled"
        ),
        pytest.param(
            '1,"A,u,a@b,,\n2,"B,u,a@b,,\n3,"C,u,a@b,,\n4,,u,a@b,,',
            [(2, CLOSED_TOO_EARLY), (3, CLOSED_TOO_EARLY), (4, NEVER_CLOSED)],
            ["4"],
            id="several",
        ),
    ],
)
def test_unbalanced_quotes_spoil_only_their_own_row(
    read: Read, rows: str, expected: list[tuple[int, str]], ids: list[str]
) -> None:
    found = read(f"{HEADER}\n{rows}")
    assert problems(found) == expected
    assert [tenant.organization_id for tenant in found.tenants] == ids


def test_an_open_quote_does_not_swallow_a_large_file(read: Read) -> None:
    rows = [f"{number},u,a@b\n" for number in range(20_000)]
    rows[100] = '100,"u,a@b\n'
    found = read(f"{SHORT}\n{''.join(rows)}")
    assert problems(found) == [(102, "not valid CSV: field larger than field limit (131072)")]
    assert len(found.tenants) == 19_999


# ---- JSON Lines


def as_json(tenant: Tenant) -> str:
    return json.dumps(attrs.asdict(tenant), ensure_ascii=False)


@pytest.mark.parametrize("name", ["customers.jsonl", "customers.ndjson", "CUSTOMERS.JSONL"])
@pytest.mark.parametrize(
    ("text", "tenants"),
    [
        pytest.param(f"{as_json(ONE)}\n{as_json(TWO)}\n", (ONE, TWO), id="snake_case and nulls"),
        pytest.param('{"organizationId": "1", "userId": "u", "userEmail": "a@b"}', (ONE,), id="camelCase"),
        pytest.param(f"\ufeff\r\n{as_json(ONE)}\r\n  \r\n{as_json(TWO)}", (ONE, TWO), id="BOM, CRLF, blank lines"),
        pytest.param(
            '{"organization_id": " 1\\t", "user_id": "u", "user_email": "a@b", "user_name": " "}', (ONE,), id="blanks"
        ),
        pytest.param(
            '{"organizationId": "1", "userId": "u", "userEmail": "a@b", "organizationName": "\\ud83d\\ude00\\n", '
            '"teamMembers": [{"email": " b@c ", "name": "Bob; ADMIN", "role": "OWNER"}, '
            '{"email": "d@e", "name": "", "role": null}]}',
            (
                attrs.evolve(
                    ONE,
                    organization_name="😀",
                    team_members=(TeamMember(email="b@c", name="Bob; ADMIN", role="OWNER"), TeamMember(email="d@e")),
                ),
            ),
            id="team members",
        ),
    ],
)
def test_json_lines_are_read(read: Read, text: str, name: str, tenants: tuple[Tenant, ...]) -> None:
    assert read(text, name) == Plan(tenants=tenants, bad_rows=())


GOOD = '"organization_id": "1", "user_id": "u", "user_email": "a@b"'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("{'a': 1}", "not valid JSON: Expecting property name enclosed in double quotes at character 2"),
        pytest.param("{" + GOOD, "not valid JSON: Expecting ',' delimiter at character 61", id="cut off"),
        pytest.param(
            "[" * 100_000, "cannot be read as JSON: a number is too long, or the nesting is too deep", id="deep"
        ),
        pytest.param(
            "9" * 5_000, "cannot be read as JSON: a number is too long, or the nesting is too deep", id="long"
        ),
        pytest.param('["x"]', '["x"] must be an object, such as {"organization_id": …}', id="array"),
        pytest.param('"\\u001b"', "'\\x1b' must be an object, such as {\"organization_id\": …}", id="string"),
        pytest.param(
            "{}", "user_id: is missing; user_email: is missing; organization_id: is missing", id="empty object"
        ),
        pytest.param(
            '{"organization_id": [1], "user_id": 1.5, "user_email": {"a": 1}, "user_name": true}',
            f"user_id: 1.5 {NO_ID}; user_email: an object {NOT_TEXT}; organization_id: [1] {NO_ID}; "
            f"user_name: true {NOT_TEXT}",
            id="not text",
        ),
        pytest.param(
            '{"organization_id": "1", "user_id": null, "user_email": "a@b"}', "user_id: is missing", id="null is absent"
        ),
        pytest.param(
            f'{{"organization_id": "1", "user_id": ["bply_org_{"0" * 20}ab12"], "user_email": "a@b"}}',
            f'user_id: ["bply_org_…ab12"] {NO_ID}',
            id="a key in a list",
        ),
        pytest.param(
            f'{{"organization_id": "1", "user_id": "u", "user_email": {"9" * 41}}}',
            f"user_email: {'9' * 40} {NOT_TEXT}",
            id="40 characters of a number",
        ),
        pytest.param(
            f'{{{GOOD}, "userName": "x", "user_name": "y"}}',
            "user_name: is given twice, as 'userName' and 'user_name'",
            id="is given twice",
        ),
        pytest.param(
            f'{{{GOOD}, "user_id": "v"}}',
            "user_id: is given twice, as 'user_id' and 'user_id'",
            id="the same key twice",
        ),
        pytest.param(
            f'{{{GOOD}, "usr_name": "x"}}', "unknown name 'usr_name' (did you mean user_name?)", id="mistyped"
        ),
        pytest.param(f'{{{GOOD}, "\\u0007": "x"}}', "unknown name '\\x07'", id="unknown key"),
        pytest.param(
            f'{{{GOOD}, "user_name": "\\ud800"}}',
            "contains half of a surrogate pair: a \\ud8… escape without its other half",
            id="half of a character",
        ),
        pytest.param(
            f'{{{GOOD}, "team_members": "ADMIN:b@c:Bob"}}',
            "team_members: 'ADMIN:b@c:Bob' must be a list of objects",
            id="members as text",
        ),
        pytest.param(
            f'{{{GOOD}, "team_members": {{"email": "b@c"}}}}',
            "team_members: an object must be a list of objects",
            id="members as an object",
        ),
        pytest.param(
            f'{{{GOOD}, "team_members": ["b@c", {{"mail": "b@c", "role": 3}}]}}',
            "team_members, member 1: 'b@c' must be an object; "
            "team_members, member 2: unknown name 'mail' (did you mean email?); "
            "team_members, member 2: email: is missing; "
            f"team_members, member 2: role: 3 {NO_ROLE}",
            id="members",
        ),
    ],
)
def test_bad_json_rows_name_their_problems(read: Read, text: str, problem: str) -> None:
    found = read(f"\n{text}\n{as_json(TWO)}\n", "customers.jsonl")
    assert {row.line for row in found.bad_rows} == {2}
    assert "; ".join(row.problem for row in found.bad_rows) == problem
    assert found.tenants == (TWO,)


def test_a_bad_json_row_has_a_kind_and_a_column(read: Read) -> None:
    text = f'{{{GOOD}, "userId": "v", "seats": 3, "team_members": 7}}'
    assert read(text, "customers.jsonl").bad_rows == (
        BadRow(
            line=1, kind="repeated name", column="user_id", problem="user_id: is given twice, as 'user_id' and 'userId'"
        ),
        BadRow(line=1, kind="unknown name", problem="unknown name 'seats'"),
        BadRow(line=1, kind="wrong type", column="team_members", problem="team_members: 7 must be a list of objects"),
    )


def test_a_repeated_id_in_json_lines(read: Read) -> None:
    found = read(f"{as_json(ONE)}\n\n{as_json(ONE)}\n", "customers.jsonl")
    assert problems(found) == [(3, "organization_id: '1' is already used on line 1")]


# ---- files that cannot be used


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        pytest.param("", "x.csv", EMPTY, id="empty"),
        pytest.param("\ufeff\n\n", "x.csv", EMPTY, id="blank"),
        pytest.param("", "x.jsonl", "the file contains no customers", id="empty JSON Lines"),
        pytest.param(f"{SHORT}\n\n", "x.csv", "the file contains no customers", id="header only"),
        pytest.param(
            "\norganization_id,user_name\n1,u",
            "x.csv",
            f"line 2 (the header): column user_id is missing; column user_email is missing. {OPTIONS}",
            id="columns missing",
        ),
        pytest.param(
            f"{SHORT},userId\n1,u,a@b,v",
            "x.csv",
            f"line 1 (the header): user_id: is given twice, as 'user_id' and 'userId'. {OPTIONS}",
            id="column twice",
        ),
        pytest.param(
            f"{SHORT},organizaton_name,plan\x1b\n1,u,a@b,A,B",
            "x.csv",
            "line 1 (the header): unknown name 'organizaton_name' (did you mean organization_name?); "
            f"unknown name 'plan\\x1b'. {OPTIONS}",
            id="unknown columns",
        ),
        pytest.param(
            f'{SHORT},"user_name\n1,u,a@b,v',
            "x.csv",
            f"line 1 (the header): {NEVER_CLOSED}. Close each quoted cell, and double each quote inside it.",
            id="quote in the header",
        ),
        pytest.param(SHORT.encode("utf-16"), "x.csv", "the file contains no customers", id="UTF-16"),
    ],
)
def test_an_unusable_file_raises(read: Read, tmp_path: Path, text: str | bytes, name: str, reason: str) -> None:
    with pytest.raises(ProvisioningError) as caught:
        read(text, name)
    assert str(caught.value) == f"{tmp_path / name}: {reason}"


@pytest.mark.parametrize("name", ["missing.csv", "."], ids=["missing", "directory"])
def test_a_path_that_is_no_file_cannot_be_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProvisioningError, match=r"cannot be opened: \w+"):
        read_tenants(tmp_path / name)


# ---- at large


def test_rows_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(f"{SHORT}\n1,u,a@b\n,u,a@b\n2,u,a@b\n")
    assert list(iterate_rows(str(path))) == [
        ONE,
        BadRow(line=3, kind="missing value", column="organization_id", problem="organization_id: is missing"),
        TWO,
    ]


def test_iterating_refuses_unknown_columns(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(f"{SHORT},plan\n1,u,a@b,gold\n")
    with pytest.raises(ProvisioningError, match="unknown name 'plan'"):
        list(iterate_rows(path))


def test_another_thread_may_continue_an_iteration(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(f"{SHORT}\n1,u,a@b\n2,u,a@b\n")
    rows = iterate_rows(path)
    assert next(rows) == ONE
    with ThreadPoolExecutor(1) as other:
        assert other.submit(list, rows).result() == [TWO]


def test_iterating_leaves_no_file_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(f"{SHORT}\n1,u,a@b\n2,u,a@b\n")
    monkeypatch.chdir(tmp_path)
    for _ in iterate_rows(path):
        assert list(tmp_path.iterdir()) == [path]


def written(path: Path, tenants: list[Tenant], *, bom: bool = False) -> Path:
    def cells(tenant: Tenant) -> Iterator[str]:
        members = ";".join(f"{one.role or ''}:{one.email}:{one.name or ''}" for one in tenant.team_members)
        for column in COLUMNS[:-1]:
            yield getattr(tenant, column) or ""
        yield members

    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(map(list, map(cells, tenants)))
    return path


def texts(without: str = "") -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=without)
    return st.text(characters | st.sampled_from("\",;:\n\r'" if not without else "\",:\n'"), min_size=1).filter(
        lambda text: text == text.strip()
    )


def is_fine(column: str) -> Callable[[str], bool]:
    return lambda text: all(found.is_warning for found in suspicions(column, text))


IDS = texts().filter(lambda text: len(text.splitlines()) == 1).filter(is_fine("organization_id"))
EMAILS = st.from_regex(r"[a-z0-9ø株+.\"',-]{1,8}@[a-z0-9é.]{1,8}", fullmatch=True).filter(is_fine("user_email"))
NAMES_OF_ALL_KINDS = texts().filter(is_fine("user_name"))
MEMBERS = st.builds(
    TeamMember,
    email=EMAILS,
    name=st.none() | texts(without=";").filter(is_fine("name")),
    role=st.sampled_from([None, "OWNER", "ADMIN", "MEMBER"]),
)
TENANTS = st.builds(
    Tenant,
    organization_id=IDS,
    organization_name=st.none() | NAMES_OF_ALL_KINDS,
    user_id=IDS,
    user_email=EMAILS,
    user_name=st.none() | NAMES_OF_ALL_KINDS,
    team_members=st.lists(MEMBERS, max_size=3).map(tuple),
)


# each example overwrites the same file
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tenants=st.lists(TENANTS, min_size=1, max_size=5, unique_by=lambda tenant: tenant.organization_id))
def test_written_customers_are_read_back(tmp_path: Path, tenants: list[Tenant]) -> None:
    (tmp_path / "customers.jsonl").write_text("\n".join(map(as_json, tenants)), encoding="utf-8")
    for path in (written(tmp_path / "customers.csv", tenants), tmp_path / "customers.jsonl"):
        plan = read_tenants(path)
        assert (plan.tenants, plan.bad_rows) == (tuple(tenants), ())


@given(text=st.from_regex(_HARMLESS[True], fullmatch=True))
def test_a_harmless_name_is_not_suspicious(text: str) -> None:
    assert list(suspicions("user_name", text)) == []


@given(text=st.from_regex(_HARMLESS[False], fullmatch=True))
def test_a_harmless_value_is_not_suspicious(text: str) -> None:
    assert list(suspicions("organization_id", text)) == []


CSV_PIECES = st.lists(st.sampled_from(['"', ",", "\n", "\r", " ", "1", "a@b", "ADMIN:", ";"]), max_size=30)


# each example overwrites the same file
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary() | CSV_PIECES.map(lambda pieces: "".join(pieces).encode()))
def test_any_content_yields_rows_in_order(tmp_path: Path, content: bytes) -> None:
    for name, head in (("x.csv", f"{SHORT}\n".encode()), ("x.jsonl", b"{}\n")):
        path = tmp_path / name
        path.write_bytes(head + content + b"\n")
        try:
            lines = [row.line for row in read_tenants(path).bad_rows]
        except ProvisioningError as error:
            assert re.search("contains no customers$|not UTF-8|UTF-16", str(error))  # noqa: PT017 - most contents are bad rows
        else:
            assert lines == sorted(lines)


NAMES = [
    "Søren Kjær",
    "Müller, Anna",
    "O'Brien Siobhán",
    "李小龍",
    "Анна Петрова",
    "Ngọc Anh",
    "محمد علي",
    "Zoë Nuñez",
    None,
]
FIRMS = ["株式会社みらい", "Ember Bau S.A. de C.V.", "Ørsted Care, Oy", 'The "Faro" GmbH & Co. KG', "Łukasz\nŻak A/S"]


def customers(count: int) -> list[Tenant]:
    return [
        Tenant(
            organization_id=f"org_{7_234_567_890 + 17 * number}",
            organization_name=FIRMS[number % len(FIRMS)],
            user_id=str(12_345 + number),
            user_email=f"Admin+{number}@TENANT{number:04}.EXAMPLE",
            user_name=NAMES[number % len(NAMES)],
            team_members=tuple(
                TeamMember(
                    email=f"member{place}@tenant{number:04}.example",
                    name=NAMES[(number + place) % len(NAMES)],
                    role=("MEMBER", "ADMIN", None)[place % 3],
                )
                for place in range(number % 9)
            ),
        )
        for number in range(count)
    ]


def test_a_thousand_customers_in_many_scripts_are_read_back(tmp_path: Path) -> None:
    tenants = customers(1_000)
    path = written(tmp_path / "customers.csv", tenants, bom=True)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert path.read_bytes().count(b"\r\n") == 1_001
    assert read_tenants(path) == Plan(tenants=tuple(tenants), bad_rows=())


def test_iterating_uses_little_memory(tmp_path: Path) -> None:
    path = written(tmp_path / "customers.csv", customers(1_000))
    tracemalloc.start()
    deque(iterate_rows(path), maxlen=0)
    streamed = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    kept = read_tenants(path)
    whole = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(kept.tenants) == 1_000
    assert streamed < whole / 5


def test_a_model_that_rejects_the_replacement_too_raises(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checks._REQUIRED[Tenant], "user_email", "no")
    with pytest.raises(ValidationError, match="user_email"):
        read(f"{SHORT}\n1,u,no\n")


def test_ids_may_be_numbers_and_are_those_of_their_text(read: Read) -> None:
    numbers = '{"organization_id": 1, "user_id": 7, "user_email": "a@b"}'

    assert read(numbers, "customers.jsonl").tenants == (Tenant(organization_id="1", user_id="7", user_email="a@b"),)
    twice = f"{numbers}\n" + '{"organization_id": "1", "user_id": "u", "user_email": "a@b"}'
    assert problems(read(twice, "customers.jsonl")) == [(2, "organization_id: '1' is already used on line 1")]
