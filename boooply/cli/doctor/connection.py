"""Checks of the connection and of the key: what lies between this machine and the API."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from boooply.cli.doctor.findings import Finding, Observed, Reading, differs, failed, is_code, not_checked, passed
from boooply.cli.terminal import in_words_of_the_command
from boooply.errors import APIConnectionError, APIStatusError, cause_text
from boooply.models import Organization
from boooply.protocol.header_values import http_date
from boooply.protocol.hosts import is_loopback
from boooply.protocol.messages import is_page

PLATFORM_KEY_ONLY: Final = "a platform key only mints keys, and reads nothing: it is never sent"
NO_RESPONSE: Final = "there was no usable response"
STORE: Final = "the store"

_VENDOR: Final = "boooply.com"
_NEVER_EXISTED: Final = "api.meetings.boooply.com"
_LAST_DAYS: Final = 14
_DAY: Final = 86_400
_MOST_SKEW: Final = 5.0
_OLD_TLS: Final = frozenset({"SSLv3", "TLSv1", "TLSv1.1"})
_SERVER_ERRORS: Final = range(500, 600)
_REDIRECTS: Final = range(300, 400)
_OK: Final = 200
REFUSED: Final = frozenset({401, 403})
_PLANS: Final = frozenset({"free", "starter", "growth", "scale", "custom"})
_ROUNDS: Final = 200_000
# Any other issuer may name a company: the one that inspects TLS on the way, or whose gateway it is.
_PUBLIC_AUTHORITIES: Final = (
    "Amazon",
    "Buypass",
    "Certainly",
    "Certum",
    "Cloudflare",
    "DigiCert",
    "Entrust",
    "GlobalSign",
    "GoDaddy",
    "Google Trust Services",
    "IdenTrust",
    "Internet Security Research Group",
    "Let's Encrypt",
    "Microsoft",
    "QuoVadis",
    "SSL Corp",
    "Sectigo",
    "SwissSign",
    "ZeroSSL",
)


# ---- the way to the API


def base_url(observed: Observed) -> Finding:
    """Find whether the address is one of the vendor's; the name of any other host is private."""
    parts = urlsplit(observed.settings.base_url)
    host = parts.hostname or ""
    path = " with a path" if parts.path else ""
    if host == _NEVER_EXISTED:
        return failed(f"{host}, which never existed", f"set BOOOPLY_BASE_URL to https://api.{_VENDOR}")
    if host == _VENDOR or host.endswith(f".{_VENDOR}"):
        return passed(f"{parts.scheme}://{host}{path}")
    if is_loopback(host):
        return passed(f"{parts.scheme}, on this machine{path}: a sandbox or a tunnel")
    return passed(f"{parts.scheme}, a host outside {_VENDOR}{path}; its name is left out")


def reachable(observed: Observed) -> Finding:
    """Find whether every request got a response that is not a server's failure."""
    for reading in observed.readings:
        error = reading.error
        if reading.exchange.response is None:
            reason = _reason(error)
            return failed(f"{reading.endpoint.operation}: {reason}", _remedy(reason, observed.settings.proxy))
        if reading.status in _SERVER_ERRORS:
            return failed(f"{reading.endpoint.operation}: HTTP {reading.status}", "try again later")
    return passed("every request got a response")


def _reason(error: object) -> str:
    if not isinstance(error, APIConnectionError):
        return "no complete response"
    _, reason, *_ = error.args  # of our own words alone
    cause = cause_text(error.cause_name, error.errno)
    if not isinstance(reason, str):
        return "no response in time"
    return in_words_of_the_command(reason) + (f" ({cause})" if cause else "")


def _remedy(reason: str, proxy: str | None) -> str:
    if "proxy" in reason:
        return f"check the proxy from {proxy}"
    if "certificate" in reason:
        return "trust your network's authority by SSL_CERT_FILE, or correct BOOOPLY_BASE_URL"
    if "BOOOPLY_BASE_URL" in reason or "refuses" in reason:
        return "correct BOOOPLY_BASE_URL"
    return "try again; if that fails too, check BOOOPLY_BASE_URL and your firewall"


def tls(observed: Observed) -> Finding:
    """Find the version of TLS, and whose certificate the host has."""
    found = observed.keyless.exchange.tls
    if observed.settings.base_url.startswith("http://"):
        return not_checked("the address is http: nothing is encrypted")
    if found is None:
        return not_checked("there was no connection")
    if found.version in _OLD_TLS:
        return differs(f"{found.version}: at least TLSv1.2 is expected")
    if found.expires_at is None:
        return passed(f"{found.version}, a certificate without an end")
    until = datetime.fromtimestamp(found.expires_at, UTC).date().isoformat()
    text = f"{found.version}, issued by {_authority(found.issuer)}, valid until {until}"
    return differs(f"{text}, which is soon") if found.expires_at - observed.now < _LAST_DAYS * _DAY else passed(text)


def _authority(issuer: str | None) -> str:
    known = (one for one in _PUBLIC_AUTHORITIES if issuer is not None and issuer.startswith(one))
    return next(known, "an authority of your own or your network's")


def clock(observed: Observed) -> Finding:
    """Find how far this machine's clock is from the API's; each response bounds it from both sides."""
    bounds: list[tuple[float, float]] = []
    for exchange in (reading.exchange for reading in observed.readings):
        date = None if exchange.response is None else http_date(exchange.response.headers.get("Date"))
        if date is not None:  # cut to whole seconds, and written between sending and receiving
            bounds.append((date - exchange.sent_at - exchange.seconds, date + 1 - exchange.sent_at))
    if not bounds:
        return not_checked("no response has the header Date")
    least, most = max(least for least, _ in bounds), min(most for _, most in bounds)
    if least <= _MOST_SKEW and most >= -_MOST_SKEW:
        return passed(f"within {_MOST_SKEW:g} s of the API's")
    seconds = least if least > 0 else most
    side = "behind" if seconds > 0 else "ahead of"
    return failed(f"this machine is about {abs(seconds):,.0f} s {side} the API", "set this machine's clock")


