"""The exit codes of every command."""

from typing import Final

DONE: Final = 0
FAILED: Final = 1  # the API or the store ended the command early
WRONG_INPUT: Final = 2  # a mistyped command, or a setting or file that must be changed; nothing was sent
UNFINISHED: Final = 4  # the command is complete, and something failed or is in doubt
SIGNALLED: Final = 128  # a signal ended the command; its number is added
