"""ty finds the planted mistakes, and nothing in correct programs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TY = shutil.which("ty", path=Path(sys.executable).parent) or shutil.which("ty")

pytestmark = pytest.mark.skipif(TY is None, reason="ty is not installed")


def lines_found(name: str) -> set[int]:
    done = subprocess.run(  # noqa: S603 - our own files
        [
            str(TY),
            "check",
            "--output-format=concise",
            "--config=analysis.respect-type-ignore-comments=false",
            f"--python={sys.executable}",
            name,
        ],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in {0, 1}, done.stderr
    return {int(line) for line in re.findall(rf"^{re.escape(name)}:(\d+):", done.stdout, re.MULTILINE)}


def test_correct_programs_are_clean() -> None:
    assert lines_found("flavours.py") == set()


def test_every_planted_mistake_is_found() -> None:
    source = (HERE / "mistakes.py").read_text().splitlines()
    planted = {number for number, line in enumerate(source, 1) if "# type: ignore" in line and "# not ty" not in line}
    known = {number for number, line in enumerate(source, 1) if line.startswith("Tenant(") and "team_members" in line}
    assert lines_found("mistakes.py") - known == planted