def proxy(observed: Observed) -> Finding:
    """Find whether a proxy is in use, and where it comes from."""
    source = observed.settings.proxy
    return passed("none" if source is None else f"one, from {source}; its address is left out")


def authorities(observed: Observed) -> Finding:
    """Find where the trusted certificate authorities come from."""
    return passed(observed.settings.authorities)


def json_responses(observed: Observed) -> Finding:
    """Find whether every response is JSON: neither a page of HTML nor a redirect."""
    wrong: list[str] = []
    for reading in observed.readings:
        response = reading.exchange.response
        if response is not None and reading.payload is None:
            kind = "HTML" if is_page(response) else "no JSON object"
            kind = "a redirect" if response.status in _REDIRECTS else kind
            wrong.append(f"{reading.endpoint.operation}: HTTP {response.status}, {kind}")
    if wrong:
        return differs("some are not: is BOOOPLY_BASE_URL the API's own address?", wrong)
    if all(reading.exchange.response is None for reading in observed.readings):
        return not_checked("there was no response")
    return passed("every response is JSON")


def error_form(observed: Observed) -> Finding:
    """Find the form of an error: the response to a call without a key."""
    reading = observed.keyless
    if reading.exchange.response is None or reading.status in _SERVER_ERRORS:
        return not_checked("there was no response")
    if reading.status not in REFUSED:
        return differs(f"to the call without a key: HTTP {reading.status}, where 401 is expected")
    if reading.payload is None:
        return differs(f"to the call without a key: HTTP {reading.status}, but not JSON")
    missing = [name for name in ("success", "error") if name not in reading.payload]
    code = reading.payload.get("code")
    shown = code if isinstance(code, str) and is_code(code) else "of another form"
    shown = "no code" if code is None else f"code {shown}"
    text = f"to the call without a key: HTTP {reading.status}, {shown}"
    return differs(f"{text}, without {' and '.join(missing)}") if missing else passed(f"{text}, as expected")


# ---- the key


def key_kind(observed: Observed) -> Finding:
    """Find the kind of key, by what it begins with, where it comes from, and which other key is set."""
    settings = observed.settings
    unchecked = settings.unchecked_key
    also = f"; {unchecked} is set too, and not checked: a platform key reads nothing" if unchecked else ""
    if not settings.key_prefix:
        used = f"used as {settings.key_kind}, from {settings.key_source}"
        return differs(f"{used}, but it begins with no known prefix{also}")
    return passed(f"{settings.key_kind}, {settings.key_prefix}, from {settings.key_source}{also}")


def key_accepted(observed: Observed) -> Finding:
    """Find whether the API accepts the key."""
    reading = observed.organization
    if reading is None:
        return _without_call(observed)
    if reading.status in REFUSED:
        code = reading.error.code if isinstance(reading.error, APIStatusError) else None
        shown = f" {code}" if code and is_code(code) else ""
        return failed(f"the API refuses it: HTTP {reading.status}{shown}", _another_key(observed))
    if reading.payload is None or reading.status != _OK:
        return not_checked(NO_RESPONSE)
    return passed("the API accepts it")


def _another_key(observed: Observed) -> str:
    source = observed.settings.key_source
    if source == STORE:
        return "run boooply tenants reconnect ID, which mints another key"
    return f"copy the key into {source} again, or ask for another one"


def organization(observed: Observed) -> Finding:
    """Find whether the key belongs to the organization that is expected."""
    found = _organization(observed)
    if isinstance(found, Finding):
        return found
    ids = [one for one in (found.external_org_id, found.id) if one]
    expected = observed.settings.expected
    if not ids:
        return differs("the response has no id of it")
    if expected is None:
        return passed(f"the digest of its id is {digest(ids[0])}; --expect ID compares it with yours")
    if expected in ids:
        return passed("the one expected")
    return failed("the key belongs to another organization than expected", _right_key(observed))


def _right_key(observed: Observed) -> str:
    source = observed.settings.key_source
    return "run boooply tenants reconnect ID" if source == STORE else f"set {source} to the key of the one expected"


def plan(observed: Observed) -> Finding:
    """Find the plan, if it is one of those that the vendor names, or looks like a name of one."""
    found = _organization(observed)
    if isinstance(found, Finding):
        return found
    if found.plan is None:
        return differs("the response has none")
    if found.plan.casefold() in _PLANS:
        return passed(found.plan)
    return differs(f"{found.plan if is_code(found.plan) else 'one that is left out'}, which is not documented")


def digest(identity: str) -> str:
    """Return six hexadecimal digits of a slow digest, to compare two reports by.

    Ids are often numbers in a row. So the digest is slow and short: many ids share it, and none can be found from it.
    """
    slow = hashlib.pbkdf2_hmac("sha256", identity.encode("utf-8", "replace"), b"boooply doctor", _ROUNDS)
    return slow.hex()[:6]


def _organization(observed: Observed) -> Organization | Finding:
    reading: Reading | None = observed.organization
    if reading is None:
        return _without_call(observed)
    result = reading.result
    return result if isinstance(result, Organization) else not_checked(NO_RESPONSE)


def _without_call(observed: Observed) -> Finding:
    needed = observed.settings.has_organization_key
    return not_checked("there was no connection" if needed else PLATFORM_KEY_ONLY)
