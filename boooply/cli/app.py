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
# Errors of a write to an open file, which name no file. Standard output is the only one that commands keep open.
_NOT_WRITTEN: Final = frozenset({errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC})

# The help is printed unchanged, so its lines must fit into 80 columns.
_HELP: Final = """Run Boooply's AI interviews from your terminal.

You can try everything before you have a key. The sandbox is a copy of
Boooply's API that runs on this machine and needs no key. Start with:

   boooply quickstart

When you have a platform key, connect your customers and store their keys:

   export BOOOPLY_BASE_URL=…  BOOOPLY_PLATFORM_KEY=…
   export BOOOPLY_STORE_KEY="$(boooply store new-key)"
   echo "$BOOOPLY_STORE_KEY"                    keep a copy of this key
   boooply provision tenants.csv
"""
_EPILOGUE: Final = """Exit codes: 0 done, 1 the API or the store failed, 2 the command, a setting or
a file is wrong, 4 finished, but something failed or is in doubt, 130 stopped
by Ctrl-C, 143 stopped by SIGTERM."""
_QUICKSTART: Final = """Try everything in a sandbox, from connecting customers to an evaluation.

The command connects every customer in a file. For the first customer it
creates an AI interview, a human interview and a team meeting, and reads the
evaluation. The sandbox runs inside the command: nothing leaves this machine,
and you need no key.

   boooply quickstart                    use twelve sample customers
   boooply quickstart tenants.csv        use your own customers

The file is CSV, JSON or Excel. The first row of a CSV file names the columns:
organization_id, user_id and user_email are required; organization_name,
user_name and team_members are optional. A team_members cell looks like this:
ROLE:EMAIL:NAME;ROLE:EMAIL:NAME. JSON uses the same names. If your columns have
other names, use --map.

The command detects commas, semicolons, tabs and Excel's UTF-16. If a row is
wrong, the command sends nothing and lists each such row, its line and what to
change. If a row only looks wrong, the command asks you to confirm it.
"""
_SANDBOX: Final = """Run a sandbox: a local copy of Boooply's API.

The sandbox prints its address and its throw-away keys on standard output, as
lines for your shell. It logs each request on standard error: status, method,
path and customer. Data is kept in memory and lost when the sandbox stops,
unless you use --state. Open the address in a browser to see a live console.

   boooply sandbox                       print the variables, log requests
   eval "$(boooply sandbox &)"           set the variables in this shell
   boooply sandbox >sandbox.env          write the variables to a file
   boooply sandbox --port 8400 --seed demo --state sandbox.json
                                         keep address, keys and data
                                         when you restart the sandbox

To stop the sandbox, press Ctrl-C (exit code 130) or send SIGTERM (0).

Use --fault to test failures. interviews.create:commit-then-drop loses the
response to one creation; *:503:always rejects every request.
"""
_PROVISION: Final = """Connect each customer in a file once.

The command mints a key for each customer and stores it, encrypted, in the
store. It skips customers that are connected: after a stop or a crash, run the
same command again. You can run several processes on one store.

   boooply provision tenants.csv --dry-run   show columns and plan; send nothing
   boooply provision tenants.csv             connect the customers
   boooply provision tenants.csv --json      print one outcome per line

The file has the same format as for boooply quickstart. If a row is wrong, the
command sends nothing. If rows only look wrong, the command asks you to confirm
them; without a terminal, add --yes or --allow ID.

Set BOOOPLY_BASE_URL, BOOOPLY_PLATFORM_KEY and BOOOPLY_STORE_KEY. If
BOOOPLY_PLATFORM_KEY contains several keys, separated by commas, the first one
mints.

After Ctrl-C or SIGTERM, the command waits up to --grace seconds for requests
in progress. A second signal stops it at once.
"""
_INTERVIEWS: Final = """List, read, export, cancel and reschedule interviews.

The commands use the organization key in BOOOPLY_API_KEY. To use the keys of
customers in the store, add --customer or --all-customers:

   boooply interviews list --status completed --since 2026-05-01
   boooply interviews get Boooply-AI-1234567890
   boooply interviews evaluation Boooply-AI-1234567890
   boooply interviews list --customer org_7234567890
   boooply interviews export --all-customers --output interviews.csv

If an export to a file stops early, run the same command again: it continues.
Set BOOOPLY_BASE_URL. For customers in the store, also set
BOOOPLY_PLATFORM_KEY and BOOOPLY_STORE_KEY.
"""
_ENQUEUE: Final = """Queue the customers in a file for workers.

The queue is in the store, which must be on PostgreSQL. Workers on any machine
can use it. The file has the same format as for boooply quickstart. If a row is
wrong, the command queues nothing. A customer that you queue twice gets one
key. A customer that failed before is tried again. The command needs the extra
distributed.

   boooply enqueue tenants.csv
   boooply worker
"""
_WORKER: Final = """Connect queued customers until you stop the worker.

Workers on one store share the rate limit of the platform key. If a worker
dies, the others take over its customers. The command needs the extra
distributed.

   boooply worker            wait for customers
   boooply worker --once     stop when the queue is empty

You can put several platform keys into BOOOPLY_PLATFORM_KEY, separated by
commas. If the API rejects one, the worker uses the others.

While the API is down, the worker sends one request per minute and prints a
line about it. With --once, it stops after about 90 seconds without a success.

After Ctrl-C or SIGTERM, the worker releases waiting customers and waits up to
--grace seconds for requests in progress. If all of them finish after a
SIGTERM, the exit code is 0.
"""
_QUEUE: Final = """Show and pause the queue, and retry failed customers.

The queue is in the store, in the schema boooply_queue. The commands need the
extra distributed. Each command takes --json:

   boooply queue status                 count customers, jobs and workers
   boooply queue pause                  stop workers from taking jobs
   boooply queue resume                 let workers take jobs again
   boooply queue failed                 list failed customers with the reason
   boooply queue retry org_7234567890   queue a failed customer again
   boooply queue retry --all            queue all failed customers again
   boooply queue purge                  delete finished jobs

No command retries a customer that is in doubt.
"""
_EVENTS: Final = """List webhook events, and retry or discard them.

If a handler fails, its event is tried again for about a day. Then the event is
dead, and stays in the store until you retry or discard it. Each command takes
--json:

   boooply events list                   list open events with the last failure
   boooply events list --state dead      list dead events
   boooply events show 3f2a9c01b2de      show one event
   boooply events retry 3f2a9c01b2de     run the handler again
   boooply events retry --all            retry all dead events
   boooply events discard 3f2a9c01b2de   never handle the event
   boooply events purge --days 90        delete records of old events

Copy the event's key from the log or the list: its first digits are enough. No
command prints the body of an event.
"""
_MCP: Final = """Run an MCP server for an AI assistant.

The host, such as an editor or a chat program, starts the server and uses it
over standard input and output. The tools create, read and cancel interviews.
Tools that e-mail people or cannot be undone return a plan first.

   boooply mcp                  serve the host that starts the command
   boooply mcp --http           serve http://127.0.0.1:8725/mcp on this machine
   boooply mcp --platform       add connect_customer, which stores keys

Set BOOOPLY_API_KEY and BOOOPLY_BASE_URL (or BOOOPLY_API_URL). For --platform,
set BOOOPLY_PLATFORM_KEY, BOOOPLY_STORE_URL and BOOOPLY_STORE_KEY. The command
needs the extra mcp.
"""
_TENANTS: Final = """List customers, and show, check and replace their keys.

These commands use the store that boooply provision fills:

   boooply tenants list                      list all customers
   boooply tenants list --state failed       list failed customers, with reasons
   boooply tenants show org_7234567890       show one customer
   boooply tenants key org_7234567890        print the whole key
   boooply tenants check                     check every key with Boooply
   boooply tenants disconnect org_7234567890 delete the key from the store
   boooply tenants reconnect org_7234567890  mint a new key
"""
_STORE: Final = """Manage the store: its encryption key and the keys in it.

BOOOPLY_STORE_KEY encrypts the keys in the store. It contains one encryption
key, or several separated by commas:

   boooply store new-key        print a new key for BOOOPLY_STORE_KEY
   boooply store rotate         encrypt all keys with the first encryption key
   boooply store check          decrypt every key, to find damaged ones
   boooply store restore FILE   store the keys of a rescue file
   boooply store adopt          accept another API or platform key

To rotate while the store is in use:

   1. Set BOOOPLY_STORE_KEY to NEW,OLD in every process.
   2. Run boooply store rotate.
   3. Set BOOOPLY_STORE_KEY to NEW in every process.
"""
_API: Final = """Send one request to the API.

Use it for operations that have no command. The body of the response goes to
standard output: indented in a terminal, unchanged in a pipe. Errors and the
output of --include go to standard error. Keys are masked. Links are not
masked, and can contain tokens.

   boooply api GET /api/integration/organization
   boooply api GET /api/integration/interviews --query status=COMPLETED
   boooply api POST /api/integration/interviews --data @interview.json
   boooply api GET /api/integration/organization --customer org_7234567890

The command uses BOOOPLY_BASE_URL and the key in BOOOPLY_API_KEY, unless you
add --customer or --platform. A GET is retried after a failure. Any other
request is sent once; if the API may have carried it out, the error says so.

The command does not mint keys, since nothing would store them. To mint keys,
use boooply provision.
"""
_COMPLETION: Final = """Install Tab completion for your shell.

The command writes a completion script, and adds a line that loads the script
to your shell's startup file. Run it again after an update.

   boooply --install-completion
   boooply --install-completion --shell zsh --output ~/.zfunc/_boooply
"""
_DOCTOR: Final = """Check your settings, your key and the API's responses.

The command sends at most five reads. It changes nothing and e-mails nobody.
The report shows which of this package's assumptions about the API are true. It
contains none of your data: if something differs, paste it into an issue.

   boooply doctor                             check the key in BOOOPLY_API_KEY
   boooply doctor --expect org_7234567890     check that it is this customer's
   boooply doctor --customer org_7234567890   check a customer's stored key
   boooply doctor --json

Set BOOOPLY_BASE_URL. The first request carries no key, so that a wrong host
never sees your key. If you set only BOOOPLY_PLATFORM_KEY, this is the only
request, since a platform key cannot read.

For this command, exit code 1 means that the API did not respond or rejected
the key. Exit code 4 means that another check failed or differs.
"""

