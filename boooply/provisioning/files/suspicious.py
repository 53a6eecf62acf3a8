"""Values that a spreadsheet or a wrong encoding has changed.

The API cannot revoke a key, so a customer whose id reads ``1.23E+12`` must never be connected. A value that a
spreadsheet has certainly changed is an error. A value that may also be correct is a warning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import attrs


@attrs.frozen
class Suspicion:
    """The reason why a value is suspicious.

    Attributes:
        kind: The kind of problem, a key of ``REMEDIES``.
        problem: The sentence that the value starts, such as "is a formula instead of its result".
        is_warning: Whether the value may be correct.
    """

    kind: str
    problem: str
    is_warning: bool = False


NAMES: Final = frozenset({"organization_name", "user_name", "name"})
"""The columns of names, in which almost any text may be correct."""

REMEDIES: Final = {
    "key": "Delete the key. A customer file needs none.",
    "error value": "Correct the formula in the spreadsheet, and export again.",
    "formula": "Copy the column, paste it as values, and export again.",
    "shortened number": "Its digits are lost. Format the column as text, enter the values again, and export again.",
    "decimal number": "Format the column as text, without decimals, and export again.",
    "grouped digits": "Format the column as text, without separators between digits, and export again.",
    "text mark": "Delete the apostrophe.",
    "truth value": "Format the column as text, enter the ids again, and export again.",
    "date": "Spreadsheets turn some ids into dates. Format the column as text, enter the ids again, and export again.",
    "placeholder": "Enter the value, or delete the row.",
    "sum row": "Delete the row if it is not a customer.",
    "rounded number": "Spreadsheets keep 15 digits. Format the column as text, enter them again, and export again.",
    "address with extras": "Keep only the address, such as ada@acme.example.",
    "invisible character": "Delete the character, or type the value again.",
    "lost character": "The character is lost in this file. Export it again as UTF-8.",
    "wrong encoding": "Export the file again as UTF-8. If you set an encoding, check that it is right.",
    "look-alike ids": "Check whether they are the same customer: each id gets its own key.",
}
"""The remedy for each kind of problem."""

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

# Each pattern matches a whole value. The first match counts.
_IN_VALUES: Final = (
    (_ERROR_VALUE, Suspicion("error value", "is the error value of a formula")),
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
    (r"'[0-9]+", Suspicion("text mark", "starts with the apostrophe that marks text in a spreadsheet")),
    ("(?i:true|false)|WAHR|FALSCH|VRAI|FAUX|VERO|FALSO|VERDADERO", Suspicion("truth value", "is a truth value")),
    (f"{_NUMERIC_DATE}|{_NAMED_DATE}", Suspicion("date", "is a date")),
    (r"(?:0[1-9]|[12][0-9]|3[01])\.(?:0[1-9]|1[0-2])\.[0-9]{2}", Suspicion("date", "may be a date", is_warning=True)),
    (
        r"NULL|null|NaN|nan|None|NaT|<NA>|N/A|n/a|undefined|\(blank\)|\\N",
        Suspicion("placeholder", "stands for a missing value"),
    ),
    (rf"(?i:{_SUM})(?:[ :=]+[0-9.,]+)?:?", Suspicion("sum row", "may be the total row of a table", is_warning=True)),
    (
        "[1-9][0-9]{14}0{3,}",
        Suspicion("rounded number", "may be a number whose last digits a spreadsheet has lost", is_warning=True),
    ),
    ("mailto:.*|<.*>", Suspicion("address with extras", "contains more than an address")),
)
_IN_NAMES: Final = (
    (_ERROR_VALUE, Suspicion("error value", "is the error value of a formula")),
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

# UTF-8 that was read as Windows-1252: a first byte, then one or two more. For scripts in which every letter becomes a
# pair, two pairs in a row are required, because a single pair occurs in real names.
_NEXT: Final = f"[\x80-\xbf{bytes(range(0x80, 0xC0)).decode('cp1252', 'ignore')}]"
_WRONGLY_DECODED: Final = re.compile(
    f"[ÂÃÄÅ]{_NEXT}|(?:[ÎÏÐÑ\xd7ØÙ]{_NEXT}){{2}}|[à-ï](?!\xa0){_NEXT}{{2}}|[├√][^\\s0-9]"
)
_SIGN: Final = re.compile(f"[├√{_NEXT[1:]}")  # without one of these, the slower search cannot find anything
# A key without its first letters, which a spreadsheet may have capitalized.
_KEY: Final = re.compile(r"(?:ply_(?:org|tenant|platform)|hsec)_[\w-]{8}")
_INVISIBLE: Final = re.compile(
    "[\t\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u2064\u2066-\u206f\u2800"
    "\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0020-\U000e007f]"
)


# Most cells match one of these, and then none of the patterns above. The quick check saves the slow search.
_HARMLESS: Final = {
    True: re.compile("[A-Za-z0-9][A-Za-z0-9 .,&'()-]*"),
    False: re.compile(
        "[A-Za-z0-9][A-Za-z0-9.+-]*@[A-Za-z0-9.-]+|[A-Za-z]{0,4}_?[0-9]{1,15}|[0-9a-f]{8}-[0-9a-f-]{27}|OWNER|ADMIN|MEMBER"
    ),
}


def is_harmless(column: str, text: str) -> bool:
    """Return whether a cell is so plain that ``suspicions`` yields nothing. It may return false for such a cell."""
    return _HARMLESS[column in NAMES].fullmatch(text) is not None


def suspicions(column: str, text: str) -> Iterator[Suspicion]:
    """Yield what is suspicious about a cell, whose text must have no surrounding white space."""
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
        yield Suspicion("wrong encoding", "looks like text in the wrong encoding", is_warning=True)
    if not is_name and (found := _INVISIBLE.search(text)):
        name = unicodedata.name(found.group(), "tab").lower()  # only the tab has no name
        place = f"{name} (U+{ord(found.group()):04X}) at character {found.start() + 1}"
        yield Suspicion("invisible character", f"contains an invisible character: {place}")


def folded(identity: str) -> str:
    """Return an id without what people and spreadsheets often change: case, leading zeros and Unicode form."""
    return unicodedata.normalize("NFKC", identity).casefold().lstrip("0") or "0"
