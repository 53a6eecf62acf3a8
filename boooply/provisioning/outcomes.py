"""What becomes of a customer that is provisioned, and of a key that cannot be stored."""

from collections.abc import Mapping

import attrs

from boooply.errors import BoooplyError, ProvisioningError
from boooply.secret import Secret


@attrs.frozen
class Connected:
    """Its key was minted, and is stored."""

    organization_id: str


@attrs.frozen
class AlreadyConnected:
    """It had its key before, and was not asked for again.

    ``is_changed``: it was given with other data than it was minted with. ``is_repeated``: this run has met it twice.
    """

    organization_id: str
    is_changed: bool = False
    is_repeated: bool = False


@attrs.frozen
class InDoubt:
    """Nobody can tell whether a key was minted; it is minted again on purpose only.

    ``error`` is what made it so, where that was now.
    """

    organization_id: str
    reason: str
    error: BoooplyError | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen
class Failed:
    """It was not minted, for certain; the next run tries it again. ``error`` tells why, where that was now."""

    organization_id: str
    reason: str
    error: BoooplyError | None = attrs.field(default=None, eq=False, repr=False)


Outcome = Connected | AlreadyConnected | InDoubt | Failed


class KeysNotStoredError(ProvisioningError):
    """Tell that keys were minted and cannot be stored; nothing else holds them, and nobody can ask for them again.

    Attributes:
        keys: The key of each such customer, by its id: store them, before this error is dropped.
        reason: What the store or the vault said, of several the first.
    """

    def __init__(self, keys: Mapping[str, Secret], reason: str) -> None:
        super().__init__(
            f"the keys of {', '.join(sorted(keys))} were minted and cannot be stored ({reason}); "
            "this error's `keys` holds them, and nothing else does"
        )
        self.keys: dict[str, Secret] = dict(keys)
        self.reason: str = reason
