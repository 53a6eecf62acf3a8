"""The pages' own links: each leads to a file of the project, and its anchor to a heading or a name there."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^( *)(```+|~~~+).*?^\1\2`*$\n?", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)
ANCHOR = re.compile(r" \{ #([\w-]+) \}$")
NAME = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)
MODULE = re.compile(r"`(?:boooply/)?((?:\w+/)+\w+\.py)`(?:, `(\w+)`)?")


@cache
def text_of(path: Path) -> str:
    """Give a page without its code."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


@cache
def anchors_of(path: Path) -> frozenset[str]:
    slugs: dict[str, int] = {}
    found: set[str] = set(NAME.findall(text_of(path)))
    for heading in HEADING.findall(text_of(path)):
        if given := ANCHOR.search(heading):
            found.add(given[1])
            continue
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        ascii_text = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
        slug = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_text).strip().lower())
        slugs[slug] = slugs.get(slug, -1) + 1
        found.add(slug if not slugs[slug] else f"{slug}_{slugs[slug]}")
    return frozenset(found)


def broken(page: Path) -> Iterator[str]:
    for link in LINK.findall(text_of(page)):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = (page.parent / parts.path).resolve() if parts.path else page
        if not target.is_file():
            yield f"{link}: there is no such file"
        elif parts.fragment and parts.fragment not in anchors_of(target):
            yield f"{link}: there is no such anchor"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "explanation").glob("*.md")), ids=lambda page: page.stem)
def test_every_module_that_is_named_is_there(page: Path) -> None:
    for module, name in MODULE.findall(text_of(page)):
        file = next((place / module for place in (ROOT / "boooply", ROOT) if (place / module).is_file()), None)
        assert file is not None, module
        code = file.read_text(encoding="utf-8")
        assert re.search(rf"^ *(?:(?:async )?def |class )?{name}\b", code, re.MULTILINE), f"{module} has no {name}"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in PAGES if ROOT / "docs" in page.parents}
    assert pages == set(re.findall(r'= "([\w/-]+\.md)"', navigation))


def test_every_picture_is_shown() -> None:
    shown = {
        (page.parent / link).resolve() for page in PAGES for link in LINK.findall(text_of(page)) if "pictures/" in link
    }
    assert shown == set((ROOT / "docs" / "pictures").iterdir())
