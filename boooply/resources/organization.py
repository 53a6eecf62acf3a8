"""The organization a key belongs to (contract section 6)."""

import attrs

from boooply.models import Organization
from boooply.protocol.endpoints import GET_ORGANIZATION
from boooply.transport import Transport


@attrs.define(eq=False, slots=False)  # not frozen: a test may patch a method
class AsyncOrganization:
    """Tell about the organization of the client's key."""

    _transport: Transport

    async def get(self) -> Organization:
        """Tell whose key this is: ``external_org_id`` is the platform's own id of the customer."""
        endpoint = GET_ORGANIZATION
        return endpoint.parse(await self._transport.send(endpoint.request()))
