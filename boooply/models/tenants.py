"""A platform's customer, and the key that is minted for it (contract section 4)."""

from collections.abc import Iterable

import attrs

from boooply.models import validators
from boooply.models.enums import TeamRole
from boooply.models.response import ResponseModel
from boooply.secret import Secret


@attrs.frozen(kw_only=True, slots=False)  # as requests for an interview, and for the same reason
class TeamMember:
    """Import a colleague into the customer's organization."""

    email: str = attrs.field(validator=validators.email)
    name: str | None = attrs.field(default=None, validator=validators.optional(validators.text))
    role: TeamRole | str | None = attrs.field(default=None, validator=validators.optional(validators.one_of(TeamRole)))


def _members(value: Iterable[TeamMember]) -> tuple[TeamMember, ...]:
    return validators.as_tuple(value)


@attrs.frozen(kw_only=True, slots=False)
class Tenant:
    """Describe a customer of the platform, as it connects to Boooply.

    ``organization_id`` is the platform's own id of the customer, and ``user_id`` that of the user who connects it.
    """

    user_id: str = attrs.field(validator=validators.text)
    user_email: str = attrs.field(validator=validators.email)
    organization_id: str = attrs.field(validator=validators.text)
    user_name: str | None = attrs.field(default=None, validator=validators.optional(validators.text))
    organization_name: str | None = attrs.field(default=None, validator=validators.optional(validators.text))
    team_members: tuple[TeamMember, ...] = attrs.field(
        default=(), converter=_members, validator=validators.each(validators.a(TeamMember))
    )


@attrs.frozen(kw_only=True, slots=False)
class OrganizationApiKey(ResponseModel):
    """Hold the key of a customer's organization: it is shown once, so store ``api_key.reveal()`` at once.

    The API promises ``api_key`` alone; ``organization_id`` is the one given, whatever the API echoes.
    """

    api_key: Secret
    organization_id: str = ""
    organization_name: str | None = None
    user_id: str | None = None
    user_email: str | None = None
    meeting_base_url: str | None = None
    api_base_url: str | None = None
    message: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class Organization(ResponseModel):
    """Tell whose key it is: ``external_org_id`` is the platform's own id of the customer."""

    id: str | None = None
    name: str | None = None
    slug: str | None = None
    external_org_id: str | None = None
    plan: str | None = None
