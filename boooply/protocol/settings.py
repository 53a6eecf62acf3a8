"""What a setting must be, and the keys (contract section 1): one check for arguments, variables and options alike."""

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
    """What a setting must be, in words, and the test of a value."""

    words: str
    is_met: Callable[[object], bool]


def check(name: str, value: object, rule: Rule) -> None:
    """Check the value of a setting.

    Raises:
        ConfigurationError: It breaks the rule.
    """
    if not rule.is_met(value):
        raise ConfigurationError(f"{name} must be {rule.words}")


def check_all(rules: Mapping[str, Rule], **values: object) -> None:
    """Check several settings by a table of rules.

    Raises:
        ConfigurationError: One breaks its rule.
    """
    for name, value in values.items():
        check(name, value, rules[name])


def setting(owner: str, rule: Rule) -> Callable[[Any, "attrs.Attribute[Any]", Any], None]:
    """Return the attrs validator that checks a field as a setting of ``owner``."""

    def validate(_instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        check(f"{owner}: {attribute.name}", value, rule)

    return validate


_MOST: Final = 1e9  # as seconds over thirty years: no computation with it overflows
_HOUR: Final = 3600.0


def is_number(value: object, *, most: float = _MOST) -> TypeGuard[float]:
    """Return whether it is a number from 0 to ``most``: neither a boolean, nor infinite."""
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
    """Return the rule that a setting is an object of a class."""
    return Rule(words, lambda value: isinstance(value, kind))


def is_coroutine_function(value: object) -> bool:
    """Return whether calling it returns a coroutine, as far as its definition shows."""
    call: object = getattr(value, "__call__", None)  # noqa: B004 - an object may have an async one
    return iscoroutinefunction(value) or iscoroutinefunction(call)


def optional(rule: Rule, none: str = "None") -> Rule:
    """Return the rule that a setting may also be None, and say what ``none`` means."""
    return Rule(f"{rule.words}, or {none}", lambda value: value is None or rule.is_met(value))


# ---- keys


@attrs.frozen
class KeyKind:
    """A kind of key: its argument and how that is passed, its environment variable and its prefixes."""

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
    "Webhook, which verifies what Boooply posts to you",
)
_KINDS: Final = (ORGANIZATION, PLATFORM, WEBHOOK)
_SHORTEST_WEBHOOK_SECRET: Final = 16

# What a value looks like that cannot be the one that was meant, and what to do about it.
_MISTAKES: Final = (
    (re.compile(r"""^['"`\u2018\u201c]|['"`\u2019\u201d]$"""), "is in quotes: pass it without them"),
    (re.compile(r"(?i)^(?:none|null|undefined|nil)$"), "is a variable that was not filled in: set that variable"),
    # ${VAR}, $VAR, {{ var }}, %VAR%, <your secret>
    (re.compile(r"\$\{?\w|\{\{|^%\w+%$|<[\w -]+>"), "is a variable that was not filled in: set that variable"),
)
_KEY_MISTAKES: Final = (
    (re.compile(r"[…•●]|\*{3}|\.{3}"), "is a mask, not the key itself: store what reveal() returns, and pass that"),
    *_MISTAKES,
    (re.compile(r","), "contains a comma, and must be one key"),
    (re.compile(r"\s"), "contains white space: pass it without blanks and line breaks"),
    (re.compile(r"[^!-~]"), "contains characters that no key has: was it copied correctly?"),
)


def mistake_in(value: str) -> str | None:
    """Return what a value looks like if it is in quotes or was never filled in, and the remedy."""
    return next((words for pattern, words in _MISTAKES if pattern.search(value)), None)


def mistake_in_key(value: str) -> str | None:
    """Return what a value looks like that cannot be a key, and the remedy; nothing of the value itself."""
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
    """Choose the key: the argument, else the value of the environment variable.

    Raises:
        ConfigurationError: There is none, it is of another kind, it is a mask, or it cannot be sent in a header.
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
    """Read the value of ``BOOOPLY_PLATFORM_KEY``: one platform key, or several with commas between them.

    Raises:
        ConfigurationError: There is none, or one cannot be a platform key.
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
        return f"is {other.name}, and must be {wanted.name}; that one is for {other.purpose}"
    return mistake_in_key(value)


def webhook_secrets(given: tuple[Secret, ...], /) -> tuple[Secret, ...]:
    """Check the secrets of a webhook.

    Raises:
        ConfigurationError: One is missing, too short to prevent forged events, or not a secret at all.
    """
    for secret in given or (None,):
        if len(key(secret, WEBHOOK, None).reveal().removeprefix("whsec_")) < _SHORTEST_WEBHOOK_SECRET:
            raise ConfigurationError(
                f"the webhook secret is too short: at least {_SHORTEST_WEBHOOK_SECRET} characters must follow its "
                "prefix. Pass the one that Boooply shows (whsec_…)"
            )
    return given
