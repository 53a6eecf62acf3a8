"""The entry point of the ``boooply`` command, which works without the ``cli`` extra and then names it."""

import sys
from collections.abc import Sequence
from typing import Final

# The extras that install the modules that a command imports.
_EXTRAS: Final = {
    **dict.fromkeys(("cyclopts", "rich", "sqlalchemy", "cryptography"), "cli"),
    **dict.fromkeys(("procrastinate", "psycopg"), "cli,distributed"),
    **dict.fromkeys(("mcp", "mcp_types", "uvicorn"), "mcp"),
}
_INSTALL: Final = 'boooply: the command needs an extra: python -m pip install "boooply[{}]"\n'
_INTERRUPTED: Final = 130  # what shells expect after Ctrl-C: 128 and the number of the signal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name (those of the process, if None), and return the exit code."""
    try:
        from boooply.cli.app import run  # noqa: PLC0415 - it imports the extra, which may be missing

        return run(sys.argv[1:] if arguments is None else arguments)
    except ImportError as error:
        extra = _extra(error)
        if extra is None:
            raise
        sys.stderr.write(_INSTALL.format(extra))
        return 2
    except KeyboardInterrupt:
        return _INTERRUPTED


def _extra(error: BaseException | None) -> str | None:
    """Return the extra whose module is missing; a command is imported late, so look at the causes too."""
    if error is None:
        return None
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return _EXTRAS.get(name) or _extra(error.__cause__)


if __name__ == "__main__":
    sys.exit(main())
