"""The outcomes of provisioning, and the error for keys that cannot be stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import attrs

from boooply.errors import BoooplyError, ProvisioningError
from boooply.recording import Claimed
from boooply.secret import Secret
from boooply.store import ClaimResult, State, is_same_run


@attrs.frozen
class Connected:
    """A customer whose key was minted and stored in this run.

    Attributes:
        organization_id: Your own ID of the customer.
    """

    organization_id: str


@attrs.frozen
class AlreadyConnected:
    """A customer that already had a key, so no key was minted.

    Attributes:
        organization_id: Your own ID of the customer.
        is_changed: Whether the customer's data differs from the data of its connection. The new data was not sent.
        is_repeated: Whether the customer occurred before in this run.
    """

    organization_id: str
    is_changed: bool = False
    is_repeated: bool = False


@attrs.frozen
class InDoubt:
    """A customer for whom it is unknown whether a key was minted. No other key is minted automatically.

    Attributes:
        organization_id: Your own ID of the customer.
        reason: Why it is unknown, as a text for people. It contains no key.
        error: The error that caused the doubt. None if it did not occur in this run.
    """

    organization_id: str
    reason: str
    error: BoooplyError | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen
class Failed:
    """A customer for whom certainly no key was minted. The next run tries again.

    Attributes:
        organization_id: Your own ID of the customer.
        reason: Why it failed, as a text for people. It contains no key.
        error: The error that caused the failure. None if it did not occur in this run.
    """

    organization_id: str
    reason: str
    error: BoooplyError | None = attrs.field(default=None, eq=False, repr=False)


Outcome = Connected | AlreadyConnected | InDoubt | Failed


class KeysNotStoredError(ProvisioningError):
    """Keys were minted but cannot be stored.

    The keys exist only in this error, because the API shows a key once. A pickled error contains the ids of the
    customers, without their keys. ``copy.copy`` returns the same error.

    Attributes:
        keys: The key of each customer, by the customer's id. Store them before you discard the error.
        reason: The message of the store or vault, for the first of these keys.
    """

    def __init__(self, keys: Mapping[str, Secret] | Iterable[str], reason: str) -> None:
        customers = sorted(keys)
        super().__init__(
            f"the keys of {', '.join(customers)} were minted but cannot be stored ({reason}). They exist only in the "
            "`keys` of this error. Store them now."
        )
        self._take_args(customers, reason)
        self.keys: dict[str, Secret] = {}
        if isinstance(keys, Mapping):
            self.keys.update(cast("Mapping[str, Secret]", keys))
        self.reason: str = reason

    def __reduce__(self) -> tuple[Any, ...]:
        without_keys: dict[str, Any] = {**vars(self), "keys": {}}  # a Secret is not pickled
        return type(self), self.args, without_keys

    def __copy__(self) -> KeysNotStoredError:
        return self

    def __deepcopy__(self, memo: object) -> KeysNotStoredError:
        return self


def known_outcome(claimed: Claimed, claim_token: str) -> Outcome:
    """Return the outcome of a customer that gets no key, because it is done, in doubt, or failed in this run."""
    entry = claimed.entry
    if claimed.result is ClaimResult.DONE:
        is_repeated = is_same_run(entry.claim_token, claim_token)
        return AlreadyConnected(entry.organization_id, claimed.is_changed and not is_repeated, is_repeated)
    outcome = InDoubt if claimed.result is ClaimResult.IN_DOUBT else Failed
    return outcome(entry.organization_id, entry.reason or "")


def vault_decides(claimed: Claimed) -> bool:
    """Return whether a key in a vault shows that the customer is connected. A key that is in doubt does not."""
    fallback = claimed.entry.fallback
    if claimed.result is ClaimResult.CLAIMED:
        return fallback is not State.IN_DOUBT
    return claimed.result is ClaimResult.IN_DOUBT and fallback is None
