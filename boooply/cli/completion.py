"""``boooply --install-completion``: Tab completion of commands, options and files."""

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
    """Write a completion script for a shell, and load it at the shell's start.

    Args:
        shell: Your shell. Default: the shell that runs this command.
        output: Write the script to this file, and change no startup file.

    Raises:
        ConfigurationError: The shell is unknown, or a file cannot be written.
    """
    from boooply.cli.app import app  # noqa: PLC0415 - it loads this command

    try:
        shell = shell or detect_shell()
    except ShellDetectionError:
        raise ConfigurationError("cannot detect your shell: add --shell bash, zsh, fish or powershell") from None
    try:
        path = app.install_completion(shell=shell, output=output, add_to_startup=output is None)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ConfigurationError(
            f"{error.filename} cannot be written: {reason}. Choose another file with --output FILE"
        ) from None
    out = console()
    out.print(f"Wrote the completion script for {shell} to {path}.", soft_wrap=True)
    if output is None:
        start = _STARTS.get(shell)
        out.print(f"{f'{start} loads the script. ' if start else ''}To use it, start a new shell.")
