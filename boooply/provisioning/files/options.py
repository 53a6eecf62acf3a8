"""How to read a file, where the file alone does not say."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class FileOptions:
    """How to read a file of customers: the keywords of ``read_tenants``, checked.

    Attributes:
        encoding: The encoding of the text; None means UTF-8, or what the byte order mark says.
        delimiter: The character between two cells; None means the one that separates the columns of the header.
        mapping: The column that a name of the file stands for, as in ``{"Admin Email": "user_email"}``.
        ignore_extra: Leave out columns that have no meaning here; otherwise they are an error.
        allow: Ids that are right although they look like a spreadsheet's doing.
    """

    encoding: str | None = None
    delimiter: str | None = None
    mapping: Mapping[str, str] = attrs.field(factory=dict[str, str])
    ignore_extra: bool = False
    allow: frozenset[str] = attrs.field(default=frozenset[str](), converter=frozenset[str])
