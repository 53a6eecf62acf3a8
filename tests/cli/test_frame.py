"""The frame of the command: commands whose extra is missing, ``help``, and completion."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boooply.cli.app import app
from boooply.extras import install_command

Run = Callable[..., Any]

NAMES = [name for name in app if not name.startswith("-")]
# A program with the modules of the extra cli alone.
ONLY_CLI = """
import sys
sys.modules.update(dict.fromkeys(("procrastinate", "psycopg", "mcp", "mcp_types", "uvicorn", "fastapi", "starlette")))
from boooply.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def run_cli_only(run_python: Callable[..., Any]) -> Run:
    return lambda *words: run_python([sys.executable, "-c", ONLY_CLI, *words], text=True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("provison",), 'Unknown command "provison". Did you mean "provision"?'),
        (("wroker",), 'Unknown command "wroker". Did you mean "worker"?'),
        (("--verson",), 'Unknown option "--verson". Did you mean "--version"?'),
        (("tenants", "lst"), 'Unknown command "lst". Did you mean "list"?'),
        (("sandbox", "--prot", "1"), 'Unknown option "--prot". Did you mean "--port"?'),
    ],
)
def test_a_mistake_is_named_whatever_extra_is_missing(run_cli_only: Run, words: tuple[str, ...], says: str) -> None:
    ran = run_cli_only(*words)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"boooply: {says}\n")
    assert "install" not in ran.stderr


@pytest.mark.parametrize(
    ("name", "extra"), [("worker", "cli,distributed"), ("queue", "cli,distributed"), ("mcp", "mcp")]
)
def test_a_command_whose_extra_is_missing_has_help_and_names_the_extra(
    run_cli_only: Run, name: str, extra: str
) -> None:
    ran = run_cli_only(name, "--whatever", "it")
    helped = run_cli_only("help", name)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"boooply: {name} needs an extra. Install it with: {install_command(extra)}\n"
    assert (helped.returncode, helped.stderr) == (0, "")
    assert helped.stdout.startswith(f"Usage: boooply {name}\n")
    assert f"   boooply {name}" in helped.stdout
    assert "Its extra is missing. Run the command to see how to install it." in helped.stdout


@pytest.mark.parametrize("name", NAMES)
def test_help_of_a_command_is_its_own_help(run: Run, name: str) -> None:
    assert run("help", name) == run(name, "--help")


def test_help_alone_is_the_help_of_the_whole(run: Run) -> None:
    assert run("help") == run("--help")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("ZSH", "ZSH_CUSTOM"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("shell", "script", "start"),
    [
        ("bash", ".local/share/bash-completion/completions/boooply", ".bashrc"),
        ("zsh", ".zsh/completions/_cyclopts_boooply", ".zshrc"),
        ("fish", ".config/fish/completions/boooply.fish", None),
    ],
)
def test_completion_is_installed_where_the_shell_looks(
    run: Run, home: Path, shell: str, script: str, start: str | None
) -> None:
    ran = run("--install-completion", "--shell", shell)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Wrote the completion script for {shell} to {home / script}.\n")
    assert all(name in (home / script).read_text(encoding="utf-8") for name in (*NAMES, "dry-run", "disconnect"))
    if start is not None:
        assert str((home / script).parent) in (home / start).read_text(encoding="utf-8")
        assert f"~/{start} loads the script." in ran.out


def test_completion_of_bash_completes(run: Run, home: Path) -> None:
    run("--install-completion", "--shell", "bash", "--output", home / "script")
    asked = (
        f'. {home / "script"}; try() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _boooply; '
        'echo "${COMPREPLY[*]}"; }; try boooply prov; try boooply tenants dis; try boooply provision --dr'
    )

    shown = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)  # noqa: S603, S607 - ours

    assert shown.stdout.splitlines() == ["provision", "disconnect", "--dry-run"]
    assert not (home / ".bashrc").exists()


def test_completion_covers_every_command_whatever_extra_is_missing(run_cli_only: Run, home: Path) -> None:
    ran = run_cli_only("--install-completion", "--shell", "bash", "--output", str(home / "script"))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert all(name in (home / "script").read_text(encoding="utf-8") for name in NAMES)


def test_completion_that_cannot_be_written_is_2_and_says_why(run: Run, home: Path) -> None:
    (home / "file").touch()

    ran = run("--install-completion", "--shell", "zsh", "--output", home / "file" / "script")

    assert (ran.code, ran.out) == (2, "")
    assert (
        ran.err == f"boooply: {home / 'file'} cannot be written: File exists. Choose another file with --output FILE\n"
    )


def test_completion_asks_for_an_unknown_shell(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boooply.cli.completion.detect_shell", _unknown_shell)

    ran = run("--install-completion")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "boooply: cannot detect your shell: add --shell bash, zsh, fish or powershell\n"


def _unknown_shell() -> str:
    from cyclopts.completion import ShellDetectionError  # noqa: PLC0415 - only this raises it

    raise ShellDetectionError
