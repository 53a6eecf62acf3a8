"""The options for reading a customer file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import attrs

from boooply.errors import ProvisioningError
from boooply.provisioning.files.rows import COLUMNS, shown

_SEPARATORS: Final = re.compile(r"[\W_]+")
_NAMED: Final = {"tab": "\t", r"\t": "\t", "comma": ",", "semicolon": ";"}  # a tab is hard to type in a shell


def _encoding(name: str | None) -> str | None:
    try:
        "".encode(name or "utf-8")
    except (LookupError, ValueError):
        problem = f"encoding: {shown(name)} is unknown. Use a name such as utf-8, utf-16 or cp1252."
    else:
        return name or None
    raise ProvisioningError(problem)


def _delimiter(given: str | None) -> str | None:
    if not given:
        return None
    character = _NAMED.get(given.lower(), given)
    if len(character) != 1 or character in '"\r\n\0' or character.isalnum():
        raise ProvisioningError(
            f"delimiter: {shown(given)} cannot separate cells. Use one character, such as , or ;, or the word tab."
        )
    return character


def _mapping(given: Mapping[str, str]) -> dict[str, str]:
    """Check a mapping, and return it with the names of the columns as in ``COLUMNS``."""
    columns = {bare(column): column for column in COLUMNS}
    names: dict[str, str] = {}
    found: dict[str, str] = {}
    for name, target in given.items():
        column = columns.get(bare(target))
        if column is None:
            raise ProvisioningError(
                f"mapping: {shown(name)} is mapped to {shown(target)}, which is unknown. Use one of "
                f"{', '.join(COLUMNS)}."
            )
        if column in names:
            raise ProvisioningError(
                f"mapping: {shown(names[column])} and {shown(name)} are both mapped to {column}. Map only one of them."
            )
        if bare(name) in map(bare, found):
            raise ProvisioningError(f"mapping: {shown(name)} is mapped twice. Map it to one column.")
        names[column] = name
        found[name] = column
    return found


def _allow(ids: Iterable[str]) -> frozenset[str]:
    return frozenset([ids] if isinstance(ids, str) else ids)


@lru_cache(1024)
def bare(name: str) -> str:
    """Return a name without case, separators and compatibility forms: ``Organization ID`` gives ``organizationid``."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", name)).casefold()


@attrs.frozen(kw_only=True)
class FileOptions:
    """The options for reading a customer file: the keyword arguments of ``read_tenants``, checked.

    Attributes:
        encoding: The encoding of the text. None means the encoding of the byte order mark, or UTF-8 without one.
        delimiter: The character between two cells. None means the one that separates the names in the header.
        mapping: The column for each other name in the file, as in ``{"Admin Email": "user_email"}``.
        ignore_extra: Whether to skip unknown columns. If false, an unknown column is an error.
        allow: Ids to accept although a spreadsheet seems to have changed them.

    Raises:
        ProvisioningError: An option is invalid.
    """

    encoding: str | None = attrs.field(default=None, converter=_encoding)
    delimiter: str | None = attrs.field(default=None, converter=_delimiter)
    mapping: Mapping[str, str] = attrs.field(factory=dict[str, str], converter=_mapping)
    ignore_extra: bool = False
    allow: frozenset[str] = attrs.field(factory=frozenset[str], converter=_allow)
