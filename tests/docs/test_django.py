"""The Django page, followed: a new project, the page's files in it, and Django's own commands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "django.md"
FILES = re.compile(r'^```\{\.python notest title="(?P<path>[^"]+)"\}\n(?P<code>.*?)^```$', re.MULTILINE | re.DOTALL)


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - the words of this file
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    run(tmp_path, "-m", "django", "startproject", "mysite", ".")
    run(tmp_path, "manage.py", "startapp", "interviews")
    for found in FILES.finditer(PAGE.read_text(encoding="utf-8")):
        path = tmp_path / found["path"]
        before = path.read_text(encoding="utf-8") if path.name == "settings.py" else ""
        path.write_text(before + found["code"], encoding="utf-8")
    return tmp_path


@pytest.mark.timeout(600)  # six programs, each of which may take its time
def test_the_page_makes_a_project_that_works(project: Path) -> None:
    run(project, "manage.py", "check", "--fail-level", "WARNING")
    run(project, "manage.py", "makemigrations", "interviews")
    run(project, "manage.py", "migrate")
    assert "Ran 1 test" in run(project, "manage.py", "test")
