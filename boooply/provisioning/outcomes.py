"""The outcomes of provisioning a customer, and the error for keys that cannot be stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import attrs

from boooply.errors import BoooplyError, ProvisioningError
from boooply.secret import Secret


@attrs.frozen
class Connected:
    """A customer whose key was minted and stored."""

    organization_id: str


@attrs.frozen
class AlreadyConnected:
    """A customer that already had its key, so that none was minted.

    ``is_changed``: its data differs from the data that it was minted with. ``is_repeated``: it occurs twice in this
    run.
    """

    organization_id: str
    is_changed: bool = False
    is_repeated: bool = False


@attrs.frozen
class InDoubt:
    """A customer whose key may have been minted; it is never minted again automatically.

    ``error`` is the cause, if it occurred in this run.
    """

    organization_id: str
    reason: str
    error: BoooplyError | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen
class Failed:
    """A customer whose key was certainly not minted; the next run tries again.

    ``error`` is the cause, if it occurred now.
    """

    organization_id: str
    reason: str
    error: BoooplyError | None = attrs.field(default=None, eq=False, repr=False)


Outcome = Connected | AlreadyConnected | InDoubt | Failed


class KeysNotStoredError(ProvisioningError):
    """Keys that were minted but cannot be stored: they exist only in this error, and the API shows them once.

    A pickled error names the customers, without their keys. A copy is the error itself.

    Attributes:
        keys: Each customer's key by its id. Store them before you drop the error.
        reason: The first message of the store or the vault.
    """

    def __init__(self, keys: Mapping[str, Secret] | Iterable[str], reason: str) -> None:
        customers = sorted(keys)
        super().__init__(
            f"the keys of {', '.join(customers)} were minted but cannot be stored ({reason}); they exist only in "
            "this error's `keys`: store them now"
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
