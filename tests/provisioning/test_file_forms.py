"""The forms that a file may have: encodings, delimiters, names of columns, JSON, and the options that say more."""

import codecs
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from boooply.errors import ProvisioningError
from boooply.models import TeamMember, Tenant
from boooply.provisioning import BadRow, Plan, RowWarning, read_tenants
from boooply.provisioning.files import reading
from boooply.provisioning.files.options import FileOptions
from boooply.provisioning.files.reading import Layout, open_file

SHORT = "organization_id,user_id,user_email"
ONE = Tenant(organization_id="1", user_id="u", user_email="a@b")
TWO = Tenant(organization_id="2", user_id="u", user_email="a@b")
MUELLER = attrs.evolve(ONE, user_name="Müller")

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(content: str | bytes, name: str = "customers.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def layout_of(path: Path, **options: Any) -> Layout:
    with open_file(path, FileOptions(**options)) as file:
        return file.layout


def problem_of(path: Path, **options: Any) -> str:
    with pytest.raises(ProvisioningError) as caught:
        read_tenants(path, **options)
    return str(caught.value).removeprefix(f"{path}: ")


def kinds(plan: Plan) -> list[tuple[int, str]]:
    return [(row.line, row.kind) for rows in (plan.bad_rows, plan.warnings) for row in rows]


# ---- encodings

NAMED = f"{SHORT},user_name\n1,u,a@b,Müller\n"
UNKNOWN_ENCODING = (
    'line 2 is not UTF-8. Save it as "CSV UTF-8", or name its encoding, such as cp1250 or cp1251, with --encoding '
    "(Python: encoding)."
)
NOT_ASCII = 'the file is not in ascii. Save it as "CSV UTF-8", or use another --encoding (Python: encoding).'


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (NAMED.encode(), {}),
        (NAMED.encode("utf-8-sig"), {}),
        (NAMED.encode("utf-16"), {}),
        (codecs.BOM_UTF16_BE + NAMED.encode("utf-16-be"), {}),
        (NAMED.replace(",", "\t").encode("utf-16"), {}),
        (NAMED.encode("utf-32"), {}),
        (NAMED.encode("cp1252"), {"encoding": "cp1252"}),
        (NAMED.encode("utf-16-le"), {"encoding": "utf-16-le"}),
        (NAMED.encode("utf-16"), {"encoding": "UTF-16-LE"}),
        (NAMED.encode("utf-8-sig"), {"encoding": "utf8"}),
        (NAMED.encode("mac-roman"), {"encoding": "mac-roman"}),
    ],
)
def test_text_is_decoded(write: Write, content: bytes, options: dict[str, Any]) -> None:
    assert read_tenants(write(content), **options) == Plan(tenants=(MUELLER,))


def test_excels_unicode_text_is_read(write: Write) -> None:
    path = write(NAMED.replace(",", "\t").replace("\n", "\r\n").encode("utf-16"), "customers.txt")
    assert read_tenants(path).tenants == (MUELLER,)
    assert layout_of(path) == Layout(
        form="CSV",
        encoding="utf-16",
        delimiter="\t",
        columns=tuple((name, name) for name in (*SHORT.split(","), "user_name")),
    )


