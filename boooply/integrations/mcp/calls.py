"""The tools, and their calls: from the arguments to a plan or to the API's result."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

import attrs

from boooply.client import AsyncBoooplyClient, transport_of
from boooply.converter import to_dict
from boooply.converter.json_schema import Schema
from boooply.errors import ValidationError
from boooply.integrations.mcp import schemas
from boooply.integrations.mcp.customers import Customers
from boooply.models import Tenant
from boooply.models.mappings import reject_unknown
from boooply.models.names import camel_case
from boooply.protocol.endpoints import Endpoint
from boooply.protocol.messages import Idempotency, Request
from boooply.secret import redact, writable

Result = dict[str, Any]
Opened = AsyncBoooplyClient | Customers

_CV: Final = "candidateCV"


@attrs.frozen(kw_only=True)
class Tool:
    """A tool: an endpoint of the API, with its description for a model and its host.

    Attributes:
        name: The name of the tool.
        title: The title for people.
        about: The description for a model.
        endpoint: The operation of the API.
        takes: The model of the arguments: the query of a read, or the body of another request.
        key: The name of the result in the response.
        result: A short description of the result.
        kind: The model of the result, if it differs from the endpoint's.
        effect: The effect on people or data. A tool with an effect returns a plan first.
        reveals_link: Whether it returns a pre-signed link on request.
        hints: The protocol's hints for this tool, in addition to those of a read.
    """

    name: str
    title: str
    about: str
    endpoint: Endpoint[Any]
    takes: type[object] | None = None
    key: str
    result: str
    kind: Any = None
    effect: str | None = None
    reveals_link: bool = False
    hints: tuple[Literal["destructive", "idempotent", "open world"], ...] = ()

    @property
    def is_read(self) -> bool:
        """Whether the tool only reads."""
        return self.endpoint.idempotency is Idempotency.SAFE

    @property
    def names_interview(self) -> bool:
        """Whether its path names an interview."""
        return "{meeting_code}" in self.endpoint.path

    @property
    def switches(self) -> tuple[str, ...]:
        """The names of the arguments that are not part of the request. Each is true or false."""
        given = {schemas.CONFIRM: self.effect is not None, schemas.REVEAL_LINK: self.reveals_link}
        return tuple(name for name, is_taken in given.items() if is_taken)

    @property
    def input_schema(self) -> Schema:
        """The JSON Schema of its arguments."""
        return schemas.arguments(self.takes, names_interview=self.names_interview, switches=self.switches)

    @property
    def output_schema(self) -> Schema:
        """The JSON Schema of its result."""
        kind = self.kind or self.endpoint.result
        return schemas.result(
            self.key, kind, self.result, is_planned=self.effect is not None, reveals_link=self.reveals_link
        )

    def read(self, given: Mapping[str, Any]) -> Request:
        """Check the arguments as the real call does, and return its request.

        Raises:
            ValidationError: An argument is unknown, missing or invalid.
        """
        reject_unknown(given, {name: name for name in self.input_schema["properties"]})
        rest = {name: value for name, value in given.items() if name not in {schemas.MEETING_CODE, *self.switches}}
        parts: dict[str, Any] = {}
        if self.takes is not None:
            parts["query" if self.is_read else "body"] = schemas.build(self.takes, rest)
        if self.names_interview:
            parts["meeting_code"] = given.get(schemas.MEETING_CODE)
            if parts["meeting_code"] is None:
                raise ValidationError(schemas.MEETING_CODE, "is missing")
        try:
            request = self.endpoint.request(**parts)
        except ValidationError as error:
            raise ValidationError(camel_case(error.field), error.rule) from None
        for name in self.switches:
            if not isinstance(given.get(name), bool | None):
                raise ValidationError(name, "must be true or false")
        return request

    async def carry_out(self, opened: Opened, given: Mapping[str, Any]) -> Result:
        """Carry out a call. If it needs a confirmation and has none, send nothing and return the plan.

        Raises:
            BoooplyError: An argument is invalid, or the call failed.
        """
        request = self.read(given)
        if self.effect is not None and not given.get(schemas.CONFIRM):
            return {"done": False, "plan": _plan(self, self.effect, request)}
        found = await _sent(self, opened, request)
        result: Result = {} if self.effect is None else {"done": True}
        result[self.key] = _clean(to_dict(found))
        if given.get(schemas.REVEAL_LINK) and found is not None and found.video_url is not None:
            result["link"] = writable(found.video_url.reveal())
        return result


async def _sent(tool: Tool, opened: Opened, request: Request) -> Any:
    if isinstance(opened, Customers):
        return await opened.connect(cast("Tenant", request.subject))
    return tool.endpoint.parse(await transport_of(opened).send(request))


def _plan(tool: Tool, effect: str, request: Request) -> Result:
    body = json.loads(request.body or b"{}")
    if _CV in body:
        body[_CV] = f"({len(body[_CV]):,} characters)"
    code = {} if request.meeting_code is None else {schemas.MEETING_CODE: request.meeting_code}
    plan = {
        "effect": effect,
        "operation": request.operation,
        "emails": [*request.people],
        "when": _when(body),
        "request": code | body,
        "next": f"Nothing was sent. Show this plan to the user. After the user agrees, call {tool.name} again with the "
        "same arguments and confirm: true.",
    }
    return cast("Result", _clean(plan))


def _when(body: Mapping[str, Any]) -> str:
    slots = body.get("availableSlots")
    if slots:
        return f"one of {len(slots)} times, which the candidate chooses"
    return str(body.get("scheduledAt") or "no time is set")


def _clean(value: Any) -> Any:
    """Mask everything that looks like a secret in a JSON value."""
    if isinstance(value, str):
        return writable(redact(value))  # half of a surrogate pair would end the whole session
    if isinstance(value, dict):
        return {_clean(name): _clean(one) for name, one in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [_clean(one) for one in cast("list[Any]", value)]
    return value
