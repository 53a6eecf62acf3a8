"""What a client shows of itself: its API, its masked key, its operations and its options."""

import inspect
from typing import Any

import pytest

from boooply import AsyncBoooplyClient, AsyncBoooplyPlatform, BoooplyClient, RetryPolicy
from boooply.protocol.endpoints import ENDPOINTS

URL = "https://api.boooply.example"
KEY = "bply_org_0123456789abcdef"
OF_SEVERAL_CALLS = {"iterate", "download_recording", "wait_for_evaluation", "resolve"}


def public(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def test_a_client_shows_its_api_and_its_masked_key() -> None:
    client = AsyncBoooplyClient(api_key=KEY, base_url=URL)
    platform = AsyncBoooplyPlatform(platform_key="bply_platform_0123456789abcdef", base_url=f"{URL}/")

    assert repr(client) == "AsyncBoooplyClient('https://api.boooply.example', api_key='bply_org_…cdef')"
    assert repr(client.with_options(timeout=5)) == repr(client)
    assert repr(platform) == "AsyncBoooplyPlatform('https://api.boooply.example', platform_key='bply_platform_…cdef')"
    assert repr(platform.organization(KEY)) == repr(client)


def test_a_client_whose_constructor_failed_can_be_shown() -> None:
    assert "AsyncBoooplyClient object" in repr(AsyncBoooplyClient.__new__(AsyncBoooplyClient))


@pytest.mark.parametrize("resource", ["interviews", "ai", "organization"])
def test_completion_offers_operations_only(resource: str) -> None:
    operations = {one.operation.partition(".")[2] for one in ENDPOINTS if one.operation.startswith(f"{resource}.")}
    if resource == "interviews":
        operations |= OF_SEVERAL_CALLS

    assert public(getattr(AsyncBoooplyClient(api_key=KEY, base_url=URL), resource)) == operations


def test_completion_offers_nothing_internal() -> None:
    shared = {"base_url", "close", "organization", "rate_limits", "request", "with_options"}

    assert public(AsyncBoooplyClient) == shared | {"ai", "create_organization_api_key", "interviews"}
    assert public(AsyncBoooplyPlatform) == shared | {"create_organization_api_key"}


@pytest.mark.parametrize("function", [AsyncBoooplyClient, AsyncBoooplyPlatform])
def test_every_option_is_listed_with_its_default(function: Any) -> None:
    options = inspect.signature(function).parameters

    options_of_both = "base_url timeout retry rate_limits ssl_context allow_insecure on_response"
    assert list(options)[1:] == options_of_both.split()
    assert (options["timeout"].default, options["retry"].default) == (30.0, RetryPolicy())


class _Traced:
    """What an application adds to a client."""

    trace: str

    def with_trace(self, trace: str) -> Any:
        self.trace = trace
        return self


class _TracedAsync(_Traced, AsyncBoooplyClient):
    pass


class _TracedBlocking(_Traced, BoooplyClient):
    pass


@pytest.mark.parametrize("kind", [_TracedAsync, _TracedBlocking])
def test_a_copy_with_options_keeps_what_a_subclass_has_set(kind: Any) -> None:
    client = kind(api_key=KEY, base_url=URL).with_trace("a request")
    interviews = client.interviews

    copied = client.with_options(timeout=5)

    assert (type(copied), copied.trace) == (kind, "a request")
    assert copied.interviews is not interviews
    assert client.interviews is interviews
    timeouts = [getattr(one, "_original", one)._transport.timeout for one in (client, copied)]
    assert timeouts == [30, 5]
    resources = [getattr(one.interviews, "_original", one.interviews)._transport.timeout for one in (client, copied)]
    assert resources == [30, 5]
