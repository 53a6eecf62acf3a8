"""Python programs that tests start, forked from a process that has imported their dependencies."""

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Nursery:
    """A process that forks the programs that share an interpreter's options."""

    def __init__(self, options: Sequence[str]) -> None:
        self.requests, theirs = socket.socketpair()
        self.lock = threading.Lock()
        code = (Path(__file__).parent / "nursery.py").read_text(encoding="utf-8")
        command = [sys.executable, *options, "-c", code, str(theirs.fileno())]
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdin=null, stdout=null, pass_fds=[theirs.fileno()])  # noqa: S603 - ours
        theirs.close()

    def start(self, asked: dict[str, Any], fds: Sequence[int]) -> None:
        text = json.dumps(asked).encode()
        with self.lock:
            socket.send_fds(self.requests, [b"%8d" % len(text)], fds)
            self.requests.sendall(text)

    def close(self) -> None:
        self.requests.close()
        self.process.wait(30)


NURSERIES: dict[tuple[str, ...], Nursery] = {}
SLOW_IMPORTS = ("aiohttp", "anyio.from_thread", "cattrs", "cryptography.fernet", "sqlalchemy.dialects.postgresql")


class Program(subprocess.Popen[Any]):
    """A process of ``python -c`` or ``python -m``, which starts with some third-party modules imported.

    What it runs imports boooply itself, and gets its arguments, streams, environment, signals and end as ever.
    """

    def __init__(self, words: Sequence[str], *, modules: Sequence[str] = SLOW_IMPORTS, **options: Any) -> None:
        self._modules = modules
        super().__init__(list(words), **options)

    def _execute_child(self, words, _executable, _pre, _close, _pass, cwd, env, _info, _flags, _shell, *rest) -> None:
        pipes = rest[:6]
        start = next(number for number, word in enumerate(words) if word in {"-c", "-m"})
        options = tuple(words[1:start])
        if options not in NURSERIES:
            NURSERIES[options] = Nursery(options)
        asked = {
            "words": words[start:],
            "cwd": str(cwd or Path.cwd()),
            "environment": dict(os.environ if env is None else env),
            "modules": self._modules,
        }
        self._report, theirs = os.pipe()
        standard = [number if fd == -1 else fd for number, fd in enumerate((pipes[0], pipes[3], pipes[5]))]
        NURSERIES[options].start(asked, [*standard, theirs])
        os.close(theirs)
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]  # private, as are the others
        self.pid = self._read_report()
        self._child_created = True

    def _read_report(self) -> int:
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self._report, 1)
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


def run_program(words: Sequence[str], *, timeout: float = 30, **options: Any) -> subprocess.CompletedProcess[Any]:
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
        NURSERIES.popitem()[1].close()
