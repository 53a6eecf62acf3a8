"""The clients of a command: the client of one key, or the clients of customers in the store."""

import os
import shlex
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Final

import attrs
from cyclopts import Parameter

from boooply.cli.existing_store import open_existing
from boooply.cli.terminal import StoreUrl
from boooply.client import AsyncBoooplyClient
from boooply.errors import (
    APIStatusError,
    AuthenticationError,
    BoooplyError,
    ConfigurationError,
    CorruptKeyError,
    DecodingError,
    NotConnectedError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    WrongTenantError,
)
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.settings import ORGANIZATION
from boooply.provisioning.identity import check_store
from boooply.provisioning.tenants import AsyncTenants
from boooply.ratelimit.limits import RateLimits

OF_THE_KEY: Final = ""
"""The name of the customer whose key is BOOOPLY_API_KEY."""

_OF_ONE_CUSTOMER: Final = (APIStatusError, CorruptKeyError, DecodingError, NotConnectedError, WrongTenantError)
_OF_ALL: Final = (RateLimitError, ServerError)  # these affect every customer sooner or later


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Access:
    """The customer whose interviews a command works on.

    Attributes:
        customer: Use the stored key of the customer with this ID. Default: BOOOPLY_API_KEY.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
    """

    customer: Annotated[str | None, Parameter(metavar="ID")] = None
    store: StoreUrl = None

    @property
    def options(self) -> str:
        """The customer's option for a command to run next. The store's URL is left out: it may contain a password."""
        return "" if self.customer is None else f" --customer {shlex.quote(self.customer)}"


ANY: Final = Access()


@attrs.frozen(eq=False)
class Clients:
    """The clients of a command, by customer.

    Attributes:
        base_url: The base URL of the API.
        names: The customers' organization ids.
        of: Returns a customer's client. The first call asks the API whose key is stored.
    """

    base_url: str
    names: tuple[str, ...]
    of: Callable[[str], Awaitable[AsyncBoooplyClient]]


@asynccontextmanager
async def open_clients(access: Access, *, all_customers: bool = False) -> AsyncGenerator[Clients]:
    """Open the client of BOOOPLY_API_KEY, or the store with the clients of one or all customers.

    Raises:
        ConfigurationError: A setting is missing or cannot be used, or the options exclude each other.
        StoreError: The store cannot be opened, or its keys are from another API or other platform keys.
    """
    if all_customers and access.customer is not None:
        raise ConfigurationError("--customer and --all-customers exclude each other: use one of them")
    if all_customers or access.customer is not None:
        async with _open_customers(access.store, access.customer) as clients:
            yield clients
        return
    if access.store is not None:
        raise ConfigurationError("--store needs --customer or --all-customers: add one of them, or leave out --store")
    if not os.environ.get(ORGANIZATION.variable):
        raise ConfigurationError(
            f"{ORGANIZATION.variable} is missing: set it, or use the stored key of a customer with --customer ID"
        )
    async with AsyncBoooplyClient() as client:

        async def only(_: str) -> AsyncBoooplyClient:
            return client

        yield Clients(client.base_url, (OF_THE_KEY,), only)


@asynccontextmanager
async def open_client(access: Access) -> AsyncGenerator[AsyncBoooplyClient]:
    """Open the client of one customer, as ``open_clients`` does.

    Raises:
        NotConnectedError: The store has no key for the customer.
    """
    async with open_clients(access) as clients:
        (name,) = clients.names
        yield await clients.of(name)


@asynccontextmanager
async def _open_customers(store: str | None, customer: str | None) -> AsyncGenerator[Clients]:
    async with open_existing(store) as opened, AsyncBoooplyPlatform(rate_limits=RateLimits(shared=opened)) as platform:
        await check_store(opened, platform)
        names = [one async for one in opened.keys.organizations()] if customer is None else [customer]
        yield Clients(platform.base_url, tuple(names), AsyncTenants(platform, opened).client)


def is_of_one_customer(error: BoooplyError) -> bool:
    """Return whether an error concerns only one customer, such as a revoked key."""
    return isinstance(error, _OF_ONE_CUSTOMER) and not isinstance(error, _OF_ALL)


def reason_of(customer: str, error: BoooplyError) -> str:
    """Return why a customer's interviews cannot be read, and the remedy if there is one."""
    remedy = f". Run: boooply tenants reconnect {customer}"
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        return f"Boooply rejects its key (HTTP {error.status}){remedy}"
    if isinstance(error, WrongTenantError | CorruptKeyError):
        return f"{error}{remedy}"
    return str(error)