def rows(*names: str) -> str:
    return f"{SHORT},user_name\n" + "".join(f"{number},u,a@b,{name}\n" for number, name in enumerate(names, 1))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(
            rows("Müller", "Ann", "Özil").encode("cp1252"),
            'lines 2 and 4 are not UTF-8. Save it as "CSV UTF-8", or use --encoding cp1252 (Python: encoding="cp1252") '
            "if the file is in cp1252, as it seems.",
            id="cp1252",
        ),
        pytest.param(
            rows(*["Zoë"] * 8).encode("cp1252"),
            'lines 2, 3, 4, 5, 6 and 3 more are not UTF-8. Save it as "CSV UTF-8", or use --encoding cp1252 '
            '(Python: encoding="cp1252") if the file is in cp1252, as it seems.',
            id="many lines",
        ),
        pytest.param(
            rows(*["Zoë"] * 5).encode("cp1252"),
            'lines 2, 3, 4, 5 and 6 are not UTF-8. Save it as "CSV UTF-8", or use --encoding cp1252 '
            '(Python: encoding="cp1252") if the file is in cp1252, as it seems.',
            id="as many lines as are listed",
        ),
        pytest.param(
            rows(*["Zoë"] * 6).encode("cp1252"),
            'lines 2, 3, 4, 5, 6 and 1 more are not UTF-8. Save it as "CSV UTF-8", or use --encoding cp1252 '
            '(Python: encoding="cp1252") if the file is in cp1252, as it seems.',
            id="one line more",
        ),
        pytest.param(
            f"user_name,{SHORT}\nZoë,1,u,a@b\nŠimon,2,u,a@b\n".encode("cp1252"),
            'lines 2 and 3 are not UTF-8. Save it as "CSV UTF-8", or use --encoding cp1252 '
            '(Python: encoding="cp1252") if the file is in cp1252, as it seems.',
            id="a special capital at the start of a line",
        ),
        pytest.param(rows("Петров").encode("cp1251"), UNKNOWN_ENCODING, id="Cyrillic"),
        pytest.param(rows("Michał Łukasz").encode("cp1250"), UNKNOWN_ENCODING, id="Polish"),
        pytest.param(rows("Müller").encode("mac-roman"), UNKNOWN_ENCODING, id="a Mac's"),
        pytest.param(
            rows("Zoë").encode() + "2,u,a@b,Müller\n".encode("cp1252"),
            "line 3 is not UTF-8, but other lines are. Correct it.",
            id="one line",
        ),
        pytest.param(
            rows("Zoë").encode() + "2,u,a@b,Müller\n3,u,a@b,Ann\n4,u,a@b,Özil\n5,u,a@b,Bob\n".encode("cp1252"),
            "lines 3 and 5 are not UTF-8, but other lines are. Correct them.",
            id="two lines among plain ones",
        ),
        pytest.param(
            NAMED.encode("utf-16-le"),
            'the file looks like UTF-16 without a byte order mark. Save it as "CSV UTF-8", or use '
            '--encoding utf-16-le (Python: encoding="utf-16-le").',
            id="UTF-16 without a mark",
        ),
        pytest.param(
            NAMED.encode("utf-16-be"),
            'the file looks like UTF-16 without a byte order mark. Save it as "CSV UTF-8", or use '
            '--encoding utf-16-be (Python: encoding="utf-16-be").',
            id="the other UTF-16 without a mark",
        ),
    ],
)
def test_bytes_in_an_unknown_encoding_are_refused_once(write: Write, content: bytes, problem: str) -> None:
    assert problem_of(write(content)) == problem


def test_a_file_that_is_not_in_utf_8_as_given_is_refused_with_its_lines(write: Write) -> None:
    path = write(rows("Ann", "Петров").encode("cp1251"))
    assert problem_of(path, encoding="utf-8") == problem_of(path) == UNKNOWN_ENCODING.replace("line 2", "line 3")


def test_json_in_an_unknown_encoding_is_refused(write: Write) -> None:
    line = '{"organization_id": "1", "user_id": "u", "user_email": "a@b", "user_name": "Müller"}'
    for name in ("x.json", "x.jsonl"):
        path = write(line.encode("cp1252"), name)
        assert problem_of(path).endswith(
            'use --encoding cp1252 (Python: encoding="cp1252") if the file is in cp1252, as it seems.'
        )
        assert read_tenants(path, encoding="cp1252").tenants == (MUELLER,)


def test_no_part_of_the_file_is_in_an_error_of_its_encoding(write: Write) -> None:
    with pytest.raises(ProvisioningError) as caught:
        read_tenants(write(rows("Müller").encode("cp1252")))
    assert caught.value.__context__ is None


def test_a_wrong_encoding_is_an_error(write: Write) -> None:
    path = write(NAMED.encode("utf-8-sig"))
    assert problem_of(path, encoding="cp1252") == (
        "the file starts with the byte order mark of UTF-8, not cp1252. Leave out --encoding (Python: encoding)."
    )
    path = write(NAMED.encode("cp1252"))
    assert problem_of(path, encoding="ascii") == NOT_ASCII


def test_a_wrong_encoding_is_an_error_far_into_a_file_too(write: Write) -> None:
    path = write(rows(*["Ann"] * 20_000, "Müller"))
    assert problem_of(path, encoding="ascii") == NOT_ASCII


