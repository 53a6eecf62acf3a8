"""The commands, each imported when it is asked for; one whose extra is missing names that extra."""

from importlib import import_module
from typing import Annotated, Final

from cyclopts import App, Parameter

from boooply.cli.terminal import print_error
from boooply.extras import command_extra, install_command

PATHS: Final[dict[str, str]] = {}  # where each command is, within this package; boooply.cli.app fills it


def __getattr__(name: str) -> object:
    """Return a command by its name, as cyclopts asks for it, or a stand-in if its extra is missing."""
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
    """Return a command that has help, and says what to install when it is run."""
    app = App(name=name, usage=f"Usage: boooply {name}", help_epilogue="Run it to see how to install its extra.")

    @app.default
    def run(*_words: Annotated[str, Parameter(allow_leading_hyphen=True, show=False)]) -> int:
        print_error(f"{name} needs an extra: {install}")
        return 2

    return app
