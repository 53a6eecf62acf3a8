"""The command line itself: help, version, exit codes, and a missing extra."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cryptography.fernet import Fernet

from boooply import APIConnectionError, __version__
from boooply.cli import quickstart
from boooply.cli.main import main
from boooply.cli.terminal import print_error
from boooply.extras import install_command
from boooply.sandbox import Sandbox

COMMAND = (sys.executable, "-W", "error", "-m", "boooply.cli.main")
Run = Callable[..., Any]


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_command_alone_lists_the_commands(run: Run, arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)

    assert ran.code == 0
    assert ran.err == ""
    assert "needs no key" in ran.out
    assert "provision   Connect each customer in a file once." in ran.out
    assert "4 finished, but something failed or is in doubt" in " ".join(ran.out.split())
    assert "quickstart  Try everything in a sandbox, from connecting customers to an" in ran.out
    assert "sandbox     Run a sandbox: a local copy of Boooply's API." in ran.out
    ran.check_is_fit_for_print()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("quickstart", ("TENANTS", "organization_id, user_id and user_email are required", "ROLE:EMAIL:NAME")),
        ("provision", ("TENANTS", "--store URL", "--dry-run", "--json", "--remint-in-doubt", "BOOOPLY_STORE_KEY")),
        ("tenants", ("list ", "show ", "key ", "disconnect ", "   boooply tenants key org_7234567890")),
        ("store", ("new-key ", "rotate ", "check ", "restore ", "   boooply store rotate")),
        ("sandbox", ("--port N", "--reads N", "--writes N", "--ai N", "--window SECONDS", "--latency MS", 'eval "$(')),
    ],
)
def test_each_command_has_help_worth_reading(run: Run, command: str, says: tuple[str, ...]) -> None:
    ran = run(command, "--help")

    assert ran.code == 0
    assert all(text in ran.out for text in says)
    assert "Exit codes: 0 done" in ran.out
    ran.check_is_fit_for_print()


def test_help_is_no_wider_in_a_wide_terminal(run_piped: Run) -> None:
    run_piped("sandbox", "--help", COLUMNS="200").check_is_fit_for_print()


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version_is_printed(run: Run, flag: str) -> None:
    assert run(flag).out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "says", "command"),
    [
        (("provison",), 'Unknown command "provison". Did you mean "provision"?', "boooply"),
        (("provison", "tenants.csv", "--json"), 'Unknown command "provison". Did you mean "provision"?', "boooply"),
        (("help", "provison"), 'Unknown command "provison". Did you mean "provision"?', "boooply"),
        (("tenants", "lst"), 'Unknown command "lst". Did you mean "list"?', "boooply tenants"),
        (("help", "tenants", "lst"), 'Unknown command "lst". Did you mean "list"?', "boooply tenants"),
        (("--verson",), 'Unknown option "--verson". Did you mean "--version"?', "boooply"),
        (("quickstart", "--hlp=1"), 'Unknown option "--hlp". Did you mean "--help"?', "boooply quickstart"),
        (("provision", "--dry-rum"), 'Unknown option "--dry-rum". Did you mean "--dry-run"?', "boooply provision"),
        (("nothing-like-it",), 'Unknown command "nothing-like-it".', "boooply"),
        (("quickstart", "one.csv", "two.csv"), 'Unexpected argument "two.csv".', "boooply quickstart"),
        (("provision",), "TENANTS is missing.", "boooply provision"),
        (("sandbox", "--port"), "--port needs a value.", "boooply sandbox"),
        (("a\x1b[2J\n\u202eb",), 'Unknown command "a [2J b".', "boooply"),
        (("bply_org_0123456789abcdef",), 'Unknown command "bply_org_…cdef".', "boooply"),
        (("sandbox", "--port", "65536"), "--port", "boooply sandbox"),
        (("sandbox", "--port", "-1"), "--port", "boooply sandbox"),
        (("sandbox", "--reads", "-1"), "--reads", "boooply sandbox"),
        (("sandbox", "--writes", "many"), "--writes", "boooply sandbox"),
        (("sandbox", "--ai", "-1"), "--ai", "boooply sandbox"),
        (("sandbox", "--window", "0"), "--window", "boooply sandbox"),
        (("sandbox", "--window", "nan"), "--window", "boooply sandbox"),
        (("sandbox", "--latency", "-1"), "--latency", "boooply sandbox"),
    ],
)
def test_a_wrong_command_is_2_and_says_what_is_wrong(
    run: Run, arguments: tuple[str, ...], says: str, command: str
) -> None:
    ran = run(*arguments)

    assert (ran.code, ran.out) == (2, "")
    problem, help_line = ran.err.rstrip("\n").rsplit("\n", 1)
    assert says in problem.replace("\n", "")
    assert help_line == f"Try: {command} --help"
    if says.endswith(("?", ".")):
        assert problem == f"boooply: {says}"
    ran.check_is_fit_for_print()


def test_an_error_of_the_sdk_is_one_line_and_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_arguments: object) -> NoReturn:
        raise APIConnectionError(
            "organization.get", "the key\nbply_org_0123456789abcdef\x1b[2J was rejected " + "x" * 90
        )

    monkeypatch.setattr(quickstart, "connect_all", fail)

    ran = run("quickstart")

    assert ran.code == 1
    assert ran.err.startswith("boooply: organization.get: no response from the API: the key bply_org_…cdef [2J was")
    assert ran.err.count("\n") == 1
    ran.check_is_plain()


@pytest.mark.parametrize(
    ("arguments", "variables", "problem"),
    [
        (
            ("provision", "tenants.csv"),
            {"BOOOPLY_PLATFORM_KEY": '"bply_platform_x"'},
            "BOOOPLY_PLATFORM_KEY is in quotes",
        ),
        (("provision", "tenants.csv"), {"BOOOPLY_BASE_URL": "https://1.2.3"}, "BOOOPLY_BASE_URL has an invalid host"),
        (
            ("worker", "--store", "sqlite:///:memory:"),
            {"BOOOPLY_STORE_KEY": "null"},
            "BOOOPLY_STORE_KEY is a placeholder that was not filled in",
        ),
        (("tenants", "list", "--store", "sqlite:///x.db?mode=ro"), {}, "the store's URL has an option mode"),
        (("mcp",), {"BOOOPLY_API_KEY": "null"}, "BOOOPLY_API_KEY is a placeholder that was not filled in"),
        (("provision", "tenants.csv"), {"BOOOPLY_PLATFORM_KEY": ""}, "BOOOPLY_PLATFORM_KEY is missing: set it\n"),
        (("provision", "tenants.csv"), {"BOOOPLY_BASE_URL": ""}, "BOOOPLY_BASE_URL is missing: set it\n"),
        (
            ("tenants", "check", "--store", "sqlite:///:memory:"),
            {"BOOOPLY_STORE_KEY": ""},
            "Set BOOOPLY_STORE_KEY. For",
        ),
        (("enqueue", "tenants.csv", "--encoding", "utf-9"), {}, "--encoding: 'utf-9' is unknown"),
        (("enqueue", "tenants.csv", "--map", "A=b"), {}, "--map: 'A' is mapped to 'b', which is unknown"),
    ],
)
def test_a_wrong_setting_is_2_and_one_line(
    run: Run, arguments: tuple[str, ...], variables: dict[str, str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = {
        "BOOOPLY_PLATFORM_KEY": "bply_platform_x",
        "BOOOPLY_BASE_URL": "http://127.0.0.1:1",
        "BOOOPLY_STORE_KEY": Fernet.generate_key().decode(),
    }
    for name, value in (usual | variables).items():
        monkeypatch.setenv(name, value)
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("boooply: ")
    assert problem in ran.err
    assert ran.err.count("\n") == 1
    assert not re.search(r"\b(base_url|api_key|platform_key|encryption_key|mapping)\b|=…|\bNone\b", ran.err)


def test_an_unreachable_host_is_blamed_on_the_variable_that_names_it(
    run: Run, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOOPLY_BASE_URL", "https://nowhere.invalid")
    monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)

    ran = run("api", "GET", "/api/integration/organization")

    assert ran.code == 1
    assert "the host of BOOOPLY_BASE_URL has no address" in ran.err


LONG = "--store: " + "an error of many words " * 6 + "/a/path/" + "x" * 90 + "/that-is-too-long org_7234-567890"


def test_a_long_error_is_one_line_in_a_pipe(capfd: pytest.CaptureFixture[str]) -> None:
    print_error(LONG)

    assert capfd.readouterr().err == f"boooply: {LONG}\n"


@pytest.mark.parametrize("columns", ["80", "200", "40"])
def test_a_long_error_is_wrapped_between_words_in_a_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", columns)

    print_error(LONG)

    lines = capfd.readouterr().err.splitlines()
    assert len(lines) > 2
    assert " ".join(lines) == f"boooply: {LONG}"
    assert all(len(line) <= min(80, int(columns)) or " " not in line for line in lines)


def test_a_mistyped_command_is_one_line_in_a_pipe(run: Run) -> None:
    ran = run("tenants", "list", "--state", "x" * 90)

    problem, help_line = ran.err.splitlines()
    assert "x" * 90 in problem
    assert help_line == "Try: boooply tenants list --help"


def test_ctrl_c_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupt(*_arguments: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(quickstart, "connect_all", interrupt)

    ran = run("quickstart")

    assert (ran.code, ran.err) == (130, "")


def test_an_error_that_is_not_the_sdks_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_arguments: object) -> NoReturn:
        raise ZeroDivisionError

    monkeypatch.setattr(quickstart, "connect_all", fail)

    with pytest.raises(ZeroDivisionError):
        main(["quickstart"])


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_a_missing_extra_is_named_in_one_line(run_python: Run, missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from boooply.cli.main import main; sys.exit(main([]))"

    ran = run_python([sys.executable, "-c", code], modules=(), text=True)

    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr == f"boooply: the command needs an extra. Install it with: {install_command('cli')}\n"


@pytest.mark.parametrize("missing", ["cyclopts", "rich.text"])
def test_a_missing_extra_is_named_in_this_process(run: Run, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "boooply.cli.app", raising=False)

    ran = run("--version")

    assert ran.code == 2
    assert install_command("cli") in ran.err


@pytest.mark.parametrize("missing", ["sqlalchemy", "cryptography.fernet"])
@pytest.mark.parametrize("command", [["tenants", "list"], ["store", "check"], ["provision", "tenants.csv"]])
def test_a_missing_part_of_an_extra_is_named(run_python: Run, missing: str, command: list[str]) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from boooply.cli.main import main; sys.exit(main({command!r}))"
    )

    ran = run_python([sys.executable, "-c", code], modules=("aiohttp", "cattrs", "cyclopts", "rich.console"), text=True)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"boooply: {command[0]} needs an extra. Install it with: {install_command('cli')}\n"


def test_a_missing_module_of_the_package_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boooply.cli.rescue", None)
    monkeypatch.delitem(sys.modules, "boooply.cli.store", raising=False)
    monkeypatch.delitem(sys.modules, "boooply.cli.app", raising=False)

    with pytest.raises(ImportError):
        main(["store", "check"])


def test_any_other_missing_module_is_not_blamed_on_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boooply.version", None)
    monkeypatch.delitem(sys.modules, "boooply.cli.app", raising=False)

    with pytest.raises(ModuleNotFoundError, match=r"boooply\.version"):
        main(["--version"])


def test_standard_output_may_be_any_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)

    assert main(["--version"]) == 0
    assert stream.getvalue() == f"{__version__}\n"


def test_arguments_come_from_the_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["boooply", "--version"])

    assert main() == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], []])
def test_help_and_version_import_no_server(run_python: Run, arguments: list[str]) -> None:
    code = f"import sys; from boooply.cli.main import main; main({arguments!r}); sys.exit('aiohttp' in sys.modules)"

    ran = run_python([sys.executable, "-c", code], modules=("cyclopts", "rich.console"))

    assert ran.returncode == 0


@pytest.mark.parametrize("command", [["--version"], ["quickstart"], ["provision", "t.csv"], ["store", "new-key"]])
@pytest.mark.parametrize(
    ("redirection", "says"), [(">/dev/full", "cannot be written: No space left on device"), (">&-", "is closed")]
)
def test_standard_output_that_is_full_or_closed_is_one_line_and_1(
    sandbox: Sandbox,
    tenants_csv: Callable[[list[str]], Path],
    states: Callable[[], dict[str, str]],
    command: list[str],
    redirection: str,
    says: str,
) -> None:
    path = tenants_csv(["org_1,Acme,1,admin@acme.example,Jane,"])
    words = [str(path) if word == "t.csv" else word for word in command]

    ran = subprocess.run(  # noqa: S603 - our own command
        ["/bin/sh", "-c", f'"$@" {redirection}', "sh", *COMMAND, *words],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )

    assert (ran.returncode, ran.stderr) == (1, f"boooply: standard output {says}\n")
    assert sandbox.mints == {one: 1 for one, state in states().items() if state == "connected"}


def test_the_package_can_be_run_as_a_module() -> None:
    ran = subprocess.run([sys.executable, "-m", "boooply", "--version"], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{__version__}\n", "")
