"""The files of tests on the page about testing, saved and run as a reader does."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "testing.md"
FILES = re.compile(
    r'^```\{\.python notest title="(?P<path>test_[^"]+)"\}\n(?P<code>.*?)^```$', re.MULTILINE | re.DOTALL
)
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
