"""Fixtures for tests of your own integration: a sandbox over real HTTP, clients of it, and its webhooks.

pytest finds them where ``boooply`` is installed; nothing is imported before a test asks for one of them. With
``boooply_fixture_scope = session`` (or module …) in pytest's settings, they last that long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # pytest imports this module in every run of everybody who has boooply installed
    from boooply import AsyncBoooplyClient, AsyncBoooplyPlatform, BoooplyClient, BoooplyPlatform
    from boooply.sandbox import Sandbox, Webhooks


_SCOPE = "boooply_fixture_scope"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting."""
    parser.addini(
        _SCOPE, "scope of boooply's fixtures: function, class, module, package or session", default="function"
    )


def _scope(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ARG001 - pytest's signature
    return config.getini(_SCOPE)


@pytest.fixture(scope=_scope)
def boooply_sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox, from a thread with an event loop of its own, and point the ``BOOOPLY_…`` variables at it.

    So code that reads its settings from the environment talks to the sandbox without changes. It is closed in the loop
    that opened it, whichever loops the tests run in.
    """
    from boooply.sandbox import Sandbox  # noqa: PLC0415 - loaded only where a test asks for it

    with Sandbox() as sandbox, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("BOOOPLY_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", sandbox.platform_key)
        monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)
        monkeypatch.setenv("BOOOPLY_WEBHOOK_SECRET", sandbox.webhook_secret)
        yield sandbox


@pytest.fixture(scope=_scope)
def boooply_webhooks(boooply_sandbox: Sandbox) -> Webhooks:
    """Play the sandbox's events into your application.

    Set ``url`` to where it listens, or hand it each of ``requests`` yourself: ``headers`` and ``body``, signed.
    """
    return boooply_sandbox.webhooks


@pytest.fixture(scope=_scope)
def boooply_platform(boooply_sandbox: Sandbox) -> AsyncBoooplyPlatform:
    """Make a platform that talks to the sandbox, with connections of its own in each event loop."""
    from boooply import AsyncBoooplyPlatform  # noqa: PLC0415 - loaded only where a test asks for it

    return AsyncBoooplyPlatform(platform_key=boooply_sandbox.platform_key, base_url=boooply_sandbox.base_url)


@pytest.fixture(scope=_scope)
def boooply_client(boooply_sandbox: Sandbox) -> AsyncBoooplyClient:
    """Make a client of the sandbox's ready organization, with connections of its own in each event loop."""
    from boooply import AsyncBoooplyClient  # noqa: PLC0415 - loaded only where a test asks for it

    return AsyncBoooplyClient(api_key=boooply_sandbox.api_key, base_url=boooply_sandbox.base_url)


@pytest.fixture(scope=_scope)
def boooply_blocking_platform(boooply_sandbox: Sandbox) -> Iterator[BoooplyPlatform]:
    """Make the blocking flavour of ``boooply_platform``."""
    from boooply import BoooplyPlatform  # noqa: PLC0415 - loaded only where a test asks for it

    with BoooplyPlatform(platform_key=boooply_sandbox.platform_key, base_url=boooply_sandbox.base_url) as platform:
        yield platform


@pytest.fixture(scope=_scope)
def boooply_blocking_client(boooply_sandbox: Sandbox) -> Iterator[BoooplyClient]:
    """Make the blocking flavour of ``boooply_client``."""
    from boooply import BoooplyClient  # noqa: PLC0415 - loaded only where a test asks for it

    with BoooplyClient(api_key=boooply_sandbox.api_key, base_url=boooply_sandbox.base_url) as client:
        yield client
