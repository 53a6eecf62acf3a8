"""The page about testing, whose files are saved and run as a reader does, and the sandbox's controls."""

import re
import subprocess
import sys
from pathlib import Path

from boooply.sandbox.control import control_routes, fault_routes, webhook_routes
from boooply.sandbox.fault_table import FAULTS
from boooply.sandbox.faults import Faults
from boooply.sandbox.limits import Clock
from boooply.sandbox.state import State
from boooply.sandbox.webhooks import WebhookDispatcher

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "how-to" / "testing.md"
CONTROLS = DOCS / "reference" / "sandbox-controls.md"
FILES = re.compile(
    r'^```\{\.python notest title="(?P<path>test_[^"]+)"\}\n(?P<code>.*?)^```$', re.MULTILINE | re.DOTALL
)
CONTROL = re.compile(r"^\| `(?P<method>[A-Z]+) (?P<path>/_sandbox/[^`]+)` \|", re.MULTILINE)
MOST_LINES = 10


def test_the_files_of_the_page_pass_and_their_tests_are_short(tmp_path: Path) -> None:
    found = {one["path"]: one["code"] for one in FILES.finditer(PAGE.read_text(encoding="utf-8"))}
    assert list(found) == ["test_decisions.py", "test_revoked_key.py"]
    for path, code in found.items():
        body = code[code.index("def test_") :].strip().splitlines()[1:]
        assert len(body) <= MOST_LINES, path
        (tmp_path / path).write_text(code, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)  # noqa: S603 - the words of this file
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_reference_lists_every_fault() -> None:
    rows = re.findall(r"^\| ((?:`[\w-]+`(?:, )?)+) \| (yes|no) \|", CONTROLS.read_text(encoding="utf-8"), re.MULTILINE)
    carried_out = {name: word == "yes" for names, word in rows for name in re.findall(r"`([\w-]+)`", names)}
    assert carried_out == {name: fault.instead is None for name, fault in FAULTS.items()}


def test_the_reference_lists_every_control() -> None:
    state = State(Clock())
    routes = (
        *control_routes(state),
        *fault_routes(Faults()),
        *webhook_routes(state, WebhookDispatcher(state, "whsec_0123456789abcdef", None)),
    )
    existing = sorted((method, re.sub(r"{(\w+)}", lambda name: name[1].upper(), path)) for method, path, _ in routes)
    assert sorted(CONTROL.findall(CONTROLS.read_text(encoding="utf-8"))) == existing
