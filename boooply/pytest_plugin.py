"""pytest fixtures for tests of your integration: a sandbox over real HTTP, its clients and its webhooks.

pytest finds the fixtures if ``boooply`` is installed, and imports nothing until a test uses one. To share them between
tests, set ``boooply_fixture_scope`` in pytest's settings to ``class``, ``module``, ``package`` or ``session``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # pytest imports this module in every run, wherever boooply is installed
    from boooply import AsyncBoooplyClient, AsyncBoooplyPlatform, BoooplyClient, BoooplyPlatform
    from boooply.sandbox import Sandbox, Webhooks


_SCOPE = "boooply_fixture_scope"
_SCOPES = ("function", "class", "module", "package", "session")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting."""
    parser.addini(_SCOPE, f"scope of the fixtures of boooply: {', '.join(_SCOPES)}", default="function")


def pytest_configure(config: pytest.Config) -> None:
    """Check the setting.

    Raises:
        UsageError: There is no such scope.
    """
    scope = config.getini(_SCOPE)
    if scope not in _SCOPES:
        raise pytest.UsageError(f"{_SCOPE} must be one of {', '.join(_SCOPES)}, not {scope!r}")


def _scope(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ARG001 - pytest's signature
    return config.getini(_SCOPE)


@pytest.fixture(scope=_scope)
def boooply_sandbox() -> Iterator[Sandbox]:
    """Start a sandbox, and set the ``BOOOPLY_…`` environment variables to its URL and keys.

    Code that reads its settings from the environment uses the sandbox without changes. The sandbox runs in a thread of
    its own, so your tests may use any event loop.
    """
    from boooply.sandbox import Sandbox  # noqa: PLC0415 - loaded only if a test uses it

    with Sandbox() as sandbox, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("BOOOPLY_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", sandbox.platform_key)
        monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)
        monkeypatch.setenv("BOOOPLY_WEBHOOK_SECRET", sandbox.webhook_secret)
        yield sandbox


@pytest.fixture(scope=_scope)
def boooply_webhooks(boooply_sandbox: Sandbox) -> Webhooks:
    """Return the webhooks of the sandbox.

    Set ``url`` to the address of your endpoint, and the sandbox sends its events there. Or pass each item of
    ``requests`` to your endpoint yourself: it has the signed ``body`` and the ``headers``.
    """
    return boooply_sandbox.webhooks


@pytest.fixture(scope=_scope)
def boooply_platform(boooply_sandbox: Sandbox) -> AsyncBoooplyPlatform:
    """Return a platform client of the sandbox. It works in any event loop."""
    from boooply import AsyncBoooplyPlatform  # noqa: PLC0415 - loaded only if a test uses it

    return AsyncBoooplyPlatform(platform_key=boooply_sandbox.platform_key, base_url=boooply_sandbox.base_url)


@pytest.fixture(scope=_scope)
def boooply_client(boooply_sandbox: Sandbox) -> AsyncBoooplyClient:
    """Return a client of the organization that the sandbox starts with. It works in any event loop."""
    from boooply import AsyncBoooplyClient  # noqa: PLC0415 - loaded only if a test uses it

    return AsyncBoooplyClient(api_key=boooply_sandbox.api_key, base_url=boooply_sandbox.base_url)


@pytest.fixture(scope=_scope)
def boooply_blocking_platform(boooply_sandbox: Sandbox) -> Iterator[BoooplyPlatform]:
    """Return a blocking platform client of the sandbox."""
    from boooply import BoooplyPlatform  # noqa: PLC0415 - loaded only if a test uses it

    with BoooplyPlatform(platform_key=boooply_sandbox.platform_key, base_url=boooply_sandbox.base_url) as platform:
        yield platform


@pytest.fixture(scope=_scope)
def boooply_blocking_client(boooply_sandbox: Sandbox) -> Iterator[BoooplyClient]:
    """Return a blocking client of the organization that the sandbox starts with."""
    from boooply import BoooplyClient  # noqa: PLC0415 - loaded only if a test uses it

    with BoooplyClient(api_key=boooply_sandbox.api_key, base_url=boooply_sandbox.base_url) as client:
        yield client
