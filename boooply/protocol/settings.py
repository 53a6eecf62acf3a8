"""The checks of settings and keys, for arguments, environment variables and command-line options."""

import re
from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any, Final, TypeGuard

import attrs

from boooply.errors import ConfigurationError
from boooply.secret import PREFIX, Secret, as_secrets, type_if_not_text

# ---- values


@attrs.frozen
class Rule:
    """The rule of a setting: its description, and a function that checks a value."""

    words: str
    is_met: Callable[[object], bool]


def check(name: str, value: object, rule: Rule) -> None:
    """Check the value of a setting.

    Raises:
        ConfigurationError: The value breaks the rule.
    """
    if not rule.is_met(value):
        raise ConfigurationError(f"{name} must be {rule.words}")


def check_all(rules: Mapping[str, Rule], **values: object) -> None:
    """Check several settings by a table of rules.

    Raises:
        ConfigurationError: A value breaks its rule.
    """
    for name, value in values.items():
        check(name, value, rules[name])


def setting(owner: str, rule: Rule) -> Callable[[Any, "attrs.Attribute[Any]", Any], None]:
    """Return the attrs validator that checks a field as a setting of ``owner``."""

    def validate(_instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        check(f"{owner}: {attribute.name}", value, rule)

    return validate


_MOST: Final = 1e9  # over thirty years in seconds; calculations with it do not overflow
_HOUR: Final = 3600.0


def is_number(value: object, *, most: float = _MOST) -> TypeGuard[float]:
    """Return whether a value is a finite number from 0 to ``most``, and not a boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _is_count(value: object) -> bool:
    return isinstance(value, int) and is_number(value) and value > 0


SECONDS: Final = Rule("a number of seconds above zero", lambda value: is_number(value) and value > 0)
TIMEOUT_RULE: Final = Rule(
    "a number of seconds above zero, and at most an hour (3600): the unit is seconds, not milliseconds",
    lambda value: is_number(value, most=_HOUR) and value > 0,
)
PAUSE: Final = Rule("a number of seconds, not below zero", is_number)
COUNT: Final = Rule("a whole number above zero", _is_count)
FLAG: Final = Rule("True or False", lambda value: isinstance(value, bool))
FUNCTION: Final = Rule("a function", callable)


def instance(kind: type, words: str) -> Rule:
    """Return the rule that a setting must be an instance of a class."""
    return Rule(words, lambda value: isinstance(value, kind))


def is_coroutine_function(value: object) -> bool:
    """Return whether a value is defined as a coroutine function."""
    call: object = getattr(value, "__call__", None)  # noqa: B004 - the __call__ of an object may be async
    return iscoroutinefunction(value) or iscoroutinefunction(call)


def optional(rule: Rule, none: str = "None") -> Rule:
    """Return the rule that a setting may also be None. ``none`` is the description of None."""
    return Rule(f"{rule.words}, or {none}", lambda value: value is None or rule.is_met(value))


# ---- keys


@attrs.frozen
class KeyKind:
    """A kind of key: its argument, how to pass it, its environment variable, its prefixes and its purpose."""

    name: str
    argument: str
    passed: str
    variable: str
    prefixes: tuple[str, ...]
    purpose: str


ORGANIZATION: Final = KeyKind(
    "an organization key",
    "api_key",
    "api_key=…",
    "BOOOPLY_API_KEY",
    ("bply_org_", "bply_tenant_", "boooply_tenant_"),
    "AsyncBoooplyClient and BoooplyClient, which read and write one customer's interviews",
)
PLATFORM: Final = KeyKind(
    "a platform key",
    "platform_key",
    "platform_key=…",
    "BOOOPLY_PLATFORM_KEY",
    ("bply_platform_", "boooply_platform_"),
    "AsyncBoooplyPlatform and BoooplyPlatform, which mint organization keys",
)
WEBHOOK: Final = KeyKind(
    "a webhook secret",
    "secret",
    "Webhook(secret)",
    "BOOOPLY_WEBHOOK_SECRET",
    ("whsec_",),
    "Webhook, which verifies the webhooks that Boooply sends to you",
)
_KINDS: Final = (ORGANIZATION, PLATFORM, WEBHOOK)
_SHORTEST_WEBHOOK_SECRET: Final = 16

# Values that look like a mistake, each with the problem and the remedy.
_MISTAKES: Final = (
    (re.compile(r"""^['"`\u2018\u201c]|['"`\u2019\u201d]$"""), "is in quotes: pass it without them"),
    (re.compile(r"(?i)^(?:none|null|undefined|nil)$"), "is a placeholder that was not filled in: set the variable"),
    # ${VAR}, $VAR, {{ var }}, %VAR%, <your secret>
    (re.compile(r"\$\{?\w|\{\{|^%\w+%$|<[\w -]+>"), "is a placeholder that was not filled in: set the variable"),
)
_KEY_MISTAKES: Final = (
    (re.compile(r"[…•●]|\*{3}|\.{3}"), "is a mask, not the key: store the value of reveal(), and pass that value"),
    *_MISTAKES,
    (re.compile(r","), "contains a comma: pass a single key"),
    (re.compile(r"\s"), "contains white space: remove spaces and line breaks"),
    (re.compile(r"[^!-~]"), "contains characters that no key has: copy it again"),
)


