"""Values that only an older page of the vendor names."""

import os
import sys
import warnings
from enum import StrEnum
from pathlib import Path
from typing import Final

_OURS: Final = (f"{Path(__file__).parents[1]}{os.sep}", "<attrs generated")  # attrs generates constructors


def warn_of_older_name(value: str, enumeration: type[StrEnum]) -> None:
    """Warn of a value that the API may no longer know, at the line of the caller."""
    level, frame = 1, sys._getframe()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # warnings skips files by itself only from Python 3.12 on
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        level, frame = level + 1, frame.f_back
    text = f"{value} comes from an older page of the vendor: use one of {', '.join(enumeration)}"
    warnings.warn(text, DeprecationWarning, stacklevel=level)
