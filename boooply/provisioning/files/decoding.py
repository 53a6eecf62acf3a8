"""The encoding of a file's text.

The encoding is never guessed silently: text in the wrong encoding would become the names of customers. Instead, the
error names the likely encoding and the option that confirms it.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final

from boooply.errors import ProvisioningError

HEAD: Final = 4096
"""The number of bytes at the start of a file that identify its format."""

_MARKS: Final = (  # the marks of UTF-32 first: one of them starts with a mark of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT: Final = (
    (b"PK\x03\x04", "is an Excel workbook or a ZIP archive. Rename a workbook to .xlsx; unpack an archive."),
    (b"\xd0\xcf\x11\xe0", "is an old Excel file or has a password. Save it as .xlsx without a password."),
    (b"\x1f\x8b", "is compressed. Decompress it first."),
    (b"%PDF", "is a PDF. Export the customers as CSV UTF-8."),
)
_FAMILY: Final = re.compile(r"utf[-_]?(8|16|32)")
_SAVE: Final = 'Save it as "CSV UTF-8"'
_LISTED: Final = 5

# Patterns in text of another encoding that was read as cp1252.
_NOT_CP1252: Final = re.compile(
    r"(?![ -~])[^\W\d_](?:(?![ -~])[^\W\d_]){2}"  # three special letters in a row: Cyrillic, Greek
    r"|[£¥¯³¹¿¼¾](?=[a-z])|(?<=[a-z])[³¹¿]"  # signs next to letters: Polish, Czech
    r"|(?<=[A-Za-z])[ŠŽŒŸ†‡](?=[a-z])|(?<=[a-z])[ŠŽŒŸ†‡]"  # capitals after small letters: a Mac's
)


def encoding_of(head: bytes, given: str | None, source: str) -> str:
    """Return the encoding of a file from its first bytes: that of its byte order mark, the given one, or UTF-8.

    Raises:
        ProvisioningError: The file is not text, or its encoding contradicts the given one.
    """
    for start, problem in _NOT_TEXT:
        if head.startswith(start):
            raise ProvisioningError(f"{source}: the file {problem}")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            if given is not None and _family(given) != _family(encoding):
                marked = f"UTF-{_family(encoding)}"
                raise ProvisioningError(
                    f"{source}: the file starts with the byte order mark of {marked}, not {given}. Leave out "
                    "--encoding (Python: encoding)."
                )
            return encoding
    if given is None and b"\0" in head:
        wide = "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
        raise ProvisioningError(
            f"{source}: the file looks like UTF-16 without a byte order mark. {_SAVE}, or use {_option(wide)}."
        )
    return given or "utf-8"


def not_decodable(path: Path, encoding: str | None) -> ProvisioningError:
    """Return the error for a file that cannot be decoded, with the lines at fault and the likely encoding."""
    if encoding is not None and encoding != "utf-8":
        return ProvisioningError(
            f"{path}: the file is not in {encoding}. {_SAVE}, or use another --encoding (Python: encoding)."
        )
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
            f"{path}: {places} not UTF-8, but other lines are. Correct {'it' if len(bad) == 1 else 'them'}."
        )
    guess = _guess(b"".join(bad.values()))
    if guess is None:
        remedy = "name its encoding, such as cp1250 or cp1251, with --encoding (Python: encoding)"
    else:
        remedy = f"use {_option(guess)} if the file is in {guess}, as it seems"
    return ProvisioningError(f"{path}: {places} not UTF-8. {_SAVE}, or {remedy}.")


def _option(encoding: str) -> str:
    return f'--encoding {encoding} (Python: encoding="{encoding}")'


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
