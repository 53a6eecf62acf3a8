"""The encoding of a file's text.

Nothing is guessed silently: text in a wrong encoding would become the names of customers. A guess is named in the error
instead, and the option that confirms it.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final

from boooply.errors import ProvisioningError

HEAD: Final = 4096
"""How many bytes decide what a file is."""

_MARKS: Final = (  # in an order in which none hides a longer one
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT: Final = (
    (b"PK\x03\x04", "is an Excel workbook or a ZIP archive: name a workbook .xlsx, unpack an archive"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel file or protected by a password: save it as .xlsx without a password"),
    (b"\x1f\x8b", "is compressed: unpack it first"),
    (b"%PDF", "is a PDF: export the customers as CSV UTF-8"),
)
_FAMILY: Final = re.compile(r"utf[-_]?(8|16|32)")
_SAVE: Final = 'save the file as "CSV UTF-8"'
_LISTED: Final = 5

# What text in another encoding looks like when it is read as cp1252.
_NOT_CP1252: Final = re.compile(
    r"(?![ -~])[^\W\d_](?:(?![ -~])[^\W\d_]){2}"  # three special letters in a row: Cyrillic, Greek
    r"|[£¥¯³¹¿¼¾](?=[a-z])|(?<=[a-z])[³¹¿]"  # signs beside letters: Polish, Czech
    r"|(?<=[A-Za-z])[ŠŽŒŸ†‡](?=[a-z])|(?<=[a-z])[ŠŽŒŸ†‡]"  # capitals after small letters: a Mac's
)


def encoding_of(head: bytes, given: str | None, source: str) -> str:
    """Return the encoding of a file that begins with these bytes: that of its mark, the given one, or UTF-8.

    Raises:
        ProvisioningError: The file is not text, or its encoding contradicts the given one.
    """
    for start, problem in _NOT_TEXT:
        if head.startswith(start):
            raise ProvisioningError(f"{source}: {problem}")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            if given is not None and _family(given) != _family(encoding):
                marked = f"UTF-{_family(encoding)}"
                raise ProvisioningError(f"{source}: begins with the mark of {marked}: leave out --encoding {given}")
            return encoding
    if given is None and b"\0" in head:
        wide = "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
        raise ProvisioningError(f"{source}: looks like UTF-16 without a mark: {_SAVE}, or give --encoding {wide}")
    return given or "utf-8"


def not_decodable(path: Path, encoding: str | None) -> ProvisioningError:
    """Return the error of a file with bytes that its encoding lacks: the lines, and the encoding that it may have."""
    if encoding is not None and encoding != "utf-8":
        return ProvisioningError(f"{path}: is not in {encoding}: {_SAVE}, or give another --encoding")
    bad: dict[int, bytes] = {}
    is_mixed = False
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                is_mixed |= not line.decode().isascii()
            except UnicodeDecodeError:
                bad[number] = line
    places = _places(list(bad))
    if is_mixed:
        return ProvisioningError(
            f"{path}: {places} not UTF-8, unlike other lines: correct {'it' if len(bad) == 1 else 'them'}"
        )
    guess = _guess(b"".join(bad.values()))
    if guess is None:
        options = "give its encoding, such as --encoding cp1250 or cp1251"
    else:
        options = f"if it is in {guess}, as it seems, give --encoding {guess}"
    return ProvisioningError(f"{path}: {places} not UTF-8: {_SAVE}; {options}")


def _family(encoding: str) -> str:
    found = _FAMILY.match(encoding.lower())
    return found[1] if found else ""


def _places(lines: list[int]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]} is"
    more = len(lines) - _LISTED
    listed = [str(line) for line in lines[:_LISTED]] + ([f"{more:,} more"] if more > 0 else [])
    return f"lines {', '.join(listed[:-1])} and {listed[-1]} are"


def _guess(line: bytes) -> str | None:
    try:
        text = line.decode("cp1252")
    except UnicodeDecodeError:
        return None
    return None if _NOT_CP1252.search(text) else "cp1252"
