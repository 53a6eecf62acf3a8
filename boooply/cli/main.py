"""The entry point of the ``boooply`` command. Without the extra ``cli``, it names the extra."""

import sys
from collections.abc import Sequence
from typing import Final

from boooply.extras import command_extra, install_command

_INTERRUPTED: Final = 130  # what shells expect after Ctrl-C: 128 plus the number of the signal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in ``arguments``, or in those of the process if None, and return the exit code."""
    try:
        from boooply.cli.app import run  # noqa: PLC0415 - imports the extra, which may be missing

        return run(sys.argv[1:] if arguments is None else arguments)
    except ModuleNotFoundError as missing:
        extra = command_extra(missing)
        if extra is None:
            raise
        sys.stderr.write(f"boooply: the command needs an extra. Install it with: {install_command(extra)}\n")
        return 2
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
