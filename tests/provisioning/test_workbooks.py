"""Workbooks as openpyxl writes them, and parts of workbooks as other programs do."""

import datetime as dt
import random
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.chart import BarChart

from boooply.errors import ProvisioningError
from boooply.models import TeamMember, Tenant
from boooply.provisioning import Plan, read_tenants
from boooply.provisioning.files import reading, workbooks
from boooply.provisioning.files.options import FileOptions
from boooply.provisioning.files.reading import Layout, open_file

COLUMNS = ("Organization ID", "user_id", "userEmail", "organization_name")
ONE = Tenant(organization_id="1", user_id="u", user_email="a@b")

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save_sheets(*rows: Any, **others: Any) -> Path:
        book: Any = openpyxl.Workbook()
        book.active.title = "Customers"
        for row in rows:
            book.active.append(row)
        for name, content in others.items():
            sheet = book.create_sheet(name)
            for row in content:
                sheet.append(row)
        path = tmp_path / "customers.xlsx"
        book.save(path)
        return path

    return save_sheets


@pytest.fixture
def write(save: Save) -> Callable[[str], Path]:
    """Write rows as XML below the header, as other programs do."""

    def write_rows(rows: str) -> Path:
        return replace(save(COLUMNS), "xl/worksheets/sheet1.xml", "</sheetData>", f"{rows}</sheetData>")

    return write_rows


