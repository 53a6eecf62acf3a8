"""The commands, each imported on first use. A command whose extra is missing names the extra."""

from importlib import import_module
from typing import Annotated, Final

from cyclopts import App, Parameter

from boooply.cli.terminal import print_error
from boooply.extras import command_extra, install_command

PATHS: Final[dict[str, str]] = {}  # where each command is, within this package; boooply.cli.app fills it


def __getattr__(name: str) -> object:
    """Return the command that cyclopts asks for, or a stand-in if its extra is missing."""
    if name not in PATHS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = PATHS[name].partition(":")
    try:
        return getattr(import_module(f"boooply.cli.{module}"), attribute)
    except ModuleNotFoundError as missing:
        extra = command_extra(missing)
        if extra is None:
            raise
        return _stand_in(name, install_command(extra))


def _stand_in(name: str, install: str) -> App:
    """Return a command that has help, and names the extra to install when it runs."""
    app = App(
        name=name,
        usage=f"Usage: boooply {name}",
        help_epilogue="Its extra is missing. Run the command to see how to install it.",
    )

    @app.default
    def run(*_words: Annotated[str, Parameter(allow_leading_hyphen=True, show=False)]) -> int:
        print_error(f"{name} needs an extra. Install it with: {install}")
        return 2

    return app
