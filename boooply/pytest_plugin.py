"""Pytest fixtures for tests of your integration: a sandbox, its clients and its webhooks.

pytest finds the fixtures where ``boooply`` is installed, and imports the package only for tests that use one. By
default each test gets new ones. The setting ``boooply_fixture_scope = session`` (or module …) keeps them longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # pytest imports this module in every run where boooply is installed
    from boooply import AsyncBoooplyClient, AsyncBoooplyPlatform, BoooplyClient, BoooplyPlatform
    from boooply.sandbox import Sandbox, Webhooks


_SCOPE = "boooply_fixture_scope"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting of the scope."""
    parser.addini(
        _SCOPE, "scope of boooply's fixtures: function, class, module, package or session", default="function"
    )


def _scope(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ARG001 - pytest's signature
    return config.getini(_SCOPE)


@pytest.fixture(scope=_scope)
def boooply_sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox in a separate thread, and set the ``BOOOPLY_…`` environment variables to its address and keys.

    Code that reads its settings from the environment uses the sandbox without changes. Tests can run in any event loop.
    """
    from boooply.sandbox import Sandbox  # noqa: PLC0415 - loaded only for tests that use it

    with Sandbox() as sandbox, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("BOOOPLY_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", sandbox.platform_key)
        monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)
        monkeypatch.setenv("BOOOPLY_WEBHOOK_SECRET", sandbox.webhook_secret)
        yield sandbox


@pytest.fixture(scope=_scope)
def boooply_webhooks(boooply_sandbox: Sandbox) -> Webhooks:
    """Return the webhooks of the sandbox, for your application.

    Set ``url`` to your endpoint, or pass the signed ``headers`` and ``body`` of each item of ``requests`` to your
    application.
    """
    return boooply_sandbox.webhooks


@pytest.fixture(scope=_scope)
def boooply_platform(boooply_sandbox: Sandbox) -> AsyncBoooplyPlatform:
    """Return an async platform client of the sandbox, with separate connections in each event loop."""
    from boooply import AsyncBoooplyPlatform  # noqa: PLC0415 - loaded only for tests that use it

    return AsyncBoooplyPlatform(platform_key=boooply_sandbox.platform_key, base_url=boooply_sandbox.base_url)


@pytest.fixture(scope=_scope)
def boooply_client(boooply_sandbox: Sandbox) -> AsyncBoooplyClient:
    """Return an async client of the sandbox's first organization, with separate connections in each event loop."""
    from boooply import AsyncBoooplyClient  # noqa: PLC0415 - loaded only for tests that use it

    return AsyncBoooplyClient(api_key=boooply_sandbox.api_key, base_url=boooply_sandbox.base_url)


@pytest.fixture(scope=_scope)
def boooply_blocking_platform(boooply_sandbox: Sandbox) -> Iterator[BoooplyPlatform]:
    """Return the blocking flavour of ``boooply_platform``."""
    from boooply import BoooplyPlatform  # noqa: PLC0415 - loaded only for tests that use it

    with BoooplyPlatform(platform_key=boooply_sandbox.platform_key, base_url=boooply_sandbox.base_url) as platform:
        yield platform


@pytest.fixture(scope=_scope)
def boooply_blocking_client(boooply_sandbox: Sandbox) -> Iterator[BoooplyClient]:
    """Return the blocking flavour of ``boooply_client``."""
    from boooply import BoooplyClient  # noqa: PLC0415 - loaded only for tests that use it

    with BoooplyClient(api_key=boooply_sandbox.api_key, base_url=boooply_sandbox.base_url) as client:
        yield client
