"""The tools, and a call of one: from its arguments to a plan, or to the API and back."""

import json
from collections.abc import Awaitable, Callable, Mapping
from string import Formatter
from typing import Any, Final, cast

import attrs

from boooply.client import AsyncBoooplyClient, transport_of
from boooply.converter import to_dict
from boooply.errors import ConfigurationError, ValidationError
from boooply.integrations.mcp import schemas
from boooply.integrations.mcp.arguments import build, reject_unknown
from boooply.integrations.mcp.customers import Customers
from boooply.protocol.endpoints import Endpoint
from boooply.protocol.errors import writable
from boooply.protocol.messages import Request
from boooply.secret import redact

Result = dict[str, Any]

CONFIRM: Final = "confirm"
REVEAL_LINK: Final = "revealLink"

_CV: Final = "candidateCV"


@attrs.frozen(kw_only=True)
class Opened:
    """The resources of a running server: an organization's client and, with ``--platform``, the customers."""

    client: AsyncBoooplyClient | None = None
    customers: Customers | None = None


@attrs.frozen(kw_only=True)
class Call:
    """A call whose arguments are checked; ``request`` is what is sent, or shown in a plan."""

    request: Request
    body: Any
    path_params: Mapping[str, str]
    options: frozenset[str]


Run = Callable[["Tool", Opened, Call], Awaitable[Result]]


@attrs.frozen(kw_only=True)
class Tool:
    """A tool: an endpoint of the API, with its description for a model and its host.

    Attributes:
        endpoint: The operation.
        key: The name under which the result is returned.
        result: A short description of the result.
        kind: The model of the result, if it is not the endpoint's.
        body: The request object that its arguments form; the same for ``query``.
        effect: Its effect on people or data; a tool with one returns a plan first.
        run: The function that carries out a call.
        is_read: The hint ``readOnlyHint``; the other three hints follow.
    """

    name: str
    title: str
    about: str
    endpoint: Endpoint[Any]
    key: str
    result: str
    kind: Any = None
    body: type[object] | None = None
    query: type[object] | None = None
    effect: str | None = None
    switches: tuple[str, ...] = ()
    run: Run
    is_read: bool = False
    is_destructive: bool = False
    is_idempotent: bool = False
    is_open_world: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The names of its switches."""
        return self.switches if self.effect is None else (*self.switches, CONFIRM)

    @property
    def path_params(self) -> dict[str, str]:
        """Our name of each path parameter, by the API's spelling."""
        names = [name for _, name, _, _ in Formatter().parse(self.endpoint.path) if name]
        return {schemas.spelled(name): name for name in names}

    @property
    def input_schema(self) -> schemas.Schema:
        """The JSON Schema of its arguments."""
        models = [model for model in (self.body, self.query) if model is not None]
        return schemas.arguments(models, self.path_params, self.options)

    @property
    def output_schema(self) -> schemas.Schema:
        """The JSON Schema of its result."""
        kind = self.kind or self.endpoint.result
        return schemas.result(self.key, kind, self.result, is_planned=self.effect is not None, options=self.switches)

    def read(self, given: Mapping[str, Any]) -> Call:
        """Check the arguments as the real call does, and build its request.

        Raises:
            ValidationError: One of them is unknown, missing or wrong.
        """
        reject_unknown(given, [*self.input_schema["properties"]])
        own = {*self.path_params, *self.options}
        rest = {name: value for name, value in given.items() if name not in own}
        body = None if self.body is None else build(self.body, rest)
        query = None if self.query is None else build(self.query, rest)
        path_params = {name: _path_param(name, given) for name in self.path_params}
        ours = {self.path_params[name]: value for name, value in path_params.items()}
        try:
            request = self.endpoint.request(body=body, query=query, **ours)
        except ValidationError as error:
            raise ValidationError(schemas.spelled(error.field), error.rule) from None
        return Call(
            request=request,
            body=body,
            path_params=path_params,
            options=frozenset(name for name in self.options if _switch(name, given)),
        )

    async def carry_out(self, opened: Opened, call: Call) -> Result:
        """Carry out a call; if it needs confirmation and has none, send nothing and return the plan."""
        if self.effect is None:
            return await self.run(self, opened, call)
        if CONFIRM not in call.options:
            return {"done": False, "plan": _plan(self, self.effect, call)}
        return {"done": True} | await self.run(self, opened, call)


def _path_param(name: str, given: Mapping[str, Any]) -> str:
    value = given.get(name)
    if value is None:
        raise ValidationError(name, "is missing")
    return cast("str", value)  # the endpoint rejects anything but text


def _switch(name: str, given: Mapping[str, Any]) -> bool:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise ValidationError(name, "must be true or false")
    return bool(value)


# ---- carrying out


async def send(tool: Tool, opened: Opened, call: Call) -> Result:
    """Send the request, and return the result under the tool's key."""
    return {tool.key: plain(await _sent(tool, opened, call))}


async def read_recording(tool: Tool, opened: Opened, call: Call) -> Result:
    """Return the recording, with its pre-signed link only on request."""
    recording = await _sent(tool, opened, call)
    result: Result = {tool.key: plain(recording)}
    if recording is not None and recording.video_url is not None and REVEAL_LINK in call.options:
        result["link"] = writable(recording.video_url.reveal())
    return result


async def connect(tool: Tool, opened: Opened, call: Call) -> Result:
    """Mint and store a customer's key; return the key's organization, never the key."""
    if opened.customers is None:
        raise ConfigurationError("this server was not started with --platform")
    return {tool.key: plain(await opened.customers.connect(call.body))}


async def _sent(tool: Tool, opened: Opened, call: Call) -> Any:
    if opened.client is None:
        raise ConfigurationError("this server has no organization key: set BOOOPLY_API_KEY")
    return tool.endpoint.parse(await transport_of(opened.client).send(call.request))


def _plan(tool: Tool, effect: str, call: Call) -> Result:
    request = json.loads(call.request.body or b"{}")
    if _CV in request:
        request[_CV] = f"({len(request[_CV]):,} characters)"
    plan = {
        "effect": effect,
        "operation": tool.endpoint.operation,
        "emails": [*call.request.people],
        "when": _when(request),
        "request": {**call.path_params, **request},
        "next": f"Nothing has been sent. Show this plan to the user. Once the user agrees, call {tool.name} again "
        "with the same arguments and confirm: true.",
    }
    return cast("Result", _clean(plan))


def _when(request: Mapping[str, Any]) -> str:
    slots = request.get("availableSlots")
    if slots:
        return f"one of {len(slots)} times that the candidate picks from"
    return str(request.get("scheduledAt") or "no time is named")


# ---- results without secrets


def plain(value: Any) -> Any:
    """Convert a result to JSON without secrets: omit secrets, and mask what looks like one."""
    if isinstance(value, tuple):
        return [plain(one) for one in cast("tuple[Any, ...]", value)]
    return _clean(to_dict(value) if attrs.has(cast("Any", type(value))) else value)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return writable(redact(value))  # half a surrogate pair would end the whole session
    if isinstance(value, dict):
        return {_clean(name): _clean(one) for name, one in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in cast("list[Any]", value)]
    return value
