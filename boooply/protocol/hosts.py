"""The addresses of the API and of a proxy, and the checks of both."""

import re
import unicodedata
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

import idna

from boooply.errors import ConfigurationError
from boooply.protocol.settings import mistake_in

BASE_URL: Final = "BOOOPLY_BASE_URL"

_FORM: Final = "https://HOST"
_PROXY_FORM: Final = "http://USER:PASSWORD@HOST:PORT"
_NEVER_IN_A_URL: Final = re.compile(r"[\s\\\"<>^`{|}\x00-\x1f\x7f]")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")  # of a host's name; Docker's have underscores
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONGEST_NAME: Final = 253
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_FINAL_DOT: Final = re.compile(r"(?<=[^/])\.(?=(?::\d+)?(?:/|$))")
_PATH: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}|[^%])*")
_STEPS: Final = frozenset({"", ".", ".."})
_NEVER_IN_A_PASSWORD: Final = re.compile(r"[\s\\\[\]\x00-\x1f\x7f]")
_AUTHORITY: Final = re.compile(r"[^/?#]*")


def ascii_host(host: str) -> str | None:
    """Return a host in ASCII and lower case, or None if it is neither a valid name nor a valid address."""
    if ":" in host:
        return host if _is_address(host) else None
    name = host.lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except UnicodeError:  # idna's errors are subclasses
            return None
    labels = name.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):  # not a name; and 1.2.3 is not an address either
        return name if _is_address(name) else None
    is_name = len(name) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, labels))
    return name if is_name else None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether the name or address of a host is that of this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


# ---- the API


def base_url(given: str | None, fallback: str | None, *, allow_insecure: bool) -> str:
    """Return the URL of the API, without a trailing slash: the argument, or else the environment variable's value.

    Raises:
        ConfigurationError: There is none, or it is not https://HOST[:PORT][/PATH]. http must be allowed, except for
            this machine.
    """
    value = fallback if given is None else given
    if value is None or value == "":
        raise ConfigurationError(f"base_url is missing: set {BASE_URL}, or pass base_url=…")
    source = f" ({BASE_URL})" if given is None else ""
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise ConfigurationError(f"base_url must be text, not {type(value).__name__}: pass {_FORM}")
    address, problem = _address_or_problem(value, allow_insecure=allow_insecure)
    if problem is not None:
        raise ConfigurationError(f"base_url {problem}{source}")
    return address


def api_identity(url: str, /) -> str:
    """Return the canonical form of an API's URL.

    It ignores case, a default port, a trailing slash, and a dot after the host.
    """
    address, problem = _address_or_problem(url, allow_insecure=True)
    return url if problem else _FINAL_DOT.sub("", address)


def _address_or_problem(value: str, *, allow_insecure: bool) -> tuple[str, str | None]:
    mistake = mistake_in(value)
    if mistake is None and _NEVER_IN_A_URL.search(value):  # urlsplit drops line breaks, and accepts a \ in a name
        mistake = "contains white space or a character that no URL has: copy it again"
    if mistake is not None:
        return "", mistake
    try:
        parts = urlsplit(value)
        port, name = parts.port, parts.hostname or ""
    except ValueError:
        return "", f"is not a URL: pass {_FORM}"
    host = ascii_host(name)
    problem = _problem(parts, host) or _insecure(parts, allow_insecure=allow_insecure)
    netloc = f"[{host}]" if ":" in name else host
    port = None if port == _DEFAULT_PORTS.get(parts.scheme) else port
    path = quote(parts.path.rstrip("/"), safe="/%~!$&'()*+,;=:@")
    return f"{parts.scheme}://{netloc}{'' if port is None else f':{port}'}{path}", problem


def _problem(parts: SplitResult, host: str | None) -> str | None:
    if parts.username is not None or parts.password is not None:
        return "contains a user name or password: remove it, and pass the key as a separate argument"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return f"must be of the form {_FORM}"
    if host is None or parts.port == 0:
        return f"has an invalid host or port: pass {_FORM}, where HOST is a name or a complete IP address"
    if parts.query or parts.fragment:
        return "must end after the host and the path: remove everything from ? or # on"
    path = parts.path.rstrip("/")
    if not _PATH.fullmatch(path) or not _STEPS.isdisjoint(unquote(path).split("/")[1:]):
        return "has an invalid path: remove empty segments, . and .., and write a literal % as %25"
    return None


def _insecure(parts: SplitResult, *, allow_insecure: bool) -> str | None:
    if parts.scheme == "https" or allow_insecure or is_loopback(parts.hostname or ""):
        return None
    return "uses http, which sends the key unencrypted: use https, or allow_insecure=True in a test network"


# ---- the proxy


def proxy_problem(value: str) -> str | None:
    """Return the problem of a proxy's URL and its remedy, or None. It quotes no part of the URL except the scheme."""
    kind, has_kind, rest = value.rpartition("://") if value.count("://") == 1 else ("", "", value)
    if kind.lower().startswith("socks"):
        return f"names a {kind.lower()[:7]} proxy, which is not supported: use an HTTP or HTTPS proxy"
    authority = _AUTHORITY.match(rest)
    end = authority.end() if authority else 0
    userinfo, _, host_and_port = rest[:end].rpartition("@")
    is_http = not has_kind or kind.lower() in {"http", "https"}
    is_normal = unicodedata.is_normalized("NFKC", rest[:end])  # yarl rejects other characters beside a % sign
    if not is_http or not is_normal or not _is_host_and_port(host_and_port) or _NEVER_IN_A_PASSWORD.search(userinfo):
        return (
            f"must be of the form {_PROXY_FORM}, with a valid host and port. In the user name and password, "
            "percent-encode everything except letters and digits"
        )
    if rest[end:] not in {"", "/"}:
        return "must end after the port. In the user name and password, percent-encode / (%2F), ? (%3F) and # (%23)"
    user, _, password = userinfo.partition(":")
    if ":" in unquote(user) or not _is_latin(unquote(user) + unquote(password)):
        return "has a character in its user name or password that HTTP cannot send: change them at the proxy"
    return None


def _is_host_and_port(value: str) -> bool:
    if _NEVER_IN_A_URL.search(value):
        return False
    try:
        parts = urlsplit(f"//{value}")
        return parts.port != 0 and ascii_host(parts.hostname or "") is not None
    except ValueError:
        return False


def _is_latin(value: str) -> bool:
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return value.isprintable()


def is_bypassed(no_proxy: str, host: str, port: int) -> bool:
    """Return whether ``NO_PROXY`` lists a host.

    Its entries are separated by commas or blanks. An entry is a name (which includes all its subdomains), ``*.name``
    (only the subdomains), an address, a network such as ``10.0.0.0/8``, or ``*``. It may have a port, brackets and a
    trailing dot.
    """
    return any(_names(entry, host.lower().removesuffix("."), port) for entry in no_proxy.replace(",", " ").split())


def _names(entry: str, host: str, port: int) -> bool:
    name, wanted = entry.lower(), ""
    if name.count(":") == 1 or "]:" in name:
        name, _, wanted = name.rpartition(":")
    if wanted not in {"", str(port)}:
        return False
    name = name.replace("[", "").replace("]", "").removesuffix(".")
    try:
        return ip_address(host) in ip_network(name, strict=False)  # a single address counts as a network
    except ValueError:
        pass
    if name.startswith("*"):
        return host.endswith(name[1:])
    name = name.removeprefix(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))
