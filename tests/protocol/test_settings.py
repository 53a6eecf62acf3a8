"""Which key, which values, and what cannot work."""

from typing import Any

import attrs
import pydantic
import pytest

from boooply.errors import ConfigurationError
from boooply.protocol.settings import (
    COUNT,
    ORGANIZATION,
    PLATFORM,
    TIMEOUT_RULE,
    WEBHOOK,
    KeyKind,
    check,
    is_coroutine_function,
    key,
    optional,
    setting,
    webhook_secrets,
)
from boooply.secret import Secret, as_secret, as_secrets

ORG_KEY = "bply_org_0123456789abcdef"


def test_the_environment_is_the_second_choice() -> None:
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
        (ORGANIZATION, "bply_platform_0123456789", "api_key is a platform key, but must be an organization key"),
        (ORGANIZATION, "boooply_platform_live_012345", "api_key is a platform key"),
        (PLATFORM, ORG_KEY, "platform_key is an organization key, but must be a platform key"),
        (PLATFORM, "boooply_tenant_test_0123456", "platform_key is an organization key"),
        (ORGANIZATION, None, "api_key is missing: set BOOOPLY_API_KEY, or pass api_key=…"),
        (PLATFORM, "", "platform_key is missing: set BOOOPLY_PLATFORM_KEY, or pass platform_key=…"),
        (WEBHOOK, None, "secret is missing: set BOOOPLY_WEBHOOK_SECRET, or pass Webhook(secret)"),
        (ORGANIZATION, str(Secret(ORG_KEY)), "api_key is a mask"),
        (ORGANIZATION, f"{ORG_KEY}\n", "api_key contains white space"),
        (ORGANIZATION, f" {ORG_KEY}", "api_key contains white space"),
        (ORGANIZATION, "bply_org_\r\nX-Evil: 1", "api_key contains white space"),
        (ORGANIZATION, f'"{ORG_KEY}"', "api_key is in quotes: pass it without them"),
        (ORGANIZATION, f"'{ORG_KEY}'", "api_key is in quotes"),
        (ORGANIZATION, f"\u201c{ORG_KEY}\u201d", "api_key is in quotes"),
        (ORGANIZATION, f'bply_org_"{ORG_KEY}"', "api_key is in quotes"),
        (ORGANIZATION, "None", "api_key is a placeholder that was not filled in: set the variable"),
        (ORGANIZATION, "null", "api_key is a placeholder that was not filled in"),
        (ORGANIZATION, "bply_org_undefined", "api_key is a placeholder that was not filled in"),
        (ORGANIZATION, "${BOOOPLY_API_KEY}", "api_key is a placeholder that was not filled in"),
        (ORGANIZATION, "$BOOOPLY_API_KEY", "api_key is a placeholder that was not filled in"),
        (ORGANIZATION, "{{ api_key }}", "api_key is a placeholder that was not filled in"),
        (ORGANIZATION, f"{ORG_KEY[:12]} {ORG_KEY[12:]}", "api_key contains white space: remove spaces"),
        (ORGANIZATION, f"{ORG_KEY[:12]}\n{ORG_KEY[12:]}", "api_key contains white space"),
        (ORGANIZATION, f"Bearer {ORG_KEY}", "api_key contains white space"),
        (ORGANIZATION, f"{ORG_KEY},{ORG_KEY}", "api_key contains a comma: pass a single key"),
        (ORGANIZATION, "**********", "api_key is a mask"),
        (ORGANIZATION, "bply_org_***cdef", "api_key is a mask"),
        (ORGANIZATION, ORG_KEY.encode(), "api_key must be text or a Secret, not bytes"),
        (ORGANIZATION, Secret(ORG_KEY.encode()), "api_key must be text or a Secret, not bytes"),  # type: ignore[arg-type]  # as callers without a checker
        (ORGANIZATION, [ORG_KEY], "api_key must be text or a Secret, not list"),
        (ORGANIZATION, 0, "api_key must be text or a Secret, not int"),
        (ORGANIZATION, "bply_org_ключ", "api_key contains characters that no key has"),
    ],
)
def test_a_key_that_cannot_work(kind: KeyKind, value: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        key(as_secret(value), kind, None)

    assert str(caught.value).startswith(problem)
    assert "0123456" not in str(caught.value)


@pytest.mark.parametrize("value", ["bply_org_nonesuch", "bply_org_a-b_c.d", "nullable", "bply_org_0123=="])
def test_a_key_that_only_resembles_a_mistake(value: str) -> None:
    assert key(Secret(value), ORGANIZATION, None).reveal() == value


def test_a_key_from_the_environment_is_named_with_its_variable() -> None:
    with pytest.raises(ConfigurationError, match=r"^api_key is in quotes: .* \(BOOOPLY_API_KEY\)$"):
        key(None, ORGANIZATION, Secret(f'"{ORG_KEY}"'))


def test_an_empty_key_is_missing_whatever_the_environment_has() -> None:
    with pytest.raises(ConfigurationError, match="api_key is missing"):
        key(as_secret(""), ORGANIZATION, Secret(ORG_KEY))


def test_pydantics_secrets_are_text() -> None:
    assert as_secret(pydantic.SecretStr(ORG_KEY)) == Secret(ORG_KEY)
    assert as_secrets([pydantic.SecretStr(ORG_KEY), "other"], None) == (Secret(ORG_KEY), Secret("other"))
    with pytest.raises(ConfigurationError, match="not SecretBytes"):
        key(as_secret(pydantic.SecretBytes(ORG_KEY.encode())), ORGANIZATION, None)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), True, "30", None, 3600.1, 30000, 10**400])
