"""The organization that a key belongs to."""

import attrs

from boooply.models import Organization
from boooply.protocol.endpoints import GET_ORGANIZATION
from boooply.transport import Transport


@attrs.define(eq=False, slots=False)  # not frozen: a test may patch a method
class AsyncOrganization:
    """The organization that the client's key belongs to."""

    _transport: Transport

    async def get(self) -> Organization:
        """Return the organization that the client's key belongs to.

        ``external_org_id`` is your own ID of the customer: use it to check whose key you have.

        Raises:
            APIError: The call failed.
        """
        return await self._transport.call(GET_ORGANIZATION)
