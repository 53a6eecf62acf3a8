"""A real Chromium, and the pages it looks at."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NARROW, WIDE = 390, 1280
PICTURES = os.environ.get("BOOOPLY_TEST_PICTURES")  # a directory: then each test leaves what it saw


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


class Looking:
    """Open pages that must not complain and must not scroll sideways."""

    def __init__(self, context: BrowserContext, name: str) -> None:
        self.context = context
        self.name = name
        self.complaints: list[str] = []

    def at(self, url: str) -> Page:
        page = self.context.new_page()
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.goto(url)
        return page

    def picture(self, page: Page, what: str) -> None:
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.evaluate("window.innerWidth"), f"{what} scrolls sideways"
        if PICTURES is not None:
            page.screenshot(path=Path(PICTURES, f"{self.name}-{what}.png"), full_page=True)

    def _note(self, kind: str, text: str) -> None:
        # a refusal that the page shows to people is noted by the browser as well
        if kind in {"error", "warning"} and "Failed to load resource" not in text:
            self.complaints.append(text)


@pytest.fixture(params=[(WIDE, "light"), (NARROW, "dark")], ids=["wide-light", "narrow-dark"])
def looking(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Looking]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    context.set_default_timeout(10_000)
    looking = Looking(context, f"{width}-{scheme}")
    yield looking
    context.close()
    assert looking.complaints == []
