import csv
import json
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boooply.errors import ProvisioningError, ValidationError
from boooply.models import TeamMember, Tenant
from boooply.provisioning import BadRow, Plan, iterate_rows, plan, read_tenants

HEADER = "organization_id,organization_name,user_id,user_email,user_name,team_members"
COLUMNS = HEADER.split(",")
SHORT = "organization_id,user_id,user_email"  # the columns that have to be there
OPENS_HERE = 'unbalanced quote: a cell that opens here with " '
NEVER_CLOSED = f"{OPENS_HERE}is never closed"
NOT_CLOSED_WHERE = f'{OPENS_HERE}is not closed where it ends: close it, or write a " inside it twice'
ONE = Tenant(organization_id="1", user_id="u", user_email="a@b")
TWO = Tenant(organization_id="2", user_id="u", user_email="a@b")

Read = Callable[..., Plan]


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
def test_csv(read: Read, text: str, tenants: tuple[Tenant, ...]) -> None:
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
def test_csv_team_members(read: Read, cell: str, members: list[TeamMember]) -> None:
    found = read(f"{HEADER}\n1,,u,a@b,,{cell}\n")
    assert found == Plan(tenants=(attrs.evolve(ONE, team_members=members),), bad_rows=())


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param("1,,u,,,", [(2, "user_email: missing")], id="e-mail missing"),
        pytest.param("1,,u,no,,", [(2, "user_email: 'no' is not an e-mail address")], id="not an e-mail"),
        pytest.param(" ,A,u,a@b,,", [(2, "organization_id: missing")], id="id missing"),
        pytest.param("1,,,a@b,,", [(2, "user_id: missing")], id="user id missing"),
        pytest.param(
            ",,u,a@b,,\n,,u,a@b,,",
            [(2, "organization_id: missing"), (3, "organization_id: missing")],
            id="a missing id is no id used again",
        ),
        pytest.param(
            ",,,no,\x01,",
            [
                (
                    2,
                    (
                        "user_id: missing; user_email: 'no' is not an e-mail address; organization_id: missing; "
                        "user_name: '\\x01' contains a control character"
                    ),
                )
            ],
            id="all problems of a row at once",
        ),
        pytest.param(
            "1,,u,a@b,,BOSS:b@c:Bob;ADMIN:bob",
            [
                (
                    2,
                    (
                        "team_members, member 1: role: 'BOSS' must be one of OWNER, ADMIN, MEMBER; "
                        "team_members, member 2: email: 'bob' is not an e-mail address"
                    ),
                )
            ],
            id="members",
        ),
        pytest.param("1,,u,a@b,,ADMIN", [(2, "team_members, member 1: email: missing")], id="member without e-mail"),
        pytest.param(
            "1,,u,a@b,,\n1,,u,a@b,,\n1,,u,a@b,,",
            [
                (3, "organization_id: '1' is used already on line 2"),
                (4, "organization_id: '1' is used already on line 2"),
            ],
            id="id used again",
        ),
        pytest.param(
            "1,,u,no,,\n1,,u,a@b,,",
            [(2, "user_email: 'no' is not an e-mail address"), (3, "organization_id: '1' is used already on line 2")],
            id="id used again after a bad row",
        ),
        pytest.param(
            "1,A, Inc,u,a@b,,",
            [(2, '7 cells where the header names 6 columns: a cell that holds a comma has to stand in "…"')],
            id="comma without quotes",
        ),
        pytest.param(
            "1,A,u,a@b",
            [(2, '4 cells where the header names 6 columns: a cell that holds a comma has to stand in "…"')],
            id="row cut off",
        ),
        pytest.param('1,"A\n\nB",u,no,,', [(2, "user_email: 'no' is not an e-mail address")], id="first of its lines"),
        pytest.param(
            '1,"A\n\nB",u,a@b,,\n\n2,,u,no,,',
            [(6, "user_email: 'no' is not an e-mail address")],
            id="lines are physical",
        ),
        pytest.param(
            "1,,u,\x1b[2Jno\u202e,,",
            [(2, "user_email: '\\x1b[2Jno\\u202e' contains a control character")],
            id="control characters are shown escaped",
        ),
        pytest.param(
            f"1,,u,{'x' * 41},,",
            [(2, f"user_email: '{'x' * 40}'… is not an e-mail address")],
            id="40 characters at most",
        ),
        pytest.param(f"1,,u,{'x' * 40},,", [(2, f"user_email: '{'x' * 40}' is not an e-mail address")], id="all of 40"),
        pytest.param(
            f"1,,u,a@b,,{'x' * 41}:a@b",
            [(2, f"team_members, member 1: role: '{'x' * 40}'… must be one of OWNER, ADMIN, MEMBER")],
            id="40 characters of a role",
        ),
    ],
)
def test_bad_rows(read: Read, rows: str, expected: list[tuple[int, str]]) -> None:
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
            [
                (2, "user_email: 'no' is not an e-mail address"),
                (3, NEVER_CLOSED),
                (4, "user_email: 'no' is not an e-mail address"),
            ],
            [],
            id="bad rows around it",
        ),
        pytest.param(
            '1,"A\nB",u,a@b,"C\nD",\n2,"A\nB",u,a@b,"C,\n3,,u,a@b,,',
            [(6, NEVER_CLOSED)],
            ["1", "3"],
            id="in a row over several lines",
        ),
        pytest.param('1,"A\nB",u,a@b,"C,', [(3, NEVER_CLOSED)], [], id="the same on the last line"),
        pytest.param(
            '1,"A,u,a@b,,\n2,,u,a@b,,\n3,"B, Inc",u,a@b,,\n4,,u,a@b,,',
            [(2, NOT_CLOSED_WHERE)],
            ["2", "3", "4"],
            id="a later quote seems to close it",
        ),
        pytest.param(
            '1,"A\nB",u,a@b,"C,\n2,"B, Inc",u,a@b,,', [(3, NOT_CLOSED_WHERE)], ["2"], id="the same over several lines"
        ),
        pytest.param(
            '1,"A "good" one",u,a@b,,\n2,,u,a@b,,', [(2, NOT_CLOSED_WHERE)], ["2"], id="quotes inside not doubled"
        ),
        pytest.param(
            '1,"A,u,a@b,,\n2,"B,u,a@b,,\n3,"C,u,a@b,,\n4,,u,a@b,,',
            [(2, NOT_CLOSED_WHERE), (3, NOT_CLOSED_WHERE), (4, NEVER_CLOSED)],
            ["4"],
            id="several",
        ),
    ],
)
def test_unbalanced_quotes(read: Read, rows: str, expected: list[tuple[int, str]], ids: list[str]) -> None:
    found = read(f"{HEADER}\n{rows}")
    assert problems(found) == expected
    assert [tenant.organization_id for tenant in found.tenants] == ids


