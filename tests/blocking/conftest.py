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
def run_program(
    threaded_sandbox: Sandbox, run_python: Callable[..., "subprocess.CompletedProcess[str]"]
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run a program that knows the sandbox as KEY, PLATFORM_KEY and URL, and whose warnings are errors."""
    names = (threaded_sandbox.api_key, threaded_sandbox.platform_key, threaded_sandbox.base_url)
    quiet = "logging.getLogger('asyncio').setLevel('ERROR')"  # in debug mode it warns of slow steps
    loop = "if os.environ.get('BOOOPLY_TEST_LOOP') == 'asyncio': sys.modules['uvloop'] = None"
    head = f"import logging, os, sys\n{quiet}\n{loop}"

    def run(script: str, *, timeout: float = 60, **options) -> "subprocess.CompletedProcess[str]":
        program = f"{head}\nKEY, PLATFORM_KEY, URL = {names!r}\n{textwrap.dedent(script)}"
        words = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
        return run_python(words, text=True, timeout=timeout, **options)

    return run
