"""Every constructor checks its settings, names the wrong one, and shows no key."""

import ssl
from collections.abc import Callable
from traceback import walk_tb
from typing import Any

import pydantic
import pytest

from boooply import (
    AsyncBoooplyClient,
    AsyncBoooplyPlatform,
    AsyncTenants,
    BoooplyClient,
    BoooplyPlatform,
    ConfigurationError,
    NotFoundError,
    RateLimits,
    RetryPolicy,
    Secret,
    Tenant,
)
from boooply.client import transport_of
from boooply.integrations.fastapi import Boooply
from boooply.sandbox import Sandbox
from boooply.store import AsyncDeduplicator, AsyncStore
from boooply.webhooks import Webhook

HIDDEN = "0123456789abcdef"
URL = "http://127.0.0.1:1"
ACME = Tenant(user_id="1", user_email="a@b.example", organization_id="org_1")


def async_client(**options: Any) -> object:
    return AsyncBoooplyClient(**{"api_key": f"bply_org_{HIDDEN}", "base_url": URL} | options)


def client(**options: Any) -> object:
    return BoooplyClient(**{"api_key": f"bply_org_{HIDDEN}", "base_url": URL} | options)


def async_platform(**options: Any) -> object:
    return AsyncBoooplyPlatform(**{"platform_key": f"bply_platform_{HIDDEN}", "base_url": URL} | options)


def platform(**options: Any) -> object:
    return BoooplyPlatform(**{"platform_key": f"bply_platform_{HIDDEN}", "base_url": URL} | options)


def mint(**options: Any) -> object:
    options = {"platform_key": f"bply_platform_{HIDDEN}", "base_url": URL} | options
    return BoooplyClient.create_organization_api_key(ACME, **options)


