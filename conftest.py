"""Fixtures of the snippets in README.md and docs/, which ``nox -s docs`` runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from boooply.sandbox import Sandbox


@pytest.fixture
def sandbox_in_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the variables that ``boooply sandbox`` prints."""
    with Sandbox() as sandbox:
        monkeypatch.setenv("BOOOPLY_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", sandbox.platform_key)
        monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)
        monkeypatch.setenv("BOOOPLY_WEBHOOK_SECRET", sandbox.webhook_secret)
        yield


@pytest.fixture
def store_in_environment(sandbox_in_environment: None, store_variables: None) -> None:
    """Set the variables of a sandbox and of a store."""


@pytest.fixture
def store_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables of a store."""
    monkeypatch.setenv("BOOOPLY_STORE_URL", f"sqlite:///{tmp_path}/boooply.db")
    monkeypatch.setenv("BOOOPLY_STORE_KEY", Fernet.generate_key().decode())


@pytest.fixture
def uninstrumented_afterwards() -> Iterator[None]:
    """Remove OpenTelemetry's instrumentation after a snippet."""
    from opentelemetry.instrumentation import aiohttp_client  # noqa: PLC0415 - only the group docs has it

    yield
    aiohttp_client.AioHttpClientInstrumentor().uninstrument()
