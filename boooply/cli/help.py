"""``boooply help``: the same as ``--help`` after a command."""

from boooply.cli.terminal import console


def show_help(*command: str) -> int:
    """Show this help, or that of a command.

    Args:
        command: The command, for example tenants list.

    Returns:
        The exit code.
    """
    from boooply.cli.app import app  # noqa: PLC0415 - it loads this command

    code: int = app([*command, "--help"], console=console(), error_console=console(stderr=True))
    return code
