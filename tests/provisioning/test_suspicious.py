"""What a spreadsheet makes of ids and addresses, and which unusual ones are right."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boooply.provisioning.files.suspicious import REMEDIES, Suspicion, folded, is_harmless, suspicions

IDS = ("organization_id", "user_id")
ADDRESSES = ("user_email", "email")
NAMES = ("organization_name", "user_name", "name")
ZERO_WIDTH_SPACE = "\u200b"


def each(texts: str) -> list[str]:
    return [text for line in texts.strip().splitlines() for text in line.strip().split(" | ")]


def found(column: str, text: str) -> list[tuple[str, bool]]:
    return [(suspicion.kind, suspicion.is_warning) for suspicion in suspicions(column, text)]


KEYS = """
    bply_org_0123456789abcdef | key: boooply_platform_live_0123456789abcdef | Whsec_0123456789abcdef
    Bply_org_0123456789abcdef
    """
ERRORS = {
    "key": KEYS,
    "shortened number": "1.23E+12 | 1,23E+12 | 7E+09 | 1.23e+21 | -4.5E-05 | 12.3E+9 | 1.23457E+015",
    "decimal number": "123.0 | 123,0 | 00123.00 | -1.0 | 1234567890123.0",
    "grouped digits": "1,234 | 12,345,678 | 1,234.50 | 1'234 | 1\u2019234\u2019567 | 12,34,567",
    "error value": """
        #N/A | #NV | #N/D | #NA | #REF! | #VALUE! | #DIV/0! | #NAME? | #NULL! | #NUM! | #SPILL! | #BEZUG! | #WERT!
        #ÜBERLAUF! | #VALEUR! | #¡REF! | #¿NOMBRE? | #GETTING_DATA | ##### | Err:502
        """,
    "formula": '=A2 | =A2&B2 | ="00123" | =1 | @SUM(A1:A3) | +SUM(A1) | -SUM(A1) | +A2 | +$A$2+1',
    "text mark": "'00123",
    "truth value": "TRUE | FALSE | True | false | WAHR | FALSCH | VRAI | VERDADERO",
    "date": """
        2026-11-29 | 2026-11-29 00:00:00 | 2026-11-29T08:30 | 2026/1/2 | 29.11.2026 | 1.2.2026 | 11/29/2026
        29/11/2026 | 29-11-2026 | 1/2/26 | 29-Nov-26 | 29-Nov | 1. Mrz. 2026 | 29. Nov 26 | Nov-26 | Dez 26 | 02-Jan
        11/29/2026 8:30 PM
        """,
    "placeholder": r"NULL | null | NaN | nan | None | undefined | N/A | \N | <NA> | (blank)",
    "address with extras": "mailto:ada@acme.example | <ada@acme.example>",
    "invisible character": f"""
        org{ZERO_WIDTH_SPACE}_1 | org\xa01 | \ufefforg_1 | or\xadg | org_1\u200e | \u202eorg_1 | a\tb | 1\u202f234
        org\u3164 | \u2067org_1\u2069 | ada@acme.example\u200d | a\u2060b | 1\ufe0f
        """,
    "lost character": "M\ufffdller",
}
WARNINGS = {
    "grouped digits": "1.234 | 1.234.567 | 1.234,50 | 1 234 | 12 345 678",
    "date": "29.11.26 | 01.02.26",
    "sum row": "Total | TOTAL: | Grand Total | Subtotal | Sum: 42 | Summe | Gesamt | Somme = 1.234 | 合計",
    "rounded number": "123456789012345000 | 1234567890123450000",
    "wrong encoding": "MÃ¼ller | JosÃ© | mÃ¼ller@acme.example",
}
REAL_IDS = """
    7f3c2a9e-1b5d-4e8f-9a6b-0c1d2e3f4a5b | 7F3C2A9E1B5D4E8F | org_7234567890 | 12345 | 00123 | 0 | - | ACME-2026
    ACME-2026-11 | acme | Acme GmbH | 12-A | 1e5 | 1E5 | 12E4 | 4e2b | 9e99 | 0x1F | v1.2.3 | 1.2 | 3.14 | 10.0.1
    192.168.1.10 | 1-2 | 12/5 | MAR-26 | DEC-12 | JAN | May | May Corp | dec | sumo | summer | Totality | TotalEnergies
    True North | trueblue | FALSEWORK | #acme | #1 | # | @acme | @ACME | +4930123456 | A2 | $A$2 | 1234567890123456789
    1234567890123450 | 100000000000000 | org:1 | a,b | acme,1 | 1,2 | 1,23 | 株式会社みらい | Ørsted | Müller | мир-1
    שלום | nano | Nonette | nullable | 20261129 | 2026 | 2026-11 | 2026-13-45 | 45.11.2026 | 0029-11-26 | org 1
    's-Hertogenbosch | boooply_organization | bply_ | What? | 1_000 | Err:1 | 1.50 | 0.5 | 7-11 | 24/7 | 12.5.1
    """
REAL_ADDRESSES = """
    ada@acme.example | Ada.Admin+boooply@ACME.example | o'brien@acme.example | +tag@acme.example | søren@ørsted.example
    1.23E+12@acme.example | 123@acme.example | true@acme.example | #1@acme.example | 2026-11-29@acme.example
    """
REAL_NAMES = """
    True North | TRUE | 1.000 Ideen GmbH | 24.12. | Total | 2026-11-29 | Sum Up Ltd | 1,234 | None | Nan Goldin
    Müller, Schmidt & Partner | Ørsted Care Oy | SÃO JOÃO | ÅÄÖ | PEÑA | Ñandú | ÂNGELA | 株式会社みらい | Café®
    Клиника Север | Công ty Ánh Dương | Łódź Logistyka | 한빛 로지스틱스 | שירותי כרמל | می\u200cروم | Yahoo?
    ¿Qué? | Who? What? | “Quoted” \u2013 GmbH | Société\xa0Générale | 👩\u200d💻 Studio | Kníže | Nestlé™ | \u200fعلي
    « Liberté\xa0» | The Bearer Company | +1 Studio | - | @acme | #1 Cleaners | C# Ltd | E=mc² | NESTLÉ® | CITÉ\u2019S
    """


@pytest.mark.parametrize("column", IDS + ADDRESSES)
@pytest.mark.parametrize(("kind", "texts"), ERRORS.items(), ids=ERRORS)
def test_what_a_spreadsheet_has_made_of_a_value_is_an_error(column: str, kind: str, texts: str) -> None:
    assert {text: found(column, text) for text in each(texts)} == {text: [(kind, False)] for text in each(texts)}


@pytest.mark.parametrize("column", IDS + ADDRESSES)
@pytest.mark.parametrize(("kind", "texts"), WARNINGS.items(), ids=WARNINGS)
def test_what_may_be_right_is_a_warning(column: str, kind: str, texts: str) -> None:
    assert {text: found(column, text) for text in each(texts)} == {text: [(kind, True)] for text in each(texts)}


@pytest.mark.parametrize("column", NAMES)
@pytest.mark.parametrize(
    ("kind", "is_warning", "texts"),
    [
        ("key", False, KEYS),
        ("error value", False, "#N/A | #REF! | #NAME? | #BEZUG!"),
        ("formula", True, '=A2 | =A2&" GmbH"'),
        ("lost character", True, "M\ufffdller | ?ukasz ?ak | M?ller | ????"),
        ("wrong encoding", True, "MÃ¼ller | LÃ©a GroÃŸ | Ã\u2013rsted | Oâ€™Brien | M├╝ller | M√ºller"),
    ],
)
def test_a_broken_name_is_suspicious(column: str, kind: str, is_warning: bool, texts: str) -> None:
    assert {text: found(column, text) for text in each(texts)} == {text: [(kind, is_warning)] for text in each(texts)}


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize(
    "name", ["Müller", "Łódź", "株式会社", "Анна", "محمد", "Nuñez", "한빛", "Ελένη", "שלום", "Ngọc Ánh"]
)
def test_utf_8_read_in_another_encoding_is_recognized(name: str, encoding: str) -> None:
    assert {"wrong encoding", "lost character"} & dict(
        found("user_name", name.encode().decode(encoding, "replace"))
    ).keys()


@pytest.mark.parametrize("text", each(REAL_IDS))
def test_a_real_id_is_no_suspicion(text: str) -> None:
    assert [found(column, text) for column in IDS] == [[], []]


@pytest.mark.parametrize("text", each(REAL_ADDRESSES))
def test_a_real_address_is_no_suspicion(text: str) -> None:
    assert [found(column, text) for column in ADDRESSES] == [[], []]


@pytest.mark.parametrize("text", each(REAL_NAMES))
def test_a_real_name_is_no_suspicion(text: str) -> None:
    assert [found(column, text) for column in NAMES] == [[], [], []]


@given(st.uuids() | st.integers(min_value=0, max_value=10**15 - 1))
def test_no_uuid_and_no_number_is_a_suspicion(identity: UUID | int) -> None:
    assert found("organization_id", str(identity)) == []


@given(st.text() | st.from_regex("[A-Za-z]{0,5}[-_ +.]?[0-9]{0,16}", fullmatch=True))
def test_a_harmless_value_is_no_suspicion(text: str) -> None:
    for column in IDS + ADDRESSES + NAMES:
        assert not is_harmless(column, text) or found(column, text) == []


@pytest.mark.parametrize("texts", [*ERRORS.values(), *WARNINGS.values()], ids=[*ERRORS, *WARNINGS])
def test_no_suspicion_is_harmless(texts: str) -> None:
    assert [text for text in each(texts) if is_harmless("user_id", text)] == []


@given(st.text())
def test_every_kind_has_a_remedy(text: str) -> None:
    for column in IDS + ADDRESSES + NAMES:
        assert {kind for kind, _ in found(column, text)} <= REMEDIES.keys()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"org_1{ZERO_WIDTH_SPACE}2", "zero width space (U+200B) at character 6"),
        ("a\tb", "tab (U+0009) at character 2"),
    ],
)
def test_an_invisible_character_is_named_with_its_place(text: str, place: str) -> None:
    [suspicion] = suspicions("organization_id", text)

    assert suspicion == Suspicion("invisible character", f"contains an invisible character: {place}")


@pytest.mark.parametrize(
    ("column", "text", "suspicion"),
    [
        ("user_id", "bply_org_0123456789abcdef", Suspicion("key", "contains a key")),
        ("user_id", "M\ufffdller", Suspicion("lost character", "has lost a character, which is now \ufffd")),
        (
            "user_name",
            "M\ufffdller",
            Suspicion("lost character", "has lost a character, which is now \ufffd", is_warning=True),
        ),
        ("user_name", "MÃ¼ller", Suspicion("wrong encoding", "looks like text in the wrong encoding", is_warning=True)),
    ],
)
def test_a_suspicion_says_what_is_wrong(column: str, text: str, suspicion: Suspicion) -> None:
    assert list(suspicions(column, text)) == [suspicion]


def test_a_value_has_all_its_suspicions() -> None:
    assert found("user_id", f"MÃ¼ller{ZERO_WIDTH_SPACE}") == [("wrong encoding", True), ("invisible character", False)]


def test_a_remedy_is_one_or_two_short_sentences() -> None:
    for remedy in REMEDIES.values():
        assert re.fullmatch(r"[A-Z].{,78}\.( [A-Z].{,78}\.)?", remedy), remedy


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("00123", "123"),
        ("ACME", "acme"),
        ("caf\u00e9", "cafe\u0301"),
        ("STRASSE", "straße"),
        ("\uff11\uff12", "12"),
        ("0", "000"),
    ],
)
def test_ids_that_look_alike_are_folded_to_the_same(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"), [("123", "1230"), ("acme", "acmé"), ("org_01", "org_1"), ("a b", "ab"), ("1", "")]
)
def test_other_ids_are_not_folded_to_the_same(one: str, other: str) -> None:
    assert folded(one) != folded(other)