@pytest.mark.parametrize("name", ["cp9999", "rot13", "a\0b"])
def test_an_unknown_encoding_is_an_error(write: Write, name: str) -> None:
    assert problem_of(write(NAMED), encoding=name) == (
        f"encoding: {name!r} is unknown. Use a name such as utf-8, utf-16 or cp1252."
    )


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        (b"PK\x03\x04", "x.csv", "is an Excel workbook or a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "x.csv", "is an old Excel file or has a password. Save it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "x.xlsx", "is an old Excel file or has a password. Save it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "x.XLS", "is an old Excel file. Save it as .xlsx or CSV UTF-8."),
        (b"\x1f\x8b\x08", "x.csv", "is compressed. Decompress it first."),
        (b"%PDF-1.7", "x.csv", "is a PDF"),
        (b"PK\x03\x04", "x.ods", "is an OpenDocument file"),
        (b"PK\x03\x04", "x.xlsx", "is damaged or not an Excel workbook"),
    ],
)
def test_other_kinds_of_file_are_named(write: Write, content: bytes, name: str, problem: str) -> None:
    assert problem_of(write(content, name)).startswith(f"the file {problem}")


# ---- delimiters


@pytest.mark.parametrize(
    "text",
    [
        "organization_id;user_id;user_email\n1;u;a@b\n",
        "organization_id\tuser_id\tuser_email\n1\tu\ta@b\n",
        "organization_id|user_id|user_email\n1|u|a@b\n",
        "sep=;\r\norganization_id;user_id;user_email\r\n1;u;a@b\r\n",
        '"sep=^"\norganization_id^user_id^user_email\n1^u^a@b\n',
        "SEP=,\n\norganization_id,user_id,user_email\n1,u,a@b\n",
        ';;\n"organization_id";"user_id";"user_email"\n;;\n"1";"u";"a@b"\n',
        "organization_id;user_id;user_email;;\n1;u;a@b;;\n",
    ],
)
@pytest.mark.parametrize("name", ["x.csv", "x.txt", "x.tsv"])
def test_the_delimiter_is_found(write: Write, text: str, name: str) -> None:
    assert read_tenants(write(text, name)) == Plan(tenants=(ONE,))


def test_a_delimiter_within_a_header_cell_is_none(write: Write) -> None:
    text = f'{SHORT},"user_name;organization_name;user_id"\n1,u,a@b,x\n'
    assert layout_of(write(text), ignore_extra=True).delimiter == ","


@pytest.mark.parametrize("given", [";", "semicolon", "\t", "tab", r"\t", "^"])
def test_a_given_delimiter_is_used(write: Write, given: str) -> None:
    character = {"semicolon": ";", "tab": "\t", r"\t": "\t"}.get(given, given)
    text = f"{SHORT}\n1,u,a@b\n".replace(",", character)
    assert read_tenants(write(text), delimiter=given).tenants == (ONE,)


def test_a_wrong_delimiter_is_named_with_the_right_one(write: Write) -> None:
    path = write("organization_id;user_id;user_email\n1;u;a@b\n")
    assert problem_of(path, delimiter=",") == (
        "line 1 (the header): the delimiter is a semicolon, not ','. Use --delimiter \";\" (Python: delimiter)."
    )
    path = write("sep=|\norganization_id\tuser_id\tuser_email\n1\tu\ta@b\n")
    assert problem_of(path) == (
        "line 2 (the header): the delimiter is a tab, not '|'. Use --delimiter tab (Python: delimiter)."
    )


@pytest.mark.parametrize(
    "header",
    ["organization_id;user_id;user_email;Name, first, middle, last", '"user_id";"Kunde";"Mail"'],
    ids=["separates more cells", "makes the header unreadable"],
)
def test_a_delimiter_that_finds_fewer_names_is_wrong(write: Write, header: str) -> None:
    assert problem_of(write(f"{header}\n"), delimiter=",") == (
        "line 1 (the header): the delimiter is a semicolon, not ','. Use --delimiter \";\" (Python: delimiter)."
    )


@pytest.mark.parametrize("header", [SHORT.replace(",", "^"), "X"])
def test_a_header_of_one_cell_asks_for_the_delimiter(write: Write, header: str) -> None:
    assert problem_of(write(f"{header}\n1^u^a@b\n")) == (
        f"line 1 (the header): the row has only one cell, '{header}'. "
        'Name the delimiter, as in --delimiter "^" (Python: delimiter="^").'
    )


@pytest.mark.parametrize("given", ["::", '"', "\n", "x", "7"])
def test_an_impossible_delimiter_is_an_error(write: Write, given: str) -> None:
    assert problem_of(write(NAMED), delimiter=given) == (
        f"delimiter: {given!r} cannot separate cells. Use one character, such as , or ;, or the word tab."
    )


