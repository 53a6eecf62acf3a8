"""The ATS example as a separate process: it ends cleanly at Ctrl-C and at SIGTERM."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ATS = Path(__file__).parents[2] / "examples" / "ats"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_signal_ends_the_example_without_a_traceback_and_its_files_are_gone(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    pipe, env = subprocess.PIPE, os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, str(ATS)]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=env) as process:  # noqa: S603 - our own
        try:
            assert process.stdout is not None
            assert any("Ctrl-C" in line for line in iter(process.stdout.readline, ""))
            while not [*tmp_path.glob("*/ats.db")]:  # it is created when the application starts
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()

    assert (process.returncode, err) == (code, "")
    assert [*tmp_path.iterdir()] == []
