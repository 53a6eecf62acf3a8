"""The settings of a client, checked: key, base URL and timeout (contract section 1)."""

import re
from ipaddress import ip_address
from math import inf
from typing import Final
from urllib.parse import SplitResult, urlsplit

import attrs

from boooply.errors import ConfigurationError
from boooply.secret import MASK, Secret


@attrs.frozen
class KeyKind:
    """A kind of key: its argument, its environment variable and its prefixes."""

    name: str
    argument: str
    variable: str
    prefixes: tuple[str, ...]
    purpose: str


ORGANIZATION: Final = KeyKind(
    "an organization key",
    "api_key",
    "BOOOPLY_API_KEY",
    ("bply_org_", "bply_tenant_", "boooply_tenant_"),
    "AsyncBoooplyClient and BoooplyClient, which read and write one customer's interviews",
)
PLATFORM: Final = KeyKind(
    "a platform key",
    "platform_key",
    "BOOOPLY_PLATFORM_KEY",
    ("bply_platform_", "boooply_platform_"),
    "AsyncBoooplyPlatform and BoooplyPlatform, which mint organization keys",
)
WEBHOOK: Final = KeyKind(
    "a webhook secret",
    "secret",
    "BOOOPLY_WEBHOOK_SECRET",
    ("whsec_",),
    "Webhook, which verifies what Boooply posts to you",
)
_SHORTEST_WEBHOOK_SECRET: Final = 16
_NOTHING: Final = {"None", "null", "undefined", "nil"}
_UNFILLED: Final = re.compile(r"\$\{?\w|\{\{|%\w+%|<[\w -]+>")  # ${VAR}, $VAR, {{ var }}, %VAR%, <your secret>
_KINDS: Final = (ORGANIZATION, PLATFORM, WEBHOOK)
BASE_URL: Final = "BOOOPLY_BASE_URL"


def key(given: Secret | None, wanted: KeyKind, fallback: Secret | None) -> Secret:
    """Choose the key: the argument, else the value of the environment variable.

    Raises:
        ConfigurationError: There is none, it is of another kind, it is a mask, or it cannot be sent in a header.
    """
    secret = fallback if given is None else given
    if secret is None or not secret.reveal():
        raise ConfigurationError(f"{wanted.argument} is missing: pass {wanted.argument}=… or set {wanted.variable}")
    problem = _problem(secret.reveal(), wanted)
    if problem is not None:
        raise ConfigurationError(problem)
    return secret


def webhook_secrets(given: tuple[Secret, ...] | str, /) -> tuple[Secret, ...]:
    """Check the secrets of a webhook; a text is the name of a type that cannot be one.

    Raises:
        ConfigurationError: One is missing, too short to prevent forged events, or not a secret at all.
    """
    if isinstance(given, str):
        raise ConfigurationError(f"the webhook secret must be text, a Secret, or a list of them, not {given}")
    for secret in given or (None,):
        problem = _webhook_problem(key(secret, WEBHOOK, None).reveal())
        if problem is not None:
            raise ConfigurationError(f"the webhook secret {problem}. Pass the one that Boooply shows (whsec_…)")
    return given


def _webhook_problem(value: str) -> str | None:
    bare = value.removeprefix("whsec_")
    if bare in _NOTHING or _UNFILLED.search(bare):
        return "looks like a variable that was not filled in"
    if len(bare) < _SHORTEST_WEBHOOK_SECRET:
        return f"is too short: at least {_SHORTEST_WEBHOOK_SECRET} characters must follow its prefix"
    return None


def _problem(value: str, wanted: KeyKind) -> str | None:
    if MASK in value:
        return f"{wanted.argument} is a mask ({MASK} is in it): store what reveal() returns, and pass that"
    if not (value.isascii() and value.isprintable()) or " " in value:
        return f"{wanted.argument} contains white space or characters that no key has: was it copied correctly?"
    for kind in _KINDS:
        if kind is not wanted and value.startswith(kind.prefixes):
            return f"{wanted.argument} is {kind.name}, and must be {wanted.name}; that one is for {kind.purpose}"
    return None


def base_url(given: str | None, fallback: str | None, *, allow_insecure: bool) -> str:
    """Choose the API's address: the argument, else the value of the environment variable, without a trailing slash.

    Raises:
        ConfigurationError: There is none, or it is not https://HOST[:PORT] (http only for loopback, or allowed).
    """
    value = fallback if given is None else given
    if not value:
        raise ConfigurationError(f"base_url is missing: pass base_url=… or set {BASE_URL}")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ConfigurationError("base_url is not a URL: pass https://HOST") from None
    problem = _misplaced(parts) or _insecure(parts, allow_insecure=allow_insecure)
    if problem is not None:
        raise ConfigurationError(f"base_url {problem}")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}"


def seconds(timeout: float) -> float:
    """Check a timeout in seconds.

    Raises:
        ConfigurationError: It is not a number of seconds above zero.
    """
    if not _is_positive(timeout):
        raise ConfigurationError("timeout must be a number of seconds above zero")
    return timeout


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < inf


def _misplaced(parts: SplitResult) -> str | None:
    if parts.username is not None or parts.password is not None:
        return "contains credentials: pass the key as its own argument"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "must be of the form https://HOST"
    if parts.path.strip("/") or parts.query or parts.fragment:
        return f"must end after the host: drop what follows {parts.hostname}"
    return None


def _insecure(parts: SplitResult, *, allow_insecure: bool) -> str | None:
    if parts.scheme == "https" or allow_insecure or is_loopback(parts.hostname or ""):
        return None
    return "is http, which would send the key in the clear: use https, or pass allow_insecure=True for a test network"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by its name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
