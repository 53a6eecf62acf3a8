"""``boooply help``: the same output as ``--help``."""

from boooply.cli.terminal import console


def show_help(*command: str) -> int:
    """Show this help, or the help of a command.

    Args:
        command: The command, such as tenants list.

    Returns:
        The exit code.
    """
    from boooply.cli.app import app  # noqa: PLC0415 - it loads this command

    code: int = app([*command, "--help"], console=console(), error_console=console(stderr=True))
    return code
