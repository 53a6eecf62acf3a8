"""Which key and which API, and what cannot work (contract section 1)."""

from typing import Any

import pytest

from boooply.errors import ConfigurationError
from boooply.protocol.settings import ORGANIZATION, PLATFORM, KeyKind, base_url, key, seconds
from boooply.secret import Secret, as_secret

ORG_KEY = "bply_org_0123456789abcdef"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://api.boooply.com", "https://api.boooply.com"),
        ("https://api.boooply.com/", "https://api.boooply.com"),
        ("https://api.boooply.com:8443", "https://api.boooply.com:8443"),
        ("HTTPS://API.Boooply.com", "https://api.boooply.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://api.localhost", "http://api.localhost"),
    ],
)
def test_a_base_url_that_works(given: str, url: str) -> None:
    assert base_url(given, None, allow_insecure=False) == url


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("http://api.boooply.com", "base_url is http"),
        ("http://192.168.1.1", "base_url is http"),
        ("http://localhost.example.com", "base_url is http"),
        ("https://api.boooply.com/v1", "base_url must end after the host: drop what follows api.boooply.com"),
        ("https://api.boooply.com/?a=1", "base_url must end after the host"),
        ("https://api.boooply.com#a", "base_url must end after the host"),
        ("https://user:pw12345@api.boooply.com", "base_url contains credentials"),
        ("https://user@api.boooply.com", "base_url contains credentials"),
        ("ftp://api.boooply.com", "base_url must be of the form https://HOST"),
        ("api.boooply.com", "base_url must be of the form https://HOST"),
        ("https://", "base_url must be of the form https://HOST"),
        ("https://api.boooply.com:http", "base_url is not a URL"),
        ("https://[::1", "base_url is not a URL"),
        ("", "base_url is missing: pass base_url=… or set BOOOPLY_BASE_URL"),
        (None, "base_url is missing: pass base_url=… or set BOOOPLY_BASE_URL"),
    ],
)
def test_a_base_url_that_cannot_work(given: str | None, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        base_url(given, None, allow_insecure=False)

    assert str(caught.value).startswith(problem)
    assert "pw12345" not in str(caught.value)


def test_http_can_be_allowed_for_a_test_network() -> None:
    assert base_url("http://api.test:80", None, allow_insecure=True) == "http://api.test:80"


def test_the_environment_is_the_second_choice() -> None:
    assert base_url(None, "https://env.example", allow_insecure=False) == "https://env.example"
    assert base_url("https://arg.example", "https://env.example", allow_insecure=False) == "https://arg.example"
    assert key(None, ORGANIZATION, Secret(ORG_KEY)) == Secret(ORG_KEY)
    assert key(Secret("bply_other"), ORGANIZATION, Secret(ORG_KEY)) == Secret("bply_other")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ORGANIZATION, ORG_KEY),
        (ORGANIZATION, "bply_tenant_0123"),
        (ORGANIZATION, "bply_0123"),
        (ORGANIZATION, "boooply_tenant_live_0123"),
        (ORGANIZATION, "whatever-they-think-of-next"),
        (PLATFORM, "bply_platform_0123"),
        (PLATFORM, "boooply_platform_test_0123"),
        (PLATFORM, Secret("bply_platform_0123")),
    ],
)
def test_a_key_of_the_kind_that_is_wanted(kind: KeyKind, value: Any) -> None:
    assert key(as_secret(value), kind, None) == (value if isinstance(value, Secret) else Secret(value))


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        (ORGANIZATION, "bply_platform_0123456789", "api_key is a platform key, and must be an organization key"),
        (ORGANIZATION, "boooply_platform_live_012345", "api_key is a platform key"),
        (PLATFORM, ORG_KEY, "platform_key is an organization key, and must be a platform key"),
        (PLATFORM, "boooply_tenant_test_0123456", "platform_key is an organization key"),
        (ORGANIZATION, None, "api_key is missing: pass api_key=… or set BOOOPLY_API_KEY"),
        (PLATFORM, "", "platform_key is missing: pass platform_key=… or set BOOOPLY_PLATFORM_KEY"),
        (ORGANIZATION, str(Secret(ORG_KEY)), "api_key is a mask"),
        (ORGANIZATION, f"{ORG_KEY}\n", "api_key contains white space"),
        (ORGANIZATION, f" {ORG_KEY}", "api_key contains white space"),
        (ORGANIZATION, "bply_org_\r\nX-Evil: 1", "api_key contains white space"),
        (ORGANIZATION, "bply_org_ключ", "api_key contains white space or characters that no key has"),
    ],
)
def test_a_key_that_cannot_work(kind: KeyKind, value: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        key(as_secret(value), kind, None)

    assert str(caught.value).startswith(problem)
    assert "0123456" not in str(caught.value)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), True, "30", None])
def test_a_timeout_that_cannot_work(timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be a number of seconds above zero"):
        seconds(timeout)
