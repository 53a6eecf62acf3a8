"""The command line: which commands there are, and what becomes of their errors."""

from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError
from rich.text import Text

from boooply.cli.terminal import complain, console, degrade
from boooply.errors import BoooplyError, ProvisioningError
from boooply.version import __version__

_WRONG_INPUT: Final = 2  # a mistyped command, or a file that has to be changed
_FAILED: Final = 1

# The help is shown as it stands here, so it is broken for a terminal of 80 columns.
_HELP: Final = """Boooply's AI interviews, from your terminal.

Both commands work on a sandbox: a stand-in for Boooply's API that runs on
this machine and wants no key. So you can see the whole of it before you ask
Boooply for a platform key. Start with:

   boooply quickstart
"""
_EPILOGUE: Final = """Exit codes: 0 done, 1 the API said no, 2 the command or a file is wrong,
130 stopped with Ctrl-C."""
_QUICKSTART: Final = """Take customers from a file to an evaluated interview.

It connects every customer of the file, then takes the first one through an
AI interview, a human interview and a team meeting, and reads the evaluation.
All of it happens on a sandbox inside this command: nothing leaves this
machine, and no key is needed.

   boooply quickstart                    twelve customers of ours
   boooply quickstart tenants.csv        your own, as .csv or .jsonl

A CSV file names its columns in the first row: organization_id, user_id and
user_email, and if you like organization_name, user_name and team_members,
where a cell reads ROLE:EMAIL:NAME;ROLE:EMAIL:NAME. JSON Lines have the same
names. If a row is wrong nothing is sent: every such row is listed with its
line and what to change.
"""
_SANDBOX: Final = """Serve a sandbox to build your own code against.

Its address and its throw-away keys go to standard output, ready for a shell;
then each call it answers goes to standard error, one a line: status, method,
path and customer. Everything is in memory, and gone when it stops.

   boooply sandbox                       read along; copy the four lines
   eval "$(boooply sandbox &)"           set them in this shell, and go on
   boooply sandbox >sandbox.env          keep them in a file

It stops on Ctrl-C (exit code 130) or SIGTERM (0).

With --fault it fails to order: interviews.create:commit-then-drop loses the
answer of one creation, *:503:always turns every call away.
"""


def _one_line(error: CycloptsError) -> Text:
    return Text(f"boooply: {error} Try: boooply --help")


app: Final = App(
    name="boooply",
    help=_HELP,
    help_epilogue=_EPILOGUE,
    help_format="plaintext",
    version=__version__,
    error_formatter=_one_line,
    exit_on_error=False,  # run() returns the code
    suppress_keyboard_interrupt=False,  # main() does, since Ctrl-C can come before there is an app
    result_action="return_int_as_exit_code_else_zero",
)
# By path, so that --version and --help need not wait for an HTTP server to be imported.
app.command("boooply.cli.quickstart:quickstart", name="quickstart", help=_QUICKSTART)
app.command("boooply.cli.sandbox:serve", name="sandbox", help=_SANDBOX)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; what the SDK raises becomes one line on standard error."""
    degrade()
    try:
        code: int = app(arguments, console=console(), error_console=console(stderr=True))
    except CycloptsError:
        return _WRONG_INPUT  # cyclopts has said why
    except BoooplyError as error:
        complain(str(error))
        return _WRONG_INPUT if isinstance(error, ProvisioningError) else _FAILED
    return code
