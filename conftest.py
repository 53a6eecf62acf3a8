"""What the snippets of README.md and docs/ run against: ``python -m pytest --markdown-docs README.md docs``."""

from collections.abc import Iterator

import pytest

from boooply.sandbox import Sandbox


@pytest.fixture
def sandbox_in_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the variables that ``boooply sandbox`` prints, for snippets that read them as a user's program does."""
    with Sandbox() as sandbox:
        monkeypatch.setenv("BOOOPLY_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", sandbox.platform_key)
        monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)
        yield
