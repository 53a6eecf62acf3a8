"""Words that people search for are in a heading or the title of the page that answers them, where search ranks them."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"^( *)(```+).*?^\1\2`*$\n?", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(?:#+|title:) +(.+)$", re.MULTILINE)
ANSWERED_BY = {
    "pagination": "reference/clients.md",
    "getting started": "index.md",
    "multi-tenant": "index.md",
    "extras": "install.md",
    "upgrade": "install.md",
    "Windows": "install.md",
    "PowerShell": "install.md",
    "mypy": "install.md",
    "gevent": "how-to/scripts.md",
    "rate limit": "explanation/rate-limits.md",
    "dead letter": "how-to/webhooks.md",
    "idempotency": "how-to/timeouts-and-retries.md",
    "revoked key": "how-to/revoked-key.md",
}


def words_of(text: str) -> set[str]:
    return {word.removesuffix("s") for word in re.findall(r"[a-z-]+", text.lower())}


def headings_of(page: str) -> list[str]:
    return HEADING.findall(FENCE.sub("", (DOCS / page).read_text("utf-8")))


@pytest.mark.parametrize(("words", "page"), ANSWERED_BY.items())
def test_a_heading_of_the_page_has_the_words(words: str, page: str) -> None:
    headings = headings_of(page)
    assert any(words_of(words) <= words_of(heading) for heading in headings), headings


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_each_page_describes_itself(page: Path) -> None:
    described = re.match(r'---\n(?:title: .+\n)?description: "?(.+?)"?\n', page.read_text("utf-8"))
    assert described is not None
    assert 40 <= len(described[1]) <= 160, described[1]
