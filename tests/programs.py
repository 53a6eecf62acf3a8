"""Python programs that tests start, forked from a process that has imported the package and its dependencies."""

import hashlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CODE = Path(__file__).with_name("nursery.py")
PLACE = tempfile.gettempdir()  # before a test changes it
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", os.getpid())  # whose workers have their nurseries in common
SLOW_IMPORTS = (
    "aiohttp",
    "anyio.from_thread",
    "cattrs",
    "cryptography.fernet",
    "cyclopts",
    "psycopg",
    "rich.progress",
    "sqlalchemy.dialects.postgresql",
    "boooply.blocking.client",
    "boooply.blocking.provisioning",
    "boooply.cli.app",
    "boooply.sandbox.sandbox",
    "boooply.store",
    "boooply.store.database",
)


class Nursery:
    """A connection to the process that forks the programs with the same options and imported modules."""

    def __init__(self, options: Sequence[str], modules: Sequence[str]) -> None:
        import fcntl  # noqa: PLC0415 - Windows has none

        name = hashlib.sha256(repr((RUN, options, modules)).encode()).hexdigest()
        place = Path(PLACE, f"nursery-{name[:16]}")
        self.caller = socket.socket(socket.AF_UNIX)
        self.lock = threading.Lock()
        with CODE.open(encoding="utf-8") as code:
            fcntl.flock(code, fcntl.LOCK_EX)  # others may start it too, and it may be about to end
            if not place.exists():
                self._open(place, code.read(), options, modules)
            self.caller.connect(str(place))

    def _open(self, place: Path, code: str, options: Sequence[str], modules: Sequence[str]) -> None:
        null = subprocess.DEVNULL
        with socket.socket(socket.AF_UNIX) as entrance:
            entrance.bind(str(place))
            entrance.listen(100)
            number = entrance.fileno()
            words = [sys.executable, *options, "-c", code, str(number), str(place), str(CODE), *modules]
            subprocess.run(words, check=True, stdin=null, stdout=null, pass_fds=[number])  # noqa: S603 - ours

    def start(self, asked: dict[str, Any], fds: Sequence[int]) -> None:
        text = json.dumps(asked).encode()
        with self.lock:
            socket.send_fds(self.caller, [b"%8d" % len(text)], fds)
            self.caller.sendall(text)


NURSERIES: dict[tuple[Sequence[str], Sequence[str]], Nursery] = {}


class Program(subprocess.Popen[Any]):
    """A process of ``python -c`` or ``python -m``, which starts with ``modules`` imported.

    What it runs gets its arguments, streams, environment, signals and end as ever. A test of imports passes its own.
    """

    def __init__(self, words: Sequence[str], *, modules: Sequence[str] = SLOW_IMPORTS, **options: Any) -> None:
        self._modules = tuple(modules)
        super().__init__(list(words), **options)

    def _execute_child(self, words, _executable, _pre, _close, _pass, cwd, env, _info, _flags, _shell, *rest) -> None:
        pipes = rest[:6]
        start = next(number for number, word in enumerate(words) if word in {"-c", "-m"})
        options = tuple(words[1:start])
        which = (options, self._modules)
        if which not in NURSERIES:
            NURSERIES[which] = Nursery(*which)
        asked = {
            "words": words[start:],
            "cwd": str(cwd or Path.cwd()),
            "environment": dict(os.environ if env is None else env),
        }
        self._report, theirs = os.pipe()
        standard = [number if fd == -1 else fd for number, fd in enumerate((pipes[0], pipes[3], pipes[5]))]
        NURSERIES[which].start(asked, [*standard, theirs])
        os.close(theirs)
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]  # private, as are the others
        self.pid = self._read_report()
        self._child_created = True

    def _read_report(self) -> int:
        line = b""
        while not line.endswith(b"\n"):
            one = os.read(self._report, 1)
            assert one, "the nursery has ended"
            line += one
        return int(line)

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if flags & os.WNOHANG and not select.select([self._report], [], [], 0)[0]:
            return 0, 0
        status = self._read_report()
        os.close(self._report)
        return self.pid, status

    def _internal_poll(self, *_: object, **__: object) -> int | None:
        if self.returncode is None:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self._handle_exitstatus(status)  # type: ignore[attr-defined]  # the same
        return self.returncode


def run_program(words: Sequence[str], *, timeout: float = 60, **options: Any) -> subprocess.CompletedProcess[Any]:
    """Run a program as subprocess.run does, with its output captured; ``timeout`` is in seconds."""
    pipe = subprocess.PIPE
    with Program(words, stdout=pipe, stderr=pipe, **options) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def close_nurseries() -> None:
    while NURSERIES:
        NURSERIES.popitem()[1].caller.close()
