"""The command line: its commands, their help, and the exit codes of their errors."""

import errno
import os
import sys
from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError, Group

from boooply.cli import loading
from boooply.cli.exit_codes import FAILED, WRONG_INPUT
from boooply.cli.terminal import OPTION, console, discard_output, print_error, printed_warnings, replace_unencodable
from boooply.cli.usage import usage_error
from boooply.errors import BoooplyError, ConfigurationError, ProvisioningError, StoreMismatchError, ValidationError
from boooply.version import __version__

_OPTIONS: Final = Group("Options", sort_key=1)
_WRONG: Final = (ConfigurationError, ProvisioningError, StoreMismatchError, ValidationError)
# Errors of an open file, which name none: no command has one open for writing but standard output.
_NOT_WRITTEN: Final = frozenset({errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC})

# The help is shown unchanged, so its lines must fit into 80 columns.
_HELP: Final = """Boooply's AI interviews, from your terminal.

Two commands work on a sandbox: a stand-in for Boooply's API that runs on
this machine and needs no key. So you can try everything before you ask
Boooply for a platform key. Start with:

   boooply quickstart

With a platform key, connect your customers for real, and keep their keys:

   export BOOOPLY_BASE_URL=…  BOOOPLY_PLATFORM_KEY=…
   export BOOOPLY_STORE_KEY="$(boooply store new-key)"
   echo "$BOOOPLY_STORE_KEY"                              and keep a copy
   boooply provision tenants.csv
"""
_EPILOGUE: Final = """Exit codes: 0 done, 1 the API or the store failed, 2 the command, a setting or
a file is wrong, 4 finished, but something failed or is in doubt, 130 stopped
with Ctrl-C, 143 with SIGTERM."""
_QUICKSTART: Final = """Take customers from a file to an evaluated interview.

It connects every customer of the file, then takes the first one through an
AI interview, a human interview and a team meeting, and reads the evaluation.
All of it happens in a sandbox inside this command: nothing leaves this
machine, and no key is needed.

   boooply quickstart                    twelve sample customers
   boooply quickstart tenants.csv        your own

A CSV file names its columns in the first row: organization_id, user_id and
user_email, and if you like organization_name, user_name and team_members,
where a cell reads ROLE:EMAIL:NAME;ROLE:EMAIL:NAME. JSON has the same names,
and --map reads a column of another name. Commas, semicolons, tabs and Excel's
UTF-16 are recognized. If a row is wrong nothing is sent: such rows are listed
with their lines and what to change. Rows that only look wrong can be confirmed.
"""
_SANDBOX: Final = """Serve a sandbox to build your own code against.

It prints its address and its throw-away keys on standard output, ready for a
shell, and then each call on standard error: status, method, path and customer.
Everything is in memory and gone when it stops, unless --state names a file.
Open its address in a browser for a console that shows everything live.

   boooply sandbox                       copy the four lines, watch the calls
   eval "$(boooply sandbox &)"           set them in this shell
   boooply sandbox >sandbox.env          keep them in a file
   boooply sandbox --port 8400 --seed demo --state sandbox.json
                                         the same address, keys and data
                                         after every restart

It stops on Ctrl-C (exit code 130) or SIGTERM (0).

--fault makes it fail on purpose: interviews.create:commit-then-drop loses the
response to one creation, *:503:always rejects every call.
"""
_PROVISION: Final = """Connect every customer of a file, each once.

It mints a key for each and keeps it, encrypted, in the store. Customers that
are connected are left alone: after a stop or a crash, run the same command
again. Several processes on one store share the work.

   boooply provision tenants.csv --dry-run   columns and plan; sends nothing
   boooply provision tenants.csv             do it
   boooply provision tenants.csv --json      one outcome per line, for programs

The file is what boooply quickstart takes. If a row is wrong nothing is sent; if
rows only look wrong, the command asks, or needs --yes or --allow ID.
The platform's key and the API come from BOOOPLY_PLATFORM_KEY and
BOOOPLY_BASE_URL, the store's encryption key from BOOOPLY_STORE_KEY. Of several
platform keys, with commas between them, the first one mints.

Ctrl-C or SIGTERM waits up to --grace seconds for requests in flight; a second
one does not wait.
"""
_INTERVIEWS: Final = """See, export, cancel and reschedule interviews.

For the organization of BOOOPLY_API_KEY, or for customers in the store:

   boooply interviews list --status completed --since 2026-05-01
   boooply interviews get Boooply-AI-1234567890
   boooply interviews evaluation Boooply-AI-1234567890
   boooply interviews list --customer org_7234567890
   boooply interviews export --all-customers --output interviews.csv

An export to a file that was stopped or killed continues with the same
command. The API comes from BOOOPLY_BASE_URL. The store's customers need
BOOOPLY_PLATFORM_KEY and BOOOPLY_STORE_KEY too.
"""
_ENQUEUE: Final = """Queue the customers of a file for workers on any machine.

The queue is in the store, which must be on PostgreSQL. The file is what
boooply quickstart takes. If a row is wrong, nothing is queued. A customer that
is queued twice gets one key. One that has failed is tried again. It needs the
extra distributed.

   boooply enqueue tenants.csv
   boooply worker
"""
_WORKER: Final = """Connect queued customers until Ctrl-C or SIGTERM ends it.

Workers on one store share the platform key's allowance, and take over the
customers of a worker that died. They need the extra distributed. Several keys
of the platform go into BOOOPLY_PLATFORM_KEY, with commas between them. A key
that the API refuses is set aside as long as another one works.

   boooply worker            wait for customers
   boooply worker --once     end when the queue is empty

While the API is down it sends one request a minute and says so; with --once
it gives up as boooply provision does. Ctrl-C or SIGTERM releases waiting
customers at once and waits up to --grace seconds for requests in flight. After
a SIGTERM it exits with 0 if all of them completed.
"""
_QUEUE: Final = """See what is queued, and retry what has failed.

The queue is in the store, in the schema boooply_queue. It needs the extra
distributed. Each command takes --json:

   boooply queue status                 customers, jobs and workers
   boooply queue pause                  workers take no more jobs
   boooply queue resume                 workers take jobs again
   boooply queue failed                 who failed, and why
   boooply queue retry org_7234567890   queue a failed customer again
   boooply queue retry --all            all of them; never those in doubt
   boooply queue purge                  delete finished jobs
"""
_EVENTS: Final = """See which webhook events are stuck, and retry or discard them.

An event whose handler fails is tried again for about a day. Then it is dead,
and stays until you retry or discard it. Each takes --json:

   boooply events list                   what is not handled, and why
   boooply events list --state dead
   boooply events show 3f2a9c01b2de      one of them, by its key
   boooply events retry 3f2a9c01b2de     handle it again
   boooply events retry --all            all that are dead
   boooply events discard 3f2a9c01b2de   never handle it
   boooply events purge --days 90        forget what is long handled

A key is as in the log: its first digits are enough. No command shows what is
in an event.
"""
_MCP: Final = """Serve a language model's host: an MCP server.

The host starts it and talks to it over standard input and output. Its
tools create, read and cancel interviews; what e-mails people or cannot be
undone returns a plan first.

   boooply mcp                  for a host that starts it itself
   boooply mcp --http           on http://127.0.0.1:8725/mcp, this machine only
   boooply mcp --platform       with connect_customer, which stores keys

The key and the API come from BOOOPLY_API_KEY and BOOOPLY_BASE_URL (or
BOOOPLY_API_URL). --platform needs BOOOPLY_PLATFORM_KEY, BOOOPLY_STORE_URL and
BOOOPLY_STORE_KEY. The command needs the extra mcp.
"""
_TENANTS: Final = """See who is connected, and fetch a customer's key.

These commands read the store that boooply provision fills:

   boooply tenants list
   boooply tenants show org_7234567890
   boooply tenants key org_7234567890        prints the whole key
   boooply tenants check                     asks Boooply whose each key is
   boooply tenants disconnect org_7234567890
   boooply tenants reconnect org_7234567890  mints another key
"""
_STORE: Final = """Make, change and check what encrypts the stored keys.

The stored keys are encrypted with BOOOPLY_STORE_KEY, one key or several:

   boooply store new-key     a key for BOOOPLY_STORE_KEY
   boooply store rotate      encrypt everything with a new one
   boooply store check       open every key once
   boooply store restore FILE
   boooply store adopt       accept another API or platform key

To rotate while the store is in use: in every process, set BOOOPLY_STORE_KEY
to the new key and the old one, a comma between them; then run it; then drop
the old one in every process.
"""
_API: Final = """Call the API, for what has no command of its own.

The body of the response goes to standard output: indented in a terminal, as
it came in a pipe. Errors and what --include shows go to standard error. Keys
are masked; links, with their tokens, are not.

   boooply api GET /api/integration/organization
   boooply api GET /api/integration/interviews --query status=COMPLETED
   boooply api POST /api/integration/interviews --data @interview.json
   boooply api GET /api/integration/organization --customer org_7234567890

The key is BOOOPLY_API_KEY unless you give --customer or --platform, and the
API is BOOOPLY_BASE_URL. GET is repeated after a failure. Anything else is sent
once: if it may have been carried out, the error says so. Minting is refused,
since nothing would keep the key: boooply provision does that.
"""
_COMPLETION: Final = """Let Tab complete commands, options and files.

It writes a script for your shell, and a line that loads it to the file that
the shell reads at its start. Run it again after an update.

   boooply --install-completion
   boooply --install-completion --shell zsh --output ~/.zfunc/_boooply
"""
_DOCTOR: Final = """Check the API, the key and this machine.

It sends at most five reads. Nothing is created, and nobody gets an e-mail.
The report says which of this package's assumptions are true of the API, and
contains no value of your data: paste it into an issue if something differs.

   boooply doctor                             the key in BOOOPLY_API_KEY
   boooply doctor --expect org_7234567890     and whether it is this customer's
   boooply doctor --customer org_7234567890   that customer's key in the store
   boooply doctor --json

The first call carries no key: a wrong host never sees it. With nothing but a
platform key, that is the only call, since a platform key can only mint. The
API comes from BOOOPLY_BASE_URL.

Here, exit code 1 means that the API did not respond or refused the key, and 4
that something else failed, or differs from what is assumed.
"""