app: Final = App(
    name="boooply",
    help=_HELP,
    help_epilogue=_EPILOGUE,
    help_format="plaintext",
    version=__version__,
    group_parameters=Group("Options"),
    version_flags=("--version", "-V"),
    default_parameter=OPTION,
    error_formatter=usage_error,
    exit_on_error=False,  # run() returns the exit code
    suppress_keyboard_interrupt=False,  # main() handles Ctrl-C, which can come before the app exists
    result_action="return_int_as_exit_code_else_zero",
)
_COMMANDS: Final = {  # in the order in which a newcomer needs them
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
    "help": ("help:show_help", "Show this help, or the help of a command."),
    "--install-completion": ("completion:install_completion", _COMPLETION),
}
for _position, (_name, (_path, _help)) in enumerate(_COMMANDS.items()):
    # Registered by path, so that --version and --help do not import an HTTP server.
    loading.PATHS[_name] = _path
    _group = _OPTIONS if _name.startswith("-") else None
    app.command(f"{loading.__name__}:{_name}", name=_name, help=_help, sort_key=_position, group=_group)
for _name, _help in (("--help", "Show this help."), ("--version", "Show the version.")):
    app[_name].help = _help
    app[_name].group = _OPTIONS


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code. Print an error of the SDK on standard error."""
    replace_unencodable()
    if sys.stdout is None:  # Python sets a closed stream to None
        print_error("standard output is closed")
        return FAILED
    try:
        errors = console(stderr=True)
        errors.soft_wrap = True  # usage_error breaks the lines
        with printed_warnings():
            code: int = app(arguments, console=console(), error_console=errors)
        sys.stdout.flush()
    except CycloptsError:
        return WRONG_INPUT  # cyclopts has printed the mistake
    except BrokenPipeError:
        discard_output(sys.stdout)  # otherwise Python fails when it flushes the rest at exit
        return FAILED  # the reader has closed the pipe
    except BoooplyError as error:
        print_error("\n".join([str(error), *getattr(error, "__notes__", [])]))
        return WRONG_INPUT if isinstance(error, _WRONG) else FAILED
    except OSError as error:
        if error.filename is not None or error.errno not in _NOT_WRITTEN:
            raise
        discard_output(sys.stdout)
        print_error(f"standard output cannot be written: {os.strerror(error.errno)}")
        return FAILED
    return code
