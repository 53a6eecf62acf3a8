"""A process that forks the programs of tests: it has imported their dependencies, which takes a second each time.

It gets requests over the socket whose number is its argument, and ends with it. ``Program`` in programs.py asks.
"""

import importlib
import json
import os
import runpy
import signal
import socket
import sys
from pathlib import Path
from typing import Any


def next_program(requests: socket.socket) -> list[str]:
    """Return the words of a command after its options, in a process of its own."""
    while True:
        head, fds, _, _ = socket.recv_fds(requests, 8, 4)
        if not head:
            os._exit(0)
        size = int(head)
        text = b""
        while len(text) < size:
            text += requests.recv(size - len(text))
        asked = json.loads(text)
        for name in asked["modules"]:
            importlib.import_module(name)
        if os.fork() == 0:
            requests.close()
            become_program(asked, fds)
            return [str(word) for word in asked["words"]]
        for fd in fds:
            os.close(fd)


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


signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends pytest, and with it this process
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries who waited for a program
kind, what, *arguments = next_program(socket.socket(fileno=int(sys.argv[1])))
sys.argv = [kind, *arguments]
if kind == "-m":
    sys.path[0] = str(Path.cwd())
    runpy.run_module(what, run_name="__main__", alter_sys=True)
else:
    exec(compile(what, "<string>", "exec"))  # noqa: S102 - a program of a test
