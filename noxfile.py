# /// script
# dependencies = ["nox[uv]>=2026.8.10"]
# ///
"""All checks: lint, types, tests on the built wheel, documentation, browser and build.

``nox`` runs the default sessions. ``nox -s tests -- -k name`` passes arguments to pytest. A nox without uv first
reinstalls itself with uv.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = "cli,distributed,excel,fastapi,mcp,speed"
PYTHONS = nox.project.python_versions(PROJECT)
KILLED = 0.9  # the least share of mutants that the tests must kill

COVERED = PYTHONS[0]  # measuring coverage is slow, and the other Pythons run the same lines

# Options of pytest. More workers than cores: tests wait for disks, other processes and clocks.
WORKERS = ["-n", str((os.cpu_count() or 1) * 2), "--dist", "worksteal"]
# Tests whose result is the same on every Python: the sessions docs and lint run them.
PAGES = ["tests/benchmarks", "tests/docs"]
WORDS = "tests/test_words.py"
ELSEWHERE = [f"--ignore={place}" for place in [*PAGES, WORDS]]
# Tests that Windows can run. The others send signals, fork, or reach PostgreSQL by a Unix socket.
PORTABLE = ["converter", "models", "operations", "protocol", "ratelimit", "webhooks"]

nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.reuse_existing_virtualenvs = True
# nox skips a Python that is not installed, also in CI, and prints a warning.
nox.options.error_on_missing_interpreters = False
nox.options.stop_on_first_error = False
nox.options.parallel = 2  # while one session waits or installs, the other one uses the cores
nox.options.allow_parallel = True


def memory() -> dict[str, str | None]:
    """Return the environment of a test run, with temporary files in memory if there is enough of it."""
    bytecode = {"PYTHONDONTWRITEBYTECODE": None}  # without bytecode, each worker of pytest would compile every file
    place = Path("/dev/shm")  # noqa: S108 - pytest makes a private folder in it; only Linux has it
    fits = place.is_dir() and not os.statvfs(place).f_flag & os.ST_NOEXEC and shutil.disk_usage(place).free > 2**32
    return bytecode | ({"TMPDIR": str(place)} if fits else {})


def runs(python: str) -> bool:
    """Check that a Python starts: a version manager's shim can be on the path although that Python is missing."""
    command = shutil.which(f"python{python}")
    if command is None:
        return False
    return subprocess.run([command, "-c", ""], check=False, capture_output=True).returncode == 0  # noqa: S603 - found above


def group(name: str) -> list[str]:
    return [*nox.project.dependency_groups(PROJECT, name)]


def at_once(run: Callable[[str], object], *arguments: str) -> None:
    """Call a function once per argument, on all cores, and raise the first error."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run, arguments))


def install_wheel(session: nox.Session, *groups: str) -> None:
    """Install the groups and the built wheel with every extra, so that tests run what users install."""
    more = [requirement for name in groups for requirement in group(name)]
    # By default, uv keeps an older build.
    session.install("--reinstall-package", "boooply", f".[{EXTRAS}]", *more)


@nox.session
def lint(session: nox.Session) -> None:
    """Run ruff with all its rules, check the layers, the workflows, the spelling and the words."""
    session.install(*group("lint"), "-e", f".[{EXTRAS}]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    session.run("codespell")
    # without conftest.py and the settings of pyproject.toml, which need the group test
    session.run("pytest", "-q", "-c", os.devnull, "--rootdir=.", "--noconftest", "-p", "no:cacheprovider", WORDS)
    session.run("zizmor", "--offline", "--no-progress", "--quiet", "--persona=pedantic", ".github")


@nox.session
def typing(session: nox.Session) -> None:
    """Run mypy and pyright, both strict, check that every public name is typed, and run the tests of types."""
    install_wheel(session, "typing")
    session.install("nox")
    # tests/typing runs ty and the other checkers on correct programs and on planted mistakes
    commands = ["pyright", "mypy", "pyright --verifytypes boooply --ignoreexternal", "pytest tests/typing"]
    at_once(lambda command: session.run(*command.split()), *commands)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on the built wheel, with branch coverage on the oldest Python."""
    if not runs(str(session.python)):
        session.skip(f"this machine has no working python{session.python}")
    install_wheel(session, "test")
    rest = [*WORKERS, *ELSEWHERE, *session.posargs]
    env = {"BOOOPLY_TEST_WHEEL": "1", **memory()}
    # This writes the bytecode of the tests and of what they import, which each worker would compile otherwise.
    session.run("pytest", "--collect-only", "-q", *ELSEWHERE, env=env, silent=True)
    if session.python != COVERED:
        session.run("pytest", *rest, env=env)
        return
    session.run("coverage", "erase")
    # ``-m pytest`` would import the checkout instead of the wheel
    session.run("coverage", "run", str(Path(session.bin, "pytest")), *rest, env=env)
    session.run("coverage", "combine", "--quiet")
    if not session.posargs:
        session.run("coverage", "report")


