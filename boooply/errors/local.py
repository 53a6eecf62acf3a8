"""The errors of what runs here: provisioning, webhooks and the store."""

from __future__ import annotations

from boooply.errors.base import BoooplyError


class ProvisioningError(BoooplyError):
    """A file of customers cannot be used, or a run must stop."""


class NotConnectedError(BoooplyError, LookupError):
    """No key of a customer is stored; your own key store raises it too.

    Attributes:
        organization_id: The platform's own id of the customer.
    """

    def __init__(self, organization_id: str) -> None:
        super().__init__(f"{organization_id} is not connected: no key of it is stored")
        self._take_args(organization_id)
        self.organization_id = organization_id


class WrongTenantError(BoooplyError):
    """A stored key belongs to another customer than the one it is stored for; nothing was written with it.

    Attributes:
        organization_id: The customer whose key was asked for.
        found: The customer whose key it is, according to the API.
    """

    def __init__(self, organization_id: str, found: str | None) -> None:
        super().__init__(f"the key stored for {organization_id} belongs to {found or 'nobody that the API names'}")
        self._take_args(organization_id, found)
        self.organization_id = organization_id
        self.found = found


class WebhookError(BoooplyError, ValueError):
    """A webhook was rejected; no message quotes its body or its headers.

    Attributes:
        reason: What is wrong with it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidSignatureError(WebhookError):
    """The body is not signed with one of the webhook secrets.

    Attributes:
        is_reserialized: Whether the signature fits the same JSON in the vendor's form. Then the sender is genuine, and
            a framework has parsed the body and written it again.
    """

    def __init__(self, reason: str, is_reserialized: bool = False) -> None:  # noqa: FBT001, FBT002 - `args` are positional
        super().__init__(reason)
        self._take_args(reason, is_reserialized)
        self.is_reserialized = is_reserialized


class StaleEventError(WebhookError):
    """The signed time of an event is missing, or further from now than ``max_age``."""


class MalformedEventError(WebhookError):
    """A signed body is not an event, or lacks a required part."""


class StoreError(BoooplyError):
    """The store cannot be opened, read or written.

    Attributes:
        is_permanent: Whether a retry cannot help: a right is missing, say, or it is not the store that was opened. What
            a retry can help was retried for a minute, unless the database never worked.
    """

    def __init__(self, problem: str = "", is_permanent: bool = False) -> None:  # noqa: FBT001, FBT002 - `args` are positional
        super().__init__(problem)
        self._take_args(*((problem, True) if is_permanent else (problem,)))
        self.is_permanent = is_permanent


class StoreMismatchError(StoreError):
    """The store belongs to another API or to other platform keys than yours; nothing was sent."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, is_permanent=True)
        self._take_args(problem)


class CorruptKeyError(StoreError):
    """The key stored for a customer was cut, altered, or swapped with another customer's.

    Attributes:
        organization_id: The customer.
    """

    def __init__(self, organization_id: str) -> None:
        super().__init__(
            f"the key stored for {organization_id} is not what was stored: it was altered, cut or swapped",
            is_permanent=True,
        )
        self._take_args(organization_id)
        self.organization_id = organization_id