def test_an_open_quote_swallows_no_large_file(read: Read) -> None:
    rows = [f"{number},u,a@b\n" for number in range(20_000)]
    rows[100] = '100,"u,a@b\n'
    found = read(f"{SHORT}\n{''.join(rows)}")
    assert problems(found) == [(102, f"{NEVER_CLOSED}, or the cell is longer than 131,072 characters")]
    assert len(found.tenants) == 19_999


@pytest.mark.parametrize("name", ["customers.csv", "customers.jsonl"])
def test_a_row_that_is_not_utf_8_is_bad_alone(read: Read, name: str) -> None:
    rows = {
        "customers.csv": [f"{SHORT},user_name", "1,u,a@b,", "3,u,a@b,J\xf6rg", "2,u,a@b,"],
        "customers.jsonl": ["", as_json(ONE), as_json(ONE)[:-1] + ', "user_name": "J\xf6rg"}', as_json(TWO)],
    }[name]
    found = read("\n".join(rows).encode("latin-1"), name)
    place = rows[2].index("\xf6") + 1
    assert problems(found) == [(3, f"not UTF-8: byte 0xF6 at character {place} of the line; save the file as UTF-8")]
    assert found.tenants == (ONE, TWO)


def test_a_byte_that_is_not_utf_8_is_named_by_its_own_line(read: Read) -> None:
    [bad] = read(f'{HEADER}\n1,"A\n'.encode() + b'B\xff",u,a@b,,\n').bad_rows
    assert bad.line == 3
    assert bad.problem.startswith("not UTF-8: byte 0xFF at character 2 of the line")


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
def test_json_lines(read: Read, text: str, name: str, tenants: tuple[Tenant, ...]) -> None:
    assert read(text, name) == Plan(tenants=tenants, bad_rows=())


