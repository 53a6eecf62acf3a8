"""The exceptions of provisioning, webhooks and the store."""

from __future__ import annotations

from boooply.errors.base import BoooplyError


class ProvisioningError(BoooplyError):
    """A customer file cannot be used, a run must stop, or a customer is in doubt.

    The message says which, and names the line or the customer.
    """


class NotConnectedError(BoooplyError, LookupError):
    """No key is stored for a customer.

    If you pass a key store of your own, raise this error from its ``get`` for a customer without a key.

    Attributes:
        organization_id: Your own ID of the customer.
    """

    def __init__(self, organization_id: str) -> None:
        super().__init__(f"{organization_id} is not connected: no key is stored for it")
        self._take_args(organization_id)
        self.organization_id = organization_id


class WrongTenantError(BoooplyError):
    """The key stored for a customer belongs to another customer. Nothing was written with it.

    Attributes:
        organization_id: Your own ID of the customer whose client you requested.
        found: Your own ID of the customer that the key belongs to. None if the API names none.
    """

    def __init__(self, organization_id: str, found: str | None) -> None:
        super().__init__(
            f"the key stored for {organization_id} belongs to {found or 'an organization that the API does not name'}"
        )
        self._take_args(organization_id, found)
        self.organization_id = organization_id
        self.found = found


class WebhookError(BoooplyError, ValueError):
    """A webhook was rejected.

    The message never quotes the body or a header.

    Attributes:
        reason: Why it was rejected, as in ``str(error)``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidSignatureError(WebhookError):
    """The signature of a webhook is missing, or matches none of your webhook secrets.

    Attributes:
        is_reserialized: True if the signature matches the same JSON in the vendor's format. The sender is then genuine,
            but your framework has parsed the body and serialized it again: pass the raw bytes.
    """

    def __init__(self, reason: str, is_reserialized: bool = False) -> None:  # noqa: FBT001, FBT002 - `args` are positional
        super().__init__(reason)
        self._take_args(reason, is_reserialized)
        self.is_reserialized = is_reserialized


class StaleEventError(WebhookError):
    """The signed time of an event is missing, or differs from the current time by more than ``max_age``."""


class MalformedEventError(WebhookError):
    """The signature of a webhook is valid, but its body is too large, is not an event, or lacks a required field."""


class StoreError(BoooplyError):
    """The store cannot be opened, read or written.

    Attributes:
        is_permanent: True if a retry cannot help, for example because a database permission is missing. False if the
            problem may be temporary. The SDK has then already retried for a minute, unless the database never worked.
    """

    def __init__(self, problem: str = "", is_permanent: bool = False) -> None:  # noqa: FBT001, FBT002 - `args` are positional
        super().__init__(problem)
        self._take_args(*((problem, True) if is_permanent else (problem,)))
        self.is_permanent = is_permanent


class StoreMismatchError(StoreError):
    """The store belongs to another API, or to other platform keys than yours. Nothing was sent."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, is_permanent=True)
        self._take_args(problem)


class CorruptKeyError(StoreError):
    """The key stored for a customer was altered, cut off, or swapped with another customer's.

    Attributes:
        organization_id: Your own ID of the customer.
    """

    def __init__(self, organization_id: str) -> None:
        super().__init__(
            f"the key stored for {organization_id} was altered, cut off or swapped: restore it from a backup, "
            "or reconnect the customer",
            is_permanent=True,
        )
        self._take_args(organization_id)
        self.organization_id = organization_id