def replace(path: Path, part: str, old: str, new: str) -> Path:
    """Replace some text in a part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new, 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def bad(plan: Plan) -> list[tuple[int, str, str | None, str]]:
    return [(row.line, row.kind, row.column, row.problem) for row in plan.bad_rows]


# ---- what is read


def test_text_and_whole_numbers_are_read(save: Save) -> None:
    path = save(COLUMNS, (1, "u", "a@b", None), (), (None,), (" 2 ", 7.0, "c@d", "Süß & Söhne <GmbH>"))
    assert read_tenants(path) == Plan(
        tenants=(
            ONE,
            Tenant(organization_id="2", user_id="7", user_email="c@d", organization_name="Süß & Söhne <GmbH>"),
        )
    )


def test_members_are_read(save: Save) -> None:
    path = save((*COLUMNS, "team members"), (1, "u", "a@b", None, "admin:b@c:Bob"))
    member = TeamMember(email="b@c", name="Bob", role="ADMIN")
    assert read_tenants(path).tenants == (attrs.evolve(ONE, team_members=(member,)),)


@pytest.mark.parametrize("code", ["General", "0", "@", "#,##0", "0.00", "0_ ", '_(* #,##0_);_(* (#,##0);_(* "-"_)'])
def test_formats_that_show_the_number_are_fine(save: Save, code: str) -> None:
    path = save(COLUMNS, (1234, "u", "a@b"))
    book: Any = openpyxl.load_workbook(path)
    book.active["A2"].number_format = code
    book.save(path)
    assert read_tenants(path).tenants[0].organization_id == "1234"


def test_rich_text_and_escapes_are_read(save: Save) -> None:
    rich = CellRichText("Ac", TextBlock(InlineFont(b=True), "me "), "Inc")
    path = save(COLUMNS, (1, "u", "a@b", rich), (2, "u", "a@b", "A_x0041_B"))
    assert [tenant.organization_name for tenant in read_tenants(path).tenants] == ["Acme Inc", "AAB"]


def test_an_escape_of_half_a_character_is_text(save: Save) -> None:
    path = save(COLUMNS, (1, "u", "a@b", "A_xD800_B"))
    assert read_tenants(path).tenants[0].organization_name == "A_xD800_B"


def test_the_stored_result_of_a_formula_is_read(write: Callable[[str], Path]) -> None:
    formulas = (
        '<row r="7"><c r="A7"><f>6+1</f><v>7</v></c><c r="B7" t="str"><f>"u"</f><v>u</v></c>'
        '<c r="C7" t="str"><f>X1</f><v>a@b</v></c><c r="D7" t="str"><f>""</f><v></v></c></row>'
    )
    assert read_tenants(write(formulas)).tenants == (attrs.evolve(ONE, organization_id="7"),)


def test_rows_are_counted_as_excel_counts_them(save: Save) -> None:
    path = save((), (), COLUMNS, (), (1, "u", "no"))
    assert bad(read_tenants(path)) == [(5, "invalid value", "user_email", "user_email: 'no' is not an e-mail address")]


def test_further_columns_are_an_error_or_left_out(save: Save) -> None:
    path = save((*COLUMNS, "since"), (1, "u", "a@b", None, dt.date(2024, 1, 2)))
    with pytest.raises(ProvisioningError, match=r"sheet 'Customers', row 1 \(the header\): unknown name 'since'"):
        read_tenants(path)
    assert read_tenants(path, ignore_extra=True) == Plan(tenants=(ONE,))


def test_a_note_beside_the_table_is_an_error(save: Save) -> None:
    path = save(COLUMNS, (1, "u", "a@b", None, None, "call them!"))
    assert bad(read_tenants(path)) == [(2, "wrong number of cells", None, "the row has 6 cells, the header has 4")]


def test_the_first_sheet_with_the_columns_is_read(save: Save) -> None:
    path = save(("Read me",), Tenants=[COLUMNS, (1, "u", "a@b")], Copy=[COLUMNS, (2, "u", "a@b")])
    assert read_tenants(path).tenants == (ONE,)
    with open_file(path, FileOptions()) as file:
        assert file.layout == Layout(
            form="Excel",
            sheet="Tenants",
            other_sheets=("Customers", "Copy"),
            columns=tuple(zip(COLUMNS, ("organization_id", "user_id", "user_email", "organization_name"), strict=True)),
        )


def test_a_blank_sheet_before_the_one_with_the_columns_is_passed_over(save: Save) -> None:
    path = save(("Read me",), Blank=[], Tenants=[COLUMNS, (1, "u", "a@b")])
    assert read_tenants(path) == Plan(tenants=(ONE,))


def test_a_mapping_finds_the_sheet(save: Save) -> None:
    path = save(("x",), Kunden=[("Firma", "Wer", "Mail"), (1, "u", "a@b")])
    mapping = {"Firma": "organization_id", "Wer": "user_id", "mail": "user_email"}
    assert read_tenants(path, mapping=mapping).tenants == (ONE,)


# ---- what is refused


@pytest.mark.parametrize(
    ("value", "code", "kind", "problem"),
    [
        (7, "00000", "formatted number", "'7' is shown differently because of its format '00000'"),
        (7, '"K-"0', "formatted number", "'7' is shown differently because of its format '\"K-\"0'"),
        (
            1230000000000,
            "0.00E+00",
            "shortened number",
            "'1230000000000' may have lost digits: its format is '0.00E+00'",
        ),
        (7, "0%", "formatted number", "'7' is shown differently because of its format '0%'"),
        (1.5, "General", "decimal number", "'1.5' is a number with decimals"),
        (
            10**15,
            "General",
            "rounded number",
            "'1000000000000000' is a number whose last digits the spreadsheet has lost",
        ),
        (45000, "dd.mm.yyyy", "date", "'2023-03-15' is a date or a time"),
        (45000, "[$-407]d. mmmm yyyy;@", "date", "'2023-03-15' is a date or a time"),
        (dt.date(2024, 1, 2), None, "date", "'2024-01-02' is a date or a time"),
        (dt.time(6), None, "date", "'06:00:00' is a date or a time"),
        (True, None, "truth value", "'TRUE' is a truth value"),
        ("#N/A", None, "error value", "'#N/A' is the error value of a formula"),
        ("=A1", None, "formula", "'=A1' is a formula without a stored result"),
    ],
)
@pytest.mark.parametrize("column", ["organization_id", "user_id", "organization_name"])
def test_odd_cells_are_refused(save: Save, value: Any, code: str | None, kind: str, problem: str, column: str) -> None:
    row = {"organization_id": "1", "user_id": "u", "user_email": "a@b", "organization_name": "A"} | {column: value}
    path = save(COLUMNS, tuple(row.values()))
    if code:
        book: Any = openpyxl.load_workbook(path)
        book.active.cell(2, list(row).index(column) + 1).number_format = code
        book.save(path)
    assert bad(read_tenants(path)) == [(2, kind, column, f"{column}: {problem}")]


def test_an_odd_cell_is_no_team(save: Save) -> None:
    path = save((*COLUMNS, "team_members"), (1, "u", "a@b", None, True))
    assert bad(read_tenants(path)) == [(2, "truth value", "team_members", "team_members: 'TRUE' is a truth value")]


def test_an_odd_cell_is_allowed_as_an_id(save: Save) -> None:
    path = save(COLUMNS, (True, "u", "a@b", None))
    assert read_tenants(path, allow=["TRUE"]).tenants == (attrs.evolve(ONE, organization_id="TRUE"),)


def test_text_is_checked_as_in_other_files(save: Save) -> None:
    path = save(COLUMNS, ("1.23E+12", "u", "a@b"))
    assert [row.kind for row in read_tenants(path).bad_rows] == ["shortened number"]


@pytest.mark.parametrize(
    ("sheets", "problem"),
    [
        ({"rows": []}, "sheet 'Customers': the sheet is empty. Add a header row with the columns organization_id, "),
        ({"rows": [COLUMNS]}, "the file contains no customers"),
        ({"rows": [("Kunde", "Mail")]}, "sheet 'Customers', row 1 (the header): unknown name 'Kunde'; unknown name "),
    ],
)
def test_a_workbook_without_customers_is_an_error(save: Save, sheets: dict[str, Any], problem: str) -> None:
    path = save(*sheets["rows"])
    with pytest.raises(ProvisioningError) as caught:
        read_tenants(path)
    assert str(caught.value).startswith(f"{path}: {problem}")


def test_a_workbook_of_charts_contains_no_sheet(tmp_path: Path) -> None:
    book: Any = openpyxl.Workbook()
    book.create_chartsheet("Chart").add_chart(BarChart())
    book.remove(book.worksheets[0])
    path = tmp_path / "charts.xlsx"
    book.save(path)
    with pytest.raises(ProvisioningError) as caught:
        read_tenants(path)
    assert str(caught.value) == f"{path}: the workbook contains no sheet"


def test_a_sheet_is_searched_for_formulas_in_blocks_of_whole_tags(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(COLUMNS, *[(number, "u", "a@b") for number in range(100)])
    monkeypatch.setattr(workbooks, "_PIECE", 1_000)
    with zipfile.ZipFile(path) as archive:
        part = archive.getinfo("xl/worksheets/sheet1.xml")
        pieces = list(workbooks._pieces(archive, part))
        assert b"".join(pieces) == archive.read(part)
    assert all(piece.startswith(b"<") for piece in pieces)
    assert max(map(len, pieces)) < 1_100


@pytest.mark.parametrize(
    "rows",
    [
        "<row><c t='s'><v>5</v></c></row>",
        "<row><c><v>many</v></c></row>",
        "<row><c r='ZZZZ1'><v>1</v></c></row>",
        "<row>",
        "<row><c s='9'><v>1</v></c></row>",
        "<row><c><v>1E+99999999</v></c></row>",
        "<row><c><v>NaN</v></c></row>",
    ],
)
def test_a_damaged_workbook_is_an_error(write: Callable[[str], Path], rows: str) -> None:
    with pytest.raises(ProvisioningError, match="is damaged or not an Excel workbook"):
        read_tenants(write(rows))


def test_a_cut_off_workbook_is_an_error(save: Save) -> None:
    path = save(COLUMNS, (1, "u", "a@b"))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ProvisioningError, match="is damaged or not an Excel workbook"):
        read_tenants(path)


def test_any_damage_is_an_error_of_the_file(save: Save) -> None:
    path = save(COLUMNS, (1, "u", "a@b", "Süß"), (2.5, True, "#N/A", dt.date(2024, 1, 2)))
    whole = path.read_bytes()
    chance = random.Random(7)
    damaged = 0
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 20)):
            content[chance.randrange(4, len(content))] = chance.randrange(256)
        path.write_bytes(content)
        try:
            read_tenants(path)
        except ProvisioningError:
            damaged += 1
    assert damaged > 100


def test_an_error_of_the_caller_stays_that_error(save: Save) -> None:
    with pytest.raises(KeyError), open_file(save(COLUMNS, (1, "u", "a@b")), FileOptions()):
        raise KeyError


def test_a_bomb_of_entities_is_no_workbook(write: Callable[[str], Path]) -> None:
    path = write("<row><c><v>&i;</v></c></row>")
    bomb = "<!DOCTYPE x [<!ENTITY a '0123456789'>" + "".join(
        f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    replace(path, "xl/worksheets/sheet1.xml", "<worksheet", f"{bomb}]><worksheet")
    with pytest.raises(ProvisioningError, match="is damaged or not an Excel workbook"):
        read_tenants(path)


def test_without_the_extra_the_error_names_it_and_another_way(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(COLUMNS, (1, "u", "a@b"))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(
        ProvisioningError, match=r"needs openpyxl\. Run `.*\[excel\]\"`, or save the file as CSV UTF-8\."
    ):
        read_tenants(path)


def test_a_large_workbook_is_refused_with_the_way_out(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(COLUMNS, (1, "u", "a@b"))
    with monkeypatch.context() as changed:
        changed.setattr(reading, "_LARGEST", 10)
        with pytest.raises(
            ProvisioningError, match=r"the file has 0 MB, and the limit is 50 MB\. Save it as CSV UTF-8\."
        ):
            read_tenants(path)
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    monkeypatch.setattr(workbooks, "_MOST_BYTES", unpacked)
    assert read_tenants(path).tenants == (ONE,)
    monkeypatch.setattr(workbooks, "_MOST_BYTES", unpacked - 1)
    with pytest.raises(ProvisioningError, match=r"the file is too large\. Save it as CSV UTF-8\."):
        read_tenants(path)
