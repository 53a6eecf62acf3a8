"""JSON files: an array of objects, or one object per line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO, cast

from boooply.errors import ProvisioningError
from boooply.provisioning.files.columns import Names
from boooply.provisioning.files.rows import Problem, Record, shown

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_DECODER: Final = json.JSONDecoder(object_pairs_hook=tuple)  # a dict would hide a repeated name
_PEEKED: Final = 4096
_TOO_MUCH: Final = "cannot be read as JSON: a number is too long, or the nesting is too deep"


def line_records(file: TextIO, names: Names) -> Iterator[Record]:
    """Yield the object on each line that is not blank."""
    for number, text in enumerate(file, 1):
        if text.strip():
            yield _line_record(number, text.rstrip(), names)


def _line_record(number: int, text: str, names: Names) -> Record:
    try:
        return _record(number, _DECODER.decode(text), names)
    except json.JSONDecodeError as error:
        problem = f"not valid JSON: {error.msg} at character {error.colno}"
    except (ValueError, RecursionError):
        problem = _TOO_MUCH
    return Record(number, None, [Problem("invalid JSON", problem)])


def document_records(text: str, names: Names, path: Path) -> Iterator[Record]:
    """Yield the objects of an array, or several objects in a row, each with the line where it starts.

    Raises:
        ProvisioningError: The text is not valid JSON.
    """
    place = _after_blanks(text, 0)
    is_array = text.startswith("[", place)
    place = _after_blanks(text, place + is_array)
    line, at = 1, 0
    while place < len(text) and not (is_array and text[place] == "]"):
        line, at = line + text.count("\n", at, place), place
        try:
            value, place = _DECODER.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise _not_valid(path, error.lineno, f"{error.msg} at character {error.colno}") from None
        except (ValueError, RecursionError):
            raise ProvisioningError(f"{path}: line {line}: {_TOO_MUCH}") from None
        yield _record(line, value, names)
        place = _after_blanks(text, place)
        if is_array and text.startswith(",", place):
            place = _after_blanks(text, place + 1)
        elif is_array and not text.startswith("]", place):
            raise _not_valid(path, text.count("\n", 0, place) + 1, "the array is not closed, or a comma is missing")
    if is_array and (not text.startswith("]", place) or _after_blanks(text, place + 1) != len(text)):
        raise _not_valid(path, text.count("\n", 0, place) + 1, "the array is not closed, or text follows it")


def is_document(file: TextIO) -> bool:
    """Return whether JSON is an array or has objects of several lines, rather than one object per line."""
    start = ""
    while not start and (more := file.read(_PEEKED)):
        start = more.lstrip()
    file.seek(0)
    if not start.startswith("{"):
        return True
    first = next(text for text in file if text.strip())
    file.seek(0)
    try:
        _DECODER.decode(first)
    except (ValueError, RecursionError):
        return True
    return False


def _record(line: int, value: Any, names: Names) -> Record:
    if not isinstance(value, tuple):
        text = f'{shown(value)} must be an object, such as {{"organization_id": …}}'
        return Record(line, None, [Problem("wrong type", text)])
    if _LONE_SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        text = r"contains half of a surrogate pair: a \ud8… escape without its other half"
        return Record(line, None, [Problem("invalid JSON", text)])
    return Record(line, *names.values(cast("tuple[tuple[str, Any], ...]", value)))


def _not_valid(path: Path, line: int, problem: str) -> ProvisioningError:
    return ProvisioningError(f"{path}: line {line}: not valid JSON: {problem}")


def _after_blanks(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place
