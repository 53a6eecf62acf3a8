"""Programs that make blocking calls, on both kinds of event loop."""

import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest

from boooply.sandbox import Sandbox

WITHOUT_UVLOOP = {"uvloop": False, "asyncio": True}


@pytest.fixture(params=WITHOUT_UVLOOP)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test on both kinds of loop, here and in the programs that are started."""
    if WITHOUT_UVLOOP[request.param]:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    monkeypatch.setenv("BOOOPLY_TEST_LOOP", request.param)
    return str(request.param)


@pytest.fixture
def run_program(threaded_sandbox: Sandbox) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run a program that knows the sandbox as KEY, PLATFORM_KEY and URL, and whose warnings are errors."""
    names = (threaded_sandbox.api_key, threaded_sandbox.platform_key, threaded_sandbox.base_url)
    head = "import os, sys\nif os.environ.get('BOOOPLY_TEST_LOOP') == 'asyncio': sys.modules['uvloop'] = None"

    def run(script: str, *, timeout: float = 20, **options) -> "subprocess.CompletedProcess[str]":
        program = f"{head}\nKEY, PLATFORM_KEY, URL = {names!r}\n{textwrap.dedent(script)}"
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-X", "dev", "-W", "error", "-c", program],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **options,
        )

    return run
