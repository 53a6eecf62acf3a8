"""Enumeration values that only older documentation of the API contains."""

import os
import sys
import warnings
from enum import StrEnum
from pathlib import Path
from typing import Final

_OURS: Final = (f"{Path(__file__).parents[1]}{os.sep}", "<attrs generated")  # attrs generates constructors


def warn_of_older_name(value: str, enumeration: type[StrEnum]) -> None:
    """Warn, at the caller's line, that the API may no longer accept a value."""
    level, frame = 1, sys._getframe()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # warnings skips files by itself only from Python 3.12 on
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        level, frame = level + 1, frame.f_back
    values = ", ".join(enumeration)
    text = f"{value} is from older documentation of the API, which may no longer accept it: use one of {values}"
    warnings.warn(text, DeprecationWarning, stacklevel=level)
