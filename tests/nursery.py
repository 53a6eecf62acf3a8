"""A process that forks the programs of tests: it has imported their dependencies, which takes a second each time.

Its arguments are the number of the socket at which callers connect, the paths of that socket and of this file, and what
to import. It ends with its last caller. ``Program`` in programs.py calls it.
"""

import fcntl
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any


def next_program(entrance: socket.socket, place: Path, code: Path) -> list[str]:
    """Return the words of a command after its options, in a separate process."""
    callers: list[socket.socket] = []
    while True:
        for ready in select.select([entrance, *callers], [], [])[0]:
            if ready is entrance:
                callers.append(entrance.accept()[0])
                continue
            asked, fds = read_request(ready)
            if asked is None:
                callers.remove(ready)
                ready.close()
                end_without_callers(callers, entrance, place, code)
            elif os.fork() == 0:
                for one in (entrance, *callers):
                    one.close()
                become_program(asked, fds)
                return [str(word) for word in asked["words"]]
            for fd in fds:
                os.close(fd)


def read_request(caller: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """Return a caller's request, or None once it has closed the connection, and file descriptors."""
    head, fds, _, _ = socket.recv_fds(caller, 8, 4)
    if not head:
        return None, fds
    text = b""
    while len(text) < int(head):
        text += caller.recv(int(head) - len(text))
    return json.loads(text), fds


def end_without_callers(callers: list[socket.socket], entrance: socket.socket, place: Path, code: Path) -> None:
    with code.open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # nobody connects now
        if not callers and not select.select([entrance], [], [], 0)[0]:
            place.unlink()
            os._exit(0)


def become_program(asked: dict[str, Any], fds: list[int]) -> None:
    """Fork again, let the parent wait and pass on the exit status, and return in the child."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *standard, report = fds
    child = os.fork()
    if child:
        os.write(report, b"%d\n" % child)
        for fd in (0, 1, 2, *standard):
            os.close(fd)
        os.write(report, b"%d\n" % os.waitpid(child, 0)[1])
        os._exit(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, fd in enumerate(standard):
        os.dup2(fd, number)
    for fd in fds:
        os.close(fd)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    encoding = os.environ.get("PYTHONIOENCODING", "utf-8")
    sys.stdin = open(0, encoding=encoding, closefd=False)  # noqa: SIM115 - as long as the program
    sys.stdout = open(1, "w", encoding=encoding, closefd=False, buffering=1 if os.isatty(1) else -1)  # noqa: SIM115 - the same
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115 - the same


if os.fork():
    os._exit(0)  # nobody waits for the other one
signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends pytest, and with it this process
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries who waited for a program
number, its_place, its_code, *modules = sys.argv[1:]
for name in modules:
    importlib.import_module(name)
gc.freeze()  # a program's garbage collector would copy all that is imported here
kind, what, *arguments = next_program(socket.socket(fileno=int(number)), Path(its_place), Path(its_code))
sys.argv = [kind, *arguments]
if kind == "-m":
    sys.path[0] = str(Path.cwd())
    runpy.run_module(what, run_name="__main__", alter_sys=True)
else:
    exec(compile(what, "<string>", "exec"))  # noqa: S102 - a program of a test