@nox.session(python=PYTHONS[-1], default=False)
def portable(session: nox.Session) -> None:
    """Run the tests that need no POSIX, on the built wheel."""
    install_wheel(session, "test")
    places = [f"tests/{name}" for name in PORTABLE]
    options = ["--override-ini=timeout_method=thread", *WORKERS]  # Windows has no timer signals
    session.run("pytest", *options, *places, *session.posargs, env={"BOOOPLY_TEST_WHEEL": "1", **memory()})


@nox.session(python=PYTHONS[0], default=False, reuse_venv=False)
def lowest(session: nox.Session) -> None:
    """Run the tests on the lowest versions that pyproject.toml allows."""
    oldest = ["--resolution", "lowest-direct", "-r", "pyproject.toml", "--all-extras", "--group", "test"]
    # the oldest FastAPI brings a Starlette whose TestClient needs httpx
    session.install(*oldest, "httpx>=0.28")
    session.install("--reinstall-package", "boooply", "--no-deps", ".")
    lowest_of_all = {"BOOOPLY_TEST_WHEEL": "1", "BOOOPLY_TEST_LOWEST": "1", **memory()}
    session.run("pytest", *WORKERS, *ELSEWHERE, *session.posargs, env=lowest_of_all)


@nox.session(default=False, allow_parallel=False)
def mutants(session: nox.Session) -> None:
    """Change the modules that decide in small ways, and check that tests fail; tests/mutants.md lists survivors."""
    install_wheel(session, "test", "typing", "mutants")  # for its metadata: mutmut imports the changed copy
    # fewer schedules than usual: a surviving mutant runs through all of them
    session.run("mutmut", "run", *session.posargs, env={"BOOOPLY_TEST_SCHEDULES": "200"})
    session.run("mutmut", "export-cicd-stats", silent=True)
    counts = json.loads(Path("mutants", "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    killed = counts["killed"] + counts["timeout"]
    tried = killed + counts["survived"] + counts["no_tests"] + counts["suspicious"] + counts["segfault"]
    session.log(f"{killed} of {tried} killed, {killed / tried:.1%}; {counts['caught_by_type_check']} rejected by mypy")
    if killed < KILLED * tried:
        session.error(f"The tests must kill {KILLED:.0%} of the mutants.")


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel, the sdist and their bill of materials, and try the wheel with each extra."""
    session.install(*group("release"))
    dist, again = Path("dist"), Path(session.create_tmp(), "again")
    for place in (dist, again):
        shutil.rmtree(place, ignore_errors=True)
    when = {"SOURCE_DATE_EPOCH": last_commit()}
    session.run("uv", "build", "--quiet", "--sdist", "--wheel", "--out-dir", str(dist), env=when)
    session.run("uv", "build", "--quiet", "--out-dir", str(again), env=when)  # builds this wheel from the sdist
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    for one in (wheel, sdist):
        session.log(f"{digest(one)}  {one.name}")
        if digest(one) != digest(again / one.name):
            session.error(f"{one.name}: two builds of the same commit differ.")
    foreign = [name for name in ZipFile(wheel).namelist() if not name.startswith(("boooply/", "boooply-"))]
    if foreign:
        session.error(f"{wheel.name} contains files outside the package: {', '.join(foreign)}")
    session.run("twine", "check", "--strict", str(wheel), str(sdist))

    def smoke(extra: str) -> None:
        python = environment(session, extra, str(wheel) if extra == "bare" else f"{wheel}[{extra}]")
        env = {"PYTHONDONTWRITEBYTECODE": None}  # it starts several programs: the first compiles for the others
        session.run(python, "-W", "error", "tests/release/smoke.py", extra, external=True, env=env)

    at_once(smoke, "bare", *PROJECT["project"]["optional-dependencies"], "cli,distributed")  # the last is in the docs
    python = environment(session, "everything", f"{wheel}[{EXTRAS}]")
    bill = Path(f"{sdist}".replace(".tar.gz", ".cdx.json"))
    options = ["--output-reproducible", "--mc-type", "library", "--pyproject", "pyproject.toml", "-o", str(bill)]
    session.run("cyclonedx-py", "environment", *options, python)
    components = json.loads(bill.read_text(encoding="utf-8"))
    components["metadata"]["component"]["version"] = bill.name.removeprefix("boooply-").removesuffix(".cdx.json")
    bill.write_text(json.dumps(components, indent=2) + "\n", encoding="utf-8")  # the version is not in pyproject.toml


def last_commit() -> str:
    """Return the time of the last commit, in seconds since 1970, or hatchling's default in an unpacked sdist."""
    command = ["git", "log", "-1", "--format=%ct"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - a constant command
    return result.stdout.strip() or "1580601600"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def environment(session: nox.Session, name: str, *what: str) -> str:
    """Create an environment with these requirements alone, and return the path of its Python."""
    place = Path(session.create_tmp(), name)
    session.run("uv", "venv", "--quiet", "--clear", "--python", str(Path(session.bin, "python")), str(place))
    session.run("uv", "pip", "install", "--quiet", "--python", str(place), *what)
    return str(place / "bin" / "python")


@nox.session(default=False)
def audit(session: nox.Session) -> None:
    """Check what users install for vulnerabilities known to PyPI; ``-- --vulnerability-service osv`` asks OSV."""
    session.install(*group("release"))
    newest = str(Path(session.create_tmp(), "requirements.txt"))
    session.run("uv", "pip", "compile", "--quiet", "--all-extras", "-o", newest, "pyproject.toml")
    # strict: fail if the service does not know a package or does not respond
    session.run("pip-audit", "--strict", "--no-deps", "--disable-pip", "-r", newest, *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Click through the sandbox's console and the ATS example in a real Chromium."""
    if shutil.which("chromium") is None and shutil.which("apt-get") is not None and os.geteuid() == 0:
        session.run("apt-get", "update", "-qq", external=True, success_codes=[0, 100])
        session.run("apt-get", "install", "-y", "-qq", "chromium", external=True, success_codes=[0, 100], silent=True)
    if shutil.which("chromium") is None:
        session.skip("there is no Chromium on this machine; install it with: apt-get install chromium")
    install_wheel(session, "test")
    here = ["--override-ini=addopts=--import-mode=importlib", "-n", str(os.cpu_count() or 1)]
    session.run("pytest", *here, "tests/browser", *session.posargs, env=memory())


@nox.session(default=False, allow_parallel=False)
def soak(session: nox.Session) -> None:
    """Run the long tests: faulted and mixed-up calls, kills, workers during outages, real clocks, fuzzing."""
    install_wheel(session, "test")
    patient = ["pytest", "-s", "--timeout=3600"]
    session.run(*patient, "--override-ini=addopts=--import-mode=importlib", "tests/soak", *session.posargs)
    many = {"BOOOPLY_TEST_KILLS": "1000", "BOOOPLY_TEST_CALLS": "100000"}
    files = [f"tests/provisioning/test_{name}.py" for name in ("kills", "crossed_responses")]
    session.run(*patient, *files, *session.posargs, env=many)
    more = {"HYPOTHESIS_PROFILE": "soak", "BOOOPLY_TEST_SCHEDULES": "10000"}
    session.run(*patient, "tests/protocol", "tests/ratelimit", "tests/converter", *session.posargs, env=more)


@nox.session(default=False, allow_parallel=False)
def bench(session: nox.Session) -> None:
    """Compare the SDK with its alternatives, and write benchmarks/RESULTS.md; takes half an hour."""
    install_wheel(session, "bench")
    apart = Path(session.create_tmp(), "niquests")  # it overwrites urllib3, so it needs a separate environment
    session.run("python", "-m", "venv", str(apart))
    session.run(str(apart / "bin" / "python"), "-m", "pip", "install", "-q", "niquests", external=True)
    if shutil.which("npm") is not None:
        session.run("npm", "install", "--silent", "--prefix", "benchmarks", external=True)
    session.run("python", "benchmarks", "--niquests", str(apart / "bin" / "python"), *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site strictly, run every snippet of the README and the pages, and test the pages and the benchmarks."""
    install_wheel(session, "docs", "test")
    session.run("zensical", "build", "--strict", "--clean")
    session.run("python", "docs/.make/links.py", "site")
    session.run(
        "pytest", "--markdown-docs", "--markdown-docs-syntax=superfences", *WORKERS, "README.md", "docs", env=memory()
    )
    session.run("pytest", *WORKERS, *PAGES, env=memory())