GOOD = '"organization_id": "1", "user_id": "u", "user_email": "a@b"'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            "{'a': 1}", "not JSON: Expecting property name enclosed in double quotes at character 2 of the line"
        ),
        pytest.param("{" + GOOD, "not JSON: Expecting ',' delimiter at character 61 of the line", id="cut off"),
        pytest.param(
            "[" * 100_000, "not JSON that can be read: a number is too long, or it is nested too deep", id="deep"
        ),
        pytest.param(
            "9" * 5_000, "not JSON that can be read: a number is too long, or it is nested too deep", id="long"
        ),
        pytest.param('["x"]', '["x"] has to be an object, as in {"organization_id": …}', id="array"),
        pytest.param('"\\u001b"', "'\\x1b' has to be an object, as in {\"organization_id\": …}", id="string"),
        pytest.param("{}", "user_id: missing; user_email: missing; organization_id: missing", id="empty object"),
        pytest.param(
            '{"organization_id": [1], "user_id": 12, "user_email": {"a": 1}, "user_name": true}',
            "user_id: 12 must be text; user_email: an object must be text; organization_id: [1] must be text; "
            "user_name: true must be text",
            id="not text",
        ),
        pytest.param(
            '{"organization_id": "1", "user_id": null, "user_email": "a@b"}', "user_id: missing", id="null is absent"
        ),
        pytest.param(
            f'{{"organization_id": "1", "user_id": ["bply_org_{"0" * 20}ab12"], "user_email": "a@b"}}',
            'user_id: ["bply_org_…ab12"] must be text',
            id="a key in a list",
        ),
        pytest.param(
            f'{{"organization_id": "1", "user_id": {"9" * 41}, "user_email": "a@b"}}',
            f"user_id: {'9' * 40} must be text",
            id="40 characters of a number",
        ),
        pytest.param(f'{{{GOOD}, "userName": "x", "user_name": "y"}}', "user_name: given twice", id="given twice"),
        pytest.param(f'{{{GOOD}, "user_id": "v"}}', "user_id: given twice", id="the same key twice"),
        pytest.param(f'{{{GOOD}, "usr_name": "x"}}', "'usr_name' is unknown: did you mean user_name?", id="mistyped"),
        pytest.param(
            f'{{{GOOD}, "\\u0007": "x"}}', f"'\\x07' is unknown: known are {', '.join(COLUMNS)}", id="unknown key"
        ),
        pytest.param(
            f'{{{GOOD}, "user_name": "\\ud800"}}',
            "holds half of a character: a \\ud8… escape without the other one",
            id="half of a character",
        ),
        pytest.param(
            f'{{{GOOD}, "team_members": "ADMIN:b@c:Bob"}}',
            "team_members: 'ADMIN:b@c:Bob' has to be a list of objects",
            id="members as text",
        ),
        pytest.param(
            f'{{{GOOD}, "team_members": {{"email": "b@c"}}}}',
            "team_members: an object has to be a list of objects",
            id="members as an object",
        ),
        pytest.param(
            f'{{{GOOD}, "team_members": ["b@c", {{"mail": "b@c", "role": 3}}]}}',
            "team_members, member 1: 'b@c' has to be an object; "
            "team_members, member 2: 'mail' is unknown: did you mean email?; team_members, member 2: email: missing; "
            "team_members, member 2: role: 3 must be one of OWNER, ADMIN, MEMBER",
            id="members",
        ),
    ],
)
def test_bad_json(read: Read, text: str, problem: str) -> None:
    found = read(f"\n{text}\n{as_json(TWO)}\n", "customers.jsonl")
    assert problems(found) == [(2, problem)]
    assert found.tenants == (TWO,)


def test_json_ids_used_again(read: Read) -> None:
    found = read(f"{as_json(ONE)}\n\n{as_json(ONE)}\n", "customers.jsonl")
    assert problems(found) == [(3, "organization_id: '1' is used already on line 1")]