@pytest.mark.parametrize("make", [async_client, client, async_platform, platform, mint])
@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ({"ssl_context": False}, "ssl_context must be an ssl.SSLContext, such as"),
        ({"ssl_context": True}, "ssl_context must be an ssl.SSLContext, such as"),
        ({"ssl_context": "ca.pem"}, "ssl_context must be an ssl.SSLContext, such as"),
        ({"retry": None}, "retry must be a RetryPolicy, such as RetryPolicy(attempts=3)"),
        ({"retry": 3}, "retry must be a RetryPolicy"),
        ({"rate_limits": 10}, "rate_limits must be a RateLimits, such as RateLimits(reads=100), or None for no limits"),
        ({"rate_limits": False}, "rate_limits must be a RateLimits"),
        ({"allow_insecure": "false"}, "allow_insecure must be True or False"),
        ({"allow_insecure": None}, "allow_insecure must be True or False"),
        ({"timeout": 30_000}, "timeout must be a number of seconds above zero, and at most an hour (3600)"),
        ({"timeout": True}, "timeout must be a number of seconds"),
        ({"base_url": b"https://h"}, "base_url must be text, not bytes"),
    ],
)
def test_a_setting_of_the_wrong_type_is_named(
    make: Callable[..., object], option: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make(**option)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("kind", [AsyncBoooplyClient, BoooplyClient, AsyncBoooplyPlatform, BoooplyPlatform])
@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (HIDDEN.encode(), "must be text or a Secret, not bytes"),
        (bytearray(HIDDEN.encode()), "must be text or a Secret, not bytearray"),
        ([HIDDEN], "must be text or a Secret, not list"),
        (Secret(HIDDEN.encode()), "must be text or a Secret, not bytes"),  # type: ignore[arg-type]  # as callers without a checker
        (f'"{HIDDEN}"', "is in quotes"),
        ("", "is missing"),
    ],
)
def test_no_frame_shows_a_key_that_is_rejected(
    kind: type, key: Any, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    argument = "api_key" if "Client" in kind.__name__ else "platform_key"
    monkeypatch.setenv(f"BOOOPLY_{argument.upper()}", f"bply_{HIDDEN}")
    with pytest.raises(ConfigurationError) as caught:
        kind(**{argument: key}, base_url=URL)
    assert str(caught.value).startswith(f"{argument} {problem}")
    frames = [frame.f_locals for frame, _ in walk_tb(caught.value.__traceback__)][1:]  # the first is this test
    assert frames
    assert HIDDEN not in repr([list(names.values()) for names in frames])


async def test_the_settings_that_work() -> None:
    options: dict[str, Any] = {"ssl_context": ssl.create_default_context(), "rate_limits": None, "timeout": 3600}
    key: Any = pydantic.SecretStr(f"bply_org_{HIDDEN}")
    async with AsyncBoooplyClient(api_key=key, base_url="https://gateway.example/eu/", **options) as made:
        assert transport_of(made).key == Secret(f"bply_org_{HIDDEN}")
        assert made.rate_limits == {}
        assert made.base_url == "https://gateway.example/eu"


@pytest.mark.parametrize(
    ("option", "problem"),
    [({"retry": 3}, "retry must"), ({"timeout": 30_000}, "timeout must"), ({"timeout": False}, "timeout must")],
)
def test_the_options_of_a_copy_are_checked_too(option: dict[str, Any], problem: str) -> None:
    with BoooplyClient(api_key="bply_x", base_url=URL) as made, pytest.raises(ConfigurationError, match=problem):
        made.with_options(**option)


async def test_the_path_of_the_base_url_is_part_of_each_request(sandbox: Sandbox) -> None:
    base_url = f"{sandbox.base_url}/gateway"
    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=base_url) as made:
        with pytest.raises(NotFoundError):
            await made.organization.get()
    assert [call.path for call in sandbox.calls] == ["/gateway/api/integration/organization"]


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ({"attempts": "3"}, "retry: attempts must be a whole number above zero"),
        ({"attempts": 1.5}, "retry: attempts must be a whole number above zero"),
        ({"attempts": None}, "retry: attempts must be a whole number above zero"),
        ({"deadline": float("inf")}, "retry: deadline must be a number of seconds above zero, or None"),
        ({"deadline": "10"}, "retry: deadline must be a number of seconds above zero, or None"),
        ({"deadline": True}, "retry: deadline must be a number of seconds above zero, or None"),
        ({"backoff": float("inf")}, "retry: backoff must be a number of seconds, not below zero"),
        ({"backoff": float("nan")}, "retry: backoff must be a number of seconds, not below zero"),
        ({"backoff": False}, "retry: backoff must be a number of seconds, not below zero"),
        ({"backoff": None}, "retry: backoff must be a number of seconds, not below zero"),
    ],
)
def test_a_retry_policy_of_wrong_types(option: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RetryPolicy(**option)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ({"reads": "3"}, "rate limits: reads must be a whole number above zero"),
        ({"writes": 10**400}, "rate limits: writes must be a whole number above zero"),
        ({"ai": 2.0}, "rate limits: ai must be a whole number above zero"),
        ({"window": float("inf")}, "rate limits: window must be a number of seconds above zero"),
        ({"window": float("nan")}, "rate limits: window must be a number of seconds above zero"),
        ({"window": "60"}, "rate limits: window must be a number of seconds above zero"),
        ({"window": True}, "rate limits: window must be a number of seconds above zero"),
        ({"scope": "Key"}, 'rate limits: scope must be "key" or "pool"'),
        ({"scope": None}, 'rate limits: scope must be "key" or "pool"'),
        ({"shared": "sqlite:///boooply.db"}, "rate limits: shared must be an open store, or None"),
    ],
)
def test_rate_limits_of_wrong_types(option: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RateLimits(**option)
    assert str(caught.value) == problem


@pytest.mark.parametrize("max_age", ["5", float("inf"), float("nan"), True, 10**30])
def test_a_webhooks_age_of_the_wrong_type(max_age: Any) -> None:
    with pytest.raises(
        ConfigurationError, match="max_age must be a number of seconds above zero, or None for no limit"
    ):
        Webhook("whsec_0123456789abcdef", max_age=max_age)


def test_a_webhooks_clock_and_secrets_of_pydantic() -> None:
    secret: Any = pydantic.SecretStr("whsec_0123456789abcdef")
    Webhook([secret, "whsec_fedcba9876543210"])
    with pytest.raises(ConfigurationError, match="clock must be a function"):
        Webhook(secret, clock=7)  # type: ignore[arg-type]  # as callers without a checker


async def test_what_is_built_over_a_store_is_checked_too(store: AsyncStore) -> None:
    wrong: Any = "5"
    with pytest.raises(ConfigurationError, match="lease must be a number of seconds above zero"):
        AsyncDeduplicator(lease=wrong)
    async with AsyncBoooplyPlatform(platform_key="bply_platform_x", base_url=URL) as made:
        with pytest.raises(ConfigurationError, match="max_age must be a number of seconds"):
            AsyncTenants(made, store, max_age=wrong)
        with pytest.raises(ConfigurationError, match="verify must be True or False"):
            AsyncTenants(made, store, verify=wrong)
        with pytest.raises(ConfigurationError, match="store must be an AsyncStore that is open"):
            AsyncTenants(made, wrong)


def test_an_application_is_given_functions() -> None:
    webhook: Any = Webhook("whsec_0123456789abcdef")
    with pytest.raises(ConfigurationError, match="webhook must be a function that creates the webhook"):
        Boooply(webhook=webhook)