def mistake_in(value: str) -> str | None:
    """Return the problem and the remedy if a value is in quotes or is a placeholder, and otherwise None."""
    return next((words for pattern, words in _MISTAKES if pattern.search(value)), None)


def mistake_in_key(value: str) -> str | None:
    """Return the problem and the remedy if a value cannot be a key, and otherwise None. Neither quotes the value."""
    prefix = PREFIX.match(value)
    values = (value, value[prefix.end() :] if prefix else value)
    return next((words for pattern, words in _KEY_MISTAKES if any(map(pattern.search, values))), None)


class MissingKeyError(ConfigurationError):
    """A key is missing or empty.

    Attributes:
        argument: The argument that takes it, such as ``platform_key``.
    """

    def __init__(self, argument: str, remedy: str) -> None:
        super().__init__(f"{argument} is missing: {remedy}")
        self._take_args(argument, remedy)
        self.argument = argument


def key(given: Secret | None, wanted: KeyKind, fallback: Secret | None) -> Secret:
    """Return the key: the argument, or else the environment variable's value.

    Raises:
        ConfigurationError: The key is missing, is of another kind, is a mask, or cannot be sent in a header.
    """
    secret = fallback if given is None else given
    if secret is None or not secret.reveal():
        raise MissingKeyError(wanted.argument, f"set {wanted.variable}, or pass {wanted.passed}")
    problem = _problem(secret, wanted)
    if problem is not None:
        source = f" ({wanted.variable})" if given is None else ""
        raise ConfigurationError(f"{wanted.argument} {problem}{source}")
    return secret


def platform_keys(value: Secret | None) -> tuple[Secret, ...]:
    """Return the platform keys in the value of ``BOOOPLY_PLATFORM_KEY``, which separates them by commas.

    Raises:
        ConfigurationError: There is no key, or one is not a platform key.
    """
    found = as_secrets(None, value.reveal()) if value is not None and "," in value.reveal() else (value,)
    return tuple(key(None, PLATFORM, one) for one in found or (None,))


def _problem(secret: Secret, wanted: KeyKind) -> str | None:
    wrong_type = type_if_not_text(secret)
    if wrong_type is not None:
        return f"must be text or a Secret, not {wrong_type}"
    value = secret.reveal()
    other = next((kind for kind in _KINDS if kind is not wanted and value.startswith(kind.prefixes)), None)
    if other is not None:
        return f"is {other.name}, but must be {wanted.name}. Use {other.name} for {other.purpose}"
    return mistake_in_key(value)


def webhook_secrets(given: tuple[Secret, ...], /) -> tuple[Secret, ...]:
    """Check the secrets of a webhook.

    Raises:
        ConfigurationError: A secret is missing, is too short to prevent forged events, or cannot be a secret.
    """
    for number, secret in enumerate(given or (None,), 1):
        if len(given) > 1 and secret is not None and not secret.reveal():
            raise ConfigurationError(f"webhook secret {number} of {len(given)} is empty: set it, or leave it out")
        if len(key(secret, WEBHOOK, None).reveal().removeprefix("whsec_")) < _SHORTEST_WEBHOOK_SECRET:
            raise ConfigurationError(
                f"the webhook secret is too short: at least {_SHORTEST_WEBHOOK_SECRET} characters must follow its "
                "prefix. Pass the secret that Boooply shows (whsec_…)"
            )
    return given