app: Final = App(
    name="boooply",
    help=_HELP,
    help_epilogue=_EPILOGUE,
    help_format="plaintext",
    version=__version__,
    version_flags=("--version", "-V"),
    default_parameter=OPTION,
    error_formatter=usage_error,
    exit_on_error=False,  # run() returns the exit code
    suppress_keyboard_interrupt=False,  # main() does that, since Ctrl-C can come before there is an app
    result_action="return_int_as_exit_code_else_zero",
)
_COMMANDS: Final = {  # as a newcomer needs them
    "quickstart": ("quickstart:quickstart", _QUICKSTART),
    "sandbox": ("sandbox:serve", _SANDBOX),
    "doctor": ("doctor.command:doctor", _DOCTOR),
    "provision": ("provision:provision", _PROVISION),
    "tenants": ("tenants:app", _TENANTS),
    "store": ("store:app", _STORE),
    "interviews": ("interviews.command:app", _INTERVIEWS),
    "enqueue": ("worker:enqueue", _ENQUEUE),
    "worker": ("worker:worker", _WORKER),
    "queue": ("queue:app", _QUEUE),
    "events": ("events:app", _EVENTS),
    "mcp": ("mcp:mcp", _MCP),
    "api": ("api:api", _API),
    "help": ("help:show_help", "Show this help, or that of a command."),
    "--install-completion": ("completion:install_completion", _COMPLETION),
}
for _position, (_name, (_path, _help)) in enumerate(_COMMANDS.items()):
    # By path, so that --version and --help do not import an HTTP server.
    loading.PATHS[_name] = _path
    _group = _OPTIONS if _name.startswith("-") else None
    app.command(f"{loading.__name__}:{_name}", name=_name, help=_help, sort_key=_position, group=_group)
for _name, _help in (("--help", "Show this help."), ("--version", "Show the version.")):
    app[_name].help = _help
    app[_name].group = _OPTIONS


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; print an error of the SDK as one line on standard error."""
    replace_unencodable()
    if sys.stdout is None:  # what Python makes of a closed one
        print_error("standard output is closed")
        return FAILED
    try:
        errors = console(stderr=True)
        errors.soft_wrap = True  # usage_error breaks the lines
        with printed_warnings():
            code: int = app(arguments, console=console(), error_console=errors)
        sys.stdout.flush()
    except CycloptsError:
        return WRONG_INPUT  # cyclopts has said why
    except BrokenPipeError:
        discard_output(sys.stdout)  # Python would fail on the rest of it at exit
        return FAILED  # the reader has gone
    except BoooplyError as error:
        print_error(str(error))
        return WRONG_INPUT if isinstance(error, _WRONG) else FAILED
    except OSError as error:
        if error.filename is not None or error.errno not in _NOT_WRITTEN:
            raise
        discard_output(sys.stdout)
        print_error(f"standard output cannot be written: {os.strerror(error.errno)}")
        return FAILED
    return code