def test_a_header_in_no_language_of_ours_lists_the_columns_once(write: Write) -> None:
    problem = problem_of(write("Kunde;Mail;Name\n1;a@b;x\n"))
    assert problem.startswith("line 1 (the header): unknown name 'Kunde'; unknown name 'Mail'")
    assert problem.count("organization_name") == 1


def test_members_are_joined_by_semicolons_whatever_the_delimiter(write: Write) -> None:
    path = write('organization_id;user_id;user_email;team_members\n1;u;a@b;"admin:b@c:Bob;:d@e:"\n')
    members = (TeamMember(email="b@c", name="Bob", role="ADMIN"), TeamMember(email="d@e"))
    assert read_tenants(path).tenants == (attrs.evolve(ONE, team_members=members),)


# ---- names of columns


@pytest.mark.parametrize(
    "header",
    [
        "Organization ID,User ID,User Email",
        "ORGANIZATION_ID,USER_ID,USER_EMAIL",
        "organizationId,userId,userEmail",
        "organization-id,user-id,user-e-mail",
        "Organization\u00a0Id , userid,\u200bUser E-Mail:",
        '"Organization\nID",User Id,UserEmail',
    ],
)
def test_names_may_be_spelled_in_many_ways(write: Write, header: str) -> None:
    assert read_tenants(write(f"{header}\n1,u,a@b\n")) == Plan(tenants=(ONE,))


def test_a_mapping_names_other_columns(write: Write) -> None:
    path = write("Firm;Admin Email;Admin\n1;a@b;u\n")
    mapping = {"firm": "organizationId", "Admin Email": "User Email", "ADMIN": "user_id"}
    assert read_tenants(path, mapping=mapping) == Plan(tenants=(ONE,))
    assert layout_of(path, mapping=mapping).columns == (
        ("Firm", "organization_id"),
        ("Admin Email", "user_email"),
        ("Admin", "user_id"),
    )


def test_a_mapped_name_means_only_what_it_stands_for(write: Write) -> None:
    path = write("user_id,organization_id,user_email\n1,u,a@b\n")
    assert read_tenants(path, mapping={"user_id": "organization_id", "organization_id": "user_id"}).tenants == (ONE,)


@pytest.mark.parametrize("name", ["x.csv", "x.json", "x.jsonl"])
def test_a_mapping_of_a_missing_column_is_an_error(write: Write, name: str) -> None:
    text = (
        f"{SHORT}\n1,u,a@b\n"
        if name == "x.csv"
        else json.dumps({"organizationId": 1, "userId": "u", "userEmail": "a@b"})
    )
    place = "line 1 (the header): " if name == "x.csv" else ""
    assert problem_of(write(text, name), mapping={"Mail": "user_name"}) == (
        f"{place}the file has no column 'Mail' to map. Correct the name in --map (Python: mapping)."
    )


def test_a_header_without_required_columns_names_the_mapping_that_found_none(write: Write) -> None:
    problem = problem_of(write("Kunde,user_id\n1,u\n"), mapping={"Kundn": "organization_id"})
    assert "column user_email is missing; the file has no column 'Kundn' to map. The columns are" in problem


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({"Mail": "email"}, r"^mapping: 'Mail' is mapped to 'email', which is unknown\. Use one of organization_id, "),
        (
            {"A": "user_id", "B": "user_id"},
            r"^mapping: 'A' and 'B' are both mapped to user_id\. Map only one of them\.$",
        ),
        ({"A b": "user_id", "a_B": "user_name"}, r"^mapping: 'a_B' is mapped twice\. Map it to one column\.$"),
    ],
)
def test_an_impossible_mapping_is_an_error(write: Write, mapping: dict[str, str], problem: str) -> None:
    with pytest.raises(ProvisioningError, match=problem):
        read_tenants(write(NAMED), mapping=mapping)


def test_two_columns_for_one_are_an_error(write: Write) -> None:
    problem = problem_of(write(f"{SHORT},Mail\n1,u,a@b,c@d\n"), mapping={"Mail": "user_email"})
    assert "user_email: is given twice, as 'user_email' and 'Mail'" in problem


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"{SHORT},Plan,Seats\n1,u,a@b,gold,3\n", "x.csv"),
        (f"{SHORT},Plan,Plan\n1,u,a@b,gold,3\n", "x.csv"),
        (f"Plan,{SHORT},,\n#N/A,1,u,a@b,,note\n", "x.csv"),
        ('{"organizationId": 1, "userId": "u", "userEmail": "a@b", "plan": {"seats": 3}}', "x.jsonl"),
    ],
)
def test_further_columns_are_left_out_on_request(write: Write, text: str, name: str) -> None:
    assert read_tenants(write(text, name), ignore_extra=True) == Plan(tenants=(ONE,))