# ---- files that cannot be used


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        pytest.param("", "x.csv", f"is empty: the first row has to name {', '.join(COLUMNS)}", id="empty"),
        pytest.param("\ufeff\n\n", "x.csv", f"is empty: the first row has to name {', '.join(COLUMNS)}", id="blank"),
        pytest.param("", "x.jsonl", "holds no customers", id="empty JSON Lines"),
        pytest.param(f"{SHORT}\n\n", "x.csv", "holds no customers", id="header only"),
        pytest.param(
            "\norganization_id,user_name\n1,u",
            "x.csv",
            "line 2, which has to name the columns: column user_id is missing; column user_email is missing",
            id="columns missing",
        ),
        pytest.param(
            f"{SHORT},userId\n1,u,a@b,v",
            "x.csv",
            "line 1, which has to name the columns: user_id: given twice",
            id="column twice",
        ),
        pytest.param(
            f"{SHORT},organizaton_name,plan\x1b\n1,u,a@b,A,B",
            "x.csv",
            "line 1, which has to name the columns: 'organizaton_name' is unknown: did you mean organization_name?; "
            f"'plan\\x1b' is unknown: known are {', '.join(COLUMNS)}",
            id="unknown columns",
        ),
        pytest.param(f'{SHORT},"user_name\n1,u,a@b,v', "x.csv", f"line 1: {NEVER_CLOSED}", id="quote in the header"),
        pytest.param(
            SHORT.encode("utf-16"),
            "x.csv",
            "line 1: not UTF-8: byte 0xFF at character 1 of the line; save the file as UTF-8",
            id="UTF-16",
        ),
    ],
)
def test_unusable_files(read: Read, tmp_path: Path, text: str | bytes, name: str, reason: str) -> None:
    with pytest.raises(ProvisioningError) as caught:
        read(text, name)
    assert str(caught.value) == f"{tmp_path / name}: {reason}"


@pytest.mark.parametrize("name", ["missing.csv", "."], ids=["missing", "directory"])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProvisioningError, match=r"cannot be opened: \w+"):
        read_tenants(tmp_path / name)


# ---- at large


def test_rows_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(f"{SHORT}\n1,u,a@b\n,u,a@b\n2,u,a@b\n")
    assert list(iterate_rows(str(path))) == [ONE, BadRow(line=3, problem="organization_id: missing"), TWO]


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


EMAILS = st.from_regex(r"[a-z0-9ø株+.\"',-]{1,8}@[a-z0-9é.]{1,8}", fullmatch=True)
MEMBERS = st.builds(
    TeamMember,
    email=EMAILS,
    name=st.none() | texts(without=";"),
    role=st.sampled_from([None, "OWNER", "ADMIN", "MEMBER"]),
)
TENANTS = st.builds(
    Tenant,
    organization_id=texts(),
    organization_name=st.none() | texts(),
    user_id=texts(),
    user_email=EMAILS,
    user_name=st.none() | texts(),
    team_members=st.lists(MEMBERS, max_size=3).map(tuple),
)


# the one path is written anew for each example
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tenants=st.lists(TENANTS, min_size=1, max_size=5, unique_by=lambda tenant: tenant.organization_id))
def test_what_is_written_is_read_back(tmp_path: Path, tenants: list[Tenant]) -> None:
    expected = Plan(tenants=tuple(tenants), bad_rows=())
    assert read_tenants(written(tmp_path / "customers.csv", tenants)) == expected
    (tmp_path / "customers.jsonl").write_text("\n".join(map(as_json, tenants)), encoding="utf-8")
    assert read_tenants(tmp_path / "customers.jsonl") == expected


CSV_PIECES = st.lists(st.sampled_from(['"', ",", "\n", "\r", " ", "1", "a@b", "ADMIN:", ";"]), max_size=30)


# the same: one path
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary() | CSV_PIECES.map(lambda pieces: "".join(pieces).encode()))
def test_no_content_is_too_odd(tmp_path: Path, content: bytes) -> None:
    for name, head in (("x.csv", f"{SHORT}\n".encode()), ("x.jsonl", b"{}\n")):
        path = tmp_path / name
        path.write_bytes(head + content + b"\n")
        try:
            lines = [row.line for row in read_tenants(path).bad_rows]
        except ProvisioningError as error:
            assert str(error).endswith("holds no customers")  # noqa: PT017 - most contents are bad rows, some are none
        else:
            assert lines == sorted(set(lines))


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


def test_a_thousand_customers_in_many_scripts(tmp_path: Path) -> None:
    tenants = customers(1_000)
    path = written(tmp_path / "customers.csv", tenants, bom=True)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert path.read_bytes().count(b"\r\n") == 1_001
    assert read_tenants(path) == Plan(tenants=tuple(tenants), bad_rows=())


def test_memory_stays_flat(tmp_path: Path) -> None:
    path = written(tmp_path / "customers.csv", customers(3_000))
    tracemalloc.start()
    deque(iterate_rows(path), maxlen=0)
    streamed = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    kept = read_tenants(path)
    whole = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(kept.tenants) == 3_000
    assert streamed < whole / 5


def test_a_model_that_refuses_the_stand_in_too_is_not_asked_for_ever(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plan._REQUIRED[Tenant], "user_email", "no")
    with pytest.raises(ValidationError, match="user_email"):
        read(f"{SHORT}\n1,u,no\n")
