"""``boooply --install-completion``: Tab completes commands, options and files."""

import os
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from cyclopts.completion import ShellDetectionError, detect_shell

from boooply.cli.terminal import console
from boooply.errors import ConfigurationError

_Shell = Literal["bash", "zsh", "fish", "powershell"]
_Output = Annotated[Path | None, Parameter(name=("--output", "-o"))]

_STARTS: Final[dict[str, str]] = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "powershell": "your profile"}


def install_completion(*, shell: _Shell | None = None, output: _Output = None) -> None:
    """Write the script that completes commands in a shell, and have the shell load it.

    Args:
        shell: Your shell, otherwise the one that starts this command.
        output: Write the script to this file, and change no other.

    Raises:
        ConfigurationError: The shell is unknown, or a file cannot be written.
    """
    from boooply.cli.app import app  # noqa: PLC0415 - it loads this command

    try:
        shell = shell or detect_shell()
    except ShellDetectionError:
        raise ConfigurationError("the shell is unknown: give --shell bash, zsh, fish or powershell") from None
    try:
        path = app.install_completion(shell=shell, output=output, add_to_startup=output is None)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ConfigurationError(f"{error.filename} cannot be written: {reason}: give --output FILE") from None
    out = console()
    out.print(f"{path} completes commands in {shell}.", soft_wrap=True)
    if output is None:
        start = _STARTS.get(shell)
        out.print(f"{f'{start} loads it. ' if start else ''}Start a new shell to use it.")