def test_ignored_columns_are_named(write: Write) -> None:
    columns = layout_of(write(f"{SHORT},Plan\n1,u,a@b,gold\n"), ignore_extra=True).columns
    assert columns[-1] == ("Plan", None)


def test_a_value_in_a_column_without_a_name_is_an_error(write: Write) -> None:
    plan = read_tenants(write(f"{SHORT},,\n1,u,a@b,,\n2,u,a@b,,note\n"))
    assert kinds(plan) == [(3, "value without a column")]
    assert plan.tenants == (ONE,)


def test_a_short_row_may_have_a_value_without_a_column_too(write: Write) -> None:
    plan = read_tenants(write(f"{SHORT},,user_name\n1,u,a@b,call them!\n"))
    assert plan == Plan(
        tenants=(),
        bad_rows=(BadRow(line=2, kind="value without a column", problem="'call them!' is in a column without a name"),),
        warnings=(RowWarning(line=2, kind="short row", problem="the row has 4 cells, the header has 5"),),
    )


def test_cells_that_are_missing_at_the_end_are_a_warning(write: Write) -> None:
    plan = read_tenants(write(f"{SHORT},user_name\n1,u,a@b\n2,u,a@b,\n"))
    assert plan.tenants == (ONE, TWO)
    assert plan.warnings == (RowWarning(line=2, kind="short row", problem="the row has 3 cells, the header has 4"),)


# ---- JSON


FIRST = '{"organizationId": 1, "userId": "u", "userEmail": "a@b"}'
OVER_LINES = FIRST.replace(",", ",\n")
SECOND = '{"organization id": "2", "USER_ID": "u", "user-email": "a@b"}'


@pytest.mark.parametrize(
    "text",
    [
        f"[{FIRST}, {SECOND}]",
        f"[{FIRST},{SECOND}]",
        f"\ufeff\n[\n {OVER_LINES},\n\n{SECOND}\n]\n",
        f"{FIRST}\n{SECOND}\n",
        f"{OVER_LINES}\n{SECOND}\n",
    ],
    ids=["an array", "an array without blanks", "an array over lines", "an object a line", "objects over lines"],
)
def test_json_is_an_array_or_objects(write: Write, text: str) -> None:
    assert read_tenants(write(text, "x.json")) == Plan(tenants=(ONE, TWO))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        pytest.param(FIRST, "JSON Lines", id="an object"),
        pytest.param(f"\n {FIRST}\n{{broken\n", "JSON Lines", id="an object a line below a blank line"),
        pytest.param(f"{' ' * 5_000}\n{FIRST}\n", "JSON Lines", id="far down"),
        pytest.param(OVER_LINES, "JSON", id="an object over lines"),
        pytest.param(f"[{FIRST}]", "JSON", id="an array"),
    ],
)
def test_the_form_of_json_is_recognized(write: Write, text: str, form: str) -> None:
    assert layout_of(write(text, "x.json")) == Layout(form=form, encoding="utf-8")


def test_an_object_of_an_array_is_known_by_its_first_line(write: Write) -> None:
    text = (
        '[\n{"organizationId": 1, "userId": "u",\n"userEmail": "a@b"},\n\n  {"organizationId": 1.0,\n "userId": 1e5, '
    )
    plan = read_tenants(write(f'{text}"userEmail": "a@b"}},\n7]', "x.json"))
    assert plan.tenants == (ONE,)
    assert kinds(plan) == [(5, "invalid value"), (5, "invalid value"), (7, "wrong type")]


