"""A platform's customers, and the keys that are minted for them (contract section 4)."""

from collections.abc import Iterable, Mapping

import attrs

from boooply.models import validators
from boooply.models.enums import TeamRole
from boooply.models.request import RequestModel
from boooply.models.response import ResponseModel, about, field
from boooply.secret import Secret


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class TeamMember(RequestModel):
    """A colleague to import into the customer's organization."""

    email: str = attrs.field(converter=validators.email)
    name: str | None = attrs.field(default=None, converter=validators.optional_cell)
    role: TeamRole | str | None = None


_each_member = validators.each_item(validators.instance_of(TeamMember))


def _members(value: Iterable[TeamMember | Mapping[str, object]]) -> tuple[TeamMember, ...]:
    return _each_member(value)


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Tenant(RequestModel):
    """A customer of the platform, as it connects to Boooply.

    ``organization_id`` is the platform's own id of the customer, and ``user_id`` that of the user who connects it: both
    may be numbers or UUIDs, and are sent as text.
    """

    user_id: str = attrs.field(converter=validators.identity)
    user_email: str = attrs.field(converter=validators.email)
    organization_id: str = attrs.field(converter=validators.identity)
    user_name: str | None = attrs.field(default=None, converter=validators.optional_cell)
    organization_name: str | None = attrs.field(default=None, converter=validators.optional_cell)
    team_members: tuple[TeamMember, ...] = attrs.field(default=(), converter=_members)


@attrs.frozen(kw_only=True, slots=False)
class OrganizationApiKey(ResponseModel):
    """The key of a customer's organization: the API shows it once, so store ``api_key.reveal()`` immediately.

    The API guarantees ``api_key`` alone.
    """

    api_key: Secret = attrs.field(metadata=about("The organization's key."))
    organization_id: str = field("Your own id of the customer: as you sent it, whatever the API echoes.", default="")
    organization_name: str | None = field("The name of the organization.")
    user_id: str | None = field("Your own id of the user who connected the customer.")
    user_email: str | None = field("The e-mail address of that user.")
    meeting_base_url: str | None = field("Where the vendor's meetings are. The SDK does not use it.")
    api_base_url: str | None = field("Where the vendor's API is. The SDK does not use it.")
    message: str | None = field("The API's remark.")


@attrs.frozen(kw_only=True, slots=False)
class Organization(ResponseModel):
    """The organization that a key belongs to."""

    id: str | None = field("Its id at Boooply.")
    name: str | None = field("Its name.")
    slug: str | None = field("Its name in addresses.")
    external_org_id: str | None = field("The platform's own id of the customer, as it was given with the key.")
    plan: str | None = field("Its plan, such as STARTER. Each interview counts against it once created.")
