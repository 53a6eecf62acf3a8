"""Check the built site: ``python docs/.make/links.py site`` names each link, picture and anchor that leads nowhere."""  # noqa: INP001 - a program, started by its path

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import attrs

_FROM: Final = {"a": "href", "link": "href", "img": "src", "script": "src"}


@attrs.define(eq=False)
class _Page(HTMLParser):
    """What one page links to, and the anchors that it has."""

    links: list[str] = attrs.field(factory=list[str], init=False)
    anchors: set[str] = attrs.field(factory=set[str], init=False)

    def __attrs_post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Record the targets and the anchors of a tag."""
        found = dict(attributes)
        if target := found.get(_FROM.get(tag, "")):
            self.links.append(target)
        self.anchors.update(one for one in (found.get("id"), found.get("name")) if one)


def problems(site: Path) -> Iterator[str]:
    """Yield a line for each broken link within the site."""
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{path.relative_to(site.resolve())}: {link}: there is no such file"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{path.relative_to(site.resolve())}: {link}: there is no such anchor"


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1])))
    sys.stdout.write("".join(f"{problem}\n" for problem in found))
    sys.exit(bool(found))
