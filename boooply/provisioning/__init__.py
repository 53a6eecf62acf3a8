"""Provisioning: connect many customers, and store a key for each."""

from boooply.lazy import publish

TYPE_CHECKING = False  # as in the package's own __init__
if TYPE_CHECKING:
    from boooply.blocking.distributed import Queue as Queue
    from boooply.blocking.provisioning import Keys as Keys
    from boooply.blocking.provisioning import provision as provision
    from boooply.provisioning.distributed import AsyncQueue as AsyncQueue
    from boooply.provisioning.engine import async_provision as async_provision
    from boooply.provisioning.files.reading import iterate_rows as iterate_rows
    from boooply.provisioning.files.reading import read_tenants as read_tenants
    from boooply.provisioning.files.rows import BadRow as BadRow
    from boooply.provisioning.files.rows import Plan as Plan
    from boooply.provisioning.files.rows import RowWarning as RowWarning
    from boooply.provisioning.outcomes import AlreadyConnected as AlreadyConnected
    from boooply.provisioning.outcomes import Connected as Connected
    from boooply.provisioning.outcomes import Failed as Failed
    from boooply.provisioning.outcomes import InDoubt as InDoubt
    from boooply.provisioning.outcomes import KeysNotStoredError as KeysNotStoredError
    from boooply.provisioning.outcomes import Outcome as Outcome
    from boooply.provisioning.provisioner import AsyncKeys as AsyncKeys

# Names that need the store are imported on first use, so that a file can be read and checked without that extra.
publish(
    __name__,
    {
        "boooply.blocking.distributed": ("Queue",),
        "boooply.blocking.provisioning": ("Keys", "provision"),
        "boooply.provisioning.distributed": ("AsyncQueue",),
        "boooply.provisioning.engine": ("async_provision",),
        "boooply.provisioning.files.reading": ("iterate_rows", "read_tenants"),
        "boooply.provisioning.files.rows": ("BadRow", "Plan", "RowWarning"),
        "boooply.provisioning.provisioner": ("AsyncKeys",),
        "boooply.provisioning.outcomes": (
            "AlreadyConnected",
            "Connected",
            "Failed",
            "InDoubt",
            "KeysNotStoredError",
            "Outcome",
        ),
    },
)
