"""``boooply api``: one request to the API, for operations that have no command."""

import json
import re
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlsplit

import attrs
from cyclopts import Parameter

from boooply.cli.access import Access, open_client
from boooply.cli.terminal import StoreUrl, console, print_error, printable
from boooply.client import Connection, transport_of
from boooply.errors import ConfigurationError, DecodingError
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY
from boooply.protocol.errors import error_from_response
from boooply.protocol.hosts import api_identity
from boooply.protocol.messages import A_PAGE, Request, Response, is_page, json_object, raw_request
from boooply.secret import escape_controls, hide_locals, mask, redact, redact_keys

_CREDENTIALS: Final = frozenset({"authorization", "cookie", "set-cookie"})  # headers that are masked as a whole
_MINTS: Final = CREATE_ORGANIZATION_API_KEY

_Method = Annotated[str, Parameter(name="METHOD")]
_Path = Annotated[str, Parameter(name="PATH")]
_Data = Annotated[str | None, Parameter(metavar="JSON", allow_leading_hyphen=True)]
_Query = Annotated[tuple[str, ...], Parameter(metavar="NAME=VALUE", consume_multiple=False)]
_Customer = Annotated[str | None, Parameter(metavar="ID")]
_Include = Annotated[bool, Parameter(name=("--include", "-i"))]


@hide_locals
async def api(
    method: _Method,
    path: _Path,
    /,
    *,
    data: _Data = None,
    query: _Query = (),
    customer: _Customer = None,
    platform: bool = False,
    store: StoreUrl = None,
    include: _Include = False,
) -> None:
    """Send one request to the API, and print the body of the response.

    Args:
        method: GET, POST, PUT, PATCH or DELETE.
        path: The path, such as /api/integration/organization.
        data: The body: JSON text, @FILE, or - for standard input.
        query: A query parameter. Repeat the option for several parameters.
        customer: Use the key that the store has for the customer with this ID.
        platform: Use the platform key in BOOOPLY_PLATFORM_KEY.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
        include: Print the status and the headers of the response on standard error.

    Raises:
        ConfigurationError: The command or a setting is wrong. Nothing was sent.
        APIError: The request failed.
    """
    if data is not None and method.upper() == "GET":
        raise ConfigurationError("GET has no body: use --query instead of --data")
    body, parameters = _body(data), _parameters(query)
    async with _connect(customer, store, platform=platform) as connection:
        request = _request(method, _path_within(connection.base_url, path), body, parameters)
        response = await transport_of(connection).send(request)
    if include:
        _print_head(response)
    if is_page(response):
        raise DecodingError(request.operation, status=response.status, problems=(A_PAGE,))
    _print_body(response)
    error = error_from_response(request.operation, response, json_object(response))
    if error is not None:
        raise error


# ---- the request


@asynccontextmanager
async def _connect(customer: str | None, store: str | None, *, platform: bool) -> AsyncGenerator[Connection]:
    """Connect with the key that the options select: BOOOPLY_API_KEY, a customer's key, or the platform key."""
    if platform and customer is not None:
        raise ConfigurationError("--customer and --platform exclude each other: use one of them")
    if store is not None and customer is None:
        raise ConfigurationError("--store needs --customer: add --customer, or leave out --store")
    chosen = AsyncBoooplyPlatform() if platform else open_client(Access(customer=customer, store=store))
    async with chosen as connection:
        yield connection


def _request(method: str, path: str, body: Any, parameters: dict[str, list[str]]) -> Request:
    """Return the request. Errors name it by its method and path."""
    request = raw_request(method, path, json=body, params=parameters)
    bare = request.target.partition("?")[0]
    if request.method == _MINTS.method and re.sub("/+", "/", unquote(bare)).rstrip("/") == _MINTS.path:
        raise ConfigurationError(
            "this request would mint a key and lose it: use boooply provision, or boooply tenants reconnect ID"
        )
    return attrs.evolve(request, operation=f"{request.method} {bare}")


def _path_within(base_url: str, path: str) -> str:
    """Return a path relative to the base URL. The path may be given without its slash, or as a whole URL."""
    if not re.match(r"(?i)https?:|//", path):
        return f"/{path.removeprefix('/')}"
    api = urlsplit(base_url)
    try:
        given = urlsplit(path)
        is_same = api_identity(f"{given.scheme}://{given.netloc}") == api_identity(f"{api.scheme}://{api.netloc}")
    except ValueError:
        is_same, given = False, api
    if not is_same or not given.path.startswith(f"{api.path}/"):
        raise ConfigurationError(f"PATH is a URL outside {base_url}: give only the path")
    return given._replace(scheme="", netloc="", path=given.path.removeprefix(api.path)).geturl()


def _body(data: str | None) -> Any:
    """Return the JSON of ``--data``.

    Raises:
        ConfigurationError: The file cannot be read, or it is not JSON. The error does not show the text.
    """
    if data is None:
        return None
    source, text = _source_and_text(data)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, column {error.colno}"
        raise ConfigurationError(f"{source} is not valid JSON at {line}: {error.msg}") from None


def _source_and_text(data: str) -> tuple[str, str]:
    if data != "-" and not data.startswith("@"):
        return "--data", data
    source = "standard input" if data in {"-", "@-"} else data[1:]
    try:
        if source == data[1:]:
            return source, Path(source).read_text(encoding="utf-8-sig")
        return source, sys.stdin.read() if sys.stdin is not None else ""  # Python sets a closed stream to None
    except OSError as error:
        raise ConfigurationError(f"{source} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{source} is not UTF-8") from None


def _parameters(query: Iterable[str]) -> dict[str, list[str]]:
    parameters: defaultdict[str, list[str]] = defaultdict(list)
    for one in query:
        name, is_given, value = one.partition("=")
        if not name or not is_given:
            raise ConfigurationError("--query must have the form NAME=VALUE")
        parameters[name].append(value)
    return parameters


# ---- the response


def _print_head(response: Response) -> None:
    lines = [f"HTTP {response.status}"]
    for name, value in response.headers.items():
        shown = mask(value) if name.lower() in _CREDENTIALS else printable(redact(value, response.key))
        lines.append(f"{printable(name)}: {shown}")
    console(stderr=True).print("\n".join(lines), soft_wrap=True)


def _print_body(response: Response) -> None:
    """Print the body with masked keys: as indented JSON in a terminal, otherwise unchanged."""
    if not response.body:
        print_error(f"HTTP {response.status}: the response has no body")
        return
    text = response.body.decode("utf-8", "replace")
    if sys.stdout.isatty():
        with suppress(ValueError):  # it is not JSON
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        text = escape_controls(text)
    shown = redact_keys(text, response.key)
    sys.stdout.write(shown if shown.endswith("\n") else f"{shown}\n")
    sys.stdout.flush()
    if shown != text:
        print_error("the response contains a key, which is masked in the output")
