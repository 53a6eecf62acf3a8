"""The vendor's "full integration example" in the README is the one that the FastAPI page runs."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
JAVASCRIPT_LINES = 33


def example_in(page: str) -> str:
    blocks: list[str] = re.findall(r"```[^\n]*python[^\n]*\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    [example] = [block for block in blocks if '@app.post("/api/connect-boooply")' in block]
    return example


def test_the_readme_shows_what_the_page_runs() -> None:
    assert example_in("README.md") == example_in("docs/how-to/fastapi.md")


def test_it_is_shorter_than_the_javascript() -> None:
    assert len([line for line in example_in("README.md").splitlines() if line]) <= 30 < JAVASCRIPT_LINES
