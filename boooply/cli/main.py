"""Where the ``boooply`` command starts: with the ``cli`` extra, or with one line that says how to get it."""

import sys
from collections.abc import Sequence
from typing import Final

_EXTRA: Final = frozenset({"cyclopts", "rich"})
_INSTALL: Final = 'boooply: the command needs one more thing: python -m pip install "boooply[cli]"\n'
_INTERRUPTED: Final = 130  # what shells expect after Ctrl-C: 128 and the number of the signal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for (those of the process, if None), and return the exit code."""
    try:
        from boooply.cli.app import run  # noqa: PLC0415 - it imports the extra, which may be missing
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write(_INSTALL)
        return 2
    try:
        return run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