def test_blank_lines_above_an_array_count(write: Write) -> None:
    assert kinds(read_tenants(write(f"\n\n[7, {FIRST}]", "x.json"))) == [(3, "wrong type")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[\n{}", "line 2: not valid JSON: the array is not closed, or a comma is missing"),
        ("[\n{} {}]", "line 2: not valid JSON: the array is not closed, or a comma is missing"),
        ("\n[\n{} {}\n\n]", "line 3: not valid JSON: the array is not closed, or a comma is missing"),
        ("\n[\n{}\n]\n[{}]", "line 4: not valid JSON: the array is not closed, or text follows it"),
        ("[{}]]", "line 1: not valid JSON: the array is not closed, or text follows it"),
        ("[{}]\n[{}]", "line 1: not valid JSON: the array is not closed, or text follows it"),
        ("[\n{'a': 1}]", "line 2: not valid JSON: Expecting property name enclosed in double quotes at character 2"),
        ("[" * 100_000, "line 1: cannot be read as JSON: a number is too long, or the nesting is too deep"),
        ("[]", "the file contains no customers"),
        ("", "the file contains no customers"),
        ("[", "line 1: not valid JSON: the array is not closed, or text follows it"),
    ],
)
def test_json_that_cannot_be_read_is_an_error(write: Write, text: str, problem: str) -> None:
    path = write(text, "x.json")
    with pytest.raises(ProvisioningError) as caught:
        read_tenants(path)
    assert str(caught.value) == f"{path}: {problem}"


def test_a_large_array_is_refused_with_the_way_out(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(f"[{FIRST}]", "x.json")
    monkeypatch.setattr(reading, "_LARGEST", path.stat().st_size)
    assert read_tenants(path).tenants == (ONE,)
    monkeypatch.setattr(reading, "_LARGEST", path.stat().st_size - 1)
    assert problem_of(path) == (
        "the file has 0 MB, and the limit is 50 MB. Write one object per line, and name the file .jsonl."
    )


@pytest.mark.parametrize("role", ["admin", "Admin", "ADMIN"])
def test_a_role_may_be_in_any_case(write: Write, role: str) -> None:
    line = {"organizationId": 1, "userId": "u", "userEmail": "a@b", "teamMembers": [{"E-Mail": "b@c", "Role": role}]}
    member = TeamMember(email="b@c", role="ADMIN")
    assert read_tenants(write(json.dumps(line), "x.jsonl")).tenants == (attrs.evolve(ONE, team_members=(member,)),)


# ---- ids


@pytest.mark.parametrize(("first", "second"), [("7", "007"), ("acme", "ACME"), ("caf\u00e9", "cafe\u0301")])
@pytest.mark.parametrize("allow", [(), "first", "second"])
def test_ids_that_look_alike_are_a_warning(write: Write, first: str, second: str, allow: Any) -> None:
    path = write(f"{SHORT}\n{first},u,a@b\nx,u,a@b\n{second},u,a@b\n")
    plan = read_tenants(path, allow={"first": [first], "second": second}.get(allow, ()))
    assert [tenant.organization_id for tenant in plan.tenants] == [first, "x", second]
    assert kinds(plan) == ([] if allow else [(4, "look-alike ids")])


def test_an_id_is_compared_with_the_first_that_looks_like_it(write: Write) -> None:
    path = write(f"{SHORT}\n7,u,a@b\n07,u,a@b\n007,u,a@b\n")
    assert read_tenants(path).warnings == tuple(
        RowWarning(
            line=line,
            kind="look-alike ids",
            column="organization_id",
            problem=f"organization_id: '{identity}' looks like '7' on line 2",
        )
        for line, identity in ((3, "07"), (4, "007"))
    )


def test_an_id_that_lacks_the_zeros_of_a_connected_one_is_a_warning(write: Write) -> None:
    with open_file(write(f"{SHORT}\n1,u,a@b\n"), FileOptions(), {"1": "001"}) as file:
        assert list(file.rows) == [
            RowWarning(
                line=2,
                kind="lost zeros",
                column="organization_id",
                problem="organization_id: '1' looks like '001', which is already connected",
            ),
            ONE,
        ]


def test_ids_with_half_of_a_character_are_compared_too(write: Write) -> None:
    plan = read_tenants(write(f"{SHORT}\n+2AA-,u,a@b\n+2AA-,u,a@b\n"), encoding="utf-7")
    assert plan.bad_rows == (
        BadRow(
            line=3,
            kind="repeated id",
            column="organization_id",
            problem="organization_id: '\\ud800' is already used on line 2",
        ),
    )


def test_an_allowed_id_may_look_like_a_spreadsheets_doing(write: Write) -> None:
    path = write(f"{SHORT}\n1.23E+12,TRUE,a@b\n")
    assert len(read_tenants(path).bad_rows) == 2
    assert len(read_tenants(path, allow=["1.23E+12"]).bad_rows) == 1
    assert read_tenants(path, allow=["1.23E+12", "TRUE"]).tenants[0].organization_id == "1.23E+12"