def test_a_timeout_that_cannot_work(timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be a number of seconds above zero"):
        check("timeout", timeout, TIMEOUT_RULE)


@pytest.mark.parametrize("timeout", [0.001, 1, 3600, 3600.0])
def test_a_timeout_of_up_to_an_hour(timeout: float) -> None:
    check("timeout", timeout, TIMEOUT_RULE)


def test_a_timeout_in_milliseconds_names_the_unit() -> None:
    with pytest.raises(ConfigurationError, match=r"at most an hour \(3600\): the unit is seconds, not milliseconds"):
        check("timeout", 30_000, TIMEOUT_RULE)


def test_an_optional_setting_may_be_none_and_otherwise_keeps_its_rule() -> None:
    rule, worded = optional(COUNT), optional(COUNT, "None for no limit")

    assert [rule.is_met(value) for value in (None, 3, 0, "3")] == [True, True, False, False]
    assert rule.words == "a whole number above zero, or None"
    assert worded.words == "a whole number above zero, or None for no limit"


def test_a_field_is_checked_as_a_setting_of_its_owner() -> None:
    @attrs.frozen
    class Plan:
        steps: int = attrs.field(validator=setting("plan", COUNT))

    assert Plan(3).steps == 3
    with pytest.raises(ConfigurationError) as caught:
        Plan(0)
    assert str(caught.value) == "plan: steps must be a whole number above zero"


async def coroutine_function() -> None: ...


def function() -> None: ...


class AsyncCallable:
    async def __call__(self) -> None: ...


class PlainCallable:
    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    ("value", "is_async"),
    [
        (coroutine_function, True),
        (AsyncCallable(), True),
        (AsyncCallable().__call__, True),
        (function, False),
        (PlainCallable(), False),
        (None, False),
        (7, False),
    ],
)
def test_a_coroutine_function_is_a_function_or_an_object_with_an_async_call(value: object, is_async: bool) -> None:
    assert is_coroutine_function(value) is is_async


@pytest.mark.parametrize("secret", ["whsec_0123456789abcde", "0123456789abcde"])
def test_a_short_webhook_secret_is_rejected_with_the_remedy(secret: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        webhook_secrets((Secret("whsec_0123456789abcdef"), Secret(secret)))

    assert str(caught.value) == (
        "the webhook secret is too short: at least 16 characters must follow its prefix. "
        "Pass the secret that Boooply shows (whsec_…)"
    )
