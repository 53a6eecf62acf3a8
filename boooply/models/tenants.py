"""A platform's customers and their organization keys."""

from collections.abc import Iterable, Mapping

import attrs

from boooply.models import validators
from boooply.models.enums import TeamRole
from boooply.models.request import RequestModel
from boooply.models.response import ResponseModel, about, field
from boooply.secret import Secret


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class TeamMember(RequestModel):
    """A person to import into the customer's organization.

    Raises:
        ValidationError: A value is missing or invalid.
    """

    email: str = attrs.field(converter=validators.email)
    name: str | None = attrs.field(default=None, converter=validators.optional_cell)
    role: TeamRole | str | None = None


_each_member = validators.each_item(validators.instance_of(TeamMember))


def _members(value: Iterable[TeamMember | Mapping[str, object]]) -> tuple[TeamMember, ...]:
    return _each_member(value)


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Tenant(RequestModel):
    """A customer of your platform, as it connects to Boooply.

    ``organization_id`` and ``user_id`` are your own IDs. They may be numbers or UUIDs, and are sent as text.

    Raises:
        ValidationError: A value is missing or invalid.
    """

    user_id: str = attrs.field(converter=validators.identity)
    user_email: str = attrs.field(converter=validators.email)
    organization_id: str = attrs.field(converter=validators.identity)
    user_name: str | None = attrs.field(default=None, converter=validators.optional_cell)
    organization_name: str | None = attrs.field(default=None, converter=validators.optional_cell)
    team_members: tuple[TeamMember, ...] = attrs.field(default=(), converter=_members)


@attrs.frozen(kw_only=True, slots=False)
class OrganizationApiKey(ResponseModel):
    """The key of a customer's organization.

    The API shows the key only once: store ``api_key.reveal()`` immediately. Rely only on ``api_key`` and
    ``organization_id``, because the API may leave out all other fields.
    """

    api_key: Secret = attrs.field(metadata=about("The organization's key."))
    organization_id: str = field("Your own ID of the customer, as you sent it.", default="")
    organization_name: str | None = field("The name of the organization.")
    user_id: str | None = field("Your own ID of the user who connected the customer.")
    user_email: str | None = field("The e-mail address of the user who connected the customer.")
    meeting_base_url: str | None = field("The base URL of meetings at Boooply. The SDK does not use it.")
    api_base_url: str | None = field("The base URL of the API. The SDK does not use it.")
    message: str | None = field("A message from the API.")


@attrs.frozen(kw_only=True, slots=False)
class Organization(ResponseModel):
    """The organization that an organization key belongs to."""

    id: str | None = field("The ID of the organization at Boooply.")
    name: str | None = field("The name of the organization.")
    slug: str | None = field("The name of the organization in URLs.")
    external_org_id: str | None = field("Your own ID of the customer, as sent when the key was minted.")
    plan: str | None = field("The plan, such as STARTER. Each interview counts against the plan when it is created.")
