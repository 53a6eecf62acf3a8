"""Workers as processes, each started again when it ends, as Kubernetes does."""

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

WORKERS, CONCURRENCY = 3, 8


@attrs.define(eq=False)
class Worker:
    """One process of a worker, with what it has written so far and when."""

    process: subprocess.Popen[str]
    place: Path
    started: float = attrs.field(factory=time.monotonic)
    ended: float = float("inf")
    killed_by: signal.Signals | None = None
    out: list[tuple[float, dict[str, Any]]] = attrs.field(factory=list)
    err: str = ""
    left: set[str] = attrs.field(factory=set)  # on its wire when it was killed

    @classmethod
    def start(cls, place: Path, *options: str) -> "Worker":
        words = [sys.executable, "-m", "boooply", "worker", "--json", "--concurrency", str(CONCURRENCY), *options]
        place.mkdir()
        pipe = subprocess.PIPE
        return cls(subprocess.Popen(words, cwd=place, stdout=pipe, stderr=pipe, text=True), place)  # noqa: S603 - ours

    def watch(self) -> None:
        """Read what it writes until it ends."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        reading = threading.Thread(target=self._read_errors)
        reading.start()
        with self.process.stdout:
            for line in self.process.stdout:
                self.out.append((time.monotonic(), json.loads(line)))
        reading.join()
        self.process.wait()
        self.ended = time.monotonic()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr:
            self.err = self.process.stderr.read()

    def outcomes(self, *names: str) -> dict[str, float]:
        """Return the customers with these outcomes, and when each was reported."""
        return {row["organization_id"]: at for at, row in tuple(self.out) if row.get("outcome") in names}

    @property
    def summary(self) -> dict[str, int] | None:
        return next((row["summary"] for _, row in self.out if "summary" in row), None)

    def rescued(self) -> list[Path]:
        return sorted(self.place.glob("boooply-rescued-keys-*.jsonl"))


class Fleet:
    """Workers of which each is started again when it ends, after a growing pause."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._stopped = threading.Event()
        self._numbers = itertools.count(1)
        self.all: list[Worker] = []
        self._threads = [threading.Thread(target=self._keep_one) for _ in range(WORKERS)]
        for thread in self._threads:
            thread.start()

    def start(self, *options: str) -> Worker:
        worker = Worker.start(self._place / f"worker-{next(self._numbers)}", *options)
        self.all.append(worker)
        return worker

    def _keep_one(self) -> None:
        pause = 1.0
        while not self._stopped.is_set():
            worker = self.start()
            worker.watch()
            pause = 1.0 if worker.ended - worker.started > 30 else min(2 * pause, 30.0)
            self._stopped.wait(pause)

    def end(self, number: signal.Signals) -> Worker:
        """Send a signal to a worker that has connected customers, and wait until it is gone."""
        until(lambda: any(self._is_busy(one) for one in self.all), 90)
        worker = next(one for one in self.all if self._is_busy(one))
        worker.killed_by = number
        worker.process.send_signal(number)
        until(lambda: worker.ended < float("inf"), 26)
        return worker

    @staticmethod
    def _is_busy(worker: Worker) -> bool:
        return worker.killed_by is None and worker.process.poll() is None and len(worker.outcomes("connected")) > 5

    def stop(self) -> None:
        self._stopped.set()
        for worker in self.all:
            if worker.process.poll() is None:
                worker.killed_by = signal.SIGTERM
                worker.process.terminate()
        for thread in self._threads:
            thread.join()


def until(condition: Callable[[], object], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it takes too long"
        time.sleep(0.05)


def boooply(*words: str, codes: tuple[int, ...] = (0,)) -> str:
    command = [sys.executable, "-m", "boooply", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our own words
    assert done.returncode in codes, done.stderr
    return done.stdout
