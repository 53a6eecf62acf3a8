"""What has to hold: lint, types, tests on the built wheel, and the documentation.

``nox`` runs it all; ``nox -s tests -- -k name`` hands words on to pytest.
"""

import os
import shutil
import subprocess
from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = "cli,distributed,fastapi,mcp,speed"
PYTHONS = nox.project.python_versions(PROJECT)

nox.options.reuse_existing_virtualenvs = True
# A Python that the machine lacks is skipped, in CI as well, and nox says so.
nox.options.error_on_missing_interpreters = False
nox.options.stop_on_first_error = False


def runs(python: str) -> bool:
    """Tell whether a Python is there: a version manager's stand-in is on the path without one."""
    command = shutil.which(f"python{python}")
    if command is None:
        return False
    return subprocess.run([command, "-c", ""], check=False, capture_output=True).returncode == 0  # noqa: S603 - found above


def group(name: str) -> list[str]:
    return [*nox.project.dependency_groups(PROJECT, name)]


def install_wheel(session: nox.Session) -> None:
    """Install the built wheel with every extra, so that tests see what users get."""
    dist = Path(session.create_tmp())
    for stale in dist.glob("*.whl"):
        stale.unlink()
    session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(dist), ".")
    (wheel,) = dist.glob("*.whl")
    session.install("--force-reinstall", "--no-deps", str(wheel))
    session.install(f"{wheel}[{EXTRAS}]")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff with all its rules, and the floors."""
    session.install(*group("lint"), "-e", f".[{EXTRAS}]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def typing(session: nox.Session) -> None:
    """Check with mypy --strict and pyright strict, and that every public name is typed."""
    session.install(*group("typing"), "nox", f".[{EXTRAS}]")
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "boooply", "--ignoreexternal")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on the built wheel, with branch coverage."""
    if not runs(str(session.python)):
        session.skip(f"this machine has no working python{session.python}")
    install_wheel(session)
    session.install(*group("test"))
    session.run("coverage", "erase")
    # the script and not ``-m pytest``, which would put the checkout before the wheel
    script = Path(session.bin, "pytest")
    session.run("coverage", "run", str(script), *session.posargs, env={"BOOOPLY_TEST_WHEEL": "1"})
    session.run("coverage", "combine", "--quiet")
    if not session.posargs:
        session.run("coverage", "report")


@nox.session
def browser(session: nox.Session) -> None:
    """Click through the sandbox's console and the ATS example in a real Chromium."""
    if shutil.which("chromium") is None and shutil.which("apt-get") is not None and os.geteuid() == 0:
        session.run("apt-get", "update", "-qq", external=True, success_codes=[0, 100])
        session.run("apt-get", "install", "-y", "-qq", "chromium", external=True, success_codes=[0, 100], silent=True)
    if shutil.which("chromium") is None:
        session.skip("there is no Chromium on this machine; install it with: apt-get install chromium")
    install_wheel(session)
    session.install(*group("test"))
    session.run("pytest", "--override-ini=addopts=--import-mode=importlib", "tests/browser", *session.posargs)


@nox.session(default=False)
def soak(session: nox.Session) -> None:
    """Run what takes long: 100,000 faulted calls, 10,000 cancellations, 1,000 kills, real clocks, long fuzzing."""
    install_wheel(session)
    session.install(*group("test"))
    session.run("pytest", "-s", "--override-ini=addopts=--import-mode=importlib", "tests/soak", *session.posargs)
    kills = {"BOOOPLY_TEST_KILLS": "1000"}
    session.run("pytest", "-s", "tests/provisioning/test_kills.py", *session.posargs, env=kills)
    more = {"HYPOTHESIS_PROFILE": "soak", "BOOOPLY_TEST_SCHEDULES": "10000"}
    session.run("pytest", "tests/protocol", "tests/converter", *session.posargs, env=more)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure it beside what a user would pick instead, and write benchmarks/RESULTS.md; takes half an hour."""
    install_wheel(session)
    session.install(*group("bench"))
    apart = Path(session.create_tmp(), "niquests")  # it writes over urllib3, so it has an environment of its own
    session.run("python", "-m", "venv", str(apart))
    session.run(str(apart / "bin" / "python"), "-m", "pip", "install", "-q", "niquests", external=True)
    if shutil.which("npm") is not None:
        session.run("npm", "install", "--silent", "--prefix", "benchmarks", external=True)
    session.run("python", "benchmarks", "--niquests", str(apart / "bin" / "python"), *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site strictly, and run every snippet of the README and the pages."""
    install_wheel(session)
    session.install(*group("docs"), *group("test"))
    session.run("zensical", "build", "--strict", "--clean")
    session.run("pytest", "--markdown-docs", "--markdown-docs-syntax=superfences", "README.md", "docs")
