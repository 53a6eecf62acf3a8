"""The organization of a key (contract section 6)."""

import attrs

from boooply.models import Organization
from boooply.protocol.endpoints import GET_ORGANIZATION
from boooply.transport import Transport


@attrs.define(eq=False, slots=False)  # not frozen: a test may patch a method
class AsyncOrganization:
    """The organization of the client's key."""

    _transport: Transport

    async def get(self) -> Organization:
        """Return the organization of the key; ``external_org_id`` is the platform's own id of the customer."""
        return await self._transport.call(GET_ORGANIZATION)
