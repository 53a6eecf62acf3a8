"""``boooply doctor``: a report on at most five reads."""

from __future__ import annotations

import json
import os
import ssl
import time
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from cyclopts import Parameter

from boooply.cli.doctor.checks import examine, exit_code
from boooply.cli.doctor.connection import REFUSED, STORE
from boooply.cli.doctor.findings import EXPECTED_SIZE, Observed, Reading, Settings
from boooply.cli.doctor.view import as_json, report
from boooply.cli.existing_store import open_existing
from boooply.cli.terminal import Json, StoreUrl, console, write_line
from boooply.client import AsyncBoooplyClient, Connection, transport_of
from boooply.errors import ConfigurationError
from boooply.models import Interview, Page, SessionStatus
from boooply.models.interviews import InterviewQuery
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.endpoints import GET_EVALUATION, GET_INTERVIEW, GET_ORGANIZATION, LIST_INTERVIEWS, Endpoint
from boooply.protocol.settings import ORGANIZATION, PLATFORM
from boooply.secret import PREFIX, Secret
from boooply.transport.probing import probe

_TIMEOUT: Final = 15.0
_SERVER_ERROR: Final = 500

_Expect = Annotated[str | None, Parameter(name="--expect", metavar="ID")]
_Customer = Annotated[str | None, Parameter(name="--customer", metavar="ID")]


async def doctor(
    *, expect: _Expect = None, customer: _Customer = None, store: StoreUrl = None, as_json_: Json = False
) -> int:
    """Check the settings, the key and the API's responses.

    Args:
        expect: Check that the key belongs to the customer with this ID.
        customer: Check the key that the store has for the customer with this ID.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
        as_json_: Print one JSON object.

    Returns:
        The exit code: 0, 1 or 4.
    """
    if store is not None and customer is None:
        raise ConfigurationError("--store needs --customer: add it, or leave out --store")
    key = None if customer is None else await _stored_key(customer, store)
    async with _connection(key) as connection:
        observed = await _observe(connection, expect or customer, key_source=_source(key))
    findings, requests = examine(observed), len(observed.readings)
    if as_json_:
        write_line(json.dumps(as_json(findings, requests)))
    else:
        console().print(report(findings, requests))
    return exit_code(findings)


async def _stored_key(organization_id: str, store: str | None) -> Secret:
    async with open_existing(store) as opened:
        return await opened.keys.get(organization_id)


def _connection(key: Secret | None) -> Connection:
    """Return a client with the organization key, or a platform if only a platform key is set.

    Raises:
        ConfigurationError: No key is set, or a setting cannot be used.
    """
    if key is not None or os.environ.get(ORGANIZATION.variable):
        return AsyncBoooplyClient(api_key=key)
    if os.environ.get(PLATFORM.variable):
        return AsyncBoooplyPlatform()
    raise ConfigurationError(
        f"there is no key to check: set {ORGANIZATION.variable} to an organization key, or use --customer ID to check "
        f"a key in the store. If you set only {PLATFORM.variable}, the command checks the connection and reads nothing"
    )


def _source(key: Secret | None) -> str:
    if key is not None:
        return STORE
    return (ORGANIZATION if os.environ.get(ORGANIZATION.variable) else PLATFORM).variable


async def _observe(connection: Connection, expected: str | None, *, key_source: str) -> Observed:
    """Send the requests one at a time. The first one carries no key, so that a wrong host never sees the key."""
    settings = _settings(connection, expected, key_source)
    found: dict[str, Reading] = {"keyless": await _read(connection, GET_ORGANIZATION, without_key=True)}
    if settings.has_organization_key and _responds(found["keyless"]):
        organization = found["organization"] = await _read(connection, GET_ORGANIZATION)
        if organization.status not in REFUSED and _responds(organization):
            found |= await _read_interviews(connection)
    return Observed(settings=settings, now=time.time(), **found)


async def _read_interviews(connection: Connection) -> dict[str, Reading]:
    listed = await _read(connection, LIST_INTERVIEWS, query=InterviewQuery(limit=EXPECTED_SIZE))
    found = {"interviews": listed}
    interviews: tuple[Interview, ...] = listed.result.items if isinstance(listed.result, Page) else ()
    scored = [one for one in interviews if one.overall_score is not None]
    completed = [one for one in interviews if one.session_status == SessionStatus.COMPLETED and not one.is_team_meeting]
    evaluated = next(iter((*scored, *completed)), None)  # a completed interview without a score may not be analysed yet
    chosen = evaluated or next(iter(interviews), None)
    if chosen is not None:
        found["interview"] = await _read(connection, GET_INTERVIEW, meeting_code=chosen.meeting_code)
    if evaluated is not None:
        found["evaluation"] = await _read(connection, GET_EVALUATION, meeting_code=evaluated.meeting_code)
    return found


def _responds(reading: Reading) -> bool:
    return reading.exchange.response is not None and (reading.status or 0) < _SERVER_ERROR


async def _read(
    connection: Connection, endpoint: Endpoint[Any], *, without_key: bool = False, query: object = None, **path: str
) -> Reading:
    transport = transport_of(connection)
    request = endpoint.request(query=query, **path)
    key = None if without_key else transport.key
    return Reading.of(endpoint, await probe(transport.pool, request, key, timeout=_TIMEOUT))


def _settings(connection: Connection, expected: str | None, key_source: str) -> Settings:
    transport = transport_of(connection)
    has_organization_key = isinstance(connection, AsyncBoooplyClient)
    return Settings(
        base_url=connection.base_url,
        key_kind=(ORGANIZATION if has_organization_key else PLATFORM).name,
        key_prefix=_prefix_of(transport.key),
        key_source=key_source,
        unchecked_key=PLATFORM.variable if has_organization_key and os.environ.get(PLATFORM.variable) else None,
        has_organization_key=has_organization_key,
        proxy=None if transport.pool.proxy is None else _proxy_source(urlsplit(connection.base_url).scheme),
        authorities=_authorities(),
        expected=expected,
    )


def _prefix_of(key: Secret) -> str:
    """Return the prefix of a key if it is a known one, and never more of the key."""
    found = PREFIX.match(key.reveal())
    return found.group() if found else ""


def _proxy_source(scheme: str) -> str:
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    return next((name for name in names if os.environ.get(name)), "the settings of the system")


def _authorities() -> str:
    paths = ssl.get_default_verify_paths()
    named = [name for name in (paths.openssl_cafile_env, paths.openssl_capath_env) if os.environ.get(name)]
    return f"those of {' and '.join(named)}" if named else "those that Python trusts"
