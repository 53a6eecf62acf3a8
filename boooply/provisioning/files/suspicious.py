"""Values that a spreadsheet or a wrong encoding has changed.

The API cannot revoke a key, so a customer whose id reads ``1.23E+12`` must never be connected. What certainly is a
spreadsheet's doing is an error; what may also be right is a warning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import attrs


@attrs.frozen
class Suspicion:
    """What is suspicious about a value.

    Attributes:
        kind: The kind of problem, a key of ``REMEDIES``.
        problem: What follows the value in a sentence, such as "is a formula instead of its result".
        is_warning: Whether the value may be right all the same.
    """

    kind: str
    problem: str
    is_warning: bool = False


NAMES: Final = frozenset({"organization_name", "user_name", "name"})
"""The columns of text for people, in which almost everything may be right."""

REMEDIES: Final = {
    "key": "Delete it: a file of customers needs no keys.",
    "error value": "Correct the formula in the spreadsheet, and export again.",
    "formula": "Export the results of formulas: copy the column and paste it as values.",
    "shortened number": "Its digits are lost. Format the column as text, fill it in again, and export again.",
    "decimal number": "Format the column as text, without decimals, and export again.",
    "grouped digits": "Format the column as text, without separators between digits, and export again.",
    "text mark": "Delete the apostrophe.",
    "truth value": "Format the column as text, fill in the ids again, and export again.",
    "date": "A spreadsheet makes dates of ids. Format the column as text, fill in the ids again, and export again.",
    "placeholder": "Fill in the value, or delete the row.",
    "sum row": "Delete the row if it is no customer.",
    "rounded number": "Spreadsheets keep 15 digits. Format the column as text, fill it in again, and export again.",
    "address with extras": "Leave the address alone, such as ada@acme.example.",
    "invisible character": "Delete it, or type the value again.",
    "lost character": "Export the file again as UTF-8: here the character is lost.",
    "wrong encoding": "Export the file again as UTF-8. If you gave an encoding, it may be wrong.",
    "look-alike ids": "Check whether they are the same customer: each id gets its own key.",
    "lost zeros": "If it is the same customer, restore the leading zeros. Otherwise it gets its own key.",
}
"""What to change about each kind of problem."""

_YEAR: Final = "(?:19|20)[0-9]{2}"
_MONTH: Final = "(?:0?[1-9]|1[0-2])"
_DAY: Final = "(?:0?[1-9]|[12][0-9]|3[01])"
_TIME: Final = r"(?:[ T][0-9]{1,2}:[0-9]{2}.*)?"
_MONTH_NAME: Final = (  # in the case in which spreadsheets abbreviate them: DEC-12 is an id, Dec-12 is a date
    r"(?:Jan|Feb|Mar|Mär|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sept?|Oct|Okt|Nov|Dec|Dez"
    r"|janv|févr|mars|avr|juin|juil|août|déc|ene|abr|ago|dic)\.?"
)
_NUMERIC_DATE: Final = (
    rf"(?:{_YEAR}[-/.]{_MONTH}[-/.]{_DAY}|{_DAY}[-/.]{_MONTH}[-/.]{_YEAR}|{_MONTH}[-/.]{_DAY}[-/.]{_YEAR}"
    rf"|(?:{_DAY}/{_MONTH}|{_MONTH}/{_DAY})/[0-9]{{2}}){_TIME}"
)
_NAMED_DATE: Final = (
    rf"{_DAY}[-. ]{{1,2}}{_MONTH_NAME}(?:[-. ]{{1,2}}(?:{_YEAR}|[0-9]{{2}}))?|{_MONTH_NAME}[- ](?:{_YEAR}|[0-9]{{2}})"
)
_ERROR_VALUE: Final = r"#[¡¿]?[^\W\d_][\w/]*[!?]|#N/?[ADV]|#DIV/0!|#GETTING_DATA|#{3,}|Err:5[0-9]{2}"
_SUM: Final = (
    "(?:grand |sub-?)?total(?:e|es|s)?|sum|summe|gesamt(?:summe)?|zwischensumme|somme|totaal|suma|razem|итого|合計"
)

# Each pattern matches a whole value; of those that do, the first one counts.
_IN_VALUES: Final = (
    (_ERROR_VALUE, Suspicion("error value", "is an error of a spreadsheet's formula")),
    (
        r"=.*|[-+@][A-Z][A-Z.]*\(.*\)|\+\$?[A-Z]{1,3}\$?[0-9]{1,7}(?:[-+*/&].*)?",
        Suspicion("formula", "is a formula instead of its result"),
    ),
    (
        r"[-+]?[0-9]{1,3}(?:[.,][0-9]+)?[Ee][-+][0-9]{1,3}",
        Suspicion("shortened number", "is a number that a spreadsheet has shortened"),
    ),
    (r"[-+]?[0-9]+[.,]0{1,2}", Suspicion("decimal number", "is a number with decimals")),
    (
        r"[0-9]{1,3}(?:(?:,[0-9]{2,3})*,[0-9]{3}|(?:['\u2019][0-9]{3})+)(?:\.[0-9]+)?",
        Suspicion("grouped digits", "is a number with separators between its digits"),
    ),
    (
        r"[0-9]{1,3}(?:(?:\.[0-9]{3})+|(?: [0-9]{3})+)(?:,[0-9]+)?",
        Suspicion("grouped digits", "may be a number with separators between its digits", is_warning=True),
    ),
    (r"'[0-9]+", Suspicion("text mark", "begins with the apostrophe that marks text in a spreadsheet")),
    ("(?i:true|false)|WAHR|FALSCH|VRAI|FAUX|VERO|FALSO|VERDADERO", Suspicion("truth value", "is a truth value")),
    (f"{_NUMERIC_DATE}|{_NAMED_DATE}", Suspicion("date", "is a date")),
    (r"(?:0[1-9]|[12][0-9]|3[01])\.(?:0[1-9]|1[0-2])\.[0-9]{2}", Suspicion("date", "may be a date", is_warning=True)),
    (
        r"NULL|null|NaN|nan|None|NaT|<NA>|N/A|n/a|undefined|\(blank\)|\\N",
        Suspicion("placeholder", "is what programs write for a missing value"),
    ),
    (
        rf"(?i:{_SUM})(?:[ :=]+[0-9.,]+)?:?",
        Suspicion("sum row", "may be the last row of a table, with its sums", is_warning=True),
    ),
    (
        "[1-9][0-9]{14}0{3,}",
        Suspicion("rounded number", "may be a number whose last digits a spreadsheet has lost", is_warning=True),
    ),
    ("mailto:.*|<.*>", Suspicion("address with extras", "is more than an address")),
)
_IN_NAMES: Final = (
    (_ERROR_VALUE, Suspicion("error value", "is an error of a spreadsheet's formula")),
    ("=.+", Suspicion("formula", "may be a formula instead of its result", is_warning=True)),
    # Excel writes a question mark for each character that the encoding of a CSV file lacks.
    (
        r".*(?:\?\w|\?\?).*",
        Suspicion("lost character", "may have lost a character, which is now a question mark", is_warning=True),
    ),
)


def _compiled(table: tuple[tuple[str, Suspicion], ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"({pattern})" for pattern, _ in table))


_TABLES: Final = {is_name: (table, _compiled(table)) for is_name, table in ((False, _IN_VALUES), (True, _IN_NAMES))}

# UTF-8 that was read as Windows-1252: a first byte, then one or two others. A script whose every letter becomes such a
# pair shows two of them in a row; a single one occurs in real names.
_NEXT: Final = f"[\x80-\xbf{bytes(range(0x80, 0xC0)).decode('cp1252', 'ignore')}]"
_WRONGLY_DECODED: Final = re.compile(
    f"[ÂÃÄÅ]{_NEXT}|(?:[ÎÏÐÑ\xd7ØÙ]{_NEXT}){{2}}|[à-ï](?!\xa0){_NEXT}{{2}}|[├√][^\\s0-9]"
)
_SIGN: Final = re.compile(f"[├√{_NEXT[1:]}")  # without one of them, the search that follows is in vain
# Of a key without its first letters: a spreadsheet may have capitalized them.
_KEY: Final = re.compile(r"(?:ply_(?:org|tenant|platform)|hsec)_[\w-]{8}")
_INVISIBLE: Final = re.compile(
    "[\t\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u2064\u2066-\u206f\u2800"
    "\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0020-\U000e007f]"
)


# What most cells are, which no pattern above matches: a quick look at each spares it the slow one.
_HARMLESS: Final = {
    True: re.compile("[A-Za-z0-9][A-Za-z0-9 .,&'()-]*"),
    False: re.compile(
        "[A-Za-z0-9][A-Za-z0-9.+-]*@[A-Za-z0-9.-]+|[A-Za-z]{0,4}_?[0-9]{1,15}|[0-9a-f]{8}-[0-9a-f-]{27}|OWNER|ADMIN|MEMBER"
    ),
}


def is_harmless(column: str, text: str) -> bool:
    """Return whether a cell is so plain that ``suspicions`` yields nothing; many other cells are as harmless."""
    return _HARMLESS[column in NAMES].fullmatch(text) is not None


def suspicions(column: str, text: str) -> Iterator[Suspicion]:
    """Yield what is suspicious about a cell of a column, whose text has no blanks around it."""
    is_name = column in NAMES
    table, pattern = _TABLES[is_name]
    if "_" in text and _KEY.search(text):
        yield Suspicion("key", "contains a key")
    if found := pattern.fullmatch(text):
        yield table[(found.lastindex or 1) - 1][1]
    if text.isascii() and "\t" not in text:
        return
    if "\ufffd" in text:
        yield Suspicion("lost character", "has lost a character, which is now \ufffd", is_warning=is_name)
    if _SIGN.search(text) and _WRONGLY_DECODED.search(text):
        yield Suspicion("wrong encoding", "looks like text in a wrong encoding", is_warning=True)
    if not is_name and (found := _INVISIBLE.search(text)):
        name = unicodedata.name(found.group(), "tab").lower()  # of these, a tab alone has no name
        place = f"{name} (U+{ord(found.group()):04X}) at character {found.start() + 1}"
        yield Suspicion("invisible character", f"contains an invisible character: {place}")


def folded(identity: str) -> str:
    """Return an id without what people and spreadsheets change about it: case, leading zeros, form of Unicode."""
    return unicodedata.normalize("NFKC", identity).casefold().lstrip("0") or "0"
