"""Many customers at once: from a file to a stored key for each."""

from boooply.lazy import names_of

TYPE_CHECKING = False  # as in the package's own __init__
if TYPE_CHECKING:
    from boooply.blocking.provisioning import Keys, provision
    from boooply.provisioning.engine import async_provision
    from boooply.provisioning.outcomes import AlreadyConnected, Connected, Failed, InDoubt, KeysNotStoredError, Outcome
    from boooply.provisioning.plan import BadRow, Plan, iterate_rows, read_tenants
    from boooply.provisioning.provisioner import AsyncKeys

# What needs the store is imported on first use: a file can be read and checked without that extra.
_MODULES = {
    "boooply.blocking.provisioning": ("Keys", "provision"),
    "boooply.provisioning.engine": ("async_provision",),
    "boooply.provisioning.provisioner": ("AsyncKeys",),
    "boooply.provisioning.outcomes": (
        "AlreadyConnected",
        "Connected",
        "Failed",
        "InDoubt",
        "KeysNotStoredError",
        "Outcome",
    ),
    "boooply.provisioning.plan": ("BadRow", "Plan", "iterate_rows", "read_tenants"),
}

__all__ = [
    "AlreadyConnected",
    "AsyncKeys",
    "BadRow",
    "Connected",
    "Failed",
    "InDoubt",
    "Keys",
    "KeysNotStoredError",
    "Outcome",
    "Plan",
    "async_provision",
    "iterate_rows",
    "provision",
    "read_tenants",
]


if not TYPE_CHECKING:  # a checker that sees __getattr__ would accept any name
    __getattr__ = names_of(__name__, _MODULES)
